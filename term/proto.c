/* SPDX-License-Identifier: Apache-2.0 */
#include "term/proto.h"

#include <string.h>

#include "core/util/utf8.h"
#include "term/wire.h"

/* The common end of the fixed-size decoders. */
static int ended(const struct wire_reader *r, const char *what, struct error *err)
{
    return r->bad ? error_set(err, ERROR_PARSE, "protocol: %s is too short or out of range", what) : 0;
}

void proto_put_u32(struct strbuf *out, uint32_t v)
{
    wire_put(out, v, 4);
}

void proto_put_bool(struct strbuf *out, bool v)
{
    wire_put(out, v, 1);
}

void proto_put_hello(struct strbuf *out, const char *program)
{
    size_t n = strlen(program);

    wire_put(out, PROTO_VERSION_MIN, 2);
    wire_put(out, PROTO_VERSION_MAX, 2);
    n = MT_MIN(n, sizeof(((struct proto_hello *)0)->program) - 1);
    wire_put(out, n, 1);
    strbuf_add(out, program, n);
}

/* Copies text of a message into a field: valid UTF-8 without control characters. */
static void get_text(struct wire_reader *r, size_t n, char *dst, size_t cap)
{
    struct wire_reader part = wire_part(r, n);
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    utf8_sanitize(&clean, (const char *)part.p, (size_t)(part.end - part.p), false);
    str_copy(dst, cap, clean.buf);
}

int proto_get_hello(const uint8_t *data, size_t len, struct proto_hello *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    out->min = (uint16_t)wire_get(&r, 2);
    out->max = (uint16_t)wire_get(&r, 2);
    get_text(&r, (size_t)wire_get(&r, 1), out->program, sizeof(out->program));
    if (out->min == 0 || out->max < out->min) {
        r.bad = true;
    }
    return ended(&r, "hello", err);
}

int proto_common_version(const struct proto_hello *peer)
{
    int top = MT_MIN(peer->max, PROTO_VERSION_MAX);

    return top >= peer->min && top >= PROTO_VERSION_MIN ? top : 0;
}

void proto_put_size(struct strbuf *out, struct proto_size s)
{
    wire_put(out, (uint64_t)s.cols, 2);
    wire_put(out, (uint64_t)s.rows, 2);
}

int proto_get_size(const uint8_t *data, size_t len, struct proto_size *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    out->cols = (int)wire_get(&r, 2);
    out->rows = (int)wire_get(&r, 2);
    if (out->cols < 1 || out->cols > PROTO_MAX_COLS || out->rows < 1 || out->rows > PROTO_MAX_ROWS) {
        r.bad = true;
    }
    return ended(&r, "size", err);
}

int proto_get_u32(const uint8_t *data, size_t len, uint32_t *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    *out = (uint32_t)wire_get(&r, 4);
    return ended(&r, "number", err);
}

int proto_get_bool(const uint8_t *data, size_t len, bool *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    *out = wire_get(&r, 1) != 0;
    return ended(&r, "flag", err);
}

void proto_put_error(struct strbuf *out, enum error_code code, const char *text)
{
    size_t n = MT_MIN(strlen(text), 1024);

    wire_put(out, (uint64_t)code, 2);
    wire_put(out, n, 2);
    strbuf_add(out, text, n);
}

int proto_get_error(const uint8_t *data, size_t len, enum error_code *code, char *text, size_t cap, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);
    uint64_t c = wire_get(&r, 2);

    *code = c > ERROR_NONE && c <= ERROR_CODE_LAST ? (enum error_code)c : ERROR_UNAVAILABLE;
    get_text(&r, (size_t)wire_get(&r, 2), text, cap);
    return ended(&r, "error", err);
}

void proto_get_name(const uint8_t *data, size_t len, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    utf8_sanitize(&clean, (const char *)data, MT_MIN(len, (size_t)PROTO_NEEDLE_MAX), false);
    str_copy(out, cap, clean.buf + strspn(clean.buf, " "));
    for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--) {
        out[n - 1] = '\0';
    }
}

void proto_put_outer(struct strbuf *out, const struct proto_outer *o)
{
    wire_put(out, o->fg, 4);
    wire_put(out, o->bg, 4);
    wire_put(out, o->cursor, 4);
    wire_put(out, o->kitty, 1);
    wire_put(out, o->clipboard, 1);
    for (size_t i = 0; i < MT_ARRAY_LEN(o->palette); i++) {
        wire_put(out, o->palette[i], 4);
    }
}

