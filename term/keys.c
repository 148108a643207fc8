/* SPDX-License-Identifier: Apache-2.0 */
#include "term/keys.h"

#include <string.h>
#include <strings.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"

/* One table: names, and the bytes of keys that are not text. `letter`: CSI letter (SS3 with application cursor keys);
 * `number`: CSI n ~. */
struct named {
    const char *name;
    uint32_t sym;
    char letter;
    uint8_t number;
};
static const struct named named_keys[] = {
    {"Enter", KEYSYM_ENTER, 0, 0},
    {"Return", KEYSYM_ENTER, 0, 0},
    {"Tab", KEYSYM_TAB, 0, 0},
    {"Escape", KEYSYM_ESCAPE, 0, 0},
    {"Esc", KEYSYM_ESCAPE, 0, 0},
    {"Space", KEYSYM_SPACE, 0, 0},
    {"Backspace", KEYSYM_BACKSPACE, 0, 0},
    {"BSpace", KEYSYM_BACKSPACE, 0, 0},
    {"Up", KEYSYM_UP, 'A', 0},
    {"Down", KEYSYM_DOWN, 'B', 0},
    {"Right", KEYSYM_RIGHT, 'C', 0},
    {"Left", KEYSYM_LEFT, 'D', 0},
    {"Home", KEYSYM_HOME, 'H', 0},
    {"End", KEYSYM_END, 'F', 0},
    {"Insert", KEYSYM_INSERT, 0, 2},
    {"Ins", KEYSYM_INSERT, 0, 2},
    {"Delete", KEYSYM_DELETE, 0, 3},
    {"Del", KEYSYM_DELETE, 0, 3},
    {"PgUp", KEYSYM_PGUP, 0, 5},
    {"PageUp", KEYSYM_PGUP, 0, 5},
    {"PgDn", KEYSYM_PGDN, 0, 6},
    {"PageDown", KEYSYM_PGDN, 0, 6},
    {"F1", KEYSYM_F1, 'P', 0},
    {"F2", KEYSYM_F1 + 1, 'Q', 0},
    {"F3", KEYSYM_F1 + 2, 'R', 0},
    {"F4", KEYSYM_F1 + 3, 'S', 0},
    {"F5", KEYSYM_F1 + 4, 0, 15},
    {"F6", KEYSYM_F1 + 5, 0, 17},
    {"F7", KEYSYM_F1 + 6, 0, 18},
    {"F8", KEYSYM_F1 + 7, 0, 19},
    {"F9", KEYSYM_F1 + 8, 0, 20},
    {"F10", KEYSYM_F1 + 9, 0, 21},
    {"F11", KEYSYM_F1 + 10, 0, 23},
    {"F12", KEYSYM_F1 + 11, 0, 24},
    {"F13", KEYSYM_F1 + 12, 0, 25},
    {"F14", KEYSYM_F1 + 13, 0, 26},
    {"F15", KEYSYM_F1 + 14, 0, 28},
    {"F16", KEYSYM_F1 + 15, 0, 29},
    {"F17", KEYSYM_F1 + 16, 0, 31},
    {"F18", KEYSYM_F1 + 17, 0, 32},
    {"F19", KEYSYM_F1 + 18, 0, 33},
    {"F20", KEYSYM_F20, 0, 34},
    {"F21", KEYSYM_F1 + 20, 0, 42},
    {"F22", KEYSYM_F1 + 21, 0, 43},
    {"F23", KEYSYM_F1 + 22, 0, 44},
    {"F24", KEYSYM_F24, 0, 45},
    {"Begin", KEYSYM_BEGIN, 'E', 0},
    {"Menu", KEYSYM_MENU, 0, 29},
    {"KP0", KEYSYM_KP_0, 'p', 0},
    {"KP1", KEYSYM_KP_0 + 1, 'q', 0},
    {"KP2", KEYSYM_KP_0 + 2, 'r', 0},
    {"KP3", KEYSYM_KP_0 + 3, 's', 0},
    {"KP4", KEYSYM_KP_0 + 4, 't', 0},
    {"KP5", KEYSYM_KP_0 + 5, 'u', 0},
    {"KP6", KEYSYM_KP_0 + 6, 'v', 0},
    {"KP7", KEYSYM_KP_0 + 7, 'w', 0},
    {"KP8", KEYSYM_KP_0 + 8, 'x', 0},
    {"KP9", KEYSYM_KP_9, 'y', 0},
    {"KPDot", KEYSYM_KP_DOT, 'n', 0},
    {"KPPlus", KEYSYM_KP_PLUS, 'k', 0},
    {"KPMinus", KEYSYM_KP_MINUS, 'm', 0},
    {"KPStar", KEYSYM_KP_STAR, 'j', 0},
    {"KPSlash", KEYSYM_KP_SLASH, 'o', 0},
    {"KPEqual", KEYSYM_KP_EQUAL, 'X', 0},
    {"KPEnter", KEYSYM_KP_ENTER, 'M', 0},
};

