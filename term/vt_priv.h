/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_VT_PRIV_H
#define MT_TERM_VT_PRIV_H

/* What vt.c, vt_text.c, vt_csi.c and osc.c share; nobody else includes it. libvterm stays behind vt_engine_*: vt.c
 * alone knows it. */

#include "core/util/strbuf.h"
#include "term/extra.h"
#include "term/grid.h"
#include "term/pen.h"
#include "term/sanitize.h"
#include "term/scrollback.h"
#include "term/vt.h"

struct VTerm;
struct VTermState;

#define VT_KITTY_DEPTH 8
#define VT_KITTY_ALONE (1 | 8 | 16) /* flags that need nothing of the outer terminal */
#define VT_TITLE_DEPTH 8

struct vt_saved {
    int row, col;
    bool pending_wrap, origin;
    struct pen pen;
    uint8_t charset[4], gl;
};

/* What belongs to one of the two screens. */
struct vt_screen {
    struct grid grid;
    struct vt_saved saved;
    uint8_t kitty[VT_KITTY_DEPTH]; /* kitty[0] is in force without a push */
    int kitty_depth;
};

struct vt {
    struct vt_callbacks cb;
    void *arg;
    struct sanitizer san;
    struct VTerm *vterm;
    struct VTermState *state;

    struct vt_screen main, alt;
    struct vt_screen *screen; /* the one in use */
    struct scrollback *history;
    struct cluster_table clusters;
    struct extra_table extras;

    struct pen pen;
    uint8_t charset[4], gl; /* final bytes of G0..G3, and which is in GL */
    bool autowrap, insert, origin, lr_margins, cursor_visible, cursor_blink, reversed, sync_on;
    bool reverse_wrap, rectangular; /* mode 45, DECSACE */
    bool tell_colors, tell_size;    /* modes 2031, 2048 */
    uint8_t kitty_able;             /* flags that are taken */
    int top, bottom, left, right;   /* margins; [top, bottom) x [left, right) */
    uint8_t cursor_style;           /* DECSCUSR */
    struct key_modes modes;
    bool focused, clip_allowed;
    bool has_prompt; /* a shell waits, and will draw its prompt again (OSC 133) */
    bool at_prompt;  /* and no line was ended since it said so: not all say when the command runs */
    uint64_t sync_until;

    /* Text: what the engine's next glyph stands for, and where the last one went. */
    uint32_t glyph; /* 0 = as the engine says */
    bool no_history;
    int row, col;    /* the cursor */
    bool stale;      /* the engine's cursor is elsewhere: it is told before it next acts */
    int phantom_row; /* where a wrap is pending, as the cursor stood; -1 = none */
    int phantom_col;
    int last_row, last_col; /* cell of the last character; -1 = none */
    int last_next;          /* cursor column right after it */
    bool last_joins;        /* it ended in a ZWJ */
    uint32_t last_cp;       /* for REP; 0 = none */

    char title[VT_TITLE_MAX];
    char *title_stack[VT_TITLE_DEPTH];
    int title_depth;
    struct {
        char id[32];
        struct strbuf title, body;
    } notice; /* parts of a notification (OSC 99) that is not complete */
    uint32_t fg, bg, cursor_color;
    uint32_t outer_palette[16]; /* 0x1rrggbb; 0 = xterm's */
    uint32_t own[3];            /* foreground, background, cursor set by OSC 10, 11, 12: 0x1rrggbb; 0 = the cockpit's */
    uint32_t *palette;          /* [256], colours set by OSC 4: 0x1rrggbb; NULL = none */
    struct strbuf tmp;
};

