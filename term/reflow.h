/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_REFLOW_H
#define MT_TERM_REFLOW_H

/* Wraps rows for another width: rows that are one line (joined by the wrap flag) are laid out anew, wide characters are
 * never split, marks stay with their text, and so do points (the cursor). Pure: it knows cells only. */

#include <stdbool.h>

#include "term/cell.h"
#include "term/grid.h"

/* A row as it was. The cells are the caller's. */
struct reflow_row {
    const struct cell *cells;
    int n;         /* cells with content */
    bool wrapped;  /* the text goes on in the next row */
    bool has_tail; /* what follows up to the margin looks like `tail` */
    struct cell tail;
    uint8_t marks;
};

/* A place to keep track of. col == n of its row: behind its last character. A negative row is left alone. */
struct reflow_point {
    int row, col;
    bool pending; /* out: it waits behind the last column */
};

/* Lays `rows` out in `cols` columns. Returns new rows (free with reflow_free; their cells are theirs), *count of them,
 * and moves the points. The last row's wrap flag is kept. */
struct grid_row *reflow_rows(const struct reflow_row *rows, int n, int cols, struct reflow_point *points, int npoints,
                             int *count);
void reflow_free(struct grid_row *rows, int count);
/* Describes a row of a grid: its content, without what hides behind the margin. Text that was written counts up to
 * column `keep` even if it is blank. */
struct reflow_row reflow_of(const struct grid *g, int row, int keep);

#endif
