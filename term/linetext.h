/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_LINETEXT_H
#define MT_TERM_LINETEXT_H

/* The rows of one logical line (soft-wrapped rows belong together) as one text, and the way back from its bytes to
 * cells. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"
#include "term/cell.h"

/* A logical line longer than this many rows is looked at in parts, which begin at line numbers that this divides: a
 * program that never ends a line must not make searching cost more than a line. */
#define LINETEXT_ROWS 256

struct linetext {
    struct strbuf text;
    struct linetext_place {
        uint64_t line;
        int col, width;
    } * place; /* of each byte: its cell */
    size_t cap;
};

void linetext_init(struct linetext *t);
void linetext_release(struct linetext *t);
void linetext_clear(struct linetext *t);
/* Appends a row. One that does not wrap ends the text: its trailing blanks are cut. */
void linetext_add(struct linetext *t, uint64_t line, const struct cell *cells, int cols, bool wrapped,
                  const struct cluster_table *clusters);
/* The cells of bytes [start, end), not empty: the first one's place, and the place behind the last one (its column may
 * be the row's width, its line is the last one's). */
struct linetext_span {
    uint64_t line, end_line;
    int col, end_col;
};
void linetext_span(const struct linetext *t, size_t start, size_t end, struct linetext_span *out);

#endif
