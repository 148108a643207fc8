/* SPDX-License-Identifier: Apache-2.0 */
/* task: commands that run in sandboxes by themselves; its words, and those that end and restart. */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "tui/verb_task.h"

#define END_MS 15000 /* HUP, TERM, KILL after 2 s, and a machine that is busy */
#define RESTART_MS 15000

void verb_task_title(const struct session_info *s, char *out, size_t cap)
{
    str_format(out, cap, "%s: %s", s->sandbox, session_shown(s));
}

bool verb_task_is_over(const struct session_info *s)
{
    return s->state == SESSION_EXITED || s->state == SESSION_LOST;
}

int verb_task_exit_code(const struct session_info *s)
{
    return s->state == SESSION_LOST ? 1 : s->exit_signal != 0 ? 128 + s->exit_signal : s->exit_code;
}

/* Waits for one task until `reached` says so. */
struct await {
    struct verb_ctx *ctx;
    const char *id;
    struct session_info last;
    bool gone, late;
    bool (*reached)(const struct await *a);
    uint64_t run_before; /* restart: which run there was */
    uint32_t restarts_before;
};

/* bus_fn */
static void await_event(void *arg, const struct model_event *ev)
{
    struct await *a = arg;
    const struct session_info *s = model_session(a->ctx->model, a->id);

    if (strcmp(ev->session, a->id) != 0 || a->ctx->finished) {
        return;
    }
    a->gone = ev->kind == MODEL_SESSION_REMOVED;
    if (s != NULL) {
        a->last = *s;
    }
    if (a->reached(a)) {
        verb_finish(a->ctx, 0);
    }
}

/* timer_fn */
static void await_late(void *arg)
{
    struct await *a = arg;

    a->late = true;
    if (!a->ctx->finished) {
        verb_finish(a->ctx, 0);
    }
}

/* Runs the loop until it is reached, or for so long (0: without end). */
static void await_run(struct await *a, uint64_t ms)
{
    const struct session_info *s = model_session(a->ctx->model, a->id);

    a->gone = a->late = false;
    if (s != NULL) {
        a->last = *s;
        if (a->reached(a)) {
            return;
        }
    }
    struct bus_sub *sub = bus_subscribe(a->ctx->bus, await_event, a);
    struct timer *late = timer_new(a->ctx->loop, await_late, a);
    if (ms > 0) {
        timer_start(late, ms);
    }
    a->ctx->finished = false;
    verb_run(a->ctx);
    a->ctx->finished = false;
    timer_close(late);
    bus_unsubscribe(a->ctx->bus, sub);
}

static bool is_over(const struct await *a)
{
    return a->gone || verb_task_is_over(&a->last);
}

/* It was heard of. */
static bool is_seen(const struct await *a)
{
    return a->gone || a->last.id[0] != '\0';
}

static bool is_ready_or_over(const struct await *a)
{
    return is_over(a) ||
           (a->last.state == SESSION_RUNNING && a->last.task.next_wall_ms == 0 && a->last.task.ready == TASK_READY_YES);
}

/* It runs again: another run than before, or it has ended again already. */
static bool is_again(const struct await *a)
{
    const struct task_state *t = &a->last.task;

    return a->gone || t->restarts != a->restarts_before || (t->run_wall_ms != a->run_before && t->run_wall_ms != 0);
}

int verb_task_end(struct verb_ctx *ctx, const char *id)
{
    struct await a = {.ctx = ctx, .id = id, .reached = is_over};
    struct error err = ERROR_INIT;

    sessions_kill(port_sessions(ctx->port), id);
    await_run(&a, END_MS);
    if (a.late) {
        error_set(&err, ERROR_TIMEOUT, "session %s: its program does not end, or its host does not answer", id);
        return verb_error(ctx, &err);
    }
    return 0;
}

int verb_task_await(struct verb_ctx *ctx, const char *id, struct session_info *last)
{
    struct await a = {.ctx = ctx, .id = id, .reached = is_seen};
    struct error err = ERROR_INIT;

    await_run(&a, END_MS);
    a.reached = is_ready_or_over;
    if (!a.gone && !a.late) {
        await_run(&a, (uint64_t)ctx->o.timeout_s * 1000);
    }
    *last = a.last;
    if (a.late) {
        error_set(&err, ERROR_TIMEOUT, "session %s was not ready within %u seconds, and runs on", id, ctx->o.timeout_s);
        verb_error(ctx, &err);
        return EXIT_TIMEOUT;
    }
    return !is_over(&a) ? 0 : a.gone && !verb_task_is_over(&a.last) ? 1 : verb_task_exit_code(&a.last);
}

/* --- stop, restart --- */

/* What was done to one task, for programs. */
static void tell_row(struct verb_ctx *ctx, struct output **out, const struct session_info *s, bool already)
{
    struct json *row = verb_session_facts(s);

    *out = *out != NULL ? *out : output_new(ctx->o.format, NULL, 0);
    json_set_bool(row, "already", already);
    output_row_take(*out, row);
    ctx->answered = true;
}

