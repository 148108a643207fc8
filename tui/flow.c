/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/log.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

/* A session that is being started: what happens when it is there. */
struct starting {
    struct app *app;
    workspace_id ws;
    char *command;
};

/* The flow of a workspace, or NULL. One at a time, as the engine runs one op at a time for it. */
struct flow *flow_of(struct app *app, workspace_id ws)
{
    for (size_t i = 0; i < app->flow_count; i++) {
        if (app->flows[i].ws == ws) {
            return &app->flows[i];
        }
    }
    return NULL;
}

/* Forgets a flow. */
static void flow_drop(struct app *app, workspace_id ws)
{
    for (size_t i = 0; i < app->flow_count; i++) {
        if (app->flows[i].ws == ws) {
            app->flows[i] = app->flows[--app->flow_count];
            return;
        }
    }
}

/* Keeps what was asked for. */
static void flow_keep(struct app *app, const struct flow *f)
{
    struct flow copy = *f;
    flow_drop(app, f->ws);
    app->flows = xreallocarray(app->flows, app->flow_count + 1, sizeof(*app->flows));
    app->flows[app->flow_count++] = copy;
}

/* A shell in a sandbox whose script is not through: mentioned once. */
static void say_unprovisioned(struct app *app, const struct workspace *ws)
{
    if (ws && ws->unprovisioned[0] && !model_is_provisioning(app->model, ws) &&
        !tree_op_is_live(model_op(app->model, ws->op)) && !tree_set_has(&app->warned, ws->id)) {
        tree_set_put(&app->warned, ws->id, true);
        app_warn(app, "%s: %s: %s in the list retries", ws->shown, ws->unprovisioned, app_key(app, "sandbox.restart"));
    }
}

/* engine_session's answer. */
static void on_session(void *arg, const char *id, const struct error *err)
{
    struct starting *st = arg;
    struct app *app = st->app;
    log_debug("session %s: %s", id ? id : "-", err ? err->msg : "is there");
    app->toast.visible = app->toast.visible && app->toast.listed; /* not "Opening..." */
    if (err) {
        app->ahead.active = false;
        app_split_failed(app, st->ws);
        app_fail(app, err);
    } else {
        say_unprovisioned(app, model_workspace(app->model, st->ws));
        if (app->selected.ws == st->ws) {
            str_copy(app->ahead.id, sizeof(app->ahead.id), id);
            str_copy(app->want_session, sizeof(app->want_session), id); /* the person is still here: go in */
            app->want_quiet = false;
        } else {
            const struct workspace *ws = model_workspace(app->model, st->ws);
            app_split_failed(app, st->ws); /* where it was to stand nobody looks any more */
            app_say(app, "%s is up, and a session is open in it", ws ? ws->shown : "The sandbox");
        }
        app_tick_soon(app);
    }
    free(st->command);
    free(st);
}

void flow_session(struct app *app, workspace_id id, enum session_kind kind, const char *command)
{
    const struct workspace *ws = model_workspace(app->model, id);
    if (!ws) {
        return;
    }
    struct starting *st = xcalloc(1, sizeof(*st));
    st->app = app;
    st->ws = id;
    st->command = command && *command ? xstrdup(command) : NULL;
    struct rect main = app->layout.main;
    if (app->split_next.active && app->split_next.ws == id && app->split_next.cols > 0) {
        main = (struct rect){0, 0, app->split_next.cols, app->split_next.rows};
    }
    struct engine_session_request req = {
        .sandbox = ws->sandbox,
        .kind = kind,
        .command = st->command,
        .cols = main.w > 0 ? main.w : app->cols,
        .rows = main.h > 0 ? main.h : MT_MAX(app->rows - 3, 2),
        .done = on_session,
        .arg = st,
    };
    struct error err = ERROR_INIT;
    if (engine_session(app->engine, &req, &err) != 0) {
        app_split_failed(app, id);
        app_fail(app, &err);
        free(st->command);
        free(st);
    } else if (app->selected.ws == id) {
        app->ahead.active = true;
        app->ahead.id[0] = '\0';
        app->ahead.since_ms = loop_now_ms(app->loop);
        app->ahead.count = app->ahead.soon == id ? app->ahead.count : 0;
        app->ahead.soon = 0;
        if (!app->toast.visible || !app->toast.listed) { /* what its operation had to say stays */
            app_say(app, "Opening %s in %s...",
                    st->command             ? "a command"
                    : kind == SESSION_AGENT ? "the agent"
                                            : "a shell",
                    ws->shown);
        }
    }
}

