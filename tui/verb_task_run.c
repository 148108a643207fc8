/* SPDX-License-Identifier: Apache-2.0 */
/* task run: what is to be run, whether it may be, and how it went. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/tasks.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/verb_task.h"

/* What is to be run, put together. */
struct order {
    char *command;
    char *cwd;                /* below the workspace when it is not absolute; NULL: the workspace */
    char name[TASK_NAME_MAX]; /* "": made from the command */
    struct strvec env;
    struct task_policy policy;
};

static void order_release(struct order *o)
{
    free(o->command);
    free(o->cwd);
    strvec_release(&o->env);
}

/* A word as sh reads it: as it is. */
static void quote(struct strbuf *out, const char *word)
{
    static const char SAFE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=,@%+";
    if (word[0] != '\0' && word[strspn(word, SAFE)] == '\0') {
        strbuf_addstr(out, word);
        return;
    }
    strbuf_add_quoted(out, word);
}

/* -c CMD, or what is behind --; NULL: neither. Caller frees. */
static char *given_command(const struct verb_options *o)
{
    struct strbuf text = STRBUF_INIT;
    if (o->command != NULL) {
        return xstrdup(o->command);
    }
    for (size_t i = 0; i < o->rest.len; i++) {
        strbuf_addstr(&text, i > 0 ? " " : "");
        quote(&text, o->rest.v[i]);
    }
    return o->rest.len > 0 ? strbuf_detach(&text, NULL) : NULL;
}

/* The names that there are, for one who gave another. */
static void tell_definitions(const struct task_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->v[i].hidden) {
            output_note("  %-20s %s", list->v[i].name, list->v[i].command);
        }
    }
}

/* A project's definition needs a yes. Returns 0 or an exit code. */
static int allow(struct verb_ctx *ctx, const struct workspace *ws, const struct task_def *def)
{
    MT_CLEANUP(strbuf) struct strbuf what = STRBUF_INIT;
    struct error err = ERROR_INIT;

    if (def->consented) {
        return 0;
    }
    task_def_describe(def, &what);
    strbuf_truncate(&what, what.len - 1);
    if (!ctx->o.allow_project) {
        output_note("%s of the project wants to run in its sandbox as the task %s (%s):\n%s", TASKS_FILE, def->name,
                    def->place, what.buf);
        if (!verb_ask("Run it, now and whenever it is asked for as it is written now?")) {
            error_hint(&err, ERROR_DENIED, "--allow-project-task says yes to this definition, until it is changed.",
                       "%s: the task %s is the project's own, and nobody has said yes to it", ws->sandbox, def->name);
            verb_error(ctx, &err);
            return EXIT_REFUSED;
        }
    } else {
        output_note("Allowed for %s, until it is changed: the task %s (%s):\n%s", ws->shown, def->name, def->place,
                    what.buf);
    }
    return tasks_consent(ctx->paths, ws, def, &err) < 0 ? verb_error(ctx, &err) : 0;
}

/* The definition of that name. Returns 0 or an exit code. */
static int order_written(struct verb_ctx *ctx, const struct workspace *ws, const char *name, struct order *out)
{
    struct task_list list;
    struct error err = ERROR_INIT;
    int rc = 0;

    tasks_list(&list, ctx->paths, ws);
    for (size_t i = 0; i < list.warnings.len && !ctx->o.quiet; i++) {
        output_note("muthr-tui: warning: %s", list.warnings.v[i]);
    }
    const struct task_def *def = tasks_find(&list, name);
    if (def == NULL) {
        error_hint(&err, ERROR_NOT_FOUND,
                   list.count > 0 ? "There are:"
                                  : "There is none: [tasks] in muthr.toml names them; -c CMD runs a command.",
                   "no task '%.60s' is written down for %s", name, ws->shown);
        rc = verb_error(ctx, &err);
        tell_definitions(&list);
    } else if ((rc = allow(ctx, ws, def)) == 0) {
        out->command = xstrdup(def->command);
        out->cwd = xstrdup_null(def->cwd);
        out->policy = def->policy;
        str_copy(out->name, sizeof(out->name), def->name);
        strvec_pushv(&out->env, (const char *const *)def->env.v);
    }
    task_list_release(&list);
    return rc;
}