int proto_get_outer(const uint8_t *data, size_t len, struct proto_outer *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    out->fg = (uint32_t)wire_get(&r, 4) & 0xffffff;
    out->bg = (uint32_t)wire_get(&r, 4) & 0xffffff;
    out->cursor = (uint32_t)wire_get(&r, 4) & 0xffffff;
    out->kitty = (uint8_t)wire_get(&r, 1);
    out->clipboard = wire_get(&r, 1) != 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(out->palette); i++) {
        out->palette[i] = r.p < r.end ? (uint32_t)wire_get(&r, 4) & 0x1ffffff : 0;
    }
    return ended(&r, "outer terminal", err);
}

void proto_put_points(struct strbuf *out, const struct vt_point *points, size_t n)
{
    for (size_t i = 0; i < MT_MIN(n, (size_t)PROTO_POINTS_MAX); i++) {
        wire_put(out, points[i].line, 8);
        wire_put(out, (uint64_t)points[i].col, 2);
    }
}

int proto_get_points(const uint8_t *data, size_t len, struct vt_point *out, size_t *n, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    for (*n = 0; r.p < r.end && !r.bad && *n < PROTO_POINTS_MAX; ++*n) {
        out[*n].line = wire_get(&r, 8);
        out[*n].col = (int)wire_get(&r, 2);
    }
    return ended(&r, "places", err);
}

void proto_put_history(struct strbuf *out, const struct proto_history *h)
{
    wire_put(out, h->id, 4);
    wire_put(out, h->first, 8);
    wire_put(out, h->count, 4);
    wire_put(out, (uint64_t)h->cols, 2);
}

int proto_get_history(const uint8_t *data, size_t len, struct proto_history *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    out->id = (uint32_t)wire_get(&r, 4);
    out->first = wire_get(&r, 8);
    out->count = (uint32_t)wire_get(&r, 4);
    out->cols = (int)wire_get(&r, 2);
    if (out->cols < 1 || out->cols > PROTO_MAX_COLS) {
        r.bad = true;
    }
    return ended(&r, "history request", err);
}

enum search_flag {
    SEARCH_HERE = 1,
    SEARCH_COUNT = 2,
};
enum found_flag {
    FOUND_MORE = 1,
    FOUND_WRAPPED = 2,
    FOUND_DROPPED = 4,
    FOUND_CAPPED = 8,
};

void proto_put_search(struct strbuf *out, const struct proto_search *s)
{
    size_t n = strlen(s->needle);

    wire_put(out, s->id, 4);
    wire_put(out, s->from, 8);
    wire_put(out, (uint64_t)s->from_col, 4);
    wire_put(out, s->backward, 1);
    wire_put(out, n, 2);
    strbuf_add(out, s->needle, n);
    wire_put(out, (uint64_t)s->kind, 1);
    wire_put(out, (s->here ? SEARCH_HERE : 0u) | (s->count ? SEARCH_COUNT : 0u), 1);
}

int proto_get_search(const uint8_t *data, size_t len, struct proto_search *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);
    uint64_t col;
    size_t n;

    out->id = (uint32_t)wire_get(&r, 4);
    out->from = wire_get(&r, 8);
    col = wire_get(&r, 4);
    out->from_col = (int)MT_MIN(col, (uint64_t)PROTO_MAX_COLS);
    out->backward = wire_get(&r, 1) != 0;
    n = (size_t)wire_get(&r, 2);
    if (n > PROTO_NEEDLE_MAX) {
        r.bad = true;
    }
    get_text(&r, n, out->needle, sizeof(out->needle));
    out->kind = 0;
    out->here = out->count = false;
    if (!r.bad && r.end - r.p >= 2) {
        unsigned flags;

        out->kind = (int)wire_get(&r, 1);
        flags = (unsigned)wire_get(&r, 1);
        out->here = (flags & SEARCH_HERE) != 0;
        out->count = (flags & SEARCH_COUNT) != 0;
    }
    if (n == 0 && out->kind == 0) {
        r.bad = true; /* a text is searched for, but not which */
    }
    return ended(&r, "search", err);
}

