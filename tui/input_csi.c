/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/input_private.h"

#include <string.h>

#include "core/util/compiler.h"

/* What a whole control sequence of the outer terminal means: keys in all their spellings (xterm, the Linux console,
 * rxvt, kitty), mouse, focus; the rest is a reply. */

#define PARAM_MAX 8

/* A parsed CSI sequence. */
struct csi {
    char prefix;       /* one of <=>? or 0 */
    char intermediate; /* the last one or 0 */
    char final;
    int param[PARAM_MAX]; /* -1: not given */
    int sub[PARAM_MAX];   /* the first sub-parameter after a colon; -1 */
    int count;
};

/* xterm's modifier parameter: 1 + bits shift 1, alt 2, ctrl 4, super 8, meta 32. */
unsigned input_mods(int param)
{
    unsigned bits = param > 0 ? (unsigned)param - 1 : 0;
    unsigned mods = bits & (KEYMOD_SHIFT | KEYMOD_ALT | KEYMOD_CTRL | KEYMOD_SUPER);

    return bits & 32 ? mods | KEYMOD_ALT : mods;
}

/* A mouse button code of xterm's protocols. */
void input_mouse(struct input *in, int code, int col, int row, bool released, bool knows_button)
{
    struct input_event ev = {.kind = INPUT_MOUSE};
    int low = code & 3;

    if (code < 0 || code & 128 || col < 1 || row < 1) {
        return;
    }
    ev.mouse.col = col - 1;
    ev.mouse.row = row - 1;
    ev.mouse.mods =
        (uint8_t)((code & 4 ? KEYMOD_SHIFT : 0) | (code & 8 ? KEYMOD_ALT : 0) | (code & 16 ? KEYMOD_CTRL : 0));
    ev.mouse.kind = released ? MOUSE_RELEASE : MOUSE_PRESS;
    if (code & 64) {
        static const uint8_t wheel[4] = {MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN, MOUSE_WHEEL_LEFT, MOUSE_WHEEL_RIGHT};
        ev.mouse.button = wheel[low];
        if (released) {
            return; /* a wheel has no release */
        }
    } else {
        ev.mouse.button = (uint8_t)(low == 3 ? MOUSE_BUTTON_NONE : MOUSE_BUTTON_LEFT + low);
        if (code & 32) {
            ev.mouse.kind = MOUSE_MOTION;
        } else if (low == 3) {
            if (knows_button) {
                return;
            }
            ev.mouse.kind = MOUSE_RELEASE; /* X10 does not say which */
        }
    }
    in->fn(in->arg, &ev);
}

/* Parses CSI parameters; p points behind ESC [. The caller has found `final`. */
static void parse_csi(struct csi *c, const char *p, const char *end)
{
    bool in_sub = false;

    *c = (struct csi){.final = *end, .count = 0};
    for (int i = 0; i < PARAM_MAX; i++) {
        c->param[i] = c->sub[i] = -1;
    }
    if (p < end && *p >= '<' && *p <= '?') {
        c->prefix = *p++;
    }
    for (; p < end; p++) {
        int *slot = in_sub ? &c->sub[c->count] : &c->param[c->count];
        if (*p >= '0' && *p <= '9') {
            int v = *slot < 0 ? 0 : *slot;
            *slot = v > 1 << 22 ? v : v * 10 + (*p - '0');
        } else if (*p == ':') {
            /* Further sub-parameters are of no interest: they fall into the last one. */
            in_sub = true;
            c->sub[c->count] = -1;
        } else if (*p == ';') {
            in_sub = false;
            if (c->count + 1 >= PARAM_MAX) {
                break;
            }
            c->count++;
        } else {
            c->intermediate = *p;
        }
    }
    c->count++;
}

/* CSI n ~ : editing and function keys. 0: unknown. */
static uint32_t tilde_key(int n)
{
    static const struct {
        uint8_t from, to;
        uint32_t sym;
    } ranges[] = {
        {1, 1, KEYSYM_HOME},      {2, 2, KEYSYM_INSERT},    {3, 3, KEYSYM_DELETE},    {4, 4, KEYSYM_END},
        {5, 5, KEYSYM_PGUP},      {6, 6, KEYSYM_PGDN},      {7, 7, KEYSYM_HOME},      {8, 8, KEYSYM_END},
        {11, 15, KEYSYM_F1},      {17, 21, KEYSYM_F1 + 5},  {23, 24, KEYSYM_F1 + 10}, {25, 26, KEYSYM_F1 + 12},
        {28, 29, KEYSYM_F1 + 14}, {31, 34, KEYSYM_F1 + 16}, {42, 45, KEYSYM_F1 + 20},
    };

    for (size_t i = 0; i < MT_ARRAY_LEN(ranges); i++) {
        if (n >= ranges[i].from && n <= ranges[i].to) {
            return ranges[i].sym + (uint32_t)(n - ranges[i].from);
        }
    }
    return 0;
}

