/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

/* Written so long after a change: who resizes with a key changes it often. */
#define SAVE_MS 150
/* So long after a resize the next one needs no prefix. */
#define REPEAT_MS 700
#define FILE_NAME "layouts.json"
/* No larger terminal than this is one to share. */
#define TINY_COLS 40
#define TINY_ROWS 12

struct split_entry *app_split(const struct app *app)
{
    return split_store_with(&app->splits, app->selected.session);
}

/* --- the file --- */

/* Where the layouts are remembered. Heap. */
static char *file_path(const struct app *app)
{
    return path_join(app->paths->state, FILE_NAME);
}

void app_split_save(struct app *app)
{
    MT_CLEANUP(xfree) char *path = file_path(app);
    struct error err = ERROR_INIT;

    if (!split_store_is_changed(&app->splits)) {
        return;
    }
    if (fs_mkdirs(app->paths->state, 0700, &err) != 0 || split_store_save(&app->splits, path, &err) != 0) {
        log_warn("the layout of panes is not remembered: %s", err.msg);
    }
}

/* timer */
static void on_save(void *arg)
{
    app_split_save(arg);
}

void app_split_load(struct app *app)
{
    MT_CLEANUP(xfree) char *path = file_path(app);
    struct error err = ERROR_INIT;

    app->split_timer = timer_new(app->loop, on_save, app);
    if (split_store_load(&app->splits, path, &err) != 0) {
        app_warn(app, "The layout of panes is not what it was: %s", err.msg);
    }
}

/* What another cockpit has written, unless it would take the panes away from around the session that is looked at: that
 * waits until another one is. What was changed here and is not written yet stays: who writes last is right. */
static void take_over(struct app *app, const char *looked_at)
{
    MT_CLEANUP(xfree) char *path = file_path(app);
    struct error err = ERROR_INIT;
    bool news = false;
    if (split_store_reread(&app->splits, path, looked_at, &news, &err) != 0) {
        log_warn("the layout of panes is not followed: %s", err.msg);
    }
    app->split_held[0] = '\0';
    for (size_t i = 0; looked_at && i < app->splits.count; i++) {
        if (app->splits.entries[i].held) {
            str_copy(app->split_held, sizeof(app->split_held), looked_at);
        }
    }
    if (news) {
        app->bar_drag = 0;
        app_dirty(app);
    }
}

/* Something in the folder of the file has changed. */
static void on_folder(void *arg, const char *name)
{
    struct app *app = arg;
    if (!app->quitting && (!name || strcmp(name, FILE_NAME) == 0)) {
        take_over(app, app_main_kind(app) == MAIN_SESSION ? app->selected.session : NULL);
    }
}

void app_split_watch(struct app *app)
{
    app->split_watch = dirwatch_new(app->loop, app->paths->state, on_folder, app, NULL);
}

/* The layout of this entry was changed: remembered soon. */
static void changed(struct app *app, struct split_entry *e)
{
    split_store_put(&app->splits, e->key, &e->split);
    timer_start(app->split_timer, SAVE_MS);
    app_dirty(app);
}

/* --- what is in sight --- */

/* One session on the right side. */
static void view_one(struct app *app, const char *id, struct rect r)
{
    app->view.count = 1;
    app->view.at[0] = r;
    struct pane *p = id ? app_pane_of(app, id) : NULL;
    app->view.shown[0] = p ? p : app->pane;
    for (size_t i = 0; i < MT_ARRAY_LEN(app->panes); i++) {
        if (&app->panes[i] != app->view.shown[0]) {
            pane_set_focus(&app->panes[i], false);
            pane_show(&app->panes[i], NULL, 0, 0);
        }
    }
    app->pane = app->view.shown[0];
    pane_show(app->pane, r.w > 0 && r.h > 0 ? id : NULL, r.w, r.h);
}

/* A pane that shows nothing of this layout. */
static struct pane *spare_pane(struct app *app)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(app->panes); i++) {
        bool used = false;
        for (int k = 0; k < app->view.count; k++) {
            used = used || app->view.shown[k] == &app->panes[i];
        }
        if (!used) {
            return &app->panes[i];
        }
    }
    return app->pane;
}

