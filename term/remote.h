/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_REMOTE_H
#define MT_TERM_REMOTE_H

/* The cockpit's connection to one host: its facts, its mirror while viewed, input on the way, questions waiting for
 * answers. Knows nothing of other sessions; term/client keeps the set. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term/client.h"
#include "term/mirror.h"
#include "term/proto.h"

#define REMOTE_INPUT_MAX                                                                                               \
    (64u << 20) /* input not yet acknowledged by the host: a paste outlives the pane it came by                        \
                 */

struct remote;

struct remote_events {
    void (*on_meta)(void *arg, struct remote *r); /* facts have arrived; the first makes it usable */
    void (*on_frame)(void *arg, struct remote *r);
    void (*on_clipboard)(void *arg, struct remote *r, const char *text, size_t len);
    /* Once: the host is gone, or does not speak our protocol. The owner closes it in this call. */
    void (*on_gone)(void *arg, struct remote *r, const struct error *err);
};

/* Errors as sock_connect. `id` and the path are copied. */
int remote_open(struct remote **out, struct loop *loop, const char *path, const char *id,
                const struct remote_events *ev, void *arg, struct error *err);
/* Detaches. Questions that wait are answered with `why` (an error code), within this call. */
void remote_close(struct remote *r, enum error_code why);

const char *remote_id(const struct remote *r);
/* Facts; all but the id are empty before the first on_meta. */
struct session_info *remote_info(struct remote *r);
bool remote_is_ready(const struct remote *r);
/* True the first time: the owner has not told anyone of it yet. */
bool remote_announce(struct remote *r);

/* A terminal that its host may be lent once it is viewed; stays the caller's. -1: none. */
void remote_lend(struct remote *r, int terminal);
/* What it is lent by, for a key that is typed now; NULL: it is not. */
struct loan *remote_loan(const struct remote *r);
void remote_view(struct remote *r, int cols, int rows);
void remote_unview(struct remote *r);
/* NULL when not viewed. */
struct mirror *remote_mirror(struct remote *r);
const struct cluster_table *remote_clusters(const struct remote *r);
const struct extra_table *remote_extras(const struct remote *r);
/* Gives credit for the next frame, when one was taken. */
void remote_credit(struct remote *r);
size_t remote_input(struct remote *r, const void *data, size_t len);
/* Errors as of remote_reset. */
int remote_on_taken(struct remote *r, void (*fn)(void *arg, size_t left), void *arg, struct error *err);
void remote_outer(struct remote *r, const struct proto_outer *o);
void remote_focus(struct remote *r, bool focused);
/* KILL, ATTENDED, DISMISS: messages without payload (enum proto_type). */
void remote_tell(struct remote *r, int type);
void remote_signal(struct remote *r, int signum);
/* Errors: UNAVAILABLE when its host is of an older version, which cannot do that. */
int remote_reset(struct remote *r, struct error *err);
/* Errors as of remote_reset. */
int remote_rename(struct remote *r, const char *name, struct error *err);
/* Errors as of remote_reset. */
int remote_restart(struct remote *r, struct error *err);
void remote_number(struct remote *r, int number);
void remote_history(struct remote *r, uint64_t first, size_t count, int cols, sessions_history_fn fn, void *arg);
int remote_look(struct remote *r, sessions_look_fn fn, void *arg, struct error *err);
void remote_keep(struct remote *r, const struct vt_point *points, size_t n, sessions_kept_fn fn, void *arg);
void remote_search(struct remote *r, const struct sessions_query *query, sessions_search_fn fn, void *arg);

#endif