void proto_put_found(struct strbuf *out, const struct proto_found *f)
{
    wire_put(out, f->id, 4);
    wire_put(out, f->found, 1);
    wire_put(out, f->line, 8);
    wire_put(out, (uint64_t)f->col, 2);
    wire_put(out, (uint64_t)f->len, 2);
    wire_put(out,
             (f->more ? FOUND_MORE : 0u) | (f->wrapped ? FOUND_WRAPPED : 0u) | (f->dropped ? FOUND_DROPPED : 0u) |
                 (f->capped ? FOUND_CAPPED : 0u),
             1);
    wire_put(out, f->end_line, 8);
    wire_put(out, (uint64_t)f->end_col, 2);
    wire_put(out, f->total, 4);
    wire_put(out, f->index, 4);
}

/* What an older host does not say. */
static void get_found_rest(struct wire_reader *r, struct proto_found *out)
{
    unsigned flags = (unsigned)wire_get(r, 1);

    out->more = (flags & FOUND_MORE) != 0;
    out->wrapped = (flags & FOUND_WRAPPED) != 0;
    out->dropped = (flags & FOUND_DROPPED) != 0;
    out->capped = (flags & FOUND_CAPPED) != 0;
    out->end_line = wire_get(r, 8);
    out->end_col = (int)wire_get(r, 2);
    out->total = (uint32_t)wire_get(r, 4);
    out->index = (uint32_t)wire_get(r, 4);
}

int proto_get_found(const uint8_t *data, size_t len, struct proto_found *out, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);

    out->id = (uint32_t)wire_get(&r, 4);
    out->found = wire_get(&r, 1) != 0;
    out->line = wire_get(&r, 8);
    out->col = (int)wire_get(&r, 2);
    out->len = (int)wire_get(&r, 2);
    out->more = out->wrapped = out->dropped = out->capped = false;
    out->end_line = out->line;
    out->end_col = out->col + out->len;
    out->total = out->index = 0;
    if (!r.bad && r.end - r.p >= 19) {
        get_found_rest(&r, out);
    }
    return ended(&r, "search answer", err);
}

/* The flags of a screen, in one word; the order is part of the protocol. */
enum screen_flag {
    SCREEN_CURSOR_VISIBLE = 1 << 0,
    SCREEN_CURSOR_BLINK = 1 << 1,
    SCREEN_CURSOR_STYLED = 1 << 2,
    SCREEN_REVERSED = 1 << 3,
    SCREEN_APP_CURSOR = 1 << 4,
    SCREEN_APP_KEYPAD = 1 << 5,
    SCREEN_BRACKETED = 1 << 6,
    SCREEN_FOCUS = 1 << 7,
    SCREEN_NEWLINE = 1 << 8,
    SCREEN_BACKARROW = 1 << 9,
    SCREEN_ALT = 1 << 10,
    SCREEN_ALT_SCROLL = 1 << 11,
};

static uint32_t screen_flags(const struct proto_screen *s)
{
    const struct key_modes *m = &s->modes;

    return (s->cursor_visible ? SCREEN_CURSOR_VISIBLE : 0u) | (s->cursor_blink ? SCREEN_CURSOR_BLINK : 0u) |
           (s->cursor_styled ? SCREEN_CURSOR_STYLED : 0u) | (s->reversed ? SCREEN_REVERSED : 0u) |
           (m->app_cursor ? SCREEN_APP_CURSOR : 0u) | (m->app_keypad ? SCREEN_APP_KEYPAD : 0u) |
           (m->bracketed ? SCREEN_BRACKETED : 0u) | (m->focus ? SCREEN_FOCUS : 0u) |
           (m->newline ? SCREEN_NEWLINE : 0u) | (m->backarrow ? SCREEN_BACKARROW : 0u) |
           (m->alt_screen ? SCREEN_ALT : 0u) | (m->alt_scroll ? SCREEN_ALT_SCROLL : 0u);
}

static void set_screen_flags(struct proto_screen *s, uint64_t f)
{
    s->cursor_visible = (f & SCREEN_CURSOR_VISIBLE) != 0;
    s->cursor_blink = (f & SCREEN_CURSOR_BLINK) != 0;
    s->cursor_styled = (f & SCREEN_CURSOR_STYLED) != 0;
    s->reversed = (f & SCREEN_REVERSED) != 0;
    s->modes.app_cursor = (f & SCREEN_APP_CURSOR) != 0;
    s->modes.app_keypad = (f & SCREEN_APP_KEYPAD) != 0;
    s->modes.bracketed = (f & SCREEN_BRACKETED) != 0;
    s->modes.focus = (f & SCREEN_FOCUS) != 0;
    s->modes.newline = (f & SCREEN_NEWLINE) != 0;
    s->modes.backarrow = (f & SCREEN_BACKARROW) != 0;
    s->modes.alt_screen = (f & SCREEN_ALT) != 0;
    s->modes.alt_scroll = (f & SCREEN_ALT_SCROLL) != 0;
}

