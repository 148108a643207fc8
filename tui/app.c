/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/app.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"
#include "tui/boot.h"
#include "tui/glyph.h"
#include "tui/tasktext.h"

#define FRAME_MS 16
#define SPIN_MS 125
#define MINUTE_MS 60000
#define QUIT_WAIT_MS 4000

void app_dirty_now(struct app *app)
{
    app->dirty = app->whole = true;
    if (!app->painting_blocked && app->frame_timer) {
        timer_start(app->frame_timer, 0);
    }
}

void app_dirty(struct app *app)
{
    app->whole = true;
    if (app->dirty || !app->frame_timer) {
        app->dirty = true;
        return;
    }
    app->dirty = true;
    uint64_t now = loop_now_ms(app->loop), next = app->painted_ms + FRAME_MS;
    if (!app->painting_blocked) {
        timer_start(app->frame_timer, next > now ? next - now : 0);
    }
}

void app_dirty_rows(struct app *app, bool now)
{
    bool whole = app->whole;
    if (now) {
        app_dirty_now(app);
    } else {
        app_dirty(app);
    }
    app->whole = whole;
}

void app_tree_dirty(struct app *app)
{
    app->tree_dirty = true;
    app_dirty(app);
}

/* After the callbacks of this turn: acts on what ended. */
static void tick(void *arg)
{
    struct app *app = arg;
    app->tick_pending = false;
    if (app->ready && !app->quitting) {
        app_type_early(app);
    }
    if (!app->quitting) {
        flow_tick(app);
    }
}

void app_tick_soon(struct app *app)
{
    if (!app->tick_pending && !app->quitting) {
        app->tick_pending = true;
        loop_defer(app->loop, tick, app);
    }
}

/* Is the person looking at this session right now? */
static bool is_watched(const struct app *app, const char *id)
{
    return app->focus == FOCUS_MAIN && app->outer_focus && strcmp(app->selected.session, id) == 0;
}

/* Tells the outer terminal. */
static void send_alert(struct app *app, const struct session_info *s)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT, where = STRBUF_INIT;
    const struct workspace *ws = model_workspace_by_sandbox(app->model, s->sandbox);
    char call[200];
    glyph_call(s, false, call, sizeof(call));
    strbuf_addf(&where, "%s > %s", ws ? ws->shown : s->sandbox, session_shown(s));
    alert_bytes(&bytes, app->config.attention_bell, app->config.attention_notify, where.buf,
                call[0] ? call : glyph_session(s).word);
    if (bytes.len > 0) {
        screen_send(app->screen, bytes.buf, bytes.len);
    }
}

/* A task has failed: why, and what can be done. */
static void say_task_failed(struct app *app, const struct session_info *s)
{
    char why[240], brief[90], again[64] = "";
    tasktext_why(s, why, sizeof(why));
    str_copy(brief, sizeof(brief), why);
    if (tasktext_waits(s)) {
        tasktext_brief(s, clock_wall_ms(), again, sizeof(again));
    }
    const char *cut = strcmp(brief, why) != 0 ? "..." : "";
    app_say(app, "%s task %s/%s failed: %s%s%s%s  %s goes there: %s log, r restart",
            glyph_text(GLYPH_FAILED, app->ascii), tasklist_place(app->model, s), session_shown(s), brief, cut,
            again[0] ? ", " : "", again, app_key(app, "app.next_attention"), app_key(app, "sandbox.log"));
}

