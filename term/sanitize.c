/* SPDX-License-Identifier: Apache-2.0 */
#include "term/sanitize.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"

enum state {
    STATE_GROUND,
    STATE_ESC,
    STATE_ESC_INTERM,
    STATE_CSI_PARAM,
    STATE_CSI_INTERM,
    STATE_STRING,
    STATE_STRING_ESC, /* ESC seen inside a string: ST when a backslash follows */
};

#define ESC 0x1b

void sanitizer_init(struct sanitizer *s, sanitize_fn emit, void *arg)
{
    memset(s, 0, sizeof(*s));
    s->emit = emit;
    s->arg = arg;
    strbuf_init(&s->str);
}

void sanitizer_release(struct sanitizer *s)
{
    strbuf_release(&s->str);
}

static void flush_text(struct sanitizer *s)
{
    if (s->ntext > 0) {
        struct token *t = &s->token;
        t->kind = TOKEN_TEXT;
        t->cps = s->text;
        t->n = s->ntext;
        s->ntext = 0;
        s->emit(t, s->arg);
    }
}

static void add_text(struct sanitizer *s, uint32_t cp)
{
    if (cp >= 0x80 && cp < 0xa0) {
        return; /* a C1 control in UTF-8 form: nobody sends them for good */
    }
    s->text[s->ntext++] = cp;
    if (s->ntext == SANITIZE_TEXT_MAX) {
        flush_text(s);
    }
}

static void emit_kind(struct sanitizer *s, enum token_kind kind, uint8_t final)
{
    s->token.kind = kind;
    s->token.final = final;
    s->emit(&s->token, s->arg);
}

/* Begins a sequence: everything of the one before is forgotten. */
static void start_escape(struct sanitizer *s)
{
    flush_text(s);
    s->state = STATE_ESC;
    s->overflow = false;
    s->token.leader = 0;
    s->token.interm[0] = s->token.interm[1] = 0;
    s->token.nparams = 0;
}

static void add_interm(struct sanitizer *s, uint8_t c)
{
    if (s->token.interm[0] == 0) {
        s->token.interm[0] = c;
    } else if (s->token.interm[1] == 0) {
        s->token.interm[1] = c;
    } else {
        s->overflow = true;
    }
}

/* A string is kept while it is within its bound: the clipboard's is larger. */
static void add_string(struct sanitizer *s, const char *bytes, size_t len)
{
    if (s->overflow || (s->kind != ']' && s->kind != 'P')) {
        return;
    }
    size_t max = SANITIZE_STRING_MAX;
    if (s->str.len + len > max && s->kind == ']' && s->str.len >= 3 && memcmp(s->str.buf, "52;", 3) == 0) {
        max = SANITIZE_CLIP_MAX;
    }
    if (s->str.len + len > max) {
        /* Perhaps a clipboard write whose head came in this very piece: take the head first. */
        if (s->str.len < 3 && len > 3 && s->kind == ']') {
            strbuf_add(&s->str, bytes, 3);
            add_string(s, bytes + 3, len - 3);
            return;
        }
        s->overflow = true;
        strbuf_release(&s->str);
        return;
    }
    strbuf_add(&s->str, bytes, len);
}

static void end_string(struct sanitizer *s, bool bel)
{
    s->state = STATE_GROUND;
    if (!s->overflow && (s->kind == ']' || s->kind == 'P')) {
        s->token.str = s->str.buf;
        s->token.len = s->str.len;
        s->token.bel = bel;
        emit_kind(s, s->kind == ']' ? TOKEN_OSC : TOKEN_DCS, 0);
    }
    if (s->str.cap > SANITIZE_STRING_MAX * 2) {
        strbuf_release(&s->str);
    } else {
        strbuf_clear(&s->str);
    }
}

/* A byte right after ESC. */
static void on_escape(struct sanitizer *s, uint8_t c)
{
    switch (c) {
    case '[':
        s->state = STATE_CSI_PARAM;
        return;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
        s->kind = c;
        s->state = STATE_STRING;
        strbuf_clear(&s->str);
        return;
    default:
        break;
    }
    if (c >= 0x20 && c <= 0x2f) {
        add_interm(s, c);
        s->state = STATE_ESC_INTERM;
    } else {
        s->state = STATE_GROUND;
        if (c >= 0x30 && c <= 0x7e && !s->overflow) {
            emit_kind(s, TOKEN_ESC, c);
        }
    }
}

