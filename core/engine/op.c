/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/op.h"

#include <stdarg.h>
#include <stdlib.h>

#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

enum flight {
    FLIGHT_NONE,  /* nothing started: the next advance enters a step */
    FLIGHT_AIR,   /* a step waits for op_resume */
    FLIGHT_LANDED /* op_resume came: the next advance settles it */
};

struct op {
    struct op_opts opts;
    struct op_view view;
    struct timer *advance; /* with 0: the next turn; also the pause between tries */
    struct timer *deadline;
    enum flight flight;
    bool started, canceling, canceled, failed;
    bool asked_to_end;   /* the step in flight was told to stop, by cancel or deadline */
    bool timed_out;      /* by its deadline */
    struct error result; /* of the landed step; code NONE: success */
};

static void op_advance(void *arg);
static void op_deadline(void *arg);

struct op *op_new(const struct op_opts *opts)
{
    struct op *op = xcalloc(1, sizeof(*op));
    op->opts = *opts;
    op->view.state = OP_QUEUED;
    op->advance = timer_new(opts->loop, op_advance, op);
    op->deadline = timer_new(opts->loop, op_deadline, op);
    for (const struct step *s = opts->steps; s->name != NULL; s++) {
        if (op->view.step_count == OP_STEPS_MAX) {
            MT_BUG("plan with more than %d steps", OP_STEPS_MAX);
        }
        struct op_step_view *v = &op->view.steps[op->view.step_count++];

        str_copy(v->name, sizeof(v->name), s->name);
        v->minor = s->minor;
        v->percent = -1;
    }
    return op;
}

struct op_view *op_get_view(struct op *op)
{
    return &op->view;
}

bool op_is_started(const struct op *op)
{
    return op->started;
}

void op_touch(struct op *op)
{
    if (op->opts.changed != NULL) {
        op->opts.changed(op, op->opts.ctx);
    }
}

void op_start(struct op *op)
{
    if (op->started) {
        return;
    }
    op->started = true;
    op->view.state = OP_RUNNING;
    op->view.started_ms = clock_mono_ms();
    timer_start(op->advance, 0);
    op_touch(op);
}

/* The current row of the plan, or NULL past the end. */
static const struct step *current(const struct op *op)
{
    return op->view.step < op->view.step_count ? &op->opts.steps[op->view.step] : NULL;
}

/* How long one try of a step may take; 0: as long as it likes. */
static uint64_t timeout_of(const struct op *op, const struct step *s)
{
    uint64_t max = op->opts.timeout_max_ms;
    return max > 0 && s->timeout_ms > max ? max : s->timeout_ms;
}

/* Tells the step in flight to end, once. */
static void ask_to_end(struct op *op)
{
    const struct step *s = current(op);
    if (op->flight == FLIGHT_AIR && !op->asked_to_end) {
        op->asked_to_end = true;
        if (s->cancel != NULL) {
            s->cancel(op, op->opts.ctx);
        }
    }
}

void op_cancel(struct op *op)
{
    if (op->canceling) {
        return;
    }
    op->canceling = true;
    op->view.canceling = true;
    op_touch(op);
    const struct step *s = current(op);
    if (!op->started || s == NULL || s->always) {
        return;
    }
    if (op->flight == FLIGHT_AIR) {
        ask_to_end(op);
    } else {
        timer_start(op->advance, 0); /* cuts a pause between tries short */
    }
}

/* The step's time is up. */
static void op_deadline(void *arg)
{
    struct op *op = arg;
    if (op->flight == FLIGHT_AIR && !op->asked_to_end) {
        op->timed_out = true;
        ask_to_end(op);
    }
}

void op_resume(struct op *op, const struct error *err)
{
    if (op->flight != FLIGHT_AIR) {
        MT_BUG("op %u resumed while nothing is in flight", op->view.id);
    }
    op->flight = FLIGHT_LANDED;
    op->result = err != NULL ? *err : ERROR_INIT;
    timer_stop(op->deadline);
    timer_start(op->advance, 0);
}

/* Puts sanitised text into the step. */
static void set_text(struct op_step_view *v, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, strlen(text), false);
    str_copy(v->text, sizeof(v->text), clean.buf);
}

void op_text(struct op *op, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    if (op->view.step < op->view.step_count) {
        set_text(&op->view.steps[op->view.step], text.buf);
        op_touch(op);
    }
}

/* Ends the current step in the view and goes to the next row. */
static void leave_step(struct op *op, enum op_step_state state)
{
    struct op_step_view *v = &op->view.steps[op->view.step];
    v->state = state;
    v->ended_ms = clock_mono_ms();
    op->view.step++;
    op_touch(op);
}

