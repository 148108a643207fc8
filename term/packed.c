/* SPDX-License-Identifier: Apache-2.0 */
#include "term/packed.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"

enum {
    TEXT_NARROW = 0x01,  /* the next code point takes one column, whatever the width table says */
    TEXT_WIDE = 0x02,    /* ... two columns */
    TEXT_CLUSTER = 0x03, /* a length byte and that many bytes are one cell of one column */
    TEXT_CLUSTER2 = 0x04 /* ... of two columns */
};
enum {
    RUN_FG = 1,
    RUN_BG = 2,
    RUN_ATTRS = 4,
    RUN_LINK = 8,
};
#define RUN_MAX_PACKED 24
#define HEAD_MAX_PACKED 16
#define TEXT_MAX_PACKED (CLUSTER_MAX_BYTES + 2) /* of one cell */
#define CELL_MAX_PACKED (TEXT_MAX_PACKED + RUN_MAX_PACKED)

/* A varint without a look at the room. Returns where the next byte goes. */
static char *write_varint(char *out, uint32_t v)
{
    for (; v >= 0x80; v >>= 7) {
        *out++ = (char)(v | 0x80);
    }
    *out++ = (char)v;
    return out;
}

static void put_varint(struct strbuf *out, uint32_t v)
{
    char buf[8];
    strbuf_add(out, buf, (size_t)(write_varint(buf, v) - buf));
}

static uint32_t get_varint(const uint8_t **p)
{
    uint32_t v = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        uint8_t byte = *(*p)++;
        v |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    return v;
}

/* The text of one cell that is not ASCII, with its escape byte when the width table would read it otherwise. Returns
 * where the next one goes. */
static char *pack_text(char *out, const struct cell *c, const struct cluster_table *clusters)
{
    if (!CELL_IS_CLUSTER(c->ch)) {
        if (utf8_width(c->ch) != c->width) {
            *out++ = c->width == 2 ? TEXT_WIDE : TEXT_NARROW;
        }
        return out + utf8_encode(c->ch, out);
    }
    char buf[8];
    size_t len = 0;
    const char *text = cluster_text(clusters, c->ch, buf, &len);
    *out++ = c->width == 2 ? TEXT_CLUSTER2 : TEXT_CLUSTER;
    *out++ = (char)len;
    memcpy(out, text, len);
    return out + len;
}

/* One run: varint cells, what differs from the default, the values. */
static void pack_run(struct strbuf *out, int cells, const struct cell *c, uint32_t link)
{
    uint32_t attrs = c->attrs & ~(uint32_t)CELL_EXTRA_MASK;
    char what = (char)((c->fg != 0 ? RUN_FG : 0) | (c->bg != 0 ? RUN_BG : 0) | (attrs != 0 ? RUN_ATTRS : 0) |
                       (link != 0 ? RUN_LINK : 0));
    char buf[RUN_MAX_PACKED + 8], *end = write_varint(buf, (uint32_t)cells);
    *end++ = what;
    if (what & RUN_FG) {
        end = write_varint(end, c->fg);
    }
    if (what & RUN_BG) {
        end = write_varint(end, c->bg);
    }
    if (what & RUN_ATTRS) {
        end = write_varint(end, attrs);
    }
    if (what & RUN_LINK) {
        end = write_varint(end, link);
    }
    strbuf_add(out, buf, (size_t)(end - buf));
}

/* The runs of the cells. True when one has a link. */
static bool pack_runs(struct strbuf *out, const struct cell *cells, int n, packed_link_fn link, void *arg)
{
    bool any = false;
    int start = 0;
    for (int i = 1; i <= n; i++) {
        if (i == n || !cell_same_style(&cells[i], &cells[start])) {
            uint32_t id = link != NULL && cell_extra(&cells[start]) != 0 ? link(arg, &cells[start]) : 0;
            pack_run(out, i - start, &cells[start], id);
            any = any || id != 0;
            start = i;
        }
    }
    return any;
}

/* How many runs the cells have; 0 when all are in the default style. */
static int count_runs(const struct cell *cells, int n)
{
    static const struct cell plain = {.width = 1};
    int runs = n > 0 && !cell_same_style(&cells[0], &plain);
    for (int i = 1; i < n; i++) {
        runs += !cell_same_style(&cells[i], &cells[i - 1]);
    }
    return runs;
}