/* Each session of the layout gets the pane that shows it already, or one that is free. */
static void view_all(struct app *app, const struct split *s)
{
    struct app_panes *v = &app->view;

    v->joined = true;
    v->count = split_leaves(s);
    v->focus = s->focus;
    for (int i = 0; i < v->count; i++) {
        v->shown[i] = app_pane_of(app, split_id(s, i));
    }
    for (int i = 0; i < v->count; i++) {
        v->shown[i] = v->shown[i] ? v->shown[i] : spare_pane(app);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(app->panes); i++) {
        struct pane *p = &app->panes[i];
        if (p != v->shown[v->focus]) {
            pane_set_focus(p, false);
        }
        if (p->id[0] && split_find(s, p->id) < 0) {
            pane_show(p, NULL, 0, 0);
        }
    }
    app->pane = v->shown[v->focus];
    for (int i = 0; i < v->count; i++) {
        const char *id = split_id(s, i);
        struct rect r = v->plan.panes[i];
        v->at[i] = session_pane_rect(model_session(app->model, id), (struct rect){r.x, r.y + 1, r.w, r.h - 1});
        /* Right after the start the host of one may not have answered yet. */
        pane_show(v->shown[i], model_session(app->model, id) ? id : NULL, v->at[i].w, v->at[i].h);
    }
}

/* The title line and what is below it. */
static struct rect whole_main(const struct app *app)
{
    struct rect r = app->layout.main, t = app->layout.main_title;
    return (struct rect){r.x, t.y, r.w, r.w > 0 ? r.h + t.h : 0};
}

void app_split_sync(struct app *app)
{
    enum app_main kind = app_main_kind(app);
    struct rect main = app->layout.main;
    if (app->split_held[0] && (kind != MAIN_SESSION || strcmp(app->split_held, app->selected.session) != 0)) {
        take_over(app, kind == MAIN_SESSION ? app->selected.session : NULL);
    }
    struct split_entry *e = kind == MAIN_SESSION && main.w > 0 ? app_split(app) : NULL;

    app->view = (struct app_panes){.area = whole_main(app)};
    if (e) {
        e->split.focus = split_find(&e->split, app->selected.session);
        bool tiny = app->cols <= TINY_COLS && app->rows <= TINY_ROWS;
        if (!app->zoom && !tiny && split_place(&e->split, app->view.area, &app->view.plan)) {
            view_all(app, &e->split);
        } else {
            app->view.hidden = split_leaves(&e->split) - 1;
        }
    }
    if (app->view.joined) {
        app->pane_rect = app->view.at[app->view.focus];
    } else if (kind == MAIN_SESSION && main.w > 0) {
        app->pane_rect = session_pane_rect(app_session(app), main);
        view_one(app, app->selected.session, app->pane_rect);
    } else if (kind == MAIN_OP && main.w > 0) {
        app->pane_rect = op_pane_rect(app, main);
        view_one(app, op_session(app, app_op(app)), app->pane_rect);
    } else {
        app->pane_rect = (struct rect){0, 0, 0, 0};
        view_one(app, NULL, app->pane_rect);
    }
    bool focus = kind == MAIN_SESSION && app->focus == FOCUS_MAIN && !app->overlay && app->outer_focus;
    for (int i = 0; i < app->view.count; i++) {
        app->view.shown[i]->reports = focus;
    }
    pane_set_focus(app->pane, focus);
}

/* --- sessions come and go --- */

/* Selects a session without moving the focus between list and panes. */
static void select_quietly(struct app *app, const char *id)
{
    const struct session_info *s = model_session(app->model, id);
    const struct workspace *ws = s ? model_workspace_by_sandbox(app->model, s->sandbox) : NULL;
    if (ws) {
        app->selected.ws = ws->id;
        str_copy(app->selected.session, sizeof(app->selected.session), id);
    }
    app_tree_dirty(app);
}

bool app_split_gone(struct app *app, const char *id)
{
    struct split_entry *e = split_store_with(&app->splits, id);
    bool selected = strcmp(app->selected.session, id) == 0;
    if (e && e->held) { /* writing this one would undo what another cockpit made of it */
        take_over(app, NULL);
        e = split_store_with(&app->splits, id);
    }
    if (!e) {
        return false;
    }
    int leaf = split_find(&e->split, id);
    e->split.focus = selected ? leaf : e->split.focus;
    split_remove(&e->split, leaf);
    char next[SESSION_ID_MAX];
    str_copy(next, sizeof(next), split_id(&e->split, e->split.focus));
    changed(app, e);
    if (selected) {
        select_quietly(app, next);
    }
    return selected;
}

