/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/clock.h"
#include "tui/pane.h"

#define CLICK_MS 400 /* between two clicks of a double click */
#define SCROLL_MS 40 /* between two steps beyond the edge */

/* Rows beyond the edge that the pointer is: negative above, 0 within. */
static int beyond(const struct pane *p)
{
    int row = p->drag.at_row;
    return row < 0 ? row : row >= p->copy.rows ? row - p->copy.rows + 1 : 0;
}

/* The cursor follows the pointer; beyond the edge the view goes that way, the faster the further. */
static void follow(struct pane *p)
{
    struct copymode *c = &p->copy;
    int over = beyond(p);
    int row = MT_MIN(MT_MAX(p->drag.at_row, 0), MT_MAX(c->rows - 1, 0));
    if (over) {
        copymode_scroll(c, over);
    }
    copymode_goto(c, c->top + (uint64_t)row, p->drag.at_col);
    pane_copy_fill(p);
    p->events.on_dirty(p->events.arg);
}

/* The pointer rests beyond the edge: a terminal sends no more events. */
static void on_timer(void *arg)
{
    struct pane *p = arg;
    if (p->drag.active && p->copy.selecting && beyond(p)) {
        follow(p);
        timer_start(p->drag.scroll, SCROLL_MS);
    }
}

void pane_drag_stop(struct pane *p)
{
    p->drag.active = false;
    if (p->drag.scroll) {
        timer_stop(p->drag.scroll);
    }
}

/* Where the button went down, as a line. */
static uint64_t pressed_line(const struct pane *p)
{
    return p->copy.top + (uint64_t)MT_MAX(p->drag.row, 0);
}

/* The second click at one place selects the word, the third the line. */
static void select_clicked(struct pane *p)
{
    pane_copy_begin(p);
    if (!p->copy.active) {
        return;
    }
    copymode_goto(&p->copy, pressed_line(p), p->drag.col);
    p->copy.selecting = false;
    if (p->drag.clicks == 2) {
        copymode_select_word(&p->copy, pane_copy_row, p);
    } else {
        copymode_select(&p->copy, COPY_LINES);
    }
    p->events.on_dirty(p->events.arg);
}

/* The button goes down: nothing is selected yet, unless it is one more click. */
static void press(struct pane *p, const struct mouse_event *ev)
{
    struct pane_drag *d = &p->drag;
    uint64_t now = clock_mono_ms();
    bool again = d->clicks > 0 && now - d->clicked_ms <= CLICK_MS && d->col == ev->col && d->row == ev->row;
    d->clicks = again ? d->clicks % 3 + 1 : 1;
    d->clicked_ms = now;
    d->active = true;
    d->col = d->at_col = ev->col;
    d->row = d->at_row = ev->row;
    d->kind = ev->mods & KEYMOD_ALT ? COPY_BLOCK : COPY_CHARS;
    if (d->clicks > 1) {
        select_clicked(p);
    } else if (p->copy.active) {
        p->copy.selecting = false;
        copymode_goto(&p->copy, pressed_line(p), ev->col);
        p->events.on_dirty(p->events.arg);
    }
}

/* The pointer moves with the button down. */
static void motion(struct pane *p, const struct mouse_event *ev)
{
    struct pane_drag *d = &p->drag;
    bool moved = ev->col != d->col || ev->row != d->row;
    if (d->clicks > 1 || (!moved && !p->copy.selecting)) {
        return; /* a word or line stays as it is */
    }
    d->at_col = ev->col;
    d->at_row = ev->row;
    d->clicks = 0; /* the next press is no second click */
    if (!(p->copy.active && p->copy.selecting)) {
        pane_copy_begin(p);
        copymode_goto(&p->copy, pressed_line(p), d->col);
        copymode_select(&p->copy, d->kind);
    }
    follow(p);
    if (beyond(p)) {
        timer_start(d->scroll, SCROLL_MS);
    } else {
        timer_stop(d->scroll);
    }
}

bool pane_drag(struct pane *p, const struct mouse_event *ev)
{
    if (ev->kind == MOUSE_PRESS) {
        if (!p->drag.scroll) {
            p->drag.scroll = timer_new(p->loop, on_timer, p);
        }
        press(p, ev);
        return false; /* the owner may want to move the focus */
    }
    if (!p->drag.active) {
        return false;
    }
    bool lost = ev->kind == MOUSE_MOTION && ev->button == MOUSE_BUTTON_NONE; /* it came up where nobody told us */
    if (ev->kind == MOUSE_MOTION && !lost) {
        motion(p, ev);
    } else if (ev->kind == MOUSE_RELEASE || lost) {
        pane_drag_stop(p);
        if (p->copy.active && p->copy.selecting) {
            pane_copy_yank(p);
        }
    }
    return true;
}
