/* SPDX-License-Identifier: Apache-2.0 */
/* task ls: the tasks of all workspaces, and what is written down and could be run. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/task_log.h"
#include "core/engine/tasks.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/verb_task.h"

/* Is it of the workspace that was asked for, if one was? */
static bool is_asked_for(const struct verb_options *o, const char *sandbox, const char *project)
{
    return o->sandbox == NULL || strcmp(o->sandbox, sandbox) == 0 || strcmp(o->sandbox, project) == 0;
}

/* How long it runs or ran: this run, or the last one. */
static uint64_t lasted_ms(const struct session_info *s)
{
    uint64_t begun = s->task.run_wall_ms != 0 ? s->task.run_wall_ms : s->started_wall_ms;
    uint64_t end = verb_task_is_over(s) && s->ended_wall_ms != 0 ? s->ended_wall_ms : clock_wall_ms();

    /* one that was stopped while it waited for its next run ended long before that */
    bool run_over = s->task.next_wall_ms != 0 || (verb_task_is_over(s) && s->task.policy.restart != TASK_RESTART_NEVER);

    return run_over ? s->task.last_lasted_ms : end > begun ? end - begun : 0;
}

/* One task: the columns, and all that is known of it. */
static struct json *task_row(const struct session_info *s)
{
    struct json *row = verb_session_facts(s);
    MT_CLEANUP(strbuf) struct strbuf ports = STRBUF_INIT;
    char text[160];
    uint64_t now = clock_wall_ms(), next = s->task.next_wall_ms;

    for (size_t i = 0; i < s->task.port_count; i++) {
        strbuf_addf(&ports, "%s%u", i > 0 ? " " : "", s->task.ports[i]);
    }
    json_set_string(row, "name", session_shown(s));
    json_set_string(row, "workspace", s->project);
    verb_task_status(s, text, sizeof(text));
    json_set_string(row, "status", text);
    json_set_int(row, "restarts", s->task.restarts);
    json_set_string(row, "ports", ports.len > 0 ? ports.buf : NULL);
    clock_short(now > s->started_wall_ms ? now - s->started_wall_ms : 0, text, sizeof(text));
    json_set_string(row, "age", text);
    json_set_int(row, "lasted_ms", (int64_t)lasted_ms(s));
    clock_short(lasted_ms(s), text, sizeof(text));
    json_set_string(row, "lasted", text);
    clock_short(next > now ? MT_MIN(next - now, (uint64_t)TASK_BACKOFF_MOST_MS) : 0, text, sizeof(text));
    json_set_string(row, "next", next != 0 ? text : NULL);
    json_set_string(row, "command", s->command[0] != '\0' ? s->command : NULL);
    json_set_string(row, "last_line", s->last_line[0] != '\0' ? s->last_line : NULL);
    return row;
}

/* One whose session is gone, as its log tells. */
static struct json *kept_row(const struct task_log *l)
{
    struct json *row = json_new_object(), *task = json_new_object();
    const char *state = l->ended_wall_ms == 0 ? "gone" : l->failed ? "failed" : "exited";
    uint64_t now = clock_wall_ms();
    uint64_t lasted = l->ended_wall_ms > l->began_wall_ms ? l->ended_wall_ms - l->began_wall_ms : 0;
    int code = l->exit_signal != 0 ? 128 + l->exit_signal : l->exit_code;
    char text[80], end[32];

    json_set_string(row, "id", l->session[0] != '\0' ? l->session : NULL);
    json_set_string(row, "sandbox", l->sandbox);
    json_set_string(row, "name", l->name);
    json_set_string(row, "workspace", strncmp(l->sandbox, "muthr-", 6) == 0 ? l->sandbox + 6 : l->sandbox);
    json_set_string(task, "state", state);
    json_set(row, "task", task);
    session_end_text(l->exit_code, l->exit_signal, end, sizeof(end));
    str_format(text, sizeof(text), l->failed ? "failed: %s" : "%s", l->ended_wall_ms == 0 ? "gone" : end);
    json_set_string(row, "status", text);
    json_set_int(row, "restarts", l->restarts);
    json_set_null(row, "ports");
    clock_iso8601(l->began_wall_ms, text);
    json_set_string(row, "started", text);
    clock_short(now > l->began_wall_ms ? now - l->began_wall_ms : 0, text, sizeof(text));
    json_set_string(row, "age", text);
    if (l->ended_wall_ms != 0) {
        clock_iso8601(l->ended_wall_ms, text);
        json_set_string(row, "ended", text);
        json_set_int(row, "exit_code", code);
        json_set_int(row, "lasted_ms", (int64_t)lasted);
        clock_short(lasted, text, sizeof(text));
        json_set_string(row, "lasted", text);
    }
    json_set_null(row, "next");
    json_set_string(row, "log", l->path);
    json_set_string(row, "command", l->command[0] != '\0' ? l->command : NULL);
    return row;
}

