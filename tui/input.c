/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/input.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define SEQUENCE_MAX 512 /* longer replies are swallowed piece by piece */
#define PARAM_MAX 8
#define TABLE_MAX 64
#define TABLE_BYTES 16
#define PASTE_END "\033[201~"
#define PASTE_END_LEN 6

struct input {
    input_fn fn;
    void *arg;
    char buf[SEQUENCE_MAX]; /* an unfinished sequence or character */
    size_t len;
    bool in_paste;
    size_t end_matched; /* bytes of PASTE_END held back */
    struct {
        char bytes[TABLE_BYTES];
        size_t len;
        struct key key;
    } table[TABLE_MAX];
    size_t table_len;
};

/* A parsed CSI sequence. */
struct csi {
    char prefix;       /* one of <=>? or 0 */
    char intermediate; /* the last one or 0 */
    char final;
    int param[PARAM_MAX]; /* -1: not given */
    int sub[PARAM_MAX];   /* the first sub-parameter after a colon; -1 */
    int count;
};

struct input *input_new(input_fn fn, void *arg)
{
    struct input *in = xcalloc(1, sizeof(*in));

    in->fn = fn;
    in->arg = arg;
    return in;
}

void input_free(struct input *in)
{
    free(in);
}

void input_add_sequence(struct input *in, const char *bytes, struct key key)
{
    size_t len = strlen(bytes);

    /* Sequences that begin with a printable character would swallow typing. */
    if (len == 0 || len >= TABLE_BYTES || in->table_len == TABLE_MAX || (unsigned char)bytes[0] >= 0x20 ||
        (len > 1 && bytes[0] != '\033') || (len == 1 && bytes[0] == '\033')) {
        return;
    }
    memcpy(in->table[in->table_len].bytes, bytes, len + 1);
    in->table[in->table_len].len = len;
    in->table[in->table_len++].key = key;
}

/* Sends an event of a kind that carries nothing. */
static void emit(struct input *in, enum input_kind kind)
{
    struct input_event ev = {.kind = kind};

    in->fn(in->arg, &ev);
}

/* Sends a key, brought into the canonical form of term/keys.h. */
static void emit_key(struct input *in, uint32_t sym, unsigned mods)
{
    struct input_event ev = {.kind = INPUT_KEY};

    if (sym >= 0x21 && sym != 127 && sym < 0x110000) {
        if (mods & KEYMOD_CTRL) {
            if (sym >= 'A' && sym <= 'Z') {
                sym += 'a' - 'A';
            }
        } else if (mods & KEYMOD_SHIFT) {
            if (sym >= 'a' && sym <= 'z') {
                sym -= 'a' - 'A';
            }
            mods &= ~(unsigned)KEYMOD_SHIFT;
        }
    } else if (sym == KEYSYM_SPACE) {
        mods &= ~(unsigned)KEYMOD_SHIFT;
    }
    ev.key = (struct key){sym, (uint8_t)mods};
    in->fn(in->arg, &ev);
}

/* A C0 control or DEL as a key. */
static void emit_control(struct input *in, unsigned char c, unsigned mods)
{
    if (c == '\t' || c == '\r' || c == 27 || c == 127) {
        emit_key(in, c, mods);
    } else if (c == 0) {
        emit_key(in, KEYSYM_SPACE, mods | KEYMOD_CTRL);
    } else if (c <= 26) {
        emit_key(in, (uint32_t)c + 'a' - 1, mods | KEYMOD_CTRL);
    } else {
        emit_key(in, (uint32_t)c + 64, mods | KEYMOD_CTRL); /* \ ] ^ _ */
    }
}

/* Hands a whole sequence to whoever asked the terminal something. */
static void emit_reply(struct input *in, size_t len)
{
    struct input_event ev = {.kind = INPUT_REPLY, .data = in->buf, .len = len};

    in->fn(in->arg, &ev);
}

/* xterm's modifier parameter: 1 + bits shift 1, alt 2, ctrl 4, super 8, meta 32. */
static unsigned decode_mods(int param)
{
    unsigned bits = param > 0 ? (unsigned)param - 1 : 0;
    unsigned mods = bits & (KEYMOD_SHIFT | KEYMOD_ALT | KEYMOD_CTRL | KEYMOD_SUPER);

    return bits & 32 ? mods | KEYMOD_ALT : mods;
}

/* A mouse button code of xterm's protocols. */
static void emit_mouse(struct input *in, int code, int col, int row, bool released, bool knows_button)
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
        {28, 29, KEYSYM_F1 + 14}, {31, 34, KEYSYM_F1 + 16},
    };

    for (size_t i = 0; i < MT_ARRAY_LEN(ranges); i++) {
        if (n >= ranges[i].from && n <= ranges[i].to) {
            return ranges[i].sym + (uint32_t)(n - ranges[i].from);
        }
    }
    return 0;
}

