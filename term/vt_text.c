/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "term/vt_priv.h"

/* Printable text. Ordinarily it is written straight into the grid and wrapped here; the engine hears of it as one
 * cursor movement, when it next has to know. Insert mode, other character sets and left and right margins go through
 * the engine, a character at a time, as stand-ins of the right width, so that our width table is the only one.
 * Zero-width characters never reach it (K2): they join the cell before. */

#define STAND_IN_NARROW "\xee\x80\x80" /* U+E000 */
#define STAND_IN_WIDE "\xe4\xb8\x80"   /* U+4E00 */
#define ZWJ 0x200du

static int width_of(uint32_t cp)
{
    return cp < 0x80 ? 1 : utf8_width(cp);
}

bool vt_is_wrap_pending(const struct vt *vt)
{
    return vt->phantom_row == vt->row && vt->phantom_col == vt->col;
}

/* The cursor stands behind the last column before `right`: shown on it, and the next character wraps. */
static void set_pending(struct vt *vt, int right)
{
    vt->col = right - 1;
    vt->stale = true;
    vt->phantom_row = vt->autowrap ? vt->row : -1;
    vt->phantom_col = vt->col;
}

void vt_pend_wrap(struct vt *vt)
{
    if (!vt->lr_margins && vt->col == vt_grid(vt)->cols - 1) {
        set_pending(vt, vt_grid(vt)->cols);
    }
}

/* The row is full: goes on in the next. */
static void wrap(struct vt *vt)
{
    grid_set_wrapped(vt_grid(vt), vt->row, true);
    vt->col = 0;
    vt_linefeed(vt);
}

/* Makes room for a character of `width` columns without left and right margins. False: it cannot be shown. */
static bool make_room(struct vt *vt, int width)
{
    bool fits = vt->col + width <= vt_grid(vt)->cols;
    if (vt->autowrap && (!fits || vt_is_wrap_pending(vt))) {
        wrap(vt);
        return true;
    }
    return fits;
}

/* The same between left and right margins: the library wraps at the screen's edge only, and so never gets there. */
static bool prepare_margins(struct vt *vt, int width)
{
    int right = vt->col < vt->right ? vt->right : vt_grid(vt)->cols;
    bool fits = vt->col + width <= right;
    if (vt->autowrap && (!fits || vt_is_wrap_pending(vt))) {
        grid_set_wrapped(vt_grid(vt), vt->row, true);
        vt_engine_send(vt, "\033D", 2);
        vt_move(vt, vt->row, vt->col >= vt->left ? vt->left : 0);
        return true;
    }
    return fits;
}

/* One character through the engine. */
static void put_slow(struct vt *vt, uint32_t cp, int width)
{
    if (!(vt->lr_margins ? prepare_margins(vt, width) : make_room(vt, width))) {
        return; /* a wide character with one column left and no wrapping */
    }
    char byte = (char)cp;
    bool mapped = cp < 0x80;
    int cols = vt_grid(vt)->cols, right = vt->lr_margins && vt->col < vt->right ? vt->right : cols;
    if (vt->insert) {
        grid_shift(vt_grid(vt), vt->row, vt->col, right, width, vt_blank(vt));
    }
    vt->glyph = mapped ? 0 : cp;
    vt->last_row = -1;
    vt_engine_keep(vt, mapped ? &byte : width == 2 ? STAND_IN_WIDE : STAND_IN_NARROW, mapped ? 1 : 3);
    vt->glyph = 0;
    vt->phantom_row = -1;
    if (vt->last_row == vt->row && vt->last_col + width >= right) {
        set_pending(vt, right);
    }
    vt->last_next = vt->col;
}

/* Code points that may belong to the character before although they have a width: after a ZWJ, flags, skin tones. */
static bool may_join(const struct vt *vt, uint32_t cp)
{
    return cp > 0x2000 && (vt->last_joins || (cp >= 0x1f1e6 && cp <= 0x1f1ff) || (cp >= 0x1f3fb && cp <= 0x1f3ff));
}