/* vt.c: the engine. Bytes are one whole token; the cursor is brought up to date first. */
void vt_engine_send(struct vt *vt, const char *bytes, size_t len);
void vt_engine_sendf(struct vt *vt, const char *fmt, ...) MT_PRINTF(2, 3);
void vt_engine_sync(struct vt *vt);
/* The same for text and erasing: a pending wrap stays. */
void vt_engine_keep(struct vt *vt, const char *bytes, size_t len);
void vt_engine_reset(struct vt *vt);
/* What comes to a row is no continuation of what is above it. */
void vt_break_above(struct vt *vt, int row);
/* Before and after the grids change their size. */
void vt_engine_margins_off(struct vt *vt);
void vt_engine_size(struct vt *vt, int cols, int rows);
/* Moves the cursor without the engine; a pending wrap is over. Clamped to the screen. */
void vt_move(struct vt *vt, int row, int col);
/* One row down, scrolling at the bottom margin. Not for left and right margins. */
void vt_linefeed(struct vt *vt);
/* Puts the cursor at an absolute place, whatever the origin mode. */
void vt_goto(struct vt *vt, int row, int col);
void vt_reset_state(struct vt *vt);
void vt_soft_reset(struct vt *vt);
/* A blank cell as erasing leaves it: the pen's background. */
struct cell vt_blank(const struct vt *vt);
void vt_use_screen(struct vt *vt, struct vt_screen *s);
void vt_save_cursor(struct vt *vt);
void vt_restore_cursor(struct vt *vt);
/* Interns; sweeps when full. */
uint32_t vt_intern(struct vt *vt, const char *text, size_t len);
/* Around cells that are taken out of the scrollback: makes room in the tables while all cells are in their grids, then
 * clusters are taken as many as come, as text would be lost else. Nothing is swept in between. */
void vt_take_begin(struct vt *vt);
void vt_take_end(struct vt *vt);
/* Gives the pen the extra of this address (NULL: none) and its own underline colour. */
void vt_pen_extra(struct vt *vt, const char *uri);
/* The address the pen leads to, or NULL. */
const char *vt_pen_uri(const struct vt *vt);
void vt_send_charset(struct vt *vt, int set, uint8_t final);

static inline struct grid *vt_grid(struct vt *vt)
{
    return &vt->screen->grid;
}

/* osc.c: forgets the parts of a notification. */
void vt_notice_clear(struct vt *vt);

/* vt_text.c */
void vt_put_text(struct vt *vt, const uint32_t *cps, size_t n);
void vt_repeat(struct vt *vt, int count);
/* True when the cursor stands behind the last column, waiting to wrap. */
bool vt_is_wrap_pending(const struct vt *vt);
/* Waits for a wrap again (after a cursor restore), if the cursor is at the row's end. */
void vt_pend_wrap(struct vt *vt);

/* vt_csi.c */
void vt_on_control(struct vt *vt, uint8_t c);
void vt_on_esc(struct vt *vt, const struct token *t);
void vt_on_csi(struct vt *vt, const struct token *t);
/* vt_rect.c */
/* True: it was about a rectangle. */
bool vt_on_rect(struct vt *vt, const struct token *t);
/* Moves what is right of column `left` inside the margins by n columns to the right (negative: to the left). */
void vt_slide(struct vt *vt, int left, int n);
/* DECFI and DECBI: a column on, or the contents move. */
void vt_index_sideways(struct vt *vt, bool forward);
/* vt_mode.c */
void vt_set_modes(struct vt *vt, const struct token *t, bool on);
void vt_report_mode(struct vt *vt, const struct token *t);
/* Answers to CSI ?996n and the reports of modes 2031 and 2048. */
void vt_report_scheme(struct vt *vt);
void vt_report_size(struct vt *vt);
void vt_kitty_key(struct vt *vt, const struct token *t);
void vt_modes_changed(struct vt *vt);
/* osc.c */
void vt_on_osc(struct vt *vt, const struct token *t);
void vt_on_dcs(struct vt *vt, const struct token *t);
void vt_set_title(struct vt *vt, const char *text, size_t len);

/* vt_read.c: addresses and underline colours go to the scrollback and come back. */
void vt_keep_links(struct vt *vt);
/* Answers. */
void vt_reply(struct vt *vt, const char *bytes, size_t len);
void vt_replyf(struct vt *vt, const char *fmt, ...) MT_PRINTF(2, 3);

#endif
