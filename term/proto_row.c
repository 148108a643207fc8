/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of cells in the protocol:
 *   row: u32 bytes that follow, u16 index, u8 flags (1 = wrapped), u16 runs
 *   run: u16 cells, u32 fg, u32 bg, u16 attrs, u8 link, u32 bytes of text, text
 *   (what attrs and link say together of an extra: cell_extra)
 *   extra: u16 id, u32 underline colour, u16 bytes of address, address
 * Text is UTF-8, one code point a cell, with control bytes for what is not that (enum token). Cells after the last run
 * are blank. */
#include <string.h>

#include "core/util/utf8.h"
#include "term/proto.h"
#include "term/wire.h"

enum token {
    TOKEN_EMPTY = 0,   /* a cell never written */
    TOKEN_WIDE = 1,    /* the next item is two columns wide */
    TOKEN_RIGHT = 2,   /* the right half of a wide cell */
    TOKEN_CLUSTER = 3, /* u8 length, text: one cell */
    TOKEN_EMPTIES = 4, /* u16: so many cells never written */
    TOKEN_SPACES = 5,  /* u16: so many spaces */
};

#define ROW_WRAPPED 1
#define RUN_HEAD 17 /* bytes of a run before its text */

/* Appends one cell's text. */
static void put_cell(struct strbuf *out, const struct cell *c, const struct cluster_table *clusters)
{
    char tmp[8];
    const char *text;
    size_t len;

    if (c->width == 0) {
        strbuf_addch(out, TOKEN_RIGHT);
        return;
    }
    if (c->width == 2) {
        strbuf_addch(out, TOKEN_WIDE);
    }
    if (c->ch == 0) {
        strbuf_addch(out, TOKEN_EMPTY);
        return;
    }
    text = cluster_text(clusters, c->ch, tmp, &len);
    if (CELL_IS_CLUSTER(c->ch)) {
        len = MT_MIN(len, CLUSTER_MAX_BYTES);
        strbuf_addch(out, TOKEN_CLUSTER);
        strbuf_addch(out, (char)len);
    } else if (c->ch < 0x20) {
        text = " ";
        len = 1;
    }
    strbuf_add(out, text, len);
}

/* How many cells from `i` on are the same kind of blank, in one style; 0 when too few to be worth a token. */
static int blank_count(const struct cell *cells, int i, int end)
{
    int n = 0;

    if (cells[i].width != 1 || (cells[i].ch != 0 && cells[i].ch != ' ')) {
        return 0;
    }
    while (i + n < end && cells[i + n].ch == cells[i].ch && cells[i + n].width == 1) {
        n++;
    }
    return n > 3 ? n : 0;
}

/* Appends the run [from, to) of one style. */
static void put_run(struct strbuf *out, const struct cell *cells, int from, int to,
                    const struct cluster_table *clusters)
{
    const struct cell *c = &cells[from];
    size_t at;

    wire_put(out, (uint64_t)(to - from), 2);
    wire_put(out, c->fg, 4);
    wire_put(out, c->bg, 4);
    wire_put(out, c->attrs, 2);
    wire_put(out, c->link, 1);
    at = out->len;
    wire_put(out, 0, 4);
    for (int i = from; i < to;) {
        int n = blank_count(cells, i, to);

        if (n > 0) {
            strbuf_addch(out, cells[i].ch == 0 ? TOKEN_EMPTIES : TOKEN_SPACES);
            wire_put(out, (uint64_t)n, 2);
            i += n;
        } else {
            put_cell(out, &cells[i++], clusters);
        }
    }
    wire_patch(out, at, out->len - at - 4, 4);
}

void proto_put_row(struct strbuf *out, int index, bool wrapped, const struct cell *cells, int cols,
                   const struct cluster_table *clusters)
{
    size_t at = out->len;
    unsigned runs = 0;
    int end = cols;

    while (end > 0 && cell_extra(&cells[end - 1]) == 0 && cells[end - 1].width == 1 && cell_is_blank(&cells[end - 1])) {
        end--;
    }
    wire_put(out, 0, 4);
    wire_put(out, (uint64_t)index, 2);
    wire_put(out, wrapped ? ROW_WRAPPED : 0, 1);
    wire_put(out, 0, 2);
    for (int i = 0; i < end;) {
        int to = i + 1;

        while (to < end && cell_same_style(&cells[i], &cells[to])) {
            to++;
        }
        put_run(out, cells, i, to, clusters);
        runs++;
        i = to;
    }
    wire_patch(out, at, out->len - at - 4, 4);
    wire_patch(out, at + 7, runs, 2);
}

/* A code point that may be drawn, or the replacement character. */
static uint32_t drawable(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ? UTF8_REPLACEMENT : cp;
}

/* Interns a cluster's text if all of it may be drawn. */
static uint32_t get_cluster(struct wire_reader *r, struct cluster_table *clusters)
{
    struct wire_reader part = wire_part(r, (size_t)wire_get(r, 1));
    const char *s = (const char *)part.p;
    size_t len = (size_t)(part.end - part.p);
    uint32_t first = 0, ch;

    if (len == 0 || len > CLUSTER_MAX_BYTES) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < len;) {
        uint32_t cp;

        i += utf8_decode(s + i, len - i, &cp);
        if (drawable(cp) != cp) {
            return UTF8_REPLACEMENT;
        }
        first = first == 0 ? cp : first;
    }
    if (!utf8_is_valid(s, len)) {
        return UTF8_REPLACEMENT;
    }
    ch = cluster_intern(clusters, s, len);
    return ch != 0 ? ch : first;
}