/* ASCII within one row, the commonest text by far: a run of cells that differ in their character only. */
static size_t put_ascii(struct cell *restrict cells, const uint32_t *restrict cps, size_t n, struct cell c)
{
    size_t i = 0;
    for (; i < n && cps[i] < 0x80; i++) {
        cells[i] = c; /* whole from a register, then the character: a changed `c` would go through memory */
        cells[i].ch = cps[i];
    }
    return i;
}

/* The direct path within one row: as many characters as fit. Returns how many it took. */
static size_t put_row(struct vt *vt, const uint32_t *cps, size_t n)
{
    struct grid *g = vt_grid(vt);
    struct cell *cells = grid_edit_text(g, vt->row);
    struct cell c = {.fg = vt->pen.fg, .bg = vt->pen.bg, .attrs = vt->pen.attrs, .link = vt->pen.link, .width = 1};
    int col = vt->col, last = col;
    size_t i = 0;
    if (cps[0] < 0x80) {
        grid_split_wide(g, vt->row, col, 0);
        i = put_ascii(cells + col, cps, MT_MIN(n, (size_t)(g->cols - col)), c);
        col += (int)i;
        last = col - 1;
        if (col < g->cols && cells[col].width == 0) {
            grid_split_wide(g, vt->row, col, 0);
            c.ch = cps[i - 1];
            cells[col - 1] = c;
        }
    }
    for (; i < n; i++) {
        uint32_t cp = cps[i];
        int width = cp < 0x80 ? 1 : utf8_width(cp);
        if (width == 0 || col + width > g->cols || (i > 0 && may_join(vt, cp))) {
            break;
        }
        /* Wide characters that are cut, on the left by the first and on the right by any. */
        if (i == 0 || (col + width < g->cols && cells[col + width].width == 0)) {
            grid_split_wide(g, vt->row, col, col + width);
        }
        last = col;
        c.ch = cp;
        c.width = (uint8_t)width;
        cells[col++] = c;
        if (width == 2) {
            cells[col] = c;
            cells[col].ch = 0;
            cells[col++].width = 0;
        }
    }
    grid_set_used(g, vt->row, col);
    vt->last_row = vt->row;
    vt->last_col = last;
    vt->last_cp = i > 0 ? cps[i - 1] : 0;
    vt->col = col;
    vt->stale = true;
    vt->phantom_row = -1;
    if (col >= g->cols) {
        set_pending(vt, vt_grid(vt)->cols);
    }
    vt->last_next = vt->col;
    return i;
}

/* The direct path. The first character has a width. */
static size_t put_fast(struct vt *vt, const uint32_t *cps, size_t n)
{
    if (!make_room(vt, width_of(cps[0]))) {
        return 1;
    }
    return put_row(vt, cps, n);
}

static bool can_put_fast(const struct vt *vt)
{
    return !vt->insert && !vt->lr_margins && vt->charset[vt->gl] == 'B';
}

/* The cell that a zero-width character belongs to: the last one written if the cursor is still behind it, else the one
 * left of the cursor. */
static bool find_base(struct vt *vt, int *row, int *col)
{
    struct grid *g = vt_grid(vt);
    if (vt->last_row == vt->row && vt->last_next == vt->col && vt->last_col < g->cols) {
        *row = vt->last_row;
        *col = vt->last_col;
        return true;
    }
    vt->last_row = -1;
    if (vt->col == 0) {
        return false;
    }
    *row = vt->row;
    *col = vt->col - 1;
    const struct cell *cells = grid_cells(g, *row);
    if (*col > 0 && cells[*col].width == 0) {
        --*col;
    }
    return true;
}

/* A cluster in the last column became two columns wide: it goes to the next row whole, as it would have done had it
 * come at once. */