/* Passes a session's call for a person on to the outer terminal, once per change. */
static void on_attention(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    if (!s || !tree_shows_session(s) || !session_wants_person(s)) {
        return;
    }
    bool failed = s->kind == SESSION_TASK && s->attention == ATTENTION_FAILED;
    if (failed && !is_watched(app, id) && !(app->toast.visible && app->toast.role == THEME_ERROR)) {
        say_task_failed(app, s);
    } else if (!failed && s->attention_text[0] && (s->attention == ATTENTION_NOTIFY || !is_watched(app, id)) &&
               !(app->toast.visible && app->toast.role == THEME_ERROR)) {
        const struct workspace *ws = model_workspace_by_sandbox(app->model, s->sandbox);
        app_say(app, "%s %s > %s: %s", glyph_text(GLYPH_ATTENTION, app->ascii), ws ? ws->shown : s->sandbox,
                session_shown(s), s->attention_text);
    }
    if (!is_watched(app, id) && alert_is_due(&app->alerts, s, clock_wall_ms())) {
        send_alert(app, s);
    }
}

/* An operation that has failed is among the problems, once, whoever asked for it. */
static void tell_failure(struct app *app, op_id id)
{
    const struct op_view *op = model_op(app->model, id);
    if (!op || op->state != OP_FAILED) {
        return;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(app->told_ops); i++) {
        if (app->told_ops[i] == id) {
            return;
        }
    }
    app->told_ops[app->told_next++ % MT_ARRAY_LEN(app->told_ops)] = id;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s: %s", op->plan, op->error.msg);
    app_problem(app, true, op->sandbox, text.buf, op->error.hint);
}

/* A service that went down by itself is among the problems, once until it is up again. */
static void tell_service(struct app *app, const char *name)
{
    const struct service_view *v = model_service_by_name(app->model, name);
    unsigned bit = v ? 1u << (v->kind - service_kinds) : 0;
    if (v && v->state != SERVICE_FAILED) {
        app->services_told &= ~bit;
    } else if (v && !(app->services_told & bit)) {
        app->services_told |= bit;
        app_warn(app, "%s failed%s%s (%s shows it)", v->kind->name, v->reason[0] ? ": " : "", v->reason,
                 app_key(app, "app.services"));
    }
}

/* What has ended is kept for the list of operations. */
static void note_op(struct app *app, op_id id)
{
    const struct op_view *op = model_op(app->model, id);
    if (op) {
        oplist_note(app->ops, op);
    }
}

/* Numbers of use came, or there are none any more. */
static void on_stats(struct app *app, workspace_id id)
{
    const struct workspace *ws = model_workspace(app->model, id);
    if (ws && ws->have_stats) {
        usage_add(&app->usage, id, &ws->stats, loop_now_ms(app->loop));
    } else {
        usage_forget(&app->usage, id);
    }
}

void app_on_event(void *arg, const struct model_event *ev)
{
    struct app *app = arg;
    if (app->quitting) {
        return;
    }
    for (struct overlay *o = app->overlay; o; o = o->below) {
        if (o->ops->on_event) {
            o->ops->on_event(app, o, ev);
        }
    }
    if (app->boot) {
        boot_on_event(app->boot, ev);
    }
    switch (ev->kind) {
    case MODEL_PROBLEM:
        app_warn(app, "%s", ev->text);
        break;
    case MODEL_ATTENTION:
        on_attention(app, ev->session);
        app_tree_dirty(app);
        break;
    case MODEL_SERVICE:
        tell_service(app, ev->text);
        app_dirty(app);
        break;
    case MODEL_INFERENCE:
        server_on_change(app->server, ev->inference);
        app_dirty(app);
        break;
    case MODEL_STATS:
        on_stats(app, ev->ws);
        app_dirty(app);
        break;
    case MODEL_OP:
        note_op(app, ev->op);
        tell_failure(app, ev->op);
        app_tick_soon(app);
        app_tree_dirty(app);
        break;
    case MODEL_SESSION_REMOVED:
        alert_forget(&app->alerts, ev->session);
        app_split_gone(app, ev->session);
        app_tick_soon(app);
        app_tree_dirty(app);
        break;
    case MODEL_SESSION_ADDED:
        app_tick_soon(app);
        app_tree_dirty(app);
        break;
    case MODEL_SESSION:
        if (app->flow_count) {
            app_tick_soon(app); /* one may wait for sessions to end */
        }
        app_tree_dirty(app);
        break;
    case MODEL_BACKEND:
        wake_on_backend(app);
        app_tree_dirty(app);
        break;
    case MODEL_WORKSPACES:
    case MODEL_SANDBOX:
        app_tree_dirty(app);
        break;
    }
}