/* The first entry of a key, which holds its canonical name. */
static const struct named *find_sym(uint32_t sym)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(named_keys); i++) {
        if (named_keys[i].sym == sym) {
            return &named_keys[i];
        }
    }
    return NULL;
}

/* --- names --- */

/* A modifier prefix at `s`, or 0. */
static uint8_t modifier(const char *s)
{
    if (s[0] == '\0' || s[1] != '-' || s[2] == '\0') {
        return 0;
    }
    switch (s[0]) {
    case 'C':
    case 'c':
        return KEYMOD_CTRL;
    case 'M':
    case 'm':
    case 'A':
    case 'a':
        return KEYMOD_ALT;
    case 'S':
    case 's':
        return KEYMOD_SHIFT;
    case 'D':
    case 'd':
        return KEYMOD_SUPER;
    default:
        return 0;
    }
}

/* Brings a key into its one form: Ctrl folds letters, Shift goes into letters. */
static struct key canonical(struct key k)
{
    bool letter = (k.sym >= 'a' && k.sym <= 'z') || (k.sym >= 'A' && k.sym <= 'Z');
    if (letter && (k.mods & KEYMOD_CTRL)) {
        k.sym |= 0x20;
    } else if (letter && (k.mods & KEYMOD_SHIFT)) {
        k.sym &= ~UINT32_C(0x20);
        k.mods &= (uint8_t)~KEYMOD_SHIFT;
    } else if (k.sym > ' ' && k.sym < KEYSYM_UP && k.sym != KEYSYM_BACKSPACE && !(k.mods & KEYMOD_CTRL)) {
        k.mods &= (uint8_t)~KEYMOD_SHIFT;
    }
    return k;
}

int key_parse(const char *text, struct key *out, struct error *err)
{
    struct key k = {0};
    const char *s = text;
    for (uint8_t mod = modifier(s); mod != 0; mod = modifier(s)) {
        k.mods |= mod;
        s += 2;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(named_keys); i++) {
        if (strcasecmp(named_keys[i].name, s) == 0) {
            k.sym = named_keys[i].sym;
            *out = k;
            return 0;
        }
    }
    size_t len = strlen(s);
    if (len > 0 && utf8_is_valid(s, len) && utf8_decode(s, len, &k.sym) == len && k.sym >= ' ' && k.sym != 0x7f &&
        !(k.sym >= 0x80 && k.sym < 0xa0)) {
        *out = canonical(k);
        return 0;
    }
    return error_hint(err, ERROR_INVALID, "examples: a, C-b, M-1, F5, Enter, S-Tab, C-], PgUp", "no such key: %.80s",
                      text);
}

void key_format(struct key k, struct strbuf *out)
{
    const struct named *n = find_sym(k.sym);
    char text[4];
    strbuf_addstr(out, k.mods & KEYMOD_CTRL ? "C-" : "");
    strbuf_addstr(out, k.mods & KEYMOD_ALT ? "M-" : "");
    strbuf_addstr(out, k.mods & KEYMOD_SUPER ? "D-" : "");
    strbuf_addstr(out, k.mods & KEYMOD_SHIFT ? "S-" : "");
    if (n != NULL) {
        strbuf_addstr(out, n->name);
    } else {
        strbuf_add(out, text, utf8_encode(k.sym, text));
    }
}

void key_format_into(struct key k, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT;
    key_format(k, &sb);
    str_copy(out, cap, sb.buf);
}

/* --- bytes --- */

/* xterm's modifier parameter. */
static int mod_param(uint8_t mods)
{
    return 1 + ((mods & KEYMOD_SHIFT) ? 1 : 0) + ((mods & KEYMOD_ALT) ? 2 : 0) + ((mods & KEYMOD_CTRL) ? 4 : 0) +
           ((mods & KEYMOD_SUPER) ? 8 : 0);
}