/* Ends one. */
static int stop_one(struct verb_ctx *ctx, const char *id, struct output **out)
{
    const struct session_info *s = model_session(ctx->model, id);
    struct session_info last = *s;
    bool already = verb_task_is_over(s);
    char title[200], end[40];
    int rc = already ? 0 : verb_task_end(ctx, id);

    if (rc != 0) {
        return rc;
    }
    s = model_session(ctx->model, id);
    last = s != NULL ? *s : last;
    if (ctx->o.format != OUTPUT_TEXT) {
        tell_row(ctx, out, &last, already);
    } else if (!ctx->o.quiet) {
        const char *how = verb_session_end(&last, end, sizeof(end));

        verb_task_title(&last, title, sizeof(title));
        output_note("%s %s (%s)", title, already ? "had ended before" : "was stopped", how != NULL ? how : "gone");
    }
    return 0;
}

/* Starts one anew. */
static int restart_one(struct verb_ctx *ctx, const char *id, struct output **out)
{
    const struct session_info *s = model_session(ctx->model, id);
    struct await a = {.ctx = ctx,
                      .id = id,
                      .reached = is_again,
                      .run_before = s->task.run_wall_ms,
                      .restarts_before = s->task.restarts};
    struct error err = ERROR_INIT;
    char title[200];

    verb_task_title(s, title, sizeof(title));
    if (sessions_restart(port_sessions(ctx->port), id, &err) < 0) {
        error_wrap(&err, "%s", title);
        return verb_error(ctx, &err);
    }
    await_run(&a, RESTART_MS);
    if (a.late || a.gone) {
        error_hint(&err, a.gone ? ERROR_NOT_FOUND : ERROR_TIMEOUT, "`muthr-tui task run` begins it anew.",
                   a.gone ? "%s: its host has gone" : "%s: its host does not start it again", title);
        return verb_error(ctx, &err);
    }
    if (ctx->o.format != OUTPUT_TEXT) {
        tell_row(ctx, out, &a.last, false);
    } else if (!ctx->o.quiet) {
        output_note("%s was started again", title);
    }
    return 0;
}

/* Does one thing to every task that was named; the first failure is the exit code. */
static int for_each(struct verb_ctx *ctx, const char *what,
                    int (*one)(struct verb_ctx *ctx, const char *id, struct output **out))
{
    const struct verb_among among = {.tasks = true, .workspace = ctx->o.sandbox};
    struct error err = ERROR_INIT;
    int rc = 0;

    if (ctx->o.names.len == 0) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui task ls` lists them.", "task %s takes one task or more", what);
        return verb_error(ctx, &err);
    }
    if (verb_open_sessions(ctx) < 0) {
        return ctx->exit_code;
    }
    struct output *out = NULL;
    for (size_t i = 0; i < ctx->o.names.len; i++) {
        char id[SESSION_ID_MAX];
        int code = verb_session_among(ctx, ctx->o.names.v[i], &among, false, id);

        code = code != 0 ? code : one(ctx, id, &out);
        rc = rc != 0 ? rc : code;
    }
    return out != NULL && output_finish(out, NULL) < 0 && rc == 0 ? 1 : rc;
}

int verb_task_stop(struct verb_ctx *ctx)
{
    return for_each(ctx, "stop", stop_one);
}

int verb_task_restart(struct verb_ctx *ctx)
{
    return for_each(ctx, "restart", restart_one);
}

/* --- the verb --- */

static const struct {
    const char *name, *options; /* letters that it takes besides output, root and quiet */
    size_t max_names;
    int (*run)(struct verb_ctx *ctx);
} words[] = {
    {"run", "p1be3456789G2CTn", 1, verb_task_run}, {"ls", "30a", 0, verb_task_ls},
    {"logs", "3MFa", 1, verb_task_logs},           {"stop", "3", 64, verb_task_stop},
    {"restart", "3", 64, verb_task_restart},
};

/* Takes the word away, and refuses what does not go with it. */
static int take_word(struct verb_ctx *ctx, size_t w, struct error *err)
{
    struct verb_options *o = &ctx->o;

    if (o->names.len > 0) {
        strvec_remove(&o->names, 0);
    }
    if (o->names.len > words[w].max_names) {
        return error_hint(err, ERROR_INVALID, "The workspace goes behind -s; a command behind --.",
                          "task %s: too many arguments: '%s'", words[w].name, o->names.v[words[w].max_names]);
    }
    for (int c = 0; c < (int)MT_ARRAY_LEN(o->given); c++) {
        if (o->given[c] && c != 'o' && c != 'r' && c != 'q' && strchr(words[w].options, c) == NULL) {
            return error_hint(err, ERROR_INVALID, "`muthr-tui task --help` says which option goes with what.",
                              "task %s does not take %s", words[w].name, verb_option_name((char)c));
        }
    }
    if (o->rest.len > 0 && words[w].run != verb_task_run) {
        return error_set(err, ERROR_INVALID, "task %s takes no command behind --", words[w].name);
    }
    return 0;
}

int verb_task(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    const char *what = ctx->o.names.len > 0 ? ctx->o.names.v[0] : "ls";

    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, what) == 0) {
            return take_word(ctx, i, &err) < 0 ? verb_error(ctx, &err) : words[i].run(ctx);
        }
    }
    error_set(&err, ERROR_INVALID, "task takes run, ls, logs, stop or restart, not '%.40s'", what);
    return verb_error(ctx, &err);
}
