/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that run ops: start, stop, delete, provision. Several names run side by side, as the engine allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "tui/verb_report.h"

/* One sandbox of a verb call, and the op of somebody's before us that it waits for. */
struct op_target {
    struct op_batch *batch;
    char sandbox[96];
    op_id follows; /* 0: none */
    bool nothing;  /* to be stopped, and there is no sandbox */
};

/* The ops of one verb call. */
struct op_batch {
    struct verb_ctx *ctx;
    enum engine_plan plan;
    bool orphan_only;
    const struct strvec *paths;
    struct op_report report;
    struct json *results;
    struct op_target *targets;
    size_t target_count;
    size_t pending;
    int exit_code;
};

/* The word for a finished plan. */
static const char *plan_done_word(const char *plan)
{
    static const struct {
        const char *plan, *word;
    } words[] = {{"start", "running"},   {"stop", "stopped"},  {"delete", "deleted"},    {"provision", "provisioned"},
                 {"restart", "running"}, {"apply", "applied"}, {"discard", "discarded"}, {"bake", "baked"}};

    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        if (strcmp(words[i].plan, plan) == 0) {
            return words[i].word;
        }
    }
    return "done";
}

/* Was there nothing to stop? */
static bool had_nothing(const struct op_batch *b, const struct op_view *op)
{
    for (size_t i = 0; i < b->target_count; i++) {
        if (b->targets[i].nothing && strcmp(b->targets[i].sandbox, op->sandbox) == 0) {
            return true;
        }
    }
    return false;
}

/* The op's row of the JSON forms, with what the op itself does not know. */
static void batch_row(const struct op_batch *b, const struct op_view *op, bool nothing)
{
    struct json *row = op_report_json(op);

    if (nothing) {
        json_set_string(row, "note", "nothing to stop: there is no sandbox");
    }
    if (nothing && b->ctx->o.format == OUTPUT_NDJSON) { /* its line was printed without */
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

        json_write(row, false, &line);
        printf("%s\n", line.buf);
    }
    json_append(b->results, row);
}

/* One op has ended. */
static void batch_done(void *arg, const struct op_view *op)
{
    struct op_batch *b = arg;
    bool nothing = op->state == OP_DONE && had_nothing(b, op);

    if (op->state == OP_FAILED) {
        struct error err = op->error;

        error_wrap(&err, "%s", op->sandbox);
        int code = verb_error(b->ctx, &err);
        if (op->drift[0] != '\0' && op->error.code == ERROR_DENIED) {
            output_note("  --recreate restarts it with the new settings: its sessions end, the project folder stays\n"
                        "  --as-is    runs the script in it, and changes neither settings nor network");
        }
        if (op->session[0] != '\0') {
            output_note("  Its screen and log: `muthr-tui attach %s`", op->session);
        }
        b->exit_code = b->exit_code != 0 ? b->exit_code : code;
    } else if (op->state == OP_CANCELED) {
        output_note("%s: canceled", op->sandbox);
        b->exit_code = b->exit_code != 0 ? b->exit_code : 1;
    } else if (b->ctx->o.format == OUTPUT_TEXT && !b->ctx->o.quiet) {
        op_report_skipped(op);
        if (nothing) {
            output_note("%s: nothing to stop: there is no sandbox", op->sandbox);
        } else if (b->plan == ENGINE_APPLY) {
            output_note("%s: %u applied, %u held back", op->sandbox, op->applied, op->held_back);
        } else {
            output_note("%s: %s", op->sandbox, plan_done_word(op->plan));
        }
    }
    if (op->state == OP_DONE && b->plan == ENGINE_APPLY && b->paths != NULL && op->held_back > 0 && b->exit_code == 0) {
        b->exit_code = 1; /* what was named was not taken, or not all of it */
    }
    batch_row(b, op, nothing);
    if (--b->pending == 0) {
        verb_finish(b->ctx, b->exit_code);
    }
}