/* CSI code ; modifiers ; text u, as short as it may be. */
static void add_kitty(struct strbuf *out, uint32_t code, uint8_t mods, uint32_t text)
{
    strbuf_addf(out, "\033[%u", code);
    if (mods != 0 || text != 0) {
        strbuf_addch(out, ';');
    }
    if (mods != 0) {
        strbuf_addf(out, "%d", mod_param(mods));
    }
    if (text != 0) {
        strbuf_addf(out, ";%u", text);
    }
    strbuf_addch(out, 'u');
}

/* Keypad: its own sequences in application mode, else what is printed on the key. */
static void encode_keypad(struct key k, const struct named *n, const struct key_modes *m, struct strbuf *out)
{
    static const char plain[] = "0123456789.+-*/=\r";
    static const uint16_t kitty[] = {57409, 57413, 57412, 57411, 57410, 57415, 57414}; /* from KEYSYM_KP_DOT on */
    if (m->kitty & 8) {
        uint32_t i = k.sym - KEYSYM_KP_0;
        add_kitty(out, i < 10 ? 57399 + i : kitty[i - 10], k.mods, 0);
    } else if (m->app_keypad && k.mods == 0 && m->kitty == 0) {
        strbuf_addf(out, "\033O%c", n->letter);
    } else {
        key_encode((struct key){(uint8_t)plain[k.sym - KEYSYM_KP_0], k.mods}, m, out);
    }
}

/* Cursor and function keys. */
static void encode_special(struct key k, const struct key_modes *m, struct strbuf *out)
{
    const struct named *n = find_sym(k.sym);
    if (n == NULL) {
        return;
    }
    if (k.sym >= KEYSYM_KP_0 && k.sym <= KEYSYM_KP_ENTER) {
        encode_keypad(k, n, m, out);
        return;
    }
    bool function = k.sym >= KEYSYM_F1 && k.sym <= KEYSYM_F24;
    if (m->kitty != 0 && (k.sym > KEYSYM_F12 || k.sym == KEYSYM_F1 + 2) && k.sym != KEYSYM_BEGIN) {
        /* Forms of its own, one of them because F3 would look like a cursor report. */
        if (k.sym == KEYSYM_F1 + 2) {
            strbuf_addf(out, k.mods != 0 ? "\033[13;%d~" : "\033[13~", mod_param(k.mods));
        } else {
            add_kitty(out, k.sym == KEYSYM_MENU ? 57363 : 57376 + (k.sym - KEYSYM_F12 - 1), k.mods, 0);
        }
    } else if (n->letter != 0 && k.mods != 0) {
        strbuf_addf(out, "\033[1;%d%c", mod_param(k.mods), n->letter);
    } else if (n->letter != 0) {
        /* SS3 is not for programs that asked for keys to be told apart. */
        bool ss3 = m->kitty == 0 && (function || m->app_cursor);
        strbuf_addf(out, "\033%c%c", ss3 ? 'O' : '[', n->letter);
    } else if (k.mods != 0) {
        strbuf_addf(out, "\033[%d;%d~", n->number, mod_param(k.mods));
    } else {
        strbuf_addf(out, "\033[%d~", n->number);
    }
}

/* The C0 byte that Ctrl makes of a character; -1 for none. */
static int control_byte(uint32_t sym)
{
    if (sym >= 'a' && sym <= 'z') {
        return (int)sym - 'a' + 1;
    }
    if (sym >= '@' && sym <= '_') {
        return (int)sym - '@';
    }
    switch (sym) {
    case ' ':
    case '2':
        return 0;
    case '3':
        return 0x1b;
    case '4':
        return 0x1c;
    case '5':
        return 0x1d;
    case '6':
    case '~':
        return 0x1e;
    case '7':
    case '/':
        return 0x1f;
    case '8':
    case '?':
        return 0x7f;
    default:
        return -1;
    }
}

/* Keys that have a byte of their own whatever is held. */
static bool is_byte_key(uint32_t sym)
{
    return sym == KEYSYM_ENTER || sym == KEYSYM_TAB || sym == KEYSYM_ESCAPE || sym == KEYSYM_BACKSPACE;
}

/* Kitty's "disambiguate" (1), "report all keys as escapes" (8) and then their text (16). Returns false when the old
 * form is right. */
