/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_GRID_H
#define MT_TERM_GRID_H

/* One screen of cells: rows by pointer, so that a full-width scroll turns pointers and clears rows instead of copying
 * cells; one damage bit a row; a wrap flag a row. Every row and column handed in is checked: out of range is clipped or
 * ignored. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term/cell.h"

#define GRID_MAX 1000 /* most columns, most rows */

/* What a shell said of a row (OSC 133). Four bits: the scrollback keeps them. */
enum grid_mark {
    GRID_MARK_PROMPT = 1,     /* a prompt begins here */
    GRID_MARK_OUTPUT = 2,     /* the output of a command begins here */
    GRID_MARK_END = 4,        /* it ended before this row */
    GRID_MARK_END_INSIDE = 8, /* it ended within this row */
};

struct grid_row {
    struct cell *cells;
    int cap;       /* cells allocated; those past the grid's columns keep what a narrower screen hides */
    int used;      /* cells from here on are CELL_BLANK: clearing and packing stop here */
    bool wrapped;  /* the text goes on in the next row */
    uint8_t marks; /* enum grid_mark */
};

struct grid {
    int cols, rows;
    struct grid_row *row; /* [rows] */
    uint64_t *damage;     /* a bit a row */
};

/* Sizes are clamped to 1..GRID_MAX. Everything is damaged at first. */
void grid_init(struct grid *g, int cols, int rows);
void grid_release(struct grid *g);

/* The row's cells, `cols` of them; NULL when out of range. */
const struct cell *grid_cells(const struct grid *g, int row);
/* The same for writing: marks the row damaged. */
struct cell *grid_edit(struct grid *g, int row);
/* For a run of text: as grid_edit, but the caller says afterwards by grid_set_used how far it wrote. */
struct cell *grid_edit_text(struct grid *g, int row);
void grid_set_used(struct grid *g, int row, int end);
/* Columns of the row that may hold something. */
int grid_used(const struct grid *g, int row);
bool grid_is_wrapped(const struct grid *g, int row);
void grid_set_wrapped(struct grid *g, int row, bool wrapped);
/* Marks stay with their row until the whole row is erased. 0 out of range. */
unsigned grid_marks(const struct grid *g, int row);
void grid_set_marks(struct grid *g, int row, unsigned marks);

/* Writes one cell; a wide character that is cut in half by it is blanked. `c.width` 2 writes the right half too (needs
 * col + 1). */
void grid_put(struct grid *g, int row, int col, struct cell c);
/* Before writing columns [from, to): blanks wide characters that the borders cut. */
void grid_split_wide(struct grid *g, int row, int from, int to);
/* Fills the rectangle [top, bottom) x [left, right) with `blank`. Reaching the right edge clears the wrap flag and
 * hidden cells. With `selective`, protected cells stay. */
void grid_fill(struct grid *g, int top, int left, int bottom, int right, struct cell blank, bool selective);
/* Moves the content of the rectangle up by `down` rows (negative: down) and left by `right` columns (negative: right),
 * and fills what is freed. Full-width moves turn row pointers. */
void grid_scroll(struct grid *g, int top, int left, int bottom, int right, int down, int rightward, struct cell blank);
/* Inserts (n > 0) or deletes (n < 0) columns at `col` in [col, right) of one row. */
void grid_shift(struct grid *g, int row, int col, int right, int n, struct cell blank);

/* Changes the size. Rows are taken away at the bottom (`cut_top` of them at the top first), new rows come at the
 * bottom, or at the top for `add_top`. Cells right of a narrower edge are kept and come back. The caller saves rows it
 * wants before. */
void grid_resize(struct grid *g, int cols, int rows, int cut_top, int add_top, struct cell blank);

/* Takes `rows`, an allocated array of `height` of which the first `n` are filled (of `cols` cells each, theirs to
 * free), in place of what there was; the others become blank. */
void grid_replace(struct grid *g, struct grid_row *rows, int n, int cols, int height);

void grid_damage_row(struct grid *g, int row);
void grid_damage_all(struct grid *g);
bool grid_has_damage(const struct grid *g);
/* The first damaged row >= from, whose bit is cleared; -1 when there is none. */
int grid_take_damage(struct grid *g, int from);

#endif
