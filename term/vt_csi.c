/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/vt_priv.h"

/* Controls, escape sequences and CSI. What the library does right goes to it, rebuilt from the parsed form and clamped;
 * what it does wrong or not at all is done here; what nobody knows is dropped. */

/* A CSI's place in a switch: leader, first intermediate, final. */
#define CSI(leader, interm, final) ((uint32_t)(leader) << 16 | (uint32_t)(interm) << 8 | (uint32_t)(final))

void vt_on_control(struct vt *vt, uint8_t c)
{
    char byte = (char)c;
    bool back = c == 0x08 && vt->reverse_wrap && vt->autowrap && !vt->lr_margins && vt->col == 0 && vt->row > 0;
    switch (c) {
    case 0x07:
        if (vt->cb.bell != NULL) {
            vt->cb.bell(vt->arg);
        }
        break;
    case 0x0d:
    case 0x08:
        if (vt->lr_margins) {
            vt_engine_send(vt, &byte, 1);
        } else {
            vt_move(vt, vt->row, c == 0x08 ? vt->col - 1 : 0);
        }
        if (back) { /* over the row's beginning, to the end of the one above */
            vt_move(vt, vt->row - 1, vt_grid(vt)->cols - 1);
        }
        break;
    case 0x0a:
    case 0x0b:
    case 0x0c:
        vt->at_prompt = false;
        if (vt->lr_margins || vt->modes.newline) {
            vt_engine_send(vt, &byte, 1);
        } else {
            vt_linefeed(vt);
        }
        break;
    case 0x09:
        vt_engine_send(vt, &byte, 1);
        break;
    case 0x0e:
    case 0x0f:
        vt->gl = c == 0x0e;
        vt_engine_keep(vt, &byte, 1);
        break;
    default:
        break;
    }
}

/* ESC ( X and friends: only the sets the library has; anything else is taken as ASCII. */
static void designate(struct vt *vt, int set, uint8_t final)
{
    vt_send_charset(vt, set, final == '0' || final == 'A' ? final : 'B');
}

/* ESC without intermediates. */
static void on_plain_esc(struct vt *vt, uint8_t final)
{
    char seq[2] = {'\033', (char) final};
    switch (final) {
    case '7':
        vt_save_cursor(vt);
        break;
    case '8':
        vt_restore_cursor(vt);
        break;
    case 'D':
    case 'E':
    case 'H':
    case 'M':
        vt_engine_send(vt, seq, sizeof(seq));
        break;
    case 'c':
        vt_reset(vt);
        break;
    case '6':
    case '9':
        vt_index_sideways(vt, final == '9');
        break;
    case '=':
    case '>':
        vt->modes.app_keypad = final == '=';
        vt_modes_changed(vt);
        break;
    case 'n':
    case 'o':
        vt->gl = final == 'n' ? 2 : 3;
        vt_engine_keep(vt, seq, sizeof(seq));
        break;
    default:
        break;
    }
}

void vt_on_esc(struct vt *vt, const struct token *t)
{
    uint8_t interm = t->interm[0];
    if (interm == 0) {
        on_plain_esc(vt, t->final);
    } else if (t->interm[1] != 0) {
        return;
    } else if (interm >= '(' && interm <= '+') {
        designate(vt, interm - '(', t->final);
    } else if (interm == '#' && t->final == '8') {
        struct pen pen = vt->pen;
        vt->pen = (struct pen){0};
        vt_engine_send(vt, "\033#8", 3);
        vt->pen = pen;
    }
}

/* Sends the CSI on with at most `max` parameters, each of at most `limit`. */
static void pass(struct vt *vt, const struct token *t, int max, int limit)
{
    char buf[128];
    size_t len = 0;
    struct strbuf *seq = &vt->tmp;
    strbuf_clear(seq);
    strbuf_addstr(seq, "\033[");
    if (t->leader != 0) {
        strbuf_addch(seq, (char)t->leader);
    }
    for (int i = 0; i < t->nparams && i < max; i++) {
        strbuf_addstr(seq, i > 0 ? ";" : "");
        if (t->param[i] >= 0) {
            strbuf_addf(seq, "%d", MT_MIN(t->param[i], limit));
        }
    }
    if (t->interm[0] != 0) {
        strbuf_addch(seq, (char)t->interm[0]);
    }
    strbuf_addch(seq, (char)t->final);
    len = MT_MIN(seq->len, sizeof(buf));
    memcpy(buf, seq->buf, len);
    vt_engine_send(vt, buf, len);
}

