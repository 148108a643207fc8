/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_PEN_H
#define MT_TERM_PEN_H

/* The style that new characters get, and SGR, which libvterm never sees: all forms of colour (semicolon, colon, with
 * and without colour space), dim, conceal, overline, every underline style. */

#include "core/util/strbuf.h"
#include "term/cell.h"
#include "term/sanitize.h"

struct pen {
    uint32_t fg, bg;
    uint32_t ul;    /* colour of underlines; the cell has it by its extra */
    uint16_t attrs; /* with the high bits of the extra, as in the cell */
    uint8_t link;
};

/* Applies CSI ... m. CELL_PROTECTED and the extra are not SGR's business and stay: after a change of `ul` the owner
 * gives the pen another one. */
void pen_sgr(struct pen *pen, const struct token *t);
/* Appends the parameters that would set the pen ("0;1;38:5:2"), for DECRQSS. */
void pen_format(const struct pen *pen, struct strbuf *out);

#endif
