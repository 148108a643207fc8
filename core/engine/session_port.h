/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_SESSION_PORT_H
#define MT_CORE_ENGINE_SESSION_PORT_H

/* What the engine needs of sessions, without knowing hosts or sockets: the app (tui) fills this port with term/'s
 * client; tests with a double. Provisioning runs as a session, so that it survives the cockpit and stays watchable. */

#include <stdbool.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "core/util/strvec.h"

struct session_spec {
    enum session_kind kind;
    const char *sandbox, *project, *backend, *profile, *label, *tag, *log_path,
        *command;                   /* any but sandbox may be NULL; copied */
    const char *const *argv;        /* what the host runs on its pty (from backend exec_argv) */
    const char *const *env;         /* KEY=VALUE additions for it */
    const char *audit;              /* for the host to write down (engine_audit); NULL: nothing */
    int cols, rows;                 /* 0: 80x24 */
    const struct task_policy *task; /* SESSION_TASK: NULL is all zero (run once). Copied */
};

struct session_port {
    void *arg;
    /* Starts a host. `done(arg, id, err)` exactly once, not inside the call; id is valid during the callback. */
    int (*start)(void *port_arg, const struct session_spec *spec,
                 void (*done)(void *arg, const char *id, const struct error *err), void *arg, struct error *err);
    /* Current facts about a session, or NULL. */
    const struct session_info *(*find)(void *port_arg, const char *id);
    /* The newest session with this sandbox, kind and tag (any state), or NULL: to adopt a provision run left by a dead
     * cockpit. */
    const struct session_info *(*find_tagged)(void *port_arg, const char *sandbox, enum session_kind kind,
                                              const char *tag);
    /* X4: HUP, TERM, KILL. */
    void (*kill)(void *port_arg, const char *id);
    /* The end was seen: the host may go. */
    void (*dismiss)(void *port_arg, const char *id);
    /* What it asked for, or that it ended, is no news any more; its last screen stays. */
    void (*attended)(void *port_arg, const char *id);
    /* A task is started again now: while it runs, while it waits, and also when it has ended. Errors: NOT_FOUND,
     * INVALID (no task), UNAVAILABLE (its host is of an older program). */
    int (*restart)(void *port_arg, const char *id, struct error *err);
};
/* The engine learns of progress and ends from the bus: MODEL_SESSION / MODEL_SESSION_REMOVED events with that id. */

#endif