/* Where the tail begins: cells never written, in one style that shows, up to the end. `n` when there is none. */
static int tail_start(const struct cell *cells, int n, uint8_t flags)
{
    int start = n;
    if ((flags & PACKED_TAIL) == 0 || n == 0 || cell_is_blank(&cells[n - 1]) || cells[n - 1].ch != 0 ||
        cells[n - 1].width != 1) {
        return n;
    }
    while (start > 0 && cells[start - 1].ch == 0 && cells[start - 1].width == 1 &&
           cell_same_style(&cells[start - 1], &cells[n - 1])) {
        start--;
    }
    return start;
}

/* The text of the cells, into p->text. True when a character is wide. */
static bool pack_texts(struct packer *p, const struct cell *cells, int n, const struct cluster_table *clusters)
{
    bool wide = false;
    strbuf_clear(&p->text);
    strbuf_reserve(&p->text, (size_t)n * TEXT_MAX_PACKED);
    char *out = p->text.buf;
    for (int i = 0; i < n; i++) {
        const struct cell *c = &cells[i];
        if (c->width == 0) {
            wide = true;
        } else if (c->ch < 0x80) {
            *out++ = (char)(c->ch < 0x20 || c->ch == 0x7f ? ' ' : c->ch);
        } else {
            out = pack_text(out, c, clusters);
        }
    }
    *out = '\0';
    p->text.len = (size_t)(out - p->text.buf);
    return wide;
}

_Static_assert(offsetof(struct cell, bg) + sizeof(uint64_t) == sizeof(struct cell), "the rest of a cell is 8 bytes");

/* The commonest line by far, ASCII in the default style: one pass over the cells, straight into p->pack. False when it
 * is not such a line. */
static bool pack_plain(struct packer *p, const struct cell *restrict cells, int n, uint8_t flags)
{
    static const struct cell plain = {.width = 1};
    if (n > 0 && (!cell_same_style(&cells[0], &plain) || !cell_same_style(&cells[n - 1], &plain))) {
        return false;
    }
    strbuf_clear(&p->pack);
    strbuf_reserve(&p->pack, (size_t)n + HEAD_MAX_PACKED);
    char *restrict out = p->pack.buf;
    *out++ = (char)flags;
    out = write_varint(out, (uint32_t)n << 1);
    out = write_varint(out, (uint32_t)n);
    uint64_t other = 0, style, plain_style;
    memcpy(&plain_style, &plain.bg, sizeof(style)); /* background, attributes, width, link at one look */
    for (int i = 0; i < n; i++) {
        uint32_t ch = cells[i].ch;
        memcpy(&style, &cells[i].bg, sizeof(style));
        other |= cells[i].fg | (style ^ plain_style) | (ch >= 0x7f);
        out[i] = (char)(ch < 0x20 ? ' ' : ch);
    }
    if (other != 0) {
        return false;
    }
    out[n] = '\0';
    p->pack.len = (size_t)(out + n - p->pack.buf);
    return true;
}

void packed_write(struct packer *p, const struct cell *cells, int n, uint8_t flags,
                  const struct cluster_table *clusters, packed_link_fn link, void *arg)
{
    int end = tail_start(cells, n, flags);
    bool tailed = end < n;
    const struct cell *tail = tailed ? &cells[end] : NULL;
    n = end;
    if (!tailed && pack_plain(p, cells, n, flags & (uint8_t)~PACKED_TAIL)) {
        return;
    }
    bool wide = pack_texts(p, cells, n, clusters);
    int runs = count_runs(cells, n);
    if (p->text.len + (size_t)(runs + 2) * RUN_MAX_PACKED > PACKED_MAX_BYTES) {
        /* Cut, but never in the middle of a wide character. */
        n = MT_MIN(n, PACKED_MAX_BYTES / CELL_MAX_PACKED - 2);
        n -= cells[n].width == 0;
        wide = pack_texts(p, cells, n, clusters);
    }
    flags &= (uint8_t)~PACKED_TAIL;
    flags |= (uint8_t)((runs > 0 ? PACKED_STYLED : 0) | (tail != NULL ? PACKED_STYLED | PACKED_TAIL : 0));
    strbuf_clear(&p->pack);
    strbuf_addch(&p->pack, (char)flags);
    put_varint(&p->pack, (uint32_t)n << 1 | wide);
    put_varint(&p->pack, (uint32_t)p->text.len);
    strbuf_add(&p->pack, p->text.buf, p->text.len);
    if ((flags & PACKED_STYLED) != 0 && pack_runs(&p->pack, cells, n, link, arg)) {
        p->pack.buf[0] = (char)(flags | PACKED_LINKS);
    }
    if (tail != NULL) {
        pack_run(&p->pack, 1, tail, 0);
    }
}

