/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/reflow.h"
#include "term/vt_priv.h"

/* A new size. The normal screen is wrapped anew, with what its first line has in the scrollback; the scrollback is
 * wrapped when it is read. The alternate screen is cut: its program draws it again. */

/* The normal screen on its way from one size to another. */
struct change {
    struct reflow_row *rows; /* those of the open line in the scrollback, then those of the screen */
    int n, pieces;           /* pieces: how many are of the scrollback; their cells are ours */
    /* The cursor, the saved cursor, those that the caller keeps. Rows of the screen at first, then of `rows`, then of
     * what became of them; negative: so far above, in the scrollback. */
    struct reflow_point *points;
    int npoints;
    struct scrollback_anchor *anchors; /* [npoints] of those in the scrollback */
    int filled;                        /* rows of the screen that were in use */
};

/* True when a row shows nothing. */
static bool row_is_blank(const struct grid *g, int row)
{
    const struct cell *cells = grid_cells(g, row);
    for (int col = 0; col < g->cols; col++) {
        if (!cell_is_blank(&cells[col])) {
            return false;
        }
    }
    return true;
}

/* Takes what the screen's first line has in the scrollback out of it. */
static void take_pieces(struct vt *vt, struct change *c)
{
    c->pieces = (int)scrollback_open_pieces(vt->history);
    c->rows = xcalloc((size_t)c->pieces + (size_t)vt->main.grid.rows, sizeof(*c->rows));
    for (int i = c->pieces - 1; i >= 0; i--) {
        struct row_info info = {0};
        struct cell *cells = xcalloc(GRID_MAX, sizeof(*cells)), tail;
        int n = scrollback_pop_piece(vt->history, cells, GRID_MAX, &info, &tail, &vt->clusters);
        cells = xreallocarray(cells, (size_t)MT_MAX(n, 1), sizeof(*cells));
        c->rows[i] = (struct reflow_row){.cells = cells, .n = n, .wrapped = true, .marks = info.marks};
    }
    c->n = c->pieces;
}

/* The rows of the screen down to the last that is in use. */
static void take_screen(struct vt *vt, struct change *c)
{
    const struct grid *g = &vt->main.grid;
    int cursor = c->points[0].row, last = g->rows - 1;
    while (last > cursor && row_is_blank(g, last)) {
        last--;
    }
    c->filled = last + 1;
    for (int row = 0; row <= last; row++) {
        c->rows[c->n++] = reflow_of(g, row, row == cursor ? c->points[0].col : 0);
    }
    for (int i = 0; i < c->npoints; i++) {
        struct reflow_point *p = &c->points[i];
        p->row = p->row >= 0 ? MT_MIN(p->row + c->pieces, c->n - 1) : p->row;
    }
}

/* Points above the screen, before anything changes: where they are in the text. */
static void anchor_points(struct vt *vt, struct change *c)
{
    for (int i = 2; i < c->npoints; i++) {
        struct reflow_point *p = &c->points[i];
        size_t index = (size_t)(-1 - p->row);
        if (p->row < 0 && !scrollback_anchor(vt->history, index, p->col, &c->anchors[i])) {
            size_t count = scrollback_count(vt->history); /* it was dropped: the oldest there is */
            if (count == 0 || !scrollback_anchor(vt->history, count - 1, 0, &c->anchors[i])) {
                p->row = 0;
            }
        }
    }
}

/* Those of the pieces that were taken out are in `rows` now. Call when the screen's rows are there. */
static void take_points(struct vt *vt, struct change *c)
{
    uint64_t first = scrollback_next_piece(vt->history);
    for (int i = 2; i < c->npoints; i++) {
        struct reflow_point *p = &c->points[i];
        if (p->row < 0 && c->anchors[i].piece >= first) {
            p->row = (int)MT_MIN(c->anchors[i].piece - first, (uint64_t)c->n - 1);
            p->col = c->anchors[i].cell;
        }
    }
}

