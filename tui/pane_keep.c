/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "term/vt.h"
#include "tui/pane.h"

/* Copy mode while the width changes: lines get other numbers, view, cursor, selection and match stay with their text.
 * The host is told of the places before the new size, and tells where they are then. */

enum { KEEP_TOP, KEEP_CURSOR, KEEP_ANCHOR, KEEP_ORIGIN, KEEP_HIT, KEEP_HIT_END, KEEP_COUNT };
_Static_assert(KEEP_COUNT == PANE_KEEP, "a place for each");

/* The places that copy mode looks at. */
static void places(const struct pane *p, struct vt_point out[KEEP_COUNT])
{
    const struct copymode *c = &p->copy;
    const struct pane_find *f = &p->find;
    out[KEEP_TOP] = (struct vt_point){c->top, 0};
    out[KEEP_CURSOR] = (struct vt_point){c->line, c->col};
    out[KEEP_ANCHOR] = (struct vt_point){c->anchor_line, c->anchor_col};
    out[KEEP_ORIGIN] = (struct vt_point){f->line, f->col};
    out[KEEP_HIT] = (struct vt_point){f->hit.line, f->hit.col};
    out[KEEP_HIT_END] = (struct vt_point){f->hit.end_line, f->hit.end_col > 0 ? f->hit.end_col - 1 : 0};
}

/* The host says where they are; its next frame has the new numbers of lines. */
static void on_kept(void *arg, const struct vt_point *points, size_t n)
{
    struct pane *p = arg;
    if (p->keep.state != PANE_KEEP_ASKED || n != KEEP_COUNT) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        p->keep.now[i] = points[i];
    }
    p->keep.state = PANE_KEEP_TOLD;
}

void pane_keep_ask(struct pane *p)
{
    p->keep.state = PANE_KEEP_NONE;
    if (p->copy.active) {
        places(p, p->keep.then);
        p->keep.state = PANE_KEEP_ASKED;
        sessions_keep(p->sessions, p->id, p->keep.then, KEEP_COUNT, on_kept, p);
    }
}

void pane_keep_drop(struct pane *p)
{
    p->keep.state = PANE_KEEP_NONE;
}

void pane_keep_apply(struct pane *p)
{
    const struct vt_point *now = p->keep.now, *then = p->keep.then;
    struct copymode *c = &p->copy;
    struct pane_find *f = &p->find;
    if (p->keep.state != PANE_KEEP_TOLD) {
        return;
    }
    p->keep.state = PANE_KEEP_NONE;
    if (!c->active) {
        return;
    }
    /* A cursor that was moved since is where it is as far from the view's top. */
    bool moved = c->line != then[KEEP_CURSOR].line || c->top != then[KEEP_TOP].line;
    uint64_t below = c->line - c->top;
    c->top = now[KEEP_TOP].line;
    c->line = moved ? c->top + below : now[KEEP_CURSOR].line;
    c->col = moved ? c->col : now[KEEP_CURSOR].col;
    c->anchor_line = now[KEEP_ANCHOR].line;
    c->anchor_col = now[KEEP_ANCHOR].col;
    f->line = now[KEEP_ORIGIN].line;
    f->col = now[KEEP_ORIGIN].col;
    f->top = c->top;
    f->hit.line = now[KEEP_HIT].line;
    f->hit.col = now[KEEP_HIT].col;
    f->hit.end_line = now[KEEP_HIT_END].line;
    f->hit.end_col = now[KEEP_HIT_END].col + 1;
}
