/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_COMPARE_CELLS_H
#define MT_TESTS_COMPARE_CELLS_H

/* Screens as text that another terminal's can be compared with (compare.mjs), and the records of a recording: what a
 * program wrote, with the sizes it had meanwhile. */

#include <stddef.h>

#include "core/util/strbuf.h"
#include "term/vt.h"
#include "tui/surface.h"

/* One line: width, colours ("-", an index, #rrggbb), "." and attributes, underline style, text. */
void cells_put(struct strbuf *out, const struct cluster_table *clusters, const struct cell *c);
/* "s NAME COLS ROWS CURSOR-COLUMN CURSOR-ROW VISIBLE ALTERNATE CELLS\n" and CELLS lines: the part `area` of a screen;
 * without `area` no cells: they are made when the recording is read. */
void cells_put_screen(struct strbuf *out, const struct vt *vt, const struct rect *area, bool alt, const char *name);
/* "o LENGTH\n" and the bytes. */
void cells_put_output(struct strbuf *out, const char *bytes, size_t len);
/* "r COLS ROWS\n". */
void cells_put_size(struct strbuf *out, int cols, int rows);

#endif
