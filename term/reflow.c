/* SPDX-License-Identifier: Apache-2.0 */
#include "term/reflow.h"

#include <stdlib.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"

/* The rows so far; the next character goes to column `col` of the last one. */
struct out {
    struct grid_row *row;
    int n, cap, cols, col;
};

/* Begins a row. */
static void out_row(struct out *o)
{
    if (o->n == o->cap) {
        o->cap = o->cap == 0 ? 64 : o->cap * 2;
        o->row = xreallocarray(o->row, (size_t)o->cap, sizeof(*o->row));
    }
    struct cell *cells = xreallocarray(NULL, (size_t)o->cols, sizeof(*cells));
    cell_fill(cells, (size_t)o->cols, CELL_BLANK);
    o->row[o->n++] = (struct grid_row){.cells = cells, .cap = o->cols};
    o->col = 0;
}

/* Puts a cell of one column, or both of a wide one. */
static void out_cells(struct out *o, const struct cell *c)
{
    int width = c->width == 2 ? 2 : 1;
    if (o->col + width > o->cols) {
        o->row[o->n - 1].wrapped = true;
        out_row(o);
    }
    struct grid_row *row = &o->row[o->n - 1];
    row->cells[o->col] = c[0];
    if (c[0].ch == 0) {
        row->cells[o->col].ch = ' '; /* text follows in its line, so it counts, also at the end of a row */
    }
    if (width == 2) {
        row->cells[o->col + 1] = c[1];
    }
    o->col += width;
    row->used = o->col;
}

/* Points at the cell that was put last: at column `from` of row `i`, or at its right half. */
static void points_at(const struct out *o, struct reflow_point *done, const struct reflow_point *points, int npoints,
                      int i, int from, int width)
{
    for (int p = 0; p < npoints; p++) {
        if (points[p].row == i && points[p].col >= from && points[p].col < from + width) {
            done[p] = (struct reflow_point){.row = o->n - 1, .col = o->col - width + points[p].col - from};
        }
    }
}

/* Points behind the content of row `i`. */
static void points_behind(const struct out *o, struct reflow_point *done, const struct reflow_point *points,
                          int npoints, int i, int n)
{
    for (int p = 0; p < npoints; p++) {
        if (points[p].row == i && points[p].col >= n) {
            int col = o->col + points[p].col - n;
            bool pending = o->col == o->cols && points[p].col == n;
            done[p] = (struct reflow_point){.row = o->n - 1, .col = MT_MIN(col, o->cols - 1), .pending = pending};
        }
    }
}

/* A point behind a row that goes on is at the beginning of the next. */
static void points_normalize(const struct reflow_row *rows, int n, struct reflow_point *points, int npoints)
{
    for (int p = 0; p < npoints; p++) {
        struct reflow_point *at = &points[p];
        if (at->row >= 0 && at->row + 1 < n && rows[at->row].wrapped && at->col >= rows[at->row].n) {
            at->row++;
            at->col = 0;
        }
    }
}

/* One row behind what there is of its line. */
static void put_row(struct out *o, const struct reflow_row *r, int i, struct reflow_point *done,
                    const struct reflow_point *points, int npoints)
{
    bool marked = false;
    for (int k = 0; k < r->n; k++) {
        int width = r->cells[k].width == 2 && k + 1 < r->n ? 2 : 1;
        struct cell pair[2] = {r->cells[k], width == 2 ? r->cells[k + 1] : CELL_BLANK};
        if (width != pair[0].width) { /* half of a wide character */
            pair[0].ch = 0;
            pair[0].width = 1;
        }
        out_cells(o, pair);
        if (!marked) {
            o->row[o->n - 1].marks |= r->marks;
            marked = true;
        }
        points_at(o, done, points, npoints, i, k, width);
        k += width - 1;
    }
    if (!marked) {
        o->row[o->n - 1].marks |= r->marks;
    }
    points_behind(o, done, points, npoints, i, r->n);
    if (r->has_tail && !r->wrapped && o->col < o->cols) {
        struct grid_row *row = &o->row[o->n - 1];
        cell_fill(row->cells + o->col, (size_t)(o->cols - o->col), r->tail);
        row->used = o->cols;
    }
}

struct grid_row *reflow_rows(const struct reflow_row *rows, int n, int cols, struct reflow_point *points, int npoints,
                             int *count)
{
    struct out o = {.cols = cols};
    struct reflow_point *done = xcalloc((size_t)npoints + 1, sizeof(*done));
    points_normalize(rows, n, points, npoints);
    for (int i = 0; i < n; i++) {
        if (i == 0 || !rows[i - 1].wrapped) {
            out_row(&o);
        }
        put_row(&o, &rows[i], i, done, points, npoints);
    }
    if (n > 0) {
        o.row[o.n - 1].wrapped = rows[n - 1].wrapped;
    }
    for (int p = 0; p < npoints; p++) {
        points[p] = points[p].row >= 0 ? done[p] : points[p];
    }
    free(done);
    *count = o.n;
    return o.row;
}

void reflow_free(struct grid_row *rows, int count)
{
    for (int i = 0; i < count; i++) {
        free(rows[i].cells);
    }
    free(rows);
}

struct reflow_row reflow_of(const struct grid *g, int row, int keep)
{
    struct reflow_row r = {.cells = grid_cells(g, row),
                           .n = grid_used(g, row),
                           .wrapped = grid_is_wrapped(g, row),
                           .marks = (uint8_t)grid_marks(g, row)};
    bool margin = r.n == g->cols;
    /* The gap that a wide character left at the margin is no text, whatever its colour. */
    while (r.wrapped && r.n > 0 && r.cells[r.n - 1].ch == 0 && r.cells[r.n - 1].width == 1) {
        r.n--;
    }
    if (r.wrapped) {
        return r;
    }
    while (r.n > 0 && cell_is_blank(&r.cells[r.n - 1]) && (r.cells[r.n - 1].ch == 0 || r.n > keep)) {
        r.n--;
        margin = false;
    }
    if (!margin || r.n == 0 || r.cells[r.n - 1].ch != 0 || r.cells[r.n - 1].width != 1) {
        return r;
    }
    r.has_tail = true;
    r.tail = r.cells[r.n - 1];
    while (r.n > 0 && r.cells[r.n - 1].ch == 0 && r.cells[r.n - 1].width == 1 &&
           cell_same_style(&r.cells[r.n - 1], &r.tail)) {
        r.n--;
    }
    return r;
}
