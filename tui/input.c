/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/input_private.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define PASTE_END "\033[201~"
#define PASTE_END_LEN 6
#define ESC_WAIT_MS 20 /* with the way there, the program has it within 25 */
#define ANSWER_WAIT_MS 400

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
    if (len == 0 || len >= INPUT_TABLE_BYTES || in->table_len == INPUT_TABLE_MAX || (unsigned char)bytes[0] >= 0x20 ||
        (len > 1 && bytes[0] != '\033') || (len == 1 && bytes[0] == '\033')) {
        return;
    }
    memcpy(in->table[in->table_len].bytes, bytes, len + 1);
    in->table[in->table_len].len = len;
    in->table[in->table_len++].key = key;
}

/* Sends an event of a kind that carries nothing. */
void input_emit(struct input *in, enum input_kind kind)
{
    struct input_event ev = {.kind = kind};

    in->fn(in->arg, &ev);
}

/* Sends a key, brought into the canonical form of term/keys.h. */
void input_emit_key(struct input *in, uint32_t sym, unsigned mods)
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
    ev.data = in->raw_len ? in->buf : NULL;
    ev.len = in->raw_len;
    in->fn(in->arg, &ev);
}

/* A C0 control or DEL as a key. */
void input_emit_control(struct input *in, unsigned char c, unsigned mods)
{
    if (c == '\t' || c == '\r' || c == 27 || c == 127) {
        input_emit_key(in, c, mods);
    } else if (c == 0) {
        input_emit_key(in, KEYSYM_SPACE, mods | KEYMOD_CTRL);
    } else if (c <= 26) {
        input_emit_key(in, (uint32_t)c + 'a' - 1, mods | KEYMOD_CTRL);
    } else {
        input_emit_key(in, (uint32_t)c + 64, mods | KEYMOD_CTRL); /* \ ] ^ _ */
    }
}

/* Hands a whole sequence to whoever asked the terminal something. */
void input_emit_reply(struct input *in, size_t len)
{
    struct input_event ev = {.kind = INPUT_REPLY, .data = in->buf, .len = len};

    in->fn(in->arg, &ev);
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
            input_emit_key(in, KEYSYM_F1 + (uint32_t)(c - 'A'), alt);
        }
        return start + 2;
    }
    if (start < in->len && in->buf[start] == 'M') { /* X10: three bytes follow */
        const unsigned char *b = (const unsigned char *)in->buf + start + 1;
        if (in->len < start + 4) {
            return 0;
        }
        input_mouse(in, b[0] - 32, b[1] - 32, b[2] - 32, false, false);
        return start + 4;
    }
    for (; i < in->len; i++) {
        unsigned char c = (unsigned char)in->buf[i];
        if ((c == '$' || c == '^' || c == '@') && i > start && input_rxvt(in, start, i + 1, alt)) {
            return i + 1;
        }
        if (c >= 0x40 && c <= 0x7e) {
            input_csi(in, i + 1, alt);
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
        mods |= input_mods(in->buf[start] - '0');
        start++;
    }
    if (start >= in->len) {
        return 0;
    }
    if (in->buf[start] >= 'a' && in->buf[start] <= 'd') {
        input_emit_key(in, input_letter_key((char)(in->buf[start] - 32)), mods | KEYMOD_CTRL); /* rxvt */
    } else if ((sym = input_letter_key(in->buf[start])) != 0 || (sym = input_keypad_key(in->buf[start])) != 0) {
        input_emit_key(in, sym, mods);
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
            input_emit_reply(in, used);
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
        input_emit_control(in, c, mods);
        return at + 1;
    }
    used = utf8_decode(in->buf + at, in->len - at, &cp);
    if (cp == UTF8_REPLACEMENT && used < need) {
        /* Malformed, or only cut so far? */
        bool cut = c >= 0xc2 && c <= 0xf4 && at + used == in->len && in->len - at < need;
        return cut ? 0 : at + used;
    }
    input_emit_key(in, cp, mods);
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
        input_emit_key(in, in->table[which].key.sym, in->table[which].key.mods);
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
        input_emit_key(in, KEYSYM_ESCAPE, 0);
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
                input_emit(in, INPUT_PASTE_END);
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

/* Swallows the rest of a sequence that was too long: its letters must not become keys. False: more of it may come. */
static bool skip_rest(struct input *in)
{
    bool csi = in->skip == '[';

    for (size_t i = 0; i < in->len; i++) {
        unsigned char c = (unsigned char)in->buf[i];
        if (c >= 0x20 && (!csi || c < 0x40)) {
            continue;
        }
        if (c == 27 && !csi) {
            drop(in, i);
            if (in->len < 2) {
                return false; /* the first half of its end */
            }
            drop(in, in->buf[1] == '\\' ? 2 : 0);
        } else {
            drop(in, c == 7 || c >= 0x40 ? i + 1 : i);
        }
        in->skip = 0;
        return true;
    }
    in->len = 0;
    return false;
}

/* Takes events until the buffer holds only an unfinished one. */
static void drain(struct input *in)
{
    while (in->len > 0 && !in->in_paste) {
        if (in->skip) {
            if (!skip_rest(in)) {
                return;
            }
            continue;
        }
        size_t used = try_one(in);
        if (used == 0 && in->len < sizeof(in->buf)) {
            return;
        }
        if (used) {
            drop(in, used);
        } else { /* a full buffer without an end is nothing we know */
            in->skip = in->buf[1] == '[' || in->buf[1] == '\033' ? '[' : ']';
            drop(in, in->buf[1] == '\033' ? 3 : 2);
        }
    }
}

/* What was buffered behind the start marker is pasted text. */
static void take_buffered_paste(struct input *in)
{
    while (in->in_paste && in->len > 0) {
        char held[INPUT_SEQUENCE_MAX];
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
    return in->skip || (in->len > 0 && in->buf[0] == '\033');
}

unsigned input_wait_ms(const struct input *in)
{
    bool string = in->skip || (in->len > 2 && (in->buf[1] == ']' || in->buf[1] == 'P' || in->buf[1] == '_'));

    return string || (in->len > 3 && in->buf[1] == '[') ? ANSWER_WAIT_MS : ESC_WAIT_MS;
}

void input_flush(struct input *in)
{
    if (!input_pending(in)) {
        return;
    }
    if (in->skip) {
        in->skip = 0;
        in->len = 0;
        return;
    }
    if (in->len == 1 || (in->len == 2 && in->buf[1] == '\033')) {
        size_t n = in->len;
        in->len = 0;
        for (size_t i = 0; i < n; i++) {
            input_emit_key(in, KEYSYM_ESCAPE, 0);
        }
    } else if (in->len == 2) {
        uint32_t sym = (unsigned char)in->buf[1];
        in->len = 0;
        input_emit_key(in, sym, KEYMOD_ALT);
    } else {
        in->len = 0; /* cut off: a reply that never ends, half a character after ESC */
    }
}