static void carry_over(struct vt *vt, int row, int col, struct cell c)
{
    struct grid *g = vt_grid(vt);
    grid_put(g, row, col, vt_blank(vt));
    wrap(vt);
    c.width = 2;
    grid_put(g, vt->row, 0, c);
    vt->last_row = vt->row;
    vt->last_col = 0;
    if (g->cols > 2) {
        vt_move(vt, vt->row, 2);
    } else {
        set_pending(vt, g->cols);
    }
    vt->last_next = vt->col;
}

/* A cluster became two columns wide: takes the next column too, and moves the cursor past it. */
static void widen(struct vt *vt, int row, int col, struct cell c)
{
    struct grid *g = vt_grid(vt);
    if (col + 1 == g->cols && row == vt->row && vt_is_wrap_pending(vt) && vt->autowrap && !vt->lr_margins) {
        carry_over(vt, row, col, c);
        return;
    }
    if (vt->col != col + 1 || vt->row != row || col + 1 >= g->cols || vt_is_wrap_pending(vt) || vt->lr_margins) {
        return;
    }
    c.width = 2;
    grid_put(g, row, col, c);
    if (col + 2 < g->cols) {
        vt_move(vt, row, col + 2);
    } else {
        set_pending(vt, vt_grid(vt)->cols);
    }
    vt->last_next = vt->col;
}

/* Appends a code point to the cell's cluster. With `must_join`, only if both are one grapheme. Returns whether it was
 * taken. */
static bool combine(struct vt *vt, uint32_t cp, bool must_join)
{
    int row = 0, col = 0;
    if (!find_base(vt, &row, &col) || (must_join && vt->last_row < 0)) {
        return false;
    }
    struct cell c = grid_cells(vt_grid(vt), row)[col];
    char buf[8], text[CLUSTER_MAX_BYTES + 8];
    size_t len = 0;
    const char *old = cluster_text(&vt->clusters, c.ch, buf, &len);
    len = MT_MIN(len, (size_t)CLUSTER_MAX_BYTES);
    memcpy(text, old, len);
    size_t total = len + utf8_encode(cp, text + len);
    int columns = 0;
    if (must_join && utf8_cluster(text, total, &columns) != total) {
        return false;
    }
    vt->last_joins = cp == ZWJ;
    if (total > CLUSTER_MAX_BYTES) {
        return true; /* bounded: a tower of marks stops growing */
    }
    c.ch = vt_intern(vt, text, total);
    if (c.ch == 0) {
        return true;
    }
    grid_edit_text(vt_grid(vt), row)[col].ch = c.ch;
    grid_set_used(vt_grid(vt), row, col + 1);
    bool grew = (must_join || cp == 0xfe0f || cp == 0x20e3) && c.width == 1 &&
                utf8_cluster(text, total, &columns) == total && columns == 2;
    if (grew) {
        widen(vt, row, col, c);
    }
    return true;
}

void vt_put_text(struct vt *vt, const uint32_t *cps, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint32_t cp = cps[i];
        int width = width_of(cp);
        if (width == 0 || (may_join(vt, cp) && combine(vt, cp, true))) {
            if (width == 0) {
                combine(vt, cp, false);
            }
            i++;
            continue;
        }
        vt->last_joins = false;
        size_t taken = can_put_fast(vt) ? put_fast(vt, cps + i, n - i) : 0;
        if (taken == 0) {
            put_slow(vt, cp, width);
            vt->last_cp = cp;
            taken = 1;
        }
        i += taken;
    }
}

void vt_repeat(struct vt *vt, int count)
{
    uint32_t run[64];
    if (vt->last_cp == 0) {
        return;
    }
    for (size_t k = 0; k < MT_ARRAY_LEN(run); k++) {
        run[k] = vt->last_cp;
    }
    count = MT_MIN(count, vt_grid(vt)->rows * vt_grid(vt)->cols);
    while (count > 0) {
        int n = MT_MIN(count, (int)MT_ARRAY_LEN(run));
        vt_put_text(vt, run, (size_t)n);
        count -= n;
    }
}
