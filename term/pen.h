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
    uint16_t attrs;
    uint8_t link;
};

/* Applies CSI ... m. CELL_PROTECTED and the link are not SGR's business and stay. */
void pen_sgr(struct pen *pen, const struct token *t);
/* Appends the parameters that would set the pen ("0;1;38:5:2"), for DECRQSS. */
void pen_format(const struct pen *pen, struct strbuf *out);

#endif
