/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tui/app.h"
#include "tui/glyph.h"

/* Too small for anything: say so, whatever the size. */
static void draw_too_small(struct app *app)
{
    struct surface *s = &app->frame;
    struct style st = theme_style(&app->theme, THEME_TEXT);
    char text[80];
    str_format(text, sizeof(text), "%dx%d is too small: %dx%d, please", app->cols, app->rows, LAYOUT_MIN_COLS,
               LAYOUT_MIN_ROWS);
    int y = app->rows / 2;
    surface_text(s, app->cols > (int)strlen(text) ? (app->cols - (int)strlen(text)) / 2 : 0, y, app->cols, st, text);
    if (y + 1 < app->rows) {
        const char *calm = "everything goes on running";
        surface_text(s, app->cols > (int)strlen(calm) ? (app->cols - (int)strlen(calm)) / 2 : 0, y + 1, app->cols,
                     theme_style(&app->theme, THEME_DIM), calm);
    }
}

/* The right side. */
static void draw_main(struct app *app)
{
    struct rect r = app->layout.main;
    switch (app_main_kind(app)) {
    case MAIN_SESSION:
        session_draw(app, &app->frame, r);
        break;
    case MAIN_OP:
        op_draw(app, &app->frame, r);
        break;
    case MAIN_CARD:
        card_draw(app, &app->frame, r);
        break;
    case MAIN_START:
        break;
    }
}

/* A line between list and session, in the colour of what has the focus. */
static void draw_divider(struct app *app)
{
    struct rect r = app->layout.divider;
    if (r.w > 0) {
        surface_fill(&app->frame, r, theme_style(&app->theme, THEME_TEXT));
        surface_vline(&app->frame, r.x, r.y, r.h,
                      theme_style(&app->theme, app->focus == FOCUS_MAIN ? THEME_BORDER_FOCUS : THEME_BORDER));
    }
}

/* Overlays from the lowest up; all but one-liners lie on a quieter background. */
static void draw_overlays(struct app *app, const struct overlay *o)
{
    if (!o) {
        return;
    }
    draw_overlays(app, o->below);
    struct rect whole = {0, 0, app->cols, app->rows};
    if (!o->ops->one_line) {
        whole.h--; /* the keys of the dialog stay in sight */
        if (!o->below && !o->lit) {
            struct style dim = theme_style(&app->theme, THEME_DIM);
            surface_tint(&app->frame, (struct rect){0, 1, app->cols, app->rows - 2},
                         (struct style){.fg = dim.fg ? dim.fg : SURFACE_KEEP, .bg = SURFACE_KEEP});
        }
    }
    app->frame.cursor.visible = false;
    o->ops->draw(app, o, &app->frame, whole);
}

void frame_draw(struct app *app)
{
    struct surface *s = &app->frame;
    if (s->cols != app->cols || s->rows != app->rows) {
        surface_resize(s, app->cols, app->rows);
    }
    s->clip = (struct rect){0, 0, app->cols, app->rows};
    s->ascii = app->ascii;
    surface_links_clear(s);
    s->cursor.visible = false;
    surface_fill(s, s->clip, theme_style(&app->theme, THEME_TEXT));
    if (app->layout.too_small) {
        draw_too_small(app);
        return;
    }
    top_draw(app, s, app->layout.top);
    if (app_main_kind(app) == MAIN_START) {
        start_draw(app, s, (struct rect){0, 1, app->cols, app->rows - 2});
    } else {
        if (app->layout.list.w > 0) {
            list_draw(app, s, app->layout.list);
            task_panel_draw(app, s, app->layout.tasks);
        }
        draw_divider(app);
        if (app->view.joined) {
            split_draw(app, s);
        } else if (app->layout.main.w > 0) {
            session_title_draw(app, s, app->layout.main_title);
            draw_main(app);
        }
    }
    bottom_draw(app, s, app->layout.bottom);
    draw_overlays(app, app->overlay);
}

/* Does something in these rows spin? */
static bool row_is_busy(const struct app *app, const struct tree_row *r)
{
    if (r->kind == TREE_SESSION) {
        const struct session_info *s = model_session(app->model, r->session);
        return s && glyph_session(s).spins;
    }
    const struct workspace *ws = model_workspace(app->model, r->ws);
    return ws &&
           (tree_op_is_live(model_op(app->model, ws->op)) || glyph_sandbox(model_shown_state(app->model, ws)).spins);
}

bool frame_is_busy(const struct app *app)
{
    if (app->layout.too_small || !app->ready) {
        return false;
    }
    if (server_is_busy(app->server)) {
        return true; /* in the header */
    }
    if (app->layout.main.w > 0 && !app_session(app)) {
        const struct workspace *ws = app_workspace(app);
        if (ws && tree_op_is_live(model_op(app->model, ws->op))) {
            return true;
        }
    }
    for (int y = 0; app->layout.list.w > 0 && y < app->layout.list.h - 1; y++) {
        size_t i = (size_t)app->list_top + (size_t)y;
        if (i < app->tree.count && row_is_busy(app, &app->tree.rows[i])) {
            return true;
        }
    }
    return false;
}
