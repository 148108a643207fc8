/* SPDX-License-Identifier: Apache-2.0 */
#include "term/vt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/vt_priv.h"

/* libvterm's two families, 0.1 and 0.2/0.3, differ in strings, properties, pens, selections, fallbacks and the resize
 * callback (terminal.md section 5). None of these reach the library or come back from it here, and the callbacks that
 * are left have the same form in both: no #if is needed. */

#define FEED_MAX 65536

struct cell vt_blank(const struct vt *vt)
{
    return (struct cell){.bg = vt->pen.bg, .width = 1};
}

/* --- what the engine calls --- */

static int engine_glyph(VTermGlyphInfo *info, VTermPos pos, void *user)
{
    struct vt *vt = user;
    uint32_t ch = vt->glyph != 0 ? vt->glyph : info->chars[0];
    struct cell c = {.ch = ch,
                     .fg = vt->pen.fg,
                     .bg = vt->pen.bg,
                     .attrs = vt->pen.attrs,
                     .link = vt->pen.link,
                     .width = info->width >= 2 ? 2 : 1};
    grid_put(vt_grid(vt), pos.row, pos.col, c);
    vt->last_row = pos.row;
    vt->last_col = pos.col;
    return 1;
}

/* A row that leaves the normal screen at its top goes to the scrollback. */
static void keep_row(struct vt *vt, const struct grid *g, int row)
{
    struct row_info info = {.wrapped = grid_is_wrapped(g, row), .marks = (uint8_t)grid_marks(g, row)};
    scrollback_push(vt->history, grid_cells(g, row), grid_used(g, row), g->cols, info, &vt->clusters);
}

void vt_break_above(struct vt *vt, int row)
{
    grid_set_wrapped(vt_grid(vt), row - 1, false);
    if (row == 0 && vt->screen == &vt->main) {
        scrollback_break(vt->history);
    }
}

/* Scrolls a rectangle; what leaves the normal screen at its top is kept. */
static void scroll_rect(struct vt *vt, int top, int left, int bottom, int right, int down, int rightward)
{
    struct grid *g = vt_grid(vt);
    bool full = top == 0 && left == 0 && right == g->cols;
    if (down > 0 && full && vt->screen == &vt->main && !vt->no_history) {
        for (int row = 0; row < MT_MIN(down, bottom); row++) {
            keep_row(vt, g, row);
        }
    }
    grid_scroll(g, top, left, bottom, right, down, rightward, vt_blank(vt));
    if (top > 0 || down < 0 || bottom < g->rows) { /* rows have new neighbours */
        grid_set_wrapped(g, top - 1, false);
        grid_set_wrapped(g, down < 0 ? top - down - 1 : bottom - 1, false);
        grid_set_wrapped(g, bottom - 1, false);
        if (down < 0) {
            vt_break_above(vt, top);
        }
    }
}

static int engine_scroll(VTermRect rect, int downward, int rightward, void *user)
{
    struct vt *vt = user;
    int bottom = MT_MIN(rect.end_row, vt_grid(vt)->rows);
    scroll_rect(vt, rect.start_row, rect.start_col, bottom, rect.end_col, downward, rightward);
    return 1;
}

static int engine_erase(VTermRect rect, int selective, void *user)
{
    struct vt *vt = user;
    grid_fill(vt_grid(vt), rect.start_row, rect.start_col, rect.end_row, rect.end_col, vt_blank(vt), selective != 0);
    return 1;
}

/* Double-width lines are never asked for (K4), but a refusal is cheap. */
static int engine_lineinfo(int row, const VTermLineInfo *newinfo, const VTermLineInfo *oldinfo, void *user)
{
    (void)row;
    (void)oldinfo;
    (void)user;
    return newinfo->doublewidth == 0 && newinfo->doubleheight == 0;
}

/* No resize callback: what it is for, room for the lines' information, is there from the beginning (vt_new). */
static const VTermStateCallbacks state_callbacks = {
    .putglyph = engine_glyph,
    .scrollrect = engine_scroll,
    .erase = engine_erase,
    .setlineinfo = engine_lineinfo,
};

/* Every answer is ours; whatever the library says by itself is dropped. */
static void engine_output(const char *s, size_t len, void *user)
{
    (void)s;
    (void)len;
    (void)user;
}

/* --- what we tell the engine --- */

/* One token to the library, and the cursor back from it. */
static void engine_write(struct vt *vt, const char *bytes, size_t len)
{
    VTermPos pos = {0, 0};
    vterm_input_write(vt->vterm, bytes, len);
    vterm_state_get_cursorpos(vt->state, &pos);
    vt->row = mt_clamp(pos.row, 0, vt_grid(vt)->rows - 1);
    vt->col = mt_clamp(pos.col, 0, vt_grid(vt)->cols - 1);
}