/* Ctrl-C and TERM cancel what runs; the always-steps still run. */
static void batch_signal(void *arg, int signum)
{
    struct op_batch *b = arg;

    (void)signum;
    for (size_t i = 0; i < model_op_count(b->ctx->model); i++) {
        const struct op_view *op = model_op_at(b->ctx->model, i);

        if (op->state == OP_QUEUED || op->state == OP_RUNNING) {
            engine_cancel(b->ctx->engine, op->id);
        }
    }
}

/* A request that did not become an op, in the form of one. */
static struct json *refused_json(enum engine_plan plan, const char *sandbox, const struct error *err)
{
    struct json *row = json_new_object();

    json_set_string(row, "op", engine_plan_name(plan));
    json_set_string(row, "sandbox", sandbox);
    json_set_string(row, "state", "failed");
    json_set_string(row, "error", err->msg);
    return row;
}

static void target_run(struct op_target *t);

/* The op that was waited for is over: ours takes its turn, and finds what that has done. */
static void target_again(void *arg)
{
    struct op_target *t = arg;

    t->batch->pending--;
    target_run(t);
    if (t->batch->pending == 0) {
        verb_finish(t->batch->ctx, t->batch->exit_code);
    }
}

/* An op that we did not start: when it ends, whoever follows it goes on, or fails with it. */
static void batch_event(void *arg, const struct model_event *ev)
{
    struct op_batch *b = arg;
    const struct op_view *op = ev->kind == MODEL_OP ? model_op(b->ctx->model, ev->op) : NULL;

    for (size_t i = 0; op != NULL && op->state >= OP_DONE && i < b->target_count; i++) {
        struct op_target *t = &b->targets[i];

        if (t->follows != op->id) {
            continue;
        }
        t->follows = 0;
        if (op->state == OP_DONE) {
            loop_defer(b->ctx->loop, target_again, t);
        } else {
            batch_done(b, op);
        }
    }
}

/* What a dead one of us had left half done was taken up again, and is what we would do. */
static bool target_follow(struct op_target *t)
{
    const struct model *m = t->batch->ctx->model;

    for (size_t i = 0; i < model_op_count(m); i++) {
        const struct op_view *op = model_op_at(m, i);

        if (op->state < OP_DONE && strcmp(op->sandbox, t->sandbox) == 0) {
            output_note("  %s: going on with what was interrupted", t->sandbox);
            t->follows = op->id;
            return true;
        }
    }
    return false;
}

/* Queues the plan for one workspace. */
static void target_run(struct op_target *t)
{
    struct op_batch *b = t->batch;
    const struct verb_options *o = &b->ctx->o;
    struct error err = ERROR_INIT;
    struct engine_request req = {
        .plan = b->plan,
        .sandbox = t->sandbox,
        .profile = o->profile,
        .backend = o->backend,
        .image = o->image,
        .orphan_only = b->orphan_only,
        .net = o->net,
        .net_given = o->net_given,
        .recreate = o->recreate,
        .as_is = o->as_is,
        .reprovision = o->reprovision,
        .force = o->force,
        .no_provision = o->no_provision,
        .paths = b->paths,
        .env = o->env.len > 0 ? &o->env : NULL,
        .done = batch_done,
        .arg = b,
    };

    b->pending++;
    if (engine_run(b->ctx->engine, &req, &err) != 0 || (err.code == ERROR_EXISTS && target_follow(t))) {
        return;
    }
    b->pending--;
    error_wrap(&err, "%s", t->sandbox);
    int code = verb_error(b->ctx, &err);
    b->exit_code = b->exit_code != 0 ? b->exit_code : code;
    json_append(b->results, refused_json(b->plan, t->sandbox, &err));
}

/* Collects the sandboxes meant: the names given, or with --all every existing one, or the one of the working directory.
 */