/* Final bytes shared by CSI and SS3 for cursor and function keys. 0: unknown. */
static uint32_t letter_key(char final)
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
        return KEYSYM_KP_0 + 5;
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
static uint32_t keypad_key(char final)
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
        KEYSYM_INSERT,  KEYSYM_DELETE,   KEYSYM_KP_0 + 5,
    };

    if (code >= 57399 && code <= 57408) {
        return KEYSYM_KP_0 + (uint32_t)(code - 57399);
    }
    if (code >= 57409 && code < 57409 + (int)MT_ARRAY_LEN(keypad)) {
        return keypad[code - 57409];
    }
    if (code >= 57376 && code <= 57383) {
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

/* CSI ... ~ */
static void on_tilde(struct input *in, const struct csi *c)
{
    unsigned mods = decode_mods(c->param[1]);
    uint32_t sym;

    if (c->sub[1] == 3) {
        return; /* kitty: a release */
    }
    if (c->param[0] == 200) {
        in->in_paste = true;
        in->end_matched = 0;
        emit(in, INPUT_PASTE_BEGIN);
    } else if (c->param[0] == 27 && c->count >= 3) {
        /* modifyOtherKeys: the code is the shifted character already. */
        int code = c->param[2];
        if (code > 0 && code < 32 && code != 9 && code != 13 && code != 27) {
            emit_control(in, (unsigned char)code, mods);
        } else if ((sym = kitty_key(code)) != 0) {
            emit_key(in, sym, mods);
        }
    } else if ((sym = tilde_key(c->param[0])) != 0) {
        emit_key(in, sym, mods);
    }
}

/* CSI code ; mods u of kitty and xterm. Releases are of no interest. */
static void on_unicode_key(struct input *in, const struct csi *c)
{
    unsigned mods = decode_mods(c->param[1]);
    uint32_t sym = kitty_key(c->param[0]);

    if (sym == 0 || c->sub[1] == 3) {
        return;
    }
    if (mods & KEYMOD_SHIFT && c->sub[0] > 32 && c->sub[0] <= 0x10ffff && !(mods & KEYMOD_CTRL)) {
        sym = (uint32_t)c->sub[0];
        mods &= ~(unsigned)KEYMOD_SHIFT;
    } else if (mods & KEYMOD_SHIFT && sym > 32 && sym < 127 && !(sym >= 'a' && sym <= 'z') &&
               !(sym >= 'A' && sym <= 'Z')) {
        /* A shifted sign without its shifted form: emit_key would forget the Shift and call it the unshifted key. */
        struct input_event ev = {.kind = INPUT_KEY, .key = {sym, (uint8_t)mods}};
        in->fn(in->arg, &ev);
        return;
    }
    emit_key(in, sym, mods);
}

/* Acts on one whole CSI sequence of `len` bytes in buf. `alt`: it came behind a further ESC. */
static void on_csi(struct input *in, size_t len, unsigned alt)
{
    struct csi c;
    uint32_t sym;

    parse_csi(&c, in->buf + (alt ? 3 : 2), in->buf + len - 1);
    if (c.prefix == '<' && (c.final == 'M' || c.final == 'm')) {
        emit_mouse(in, c.param[0], c.param[1], c.param[2], c.final == 'm', true);
    } else if (c.prefix || c.intermediate) {
        emit_reply(in, len);
    } else if (c.final == '~') {
        on_tilde(in, &c);
    } else if (c.final == 'u') {
        on_unicode_key(in, &c);
    } else if (c.final == 'M' && c.count == 3) {
        emit_mouse(in, c.param[0] - 32, c.param[1], c.param[2], false, false);
    } else if (c.final == 'I' && c.param[0] < 0) {
        emit(in, INPUT_FOCUS_IN);
    } else if (c.final == 'O' && c.param[0] < 0) {
        emit(in, INPUT_FOCUS_OUT);
    } else if (c.final == 'Z') {
        emit_key(in, KEYSYM_TAB, KEYMOD_SHIFT | alt | decode_mods(c.param[1]));
    } else if (c.final >= 'a' && c.final <= 'd' && c.param[0] < 0) {
        emit_key(in, letter_key((char)(c.final - 32)), KEYMOD_SHIFT | alt); /* rxvt */
    } else if (c.final == 'R' && c.param[0] > 1) {
        emit_reply(in, len); /* a cursor position */
    } else if ((sym = letter_key(c.final)) != 0) {
        if (c.sub[1] != 3) { /* kitty: a release */
            emit_key(in, sym, alt | decode_mods(c.param[1]));
        }
    } else if (c.final != 'M') {
        emit_reply(in, len);
    }
}

/* rxvt's modified editing keys: CSI n followed by $ (shift), ^ (ctrl) or @ (both). */
static bool on_rxvt(struct input *in, size_t start, size_t len, unsigned alt)
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
    emit_key(in, tilde_key(n), mods | alt);
    return true;
}