static bool encode_kitty(struct key k, const struct key_modes *m, struct strbuf *out)
{
    bool all = (m->kitty & 8) != 0;
    bool plain = (k.mods & ~KEYMOD_SHIFT) == 0;
    if (!all && k.sym != KEYSYM_ESCAPE && (is_byte_key(k.sym) ? k.mods == 0 : plain)) {
        return false;
    }
    uint32_t sym = k.sym, text = all && (m->kitty & 16) && plain && !is_byte_key(k.sym) ? k.sym : 0;
    if (sym >= 'A' && sym <= 'Z') {
        sym |= 0x20;
        k.mods |= KEYMOD_SHIFT;
    }
    add_kitty(out, sym, k.mods, text);
    return true;
}

/* modifyOtherKeys: 1 for what has no byte of its own, 2 for everything with a modifier besides Shift on text. */
static bool encode_modified(struct key k, const struct key_modes *m, struct strbuf *out)
{
    bool ctrl = (k.mods & KEYMOD_CTRL) != 0;
    if (k.mods == 0 || (!is_byte_key(k.sym) && k.mods == KEYMOD_SHIFT && k.sym != ' ')) {
        return false;
    }
    if (m->modify_other == 1) {
        bool usual = is_byte_key(k.sym) ? (k.sym == KEYSYM_TAB && k.mods == KEYMOD_SHIFT) || k.mods == KEYMOD_ALT
                                        : !ctrl || (control_byte(k.sym) >= 0 && (k.mods & KEYMOD_SHIFT) == 0);
        if (usual) {
            return false;
        }
    }
    bool upper = (k.mods & KEYMOD_SHIFT) && k.sym >= 'a' && k.sym <= 'z'; /* the shifted character, as xterm has it */
    strbuf_addf(out, "\033[27;%d;%u~", mod_param(k.mods), upper ? k.sym - 0x20 : k.sym);
    return true;
}

/* The bytes every terminal sends: Alt is an ESC in front, Ctrl makes C0 (B16: never CSI u unasked). */
static void encode_legacy(struct key k, const struct key_modes *m, struct strbuf *out)
{
    char text[4];
    if (k.sym == KEYSYM_TAB && (k.mods & KEYMOD_SHIFT)) {
        strbuf_addstr(out, k.mods & KEYMOD_ALT ? "\033\033[Z" : "\033[Z");
        return;
    }
    if (k.mods & KEYMOD_ALT) {
        strbuf_addch(out, '\033');
    }
    if (k.sym == KEYSYM_ENTER) {
        strbuf_addstr(out, m->newline ? "\r\n" : "\r");
    } else if (k.sym == KEYSYM_BACKSPACE) {
        bool bs = m->backarrow != ((k.mods & KEYMOD_CTRL) != 0);
        strbuf_addch(out, bs ? '\b' : 0x7f);
    } else if ((k.mods & KEYMOD_CTRL) && control_byte(k.sym) >= 0) {
        strbuf_addch(out, (char)control_byte(k.sym));
    } else {
        strbuf_add(out, text, utf8_encode(k.sym, text));
    }
}

void key_encode(struct key k, const struct key_modes *m, struct strbuf *out)
{
    if (k.sym == KEYSYM_NONE || k.sym >= KEYSYM_LAST || (k.sym < ' ' && !is_byte_key(k.sym))) {
        return;
    }
    if (k.sym >= KEYSYM_UP) {
        encode_special(k, m, out);
        return;
    }
    if (m->kitty != 0) {
        if (encode_kitty(k, m, out)) {
            return;
        }
    } else if (m->modify_other != 0 && encode_modified(k, m, out)) {
        return;
    }
    encode_legacy(k, m, out);
}

/* --- mouse, paste, focus --- */

bool mouse_is_wanted(const struct mouse_event *ev, const struct key_modes *m)
{
    switch (ev->kind) {
    case MOUSE_PRESS:
        return m->mouse != MOUSE_OFF;
    case MOUSE_RELEASE:
        return m->mouse >= MOUSE_CLICK;
    default:
        return m->mouse == MOUSE_MOVE || (m->mouse == MOUSE_DRAG && ev->button != MOUSE_BUTTON_NONE);
    }
}