/* The others by the new width. */
static void find_points(struct vt *vt, struct change *c)
{
    for (int i = 2; i < c->npoints; i++) {
        struct reflow_point *p = &c->points[i];
        size_t index = 0;
        if (p->row < 0 && scrollback_find(vt->history, &c->anchors[i], &index, &p->col)) {
            p->row = -1 - (int)MT_MIN(index, (size_t)INT32_MAX - 1);
        }
    }
}

/* A shell that waits at its prompt draws the line with the cursor again, from where its first row was, and knows
 * nothing of wrapping: its rows are blanked, and stay as many as they were. Rows above them are left alone, as some
 * shells do not draw those of their prompt again. */
static void blank_prompt(const struct vt *vt, struct change *c)
{
    int first = c->points[0].row, last = first;
    if (!vt->at_prompt || vt->screen != &vt->main) {
        return;
    }
    while (first > 0 && c->rows[first - 1].wrapped) {
        first--;
    }
    while (last + 1 < c->n && c->rows[last].wrapped) {
        last++;
    }
    if (first < c->pieces) {
        return; /* longer than the screen: no shell finds its beginning */
    }
    for (int i = first; i <= last; i++) {
        c->rows[i] = (struct reflow_row){.cells = c->rows[i].cells, .marks = c->rows[i].marks};
    }
}

static void push_row(struct vt *vt, const struct grid_row *r, int cols)
{
    struct row_info info = {.wrapped = r->wrapped, .marks = r->marks};
    scrollback_push(vt->history, r->cells, MT_MIN(r->used, cols), cols, info, &vt->clusters);
}

/* Puts `count` rows into the screen: what is too much goes to the scrollback, and when the screen was full it is filled
 * from there. Returns the number of the row that comes first on the screen, negative: as many came from the scrollback.
 */
static int place_rows(struct vt *vt, struct grid_row *rows, int count, int cols, int height, bool full)
{
    int cut = MT_MAX(count - height, 0), pull = 0;
    struct grid_row *screen = xcalloc((size_t)height, sizeof(*screen));
    for (int i = 0; i < cut; i++) {
        push_row(vt, &rows[i], cols);
        free(rows[i].cells);
    }
    /* Rows that come back are put from the top of the free ones down, then moved up to stand right above. */
    while (full && pull + count < height) {
        struct grid_row *r = &screen[height - count - 1 - pull];
        struct row_info info = {0};
        r->cells = xreallocarray(NULL, (size_t)cols, sizeof(*r->cells));
        if (scrollback_pop(vt->history, r->cells, cols, &info, &vt->clusters) < 0) {
            free(r->cells);
            r->cells = NULL;
            break;
        }
        r->cap = r->used = cols;
        r->wrapped = info.wrapped;
        r->marks = info.marks;
        pull++;
    }
    if (pull > 0) {
        memmove(screen, screen + (height - count - pull), (size_t)pull * sizeof(*screen));
    }
    memcpy(screen + pull, rows + cut, (size_t)(count - cut) * sizeof(*screen));
    free(rows);
    grid_replace(&vt->main.grid, screen, pull + count - cut, cols, height);
    return cut - pull;
}

/* Resizes the normal screen, and moves the points: rows of the screen then, negative in the scrollback. */
static void resize_main(struct vt *vt, int cols, int height, struct change *c)
{
    struct grid *g = &vt->main.grid;
    bool rewrap = cols != g->cols;
    int count = 0;
    if (rewrap) {
        anchor_points(vt, c);
        take_pieces(vt, c);
    } else {
        c->rows = xcalloc((size_t)g->rows, sizeof(*c->rows));
    }
    take_screen(vt, c);
    if (rewrap) {
        take_points(vt, c);
        blank_prompt(vt, c);
    }
    struct grid_row *rows = reflow_rows(c->rows, c->n, cols, c->points, c->npoints, &count);
    for (int i = 0; i < c->pieces; i++) {
        free((void *)(uintptr_t)c->rows[i].cells);
    }
    free(c->rows);
    scrollback_set_width(vt->history, cols);
    if (rewrap) {
        find_points(vt, c);
    }
    int first = place_rows(vt, rows, count, cols, height, c->filled == g->rows);
    for (int i = 0; i < c->npoints; i++) {
        c->points[i].row -= first;
    }
    for (int i = 0; i < 2; i++) {
        struct reflow_point *p = &c->points[i];
        p->pending = p->pending && p->row >= 0;
        p->row = mt_clamp(p->row, 0, height - 1);
    }
}