void flow_run(struct app *app, const struct flow *want)
{
    const struct workspace *ws = model_workspace(app->model, want->ws);
    struct error err = ERROR_INIT;
    struct flow f = *want;
    if (!ws || wake_ask(app, &f) || consent_ask(app, &f)) {
        return;
    }
    struct engine_request req = {
        .plan = f.plan,
        .sandbox = ws->sandbox,
        .profile = f.profile[0] ? f.profile : NULL,
        .net = f.net,
        .net_given = f.net_given,
        .recreate = f.recreate,
        .reprovision = f.reprovision,
        .as_is = f.as_is,
        .force = f.force,
        .delay_ms = f.delay_ms,
        .backend = f.backend[0] ? f.backend : NULL,
        .allow_image = f.allow_image,
        .allow_post_create = f.allow_command,
    };
    f.reported = false;
    tree_set_put(&app->warned, f.ws, false);
    f.op = engine_run(app->engine, &req, &err);
    if (!f.op && err.code == ERROR_EXISTS && tree_op_is_live(model_op(app->model, ws->op))) {
        f.op = ws->op; /* the same is being done already: follow that */
    }
    if (!f.op) {
        app_fail(app, &err);
        return;
    }
    flow_keep(app, &f);
    app_tree_dirty(app);
    if (app->selected.ws == f.ws && app->selected.session[0] && f.plan != ENGINE_STOP && f.plan != ENGINE_DELETE) {
        app_select_workspace(app, f.ws); /* what is being done is shown, not one of its sessions */
    }
    if (f.then_session && app->selected.ws == f.ws) {
        app_set_focus(app, FOCUS_MAIN);
    }
}