/* What options say goes before what is written down. */
static void order_options(const struct verb_options *o, struct order *out)
{
    if (o->given['5']) {
        out->policy.restart = o->restart;
    }
    if (o->given['6']) {
        out->policy.most_restarts = o->most_restarts;
    }
    if (o->given['7']) {
        out->policy.ready_port = (uint16_t)o->ready_port;
    }
    if (o->given['8']) {
        str_copy(out->policy.ready_match, sizeof(out->policy.ready_match), o->ready_match);
    }
    if (o->task_name != NULL) {
        str_copy(out->name, sizeof(out->name), o->task_name);
    }
    for (size_t i = 0; i < o->env.len; i++) {
        MT_CLEANUP(xfree) char *key = xstrndup(o->env.v[i], strcspn(o->env.v[i], "="));

        strvec_setenv(&out->env, key, strchr(o->env.v[i], '=') + 1);
    }
    if (o->cwd != NULL) {
        free(out->cwd);
        out->cwd = xstrdup(o->cwd);
    }
}

/* --again: the one of that name that runs is ended. */
static int end_running(struct verb_ctx *ctx, const char *sandbox, const char *name)
{
    const struct session_info *s;

    for (size_t i = 0; (s = model_session_of(ctx->model, sandbox, i)) != NULL; i++) {
        if (s->kind == SESSION_TASK && !verb_task_is_over(s) && strcmp(s->label, name) == 0) {
            char id[SESSION_ID_MAX];

            str_copy(id, sizeof(id), s->id);
            return verb_task_end(ctx, id);
        }
    }
    return 0;
}

/* The id of a session that was begun. */
struct begun {
    struct verb_ctx *ctx;
    char id[SESSION_ID_MAX];
};

static void on_begun(void *arg, const char *id, const struct error *err)
{
    struct begun *b = arg;

    if (err != NULL) {
        verb_fail(b->ctx, err);
        return;
    }
    str_copy(b->id, sizeof(b->id), id);
    verb_finish(b->ctx, 0);
}

/* "shop: web is ready after 1.2 s, port 3000" */
static void tell_end(const struct session_info *s)
{
    const struct task_state *t = &s->task;
    MT_CLEANUP(strbuf) struct strbuf ports = STRBUF_INIT;
    char title[200], status[160], lasted[16];
    uint64_t end = verb_task_is_over(s) ? s->ended_wall_ms : t->ready_wall_ms;

    for (size_t i = 0; i < t->port_count; i++) {
        strbuf_addf(&ports, "%s%u", i == 0 ? ", port " : " ", t->ports[i]);
    }
    verb_task_title(s, title, sizeof(title));
    verb_task_status(s, status, sizeof(status));
    clock_short(end > s->started_wall_ms ? end - s->started_wall_ms : 0, lasted, sizeof(lasted));
    output_note("%s: %s after %s%s", title, status, lasted, verb_task_is_over(s) ? "" : ports.buf);
    if (verb_task_is_over(s) && verb_task_exit_code(s) != 0 && s->last_line[0] != '\0') {
        output_note("  %s", s->last_line);
    }
}

/* Says what was begun, and waits for it when that was asked for. */
static int follow_up(struct verb_ctx *ctx, const char *id)
{
    const struct session_info *s = model_session(ctx->model, id);
    struct session_info last = {.kind = SESSION_TASK};
    int rc = 0;

    if (ctx->o.format == OUTPUT_TEXT) {
        printf("%s\n", id);
        fflush(stdout);
    }
    str_copy(last.id, sizeof(last.id), id);
    if (s != NULL) {
        last = *s;
    }
    if (ctx->o.wait && !ctx->o.quiet && ctx->o.format == OUTPUT_TEXT && s != NULL && !verb_task_has_readiness(s)) {
        output_note("Waiting for its end: nothing says when it is ready (--ready-port, --ready-match).");
    }
    if (ctx->o.wait) {
        rc = verb_task_await(ctx, id, &last);
    }
    if (ctx->o.format == OUTPUT_TEXT) {
        if (ctx->o.wait && !ctx->o.quiet && (rc != EXIT_TIMEOUT || verb_task_is_over(&last))) {
            tell_end(&last);
        }
        return rc;
    }
    struct output *out = output_new(ctx->o.format, NULL, 0);
    output_row_take(out, verb_session_facts(&last));
    ctx->answered = true;
    return output_finish(out, NULL) < 0 && rc == 0 ? 1 : rc;
}

