/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_VIEWER_H
#define MT_TERM_VIEWER_H

/* Inside a host: one attached client. Answers its messages and sends it frames, at its pace: one frame of credit, at
 * most 60 a second with a few in hand, the first output after a key at once. Whatever a client does or does not do
 * costs bounded memory and never the session. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/sock.h"

#define VIEWER_MAX 32 /* attached to one host at once */

struct host_session;
struct vt_point;
struct viewer;

/* Takes over the connection; adds itself to the host's list, and removes itself when the client goes. */
void viewer_attach(struct host_session *h, struct sock *sock);
/* Detaches after sending what is queued. */
void viewer_detach(struct viewer *v);
struct viewer *viewer_next(const struct viewer *v);

bool viewer_is_viewing(const struct viewer *v);
void viewer_size(const struct viewer *v, int *cols, int *rows);
/* Takes in what it has left a note of: that it typed. Before the output that this may have brought. */
void viewer_look(struct viewer *v);
uint64_t viewer_seq(const struct viewer *v);

/* Places that the viewer asked to keep when the size changes: *points may be moved. How many there are. */
size_t viewer_points(struct viewer *v, struct vt_point **points);
/* Tells it where they are now; once. */
void viewer_kept(struct viewer *v);
/* The screen changed: a row, everything, or nothing but cursor and modes (row -1). */
void viewer_damage(struct viewer *v, int row);
void viewer_damage_all(struct viewer *v);
/* Sends a frame if one is due. Returns when to call again (monotonic ms), 0 = no need. */
uint64_t viewer_flush(struct viewer *v, uint64_t now_ms);
/* Sends metadata (JSON), or remembers that it is owed while the client does not read. */
void viewer_meta(struct viewer *v, const char *json, size_t len);
void viewer_clipboard(struct viewer *v, const char *data, size_t len);
/* The program has ended, and another run of it is to come: a script's input is kept for that, what a person typed is
 * not. */
void viewer_run_ended(struct viewer *v);
/* The pty takes input again. */
void viewer_drain_input(struct viewer *v);

#endif
