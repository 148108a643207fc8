/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_task.h"

#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"
#include "term/host_meta.h"
#include "term/host_ready.h"
#include "term/host_session.h"
#include "term/task_plan.h"
#include "term/viewer.h"

struct host_task {
    struct timer *timer; /* the next run begins then */
    uint64_t began_ms;   /* this run, monotonic */
    bool waits;          /* for the timer */
    bool by_hand;        /* a person wants the next run */
    bool alerted;        /* that it fails was told; again only after a steady run, or when it is given up */
    bool gave_up;
    bool has_last_line;
    struct host_ready *ready;
};

/* timer callback */
static void on_due(void *arg);

void host_task_open(struct host_session *h)
{
    if (h->info.kind != SESSION_TASK) {
        return;
    }
    h->task = xcalloc(1, sizeof(*h->task));
    h->task->timer = timer_new(h->loop, on_due, h);
    h->task->ready = host_ready_new(h);
}

void host_task_close(struct host_session *h)
{
    if (h->task != NULL) {
        timer_close(h->task->timer);
        host_ready_free(h->task->ready);
        free(h->task);
        h->task = NULL;
    }
}

void host_task_begun(struct host_session *h)
{
    if (h->task != NULL) {
        h->task->began_ms = clock_mono_ms();
        h->info.task.run_wall_ms = clock_wall_ms();
        host_ready_begin(h->task->ready);
    }
}

bool host_task_waits(const struct host_session *h)
{
    return h->task != NULL && h->task->waits;
}

bool host_task_has_last_line(const struct host_session *h)
{
    return h->task != NULL && h->task->has_last_line;
}

void host_task_output(struct host_session *h, const char *data, size_t len)
{
    if (h->task != NULL && len > 0) {
        h->task->has_last_line = false;
        host_ready_output(h->task->ready, data, len);
    }
}

/* A line of ours between the runs. */
static void say(struct host_session *h, const char *text)
{
    if (!h->task->has_last_line) {
        host_meta_fill(h); /* the program's last line is remembered, ours is not shown as one */
    }
    h->task->has_last_line = true;
    host_session_say(h, text);
}

/* "exited 1 after 3.2 s" and what comes of it. */
static void say_end(struct host_session *h, const char *then)
{
    const struct task_state *t = &h->info.task;
    char cause[32], lasted[32], line[160];

    task_plan_cause(t, cause, sizeof(cause));
    task_plan_duration(t->last_lasted_ms, lasted, sizeof(lasted));
    str_format(line, sizeof(line), "%s after %s; %s", cause, lasted, then);
    say(h, line);
}

/* Has it failed, as far as a person is concerned? */
static bool has_failed(const struct host_session *h)
{
    return h->info.task.last_code != 0 && !h->killed;
}

/* What is told of a failure: why, and the last words. */
static void failure_text(const struct host_session *h, char *out, size_t cap)
{
    const struct task_state *t = &h->info.task;
    char cause[32], gave_up[64] = "";

    task_plan_cause(t, cause, sizeof(cause));
    if (h->task->gave_up) {
        str_format(gave_up, sizeof(gave_up), "given up after %u restart%s, ", t->in_a_row, t->in_a_row == 1 ? "" : "s");
    }
    str_format(out, cap, "%s%s%s%s", gave_up, cause, h->info.last_line[0] != '\0' ? ": " : "", h->info.last_line);
}

/* The next run begins after so long. */
static void wait_for(struct host_session *h, uint64_t ms)
{
    h->task->waits = true;
    h->info.task.next_wall_ms = clock_wall_ms() + ms;
    host_ready_wait(h->task->ready);
    h->info.pid = 0;
    timer_start(h->task->timer, ms);
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_run_ended(v);
    }
    host_session_flush(h);
    host_meta_send(h);
    host_meta_arm(h);
}

/* A run that failed and is followed by another: told once. */
static void alert(struct host_session *h)
{
    char text[160];

    if (has_failed(h) && !h->task->alerted && !h->task->by_hand) {
        h->task->alerted = true;
        failure_text(h, text, sizeof(text));
        pulse_fail(h->pulse, text, clock_mono_ms());
    }
}

