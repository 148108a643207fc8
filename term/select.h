/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SELECT_H
#define MT_TERM_SELECT_H

/* Text out of cells. Lines are numbered over scrollback and screen together: 0 is the oldest line kept,
 * vt_history_count(vt) the first row of the screen. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/strbuf.h"
#include "term/cell.h"
#include "term/vt.h"

struct select_pos {
    size_t line;
    int col;
};

/* Appends the text of columns [from, to) of a row. Trailing blanks are cut with `trim`. */
void select_cells(struct strbuf *out, const struct cell *cells, int from, int to, const struct cluster_table *clusters,
                  bool trim);
/* Lines that exist: scrollback and screen. */
size_t select_line_count(const struct vt *vt);
/* Unpacks any line into `out` (cols cells). Returns 0, -1 past the end. */
int select_line(struct vt *vt, size_t line, struct cell *out, int cols, bool *wrapped);
/* Appends the text from `a` to `b` (in any order, both included). Wrapped rows are joined; other rows end in a newline
 * (not the last). With `block`, the same columns of each row. */
void select_text(struct vt *vt, struct select_pos a, struct select_pos b, bool block, struct strbuf *out);
/* Widens a position to the word around it: letters, digits and _ - . / ~ : @ % + = ? & # count. */
void select_word(struct vt *vt, struct select_pos at, struct select_pos *from, struct select_pos *to);

#endif