/* What is on the right side; and its session is told that a person looks. */
static void sync_panes(struct app *app)
{
    app_split_sync(app);
    const struct session_info *s = app_session(app);
    if (s && s->attention != ATTENTION_NONE && !s->attention_seen && is_watched(app, s->id)) {
        sessions_attended(app->sessions, s->id);
    }
}

/* Adds a workspace whose numbers of use are in sight. */
static void add_watched(const struct app *app, workspace_id *ids, size_t *n, workspace_id id)
{
    const struct workspace *ws = model_workspace(app->model, id);
    for (size_t i = 0; i < *n; i++) {
        if (ids[i] == id) {
            return;
        }
    }
    if (ws && ws->info.state == SANDBOX_RUNNING && *n < USAGE_RINGS) {
        ids[(*n)++] = id;
    }
}

/* Numbers of use are read only for what is in sight: the card's sandbox, and those in the list's columns. */
static void sync_stats(struct app *app)
{
    workspace_id ids[USAGE_RINGS] = {0};
    size_t n = 0;
    if (app_main_kind(app) == MAIN_CARD && app->layout.main.w > 0) {
        add_watched(app, ids, &n, app->selected.ws);
    }
    for (int y = 0; list_shows_use(app) && y < app->layout.list.h - 1; y++) {
        size_t i = (size_t)app->list_top + (size_t)y;
        if (i < app->tree.count && app->tree.rows[i].kind == TREE_WORKSPACE) {
            add_watched(app, ids, &n, app->tree.rows[i].ws);
        }
    }
    if (n != app->watched_count || memcmp(ids, app->watched, n * sizeof(*ids)) != 0) {
        memcpy(app->watched, ids, n * sizeof(*ids));
        app->watched_count = n;
        engine_watch_stats(app->engine, n ? ids : NULL, n);
    }
}

/* The sooner of two moments; 0 is none. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a == 0 || (b && b < a) ? b : a;
}

/* In how many milliseconds something that is shown as a time reads otherwise; 0: nothing does. */
static uint64_t next_age(const struct app *app)
{
    uint64_t wall = clock_wall_ms(), mono = clock_mono_ms(), next = 0;
    for (size_t i = 0; i < model_session_count(app->model); i++) { /* "<1m": until it is a minute old */
        const struct session_info *s = model_session_at(app->model, i);
        uint64_t due = s->attention_since_ms + MINUTE_MS;
        if (s->attention != ATTENTION_NONE && s->attention_since_ms && due > wall && tree_shows_session(s)) {
            next = sooner(next, due - wall);
        }
    }
    for (size_t i = 0; i < model_workspace_count(app->model); i++) { /* "stops in 3 min" */
        uint64_t at = model_workspace_at(app->model, i)->idle_stop_mono_ms;
        next = at > mono ? sooner(next, (at - mono) % MINUTE_MS + 1) : next;
    }
    for (size_t i = 0; i < model_backend_count(app->model); i++) { /* "retry in 12 s" */
        uint64_t at = model_backend_at(app->model, i)->retry_mono_ms;
        next = at > mono ? sooner(next, (at - mono) % 1000 + 1) : next;
    }
    next = sooner(next, task_panel_next_ms(app));
    for (const struct overlay *o = app->overlay; o; o = o->below) {
        next = o->ops->next_ms ? sooner(next, o->ops->next_ms(app, o)) : next;
    }
    return next;
}

/* Times stay true without a clock that ticks: one look when the first of them has changed. */
static void sync_ages(struct app *app)
{
    uint64_t next = next_age(app);
    if (next) {
        timer_start(app->age_timer, MT_MIN(next, (uint64_t)MINUTE_MS) + 1);
    } else {
        timer_stop(app->age_timer);
    }
}