bool host_task_ended(struct host_session *h, int code, int signum)
{
    struct host_task *k = h->task;
    struct task_state *t = &h->info.task;
    struct task_plan plan;
    uint64_t lasted;
    char then[64], wait[32];

    if (k == NULL) {
        return false;
    }
    host_ready_end(k->ready);
    lasted = clock_mono_ms() - k->began_ms;
    k->alerted = k->alerted && lasted < TASK_STEADY_MS;
    plan = task_plan_end(t, code, signum, lasted);
    k->gave_up = plan.gave_up && !h->killed;
    if (h->stopping || (!k->by_hand && (h->killed || !plan.again))) {
        if (k->gave_up) {
            str_format(then, sizeof(then), "given up after %u restart%s", t->in_a_row, t->in_a_row == 1 ? "" : "s");
            say_end(h, then);
        }
        return false;
    }
    host_meta_fill(h);
    pulse_begin(h->pulse, true, clock_mono_ms()); /* nobody asks or works any more */
    alert(h);
    task_plan_duration(plan.wait_ms, wait, sizeof(wait));
    str_format(then, sizeof(then), k->by_hand ? "starts again" : "starts again in %s", wait);
    say_end(h, then);
    wait_for(h, k->by_hand ? 0 : plan.wait_ms);
    return true;
}

void host_task_tell_end(struct host_session *h)
{
    char text[160];

    if (h->task == NULL || !has_failed(h)) {
        return;
    }
    if (!h->task->has_last_line) {
        host_meta_fill(h);
    }
    failure_text(h, text, sizeof(text));
    pulse_say(h->pulse, text);
}

void host_task_killed(struct host_session *h)
{
    if (h->task == NULL) {
        return;
    }
    h->task->by_hand = false;
    if (!h->task->waits) {
        return;
    }
    h->task->waits = false;
    timer_stop(h->task->timer);
    h->info.task.next_wall_ms = 0;
    say(h, "not started again");
    host_session_over(h, h->info.task.last_code, h->info.task.last_signal);
}

/* It could not be started: an end like any other. */
static void cannot_start(struct host_session *h, const struct error *err)
{
    log_warn("session %s: %s", h->info.id, err->msg);
    h->task->has_last_line = false;
    host_session_say(h, err->msg);
    host_task_begun(h);
    if (!host_task_ended(h, 127, 0)) {
        host_session_over(h, 127, 0);
    }
}

/* The next run. */
static void begin(struct host_session *h)
{
    struct host_task *k = h->task;
    struct error err = ERROR_INIT;

    k->waits = false;
    task_plan_begin(&h->info.task, k->by_hand);
    h->info.task.next_wall_ms = 0;
    h->killed = k->gave_up = false;
    k->alerted = k->alerted && !k->by_hand;
    pulse_begin(h->pulse, !k->by_hand, clock_mono_ms());
    k->by_hand = false;
    if (host_session_start_program(h, &err) != 0) {
        cannot_start(h, &err);
        return;
    }
    host_session_fit(h);
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_drain_input(v); /* what was kept for this run */
    }
    host_session_flush(h);
    host_meta_send(h);
    host_meta_arm(h);
}

static void on_due(void *arg)
{
    begin(arg);
}

int host_task_restart(struct host_session *h, struct error *err)
{
    struct host_task *k = h->task;

    if (k == NULL) {
        return error_set(err, ERROR_INVALID, "%s is no task: only tasks are started again", h->info.label);
    }
    if (h->stopping) {
        return error_set(err, ERROR_BUSY, "%s is being ended", h->info.label);
    }
    k->by_hand = true;
    if (h->pty != NULL) {
        h->killed = false;
        pty_terminate(h->pty);
    } else if (k->waits) {
        wait_for(h, 0);
    } else {
        h->info.state = SESSION_RUNNING;
        h->info.exit_code = h->info.exit_signal = 0;
        h->info.ended_wall_ms = 0;
        h->info.seen = false;
        say_end(h, "starts again");
        wait_for(h, 0);
    }
    return 0;
}
