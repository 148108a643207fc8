/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tui/app.h"
#include "tui/glyph.h"

/* Arms of a border cell, 0 none, 1 light, 2 heavy: the focused pane's title line is the heavy one. */
struct arms {
    int left, right;
    bool up, down;
};

/* The character of those arms. */
static const char *joint(struct arms a, bool ascii)
{
    /* By left and right, then up and down: none, down, up, both. */
    static const char *const table[3][3][4] = {
        {{" ", "╷", "╵", "│"}, {"╶", "┌", "└", "├"}, {"╺", "┍", "┕", "┝"}},
        {{"╴", "┐", "┘", "┤"}, {"─", "┬", "┴", "┼"}, {"╼", "┮", "┶", "┾"}},
        {{"╸", "┑", "┙", "┥"}, {"╾", "┭", "┵", "┽"}, {"━", "┯", "┷", "┿"}},
    };
    bool across = a.left || a.right, along = a.up || a.down;
    if (ascii) {
        return across && along ? "+" : along ? "|" : a.left == 2 || a.right == 2 ? "=" : "-";
    }
    return table[a.left][a.right][(a.up ? 2 : 0) + (a.down ? 1 : 0)];
}

/* Adds what the title lines give to a cell: each reaches over the borders at its sides. */
static void add_titles(const struct app *app, int x, int y, struct arms *a)
{
    const struct app_panes *v = &app->view;
    for (int i = 0; i < v->count; i++) {
        struct rect r = v->plan.panes[i];
        int weight = i == v->focus && app->focus == FOCUS_MAIN ? 2 : 1;
        if (r.y != y) {
            continue;
        }
        a->right = x >= r.x - 1 && x < r.x + r.w ? weight : a->right;
        a->left = x >= r.x && x <= r.x + r.w ? weight : a->left;
    }
}

/* Adds what a vertical line from row y0 up to, not including, y1 gives to a cell in its column; it reaches the title
 * line below it, if there is one. */
static void add_upright(int y, int y0, int y1, struct arms *a)
{
    a->down = a->down || (y >= y0 && y < y1);
    a->up = a->up || (y > y0 && y <= y1);
}

/* The arms of a border cell. */
static struct arms arms_at(const struct app *app, int x, int y)
{
    const struct app_panes *v = &app->view;
    struct rect divider = app->layout.divider;
    struct arms a = {0};
    for (int i = 0; i < v->plan.bar_count; i++) {
        struct rect at = v->plan.bars[i].at;
        if (v->plan.bars[i].vertical && at.x == x) {
            add_upright(y, at.y, at.y + at.h, &a);
        }
    }
    if (divider.w > 0 && divider.x == x) {
        a.up = y > divider.y;
        a.down = true;
    }
    add_titles(app, x, y, &a);
    return a;
}

/* Is this place at the side of the pane that has the focus? */
static bool is_by_focus(const struct app *app, int x, int y)
{
    struct rect r = app->view.plan.panes[app->view.focus];
    return app->focus == FOCUS_MAIN && x >= r.x - 1 && x <= r.x + r.w && y >= r.y && y < r.y + r.h;
}

/* One cell of a border. */
static void draw_joint(const struct app *app, struct surface *s, int x, int y)
{
    bool ours = is_by_focus(app, x, y);
    surface_text(s, x, y, 1, theme_style(&app->theme, ours ? THEME_BORDER_FOCUS : THEME_BORDER),
                 joint(arms_at(app, x, y), app->ascii));
}

/* The columns between panes, and where title lines meet the list's border. */
static void draw_uprights(const struct app *app, struct surface *s)
{
    const struct app_panes *v = &app->view;
    struct rect divider = app->layout.divider;
    for (int i = 0; i < v->plan.bar_count; i++) {
        struct rect at = v->plan.bars[i].at;
        for (int y = at.y; v->plan.bars[i].vertical && y < at.y + at.h; y++) {
            draw_joint(app, s, at.x, y);
        }
    }
    for (int y = divider.y; divider.w > 0 && y < divider.y + divider.h; y++) {
        draw_joint(app, s, divider.x, y);
    }
}