void app_split_scanned(struct app *app)
{
    for (size_t i = 0; i < app->splits.count; i++) {
        struct split_entry *e = &app->splits.entries[i];
        bool lost = false;
        for (int leaf = split_leaves(&e->split) - 1; leaf >= 0; leaf--) {
            if (!model_session(app->model, split_id(&e->split, leaf))) {
                split_remove(&e->split, leaf);
                lost = true;
            }
        }
        if (lost) {
            changed(app, e);
        }
    }
}

void app_split_take(struct app *app, const char *id)
{
    struct split_entry *e = app_split(app);
    const struct session_info *s = model_session(app->model, id);
    bool home = e && s && strcmp(e->key, s->sandbox) == 0;
    if (home && app->focus == FOCUS_MAIN && !split_store_with(&app->splits, id)) {
        split_put(&e->split, split_find(&e->split, app->selected.session), id);
        changed(app, e);
    }
}

const char *app_split_latest(struct app *app, const struct workspace *ws)
{
    struct split_entry *e = ws->sandbox[0] ? split_store_get(&app->splits, ws->sandbox) : NULL;
    int n = e ? split_leaves(&e->split) : 0;
    for (int i = 0; i < n; i++) { /* where all have ended, something new is wanted */
        const char *id = split_id(&e->split, (e->split.focus + i) % n);
        const struct session_info *s = model_session(app->model, id);
        if (s && (s->state == SESSION_RUNNING || s->state == SESSION_STARTING)) {
            return id;
        }
    }
    return NULL;
}

/* Puts `id` beside or below session `of`, in its layout or in a new one of its workspace. */
static void stand_beside(struct app *app, const char *of, enum split_kind kind, const char *id)
{
    struct split_entry *e = split_store_with(&app->splits, of);
    const struct session_info *s = model_session(app->model, of);
    if (split_store_with(&app->splits, id) || !s || strcmp(of, id) == 0) {
        return;
    }
    if (!e && split_store_get(&app->splits, s->sandbox)) {
        return; /* one was made meanwhile: it is not given up for these two, which have their numbers */
    }
    if (!e) {
        struct split fresh;
        split_init(&fresh, of);
        split_add(&fresh, 0, kind, id);
        split_store_put(&app->splits, s->sandbox, &fresh);
        e = split_store_get(&app->splits, s->sandbox);
    } else {
        split_add(&e->split, split_find(&e->split, of), kind, id);
    }
    if (e) {
        changed(app, e);
    }
}

void app_split_arrived(struct app *app, const char *id, workspace_id ws)
{
    struct app_split_next next = app->split_next;
    if (!next.active || next.ws != ws) {
        return;
    }
    app->split_next.active = false;
    struct split_entry *e = split_store_with(&app->splits, next.of);
    if (!next.instead) {
        if (strcmp(app->selected.session, next.of) == 0) { /* the person is still there */
            stand_beside(app, next.of, next.kind, id);
        }
        return;
    }
    if (e && !split_store_with(&app->splits, id)) {
        split_put(&e->split, split_find(&e->split, next.of), id);
        changed(app, e);
    }
    sessions_dismiss(app->sessions, next.of);
}

bool app_split_again(struct app *app, const char *id, workspace_id ws)
{
    if (!split_store_with(&app->splits, id)) {
        return false;
    }
    app->split_next = (struct app_split_next){
        .active = true, .instead = true, .ws = ws, .cols = app->pane_rect.w, .rows = app->pane_rect.h};
    str_copy(app->split_next.of, sizeof(app->split_next.of), id);
    return true;
}

void app_split_failed(struct app *app, workspace_id ws)
{
    if (app->split_next.ws == ws) {
        app->split_next.active = false;
    }
}

/* --- what a person does --- */