/* Final bytes shared by CSI and SS3 for cursor and function keys. 0: unknown. */
uint32_t input_letter_key(char final)
{
    switch (final) {
    case 'A':
        return KEYSYM_UP;
    case 'B':
        return KEYSYM_DOWN;
    case 'C':
        return KEYSYM_RIGHT;
    case 'D':
        return KEYSYM_LEFT;
    case 'E':
        return KEYSYM_BEGIN;
    case 'F':
        return KEYSYM_END;
    case 'H':
        return KEYSYM_HOME;
    case 'P':
    case 'Q':
    case 'R':
    case 'S':
        return KEYSYM_F1 + (uint32_t)(final - 'P');
    default:
        return 0;
    }
}

/* SS3 finals of the application keypad. 0: unknown. */
uint32_t input_keypad_key(char final)
{
    if (final >= 'p' && final <= 'y') {
        return KEYSYM_KP_0 + (uint32_t)(final - 'p');
    }
    switch (final) {
    case 'j':
        return KEYSYM_KP_STAR;
    case 'k':
        return KEYSYM_KP_PLUS;
    case 'm':
        return KEYSYM_KP_MINUS;
    case 'n':
        return KEYSYM_KP_DOT;
    case 'o':
        return KEYSYM_KP_SLASH;
    case 'M':
        return KEYSYM_KP_ENTER;
    case 'X':
        return KEYSYM_KP_EQUAL;
    case 'I':
        return KEYSYM_TAB;
    case ' ':
        return KEYSYM_SPACE;
    default:
        return 0;
    }
}

/* Key numbers of kitty's protocol that are not Unicode (private use area); others are returned as they are. 0: ignore.
 */
static uint32_t kitty_key(int code)
{
    static const uint32_t keypad[] = {
        KEYSYM_KP_DOT,  KEYSYM_KP_SLASH, KEYSYM_KP_STAR,  KEYSYM_KP_MINUS,
        KEYSYM_KP_PLUS, KEYSYM_KP_ENTER, KEYSYM_KP_EQUAL, 0,
        KEYSYM_LEFT,    KEYSYM_RIGHT,    KEYSYM_UP,       KEYSYM_DOWN,
        KEYSYM_PGUP,    KEYSYM_PGDN,     KEYSYM_HOME,     KEYSYM_END,
        KEYSYM_INSERT,  KEYSYM_DELETE,   KEYSYM_BEGIN,
    };

    if (code >= 57399 && code <= 57408) {
        return KEYSYM_KP_0 + (uint32_t)(code - 57399);
    }
    if (code >= 57409 && code < 57409 + (int)MT_ARRAY_LEN(keypad)) {
        return keypad[code - 57409];
    }
    if (code >= 57376 && code <= 57387) {
        return KEYSYM_F1 + 12 + (uint32_t)(code - 57376);
    }
    if (code == 57363) {
        return KEYSYM_MENU;
    }
    if (code == 8) {
        return KEYSYM_BACKSPACE;
    }
    return code < 1 || (code >= 57344 && code <= 63743) || code > 0x10ffff ? 0 : (uint32_t)code;
}

/* True when the sequence says more than a key and its modifiers: kitty's protocol with more than its first flag. */
static bool says_more(const struct csi *c)
{
    bool text = c->final == 'u' && c->param[2] >= 0;
    bool shifted_space = c->final == 'u' && c->param[0] == ' ' && c->param[1] > 1;
    return text || shifted_space || c->sub[0] >= 0 || c->sub[1] >= 2 || c->param[1] > 16 ||
           (c->final == 'u' && c->param[0] >= 57344);
}

/* A release, or a key without a name: for programs only. What names no key at all (CSI u) is nothing. */
static void emit_raw(struct input *in, size_t len)
{
    struct input_event ev = {.kind = INPUT_KEY_RAW, .data = in->buf, .len = len};

    if (len > 0) {
        in->fn(in->arg, &ev);
    }
}

/* CSI ... ~ */
static void on_tilde(struct input *in, const struct csi *c)
{
    unsigned mods = input_mods(c->param[1]);
    uint32_t sym;

    if (c->param[0] == 200) {
        in->in_paste = true;
        in->end_matched = 0;
        input_emit(in, INPUT_PASTE_BEGIN);
    } else if (c->param[0] == 27 && c->count >= 3) {
        /* modifyOtherKeys: the code is the shifted character already. */
        int code = c->param[2];
        if (code > 0 && code < 32 && code != 9 && code != 13 && code != 27) {
            input_emit_control(in, (unsigned char)code, mods);
        } else if ((sym = kitty_key(code)) != 0) {
            input_emit_key(in, sym, mods);
        }
    } else if ((sym = tilde_key(c->param[0])) != 0) {
        input_emit_key(in, sym, mods);
    }
}