/* CUU, CUD, CPL, CNL stop at the margin when they begin inside (B12): the library does not know. */
static void move_rows(struct vt *vt, const struct token *t, bool up, bool first_col)
{
    struct grid *g = vt_grid(vt);
    int n = token_count(t, 0, g->rows), row = vt->row;
    if (up) {
        row = MT_MAX(row - n, row >= vt->top ? vt->top : 0);
    } else {
        row = MT_MIN(row + n, row < vt->bottom ? vt->bottom - 1 : g->rows - 1);
    }
    vt_move(vt, row, first_col ? (vt->lr_margins ? vt->left : 0) : vt->col);
}

/* CUP, CUF, CUB, CHA, VPA and their twins. Margins and origin mode are the engine's business. */
static void move_cursor(struct vt *vt, const struct token *t)
{
    struct grid *g = vt_grid(vt);
    int n = token_count(t, 0, GRID_MAX), most = MT_MAX(g->rows, g->cols);
    if (vt->origin || vt->lr_margins) {
        pass(vt, t, t->final == 'H' || t->final == 'f' ? 2 : 1, most);
        return;
    }
    switch (t->final) {
    case 'C':
    case 'a':
        vt_move(vt, vt->row, vt->col + n);
        break;
    case 'D':
        vt_move(vt, vt->row, vt->col - n);
        break;
    case 'G':
    case '`':
        vt_move(vt, vt->row, n - 1);
        break;
    case 'd':
        vt_move(vt, n - 1, vt->col);
        break;
    default:
        vt_move(vt, n - 1, token_count(t, 1, GRID_MAX) - 1);
        break;
    }
}

/* ICH and DCH: the library ignores them outside the scrolling region (B12). */
static void shift_cells(struct vt *vt, const struct token *t, bool insert)
{
    struct grid *g = vt_grid(vt);
    if (vt->lr_margins) {
        pass(vt, t, 1, g->cols);
        return;
    }
    int n = token_count(t, 0, g->cols);
    grid_shift(g, vt->row, vt->col, g->cols, insert ? n : -n, vt_blank(vt));
    vt_move(vt, vt->row, vt->col);
}

static void set_margins(struct vt *vt, const struct token *t)
{
    int rows = vt_grid(vt)->rows;
    int top = token_param(t, 0, 1), bottom = token_param(t, 1, rows);
    top = MT_MAX(top, 1);
    bottom = bottom == 0 ? rows : MT_MIN(bottom, rows);
    if (bottom <= top) {
        return;
    }
    vt->top = top - 1;
    vt->bottom = bottom;
    vt_engine_sendf(vt, "\033[%d;%dr", top, bottom);
}

/* CSI s: margins with DECLRMM on, else SCOSC. */
static void set_lr_margins(struct vt *vt, const struct token *t)
{
    int cols = vt_grid(vt)->cols;
    int left = MT_MAX(token_param(t, 0, 1), 1), right = token_param(t, 1, cols);
    right = right == 0 ? cols : MT_MIN(right, cols);
    if (!vt->lr_margins) {
        vt_save_cursor(vt);
    } else if (right > left) {
        vt->left = left - 1;
        vt->right = right;
        vt_engine_sendf(vt, "\033[%d;%ds", left, right);
    }
}

/* EL. A pending wrap stays: grep ends its colours with EL, and the next character must still wrap. */
static void erase_line(struct vt *vt, int what, bool selective)
{
    struct grid *g = vt_grid(vt);
    int from = what == 0 ? vt->col : 0, to = what == 1 ? vt->col + 1 : g->cols;
    if (what >= 0 && what <= 2) {
        /* The row is drawn again: shells do so with their prompt, and do not all say again what it is. */
        unsigned marks = grid_marks(g, vt->row);
        grid_fill(g, vt->row, from, vt->row + 1, to, vt_blank(vt), selective);
        grid_set_marks(g, vt->row, marks);
        if (from == 0 && to == g->cols) {
            vt_break_above(vt, vt->row);
        }
    }
}