/* The next living session of a workspace that is in no layout, after `after` and round to the first. */
static const struct session_info *next_unshown(const struct app *app, const struct workspace *ws, const char *after)
{
    const struct session_info *s, *first = NULL;
    bool passed = false;
    for (size_t i = 0; (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        bool lives = s->state == SESSION_RUNNING || s->state == SESSION_STARTING;
        if (strcmp(s->id, after) == 0) {
            passed = true;
        } else if (lives && tree_shows_session(s) && !split_store_with(&app->splits, s->id)) {
            if (passed) {
                return s;
            }
            first = first ? first : s;
        }
    }
    return first;
}

/* How large another pane at this leaf would be; false: there is no room for it, which is told. */
static bool try_split(struct app *app, struct split s, int leaf, enum split_kind kind, struct rect *out)
{
    struct split_plan plan;
    split_add(&s, leaf, kind, "-");
    struct layout_in in = {
        .cols = app->cols, .rows = app->rows, .list_width = app->list_width, .focus_main = true}; /* not zoomed */
    struct layout l;
    layout_compute(&l, &in);
    struct rect area = {l.main.x, l.main_title.y, l.main.w, l.main.h + l.main_title.h};
    bool tiny = app->cols <= TINY_COLS && app->rows <= TINY_ROWS;
    if (tiny || l.main.w <= 0 || !split_place(&s, area, &plan)) {
        app_say(app, "No room: every pane needs %d columns and %d rows", SPLIT_MIN_COLS, SPLIT_MIN_ROWS);
        return false;
    }
    *out = plan.panes[s.focus];
    return true;
}

/* The selected session stands alone while its workspace has panes: it joins them, next to the one that had the focus
 * last. Another layout in their place would lose what the person made. */
static void join_panes(struct app *app, const struct workspace *ws, struct split_entry *e, enum split_kind kind)
{
    const char *first = split_id(&e->split, 0);
    char id[SESSION_ID_MAX];
    int number = app_number(app, first);
    struct rect r;
    if (split_leaves(&e->split) >= SPLIT_MAX) {
        MT_CLEANUP(xfree) char *go = number > 0 ? xasprintf("%d", number) : xstrdup("one of them in the list");
        app_say(app, "%s has %d panes already, and they are the most: %s shows them, %s x closes one", ws->shown,
                SPLIT_MAX, go, app->config.prefix);
        return;
    }
    if (!try_split(app, e->split, e->split.focus, kind, &r)) {
        return;
    }
    str_copy(id, sizeof(id), app->selected.session);
    app->zoom = false;
    split_add(&e->split, e->split.focus, kind, id);
    changed(app, e);
    app_select_session(app, id, true);
    app_say(app, "It joined the panes of %s; %s x takes it out again", ws->shown, app->config.prefix);
}

void app_split_new(struct app *app, enum split_kind kind)
{
    const struct session_info *se = app_session(app), *next;
    const struct workspace *ws = app_workspace(app);
    struct split_entry *e = app_split(app);
    struct split now;
    struct rect r;
    if (!se || !ws || app_main_kind(app) != MAIN_SESSION) {
        app_say(app, "There is no session here to put another one beside");
        return;
    }
    if (e && split_leaves(&e->split) >= SPLIT_MAX) {
        app_say(app, "%d panes are the most: %s x closes one, its session goes on", SPLIT_MAX, app->config.prefix);
        return;
    }
    if (!e && split_store_get(&app->splits, se->sandbox)) {
        join_panes(app, ws, split_store_get(&app->splits, se->sandbox), kind);
        return;
    }
    split_init(&now, se->id);
    now = e ? e->split : now;
    if (!try_split(app, now, split_find(&now, se->id), kind, &r)) {
        return;
    }
    next = next_unshown(app, ws, se->id);
    if (!next && (ws->info.state != SANDBOX_RUNNING || ws->info.halted)) {
        app_say(app, "%s has no other session, and does not run: nothing can be opened in it", ws->shown);
        return;
    }
    app->zoom = false;
    if (next) {
        char id[SESSION_ID_MAX], of[SESSION_ID_MAX];
        str_copy(id, sizeof(id), next->id);
        str_copy(of, sizeof(of), se->id);
        stand_beside(app, of, kind, id);
        app_select_session(app, id, true);
        return;
    }
    app->split_next = (struct app_split_next){.active = true, .kind = kind, .ws = ws->id, .cols = r.w, .rows = r.h - 1};
    str_copy(app->split_next.of, sizeof(app->split_next.of), se->id);
    flow_session(app, ws->id, SESSION_SHELL, NULL);
}

void app_split_bring(struct app *app, const char *id)
{
    const struct session_info *here = app_session(app);
    struct split_entry *e = app_split(app), *other = split_store_with(&app->splits, id);
    struct rect r;
    char of[SESSION_ID_MAX];
    if (!here || !model_session(app->model, id) || strcmp(here->id, id) == 0) {
        return;
    }
    str_copy(of, sizeof(of), here->id);
    if (!e && split_store_get(&app->splits, here->sandbox)) {
        app_say(app, "This session is none of its workspace's panes: %s | makes it one", app->config.prefix);
        return;
    }
    if (!e) {
        struct split alone;
        split_init(&alone, of);
        if (!try_split(app, alone, 0, SPLIT_BESIDE, &r)) {
            return;
        }
    }
    app->zoom = false;
    if (other && other != e) {
        app_split_gone(app, id);
        e = split_store_with(&app->splits, of);
    }
    if (!e) {
        stand_beside(app, of, SPLIT_BESIDE, id);
    } else if (other != e) {
        split_put(&e->split, split_find(&e->split, of), id);
        changed(app, e);
    }
    app_select_session(app, id, true);
}

void app_split_close(struct app *app)
{
    struct split_entry *e = app_split(app);
    const struct session_info *s = app_session(app);
    if (!e || !s) {
        app_say(app, "There is only one pane here. %s X ends its program, %s w goes to the list.", app->config.prefix,
                app->config.prefix);
        return;
    }
    char label[MT_MAX(sizeof(s->label), sizeof(s->name))], id[SESSION_ID_MAX];
    int number = app_number(app, s->id);
    bool ended = s->state == SESSION_EXITED || s->state == SESSION_LOST;
    str_copy(label, sizeof(label), session_shown(s));
    str_copy(id, sizeof(id), s->id);
    app_split_gone(app, id);
    if (number > 0 && number <= APP_DIGITS) {
        app_say(app, "Only the view of %s is closed%s; %d shows it again", label, ended ? "" : ": it goes on", number);
    } else {
        app_say(app, "Only the view of %s is closed%s; the list has it", label, ended ? "" : ": it goes on");
    }
}

void app_split_focus(struct app *app, int shown)
{
    if (shown >= 0 && shown < app->view.count && app->view.shown[shown]->id[0]) {
        char id[SESSION_ID_MAX];
        str_copy(id, sizeof(id), app->view.shown[shown]->id);
        app_select_session(app, id, true);
    }
}

void app_split_go(struct app *app, enum split_side side)
{
    struct split_entry *e = app_split(app);
    bool back = side == SPLIT_LEFT || side == SPLIT_UP;
    app_arrange(app); /* of several keys in one turn, each begins where the one before it led */
    if (!e) {
        app_run_command(app, command_find(back ? "session.prev" : "session.next"));
        return;
    }
    int leaf = split_find(&e->split, app->selected.session), n = split_leaves(&e->split);
    if (app->view.joined) {
        app_split_focus(app, split_neighbour(&app->view.plan, leaf, side));
        return;
    }
    char id[SESSION_ID_MAX]; /* only one is in sight: through them all, in their order */
    str_copy(id, sizeof(id), split_id(&e->split, (leaf + (back ? n - 1 : 1)) % n));
    app_select_session(app, id, true);
}

void app_split_resize(struct app *app, enum split_side side, int cells)
{
    struct split_entry *e = app_split(app);
    app_arrange(app);
    if (!e || !app->view.joined) {
        app_say(app, e ? "The other panes are hidden now: there is no border to move" : "There is only one pane here");
        return;
    }
    app->split_repeat_ms = loop_now_ms(app->loop) + REPEAT_MS;
    if (split_resize(&e->split, app->view.area, split_find(&e->split, app->selected.session), side, cells)) {
        changed(app, e);
    }
}

void app_split_even(struct app *app)
{
    struct split_entry *e = app_split(app);
    if (e) {
        split_even(&e->split);
        changed(app, e);
    }
}

int app_split_bar(const struct app *app, int col, int row)
{
    for (int i = 0; app->view.joined && i < app->view.plan.bar_count; i++) {
        if (rect_has(app->view.plan.bars[i].at, col, row)) {
            return app->view.plan.bars[i].node;
        }
    }
    return -1;
}

void app_split_drag(struct app *app, int node, int col, int row)
{
    struct split_entry *e = app_split(app);
    if (e && app->view.joined && node < e->split.count &&
        split_drag(&e->split, app->view.area, node, e->split.nodes[node].kind == SPLIT_BESIDE ? col : row)) {
        changed(app, e);
    }
}
