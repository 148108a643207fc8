/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/tasktext.h"

/* A task that is being started. */
struct starting {
    struct app *app;
    workspace_id ws;
    char name[TASK_NAME_MAX];
};

/* engine_session's answer: it is selected where the person still looks at its workspace, and nobody is taken into it.
 */
static void on_started(void *arg, const char *id, const struct error *err)
{
    struct starting *st = arg;
    struct app *app = st->app;
    const struct workspace *ws = model_workspace(app->model, st->ws);
    if (err) {
        app_fail(app, err);
    } else {
        app_say(app, "%s runs in %s", st->name[0] ? st->name : "The task", ws ? ws->shown : "its sandbox");
        if (app->selected.ws == st->ws && !app_pane_takes_keys(app) && !app->want_session[0]) {
            str_copy(app->want_session, sizeof(app->want_session), id);
            app->want_quiet = true;
            app->focus = app->focus == FOCUS_MAIN ? FOCUS_LIST : app->focus;
        }
        app_tick_soon(app);
    }
    free(st);
}

/* Hands it to the engine. */
static void start(struct app *app, const struct flow *f, const struct workspace *ws, const struct task_def *def)
{
    struct starting *st = xcalloc(1, sizeof(*st));
    struct rect main = app->layout.main;
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *cwd = def ? task_def_cwd(def, engine_mount(ws)) : NULL;
    st->app = app;
    st->ws = ws->id;
    str_copy(st->name, sizeof(st->name), f->task);
    struct engine_session_request req = {.sandbox = ws->sandbox,
                                         .kind = SESSION_TASK,
                                         .command = def ? def->command : f->command,
                                         .cwd = cwd,
                                         .env = def ? &def->env : NULL,
                                         .task = def ? &def->policy : &f->policy,
                                         .name = f->task[0] ? f->task : NULL,
                                         .cols = main.w > 0 ? main.w : app->cols,
                                         .rows = main.h > 0 ? main.h : MT_MAX(app->rows - 3, 2),
                                         .done = on_started,
                                         .arg = st};
    if (engine_session(app->engine, &req, &err) != 0) {
        app_fail(app, &err);
        free(st);
    }
}

void task_start(struct app *app, const struct flow *f)
{
    const struct workspace *ws = model_workspace(app->model, f->ws);
    if (!ws) {
        return;
    }
    if (!f->task_defined) {
        start(app, f, ws, NULL);
        return;
    }
    struct task_list list = TASK_LIST_INIT; /* as it stands now: only that was agreed to */
    tasks_list(&list, app->paths, ws);
    const struct task_def *def = tasks_find(&list, f->task);
    if (!def) {
        app_warn(app, "%s: there is no task %s any more", ws->shown, f->task);
    } else if (!tasks_consented(app->paths, def)) {
        dialog_task_consent(app, f, def);
    } else {
        start(app, f, ws, def);
    }
    task_list_release(&list);
}

void task_want(struct app *app, const struct flow *f)
{
    const struct workspace *ws = model_workspace(app->model, f->ws);
    if (ws && ws->info.state == SANDBOX_RUNNING && !ws->info.halted) {
        task_start(app, f);
    } else if (ws) {
        struct flow up = *f;
        up.plan = ENGINE_START;
        up.then_session = true;
        up.kind = SESSION_TASK;
        flow_run(app, &up);
    }
}

static void stop_yes(struct app *app, void *arg, int value)
{
    (void)value;
    sessions_kill(app->sessions, arg);
}

void task_stop(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    char title[600];
    if (!s || tasktext_is_over(s)) {
        app_say(app, "%s", s ? "It has ended already" : "It is gone");
        return;
    }
    str_format(title, sizeof(title), "Stop %s in %s?", session_shown(s), tasklist_place(app->model, s));
    struct ask_opts opts = {.title = title,
                            .answers = {{'y', "stop it", THEME_BAD, 1}},
                            .count = 1,
                            .declined = "Not stopped",
                            .on_answer = stop_yes,
                            .arg = xstrdup(s->id),
                            .free_arg = free};
    ask_open(app, &opts);
}

/* Its host is gone, or its sandbox is down: the same task anew. */
static void start_anew(struct app *app, const struct session_info *s, const struct workspace *ws)
{
    struct flow f = {.ws = ws->id, .kind = SESSION_TASK, .policy = s->task.policy};
    struct task_list list = TASK_LIST_INIT;
    tasks_list(&list, app->paths, ws);
    const struct task_def *def = tasks_find(&list, s->label);
    f.task_defined = def && (!s->command[0] || strcmp(def->command, s->command) == 0);
    task_list_release(&list);
    str_copy(f.task, sizeof(f.task), s->label);
    str_copy(f.command, sizeof(f.command), s->command);
    if (!f.task_defined && !f.command[0]) {
        app_warn(app, "%s: its command was too long to be kept: start it anew", session_shown(s));
        return;
    }
    if (s->state == SESSION_LOST) {
        sessions_dismiss(app->sessions, s->id);
    }
    task_want(app, &f);
}

void task_restart(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    const struct workspace *ws = s ? model_workspace_by_sandbox(app->model, s->sandbox) : NULL;
    struct error err = ERROR_INIT;
    if (!ws) {
        return;
    }
    if (s->state == SESSION_LOST || ws->info.state != SANDBOX_RUNNING) {
        start_anew(app, s, ws);
    } else if (sessions_restart(app->sessions, id, &err) != 0) {
        app_fail(app, &err);
    } else {
        app_say(app, "%s in %s starts again", session_shown(s), ws->shown);
    }
}

void task_dismiss(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    if (s && tasktext_is_over(s) && strcmp(app->selected.session, id) == 0) {
        flow_close_session(app, id);
    } else if (s && tasktext_is_over(s)) {
        sessions_dismiss(app->sessions, id);
    } else if (s) {
        app_say(app, "%s still runs: stop it first", session_shown(s));
    }
}