/* The number of a session at the right end of its title line; returns where the line goes on before it. */
static int draw_number(const struct app *app, struct surface *s, struct rect r, const char *id)
{
    int number = app_number(app, id), end = r.x + r.w - 1;
    char text[8];
    if (!number || r.w < 16) {
        return end;
    }
    str_format(text, sizeof(text), " %d ", number);
    struct style st = theme_style(&app->theme, number <= APP_DIGITS ? THEME_KEY : THEME_DIM);
    st.bg = theme_style(&app->theme, THEME_TEXT).bg;
    return surface_text_right(s, end, r.y, 4, st, text);
}

/* Who and what: the state's sign, the workspace where there is room for it, and the session. Returns where it ends. */
static int draw_name(const struct app *app, struct surface *s, struct rect r, int end, const struct session_info *se,
                     bool focus)
{
    const struct workspace *ws = model_workspace_by_sandbox(app->model, se->sandbox);
    struct style title = theme_style(&app->theme, focus ? THEME_TITLE_FOCUS : THEME_TITLE),
                 dim = theme_style(&app->theme, THEME_DIM);
    struct state_look look = glyph_session(se);
    const char *label = session_shown(se);
    int x = r.x + 1;
    x += surface_text(s, x, r.y, 1, title, " ");
    x += surface_text(s, x, r.y, 2, theme_style(&app->theme, look.role), glyph_text(look.glyph, app->ascii));
    x += surface_text(s, x, r.y, 1, title, " ");
    if (ws && r.w >= 30) {
        x += surface_text(s, x, r.y, MT_MAX((end - x) / 2, 0), title, ws->shown);
        x += surface_textf(s, x, r.y, MT_MAX(end - x, 0), dim, " %s ", glyph_text(GLYPH_ARROW, app->ascii));
    }
    x += surface_text(s, x, r.y, MT_MAX(end - x - 1, 0), title, label);
    return x + surface_text(s, x, r.y, 1, title, " ");
}

/* What its program says of itself, why it wants a person, copy mode. */
static void draw_notes(const struct app *app, struct surface *s, int x, int y, int end, const struct session_info *se,
                       const struct pane *p)
{
    if (p->copy.active && x + 10 < end) {
        x += surface_text(s, x, y, end - x, theme_style(&app->theme, THEME_ACCENT), "copy mode ");
    }
    if (session_wants_person(se) && x + 8 < end) {
        char call[200];
        glyph_call(se, false, call, sizeof(call));
        x += surface_textf(s, x, y, end - x - 1, theme_style(&app->theme, THEME_ATTENTION), "%s %s",
                           glyph_text(GLYPH_ATTENTION, app->ascii),
                           se->attention_text[0] ? se->attention_text
                           : call[0]             ? call
                                                 : glyph_session(se).word);
        x += surface_text(s, x, y, 1, theme_style(&app->theme, THEME_TEXT), " ");
    }
    const char *told = session_told(se);
    if (*told && x + 8 < end) {
        x += surface_text(s, x, y, end - x - 1, theme_style(&app->theme, THEME_DIM), told);
        surface_text(s, x, y, 1, theme_style(&app->theme, THEME_TEXT), " ");
    }
}

/* A pane's first row. */
static void draw_title(const struct app *app, struct surface *s, int i)
{
    struct rect r = app->view.plan.panes[i];
    const struct pane *p = app->view.shown[i];
    const struct session_info *se = model_session(app->model, p->id);
    bool focus = i == app->view.focus && app->focus == FOCUS_MAIN;
    for (int x = r.x; x < r.x + r.w; x++) {
        draw_joint(app, s, x, r.y);
    }
    if (se) {
        struct rect old = surface_clip(s, (struct rect){r.x, r.y, r.w, 1});
        int end = draw_number(app, s, r, se->id);
        int x = draw_name(app, s, r, end, se, focus);
        draw_notes(app, s, x, r.y, end, se, p);
        surface_unclip(s, old);
    }
}

/* What is below a pane's title line. */
static void draw_body(const struct app *app, struct surface *s, int i)
{
    struct rect r = app->view.plan.panes[i];
    session_body_draw(app, app->view.shown[i], s, (struct rect){r.x, r.y + 1, r.w, r.h - 1});
}

void split_draw(const struct app *app, struct surface *s)
{
    const struct app_panes *v = &app->view;
    draw_uprights(app, s);
    for (int i = 0; i < v->count; i++) {
        draw_title(app, s, i);
        if (i != v->focus) {
            draw_body(app, s, i);
        }
    }
    draw_body(app, s, v->focus); /* last: the cursor is its own */
}