void vt_engine_sync(struct vt *vt)
{
    if (vt->stale) {
        char buf[32];
        int row = vt->row - (vt->origin ? vt->top : 0) + 1;
        int col = vt->col - (vt->origin && vt->lr_margins ? vt->left : 0) + 1;
        int n = snprintf(buf, sizeof(buf), "\033[%d;%dH", MT_MAX(row, 1), MT_MAX(col, 1));
        vt->stale = false;
        engine_write(vt, buf, (size_t)n);
    }
}

void vt_engine_send(struct vt *vt, const char *bytes, size_t len)
{
    vt_engine_sync(vt);
    vt->phantom_row = -1;
    engine_write(vt, bytes, len);
}

void vt_move(struct vt *vt, int row, int col)
{
    vt->row = mt_clamp(row, 0, vt_grid(vt)->rows - 1);
    vt->col = mt_clamp(col, 0, vt_grid(vt)->cols - 1);
    vt->stale = true;
    vt->phantom_row = -1;
}

void vt_linefeed(struct vt *vt)
{
    if (vt->row == vt->bottom - 1) {
        scroll_rect(vt, vt->top, 0, vt->bottom, vt_grid(vt)->cols, 1, 0);
        vt_move(vt, vt->row, vt->col);
    } else {
        vt_move(vt, vt->row + 1, vt->col);
    }
}

void vt_engine_sendf(struct vt *vt, const char *fmt, ...)
{
    char buf[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof(buf)) {
        vt_engine_send(vt, buf, (size_t)n);
    }
}

void vt_engine_keep(struct vt *vt, const char *bytes, size_t len)
{
    vt_engine_sync(vt);
    engine_write(vt, bytes, len);
}

void vt_send_charset(struct vt *vt, int set, uint8_t final)
{
    char seq[3] = {'\033', (char)('(' + set), (char) final};
    vt->charset[set] = final;
    vt_engine_sync(vt);
    engine_write(vt, seq, sizeof(seq));
}

void vt_goto(struct vt *vt, int row, int col)
{
    struct grid *g = vt_grid(vt);
    row = mt_clamp(row, 0, g->rows - 1);
    col = mt_clamp(col, 0, g->cols - 1);
    if (vt->origin) {
        row = mt_clamp(row, vt->top, vt->bottom - 1) - vt->top;
        col = vt->lr_margins ? mt_clamp(col, vt->left, vt->right - 1) - vt->left : col;
    }
    vt_engine_sendf(vt, "\033[%d;%dH", row + 1, col + 1);
}

/* --- cursor, screens, resets --- */

void vt_save_cursor(struct vt *vt)
{
    struct vt_saved *s = &vt->screen->saved;
    *s = (struct vt_saved){.row = vt->row,
                           .col = vt->col,
                           .pending_wrap = vt_is_wrap_pending(vt),
                           .origin = vt->origin,
                           .pen = vt->pen,
                           .gl = vt->gl};
    memcpy(s->charset, vt->charset, sizeof(s->charset));
}

/* GL shifts: SI, SO, LS2, LS3. */
static void send_shift(struct vt *vt, uint8_t gl)
{
    static const char *const shift[4] = {"\017", "\016", "\033n", "\033o"};
    vt->gl = gl & 3;
    vt_engine_sync(vt);
    engine_write(vt, shift[gl & 3], strlen(shift[gl & 3]));
}

void vt_restore_cursor(struct vt *vt)
{
    struct vt_saved s = vt->screen->saved;
    vt->pen = s.pen;
    for (int i = 0; i < 4; i++) {
        if (vt->charset[i] != s.charset[i]) {
            vt_send_charset(vt, i, s.charset[i]);
        }
    }
    send_shift(vt, s.gl);
    if (vt->origin != s.origin) {
        vt->origin = s.origin;
        vt_engine_sendf(vt, "\033[?6%c", s.origin ? 'h' : 'l');
    }
    vt_goto(vt, s.row, s.col);
    if (s.pending_wrap) {
        vt_pend_wrap(vt);
    }
}

void vt_use_screen(struct vt *vt, struct vt_screen *s)
{
    if (vt->screen == s) {
        return;
    }
    vt_engine_sync(vt);
    vt->screen = s;
    vt->last_row = -1;
    vt->modes.alt_screen = s == &vt->alt;
    vt->modes.kitty = s->kitty[s->kitty_depth];
    grid_damage_all(&s->grid);
    vt_modes_changed(vt);
}

