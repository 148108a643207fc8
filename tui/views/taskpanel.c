/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/tasktext.h"

/* The panel of tasks below the list: the tasks of the workspaces that the list shows, a line each. */

#define UNDERLINED ((uint32_t)CELL_UL_SINGLE << CELL_UL_SHIFT)
#define DOUBLE_CLICK_MS 400

void task_panel_build(struct app *app)
{
    size_t kept = 0;
    tasklist_build(&app->tasks, app->model, "");
    for (size_t i = 0; i < app->tasks.count; i++) {
        const struct session_info *s = model_session(app->model, app->tasks.ids[i]);
        const struct workspace *ws = s ? model_workspace_by_sandbox(app->model, s->sandbox) : NULL;
        if (ws && tree_find(&app->tree, &(struct tree_target){.ws = ws->id}) >= 0) {
            if (kept != i) {
                memcpy(app->tasks.ids[kept], app->tasks.ids[i], SESSION_ID_MAX);
            }
            kept++;
        }
    }
    app->tasks.count = kept;
}

/* Rows of tasks in view. */
static int rows_of(const struct app *app)
{
    return MT_MAX(app->layout.tasks.h - 1, 1);
}

/* The first one in view. */
static long top_row(const struct app *app)
{
    return MT_MAX(MT_MIN((long)app->tasks_top, (long)app->tasks.count - rows_of(app)), 0L);
}

void task_panel_follow(struct app *app)
{
    if (strcmp(app->tasks_at, app->selected.session) == 0) {
        return; /* the wheel may have moved on from it */
    }
    long at = tasklist_find(&app->tasks, app->selected.session), top = top_row(app);
    str_copy(app->tasks_at, sizeof(app->tasks_at), app->selected.session);
    if (at >= 0 && (at < top || at >= top + rows_of(app))) {
        app->tasks_top = (int)(at < top ? at : at - rows_of(app) + 1);
    }
}

/* A role on a row's ground. */
static struct style ink(const struct app *app, enum theme_role role, struct style base, bool on)
{
    struct style st = theme_style(&app->theme, role);
    st.bg = base.bg;
    if (on) {
        st.attrs |= base.attrs & (CELL_REVERSE | UNDERLINED);
        st.fg = base.attrs & CELL_REVERSE ? base.fg : st.fg;
    }
    return st;
}

/* What stands at the right edge: state or port, and for how long. */
static void right_words(const struct session_info *t, int room, char *out, size_t cap)
{
    char brief[400], time[24];
    uint64_t now = clock_wall_ms();
    tasktext_brief(t, now, brief, sizeof(brief));
    tasktext_time(t, now, time, sizeof(time));
    bool both = *time && !tasktext_waits(t) && (int)(strlen(brief) + strlen(time)) + 1 <= room;
    str_format(out, cap, both ? "%s %s" : "%s", brief, time);
}

/* One task. */
static void draw_task(const struct app *app, struct surface *s, struct rect r, const struct session_info *t, bool on)
{
    bool focus = app->focus == FOCUS_TASKS, mono = screen_depth(app->screen) == COLOR_MONO;
    struct style base = theme_style(&app->theme, !on ? THEME_TEXT : focus ? THEME_SELECTION : THEME_SELECTION_DIM);
    struct state_look look = glyph_session(t);
    const char *name = session_shown(t), *place = tasklist_place(app->model, t);
    char words[440];
    int number = app_number(app, t->id);
    if (on && !focus && mono) {
        base.attrs |= UNDERLINED; /* a shade of grey says nothing without colours */
    }
    surface_fill(s, r, base);
    if (number) {
        surface_textf(s, r.x + 1, r.y, 2, ink(app, number <= APP_DIGITS ? THEME_KEY : THEME_DIM, base, on), "%2d",
                      number);
    }
    surface_text(s, r.x + 4, r.y, 1, ink(app, look.role, base, on), glyph_text(look.glyph, app->ascii));
    right_words(t, MT_MAX(r.w / 2 - 2, 8), words, sizeof(words));
    int x = r.x + 6, end = r.x + r.w - 1;
    end = surface_text_right(s, end, r.y, MT_MAX(r.w / 2, 10), ink(app, look.role, base, on), words) - 1;
    x += surface_text(s, x, r.y, end - x, on ? base : ink(app, THEME_TEXT, base, on), name);
    if (x + 2 + MT_MIN(utf8_columns(place, strlen(place)), 6) < end) {
        surface_text(s, x + 2, r.y, end - x - 2, ink(app, THEME_DIM, base, on), place);
    }
}