/* ED; 3 is the scrollback. */
static void erase_display(struct vt *vt, int what, bool selective)
{
    struct grid *g = vt_grid(vt);
    if (what == 3 && !selective) {
        scrollback_clear(vt->history);
    } else if (what == 2) {
        grid_fill(g, 0, 0, g->rows, g->cols, vt_blank(vt), selective);
        vt_break_above(vt, 0);
    } else if (what == 0) {
        erase_line(vt, 0, selective);
        grid_fill(g, vt->row + 1, 0, g->rows, g->cols, vt_blank(vt), selective);
    } else if (what == 1) {
        grid_fill(g, 0, 0, vt->row, g->cols, vt_blank(vt), selective);
        vt_break_above(vt, 0);
        erase_line(vt, 1, selective);
    }
}

/* DSR. */
static void report_status(struct vt *vt, const struct token *t)
{
    int row = vt->row - (vt->origin ? vt->top : 0) + 1;
    int col = vt->col - (vt->origin && vt->lr_margins ? vt->left : 0) + 1;
    bool dec = t->leader == '?';
    switch (token_param(t, 0, 0)) {
    case 5:
        vt_replyf(vt, "\033[0n");
        break;
    case 6:
        vt_replyf(vt, dec ? "\033[?%d;%dR" : "\033[%d;%dR", row, col);
        break;
    case 15:
        vt_replyf(vt, "%s", dec ? "\033[?13n" : "");
        break;
    case 25:
        vt_replyf(vt, "%s", dec ? "\033[?20n" : "");
        break;
    case 26:
        vt_replyf(vt, "%s", dec ? "\033[?27;1;0;0n" : "");
        break;
    case 996:
        if (dec) {
            vt_report_scheme(vt);
        }
        break;
    default:
        break;
    }
}

/* 22 and 23: the title's stack. */
static void title_stack(struct vt *vt, bool push)
{
    if (push) {
        if (vt->title_depth == VT_TITLE_DEPTH) {
            free(vt->title_stack[0]);
            memmove(vt->title_stack, vt->title_stack + 1, (VT_TITLE_DEPTH - 1) * sizeof(*vt->title_stack));
            vt->title_depth--;
        }
        vt->title_stack[vt->title_depth++] = xstrdup(vt->title);
    } else if (vt->title_depth > 0) {
        char *title = vt->title_stack[--vt->title_depth];
        vt_set_title(vt, title, strlen(title));
        free(title);
    }
}

/* XTWINOPS: sizes and the title's stack; windows are not moved. */
static void window_op(struct vt *vt, const struct token *t)
{
    struct grid *g = vt_grid(vt);
    switch (token_param(t, 0, 0)) {
    case 11:
        vt_replyf(vt, "\033[1t");
        break;
    case 14:
        vt_replyf(vt, "\033[4;%d;%dt", g->rows * KEYS_CELL_HEIGHT, g->cols * KEYS_CELL_WIDTH);
        break;
    case 16:
        vt_replyf(vt, "\033[6;%d;%dt", KEYS_CELL_HEIGHT, KEYS_CELL_WIDTH);
        break;
    case 18:
        vt_replyf(vt, "\033[8;%d;%dt", g->rows, g->cols);
        break;
    case 19:
        vt_replyf(vt, "\033[9;%d;%dt", g->rows, g->cols);
        break;
    case 22:
    case 23:
        if (token_param(t, 1, 0) != 1) {
            title_stack(vt, token_param(t, 0, 0) == 22);
        }
        break;
    default:
        break;
    }
}

/* ANSI modes 4 (insert) and 20 (newline). */
static void set_ansi_modes(struct vt *vt, const struct token *t, bool on)
{
    for (int i = 0; i < t->nparams; i++) {
        if (t->param[i] == 4) {
            vt->insert = on; /* the engine never knows: it makes room of one column for wide characters, too */
        } else if (t->param[i] == 20) {
            vt->modes.newline = on;
            vt_engine_sendf(vt, "\033[20%c", on ? 'h' : 'l');
            vt_modes_changed(vt);
        }
    }
}