/* Starts a head whose length comes first, so that later versions can lengthen it; returns where the length is. */
static size_t head_begin(struct strbuf *out)
{
    wire_put(out, 0, 2);
    return out->len - 2;
}

/* Ends the head and makes room for the row count. */
static size_t head_end(struct strbuf *out, size_t at)
{
    wire_patch(out, at, out->len - at - 2, 2);
    wire_put(out, 0, 4);
    return out->len - 4;
}

size_t proto_put_screen(struct strbuf *out, const struct proto_screen *s)
{
    size_t at = head_begin(out);

    wire_put(out, (uint64_t)s->cols, 2);
    wire_put(out, (uint64_t)s->rows, 2);
    wire_put(out, (uint64_t)s->cursor_col, 2);
    wire_put(out, (uint64_t)s->cursor_row, 2);
    wire_put(out, screen_flags(s), 4);
    wire_put(out, (uint64_t)s->cursor_shape, 1);
    wire_put(out, s->modes.mouse, 1);
    wire_put(out, s->modes.mouse_enc, 1);
    wire_put(out, s->modes.kitty, 1);
    wire_put(out, s->modes.modify_other, 1);
    wire_put(out, s->history_lines, 8);
    wire_put(out, s->history_first, 8);
    return head_end(out, at);
}

size_t proto_put_lines(struct strbuf *out, const struct proto_lines *l)
{
    size_t at = head_begin(out);

    wire_put(out, l->id, 4);
    wire_put(out, l->first, 8);
    wire_put(out, (uint64_t)l->cols, 2);
    return head_end(out, at);
}

void proto_end_rows(struct strbuf *out, size_t at, uint32_t count)
{
    wire_patch(out, at, count, 4);
}

int proto_get_screen(const uint8_t *data, size_t len, struct proto_screen *out, struct wire_reader *rows,
                     uint32_t *count, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);
    struct wire_reader h = wire_part(&r, (size_t)wire_get(&r, 2));

    memset(out, 0, sizeof(*out));
    out->cols = (int)wire_get(&h, 2);
    out->rows = (int)wire_get(&h, 2);
    out->cursor_col = (int)wire_get(&h, 2);
    out->cursor_row = (int)wire_get(&h, 2);
    set_screen_flags(out, wire_get(&h, 4));
    out->cursor_shape = (int)wire_get(&h, 1);
    out->modes.mouse = (uint8_t)wire_get(&h, 1);
    out->modes.mouse_enc = (uint8_t)wire_get(&h, 1);
    out->modes.kitty = (uint8_t)wire_get(&h, 1);
    out->modes.modify_other = (uint8_t)wire_get(&h, 1);
    out->history_lines = wire_get(&h, 8);
    out->history_first = wire_get(&h, 8);
    *count = (uint32_t)wire_get(&r, 4);
    if (h.bad || out->cols < 1 || out->cols > PROTO_MAX_COLS || out->rows < 1 || out->rows > PROTO_MAX_ROWS ||
        *count > (uint32_t)out->rows || out->modes.mouse > MOUSE_MOVE || out->modes.mouse_enc > MOUSE_ENC_PIXEL) {
        r.bad = true;
    }
    out->cursor_col = MT_MIN(out->cursor_col, MT_MAX(out->cols - 1, 0));
    out->cursor_row = MT_MIN(out->cursor_row, MT_MAX(out->rows - 1, 0));
    *rows = r;
    return ended(&r, "frame", err);
}

int proto_get_lines(const uint8_t *data, size_t len, struct proto_lines *out, struct wire_reader *rows,
                    struct error *err)
{
    struct wire_reader r = wire_reader(data, len);
    struct wire_reader h = wire_part(&r, (size_t)wire_get(&r, 2));

    out->id = (uint32_t)wire_get(&h, 4);
    out->first = wire_get(&h, 8);
    out->cols = (int)wire_get(&h, 2);
    out->count = (uint32_t)wire_get(&r, 4);
    if (h.bad || out->cols < 1 || out->cols > PROTO_MAX_COLS) {
        r.bad = true;
    }
    *rows = r;
    return ended(&r, "lines", err);
}