void task_panel_draw(const struct app *app, struct surface *s, struct rect r)
{
    if (r.h <= 1 || r.w <= 0) {
        return;
    }
    bool focus = app->focus == FOCUS_TASKS;
    int rows = r.h - 1;
    long top = top_row(app);
    char note[48];
    struct rect old = surface_clip(s, r);
    surface_fill(s, r, theme_style(&app->theme, THEME_TEXT));
    surface_hline(s, r.x, r.y, r.w, theme_style(&app->theme, focus ? THEME_BORDER_FOCUS : THEME_BORDER));
    surface_text(s, r.x + 1, r.y, r.w - 2, theme_style(&app->theme, focus ? THEME_TITLE_FOCUS : THEME_TITLE), "Tasks ");
    if ((long)app->tasks.count > rows) {
        str_format(note, sizeof(note), " %ld-%ld of %zu ", top + 1, top + rows, app->tasks.count);
        surface_text_right(s, r.x + r.w - 1, r.y, r.w - 9, theme_style(&app->theme, THEME_DIM), note);
    }
    for (int y = 0; y < rows && top + y < (long)app->tasks.count; y++) {
        const struct session_info *t = model_session(app->model, app->tasks.ids[top + y]);
        if (t) {
            draw_task(app, s, (struct rect){r.x, r.y + 1 + y, r.w, 1}, t, strcmp(t->id, app->selected.session) == 0);
        }
    }
    surface_unclip(s, old);
}

/* Selects the i-th, here and in the list; a folded workspace stays folded. */
static void choose(struct app *app, long to)
{
    long last = (long)app->tasks.count - 1;
    if (last < 0) {
        return;
    }
    const char *id = app->tasks.ids[MT_MAX(MT_MIN(to, last), 0L)];
    const struct session_info *t = model_session(app->model, id);
    const struct workspace *ws = t ? model_workspace_by_sandbox(app->model, t->sandbox) : NULL;
    if (!ws) {
        return;
    }
    app->selected.ws = ws->id;
    str_copy(app->selected.session, sizeof(app->selected.session), id);
    app_rebuild(app);
    app_dirty(app);
}

void task_panel_enter(struct app *app)
{
    long at = tasklist_find(&app->tasks, app->selected.session);
    app_set_focus(app, FOCUS_TASKS);
    choose(app, at >= 0 ? at : app->tasks_top);
}

void task_panel_move(struct app *app, int delta)
{
    long at = tasklist_find(&app->tasks, app->selected.session);
    choose(app, at < 0 ? app->tasks_top : at + delta);
}

bool task_panel_mouse(struct app *app, const struct mouse_event *ev)
{
    struct rect r = app->layout.tasks;
    if (r.h <= 0 || !rect_has(r, ev->col, ev->row)) {
        return false;
    }
    int rows = r.h - 1;
    long n = (long)app->tasks.count;
    if (ev->kind != MOUSE_PRESS) {
        return true;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        long top = top_row(app) + (ev->button == MOUSE_WHEEL_UP ? -2 : 2);
        app->tasks_top = (int)MT_MAX(MT_MIN(top, n - rows), 0L);
        app_dirty(app);
    } else if (ev->button == MOUSE_BUTTON_LEFT && ev->row > r.y) {
        uint64_t now = loop_now_ms(app->loop);
        bool twice = app->click.y == ev->row && now - app->click.ms < DOUBLE_CLICK_MS;
        long top = top_row(app);
        app->click.y = ev->row;
        app->click.ms = twice ? 0 : now;
        if (top + ev->row - r.y - 1 < n) {
            app_set_focus(app, twice ? FOCUS_MAIN : FOCUS_TASKS);
            choose(app, top + ev->row - r.y - 1);
        }
    }
    return true;
}

/* The sooner of two moments; 0 is none. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a == 0 || (b && b < a) ? b : a;
}

uint64_t task_panel_next_ms(const struct app *app)
{
    uint64_t now = clock_wall_ms(), next = 0;
    int rows = app->layout.tasks.h - 1;
    long top = top_row(app);
    for (int y = 0; y < rows && top + y < (long)app->tasks.count; y++) {
        const struct session_info *t = model_session(app->model, app->tasks.ids[top + y]);
        next = sooner(next, t ? tasktext_next_ms(t, now) : 0);
    }
    for (int y = 0; app->tasks.count && y < app->layout.list.h - 1; y++) {
        size_t i = (size_t)app->list_top + (size_t)y;
        const struct tree_row *row = i < app->tree.count ? &app->tree.rows[i] : NULL;
        const struct session_info *t =
            row && row->kind == TREE_SESSION ? model_session(app->model, row->session) : NULL;
        next = sooner(next, t && t->kind == SESSION_TASK ? tasktext_next_ms(t, now) : 0);
    }
    return next;
}
