/* SPDX-License-Identifier: Apache-2.0 */
/* Ending the local inference server: TERM, some grace, KILL, and its group with it. */
#include <errno.h>
#include <signal.h>

#include "core/inference/local_job_private.h"

#define KILLED_MS 5000

/* Nothing of a stop is in flight any more. */
static void halt_end(struct local_job *j, const struct error *err)
{
    pidwatch_close(j->watch);
    j->watch = NULL;
    timer_stop(j->timer);
    op_resume(j->op, err);
}

/* Signals its group when it leads one. */
static int signal_server(const struct local_job *j, int signum)
{
    return kill(j->server.leads ? -j->server.pid : j->server.pid, signum);
}

/* pidwatch callback */
static void on_ended(void *arg)
{
    struct local_job *j = arg;
    j->stopped = true;
    if (j->server.leads) {
        (void)kill(-j->server.pid, SIGKILL); /* helpers of its group that did not follow */
    }
    halt_end(j, NULL);
}

void local_grace_over(struct local_job *j)
{
    struct error err = ERROR_INIT;
    if (j->killed) {
        error_set(&err, ERROR_TIMEOUT, "process %d does not end, not even by KILL", j->server.pid);
        halt_end(j, &err);
        return;
    }
    j->killed = true;
    op_text(j->op, "no end after %.0f s: killing process %d", (double)j->opts.grace_ms / 1000, j->server.pid);
    (void)signal_server(j, SIGKILL);
    timer_start(j->timer, KILLED_MS);
}

bool local_skip_halt(void *ctx, char why[STEP_WHY_MAX])
{
    struct local_job *j = ctx;
    (void)why;
    return j->opts.verb == LOCAL_START || j->server.pid_state != LOCAL_RUNS;
}

enum step_result local_step_halt(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;

    op_text(op, "stopping process %d", j->server.pid);
    j->watch = pidwatch_new(j->opts.loop, j->server.pid, on_ended, j, err);
    if (j->watch == NULL && err->code == ERROR_NOT_FOUND) {
        *err = ERROR_INIT;
        j->stopped = true;
        return STEP_NEXT;
    }
    if (j->watch == NULL) {
        return STEP_FAIL;
    }
    if (signal_server(j, SIGTERM) != 0 && errno != ESRCH) {
        error_sys(err, errno, "stop process %d", j->server.pid);
        pidwatch_close(j->watch);
        j->watch = NULL;
        return STEP_FAIL;
    }
    (void)signal_server(j, SIGCONT); /* a stopped process would not see TERM */
    timer_start(j->timer, j->opts.grace_ms);
    return STEP_WAIT;
}

void local_cancel_halt(struct op *op, void *ctx)
{
    struct local_job *j = ctx;
    struct error err = ERROR_INIT;
    (void)op;
    error_set(&err, ERROR_CANCELED, "canceled while process %d was to end", j->server.pid);
    halt_end(j, &err);
}