/* Puts `n` cells of one style; false when the run or the row is full. */
static bool fill(struct cell *cells, int *at, int end, struct cell c, uint64_t n)
{
    if (n > (uint64_t)(end - *at)) {
        return false;
    }
    cell_fill(cells + *at, (size_t)n, c);
    *at += (int)n;
    return true;
}

/* One item of a run's text. */
static bool get_item(struct wire_reader *r, struct cell style, struct cell *cells, int *at, int end,
                     struct cluster_table *clusters)
{
    struct cell c = style;
    uint32_t cp;

    c.ch = 0;
    c.width = 1;
    if (*r->p == TOKEN_WIDE) {
        c.width = 2;
        r->p++;
    }
    if (r->p == r->end) {
        return false;
    }
    switch (*r->p) {
    case TOKEN_EMPTY:
        r->p++;
        return fill(cells, at, end, c, 1);
    case TOKEN_RIGHT:
        r->p++;
        c.width = 0;
        return fill(cells, at, end, c, 1);
    case TOKEN_CLUSTER:
        r->p++;
        c.ch = get_cluster(r, clusters);
        return !r->bad && fill(cells, at, end, c, 1);
    case TOKEN_EMPTIES:
    case TOKEN_SPACES:
        c.ch = *r->p++ == TOKEN_SPACES ? ' ' : 0;
        c.width = 1;
        return fill(cells, at, end, c, wire_get(r, 2)) && !r->bad;
    default:
        r->p += utf8_decode((const char *)r->p, (size_t)(r->end - r->p), &cp);
        c.ch = drawable(cp);
        return fill(cells, at, end, c, 1);
    }
}

/* One run into cells[at..]; false when malformed. */
static bool get_run(struct wire_reader *r, struct cell *cells, int *at, int cols, struct cluster_table *clusters)
{
    struct cell style = CELL_BLANK;
    struct wire_reader text;
    int end = *at + (int)wire_get(r, 2);

    style.fg = (uint32_t)wire_get(r, 4);
    style.bg = (uint32_t)wire_get(r, 4);
    style.attrs = (uint16_t)wire_get(r, 2);
    style.link = (uint8_t)wire_get(r, 1);
    text = wire_part(r, (size_t)wire_get(r, 4));
    if (r->bad || end > cols) {
        return false;
    }
    while (text.p < text.end) {
        if (!get_item(&text, style, cells, at, end, clusters)) {
            return false;
        }
    }
    return *at == end;
}

/* Makes every wide cell have its right half, and no right half stand alone. */
static void repair_widths(struct cell *cells, int cols)
{
    for (int i = 0; i < cols; i++) {
        if (cells[i].width == 2 && (i + 1 == cols || cells[i + 1].width != 0)) {
            cells[i].width = 1;
            cells[i].ch = ' ';
        } else if (cells[i].width == 2) {
            cells[++i].ch = 0;
        } else if (cells[i].width == 0) {
            cells[i].width = 1;
            cells[i].ch = 0;
        }
    }
}

int proto_get_row(struct wire_reader *r, int *index, bool *wrapped, struct cell *cells, int cols,
                  struct cluster_table *clusters, struct error *err)
{
    struct wire_reader row = wire_part(r, (size_t)wire_get(r, 4));
    uint64_t runs;
    int at = 0;

    *index = (int)wire_get(&row, 2);
    *wrapped = (wire_get(&row, 1) & ROW_WRAPPED) != 0;
    runs = wire_get(&row, 2);
    cell_fill(cells, (size_t)cols, CELL_BLANK);
    if (row.bad || runs > (uint64_t)(row.end - row.p) / RUN_HEAD) {
        r->bad = true;
    }
    for (uint64_t i = 0; i < runs && !r->bad; i++) {
        if (!get_run(&row, cells, &at, cols, clusters)) {
            r->bad = true;
        }
    }
    if (r->bad) {
        return error_set(err, ERROR_PARSE, "protocol: malformed row");
    }
    repair_widths(cells, cols);
    return 0;
}

/* --- extras --- */

bool proto_put_extras(struct strbuf *out, const struct extra_table *t, uint32_t since)
{
    bool any = false;

    if (t->serial == since) {
        return false;
    }
    for (uint16_t id = 1; id < t->cap; id++) {
        const struct extra *e = extra_get(t, id);
        size_t len;

        if (e == NULL || e->serial <= since) {
            continue;
        }
        len = e->uri != NULL ? strlen(e->uri) : 0;
        wire_put(out, id, 2);
        wire_put(out, e->ul, 4);
        wire_put(out, len, 2);
        strbuf_add(out, e->uri != NULL ? e->uri : "", len);
        any = true;
    }
    return any;
}

/* Only what may stand in a control sequence. */
static bool is_plain(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= 0x20 || s[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

int proto_get_extras(const uint8_t *data, size_t len, struct extra_table *t, struct error *err)
{
    struct wire_reader r = wire_reader(data, len);
    char uri[EXTRA_URI_MAX + 1];

    while (r.p < r.end && !r.bad) {
        uint16_t id = (uint16_t)wire_get(&r, 2);
        uint32_t ul = (uint32_t)wire_get(&r, 4);
        struct wire_reader part = wire_part(&r, (size_t)wire_get(&r, 2));
        size_t n = (size_t)(part.end - part.p);

        if (r.bad || n > EXTRA_URI_MAX) {
            r.bad = true;
            break;
        }
        memcpy(uri, part.p, n);
        uri[n] = '\0';
        extra_put(t, id, n > 0 && is_plain(uri, n) ? uri : NULL, ul);
    }
    if (r.bad) {
        return error_set(err, ERROR_PARSE, "protocol: malformed extras");
    }
    return 0;
}
