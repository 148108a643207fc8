/* SPDX-License-Identifier: Apache-2.0 */
#include "term/echo.h"

#include "core/util/compiler.h"

/* The pen of the offer that draws this cell, -1 when there is none. */
static int pen_of(const struct loan_offer *o, const struct cell *c)
{
    for (uint32_t i = 0; i < o->pens; i++) {
        if (c->fg == o->pen[i].fg && c->bg == o->pen[i].bg && c->attrs == o->pen[i].attrs && c->link == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The text of `n` cells that one pen draws; false when they are not of that kind. */
static bool take_text(const struct loan_offer *o, const struct cell *cells, int n, struct loan_drawn *d)
{
    int pen = n > 0 ? pen_of(o, cells) : 0;

    for (int i = 0; i < n; i++) {
        uint32_t ch = cells[i].ch == 0 ? ' ' : cells[i].ch;

        if (pen < 0 || ch < 0x20 || ch > 0x7e || cells[i].width != 1 || pen_of(o, &cells[i]) != pen) {
            return false;
        }
        d->text[i] = (char)ch;
    }
    d->pen = (uint32_t)pen;
    return true;
}

bool echo_write(const struct loan_offer *offer, const struct cell *cells, int row, int from, int to, struct strbuf *out,
                struct loan_drawn *drawn)
{
    int first = MT_MIN(from, to), n = MT_MAX(from, to) - first;
    const struct loan_pen *pen;

    *drawn = (struct loan_drawn){.row = row, .col = first, .count = n, .cursor = to};
    if (row < 0 || row >= offer->rows || first < 0 || to >= offer->cols || first + n > offer->cols ||
        n > LOAN_CELLS_MAX || offer->pens == 0 || !take_text(offer, cells + first, n, drawn)) {
        return false;
    }
    strbuf_addf(out, "\033[%d;%dH", offer->y + row + 1, offer->x + first + 1);
    pen = &offer->pen[drawn->pen];
    if (n > 0) {
        strbuf_add(out, pen->bytes, pen->len);
        strbuf_add(out, drawn->text, (size_t)n);
        strbuf_addstr(out, pen->len > 0 ? "\033[m" : "");
    }
    if (to < from && n > 0) { /* it went back */
        strbuf_addf(out, "\033[%dD", n);
    }
    return true;
}