/* The state of a new terminal, but for the screens' content, scrollback, colours and title. */
void vt_reset_state(struct vt *vt)
{
    const struct vt_saved saved = {.charset = {'B', 'B', 'B', 'B'}};
    struct vt_screen *screens[2] = {&vt->main, &vt->alt};
    for (int i = 0; i < 2; i++) {
        screens[i]->saved = saved;
        screens[i]->kitty_depth = 0;
        memset(screens[i]->kitty, 0, sizeof(screens[i]->kitty));
    }
    vt->pen = (struct pen){0};
    memcpy(vt->charset, saved.charset, sizeof(vt->charset));
    vt->gl = 0;
    vt->autowrap = vt->cursor_visible = vt->cursor_blink = true;
    vt->insert = vt->origin = vt->lr_margins = vt->reversed = vt->sync_on = false;
    vt->tell_colors = vt->tell_size = vt->reverse_wrap = vt->rectangular = false;
    vt->top = vt->left = 0;
    vt->bottom = vt->main.grid.rows;
    vt->right = vt->main.grid.cols;
    vt->cursor_style = 0;
    vt->modes = (struct key_modes){.alt_scroll = false};
    vt->sync_until = 0;
    vt->phantom_row = vt->last_row = -1;
    vt->last_cp = 0;
    vt->last_joins = false;
    vt->stale = false;
    vt->has_prompt = vt->at_prompt = false;
}

void vt_engine_reset(struct vt *vt)
{
    vt->no_history = true;
    vterm_state_reset(vt->state, 1);
    vt->no_history = false;
    vt->row = vt->col = 0;
}

void vt_reset(struct vt *vt)
{
    vt->screen = &vt->main;
    vt_reset_state(vt);
    vt_engine_reset(vt);
    struct grid *grids[2] = {&vt->main.grid, &vt->alt.grid};
    for (int i = 0; i < 2; i++) {
        grid_fill(grids[i], 0, 0, grids[i]->rows, grids[i]->cols, CELL_BLANK, false);
    }
    free(vt->palette);
    vt->palette = NULL;
    memset(vt->own, 0, sizeof(vt->own));
    vt_modes_changed(vt);
}

void vt_soft_reset(struct vt *vt)
{
    int row = vt->row, col = vt->col;
    vt->pen = (struct pen){0};
    vt->modes.app_cursor = vt->modes.app_keypad = false;
    vt->cursor_visible = true;
    vt_engine_sendf(vt, "\033[r");
    vt_engine_sendf(vt, "\033[?69l");
    vt_engine_sendf(vt, "\033[?6l");
    vt_engine_sendf(vt, "\033[?7h");
    vt->origin = vt->lr_margins = vt->insert = false;
    vt->autowrap = true;
    vt->top = vt->left = 0;
    vt->bottom = vt_grid(vt)->rows;
    vt->right = vt_grid(vt)->cols;
    for (int i = 0; i < 4; i++) {
        vt_send_charset(vt, i, 'B');
    }
    send_shift(vt, 0);
    vt->screen->saved = (struct vt_saved){.charset = {'B', 'B', 'B', 'B'}};
    vt_goto(vt, row, col);
    vt_modes_changed(vt);
}

/* --- life cycle and feeding --- */

static void on_token(const struct token *t, void *arg)
{
    struct vt *vt = arg;
    switch (t->kind) {
    case TOKEN_TEXT:
        vt_put_text(vt, t->cps, t->n);
        break;
    case TOKEN_CONTROL:
        vt_on_control(vt, t->final);
        break;
    case TOKEN_ESC:
        vt_on_esc(vt, t);
        break;
    case TOKEN_CSI:
        vt_on_csi(vt, t);
        break;
    case TOKEN_OSC:
        vt_on_osc(vt, t);
        break;
    case TOKEN_DCS:
        vt_on_dcs(vt, t);
        break;
    }
}