/* Behind the last column, when a wrap is pending. */
static struct reflow_point point_of(const struct grid *g, int row, int col, bool pending)
{
    return (struct reflow_point){.row = mt_clamp(row, 0, g->rows - 1), .col = mt_clamp(col, 0, g->cols - 1) + pending};
}

/* The caller's points, as rows of the screen; negative: of the scrollback. */
static void points_in(const struct vt *vt, struct change *c, const struct vt_point *points, size_t n)
{
    uint64_t total = vt_history_total(vt);
    for (size_t i = 0; i < n; i++) {
        uint64_t line = points[i].line;
        struct reflow_point *p = &c->points[2 + i];
        p->row = line >= total ? (int)MT_MIN(line - total, (uint64_t)vt_rows(vt) - 1)
                               : -(int)MT_MIN(total - line, (uint64_t)INT32_MAX);
        p->col = mt_clamp(points[i].col, 0, vt_cols(vt) - 1);
    }
}

static void points_out(const struct vt *vt, const struct change *c, struct vt_point *points, size_t n)
{
    uint64_t total = vt_history_total(vt);
    for (size_t i = 0; i < n; i++) {
        const struct reflow_point *p = &c->points[2 + i];
        points[i].line = p->row >= 0 ? total + (uint64_t)p->row : total - (uint64_t)(-(int64_t)p->row);
        points[i].col = p->col;
    }
}

void vt_resize(struct vt *vt, int cols, int rows)
{
    vt_resize_keep(vt, cols, rows, NULL, 0);
}

void vt_resize_keep(struct vt *vt, int cols, int rows, struct vt_point *points, size_t n)
{
    cols = mt_clamp(cols, VT_MIN_COLS, GRID_MAX);
    rows = mt_clamp(rows, VT_MIN_ROWS, GRID_MAX);
    if (cols == vt->main.grid.cols && rows == vt->main.grid.rows) {
        return;
    }
    bool on_main = vt->screen == &vt->main, pending = vt_is_wrap_pending(vt);
    struct vt_saved *saved = &vt->main.saved;
    struct change c = {.npoints = 2 + (int)n};
    c.points = xcalloc(2 + n, sizeof(*c.points));
    c.anchors = xcalloc(2 + n, sizeof(*c.anchors));
    int row = vt->row, col = vt->col;
    c.points[1] = point_of(&vt->main.grid, saved->row, saved->col, saved->pending_wrap);
    c.points[0] = on_main ? point_of(&vt->main.grid, row, col, pending) : c.points[1];
    points_in(vt, &c, points, n);
    vt_engine_margins_off(vt);
    vt->top = vt->left = 0;
    vt->bottom = rows;
    vt->right = cols;
    vt_take_begin(vt);
    resize_main(vt, cols, rows, &c);
    vt_take_end(vt);
    saved->row = c.points[1].row;
    saved->col = c.points[1].col;
    saved->pending_wrap = c.points[1].pending;
    int alt_cut = on_main ? 0 : MT_MAX(row - (rows - 1), 0);
    grid_resize(&vt->alt.grid, cols, rows, alt_cut, 0, CELL_BLANK);
    vt_engine_size(vt, cols, rows);
    vt->last_row = -1;
    if (on_main) {
        vt_goto(vt, c.points[0].row, c.points[0].col);
    } else {
        vt_goto(vt, row - alt_cut, col);
    }
    if (on_main && c.points[0].pending) {
        vt_pend_wrap(vt);
    }
    points_out(vt, &c, points, n);
    free(c.points);
    free(c.anchors);
    if (vt->tell_size) {
        vt_report_size(vt);
    }
}
