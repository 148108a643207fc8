/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tui/address.h"
#include "tui/app.h"
#include "tui/clip.h"

const struct workspace *app_workspace(const struct app *app)
{
    return app->selected.ws ? model_workspace(app->model, app->selected.ws) : NULL;
}

const struct session_info *app_session(const struct app *app)
{
    return app->selected.session[0] ? model_session(app->model, app->selected.session) : NULL;
}

const struct op_view *app_op(const struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    const struct op_view *op = ws && ws->op ? model_op(app->model, ws->op) : NULL;
    if (!op || op->state == OP_FAILED) {
        return op;
    }
    bool brings_up =
        strcmp(op->plan, "start") == 0 || strcmp(op->plan, "restart") == 0 || strcmp(op->plan, "provision") == 0;
    return brings_up && tree_op_is_live(op) ? op : NULL;
}

/* Was every backend looked at, and none works? */
static bool lacks_backend(const struct app *app)
{
    size_t n = model_backend_count(app->model);
    for (size_t i = 0; i < n; i++) {
        const struct backend_view *b = model_backend_at(app->model, i);
        if (!b->probed || b->probe.usable) {
            return false;
        }
    }
    return n > 0;
}

enum app_start app_start_kind(const struct app *app)
{
    struct error err = ERROR_INIT;
    const char *path = NULL;
    if (!app->ready) {
        return model_workspace_count(app->model) ? START_NONE : START_LOOKING;
    }
    if (engine_root(app->engine, &path, &err) != 0) {
        /* Only what is not there at all can be made: not the end of a link that leads nowhere. */
        return err.code == ERROR_NOT_FOUND && !fs_is_link(path) ? START_ROOT_MISSING : START_ROOT_BAD;
    }
    if (!app->no_backend_seen && lacks_backend(app)) {
        return START_NO_BACKEND;
    }
    return model_workspace_count(app->model) ? START_NONE : START_EMPTY;
}

enum app_main app_main_kind(const struct app *app)
{
    if (app_start_kind(app) != START_NONE) {
        return MAIN_START;
    }
    if (app_session(app)) {
        return MAIN_SESSION;
    }
    return app_op(app) ? MAIN_OP : MAIN_CARD;
}

int app_number(const struct app *app, const char *session)
{
    for (int i = 0; i < APP_NUMBERS; i++) {
        if (strcmp(app->numbers[i], session) == 0 && *session) {
            return i + 1;
        }
    }
    return 0;
}

/* The place of a session in a table of numbers, or -1. */
static int numbered(char table[APP_NUMBERS][SESSION_ID_MAX], const char *id)
{
    for (int i = 0; i < APP_NUMBERS; i++) {
        if (strcmp(table[i], id) == 0) {
            return i;
        }
    }
    return -1;
}

/* Every session keeps its number while it is there: its host knows it, so that the next cockpit, and another one, show
 * the same. New ones take the lowest free one; of two with the same the older keeps it. */
static void number_sessions(struct app *app)
{
    char old[APP_NUMBERS][SESSION_ID_MAX];
    size_t count = model_session_count(app->model);
    memcpy(old, app->numbers, sizeof(old));
    memset(app->numbers, 0, sizeof(app->numbers));
    for (size_t k = 0; k < count; k++) {
        const struct session_info *s = model_session_at(app->model, k);
        if (tree_shows_session(s) && s->number > 0 && s->number <= APP_NUMBERS && !app->numbers[s->number - 1][0]) {
            str_copy(app->numbers[s->number - 1], SESSION_ID_MAX, s->id);
        }
    }
    for (size_t k = 0; k < count; k++) { /* told to a host that did not answer yet */
        const struct session_info *s = model_session_at(app->model, k);
        int at = numbered(old, s->id);
        if (at >= 0 && !app->numbers[at][0] && numbered(app->numbers, s->id) < 0) {
            str_copy(app->numbers[at], SESSION_ID_MAX, s->id);
        }
    }
    for (size_t k = 0; k < count; k++) {
        const struct session_info *s = model_session_at(app->model, k);
        int free_at = numbered(app->numbers, "");
        if (tree_shows_session(s) && free_at >= 0 && numbered(app->numbers, s->id) < 0) {
            str_copy(app->numbers[free_at], SESSION_ID_MAX, s->id);
            sessions_number(app->sessions, s->id, free_at + 1);
        }
    }
}