static int batch_names(struct verb_ctx *ctx, bool gone_is_fine, struct strvec *names, struct error *err)
{
    if (ctx->o.all) {
        for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
            const struct workspace *ws = model_workspace_at(ctx->model, i);

            bool meant = ctx->o.backend == NULL || strcmp(ctx->o.backend, ws->backend) == 0;

            if (meant && ws->have_info && ws->info.state == SANDBOX_RUNNING) {
                strvec_push(names, ws->sandbox);
            }
        }
        return 0;
    }
    size_t n = ctx->o.names.len;
    for (size_t i = 0; i < MT_MAX(n, 1u); i++) {
        struct error why = ERROR_INIT;
        const struct workspace *ws = verb_workspace(ctx, i < n ? ctx->o.names.v[i] : NULL, NULL, &why);

        if (ws == NULL && gone_is_fine && n > 0 && why.code == ERROR_NOT_FOUND) {
            output_note("muthr-tui: %s: nothing to delete", why.msg); /* S6 */
            continue;
        }
        if (ws == NULL) {
            *err = why;
            return -1;
        }
        if (ws->sandbox[0] == '\0' || ws->reserved) {
            return error_set(err, ERROR_INVALID, "%s has no sandbox: %s", ws->shown,
                             ws->reserved ? "its name is reserved" : ws->name_error);
        }
        if (strvec_index(names, ws->sandbox) < 0) {
            strvec_push(names, ws->sandbox);
        }
    }
    return 0;
}

/* Runs `plan` for all names and waits. */
static int batch_run(struct verb_ctx *ctx, enum engine_plan plan, bool orphan_only, const struct strvec *names,
                     const struct strvec *paths)
{
    struct op_batch b = {.ctx = ctx,
                         .plan = plan,
                         .orphan_only = orphan_only,
                         .paths = paths,
                         .report = {.ctx = ctx, .last = STRBUF_INIT},
                         .results = json_new_array(),
                         .targets = xcalloc(names->len + 1, sizeof(*b.targets)),
                         .target_count = names->len};
    struct bus_sub *sub = NULL, *follow = bus_subscribe(ctx->bus, batch_event, &b);
    struct signal_watch *on_int = signal_watch_new(ctx->loop, 2, batch_signal, &b, NULL);
    struct signal_watch *on_term = signal_watch_new(ctx->loop, 15, batch_signal, &b, NULL);

    if (!ctx->o.quiet && ctx->o.format != OUTPUT_JSON) {
        sub = bus_subscribe(ctx->bus, op_report_event, &b.report);
    }
    for (size_t i = 0; i < names->len; i++) {
        b.targets[i].batch = &b;
        str_copy(b.targets[i].sandbox, sizeof(b.targets[i].sandbox), names->v[i]);
        const struct workspace *ws = model_workspace_by_sandbox(ctx->model, names->v[i]);
        b.targets[i].nothing = plan == ENGINE_STOP && ws != NULL && (!ws->have_info || ws->info.state == SANDBOX_NONE);
        target_run(&b.targets[i]);
    }
    ctx->exit_code = b.exit_code;
    if (b.pending > 0) {
        verb_run(ctx);
    }
    if (sub != NULL) {
        bus_unsubscribe(ctx->bus, sub);
    }
    bus_unsubscribe(ctx->bus, follow);
    signal_watch_close(on_int);
    signal_watch_close(on_term);
    if (ctx->o.format == OUTPUT_JSON) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

        json_write(b.results, true, &text);
        fputs(text.buf, stdout);
        ctx->answered = true;
    }
    json_free(b.results);
    strbuf_release(&b.report.last);
    free(b.targets);
    return ctx->exit_code;
}

/* Opens, resolves the names, runs. */
static int lifecycle(struct verb_ctx *ctx, enum engine_plan plan)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    if (batch_names(ctx, false, &names, &err) < 0) {
        return verb_error(ctx, &err);
    }
    return batch_run(ctx, plan, false, &names, NULL);
}

int verb_run_plan(struct verb_ctx *ctx, enum engine_plan plan, const struct strvec *names, const struct strvec *paths)
{
    return batch_run(ctx, plan, false, names, paths);
}

int verb_start(struct verb_ctx *ctx)
{
    return lifecycle(ctx, ENGINE_START);
}

