/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_CALLS_H
#define MT_BACKENDS_PROCESS_CALLS_H

/* How the backends whose sandboxes are trees of processes of this machine do their calls: what only reads (list,
 * inspect, logs, and the backend's own stats and isolation) on the loop, in small pieces; what writes, waits or starts
 * something in a helper process, which is this program again (process/helper.c); programs inside by a client of the
 * backend's own. calls_look.c is the part that reads. */

#include "backends/process/logs.h"
#include "core/engine/backend.h"
#include "core/io/proc.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

struct request;

/* One such backend. */
struct calls_kind {
    const struct backend_ops *ops;
    const char *folder;              /* of its sandboxes, below the state folder */
    const char *helper;              /* `muthr-tui HELPER VERB NAME`: its helper process */
    const char *const *helper_verbs; /* by enum backend_verb; NULL: no verb of the helper */
    size_t helper_verb_count;
    const char *enter; /* `muthr-tui ENTER NAME ...`: what a session of it runs */
    bool hands_over;   /* that one can hand the terminal itself over (core/io/handover.h) */
    /* STATS: answers at once and returns 1, or begins and returns 0; -1: nothing was begun. */
    int (*stats)(struct request *r, struct error *err);
    /* What the state folder alone does not say; may be NULL. */
    void (*complete)(const char *dir, struct sandbox_info *info);
    /* ISOLATION: fills call->facts. Short, synchronous. */
    int (*isolation)(struct backend_call *call, const char *dir, struct error *err);
    /* All that the probe's answer hangs on, when it may be kept between runs (probe_cache.h); NULL: it is not. */
    void (*probe_key)(const struct backend *be, struct strbuf *key);
};

struct backend {
    const struct calls_kind *kind;
    struct loop *loop;
    const struct paths *paths;
    char *root;
    backend_change_fn change;
    void *change_arg;
    bool tries; /* the next probe is a real one, whatever was kept */
    struct dirwatch *watch;
    struct request *requests;
};

/* A call in flight. */
struct request {
    struct request *next;
    struct backend *be; /* NULL after backend close */
    const struct calls_kind *kind;
    struct backend_call *call;
    struct proc *proc;
    struct timer *timer;
    struct watch *watch;
    struct logs *logs;
    struct dirwatch *changes; /* LOGS that follow: has it ended? */
    int fd;
    bool canceled, started, ended;
    struct strvec names; /* LIST: folders still to look at, from `at` on */
    size_t at;
    struct strbuf input;
    struct strbuf error_json;
    struct strbuf stderr_line;
    struct error early; /* why it could not even begin */
};

/* The parts of a vtable. open takes the kind besides. */
struct backend *calls_open(const struct calls_kind *kind, const struct backend_env *env);
void calls_close(struct backend *be);
void calls_submit(struct backend *be, struct backend_call *call);
void calls_cancel(struct backend *be, struct backend_call *call);
void calls_watch(struct backend *be, backend_change_fn fn, void *arg);
int calls_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                    struct error *err);

/* The one place where a call ends: `done` is called with err, or with CANCELED when it was. Frees r. */
void calls_finish(struct request *r, const struct error *err);
/* Everything was said: done, on the next turn. */
void calls_end_soon(struct request *r);

/* --- calls_look.c --- */

/* What the sandbox in that folder is. False when there is none. */
bool calls_info(const struct calls_kind *kind, const char *dir, struct sandbox_info *out);

/* Each begins; -1: nothing was begun. */
int calls_list_begin(struct request *r, struct error *err);
int calls_logs_begin(struct request *r, struct error *err);
/* The next few of a list; ends the call, or asks for another turn. */
void calls_list_turn(struct request *r);
/* Answers and ends the call. */
void calls_inspect(struct request *r);

#endif
