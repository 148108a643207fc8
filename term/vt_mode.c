/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "term/vt_priv.h"

/* DEC private modes, one at a time whatever came together (B4), DECRQM, and the kitty keyboard's flags. */

void vt_modes_changed(struct vt *vt)
{
    if (vt->cb.modes != NULL) {
        vt->cb.modes(vt->arg);
    }
}

/* 47, 1047, 1049: the library has one saved cursor and no idea of our second grid (B14), so it never hears of them. */
static void set_alt_screen(struct vt *vt, int mode, bool on)
{
    struct grid *alt = &vt->alt.grid;
    bool was = vt->screen == &vt->alt;
    if (mode == 1049 && on && !was) {
        vt_save_cursor(vt);
    }
    if (mode == 1047 && !on && was) {
        grid_fill(alt, 0, 0, alt->rows, alt->cols, vt_blank(vt), false);
    }
    vt_use_screen(vt, on ? &vt->alt : &vt->main);
    if (mode == 1049 && on && !was) {
        grid_fill(alt, 0, 0, alt->rows, alt->cols, vt_blank(vt), false);
    }
    if (mode == 1049 && !on) {
        vt_restore_cursor(vt);
    }
}

static void set_mouse(struct vt *vt, int mode, bool on)
{
    static const struct {
        int mode;
        uint8_t value;
        bool encoding;
    } table[] = {
        {9, MOUSE_X10, false},         {1000, MOUSE_CLICK, false},    {1002, MOUSE_DRAG, false},
        {1003, MOUSE_MOVE, false},     {1005, MOUSE_ENC_UTF8, true},  {1006, MOUSE_ENC_SGR, true},
        {1015, MOUSE_ENC_URXVT, true}, {1016, MOUSE_ENC_PIXEL, true},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (table[i].mode != mode) {
            continue;
        }
        uint8_t *field = table[i].encoding ? &vt->modes.mouse_enc : &vt->modes.mouse;
        if (on) {
            *field = table[i].value;
        } else if (!table[i].encoding || *field == table[i].value) {
            *field = 0;
        }
    }
}

static void set_sync(struct vt *vt, bool on)
{
    vt->sync_on = on;
    vt->sync_until = on ? clock_mono_ms() + VT_SYNC_LIMIT_MS : 0;
}

static void set_lr_mode(struct vt *vt, bool on)
{
    vt_engine_sendf(vt, "\033[?69%c", on ? 'h' : 'l');
    vt->lr_margins = on;
    vt->left = 0;
    vt->right = vt_grid(vt)->cols;
}

/* The modes that are a flag of ours, for setting and for telling. */
static bool *mode_flag(struct vt *vt, int mode)
{
    switch (mode) {
    case 1:
        return &vt->modes.app_cursor;
    case 5:
        return &vt->reversed;
    case 6:
        return &vt->origin;
    case 7:
        return &vt->autowrap;
    case 12:
        return &vt->cursor_blink;
    case 25:
        return &vt->cursor_visible;
    case 45:
        return &vt->reverse_wrap;
    case 66:
        return &vt->modes.app_keypad;
    case 67:
        return &vt->modes.backarrow;
    case 69:
        return &vt->lr_margins;
    case 1004:
        return &vt->modes.focus;
    case 1007:
        return &vt->modes.alt_scroll;
    case 2004:
        return &vt->modes.bracketed;
    case 2026:
        return &vt->sync_on;
    case 2031:
        return &vt->tell_colors;
    case 2048:
        return &vt->tell_size;
    default:
        return NULL;
    }
}

/* What changing the flag does besides. */
static void set_flag(struct vt *vt, int mode, bool on)
{
    *mode_flag(vt, mode) = on;
    if (mode == 6 || mode == 7) {
        vt_engine_sendf(vt, "\033[?%d%c", mode, on ? 'h' : 'l');
    } else if (mode == 69) {
        set_lr_mode(vt, on);
    } else if (mode == 5) {
        grid_damage_all(vt_grid(vt));
    } else if (mode == 2026) {
        set_sync(vt, on);
    } else if (mode == 1004 && on) {
        vt_reply(vt, vt->focused ? "\033[I" : "\033[O", 3);
    } else if (mode == 2048 && on) {
        vt_report_size(vt);
    }
}