struct packed_line packed_open(const uint8_t *p)
{
    struct packed_line l = {.flags = *p++};
    uint32_t cells = get_varint(&p);
    l.cells = (int)(cells >> 1);
    l.wide = (cells & 1) != 0;
    size_t len = get_varint(&p);
    l.text = p;
    l.end = p + len;
    return l;
}

size_t packed_next(struct packed_line *l, const char **text, int *width)
{
    uint8_t first = *l->text;
    *width = 1;
    if (first == TEXT_CLUSTER || first == TEXT_CLUSTER2) {
        size_t len = l->text[1];
        *width = first == TEXT_CLUSTER2 ? 2 : 1;
        *text = (const char *)l->text + 2;
        l->text += 2 + len;
        return len;
    }
    bool forced = first == TEXT_NARROW || first == TEXT_WIDE;
    l->text += forced;
    uint32_t cp = 0;
    *text = (const char *)l->text;
    size_t len = utf8_decode(*text, (size_t)(l->end - l->text), &cp);
    l->text += len;
    if (forced) {
        *width = first == TEXT_WIDE ? 2 : 1;
    } else if (cp >= 0x80) {
        *width = utf8_width(cp);
    }
    return len;
}

void packed_text(const struct packed_line *l, struct strbuf *out)
{
    const uint8_t *p = l->text, *from = p;

    if (l->end - p == l->cells) { /* a byte for each cell */
        strbuf_add(out, p, (size_t)l->cells);
        return;
    }
    while (p < l->end) {
        if (*p >= 0x20) {
            p++;
            continue;
        }
        strbuf_add(out, from, (size_t)(p - from));
        if (*p == TEXT_CLUSTER || *p == TEXT_CLUSTER2) {
            strbuf_add(out, p + 2, p[1]);
            p += 2 + p[1];
        } else {
            p += *p == TEXT_NARROW || *p == TEXT_WIDE ? 1 : 0;
            from = p++; /* a control character of the text itself, or what it stood before */
            continue;
        }
        from = p;
    }
    strbuf_add(out, from, (size_t)(p - from));
}

struct packed_run packed_run_next(const uint8_t **p)
{
    struct packed_run r = {.cells = (int)get_varint(p)};
    uint8_t what = *(*p)++;
    r.fg = what & RUN_FG ? get_varint(p) : 0;
    r.bg = what & RUN_BG ? get_varint(p) : 0;
    r.attrs = what & RUN_ATTRS ? get_varint(p) : 0;
    r.link = what & RUN_LINK ? get_varint(p) : 0;
    return r;
}

/* Gives a cell the style of a run. */
static void set_style(struct cell *c, const struct packed_run *r)
{
    c->fg = r->fg;
    c->bg = r->bg;
    c->attrs = (uint16_t)r->attrs;
}

/* Gives the cells the styles of the line's runs. */
static void unpack_runs(const struct packed_line *l, struct cell *out, int max, struct cell *tail,
                        packed_unlink_fn link, void *arg)
{
    const uint8_t *p = l->end;
    for (int at = 0; at < l->cells;) {
        struct packed_run r = packed_run_next(&p);
        struct cell style = CELL_BLANK;
        set_style(&style, &r);
        if (r.link != 0 && link != NULL) {
            link(arg, r.link, &style);
        }
        for (int n = r.cells; n > 0; n--, at++) {
            if (at < max) {
                out[at].fg = style.fg;
                out[at].bg = style.bg;
                out[at].attrs = style.attrs;
                out[at].link = style.link;
            }
        }
    }
    if ((l->flags & PACKED_TAIL) != 0 && tail != NULL) {
        struct packed_run r = packed_run_next(&p);
        set_style(tail, &r);
    }
}

int packed_cells(struct packed_line l, struct cell *out, int max, struct cell *tail, struct cluster_table *clusters,
                 packed_unlink_fn link, void *arg)
{
    struct packed_line text = l;
    int col = 0, n = MT_MIN(l.cells, max);
    cell_fill(out, (size_t)n, CELL_BLANK);
    while (text.text < text.end && col < n) {
        const char *s = NULL;
        int width = 1;
        size_t len = packed_next(&text, &s, &width);
        if (col + width > n) {
            break;
        }
        out[col].ch = len == 1 ? (uint8_t)*s : cluster_intern(clusters, s, len);
        out[col].width = (uint8_t)width;
        if (width == 2) {
            out[col + 1].width = 0;
        }
        col += width;
    }
    if (tail != NULL) {
        *tail = CELL_BLANK;
    }
    if (l.flags & PACKED_STYLED) {
        unpack_runs(&l, out, n, tail, link, arg);
    }
    return n;
}