/* Tries a CSI whose parameters begin at buf[start]. Returns the bytes used, 0 for "more is needed". */
static size_t try_csi(struct input *in, size_t start, unsigned alt)
{
    size_t i = start;

    if (start < in->len && in->buf[start] == '[') { /* the Linux console's F1..F5 */
        if (in->len < start + 2) {
            return 0;
        }
        char c = in->buf[start + 1];
        if (c >= 'A' && c <= 'E') {
            emit_key(in, KEYSYM_F1 + (uint32_t)(c - 'A'), alt);
        }
        return start + 2;
    }
    if (start < in->len && in->buf[start] == 'M') { /* X10: three bytes follow */
        const unsigned char *b = (const unsigned char *)in->buf + start + 1;
        if (in->len < start + 4) {
            return 0;
        }
        emit_mouse(in, b[0] - 32, b[1] - 32, b[2] - 32, false, false);
        return start + 4;
    }
    for (; i < in->len; i++) {
        unsigned char c = (unsigned char)in->buf[i];
        if ((c == '$' || c == '^' || c == '@') && i > start && on_rxvt(in, start, i + 1, alt)) {
            return i + 1;
        }
        if (c >= 0x40 && c <= 0x7e) {
            on_csi(in, i + 1, alt);
            return i + 1;
        }
        if (c < 0x20 || c > 0x7e) {
            return i; /* broken off: what follows stands for itself */
        }
    }
    return 0;
}

/* Tries an SS3 key whose final (or modifier digit) is at buf[start]. */
static size_t try_ss3(struct input *in, size_t start, unsigned alt)
{
    unsigned mods = alt;
    uint32_t sym;

    if (start < in->len && in->buf[start] >= '1' && in->buf[start] <= '9') {
        mods |= decode_mods(in->buf[start] - '0');
        start++;
    }
    if (start >= in->len) {
        return 0;
    }
    if (in->buf[start] >= 'a' && in->buf[start] <= 'd') {
        emit_key(in, letter_key((char)(in->buf[start] - 32)), mods | KEYMOD_CTRL); /* rxvt */
    } else if ((sym = letter_key(in->buf[start])) != 0 || (sym = keypad_key(in->buf[start])) != 0) {
        emit_key(in, sym, mods);
    }
    return start + 1;
}

/* Tries an OSC, DCS, APC, PM or SOS string: ends with ST, OSC also with BEL. */
static size_t try_string(struct input *in)
{
    for (size_t i = 2; i < in->len; i++) {
        unsigned char c = (unsigned char)in->buf[i];
        if (c == 7 || (c == 27 && i + 1 < in->len && in->buf[i + 1] == '\\')) {
            size_t used = c == 7 ? i + 1 : i + 2;
            emit_reply(in, used);
            return used;
        }
        if ((c == 27 && i + 1 < in->len) || (c < 0x20 && c != 27)) {
            return i; /* no terminal answers so: a key was pressed meanwhile */
        }
    }
    return 0;
}

/* Decodes the character at buf[at] as a key. Returns the bytes behind it, 0 for "more is needed". */
static size_t try_character(struct input *in, size_t at, unsigned mods)
{
    unsigned char c = (unsigned char)in->buf[at];
    size_t need = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    uint32_t cp = 0;
    size_t used;

    if (c < 0x20 || c == 127) {
        emit_control(in, c, mods);
        return at + 1;
    }
    used = utf8_decode(in->buf + at, in->len - at, &cp);
    if (cp == UTF8_REPLACEMENT && used < need) {
        /* Malformed, or only cut so far? */
        bool cut = c >= 0xc2 && c <= 0xf4 && at + used == in->len && in->len - at < need;
        return cut ? 0 : at + used;
    }
    emit_key(in, cp, mods);
    return at + used;
}