/* CSI code ; mods u of kitty and xterm. */
static void on_unicode_key(struct input *in, const struct csi *c)
{
    unsigned mods = input_mods(c->param[1]);
    uint32_t sym = kitty_key(c->param[0]);

    if (sym == 0) {
        emit_raw(in, in->raw_len);
        return;
    }
    if (mods & KEYMOD_SHIFT && c->sub[0] > 32 && c->sub[0] <= 0x10ffff && !(mods & KEYMOD_CTRL)) {
        sym = (uint32_t)c->sub[0];
        mods &= ~(unsigned)KEYMOD_SHIFT;
    } else if (mods & KEYMOD_SHIFT && sym > 32 && sym < 127 && !(sym >= 'a' && sym <= 'z') &&
               !(sym >= 'A' && sym <= 'Z')) {
        /* A shifted sign without its shifted form: emit_key would forget the Shift and call it the unshifted key. */
        struct input_event ev = {.kind = INPUT_KEY, .key = {sym, (uint8_t)mods}, .data = in->buf, .len = in->raw_len};
        in->fn(in->arg, &ev);
        return;
    }
    input_emit_key(in, sym, mods);
}

/* Acts on a parsed sequence. */
static void on_csi(struct input *in, const struct csi *what, size_t len, unsigned alt)
{
    struct csi c = *what;
    uint32_t sym;

    if (c.prefix == '<' && (c.final == 'M' || c.final == 'm')) {
        input_mouse(in, c.param[0], c.param[1], c.param[2], c.final == 'm', true);
    } else if (c.prefix || c.intermediate) {
        input_emit_reply(in, len);
    } else if (c.sub[1] == 3 && (c.final == '~' || c.final == 'u' || input_letter_key(c.final) != 0)) {
        emit_raw(in, len);
    } else if (c.final == '~') {
        on_tilde(in, &c);
    } else if (c.final == 'u') {
        on_unicode_key(in, &c);
    } else if (c.final == 'M' && c.count == 3) {
        input_mouse(in, c.param[0] - 32, c.param[1], c.param[2], false, false);
    } else if (c.final == 'I' && c.param[0] < 0) {
        input_emit(in, INPUT_FOCUS_IN);
    } else if (c.final == 'O' && c.param[0] < 0) {
        input_emit(in, INPUT_FOCUS_OUT);
    } else if (c.final == 'Z') {
        input_emit_key(in, KEYSYM_TAB, KEYMOD_SHIFT | alt | input_mods(c.param[1]));
    } else if (c.final >= 'a' && c.final <= 'd' && c.param[0] < 0) {
        input_emit_key(in, input_letter_key((char)(c.final - 32)), KEYMOD_SHIFT | alt); /* rxvt */
    } else if (c.final == 'R' && c.param[0] > 1) {
        input_emit_reply(in, len); /* a cursor position */
    } else if ((sym = input_letter_key(c.final)) != 0) {
        input_emit_key(in, sym, alt | input_mods(c.param[1]));
    } else if (c.final != 'M') {
        input_emit_reply(in, len);
    }
}

/* Acts on one whole CSI sequence of `len` bytes in buf. `alt`: it came behind a further ESC. */
void input_csi(struct input *in, size_t len, unsigned alt)
{
    struct csi c;

    parse_csi(&c, in->buf + (alt ? 3 : 2), in->buf + len - 1);
    in->raw_len = !alt && says_more(&c) ? len : 0;
    on_csi(in, &c, len, alt);
    in->raw_len = 0;
}

/* rxvt's modified editing keys: CSI n followed by $ (shift), ^ (ctrl) or @ (both). */
bool input_rxvt(struct input *in, size_t start, size_t len, unsigned alt)
{
    char last = in->buf[len - 1];
    unsigned mods = last == '$' ? KEYMOD_SHIFT : last == '^' ? KEYMOD_CTRL : KEYMOD_SHIFT | KEYMOD_CTRL;
    int n = 0;

    for (size_t i = start; i + 1 < len; i++) {
        if (in->buf[i] < '0' || in->buf[i] > '9' || n > 99) {
            return false;
        }
        n = n * 10 + (in->buf[i] - '0');
    }
    if (len < start + 2 || tilde_key(n) == 0) {
        return false;
    }
    input_emit_key(in, tilde_key(n), mods | alt);
    return true;
}
