/* SPDX-License-Identifier: Apache-2.0 */
/* wait: until a session is in a state. Nothing is polled: its host tells of every change. */
#include <stdio.h>
#include <string.h>

#include "core/util/clock.h"
#include "tui/verb.h"

/* So long without output is quiet. The host tells of output once a second at least, so that what is said meanwhile is
 * known by then. */
#define QUIET_MS 2000

enum wanted { WANT_READY, WANT_BLOCKED, WANT_EXITED };

struct verb_wait {
    struct verb_ctx *ctx;
    char id[SESSION_ID_MAX];
    enum wanted wanted;
    struct session_info last; /* as it was told last */
    bool gone;                /* nobody tells of it any more */
    struct timer *late, *quiet;
};

/* Is it over? */
static bool has_ended(const struct verb_wait *w)
{
    return w->gone || w->last.state == SESSION_EXITED || w->last.state == SESSION_LOST;
}

/* Is it ready? A task that says when it is: as it says. Else: does it wait for input without having asked something? A
 * shell that runs a program does not. When only silence is missing, it is looked at again once there was enough of it.
 */
static bool is_ready(struct verb_wait *w)
{
    const struct session_info *s = &w->last;
    if (verb_task_has_readiness(s)) {
        return s->state == SESSION_RUNNING && s->task.next_wall_ms == 0 && s->task.ready == TASK_READY_YES;
    }
    bool asks = s->attention == ATTENTION_WAITING && s->attention_text[0] != '\0';

    timer_stop(w->quiet);
    if (s->state != SESSION_RUNNING || s->task.next_wall_ms != 0 || s->working || asks || s->front[0] != '\0' ||
        s->last_output_wall_ms == 0) {
        return false;
    }
    uint64_t now = clock_wall_ms(), active = MT_MAX(s->last_output_wall_ms, s->last_input_wall_ms);
    uint64_t silent = now > active ? now - active : 0;
    if (silent >= QUIET_MS) {
        return true;
    }
    timer_start(w->quiet, QUIET_MS - silent + 1);
    return false;
}

/* Looks whether the state is there, or cannot come any more. */
static void wait_look(void *arg)
{
    struct verb_wait *w = arg;
    struct error err = ERROR_INIT;
    char end[40];

    if (w->ctx->finished) {
        return;
    }
    if (has_ended(w) && w->wanted != WANT_EXITED) {
        const char *how = verb_session_end(&w->last, end, sizeof(end));

        error_set(&err, ERROR_EXIT, "session %s ended before (%s)", w->id, how != NULL ? how : "gone");
        verb_fail(w->ctx, &err);
    } else if (has_ended(w) || (w->wanted == WANT_READY && is_ready(w)) ||
               (w->wanted == WANT_BLOCKED && verb_session_is_blocked(&w->last))) {
        verb_finish(w->ctx, 0);
    }
}

/* bus_fn */
static void wait_event(void *arg, const struct model_event *ev)
{
    struct verb_wait *w = arg;
    const struct session_info *s = model_session(w->ctx->model, w->id);

    if (strcmp(ev->session, w->id) != 0) {
        return;
    }
    w->gone = ev->kind == MODEL_SESSION_REMOVED;
    if (s != NULL) {
        w->last = *s;
    }
    wait_look(w);
}

/* timer_fn */
static void wait_late(void *arg)
{
    struct verb_wait *w = arg;
    static const char *const names[] = {"ready", "blocked", "exited"};
    struct error err = ERROR_INIT;

    if (!w->ctx->finished) {
        error_set(&err, ERROR_TIMEOUT, "session %s was not %s within %u seconds", w->id, names[w->wanted],
                  w->ctx->o.timeout_s);
        verb_error(w->ctx, &err);
        verb_finish(w->ctx, EXIT_TIMEOUT);
    }
}

/* "ready", "blocked: Overwrite? [y/N]", "exited 3"; or all that is known of it. */
static int wait_report(struct verb_wait *w)
{
    char end[40];
    const char *how = verb_session_end(&w->last, end, sizeof(end));

    w->ctx->answered = true;
    if (w->ctx->o.format != OUTPUT_TEXT) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        static const char *const names[] = {"ready", "blocked", "exited"};
        struct json *row = verb_session_facts(&w->last);

        json_set_string(row, "reached", names[w->wanted]);
        json_write(row, w->ctx->o.format == OUTPUT_JSON, &text);
        printf("%s%s", text.buf, w->ctx->o.format == OUTPUT_JSON ? "" : "\n");
        json_free(row);
    } else if (w->wanted == WANT_EXITED) {
        printf("%s\n", how != NULL ? how : "gone");
    } else if (w->wanted == WANT_BLOCKED) {
        printf("blocked%s%s\n", w->last.attention_text[0] != '\0' ? ": " : "", w->last.attention_text);
    } else {
        printf("ready\n");
    }
    return output_flush() < 0 ? 1 : 0;
}

/* Waits for it. Returns an exit code. */
static int wait_run(struct verb_wait *w)
{
    struct bus_sub *sub = bus_subscribe(w->ctx->bus, wait_event, w);

    w->last = *model_session(w->ctx->model, w->id);
    w->late = timer_new(w->ctx->loop, wait_late, w);
    w->quiet = timer_new(w->ctx->loop, wait_look, w);
    if (w->ctx->o.timeout_s > 0) {
        timer_start(w->late, (uint64_t)w->ctx->o.timeout_s * 1000);
    }
    wait_look(w);
    verb_run(w->ctx);
    timer_close(w->late);
    timer_close(w->quiet);
    bus_unsubscribe(w->ctx->bus, sub);
    return w->ctx->exit_code != 0 ? w->ctx->exit_code : wait_report(w);
}

/* What is waited for. */
static int wait_parse(const char *text, enum wanted *out, struct error *err)
{
    static const char *const names[] = {"ready", "blocked", "exited"};

    for (int i = 0; text != NULL && i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum wanted)i;
            return 0;
        }
    }
    return error_hint(err, ERROR_INVALID,
                      "ready: it has said something, was then silent for two seconds and asks nothing (a task with "
                      "ready_port or ready_match: as these say); blocked: it asks a person;\n  exited: it has ended "
                      "(a task: and is not started again).",
                      text != NULL ? "unknown state '%s'" : "wait takes --state ready, blocked or exited%s",
                      text != NULL ? text : "");
}

int verb_wait(struct verb_ctx *ctx)
{
    struct verb_wait w = {.ctx = ctx};
    struct error err = ERROR_INIT;

    if (ctx->o.names.len != 1) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui sessions` lists them.", "wait takes one session");
        return verb_error(ctx, &err);
    }
    if (wait_parse(ctx->o.state, &w.wanted, &err) < 0) {
        return verb_error(ctx, &err);
    }
    int rc = verb_open_sessions(ctx) < 0 ? ctx->exit_code : verb_session(ctx, ctx->o.names.v[0], w.id);
    return rc != 0 ? rc : wait_run(&w);
}