/* Looks the start of the buffer up in the terminal's own sequences: bytes used, 0 when none matches. */
static size_t try_table(struct input *in)
{
    size_t best = 0, which = 0;

    for (size_t i = 0; i < in->table_len; i++) {
        if (in->table[i].len <= in->len && in->table[i].len > best &&
            memcmp(in->buf, in->table[i].bytes, in->table[i].len) == 0) {
            best = in->table[i].len;
            which = i;
        }
    }
    if (best) {
        emit_key(in, in->table[which].key.sym, in->table[which].key.mods);
    }
    return best;
}

/* Takes one event from the start of the buffer. Returns the bytes used, 0 for "more is needed". */
static size_t try_one(struct input *in)
{
    size_t used = try_table(in);

    if (used) {
        return used;
    }
    if (in->buf[0] != '\033') {
        return try_character(in, 0, 0);
    }
    if (in->len < 2) {
        return 0;
    }
    switch (in->buf[1]) {
    case '[':
        return try_csi(in, 2, 0);
    case 'O':
        return try_ss3(in, 2, 0);
    case ']':
    case 'P':
    case '_':
    case '^':
    case 'X':
        return try_string(in);
    case '\033':
        if (in->len < 3) {
            return 0;
        }
        if (in->buf[2] == '[' || in->buf[2] == 'O') { /* Alt with a special key, as rxvt and others send it */
            return in->buf[2] == '[' ? try_csi(in, 3, KEYMOD_ALT) : try_ss3(in, 3, KEYMOD_ALT);
        }
        emit_key(in, KEYSYM_ESCAPE, 0);
        return 1;
    default:
        return try_character(in, 1, KEYMOD_ALT);
    }
}

/* Sends a piece of a paste. */
static void emit_paste(struct input *in, const char *data, size_t len)
{
    struct input_event ev = {.kind = INPUT_PASTE, .data = data, .len = len};

    if (len) {
        in->fn(in->arg, &ev);
    }
}

/* Takes pasted bytes up to the end marker. Returns how many of `len` were used. */
static size_t feed_paste(struct input *in, const char *data, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        if (data[i] == PASTE_END[in->end_matched]) {
            if (in->end_matched == 0) {
                emit_paste(in, data + from, i - from);
            }
            from = i + 1;
            if (++in->end_matched == PASTE_END_LEN) {
                in->in_paste = false;
                in->end_matched = 0;
                emit(in, INPUT_PASTE_END);
                return i + 1;
            }
        } else if (in->end_matched) {
            /* Only the ESC can begin the marker again, and it stands nowhere else in it. */
            emit_paste(in, PASTE_END, in->end_matched);
            in->end_matched = 0;
            from = i--;
        }
    }
    if (from < len) {
        emit_paste(in, data + from, len - from);
    }
    return len;
}

/* Drops `n` bytes from the front of the buffer. */
static void drop(struct input *in, size_t n)
{
    in->len -= n;
    memmove(in->buf, in->buf + n, in->len);
}

/* Takes events until the buffer holds only an unfinished one. */
static void drain(struct input *in)
{
    while (in->len > 0 && !in->in_paste) {
        size_t used = try_one(in);
        if (used == 0 && in->len < sizeof(in->buf)) {
            return;
        }
        /* A full buffer without an end is nothing we know. */
        drop(in, used ? used : in->len);
    }
}

/* What was buffered behind the start marker is pasted text. */
static void take_buffered_paste(struct input *in)
{
    while (in->in_paste && in->len > 0) {
        char held[SEQUENCE_MAX];
        size_t n = in->len, used;
        memcpy(held, in->buf, n);
        used = feed_paste(in, held, n);
        drop(in, used);
        drain(in);
    }
}

void input_feed(struct input *in, const char *data, size_t len)
{
    while (len > 0) {
        size_t n;
        if (in->in_paste) {
            n = feed_paste(in, data, len);
        } else {
            n = MT_MIN(len, sizeof(in->buf) - in->len);
            memcpy(in->buf + in->len, data, n);
            in->len += n;
            drain(in);
            take_buffered_paste(in);
        }
        data += n;
        len -= n;
    }
}

bool input_pending(const struct input *in)
{
    return in->len > 0 && in->buf[0] == '\033';
}

void input_flush(struct input *in)
{
    if (!input_pending(in)) {
        return;
    }
    if (in->len == 1 || (in->len == 2 && in->buf[1] == '\033')) {
        size_t n = in->len;
        in->len = 0;
        for (size_t i = 0; i < n; i++) {
            emit_key(in, KEYSYM_ESCAPE, 0);
        }
    } else if (in->len == 2) {
        uint32_t sym = (unsigned char)in->buf[1];
        in->len = 0;
        emit_key(in, sym, KEYMOD_ALT);
    } else {
        in->len = 0; /* cut off: a reply that never ends, half a character after ESC */
    }
}