/* Keeps the selected row in view; what is out of sight keeps its place. */
static void scroll_to_selection(struct app *app)
{
    if (app->layout.list.h <= 0) {
        return;
    }
    int rows = MT_MAX(app->layout.list.h - 1, 1), n = (int)app->tree.count;
    int at = MT_MAX(app->selected_row, 0);
    /* The rows below a workspace belong to it: show its progress line too. */
    int last = at + 1 < n && app->tree.rows[at + 1].kind == TREE_OP ? at + 1 : at;
    if (last >= app->list_top + rows) {
        app->list_top = last - rows + 1;
    }
    while (at > 0 && at < n && !tree_is_selectable(app->tree.rows[at - 1].kind) &&
           app->tree.rows[at - 1].kind != TREE_OP) {
        at--; /* the heading above belongs to it */
    }
    app->list_top = MT_MIN(app->list_top, at);
    app->list_top = MT_MAX(MT_MIN(app->list_top, n - rows), 0);
}

void app_list_resized(struct app *app)
{
    if (app->list_rows != app->layout.list.h) {
        app->list_rows = app->layout.list.h;
        scroll_to_selection(app);
    }
}

void app_rebuild(struct app *app)
{
    struct tree_opts opts = {.filter = app->filter, .sort = app->sort, .collapsed = &app->collapsed};
    number_sessions(app);
    tree_build(&app->tree, app->model, &opts);
    task_panel_build(app);
    app->tree_dirty = false;
    if (app->selected.session[0] && !model_session(app->model, app->selected.session)) {
        app->selected.session[0] = '\0'; /* the session went away: its workspace is next */
        app->focus = FOCUS_LIST;
        app->zoom = false;
    }
    int row = tree_find(&app->tree, &app->selected);
    if (row < 0 && app->tree.count) {
        row = MT_MIN(MT_MAX(app->selected_row, 0), (int)app->tree.count - 1);
        if (tree_step(&app->tree, row, 0) < 0) {
            int up = tree_step(&app->tree, row, -1);
            row = up >= 0 ? up : tree_step(&app->tree, row, 1); /* the first row is a heading */
        }
        app_select_row(app, row);
        return;
    }
    app->selected_row = row;
    scroll_to_selection(app);
}

void app_select_row(struct app *app, int row)
{
    if (row >= 0 && row < (int)app->tree.count) {
        const struct tree_row *r = &app->tree.rows[row];
        app->selected.ws = r->ws;
        str_copy(app->selected.session, sizeof(app->selected.session), r->session);
        app->selected_row = row;
        scroll_to_selection(app);
    } else {
        app->selected_row = -1;
    }
    app_dirty(app);
}

void app_select_workspace(struct app *app, workspace_id id)
{
    struct tree_target t = {.ws = id};
    int row = tree_find(&app->tree, &t);
    if (row < 0 && app->filter[0]) {
        app->filter[0] = '\0';
        app_rebuild(app);
        row = tree_find(&app->tree, &t);
    }
    app_select_row(app, row);
}

/* When a session was last typed into, or began. */
static uint64_t last_use(const struct session_info *s)
{
    return MT_MAX(s->last_input_wall_ms, s->started_wall_ms);
}

void app_select_last_used(struct app *app)
{
    const struct session_info *best = NULL;
    if (app->touched || app->want_session[0] || app->opts->session) {
        return;
    }
    for (size_t i = 0; i < model_session_count(app->model); i++) {
        const struct session_info *s = model_session_at(app->model, i);
        bool fits = s->state == SESSION_RUNNING && tree_shows_session(s) &&
                    model_workspace_by_sandbox(app->model, s->sandbox) != NULL;
        best = fits && (!best || last_use(s) > last_use(best)) ? s : best;
    }
    if (best) {
        app_select_workspace(app, model_workspace_by_sandbox(app->model, best->sandbox)->id);
    }
}