/* Digits, separators and leaders of a CSI. */
static void on_param(struct sanitizer *s, uint8_t c)
{
    struct token *t = &s->token;
    if (c >= 0x3c) { /* < = > ? */
        if (t->nparams > 0 || t->leader != 0) {
            s->overflow = true;
        }
        t->leader = c;
        return;
    }
    if (t->nparams == 0) {
        t->nparams = 1;
        t->param[0] = -1;
        t->sub[0] = false;
    }
    if (c == ';' || c == ':') {
        /* One past the bound is counted but not stored, so that the digits that follow go nowhere. */
        if (t->nparams <= SANITIZE_PARAMS_MAX) {
            t->nparams++;
        }
        if (t->nparams <= SANITIZE_PARAMS_MAX) {
            t->param[t->nparams - 1] = -1;
            t->sub[t->nparams - 1] = c == ':';
        }
        return;
    }
    if (t->nparams <= SANITIZE_PARAMS_MAX) {
        int32_t *p = &t->param[t->nparams - 1];
        *p = (*p < 0 ? 0 : *p) * 10 + (c - '0');
        if (*p > SANITIZE_PARAM_LIMIT) {
            *p = SANITIZE_PARAM_LIMIT;
        }
    }
}

static void on_csi(struct sanitizer *s, uint8_t c)
{
    if (c >= 0x40 && c <= 0x7e) {
        s->state = STATE_GROUND;
        if (s->token.nparams > SANITIZE_PARAMS_MAX) {
            s->token.nparams = SANITIZE_PARAMS_MAX;
        }
        if (!s->overflow) {
            emit_kind(s, TOKEN_CSI, c);
        }
    } else if (c >= 0x30) {
        if (s->state == STATE_CSI_INTERM) {
            s->overflow = true;
        } else {
            on_param(s, c);
        }
    } else {
        add_interm(s, c);
        s->state = STATE_CSI_INTERM;
    }
}

/* A C0 control outside a string. ESC starts over, CAN and SUB end, the others act at once, inside a sequence too. */
static void on_control(struct sanitizer *s, uint8_t c)
{
    if (c == ESC) {
        start_escape(s);
        return;
    }
    flush_text(s);
    if (c == 0x18 || c == 0x1a) {
        s->state = STATE_GROUND;
    } else if (c != 0) {
        emit_kind(s, TOKEN_CONTROL, c);
    }
}

/* Inside a string: takes bytes up to the next one that may end it. Returns the bytes used. */
static size_t on_string(struct sanitizer *s, const char *bytes, size_t len)
{
    uint8_t c = (uint8_t)bytes[0];
    if (s->state == STATE_STRING_ESC) {
        if (c == '\\') {
            end_string(s, false);
            return 1;
        }
        if (c == ESC && s->kind == 'P' && s->str.len >= 5 && memcmp(s->str.buf, "tmux;", 5) == 0) {
            s->state = STATE_STRING; /* what is passed through has its ESC doubled; none of it is for us */
            s->overflow = true;
            return 1;
        }
        /* Not a terminator: the string is given up, and the escape sequence stands for itself. */
        strbuf_clear(&s->str);
        start_escape(s);
        return 0;
    }
    if (c == ESC) {
        s->state = STATE_STRING_ESC;
        return 1;
    }
    if (c == 0x18 || c == 0x1a) {
        s->state = STATE_GROUND;
        strbuf_clear(&s->str);
        return 1;
    }
    if (c == 0x07 && s->kind == ']') {
        end_string(s, true);
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        return 1;
    }
    size_t n = 1;
    while (n < len && (uint8_t)bytes[n] >= 0x20 && bytes[n] != 0x7f) {
        n++;
    }
    add_string(s, bytes, n);
    return n;
}

/* The first byte of a UTF-8 sequence (Unicode table 3-7: the range of the second byte keeps overlong forms and
 * surrogates out). */
static void utf8_lead(struct sanitizer *s, uint8_t c)
{
    s->low = 0x80;
    s->high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        s->need = 1;
        s->cp = c & 0x1f;
    } else if (c >= 0xe0 && c <= 0xef) {
        s->need = 2;
        s->cp = c & 0x0f;
        s->low = c == 0xe0 ? 0xa0 : 0x80;
        s->high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        s->need = 3;
        s->cp = c & 0x07;
        s->low = c == 0xf0 ? 0x90 : 0x80;
        s->high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        add_text(s, UTF8_REPLACEMENT);
    }
}

/* A byte >= 0x80 in the ground state. */
static void utf8_byte(struct sanitizer *s, uint8_t c)
{
    if (s->need == 0) {
        utf8_lead(s, c);
        return;
    }
    if (c < s->low || c > s->high) {
        s->need = 0;
        add_text(s, UTF8_REPLACEMENT);
        utf8_lead(s, c);
        return;
    }
    s->cp = s->cp << 6 | (c & 0x3f);
    s->low = 0x80;
    s->high = 0xbf;
    if (--s->need == 0) {
        add_text(s, s->cp);
    }
}

