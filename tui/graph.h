/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_GRAPH_H
#define MT_TUI_GRAPH_H

/* Graphs of what was measured over time, as lines of text: braille, or plain signs. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/strbuf.h"

/* Line `row` (0 is the upper one) of a graph of `rows` lines; two values a column, oldest first. A value of `top` fills
 * the height; 0 is still seen, as the lowest dots; below 0 is unknown, and blank. */
void graph_row(const float *values, size_t count, float top, int rows, int row, bool ascii, struct strbuf *out);
/* A round number that is not below any of the values, nor below `least`. */
float graph_top(const float *values, size_t count, float least);
/* The newest known value of the last `within`; below 0: there is none. */
float graph_last(const float *values, size_t count, size_t within);

#endif