/* A failed try: again after a pause, or the end of this step. True: wait for the pause. */
static bool settle_failure(struct op *op, const struct step *s, struct error *err)
{
    struct op_step_view *v = &op->view.steps[op->view.step];
    if (op->timed_out) {
        char shown[16];
        clock_short(timeout_of(op, s), shown, sizeof(shown));
        error_set(err, ERROR_TIMEOUT, "%s did not finish within %s", s->name, shown);
    }
    bool stopped = (op->canceling && !s->always) || err->code == ERROR_CANCELED;
    if (!stopped && !op->timed_out && v->tries < s->tries && error_is_transient(err)) {
        uint64_t pause = s->backoff_ms << (v->tries - 1), most = op->opts.timeout_max_ms;
        pause = most > 0 && pause > most ? most : pause;
        set_text(v, err->msg);
        op_touch(op);
        timer_start(op->advance, pause);
        return true;
    }
    if (stopped) {
        op->canceled = op->canceled || !op->failed;
    } else if (!op->failed && !op->canceled) {
        op->failed = true;
        op->view.error = *err;
    } else {
        log_warn("%s %s: step %s: %s", op->view.plan, op->view.sandbox, s->name, err->msg);
    }
    if (!stopped || v->text[0] == '\0') {
        set_text(v, err->msg);
    }
    leave_step(op, stopped ? OP_STEP_CANCELED : OP_STEP_FAILED);
    return false;
}

/* What came of the step that has landed. True: wait for the pause before the next try. */
static bool settle(struct op *op)
{
    const struct step *s = current(op);
    struct error err = op->result;
    op->flight = FLIGHT_NONE;
    if (err.code == ERROR_NONE) {
        leave_step(op, OP_STEP_DONE);
        return false;
    }
    return settle_failure(op, s, &err);
}

/* Enters the current step. True: wait for it, or for the pause before its next try. */
static bool enter(struct op *op, const struct step *s)
{
    struct op_step_view *v = &op->view.steps[op->view.step];
    struct error err = ERROR_INIT;
    if (v->tries++ == 0) {
        v->started_ms = clock_mono_ms();
    }
    v->state = OP_STEP_RUNNING;
    v->percent = -1;
    op->asked_to_end = op->timed_out = false;
    op_touch(op);
    op->flight = FLIGHT_AIR; /* before entering: completions may be quick, though never inside the call */
    enum step_result r = s->enter(op, op->opts.ctx, &err);
    if (r == STEP_WAIT) {
        if (op->flight == FLIGHT_AIR && timeout_of(op, s) > 0) {
            timer_start(op->deadline, timeout_of(op, s));
        }
        return true;
    }
    op->flight = FLIGHT_NONE;
    if (r == STEP_NEXT) {
        leave_step(op, OP_STEP_DONE);
        return false;
    }
    return settle_failure(op, s, &err);
}

/* Final state, last events, and the end of the object. */
static void finish(struct op *op)
{
    op->view.ended_ms = clock_mono_ms();
    op->view.state = op->failed ? OP_FAILED : op->canceled ? OP_CANCELED : OP_DONE;
    if (op->view.state == OP_CANCELED) {
        error_set(&op->view.error, ERROR_CANCELED, "cancelled");
    }
    op_touch(op);
    op->opts.ended(op, op->opts.ctx);
    timer_close(op->advance);
    timer_close(op->deadline);
    free(op);
}

/* Left out: because of what went before, or because it says so itself. */
static bool is_left_out(struct op *op, const struct step *s)
{
    struct op_step_view *v = &op->view.steps[op->view.step];
    char why[STEP_WHY_MAX] = "";
    if (v->tries > 0 && !(op->canceling && !s->always)) {
        return false; /* the next try of a step that has begun */
    }
    if ((op->failed || op->canceling) && !s->always) {
        op->canceled = op->canceled || !op->failed;
        if (v->tries > 0) {
            v->state = OP_STEP_CANCELED; /* in the pause between two tries */
            v->ended_ms = clock_mono_ms();
        }
        op->view.step++;
        return true;
    }
    if (s->skip != NULL && s->skip(op->opts.ctx, why)) {
        set_text(v, why);
        leave_step(op, OP_STEP_SKIPPED);
        return true;
    }
    return false;
}

/* The one place that knows the order. Runs from the loop only. */
static void op_advance(void *arg)
{
    struct op *op = arg;
    if (op->flight == FLIGHT_AIR) {
        return; /* a cancel that came while the step was being told already */
    }
    if (op->flight == FLIGHT_LANDED && settle(op)) {
        return;
    }
    const struct step *s;
    while ((s = current(op)) != NULL) {
        if (!is_left_out(op, s) && enter(op, s)) {
            return;
        }
    }
    finish(op);
}
