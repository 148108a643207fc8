/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/vt_priv.h"

/* Rectangles (DECCRA, DECERA, DECSERA, DECFRA, DECCARA, DECRARA) and moving the screen's contents sideways (SL, SR,
 * DECBI, DECFI): the library has few of them, and none in both families. */

/* [top, bottom) x [left, right) on the screen. */
struct area {
    int top, left, bottom, right;
};

/* Four parameters from `i` on, with origin mode and bounds. False: there is nothing in it. */
static bool read_area(const struct vt *vt, const struct token *t, int i, struct area *a)
{
    const struct grid *g = &vt->screen->grid;
    int y = vt->origin ? vt->top : 0, x = vt->origin && vt->lr_margins ? vt->left : 0;
    int rows = vt->origin ? vt->bottom : g->rows, cols = vt->origin && vt->lr_margins ? vt->right : g->cols;
    int bottom = token_param(t, i + 2, 0), right = token_param(t, i + 3, 0);
    a->top = MT_MAX(token_param(t, i, 1), 1) - 1 + y;
    a->left = MT_MAX(token_param(t, i + 1, 1), 1) - 1 + x;
    a->bottom = bottom == 0 ? rows : MT_MIN(bottom + y, rows);
    a->right = right == 0 ? cols : MT_MIN(right + x, cols);
    return a->top < a->bottom && a->left < a->right;
}

/* DECFRA: one character, in the pen's look. */
static void fill_area(struct vt *vt, const struct token *t)
{
    int ch = token_param(t, 0, ' ');
    struct area a;
    if (!read_area(vt, t, 1, &a) || ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch > 0xff) {
        return;
    }
    struct cell c = {.ch = (uint32_t)ch, .fg = vt->pen.fg, .bg = vt->pen.bg, .attrs = vt->pen.attrs, .width = 1};
    c.link = vt->pen.link;
    for (int row = a.top; row < a.bottom; row++) {
        for (int col = a.left; col < a.right; col++) {
            grid_put(vt_grid(vt), row, col, c);
        }
    }
}

/* DECERA and DECSERA. */
static void erase_area(struct vt *vt, const struct token *t, bool selective)
{
    struct area a;
    if (read_area(vt, t, 0, &a)) {
        grid_fill(vt_grid(vt), a.top, a.left, a.bottom, a.right, vt_blank(vt), selective);
    }
}

/* DECCRA: by way of a copy, as the two may overlap. There is one page. */
static void copy_area(struct vt *vt, const struct token *t)
{
    struct grid *g = vt_grid(vt);
    struct area a;
    if (!read_area(vt, t, 0, &a)) {
        return;
    }
    int y = vt->origin ? vt->top : 0, x = vt->origin && vt->lr_margins ? vt->left : 0;
    int top = MT_MAX(token_param(t, 5, 1), 1) - 1 + y, left = MT_MAX(token_param(t, 6, 1), 1) - 1 + x;
    int h = MT_MIN(a.bottom - a.top, g->rows - top), w = MT_MIN(a.right - a.left, g->cols - left);
    if (h <= 0 || w <= 0) {
        return;
    }
    struct cell *copy = xcalloc((size_t)h * (size_t)w, sizeof(*copy));
    for (int row = 0; row < h; row++) {
        memcpy(copy + (size_t)row * (size_t)w, grid_cells(g, a.top + row) + a.left, (size_t)w * sizeof(*copy));
    }
    for (int row = 0; row < h; row++) {
        for (int col = 0; col < w; col++) {
            struct cell c = copy[(size_t)row * (size_t)w + (size_t)col];
            bool cut = c.width == 2 ? col + 1 == w : c.width == 0 && col == 0;
            if (cut) { /* half of a wide character */
                c.ch = 0;
                c.width = 1;
            }
            if (c.width != 0) {
                grid_put(g, top + row, left + col, c);
            }
        }
    }
    free(copy);
}

/* What one parameter of DECCARA sets or takes away, or DECRARA turns over. */
static void change_attr(uint16_t *attrs, int p, bool turn)
{
    static const struct {
        uint8_t code;
        uint16_t attr;
    } codes[] = {{1, CELL_BOLD}, {4, CELL_UL_SINGLE << CELL_UL_SHIFT}, {5, CELL_BLINK}, {7, CELL_REVERSE}};
    for (size_t i = 0; i < MT_ARRAY_LEN(codes); i++) {
        uint16_t mask = codes[i].code == 4 ? CELL_UL_MASK : codes[i].attr;
        bool all = p == 0, off = p == 20 + codes[i].code || (p == 22 && codes[i].code == 1);
        if (turn) {
            if (all || p == codes[i].code) {
                *attrs = (uint16_t)(*attrs & mask ? *attrs & ~mask : *attrs | codes[i].attr);
            }
        } else if (all || off) {
            *attrs &= (uint16_t)~mask;
        } else if (p == codes[i].code) {
            *attrs = (uint16_t)((*attrs & ~mask) | codes[i].attr);
        }
    }
}

/* DECCARA and DECRARA: the rectangle, or the text from its first to its last place (DECSACE). */
static void change_area(struct vt *vt, const struct token *t, bool turn)
{
    struct grid *g = vt_grid(vt);
    struct area a;
    if (!read_area(vt, t, 0, &a)) {
        return;
    }
    for (int row = a.top; row < a.bottom; row++) {
        int left = vt->rectangular || row == a.top ? a.left : 0;
        int right = vt->rectangular || row == a.bottom - 1 ? a.right : g->cols;
        struct cell *cells = grid_edit_text(g, row);
        grid_set_used(g, row, right);
        for (int col = left; col < right; col++) {
            for (int i = 4; i < MT_MAX(t->nparams, 5); i++) {
                change_attr(&cells[col].attrs, token_param(t, i, 0), turn);
            }
        }
    }
}

bool vt_on_rect(struct vt *vt, const struct token *t)
{
    if (t->leader != 0 || (t->interm[0] != '$' && t->interm[0] != '*')) {
        return false;
    }
    switch (t->interm[0] == '$' ? t->final : t->final | 0x80) {
    case 'x':
        fill_area(vt, t);
        return true;
    case 'z':
    case '{':
        erase_area(vt, t, t->final == '{');
        return true;
    case 'v':
        copy_area(vt, t);
        return true;
    case 'r':
    case 't':
        change_area(vt, t, t->final == 't');
        return true;
    case 'x' | 0x80:
        vt->rectangular = token_param(t, 0, 0) == 2;
        return true;
    default:
        return false;
    }
}

void vt_slide(struct vt *vt, int left, int n)
{
    struct grid *g = vt_grid(vt);
    int first = vt->lr_margins ? vt->left : 0, right = vt->lr_margins ? vt->right : g->cols;
    left = MT_MAX(left, first);
    if (vt->row >= vt->top && vt->row < vt->bottom && left < right) {
        n = MT_MAX(MT_MIN(n, right - left), left - right);
        for (int row = vt->top; row < vt->bottom; row++) {
            grid_shift(g, row, left, right, n, vt_blank(vt));
        }
    }
    vt_move(vt, vt->row, vt->col);
}

void vt_index_sideways(struct vt *vt, bool forward)
{
    int cols = vt_grid(vt)->cols, left = vt->lr_margins ? vt->left : 0, right = vt->lr_margins ? vt->right : cols;
    if (vt->col == (forward ? right - 1 : left)) {
        vt_slide(vt, left, forward ? -1 : 1);
    } else {
        vt_move(vt, vt->row, vt->col + (forward ? 1 : -1));
    }
}