static void set_mode(struct vt *vt, int mode, bool on)
{
    switch (mode) {
    case 47:
    case 1047:
    case 1049:
        set_alt_screen(vt, mode, on);
        break;
    case 1048:
        if (on) {
            vt_save_cursor(vt);
        } else {
            vt_restore_cursor(vt);
        }
        break;
    default:
        if (mode_flag(vt, mode) != NULL) {
            set_flag(vt, mode, on);
        } else {
            set_mouse(vt, mode, on);
        }
        break;
    }
}

void vt_set_modes(struct vt *vt, const struct token *t, bool on)
{
    for (int i = 0; i < t->nparams; i++) {
        if (t->param[i] > 0) {
            set_mode(vt, t->param[i], on);
        }
    }
    vt_modes_changed(vt);
}

/* DECRQM: 1 set, 2 reset, 3 always set, 0 unknown. */
static int mode_state(struct vt *vt, int mode)
{
    const struct key_modes *m = &vt->modes;
    const bool *flag = mode_flag(vt, mode);
    if (flag != NULL) {
        return *flag ? 1 : 2;
    }
    switch (mode) {
    case 47:
    case 1047:
    case 1049:
        return vt->screen == &vt->alt ? 1 : 2;
    case 9:
        return m->mouse == MOUSE_X10 ? 1 : 2;
    case 1000:
        return m->mouse == MOUSE_CLICK ? 1 : 2;
    case 1002:
        return m->mouse == MOUSE_DRAG ? 1 : 2;
    case 1003:
        return m->mouse == MOUSE_MOVE ? 1 : 2;
    case 1005:
        return m->mouse_enc == MOUSE_ENC_UTF8 ? 1 : 2;
    case 1006:
        return m->mouse_enc == MOUSE_ENC_SGR ? 1 : 2;
    case 1015:
        return m->mouse_enc == MOUSE_ENC_URXVT ? 1 : 2;
    case 1016:
        return m->mouse_enc == MOUSE_ENC_PIXEL ? 1 : 2;
    case 1048:
        return 1;
    case 2027:
        return 3; /* clusters are always one, whatever is asked: permanently set */
    default:
        return 0;
    }
}

void vt_report_mode(struct vt *vt, const struct token *t)
{
    int mode = token_param(t, 0, 0);
    if (t->leader == '?') {
        vt_replyf(vt, "\033[?%d;%d$y", mode, mode_state(vt, mode));
        return;
    }
    int state = mode == 4 ? (vt->insert ? 1 : 2) : mode == 20 ? (vt->modes.newline ? 1 : 2) : 0;
    vt_replyf(vt, "\033[%d;%d$y", mode, state);
}

void vt_kitty_key(struct vt *vt, const struct token *t)
{
    struct vt_screen *s = vt->screen;
    int flags = token_param(t, 0, 0) & vt->kitty_able;
    int how = token_param(t, 1, 1);
    switch (t->leader) {
    case '?':
        vt_replyf(vt, "\033[?%du", s->kitty[s->kitty_depth]);
        return;
    case '>':
        if (s->kitty_depth == VT_KITTY_DEPTH - 1) { /* full: the oldest goes */
            for (int i = 1; i < VT_KITTY_DEPTH - 1; i++) {
                s->kitty[i] = s->kitty[i + 1];
            }
        } else {
            s->kitty_depth++;
        }
        s->kitty[s->kitty_depth] = (uint8_t)flags;
        break;
    case '<':
        s->kitty_depth = MT_MAX(s->kitty_depth - token_count(t, 0, VT_KITTY_DEPTH), 0);
        break;
    default: {
        uint8_t *now = &s->kitty[s->kitty_depth];
        *now = (uint8_t)(how == 2 ? *now | flags : how == 3 ? *now & ~flags : flags);
        break;
    }
    }
    vt->modes.kitty = s->kitty[s->kitty_depth];
    vt_modes_changed(vt);
}