int verb_stop(struct verb_ctx *ctx)
{
    return lifecycle(ctx, ENGINE_STOP);
}

int verb_provision(struct verb_ctx *ctx)
{
    return lifecycle(ctx, ENGINE_PROVISION);
}

/* Asks before something goes. 0: yes; else the exit code. */
static int confirm_delete(struct verb_ctx *ctx, const struct strvec *names, const char *what_goes)
{
    MT_CLEANUP(strbuf) struct strbuf q = STRBUF_INIT;
    struct error err = ERROR_INIT;

    if (ctx->o.yes) {
        return 0;
    }
    strbuf_addstr(&q, "Delete");
    for (size_t i = 0; i < names->len; i++) {
        strbuf_addf(&q, "%s %s", i > 0 ? "," : "", names->v[i]);
    }
    strbuf_addf(&q, "? %s", what_goes);
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        error_hint(&err, ERROR_DENIED, "--yes deletes without asking.", "deleting needs a terminal to ask on");
        verb_error(ctx, &err);
        return EXIT_REFUSED;
    }
    if (!verb_ask(q.buf)) {
        output_note("Nothing was deleted.");
        return 1;
    }
    return 0;
}

int verb_delete(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    if (batch_names(ctx, true, &names, &err) < 0) {
        return verb_error(ctx, &err);
    }
    if (names.len == 0) {
        ctx->answered = true;
        fputs(ctx->o.format == OUTPUT_JSON ? "[]\n" : "", stdout);
        return 0;
    }
    int refused = confirm_delete(ctx, &names, "Its private home goes; the project folder stays.");
    return refused != 0 ? refused : batch_run(ctx, ENGINE_DELETE, false, &names, NULL);
}

int verb_prune(struct verb_ctx *ctx)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if (ws->orphan) {
            strvec_push(&names, ws->sandbox);
            output_note("%s: stopped, and no profile was provisioned in it (%s)", ws->sandbox, ws->backend);
        }
    }
    if (names.len == 0) {
        output_note("There are no orphans.");
        return batch_run(ctx, ENGINE_DELETE, true, &names, NULL);
    }
    int refused = confirm_delete(ctx, &names, "Their private homes go; project folders stay.");
    return refused != 0 ? refused : batch_run(ctx, ENGINE_DELETE, true, &names, NULL);
}

/* S16: a running sandbox in which the profile was provisioned, for who names none and is in no project. */
static const struct workspace *bake_source(const struct verb_ctx *ctx)
{
    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if (ws->have_info && ws->info.state == SANDBOX_RUNNING && !ws->info.halted && ws->provisioned == 1 &&
            ws->host[0] == '\0' && strcmp(ws->profile, ctx->o.profile) == 0) {
            return ws;
        }
    }
    return NULL;
}

int verb_image(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    if (ctx->o.names.len == 0 || strcmp(ctx->o.names.v[0], "build") != 0) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui image build --profile NAME [PROJECT]`",
                   "image: the one thing to do with it is build");
        return verb_error(ctx, &err);
    }
    if (ctx->o.profile == NULL) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui profiles` lists them", "image build needs --profile NAME");
        return verb_error(ctx, &err);
    }
    strvec_remove(&ctx->o.names, 0);
    if (ctx->o.names.len > 0) {
        return lifecycle(ctx, ENGINE_BAKE);
    }
    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    const struct workspace *ws = verb_workspace(ctx, NULL, NULL, &err);
    if (ws == NULL && err.code == ERROR_INVALID && (ws = bake_source(ctx)) == NULL) {
        error_hint(&err, ERROR_INVALID, "name a project: its sandbox is provisioned, and becomes the image",
                   "no running sandbox was provisioned with %s", ctx->o.profile);
    }
    if (ws == NULL) {
        return verb_error(ctx, &err);
    }
    strvec_push(&names, ws->sandbox);
    return batch_run(ctx, ENGINE_BAKE, false, &names, NULL);
}