/* A run of printable ASCII in the ground state. Returns its length. */
static size_t ascii_run(struct sanitizer *s, const char *restrict bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        uint32_t *restrict text = s->text + s->ntext;
        size_t room = MT_MIN(len - done, SANITIZE_TEXT_MAX - s->ntext), n = 0;
        while (n < room && (uint8_t)(bytes[done + n] - 0x20) < 0x5f) {
            text[n] = (uint8_t)bytes[done + n];
            n++;
        }
        s->ntext += n;
        done += n;
        if (s->ntext == SANITIZE_TEXT_MAX) {
            flush_text(s);
        } else {
            break;
        }
    }
    return done;
}

/* Whole characters of two and three bytes in the ground state, the commonest; everything else, and what is cut or
 * malformed, is left to utf8_byte. Returns the bytes used. */
static size_t utf8_run(struct sanitizer *s, const char *bytes, size_t len)
{
    size_t i = 0;
    while (len - i >= 3) {
        uint32_t a = (uint8_t)bytes[i], b = (uint8_t)bytes[i + 1] ^ 0x80u, c = (uint8_t)bytes[i + 2] ^ 0x80u;
        if (a >= 0xc2 && a <= 0xdf && b < 0x40) {
            add_text(s, (a & 0x1f) << 6 | b);
            i += 2;
            continue;
        }
        uint32_t cp = (a & 0x0f) << 12 | b << 6 | c;
        if (a < 0xe0 || a > 0xef || b >= 0x40 || c >= 0x40 || cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff)) {
            break;
        }
        add_text(s, cp);
        i += 3;
    }
    return i;
}

/* Text in the ground state, as far as it is plain. Returns the bytes used. */
static size_t text_run(struct sanitizer *s, const char *bytes, size_t len)
{
    size_t i = 0, more = 1;
    while (more > 0) {
        i += ascii_run(s, bytes + i, len - i);
        more = i < len && (uint8_t)bytes[i] >= 0xc2 ? utf8_run(s, bytes + i, len - i) : 0;
        i += more;
    }
    return i;
}

/* Digits and semicolons of a CSI, most of what it has. Returns the bytes used. */
static size_t param_run(struct sanitizer *s, const char *bytes, size_t len)
{
    struct token *t = &s->token;
    size_t i = 0;
    while (i < len && (bytes[i] == ';' || (uint8_t)(bytes[i] - '0') < 10)) {
        if (bytes[i] == ';' || t->nparams == 0 || t->nparams > SANITIZE_PARAMS_MAX) {
            on_param(s, (uint8_t)bytes[i++]);
            continue;
        }
        int32_t v = t->param[t->nparams - 1];
        v = v < 0 ? 0 : v;
        for (; i < len && (uint8_t)(bytes[i] - '0') < 10; i++) {
            v = MT_MIN(v * 10 + (bytes[i] - '0'), SANITIZE_PARAM_LIMIT);
        }
        t->param[t->nparams - 1] = v;
    }
    return i;
}

/* One byte in any state but a string. */
static void on_byte(struct sanitizer *s, uint8_t c)
{
    if (c >= 0x80 && s->state == STATE_GROUND) {
        utf8_byte(s, c);
        return;
    }
    if (s->need > 0) {
        s->need = 0;
        add_text(s, UTF8_REPLACEMENT);
    }
    if (c < 0x20) {
        on_control(s, c);
    } else if (c >= 0x80) {
        s->state = STATE_GROUND; /* no such byte belongs into a sequence: it ends unfinished */
        utf8_byte(s, c);
    } else if (c == 0x7f) {
        return;
    } else if (s->state == STATE_GROUND) {
        add_text(s, c);
    } else if (s->state == STATE_ESC || s->state == STATE_ESC_INTERM) {
        if (s->state == STATE_ESC_INTERM && c >= 0x30) {
            s->state = STATE_GROUND;
            if (!s->overflow) {
                emit_kind(s, TOKEN_ESC, c);
            }
        } else {
            on_escape(s, c);
        }
    } else {
        on_csi(s, c);
    }
}

void sanitizer_feed(struct sanitizer *s, const char *bytes, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (s->state >= STATE_STRING) {
            i += on_string(s, bytes + i, len - i);
            continue;
        }
        if (s->state == STATE_GROUND && s->need == 0) {
            i += text_run(s, bytes + i, len - i);
            if (len - i > 1 && bytes[i] == ESC && bytes[i + 1] == '[') {
                start_escape(s);
                s->state = STATE_CSI_PARAM;
                i += 2;
            }
        }
        if (s->state == STATE_CSI_PARAM) {
            i += param_run(s, bytes + i, len - i);
        }
        if (i == len) {
            break;
        }
        on_byte(s, (uint8_t)bytes[i++]);
    }
    flush_text(s);
}

int token_param(const struct token *t, int i, int def)
{
    return i < t->nparams && t->param[i] >= 0 ? t->param[i] : def;
}

int token_count(const struct token *t, int i, int max)
{
    int n = token_param(t, i, 1);
    return n < 1 ? 1 : n > max ? max : n;
}