/* Those whose sessions are gone, the newest last as the others are. */
static void list_kept(struct verb_ctx *ctx, struct output *out)
{
    struct task_log *list;
    size_t count = task_logs_list(ctx->paths, NULL, &list);

    for (size_t i = count; i > 0; i--) {
        const struct task_log *l = &list[i - 1];
        const char *project = strncmp(l->sandbox, "muthr-", 6) == 0 ? l->sandbox + 6 : l->sandbox;

        if (model_session(ctx->model, l->session) == NULL && is_asked_for(&ctx->o, l->sandbox, project)) {
            output_row_take(out, kept_row(l));
        }
    }
    task_logs_free(list, count);
}

/* The tasks that there are. */
static int list_tasks(struct verb_ctx *ctx)
{
    static const struct output_column columns[] = {
        {"name", "TASK"}, {"workspace", "WORKSPACE"}, {"status", "STATE"}, {"restarts", "RESTARTS"}, {"ports", "PORTS"},
        {"age", "AGE"},   {"lasted", "LASTED"},       {"next", "NEXT"},    {"id", "SESSION"},
    };

    ctx->tells = true;
    if (verb_open_sessions(ctx) < 0) {
        return ctx->exit_code;
    }
    struct output *out = output_new(ctx->o.format, columns, MT_ARRAY_LEN(columns));
    ctx->answered = true;
    if (ctx->o.all) {
        list_kept(ctx, out);
    }
    for (size_t i = 0; i < model_session_count(ctx->model); i++) {
        const struct session_info *s = model_session_at(ctx->model, i);

        if (s->kind == SESSION_TASK && is_asked_for(&ctx->o, s->sandbox, s->project)) {
            output_row_take(out, task_row(s));
        }
    }
    return output_finish(out, "No tasks. `muthr-tui task run` begins one.") < 0 ? 1 : ctx->exit_code;
}

/* One definition, for a workspace. */
static struct json *definition_row(const struct workspace *ws, const struct task_def *d)
{
    struct json *row = json_new_object();

    json_set_string(row, "name", d->name);
    json_set_string(row, "workspace", ws->shown);
    json_set_string(row, "sandbox", ws->sandbox);
    json_set_string(row, "command", d->command);
    json_set_string(row, "cwd", d->cwd);
    json_set_strings(row, "env", &d->env);
    verb_task_policy_facts(row, &d->policy);
    json_set_string(row, "of", d->origin == TASK_OF_USER ? "user" : "project");
    json_set_string(row, "place", d->place);
    json_set_bool(row, "hidden", d->hidden);
    json_set_bool(row, "allowed", d->consented);
    json_set_string(row, "may_run",
                    d->hidden      ? "hidden by the user's"
                    : d->consented ? "yes"
                                   : "needs --allow-project-task");
    return row;
}

/* What could be run in one workspace. Of the user's file the warnings are said once. */
static void list_workspace(struct verb_ctx *ctx, const struct workspace *ws, struct strvec *said, struct output *out)
{
    struct task_list list;

    tasks_list(&list, ctx->paths, ws);
    for (size_t i = 0; i < list.warnings.len && !ctx->o.quiet; i++) {
        if (strvec_index(said, list.warnings.v[i]) < 0) {
            strvec_push(said, list.warnings.v[i]);
            output_note("muthr-tui: warning: %s", list.warnings.v[i]);
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        output_row_take(out, definition_row(ws, &list.v[i]));
    }
    task_list_release(&list);
}

/* What is written down, for one workspace or for all. */
static int list_definitions(struct verb_ctx *ctx)
{
    static const struct output_column columns[] = {
        {"name", "TASK"},       {"workspace", "WORKSPACE"}, {"command", "COMMAND"},
        {"restart", "RESTART"}, {"place", "WRITTEN IN"},    {"may_run", "MAY RUN"},
    };
    MT_CLEANUP(strvec) struct strvec said = STRVEC_INIT;
    struct error err = ERROR_INIT;
    const struct workspace *one = NULL;

    if (ctx->o.sandbox != NULL) {
        strvec_push(&ctx->o.names, ctx->o.sandbox); /* its host is waited for */
    }
    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    if (ctx->o.sandbox != NULL && (one = verb_workspace(ctx, ctx->o.sandbox, NULL, &err)) == NULL) {
        return verb_error(ctx, &err);
    }
    struct output *out = output_new(ctx->o.format, columns, MT_ARRAY_LEN(columns));
    ctx->answered = true;
    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if ((one == NULL || ws == one) && ws->sandbox[0] != '\0' && !ws->reserved) {
            list_workspace(ctx, ws, &said, out);
        }
    }
    return output_finish(out, "No tasks are written down: [tasks] in muthr.toml names them.") < 0 ? 1 : ctx->exit_code;
}

int verb_task_ls(struct verb_ctx *ctx)
{
    return ctx->o.definitions ? list_definitions(ctx) : list_tasks(ctx);
}
