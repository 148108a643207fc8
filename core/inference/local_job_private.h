/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_LOCAL_JOB_PRIVATE_H
#define MT_CORE_INFERENCE_LOCAL_JOB_PRIVATE_H

/* One job with everything it holds; shared by local_job.c and local_stop.c. */

#include "core/engine/op.h"
#include "core/inference/local_job.h"
#include "core/io/lockfile.h"
#include "core/io/pidwatch.h"
#include "core/io/proc.h"
#include "core/util/strbuf.h"

struct local_job {
    struct local_job_opts opts;
    struct op *op;
    struct local_server server;
    struct local_want want;
    struct lockfile *lock;
    struct pidwatch *watch;
    struct timer *timer; /* grace, then the looks */
    struct proc *proc;
    struct glance *glance;
    char *old_active; /* what the active preset's file held before; NULL: there was none */
    struct strbuf tail;
    struct error outcome;
    char state[32];
    int64_t log_from, errlog_from;
    uint64_t began_ms;
    int pid;
    bool over, letting, already, stopped, killed, started, specific, ours;
};

/* --- local_stop.c: the step that ends the server, TERM first --- */
bool local_skip_halt(void *ctx, char why[STEP_WHY_MAX]);
enum step_result local_step_halt(struct op *op, void *ctx, struct error *err);
void local_cancel_halt(struct op *op, void *ctx);
/* The timer while it runs: the grace is over, or even the time after KILL. */
void local_grace_over(struct local_job *j);

#endif
