/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_PRIVATE_H
#define MT_BACKENDS_BWRAP_PRIVATE_H

/* What bwrap.c (calls, helpers, the vtable) and look.c (what only reads) share. */

#include "backends/bwrap/bwrap.h"
#include "backends/bwrap/logs.h"
#include "core/io/proc.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

struct backend {
    struct loop *loop;
    const struct paths *paths;
    char *root;
    backend_change_fn change;
    void *change_arg;
    struct dirwatch *watch;
    struct request *requests;
};

/* A call in flight. */
struct request {
    struct request *next;
    struct backend *be; /* NULL after backend close */
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

/* The one place where a call ends: `done` is called with err, or with CANCELED when it was. Frees r. */
void bwrap_finish(struct request *r, const struct error *err);

/* --- look.c: what only reads, on the loop, in small pieces --- */

/* Each begins; -1: nothing was begun. */
int bwrap_list_begin(struct request *r, struct error *err);
int bwrap_stats_begin(struct request *r, struct error *err);
int bwrap_logs_begin(struct request *r, struct error *err);
int bwrap_isolation_begin(struct request *r, struct error *err);
/* The next few of a list; ends the call, or asks for another turn. */
void bwrap_list_turn(struct request *r);
/* Answers and ends the call. */
void bwrap_inspect(struct request *r);

#endif
