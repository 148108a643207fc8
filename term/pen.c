/* SPDX-License-Identifier: Apache-2.0 */
#include "term/pen.h"

#include <string.h>

/* What a plain SGR parameter switches on and off. */
struct attr_code {
    uint8_t code;
    uint16_t clear, set;
};
static const struct attr_code attr_codes[] = {
    {1, 0, CELL_BOLD},
    {2, 0, CELL_DIM},
    {3, 0, CELL_ITALIC},
    {5, 0, CELL_BLINK},
    {6, 0, CELL_BLINK},
    {7, 0, CELL_REVERSE},
    {8, 0, CELL_CONCEAL},
    {9, 0, CELL_STRIKE},
    {21, CELL_UL_MASK, CELL_UL_DOUBLE << CELL_UL_SHIFT},
    {22, CELL_BOLD | CELL_DIM, 0},
    {23, CELL_ITALIC, 0},
    {24, CELL_UL_MASK, 0},
    {25, CELL_BLINK, 0},
    {27, CELL_REVERSE, 0},
    {28, CELL_CONCEAL, 0},
    {29, CELL_STRIKE, 0},
    {53, 0, CELL_OVERLINE},
    {55, CELL_OVERLINE, 0},
};

static unsigned clamp_byte(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (unsigned)v;
}

/* Reads a colour after 38, 48 or 58 at `i`. Returns the index after it; *color is left alone when it is none. */
static int read_color(const struct token *t, int i, uint32_t *color)
{
    int end = i + 1;
    while (end < t->nparams && t->sub[end]) {
        end++;
    }
    bool colon = end > i + 1;
    int kind = token_param(t, i + 1, -1);
    if (kind == 5) {
        int index = token_param(t, i + 2, 0);
        if (index < 256) {
            *color = cell_indexed((unsigned)index);
        }
        return colon ? end : i + 3;
    }
    if (kind == 2) {
        /* 38:2:r:g:b, and 38:2:space:r:g:b[:...] which has one parameter more. */
        int at = colon && end - i >= 6 ? i + 3 : i + 2;
        *color = cell_rgb(clamp_byte(token_param(t, at, 0)), clamp_byte(token_param(t, at + 1, 0)),
                          clamp_byte(token_param(t, at + 2, 0)));
        return colon ? end : i + 5;
    }
    return colon ? end : i + 2;
}

/* 4 and 4:n. */
static void set_underline(struct pen *pen, const struct token *t, int i)
{
    int style = i + 1 < t->nparams && t->sub[i + 1] ? token_param(t, i + 1, 1) : CELL_UL_SINGLE;
    if (style <= CELL_UL_DASHED) {
        pen->attrs = (uint16_t)((pen->attrs & ~CELL_UL_MASK) | style << CELL_UL_SHIFT);
    }
}

/* One parameter that is neither colour 38/48/58 nor underline. */
static void set_simple(struct pen *pen, int p)
{
    if (p == 0) {
        pen->fg = pen->bg = pen->ul = CELL_COLOR_DEFAULT;
        pen->attrs &= CELL_PROTECTED | CELL_EXTRA_MASK;
    } else if (p >= 30 && p <= 37) {
        pen->fg = cell_indexed((unsigned)p - 30);
    } else if (p == 39) {
        pen->fg = CELL_COLOR_DEFAULT;
    } else if (p >= 40 && p <= 47) {
        pen->bg = cell_indexed((unsigned)p - 40);
    } else if (p == 49) {
        pen->bg = CELL_COLOR_DEFAULT;
    } else if (p == 59) {
        pen->ul = CELL_COLOR_DEFAULT;
    } else if (p >= 90 && p <= 97) {
        pen->fg = cell_indexed((unsigned)p - 90 + 8);
    } else if (p >= 100 && p <= 107) {
        pen->bg = cell_indexed((unsigned)p - 100 + 8);
    } else {
        for (size_t k = 0; k < sizeof(attr_codes) / sizeof(attr_codes[0]); k++) {
            if (attr_codes[k].code == p) {
                pen->attrs = (uint16_t)((pen->attrs & ~attr_codes[k].clear) | attr_codes[k].set);
            }
        }
    }
}

void pen_sgr(struct pen *pen, const struct token *t)
{
    if (t->nparams == 0) {
        set_simple(pen, 0);
        return;
    }
    int i = 0;
    while (i < t->nparams) {
        int p = token_param(t, i, 0);
        if (p == 38 || p == 48 || p == 58) {
            i = read_color(t, i, p == 38 ? &pen->fg : p == 48 ? &pen->bg : &pen->ul);
            continue;
        }
        if (p == 4) {
            set_underline(pen, t, i);
        } else {
            set_simple(pen, p);
        }
        for (i++; i < t->nparams && t->sub[i];) {
            i++;
        }
    }
}

/* ";38:5:n" or ";38:2::r:g:b". */
static void format_color(struct strbuf *out, int base, uint32_t c)
{
    if (CELL_COLOR_KIND(c) == CELL_KIND_INDEXED) {
        strbuf_addf(out, ";%d:5:%u", base, c & 0xff);
    } else if (CELL_COLOR_KIND(c) == CELL_KIND_RGB) {
        strbuf_addf(out, ";%d:2::%u:%u:%u", base, c >> 16 & 0xff, c >> 8 & 0xff, c & 0xff);
    }
}

void pen_format(const struct pen *pen, struct strbuf *out)
{
    strbuf_addstr(out, "0");
    for (size_t k = 0; k < sizeof(attr_codes) / sizeof(attr_codes[0]); k++) {
        const struct attr_code *c = &attr_codes[k];
        if (c->set != 0 && c->clear == 0 && c->code != 6 && (pen->attrs & c->set) != 0) {
            strbuf_addf(out, ";%d", c->code);
        }
    }
    if (CELL_UNDERLINE(pen->attrs) == CELL_UL_SINGLE) {
        strbuf_addstr(out, ";4");
    } else if (CELL_UNDERLINE(pen->attrs) != CELL_UL_NONE) {
        strbuf_addf(out, ";4:%d", CELL_UNDERLINE(pen->attrs));
    }
    format_color(out, 38, pen->fg);
    format_color(out, 48, pen->bg);
    format_color(out, 58, pen->ul);
}