static void set_cursor_style(struct vt *vt, const struct token *t)
{
    int style = token_param(t, 0, 0);
    if (style >= 0 && style <= 6) {
        vt->cursor_style = (uint8_t)style;
    }
}

/* DECSCA. */
static void set_protection(struct vt *vt, const struct token *t)
{
    int mode = token_param(t, 0, 0);
    if (mode == 1) {
        vt->pen.attrs |= CELL_PROTECTED;
    } else if (mode == 0 || mode == 2) {
        vt->pen.attrs &= (uint16_t)~CELL_PROTECTED;
    }
}

/* SGR; another underline colour is another extra. */
static void set_rendition(struct vt *vt, const struct token *t)
{
    uint32_t ul = vt->pen.ul;
    pen_sgr(&vt->pen, t);
    if (vt->pen.ul != ul) {
        vt_pen_extra(vt, vt_pen_uri(vt));
    }
}

/* XTMODKEYS: only modifyOtherKeys (4). */
static void set_modify_keys(struct vt *vt, const struct token *t)
{
    int which = token_param(t, 0, -1), level = token_param(t, 1, 0);
    if (t->nparams == 0 || which == 4) {
        vt->modes.modify_other = (uint8_t)(t->nparams == 0 || level > 2 ? 0 : level);
        vt_modes_changed(vt);
    }
}

/* Sequences that only tell or change our own state. Returns false when it is not one. */
static bool on_own_csi(struct vt *vt, const struct token *t, uint32_t what)
{
    switch (what) {
    case CSI(0, 0, 'm'):
        set_rendition(vt, t);
        return true;
    case CSI('>', 0, 'm'):
        set_modify_keys(vt, t);
        return true;
    case CSI('?', 0, 'm'):
        if (token_param(t, 0, 0) == 4) {
            vt_replyf(vt, "\033[>4;%dm", vt->modes.modify_other);
        }
        return true;
    case CSI(0, 0, 'n'):
    case CSI('?', 0, 'n'):
        report_status(vt, t);
        return true;
    case CSI(0, 0, 'c'):
        if (token_param(t, 0, 0) == 0) {
            vt_replyf(vt, vt->clip_allowed ? "\033[?62;22;52c" : "\033[?62;22c");
        }
        return true;
    case CSI('>', 0, 'c'):
        vt_replyf(vt, "\033[>1;10;0c");
        return true;
    case CSI('=', 0, 'c'):
        vt_replyf(vt, "\033P!|00000000\033\\");
        return true;
    case CSI(0, 0, 'x'):
        if (token_param(t, 0, 0) <= 1) { /* DECREQTPARM */
            vt_replyf(vt, "\033[%d;1;1;128;128;1;0x", token_param(t, 0, 0) + 2);
        }
        return true;
    case CSI('>', 0, 'q'):
        vt_replyf(vt, "\033P>|muthr-tui(%s)\033\\", MT_VERSION);
        return true;
    case CSI(0, ' ', 'q'):
        set_cursor_style(vt, t);
        return true;
    case CSI(0, '"', 'q'):
        set_protection(vt, t);
        return true;
    case CSI(0, '$', 'p'):
    case CSI('?', '$', 'p'):
        vt_report_mode(vt, t);
        return true;
    case CSI('?', 0, 'h'):
    case CSI('?', 0, 'l'):
        vt_set_modes(vt, t, t->final == 'h');
        return true;
    case CSI(0, 0, 'h'):
    case CSI(0, 0, 'l'):
        set_ansi_modes(vt, t, t->final == 'h');
        return true;
    case CSI('?', 0, 'u'):
    case CSI('>', 0, 'u'):
    case CSI('<', 0, 'u'):
    case CSI('=', 0, 'u'):
        vt_kitty_key(vt, t);
        return true;
    case CSI(0, 0, 't'):
        window_op(vt, t);
        return true;
    default:
        return false;
    }
}

/* DECST8C: a tab stop every eight columns. */
static void reset_tabs(struct vt *vt)
{
    int row = vt->row, col = vt->col;
    vt_engine_sendf(vt, "\033[3g");
    for (int stop = 8; stop < vt_grid(vt)->cols; stop += 8) {
        vt_goto(vt, row, stop);
        vt_engine_sendf(vt, "\033H");
    }
    vt_goto(vt, row, col);
}