bool app_select_session(struct app *app, const char *id, bool focus)
{
    const struct session_info *s = model_session(app->model, id);
    const struct workspace *ws = s ? model_workspace_by_sandbox(app->model, s->sandbox) : NULL;
    if (!ws) {
        return false;
    }
    if (focus) {
        app_split_take(app, id);
    }
    tree_set_put(&app->collapsed, ws->id, false);
    struct tree_target t = {.ws = ws->id};
    str_copy(t.session, sizeof(t.session), id);
    app->selected = t;
    app->tree_dirty = true;
    app_rebuild(app);
    if (strcmp(app->selected.session, id) != 0) { /* filtered out */
        app->filter[0] = '\0';
        app->selected = t;
        app_rebuild(app);
    }
    if (focus) {
        app_set_focus(app, FOCUS_MAIN);
    }
    app_dirty(app);
    return true;
}

void app_set_focus(struct app *app, enum app_focus focus)
{
    app->focus = focus;
    app->prefix = false;
    if (focus != FOCUS_MAIN) {
        app->zoom = false;
        if (app->pane->copy.active) {
            pane_copy_end(app->pane);
        }
    }
    app_dirty(app);
}

size_t app_targets(const struct app *app, workspace_id *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < app->marked.len && n < cap; i++) {
        if (model_workspace(app->model, app->marked.ids[i])) {
            out[n++] = app->marked.ids[i];
        }
    }
    if (n == 0 && cap && app_workspace(app)) {
        out[n++] = app->selected.ws;
    }
    return n;
}

enum command_context app_context(const struct app *app)
{
    if (app->overlay) {
        return CONTEXT_DIALOG;
    }
    if (app->focus == FOCUS_LIST) {
        return CONTEXT_LIST;
    }
    if (app->focus == FOCUS_TASKS) {
        return CONTEXT_TASKS;
    }
    if (app->pane->copy.active) {
        return CONTEXT_COPY;
    }
    switch (app_main_kind(app)) {
    case MAIN_SESSION:
        return CONTEXT_SESSION;
    case MAIN_OP:
        return CONTEXT_PROVISION;
    case MAIN_START:
    case MAIN_CARD:
        break;
    }
    return CONTEXT_LIST;
}

bool app_pane_takes_keys(const struct app *app)
{
    const struct session_info *s = app_session(app);
    return app_context(app) == CONTEXT_SESSION && s && (s->state == SESSION_RUNNING || s->state == SESSION_STARTING);
}

struct pane *app_pane_of(struct app *app, const char *id)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(app->panes) && id[0]; i++) {
        if (strcmp(app->panes[i].id, id) == 0) {
            return &app->panes[i];
        }
    }
    return NULL;
}

void app_copy_link(struct app *app, const char *address)
{
    clip_copy(app->loop, app->screen, address, strlen(address));
    app_say(app, "Copied %s", address);
}

void app_copy_address(struct app *app, workspace_id id)
{
    struct address a;
    const struct workspace *ws = model_workspace(app->model, id);
    if (address_get(ws, 0, &a) != 0) {
        app_say(app, "%s has no port that is published now", ws ? ws->shown : "It");
    } else {
        app_copy_link(app, a.url[0] ? a.url : a.text);
    }
}

size_t app_attention_count(const struct app *app)
{
    size_t n = 0;
    for (size_t i = 0; i < model_session_count(app->model); i++) {
        const struct session_info *s = model_session_at(app->model, i);
        n += tree_shows_session(s) && session_wants_person(s);
    }
    return n;
}

const struct session_info *app_next_attention(const struct app *app)
{
    const struct session_info *s = NULL;
    char after[SESSION_ID_MAX];
    str_copy(after, sizeof(after), app->selected.session);
    for (size_t i = 0; i <= model_session_count(app->model) * 2; i++) {
        s = model_next_attention(app->model, after[0] ? after : NULL);
        if (s && tree_shows_session(s) && strcmp(s->id, app->selected.session) != 0) {
            return s;
        }
        if (!s && !after[0]) {
            return NULL;
        }
        str_copy(after, sizeof(after), s ? s->id : ""); /* round to the first */
    }
    return NULL;
}

size_t app_live_sessions(const struct app *app, const char *sandbox)
{
    const struct session_info *s;
    size_t n = 0;
    for (size_t i = 0; *sandbox && (s = model_session_of(app->model, sandbox, i)) != NULL; i++) {
        n += tree_shows_session(s) && (s->state == SESSION_RUNNING || s->state == SESSION_STARTING);
    }
    return n;
}
