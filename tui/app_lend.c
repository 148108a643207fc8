/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/app.h"

static void add_look(struct screen_place *p, struct style program, struct style text)
{
    p->look[p->looks].program = program;
    p->look[p->looks].shown = pane_style(program, text);
    p->looks++;
}

/* Where the pane with the focus is, if it stands on the terminal as its program left it. */
static bool find_rect(const struct app *app, struct rect *at)
{
    const struct app_panes *v = &app->view;
    if (app->overlay || app->layout.too_small || !app->frame.cursor.visible || app_main_kind(app) != MAIN_SESSION) {
        return false;
    }
    for (int i = 0; i < v->count; i++) {
        if (v->shown[i] == app->pane) {
            *at = v->at[i];
            return pane_can_patch(app->pane, v->at[i]) && app->pane->painted.from == 0;
        }
    }
    return false;
}

void app_prepare_loan(struct app *app)
{
    const struct pane *p = app->pane;
    struct loan *loan = p->id[0] ? sessions_loan(p->sessions, p->id) : NULL;
    const struct session_screen *sc = loan ? sessions_screen(p->sessions, p->id) : NULL;
    struct screen_place place = {.looks = 0};
    struct style text = theme_style(&app->theme, THEME_TEXT);
    if (!sc || !find_rect(app, &place.at) || sc->reverse_video) {
        return;
    }
    place.at.w = MT_MIN(place.at.w, sc->cols);
    place.at.h = MT_MIN(place.at.h, sc->rows);
    add_look(&place, (struct style){.fg = CELL_COLOR_DEFAULT, .bg = CELL_COLOR_DEFAULT}, text);
    const struct cell *cells = sessions_row(p->sessions, p->id, sc->cursor_row, NULL);
    const struct cell *left = cells && sc->cursor_col > 0 ? &cells[sc->cursor_col - 1] : NULL;
    if (left && (left->fg || left->bg || left->attrs) && cell_extra(left) == 0) {
        /* What is typed looks like what stands there. */
        add_look(&place, (struct style){left->fg, left->bg, left->attrs}, text);
    }
    screen_prepare_loan(app->screen, loan, &place);
}
