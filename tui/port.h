/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_PORT_H
#define MT_TUI_PORT_H

/* The glue between term/'s sessions and core: fills the engine's session_port, and copies every session's facts into
 * the model. Used by the cockpit and by the verbs; knows no screen. The cockpit adds a viewer to hear of frames. */

#include "core/engine/session_port.h"
#include "core/io/loop.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "core/util/paths.h"
#include "term/client.h"

struct port;

struct port_viewer {
    void (*on_frame)(void *arg, const char *id);
    void (*on_clipboard)(void *arg, const char *id, const char *text, size_t len);
    void *arg;
};

/* Makes the runtime directory, opens the sessions directory and begins attaching. All pointers are borrowed. Errors: as
 * paths_make_runtime, sessions_open. */
int port_open(struct port **out, struct loop *loop, const struct paths *paths, const struct config *config,
              struct model *model, struct error *err);
/* Detaches from every session (they go on). */
void port_close(struct port *p);
/* The port as the engine wants it; valid as long as `p`. */
void port_fill(struct port *p, struct session_port *out);
struct sessions *port_sessions(struct port *p);
void port_set_viewer(struct port *p, const struct port_viewer *viewer /* NULL: none */);
/* Calls fn(arg) once every session was heard of (at once on the next turn when that has happened). */
void port_on_scanned(struct port *p, void (*fn)(void *arg), void *arg);
/* Calls fn once for each session that is there and cannot be shown. The log tells it too. */
void port_on_trouble(struct port *p, void (*fn)(void *arg, const char *id, const struct error *err), void *arg);

#endif
