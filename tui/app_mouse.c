/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tui/app.h"

void app_catch_up(struct app *app)
{
    if (app->focus == FOCUS_MAIN && app_main_kind(app) == MAIN_SESSION &&
        strcmp(app->pane->id, app->selected.session) != 0) {
        app_arrange(app);
    }
}

void app_outer_hover(struct app *app)
{
    bool wanted = false;
    for (int i = 0; i < app->view.count; i++) {
        wanted = wanted || pane_wants_hover(app->view.shown[i]);
    }
    screen_set_hover(app->screen, wanted);
}

/* Drags the line between list and session. */
static bool drag_divider(struct app *app, const struct mouse_event *ev)
{
    if (ev->kind == MOUSE_PRESS && ev->button == MOUSE_BUTTON_LEFT && app->layout.divider.w > 0 &&
        rect_has(app->layout.divider, ev->col, ev->row)) {
        app->divider_drag = true;
    } else if (!app->divider_drag) {
        return false;
    }
    app->list_width = MT_MAX(ev->col - app->layout.list.x, 20);
    if (ev->kind == MOUSE_RELEASE) {
        app->divider_drag = false;
        app_save_prefs(app);
    }
    app_dirty(app);
    return true;
}

/* The pane whose place, title line included, this is; -1: none. */
static int pane_at(const struct app *app, int col, int row)
{
    for (int i = 0; app->view.joined && i < app->view.count; i++) {
        if (rect_has(app->view.plan.panes[i], col, row)) {
            return i;
        }
    }
    return -1;
}

/* Drags a border between panes. A press on a title line is for its pane, too. */
static bool drag_bar(struct app *app, const struct mouse_event *ev)
{
    if (app->bar_drag) {
        app_split_drag(app, app->bar_drag - 1, ev->col, ev->row);
        if (ev->kind == MOUSE_RELEASE) {
            app->bar_drag = 0;
        }
        return true;
    }
    int bar = app_split_bar(app, ev->col, ev->row), pane = pane_at(app, ev->col, ev->row);
    bool press = ev->kind == MOUSE_PRESS && ev->button == MOUSE_BUTTON_LEFT;
    bool title = pane >= 0 && ev->row == app->view.plan.panes[pane].y;
    if (!press || (bar < 0 && !title)) {
        return false;
    }
    if (title) {
        app_split_focus(app, pane);
    }
    app->bar_drag = bar + 1;
    return true;
}

/* The pane that an event is for, and where its rows are; NULL: none. */
static struct pane *target(struct app *app, const struct mouse_event *ev, struct rect *at)
{
    for (int i = 0; i < app->view.count; i++) {
        bool held = app->mouse_pane && app->mouse_pane == app->view.shown[i];
        struct pane *p = app->view.shown[i];
        if (p && p->id[0] && (held || (!app->mouse_pane && rect_has(app->view.at[i], ev->col, ev->row)))) {
            *at = app->view.at[i];
            return p;
        }
    }
    return NULL;
}

/* The right side: the program's own mouse, our scrollback, or just the focus. */
static void main_mouse(struct app *app, const struct mouse_event *ev)
{
    bool wheel = ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN;
    bool press = ev->kind == MOUSE_PRESS && !wheel, used = false;
    struct mouse_event in = *ev;
    struct rect at;
    struct pane *p = target(app, ev, &at);
    if (ev->kind == MOUSE_MOTION && ev->button == MOUSE_BUTTON_NONE && app->mouse_pane) {
        app->mouse_pane = NULL; /* it came up where nobody told us */
        p = target(app, ev, &at);
    }
    if (p && press && p != app->pane && app->view.joined) {
        if (app->focus == FOCUS_MAIN) {
            app_select_session(app, p->id, true);
            app_arrange(app); /* the click is for its program as well */
        } else {
            app_select_session(app, p->id, false);
        }
    }
    if (p) {
        in.col -= at.x;
        in.row -= at.y;
        app->mouse_pane = press ? p : ev->kind == MOUSE_RELEASE ? NULL : app->mouse_pane;
        used = pane_mouse(p, &in);
    } else if (ev->kind == MOUSE_RELEASE || press) {
        app->mouse_pane = NULL; /* its session is gone */
    }
    if (!used && press && ev->button == MOUSE_BUTTON_LEFT && app->focus != FOCUS_MAIN) {
        enum app_main kind = app_main_kind(app);
        if (kind == MAIN_SESSION || kind == MAIN_OP) {
            app_set_focus(app, FOCUS_MAIN);
        }
    }
}

/* A click in the bottom line presses the key it names. */
void app_on_mouse(struct app *app, const struct mouse_event *ev)
{
    if (ev->kind == MOUSE_MOTION && ev->button == MOUSE_BUTTON_NONE) {
        app->divider_drag = false; /* the button came up where nobody told us */
        app->bar_drag = 0;
    }
    app->touched = app->touched || ev->kind == MOUSE_PRESS;
    const char *link = surface_link_at(&app->frame, ev->col, ev->row);
    if (link && ev->kind == MOUSE_PRESS && ev->button == MOUSE_BUTTON_LEFT) {
        app_copy_link(app, link);
        return;
    }
    if (app->overlay) {
        app->mouse_pane = NULL;
        app->bar_drag = 0;
        if (app->overlay->ops->on_mouse) {
            app->overlay->ops->on_mouse(app, app->overlay, ev);
        }
        return;
    }
    if (app->mouse_pane ||
        (!drag_divider(app, ev) && !drag_bar(app, ev) && !list_mouse(app, ev) && !task_panel_mouse(app, ev))) {
        main_mouse(app, ev);
    }
}