/* The outer terminal's window title. */
static void sync_title(struct app *app)
{
    char title[200];
    const struct workspace *ws = app_workspace(app);
    const struct session_info *s = app->focus == FOCUS_MAIN ? app_session(app) : NULL;
    str_format(title, sizeof(title), "muthr%s%s%s%s", s && ws ? ": " : "", s && ws ? ws->shown : "",
               s && ws ? " > " : "", s && ws ? session_shown(s) : "");
    if (strcmp(title, app->last_title) != 0) {
        MT_CLEANUP(strbuf) struct strbuf osc = STRBUF_INIT;
        str_copy(app->last_title, sizeof(app->last_title), title);
        strbuf_addf(&osc, "\033]2;%s\033\\", title);
        screen_send(app->screen, osc.buf, osc.len);
    }
}

void app_arrange(struct app *app)
{
    struct layout_in in = {.cols = app->cols,
                           .rows = app->rows,
                           .list_width = app->list_width,
                           .zoom = app->zoom,
                           .focus_main = app->focus == FOCUS_MAIN,
                           .tasks = (int)MT_MIN(app->tasks.count, (size_t)1000)};
    layout_compute(&app->layout, &in);
    if (app->tree_dirty) {
        app_rebuild(app);
        in.zoom = app->zoom;
        in.focus_main = app->focus == FOCUS_MAIN;
        in.tasks = (int)MT_MIN(app->tasks.count, (size_t)1000);
        layout_compute(&app->layout, &in);
    }
    if (app->focus == FOCUS_TASKS && app->layout.tasks.h == 0) {
        app->focus = FOCUS_LIST; /* there is no room for it any more, or none is left */
    }
    app_list_resized(app);
    task_panel_follow(app);
    sync_panes(app);
}

/* Only rows of panes changed: draws just them into the frame of before. False: all of it must be drawn. */
static bool patch_panes(struct app *app)
{
    struct app_panes *v = &app->view;
    if (app->whole || app->tree_dirty || app->overlay || app->layout.too_small || app->frame.cols != app->cols ||
        app->frame.rows != app->rows || app_main_kind(app) != MAIN_SESSION || surface_is_stale(&app->frame)) {
        return false;
    }
    for (int i = 0; i < v->count; i++) {
        if (!pane_can_patch(v->shown[i], v->at[i])) {
            return false;
        }
    }
    app->frame.cursor.visible = false;
    for (int i = 0; i < v->count; i++) {
        pane_patch(v->shown[i], &app->frame, &app->theme);
    }
    return true;
}

/* What follows what is painted now. */
static void sync_all(struct app *app)
{
    sync_stats(app);
    app_sync_inference(app);
    sync_title(app);
    sync_ages(app);
    if (!frame_is_busy(app)) {
        timer_stop(app->spin_timer);
    } else if (!timer_is_active(app->spin_timer)) {
        timer_repeat(app->spin_timer, SPIN_MS); /* only while something that spins is in sight */
    }
}

void app_paint(void *arg)
{
    struct app *app = arg;
    if (!app->dirty || app->painting_blocked || app->quitting || !app->screen) {
        return; /* while leaving, the engine that views ask may be gone already */
    }
    bool patched = patch_panes(app);
    if (!patched) {
        app_arrange(app);
        frame_draw(app);
    }
    if (!screen_present(app->screen, &app->frame)) {
        app->painting_blocked = true; /* goes on when the last frame has left */
        app->whole = true;            /* which rows are new by then nobody knows */
        return;
    }
    app->dirty = app->whole = false;
    app->painted_ms = loop_now_ms(app->loop);
    for (int i = 0; !patched && i < app->view.count; i++) {
        pane_painted(app->view.shown[i], app->view.at[i]);
    }
    app_prepare_loan(app);
    app_outer_hover(app);
    if (app->outer.kitty) {
        app_outer_keys(app);
    }
    if (!patched) {
        sync_all(app);
    }
    if (!app->dirty && !app->tick_pending) {
        screen_sync_idle(app->screen);
    }
}