/* The button code that all encodings share. */
static int mouse_code(const struct mouse_event *ev, const struct key_modes *m)
{
    static const int base[] = {3, 0, 1, 2, 64, 65, 66, 67};
    int code = base[ev->button < MT_ARRAY_LEN(base) ? ev->button : 0];
    if (ev->kind == MOUSE_RELEASE && m->mouse_enc != MOUSE_ENC_SGR && m->mouse_enc != MOUSE_ENC_PIXEL) {
        code = 3;
    }
    if (ev->kind == MOUSE_MOTION) {
        code += 32;
    }
    if (m->mouse != MOUSE_X10) {
        code += (ev->mods & KEYMOD_SHIFT ? 4 : 0) + (ev->mods & KEYMOD_ALT ? 8 : 0) + (ev->mods & KEYMOD_CTRL ? 16 : 0);
    }
    return code;
}

/* A value in the old form: a byte, or a UTF-8 character with ?1005. False when it does not fit. */
static bool add_old(struct strbuf *out, int v, const struct key_modes *m)
{
    char text[4];
    if (m->mouse_enc == MOUSE_ENC_UTF8 && v + 32 <= 2047) {
        strbuf_add(out, text, utf8_encode((uint32_t)v + 32, text));
        return true;
    }
    if (m->mouse_enc == MOUSE_ENC_X10 && v + 32 <= 255) {
        strbuf_addch(out, (char)(v + 32));
        return true;
    }
    return false;
}

static void encode_report(const struct mouse_event *ev, const struct key_modes *m, struct strbuf *out)
{
    int code = mouse_code(ev, m), x = ev->col + 1, y = ev->row + 1;
    if (m->mouse_enc == MOUSE_ENC_PIXEL) { /* the middle of the cell: nothing finer is known */
        x = ev->col * KEYS_CELL_WIDTH + KEYS_CELL_WIDTH / 2 + 1;
        y = ev->row * KEYS_CELL_HEIGHT + KEYS_CELL_HEIGHT / 2 + 1;
    }
    if (m->mouse_enc == MOUSE_ENC_SGR || m->mouse_enc == MOUSE_ENC_PIXEL) {
        strbuf_addf(out, "\033[<%d;%d;%d%c", code, x, y, ev->kind == MOUSE_RELEASE ? 'm' : 'M');
    } else if (m->mouse_enc == MOUSE_ENC_URXVT) {
        strbuf_addf(out, "\033[%d;%d;%dM", code + 32, x, y);
    } else {
        size_t before = out->len;
        strbuf_addstr(out, "\033[M");
        if (!add_old(out, code, m) || !add_old(out, x, m) || !add_old(out, y, m)) {
            strbuf_truncate(out, before);
        }
    }
}

void mouse_encode(const struct mouse_event *ev, const struct key_modes *m, struct strbuf *out)
{
    if (ev->row < 0 || ev->col < 0) {
        return;
    }
    bool wheel = ev->kind == MOUSE_PRESS && (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN);
    if (m->mouse == MOUSE_OFF && wheel && m->alt_screen && m->alt_scroll) {
        for (int i = 0; i < 3; i++) {
            key_encode((struct key){ev->button == MOUSE_WHEEL_UP ? KEYSYM_UP : KEYSYM_DOWN, 0}, m, out);
        }
    } else if (mouse_is_wanted(ev, m) && !(ev->kind == MOUSE_RELEASE && ev->button >= MOUSE_WHEEL_UP)) {
        encode_report(ev, m, out);
    }
}

void paste_encode(const char *text, size_t len, const struct key_modes *m, struct strbuf *out)
{
    strbuf_reserve(out, len + 16);
    strbuf_addstr(out, m->bracketed ? "\033[200~" : "");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n') {
            /* CR LF is one line end. */
            if (i == 0 || text[i - 1] != '\r') {
                strbuf_addch(out, '\r');
            }
        } else if (c == '\r' || c == '\t' || (c >= 0x20 && c != 0x7f)) {
            /* Without ESC no end marker can be in the body. An encoded C1 CSI could make one: those go as well. */
            if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80 && (unsigned char)text[i + 1] < 0xa0) {
                i++;
                continue;
            }
            strbuf_addch(out, (char)c);
        }
    }
    strbuf_addstr(out, m->bracketed ? "\033[201~" : "");
}

void focus_encode(bool focused, const struct key_modes *m, struct strbuf *out)
{
    if (m->focus) {
        strbuf_addstr(out, focused ? "\033[I" : "\033[O");
    }
}