/* Sequences that move, write or erase. */
static void on_screen_csi(struct vt *vt, const struct token *t, uint32_t what)
{
    struct grid *g = vt_grid(vt);
    int most = MT_MAX(g->rows, g->cols);
    switch (what) {
    case CSI(0, 0, 'A'):
    case CSI(0, 0, 'F'):
        move_rows(vt, t, true, t->final == 'F');
        break;
    case CSI(0, 0, 'B'):
    case CSI(0, 0, 'E'):
        move_rows(vt, t, false, t->final == 'E');
        break;
    case CSI(0, 0, 'e'): /* VPR is VPA by a difference: margins stop it in origin mode only */
        vt_move(vt, MT_MIN(vt->row + token_count(t, 0, g->rows), (vt->origin ? vt->bottom : g->rows) - 1), vt->col);
        break;
    case CSI(0, 0, '@'):
    case CSI(0, 0, 'P'):
        shift_cells(vt, t, t->final == '@');
        break;
    case CSI(0, 0, 'L'):
    case CSI(0, 0, 'M'):
        vt->no_history = true;
        pass(vt, t, 1, g->rows);
        vt->no_history = false;
        break;
    case CSI(0, 0, 'T'):
        if (t->nparams <= 1) {
            pass(vt, t, 1, g->rows);
        }
        break;
    case CSI(0, 0, 'J'):
    case CSI('?', 0, 'J'):
        erase_display(vt, token_param(t, 0, 0), t->leader == '?');
        break;
    case CSI(0, 0, 'b'):
        vt_repeat(vt, token_count(t, 0, SANITIZE_PARAM_LIMIT));
        break;
    case CSI(0, 0, 'r'):
        set_margins(vt, t);
        break;
    case CSI(0, 0, 's'):
        set_lr_margins(vt, t);
        break;
    case CSI(0, 0, 'u'):
        vt_restore_cursor(vt);
        break;
    case CSI(0, '!', 'p'):
        vt_soft_reset(vt);
        break;
    case CSI(0, 0, 'H'):
    case CSI(0, 0, 'f'):
    case CSI(0, 0, 'C'):
    case CSI(0, 0, 'D'):
    case CSI(0, 0, 'G'):
    case CSI(0, 0, '`'):
    case CSI(0, 0, 'a'):
    case CSI(0, 0, 'd'):
        move_cursor(vt, t);
        break;
    case CSI(0, 0, 'K'):
    case CSI('?', 0, 'K'):
        erase_line(vt, token_param(t, 0, 0), t->leader == '?');
        break;
    case CSI(0, 0, 'X'):
        grid_fill(g, vt->row, vt->col, vt->row + 1, MT_MIN(vt->col + token_count(t, 0, g->cols), g->cols), vt_blank(vt),
                  false);
        break;
    case CSI(0, 0, 'I'):
    case CSI(0, 0, 'S'):
    case CSI(0, 0, 'Z'):
    case CSI(0, 0, 'g'):
    case CSI(0, 0, 'j'):
    case CSI(0, 0, 'k'):
        pass(vt, t, 1, most);
        break;
    case CSI(0, ' ', '@'):
    case CSI(0, ' ', 'A'):
        vt_slide(vt, 0, token_count(t, 0, g->cols) * (t->final == 'A' ? 1 : -1));
        break;
    case CSI(0, '\'', '}'):
    case CSI(0, '\'', '~'):
        vt_slide(vt, vt->col, token_count(t, 0, g->cols) * (t->final == '}' ? 1 : -1));
        break;
    case CSI('?', 0, 'W'):
        if (token_param(t, 0, 0) == 5) {
            reset_tabs(vt);
        }
        break;
    default:
        break;
    }
}

void vt_on_csi(struct vt *vt, const struct token *t)
{
    uint32_t what = CSI(t->leader, t->interm[0], t->final);
    if (t->interm[1] != 0) {
        return;
    }
    if (!on_own_csi(vt, t, what) && !vt_on_rect(vt, t)) {
        on_screen_csi(vt, t, what);
    }
}