/* The living session of a workspace that was typed in last. */
static const struct session_info *latest_session(const struct app *app, const struct workspace *ws)
{
    const struct session_info *s, *best = NULL;
    for (size_t i = 0; (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        bool lives = s->state == SESSION_RUNNING || s->state == SESSION_STARTING;
        if (lives && tree_shows_session(s) && (!best || s->last_input_wall_ms > best->last_input_wall_ms)) {
            best = s;
        }
    }
    return best;
}

void flow_open(struct app *app, workspace_id id)
{
    const struct workspace *ws = model_workspace(app->model, id);
    if (!ws) {
        return;
    }
    if (ws->name_error[0] || ws->reserved) {
        app_warn(app, "%s: %s", ws->shown, ws->reserved ? "reserved for muthr itself: no shell here" : ws->name_error);
        return;
    }
    const struct op_view *op = model_op(app->model, ws->op);
    const struct session_info *s = latest_session(app, ws);
    const char *in_layout = app_split_latest(app, ws);
    if (s || in_layout) {
        app_select_session(app, in_layout ? in_layout : s->id, true);
    } else if (tree_op_is_live(op) && strcmp(op->plan, "stop") != 0 && strcmp(op->plan, "delete") != 0) {
        struct flow f = {.op = ws->op, .ws = id, .plan = ENGINE_START, .then_session = true, .kind = SESSION_SHELL};
        struct flow *have = flow_of(app, id);
        if (have) {
            have->then_session = true;
        } else {
            flow_keep(app, &f);
        }
        app_set_focus(app, FOCUS_MAIN);
    } else if (app_op(app) && app->selected.ws == id && app->focus == FOCUS_LIST && op->state == OP_FAILED) {
        app_set_focus(app, FOCUS_MAIN); /* look at what failed: r and Enter go on from there */
    } else if (ws->info.state == SANDBOX_RUNNING && !ws->info.halted) {
        flow_session(app, id, SESSION_SHELL, NULL);
    } else {
        flow_run(app, &(struct flow){.ws = id, .plan = ENGINE_START, .then_session = true, .kind = SESSION_SHELL});
    }
}

/* What is said when an operation has ended well. */
static void say_done(struct app *app, const struct workspace *ws, const struct op_view *op)
{
    const char *name = ws ? ws->shown : op->sandbox;
    if (op->drift[0]) {
        app_warn(app,
                 "%s: %s%sit runs on with the settings that it has: %s in the list restarts it with the new ones (%s)",
                 name, op->notice, op->notice[0] ? "; " : "", app_key(app, "sandbox.restart"), op->drift);
    } else if (op->notice[0]) {
        app_warn(app, "%s: %s", name, op->notice);
    } else if (strcmp(op->plan, "delete") == 0) {
        app_say(app, "%s: the sandbox is deleted, the folder is where it was", name);
    } else if (strcmp(op->plan, "apply") == 0) {
        app_say(app, "%s: %u applied to the project folder", name, op->applied);
    } else if (strcmp(op->plan, "discard") == 0) {
        app_say(app, "%s: forgotten", name);
    } else if (strcmp(op->plan, "stop") == 0) {
        app_say(app, "%s is stopped", name);
    } else {
        app_say(app, "%s is up", name);
    }
}

/* A failure is told once; a missing network with the choice there is. */
static void report(struct app *app, struct flow *f, const struct op_view *op)
{
    f->reported = true;
    if (op->error.code == ERROR_UNAVAILABLE && op->error.hint && strncmp(op->error.hint, "network:", 8) == 0) {
        dialog_network(app, f, op->error.msg);
    } else if (app_op(app) != op || app->layout.main.w <= 0) {
        app_show_error(app, &op->error); /* else it stands there in full, with the keys that help below */
    }
}

/* A delete was taken back: this one alone, or with those that were to go together with it. */
static void say_kept(struct app *app, const struct workspace *ws)
{
    if (app->undo.taken_back > 1) {
        app_say(app, "%zu sandboxes are not deleted: all is as it was", app->undo.taken_back);
    } else {
        app_say(app, "%s is not deleted: all is as it was", ws->shown);
    }
}

/* Acts on one flow. True: it is done with. */
static bool flow_step(struct app *app, struct flow *f)
{
    const struct op_view *op = model_op(app->model, f->op);
    const struct workspace *ws = model_workspace(app->model, f->ws);
    if (!op || !ws) {
        return true;
    }
    if (tree_op_is_live(op)) {
        return false;
    }
    if (op->state == OP_FAILED) {
        if (!f->reported) {
            report(app, f, op);
        }
        return false; /* kept for a retry */
    }
    if (op->state == OP_CANCELED) {
        if (strcmp(op->plan, "delete") == 0 && ws->info.state == SANDBOX_NONE) {
            app_say(app, "%s: nothing more is deleted; what was being brought up was canceled", ws->shown);
        } else if (strcmp(op->plan, "delete") == 0) {
            say_kept(app, ws);
        } else {
            app_say(app, "%s: %s was canceled", ws->shown, op->plan);
        }
        return true;
    }
    if (f->then_backend[0]) {
        struct flow next = {.ws = f->ws, .plan = ENGINE_START};
        str_copy(next.backend, sizeof(next.backend), f->then_backend);
        str_copy(next.profile, sizeof(next.profile), f->profile);
        flow_run(app, &next);
        return true;
    }
    if (!f->then_session || op->notice[0] || op->drift[0]) {
        say_done(app, ws, op);
    }
    if (f->then_session && f->kind == SESSION_TASK) {
        task_start(app, f);
    } else if (f->then_session) {
        flow_session(app, f->ws, f->kind, f->command);
    }
    return true;
}

/* Ended operations that nobody looks at any more leave the model. */
static void sweep_ops(struct app *app)
{
    for (size_t i = model_op_count(app->model); i-- > 0;) {
        const struct op_view *op = model_op_at(app->model, i);
        if (op->state == OP_DONE || op->state == OP_CANCELED) {
            model_drop_op(app->model, op->id);
        }
    }
}

void flow_tick(struct app *app)
{
    bool stopping = false;
    for (size_t i = app->flow_count; i-- > 0;) {
        struct flow copy = app->flows[i];
        bool done = flow_step(app, &copy);
        struct flow *now = flow_of(app, copy.ws);
        if (now && now->op == copy.op) {
            *now = copy;
            if (done) {
                flow_drop(app, copy.ws);
            }
        }
        i = MT_MIN(i, app->flow_count);
    }
    sweep_ops(app);
    for (size_t i = 0; i < app->flow_count; i++) {
        stopping =
            stopping || (app->flows[i].plan == ENGINE_STOP && tree_op_is_live(model_op(app->model, app->flows[i].op)));
    }
    const struct session_info *want = app->want_session[0] ? model_session(app->model, app->want_session) : NULL;
    const struct workspace *in = want ? model_workspace_by_sandbox(app->model, want->sandbox) : NULL;
    if (in) {
        app_split_arrived(app, want->id, in->id);
    }
    if (app->want_session[0] && app_select_session(app, app->want_session, !app->want_quiet)) {
        app->want_session[0] = '\0';
        app->want_quiet = false;
    }
    if (app->leave_when_stopped && !stopping) {
        app_quit(app);
    }
}

void flow_retry(struct app *app, workspace_id id)
{
    const struct workspace *ws = model_workspace(app->model, id);
    const struct op_view *op = ws ? model_op(app->model, ws->op) : NULL;
    struct flow *have = flow_of(app, id);
    if (!op || op->state != OP_FAILED) {
        return;
    }
    if (strcmp(op->plan, "apply") == 0 || strcmp(op->plan, "discard") == 0) {
        flow_put_aside(app, id); /* which changes is decided anew, by looking at them */
        dialog_changes(app);
        return;
    }
    struct flow f = {.ws = id, .plan = ENGINE_START};
    if (have) {
        f = *have;
    } else if (strcmp(op->plan, "stop") == 0) {
        f.plan = ENGINE_STOP;
    } else if (strcmp(op->plan, "delete") == 0) {
        f.plan = ENGINE_DELETE;
    } else if (strcmp(op->plan, "provision") == 0) {
        f.plan = ENGINE_PROVISION;
        f.reprovision = true;
        str_copy(f.profile, sizeof(f.profile), op->profile);
    }
    flow_run(app, &f);
}

void flow_decide(struct app *app, workspace_id id, enum engine_plan plan, const struct strvec *paths)
{
    const struct workspace *ws = model_workspace(app->model, id);
    struct error err = ERROR_INIT;
    if (!ws) {
        return;
    }
    struct engine_request req = {.plan = plan, .sandbox = ws->sandbox, .paths = paths};
    struct flow f = {.ws = id, .plan = plan};
    f.op = engine_run(app->engine, &req, &err);
    if (!f.op) {
        app_fail(app, &err);
        return;
    }
    flow_keep(app, &f);
    app_tree_dirty(app);
}

void flow_put_aside(struct app *app, workspace_id id)
{
    const struct workspace *ws = model_workspace(app->model, id);
    const struct op_view *op = ws ? model_op(app->model, ws->op) : NULL;
    if (op && !tree_op_is_live(op)) {
        const struct session_info *s = op->session[0] ? model_session(app->model, op->session) : NULL;
        if (s && s->state != SESSION_RUNNING) {
            sessions_dismiss(app->sessions, s->id);
        }
        flow_drop(app, id);
        model_drop_op(app->model, op->id);
    }
    app_set_focus(app, FOCUS_LIST);
    app_tree_dirty(app);
}

void flow_close_session(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    if (s && (s->state == SESSION_EXITED || s->state == SESSION_LOST)) {
        char gone[SESSION_ID_MAX]; /* `id` may point into what is dropped */
        str_copy(gone, sizeof(gone), id);
        if (!app_split_gone(app, gone)) { /* its neighbour has the focus now */
            app_set_focus(app, FOCUS_LIST);
        }
        sessions_dismiss(app->sessions, gone);
    }
}

void flow_again(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    const struct workspace *ws = s ? model_workspace_by_sandbox(app->model, s->sandbox) : NULL;
    if (!ws) {
        return;
    }
    if (s->kind == SESSION_TASK) {
        task_restart(app, id);
        return;
    }
    /* Its label is what was run. Another program in its place would not be "again". */
    bool lost = !s->command[0] && s->kind == SESSION_SHELL && strcmp(s->label, session_kind_name(s->kind)) != 0;
    if (lost) {
        app_warn(app, "%s: its command was too long to be kept: start it anew", session_shown(s));
        return;
    }
    struct flow f = {.ws = ws->id, .plan = ENGINE_START, .then_session = true, .kind = s->kind};
    str_copy(f.command, sizeof(f.command), s->command);
    bool up = ws->info.state == SANDBOX_RUNNING && !ws->info.halted;
    workspace_id at = ws->id;
    if (!app_split_again(app, id, at)) {
        sessions_dismiss(app->sessions, id);
        app_select_workspace(app, at);
    }
    if (up) {
        flow_session(app, at, f.kind, f.command);
    } else {
        flow_run(app, &f);
    }
}