void app_shorten(const struct app *app, const char *text, struct strbuf *out)
{
    size_t n = strlen(app->paths->home);
    while (*text) {
        bool home = n > 1 && strncmp(text, app->paths->home, n) == 0 && (text[n] == '/' || text[n] == '\0');
        strbuf_add(out, home ? "~" : text, 1);
        text += home ? n : 1;
    }
}

/* Puts a message up. */
static void toast(struct app *app, enum theme_role role, const char *text, bool listed)
{
    MT_CLEANUP(strbuf) struct strbuf brief = STRBUF_INIT;
    app_shorten(app, text, &brief);
    str_copy(app->toast.text, sizeof(app->toast.text), brief.buf);
    app->toast.role = role;
    app->toast.since_ms = loop_now_ms(app->loop);
    app->toast.visible = true;
    app->toast.listed = listed;
    app_dirty(app);
}

const char *app_key(const struct app *app, const char *command)
{
    const struct command *c = command_find(command);
    const char *chord = c ? keymap_chord(app->keymap, CONTEXT_LIST, c) : NULL;
    return chord ? chord : command;
}

void app_say(struct app *app, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    toast(app, THEME_NOTICE, text.buf, false);
}

void app_problem(struct app *app, bool error, const char *sandbox, const char *text, const char *hint)
{
    struct problem p = {.wall_ms = clock_wall_ms(), .error = error};
    str_copy(p.sandbox, sizeof(p.sandbox), sandbox ? sandbox : "");
    str_copy(p.text, sizeof(p.text), text);
    str_copy(p.hint, sizeof(p.hint), hint ? hint : "");
    problems_add(&app->problems, &p);
    app_dirty(app);
}

void app_warn(struct app *app, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    log_warn("%s", text.buf);
    app_problem(app, false, NULL, text.buf, NULL);
    toast(app, THEME_NOTICE, text.buf, true);
}

void app_fail(struct app *app, const struct error *err)
{
    char text[700];
    if (err->code == ERROR_CANCELED) {
        return;
    }
    str_format(text, sizeof(text), err->hint ? "%s (%s)" : "%s", err->msg, err->hint);
    log_error("%s", text);
    app_problem(app, true, NULL, err->msg, err->hint);
    toast(app, THEME_ERROR, text, true);
}

void app_show_error(struct app *app, const struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, err->hint ? "%s (%s)" : "%s", err->msg, err->hint);
    toast(app, THEME_ERROR, text.buf, true);
}

/* The engine has closed: nothing holds the loop any more. */
static void on_closed(void *arg)
{
    struct app *app = arg;
    app->closed = true;
    app->engine = NULL;
    app_quit_on(app);
}

void app_quit_on(struct app *app)
{
    if (app->engine == NULL && !server_is_busy(app->server) && (!app->boot || boot_is_over(app->boot))) {
        loop_stop(app->loop);
    }
}

/* It takes too long: leave all the same. Hosts and sandboxes are processes of their own. */
static void on_quit_timeout(void *arg)
{
    struct app *app = arg;
    log_warn("left before every operation had ended");
    loop_stop(app->loop);
}

void app_quit(struct app *app)
{
    if (app->quitting) {
        return;
    }
    app->quitting = true;
    overlay_close_all(app);
    app->undone = undo_delete(app); /* what can still be taken back is not lost by leaving */
    if (!app->quit_timer) {
        app->quit_timer = timer_new(app->loop, on_quit_timeout, app);
    }
    timer_start(app->quit_timer, QUIT_WAIT_MS);
    server_quit(app->server);
    if (app->boot) {
        boot_cancel(app->boot);
    }
    engine_close(app->engine, true, on_closed, app);
}