/* Begins it in a sandbox that runs. */
static int begin(struct verb_ctx *ctx, const char *sandbox, const struct order *order)
{
    struct begun begun = {.ctx = ctx};
    struct error err = ERROR_INIT;
    const struct engine_session_request req = {.sandbox = sandbox,
                                               .kind = SESSION_TASK,
                                               .command = order->command,
                                               .cwd = order->cwd,
                                               .env = &order->env,
                                               .task = &order->policy,
                                               .name = order->name[0] != '\0' ? order->name : NULL,
                                               .done = on_begun,
                                               .arg = &begun};

    if (engine_session(ctx->engine, &req, &err) < 0) {
        err.hint = err.code == ERROR_EXISTS ? "--again ends it and begins it anew, `muthr-tui task restart` keeps its "
                                              "terminal, --name gives another name."
                                            : err.hint;
        return verb_error(ctx, &err);
    }
    verb_run(ctx);
    ctx->finished = false;
    return ctx->exit_code != 0 ? ctx->exit_code : follow_up(ctx, begun.id);
}

/* Runs what was put together. */
static int run_order(struct verb_ctx *ctx, const struct workspace *ws, struct order *order)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *sandbox = xstrdup(ws->sandbox);

    order_options(&ctx->o, order);
    if (task_check_command(order->command, &err) < 0) {
        return verb_error(ctx, &err);
    }
    if (ctx->o.again && order->name[0] == '\0') {
        task_name_of(order->command, order->name);
    }
    int rc = verb_bring_up(ctx, ws);
    rc = rc == 0 && ctx->o.again ? end_running(ctx, sandbox, order->name) : rc;
    if (rc == 0 && order->cwd != NULL && order->cwd[0] != '/') { /* where that is, is known by now */
        char *full = path_join(engine_mount(model_workspace_by_sandbox(ctx->model, sandbox)), order->cwd);

        free(order->cwd);
        order->cwd = full;
    }
    return rc != 0 ? rc : begin(ctx, sandbox, order);
}

int verb_task_run(struct verb_ctx *ctx)
{
    struct verb_options *o = &ctx->o;
    struct order order = {.env = STRVEC_INIT};
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *inner = NULL;
    MT_CLEANUP(xfree) char *name = o->names.len > 0 ? xstrdup(o->names.v[0]) : NULL;

    if ((o->command != NULL) + (o->rest.len > 0) + (name != NULL) != 1) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui task ls --definitions` lists the tasks that are written down.",
                   "task run takes one of: the name of a task, -c CMD, -- CMD ARG...");
        return verb_error(ctx, &err);
    }
    strvec_clear(&o->names); /* what is left are the workspaces that are waited for */
    if (o->sandbox != NULL) {
        strvec_push(&o->names, o->sandbox);
    }
    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    const struct workspace *ws = verb_workspace(ctx, o->sandbox, &inner, &err);
    if (ws == NULL) {
        return verb_error(ctx, &err);
    }
    if (ws->reserved || ws->sandbox[0] == '\0') {
        error_set(&err, ERROR_INVALID, "%s has no sandbox: %s", ws->shown,
                  ws->reserved ? "its name is reserved" : ws->name_error);
        return verb_error(ctx, &err);
    }
    int rc = 0;
    order.command = given_command(o);
    if (order.command == NULL) {
        rc = order_written(ctx, ws, name, &order);
    } else if (inner != NULL && inner[0] != '\0') {
        order.cwd = xstrdup(inner);
    }
    rc = rc != 0 ? rc : run_order(ctx, ws, &order);
    order_release(&order);
    return rc;
}