struct vt *vt_new(const struct vt_opts *opts)
{
    struct vt *vt = xcalloc(1, sizeof(*vt));
    int cols = mt_clamp(opts->cols, VT_MIN_COLS, GRID_MAX), rows = mt_clamp(opts->rows, VT_MIN_ROWS, GRID_MAX);
    if (opts->callbacks != NULL) {
        vt->cb = *opts->callbacks;
    }
    vt->arg = opts->arg;
    size_t lines = opts->scrollback_lines;
    lines = lines == VT_NO_SCROLLBACK ? 0 : lines == 0 ? SCROLLBACK_DEFAULT_LINES : lines;
    vt->history = scrollback_new(lines, opts->scrollback_bytes);
    scrollback_set_width(vt->history, cols);
    vt_keep_links(vt);
    cluster_table_init(&vt->clusters);
    grid_init(&vt->main.grid, cols, rows);
    grid_init(&vt->alt.grid, cols, rows);
    vt->screen = &vt->main;
    vt->fg = cell_rgb(0xd0, 0xd0, 0xd0) & 0xffffff;
    vt->cursor_color = vt->fg;
    vt->focused = true;
    vt->kitty_able = VT_KITTY_ALONE;
    strbuf_init(&vt->tmp);
    vt_notice_clear(vt);
    sanitizer_init(&vt->san, on_token, vt);
    vt_reset_state(vt);
    /* Born at the largest size: 0.3.3 allocates its line information once, for the rows it begins with, and writes past
     * it when there are more (its on_resize compares with what it has just set). 0.1.4 allocates anew. */
    vt->vterm = vterm_new(GRID_MAX, GRID_MAX);
    if (vt->vterm == NULL) {
        MT_BUG("libvterm: out of memory");
    }
    vterm_set_utf8(vt->vterm, 1);
    vterm_output_set_callback(vt->vterm, engine_output, vt);
    vt->state = vterm_obtain_state(vt->vterm);
    vterm_state_set_callbacks(vt->state, &state_callbacks, vt);
    vterm_set_size(vt->vterm, rows, cols);
    vt_engine_reset(vt);
    return vt;
}

void vt_free(struct vt *vt)
{
    if (vt == NULL) {
        return;
    }
    vterm_free(vt->vterm);
    sanitizer_release(&vt->san);
    grid_release(&vt->main.grid);
    grid_release(&vt->alt.grid);
    scrollback_free(vt->history);
    cluster_table_release(&vt->clusters);
    extra_table_release(&vt->extras);
    for (int i = 0; i < vt->title_depth; i++) {
        free(vt->title_stack[i]);
    }
    free(vt->palette);
    strbuf_release(&vt->tmp);
    vt_notice_clear(vt);
    free(vt);
}

/* Rows down to the last one that has text. */
static int used_rows(const struct grid *g)
{
    int rows = g->rows;
    while (rows > 0 && grid_used(g, rows - 1) == 0) {
        rows--;
    }
    return rows;
}

/* A sequence that was begun and not ended is forgotten. */
static void renew_sanitizer(struct vt *vt)
{
    sanitizer_release(&vt->san);
    sanitizer_init(&vt->san, on_token, vt);
}

void vt_settle(struct vt *vt)
{
    struct grid *alt = &vt->alt.grid;
    renew_sanitizer(vt);
    vt->screen = &vt->alt; /* what the library erases is not the normal screen */
    vt_reset_state(vt);
    vt_engine_reset(vt);
    grid_fill(alt, 0, 0, alt->rows, alt->cols, CELL_BLANK, false);
    vt->screen = &vt->main;
    free(vt->palette);
    vt->palette = NULL;
    memset(vt->own, 0, sizeof(vt->own));
    int rows = used_rows(&vt->main.grid);
    vt_goto(vt, MT_MAX(rows, 1) - 1, 0);
    if (rows > 0) {
        grid_set_wrapped(&vt->main.grid, rows - 1, false);
        vt_linefeed(vt);
    }
    vt_set_title(vt, "", 0);
    vt_damage_all(vt);
    vt_modes_changed(vt);
}

void vt_recover(struct vt *vt)
{
    const struct grid *g = &vt->main.grid;
    int rows = used_rows(g);
    for (int row = 0; row < rows; row++) {
        keep_row(vt, g, row);
    }
    scrollback_break(vt->history);
    renew_sanitizer(vt);
    vt_reset(vt);
}

void vt_feed(struct vt *vt, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t n = MT_MIN(len, (size_t)FEED_MAX);
        sanitizer_feed(&vt->san, bytes, n);
        bytes += n;
        len -= n;
    }
}

/* --- size --- */

void vt_engine_margins_off(struct vt *vt)
{
    /* K3: the library keeps margins that the new size makes invalid, and then scrolls out of bounds. Like xterm, reset
     * them. */
    vt_engine_sendf(vt, "\033[r");
    vt_engine_sendf(vt, "\033[?69l");
    vt_engine_sendf(vt, "\033[1;1H");
    vt->lr_margins = false;
}

void vt_engine_size(struct vt *vt, int cols, int rows)
{
    vterm_set_size(vt->vterm, rows, cols);
}
