/* SPDX-License-Identifier: Apache-2.0 */
#include "term/scrollback.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* A packed line is: flags byte, varint cells, varint text bytes, the text, then runs until the cells are covered (no
 * runs: all in the default style). In the text, one byte below 0x20 changes how the next character is read. */
enum {
    LINE_WRAPPED = 1,
    LINE_STYLED = 2,
    LINE_MARKS = 4, /* shift of four bits */
};
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
};
/* No line may be longer than this, so that several fit in a block. The widest grid with the largest clusters stays
 * below after cutting. */
#define LINE_MAX_BYTES (SCROLLBACK_BLOCK_BYTES / 2)
#define CELL_MAX_PACKED (CLUSTER_MAX_BYTES + 2 + 16)

struct block {
    uint32_t used;
    uint32_t lines; /* lines that begin here and are still indexed */
    uint8_t data[SCROLLBACK_BLOCK_BYTES];
};

struct line_ref {
    uint32_t block; /* sequence number of its block */
    uint32_t offset;
};

struct scrollback {
    size_t max_lines, max_blocks;
    struct block **blocks; /* ring of max_blocks; slot = sequence % max_blocks */
    uint32_t first_block, next_block;
    struct line_ref *refs; /* ring of refs_cap (a power of two) */
    size_t refs_cap, refs_head, count;
    uint64_t total;
    struct strbuf pack; /* the line being packed */
    struct strbuf text; /* its text */
};

struct scrollback *scrollback_new(size_t max_lines, size_t max_bytes)
{
    struct scrollback *sb = xcalloc(1, sizeof(*sb));
    if (max_bytes == 0) {
        max_bytes = SCROLLBACK_DEFAULT_BYTES;
    }
    sb->max_lines = max_lines;
    sb->max_blocks = MT_MAX(max_bytes / sizeof(struct block), (size_t)2);
    sb->max_blocks = MT_MIN(sb->max_blocks, (size_t)1 << 20);
    sb->blocks = xcalloc(sb->max_blocks, sizeof(*sb->blocks));
    strbuf_init(&sb->pack);
    strbuf_init(&sb->text);
    return sb;
}

/* The block with a sequence number. */
static struct block *block_at(const struct scrollback *sb, uint32_t seq)
{
    return sb->blocks[seq % sb->max_blocks];
}

static void block_drop(struct scrollback *sb, uint32_t seq)
{
    free(sb->blocks[seq % sb->max_blocks]);
    sb->blocks[seq % sb->max_blocks] = NULL;
}

void scrollback_clear(struct scrollback *sb)
{
    for (uint32_t seq = sb->first_block; seq != sb->next_block; seq++) {
        block_drop(sb, seq);
    }
    sb->first_block = sb->next_block = 0;
    free(sb->refs);
    sb->refs = NULL;
    sb->refs_cap = sb->refs_head = sb->count = 0;
}

void scrollback_free(struct scrollback *sb)
{
    if (sb == NULL) {
        return;
    }
    scrollback_clear(sb);
    free(sb->blocks);
    strbuf_release(&sb->pack);
    strbuf_release(&sb->text);
    free(sb);
}

/* Reference number i from the oldest. */
static struct line_ref *ref_at(const struct scrollback *sb, size_t i)
{
    return &sb->refs[(sb->refs_head + i) & (sb->refs_cap - 1)];
}

/* Forgets the oldest line, and its block with the last line in it. */
static void drop_oldest(struct scrollback *sb)
{
    struct line_ref *ref = ref_at(sb, 0);
    struct block *b = block_at(sb, ref->block);
    uint32_t seq = ref->block;
    sb->refs_head = (sb->refs_head + 1) & (sb->refs_cap - 1);
    sb->count--;
    b->lines--;
    if (b->lines == 0 && seq + 1 != sb->next_block) {
        block_drop(sb, seq);
        sb->first_block = seq + 1;
    }
}

/* A block with room for `len` bytes at its end. */
static struct block *block_for(struct scrollback *sb, size_t len)
{
    if (sb->first_block != sb->next_block) {
        struct block *last = block_at(sb, sb->next_block - 1);
        if (last->lines == 0) {
            last->used = 0;
        }
        if (last->used + len <= SCROLLBACK_BLOCK_BYTES) {
            return last;
        }
    }
    while (sb->next_block - sb->first_block >= sb->max_blocks) {
        drop_oldest(sb);
    }
    struct block *b = xmalloc(sizeof(*b));
    b->used = 0;
    b->lines = 0;
    sb->blocks[sb->next_block % sb->max_blocks] = b;
    sb->next_block++;
    return b;
}

static void refs_grow(struct scrollback *sb)
{
    size_t cap = sb->refs_cap == 0 ? 256 : sb->refs_cap * 2;
    struct line_ref *refs = xmalloc(cap * sizeof(*refs));
    for (size_t i = 0; i < sb->count; i++) {
        refs[i] = *ref_at(sb, i);
    }
    free(sb->refs);
    sb->refs = refs;
    sb->refs_cap = cap;
    sb->refs_head = 0;
}

static void put_varint(struct strbuf *out, uint32_t v)
{
    while (v >= 0x80) {
        strbuf_addch(out, (char)(v | 0x80));
        v >>= 7;
    }
    strbuf_addch(out, (char)v);
}

/* The text of one cell, with its escape byte when the width table would read it otherwise. */
static void pack_text(struct strbuf *out, const struct cell *c, const struct cluster_table *clusters)
{
    char buf[8];
    size_t len = 0;
    if (c->ch < 0x80) {
        strbuf_addch(out, c->ch < 0x20 || c->ch == 0x7f ? ' ' : (char)c->ch);
        return;
    }
    const char *text = cluster_text(clusters, c->ch, buf, &len);
    if (CELL_IS_CLUSTER(c->ch)) {
        strbuf_addch(out, c->width == 2 ? TEXT_CLUSTER2 : TEXT_CLUSTER);
        strbuf_addch(out, (char)len);
    } else if (utf8_width(c->ch) != c->width) {
        strbuf_addch(out, c->width == 2 ? TEXT_WIDE : TEXT_NARROW);
    }
    strbuf_add(out, text, len);
}

/* One run: varint cells, what differs from the default, the values. */
static void pack_run(struct strbuf *out, int cells, const struct cell *c)
{
    char what = (char)((c->fg != 0 ? RUN_FG : 0) | (c->bg != 0 ? RUN_BG : 0) | (c->attrs != 0 ? RUN_ATTRS : 0));
    put_varint(out, (uint32_t)cells);
    strbuf_addch(out, what);
    if (what & RUN_FG) {
        put_varint(out, c->fg);
    }
    if (what & RUN_BG) {
        put_varint(out, c->bg);
    }
    if (what & RUN_ATTRS) {
        put_varint(out, c->attrs);
    }
}

/* Same colours and attributes: links are not kept. */
static bool same_run(const struct cell *a, const struct cell *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->attrs == b->attrs;
}

/* True when every cell is in the default style, which needs no runs. */
static bool all_default(const struct cell *cells, int n)
{
    static const struct cell plain = {.width = 1};
    for (int i = 0; i < n; i++) {
        if (!same_run(&cells[i], &plain)) {
            return false;
        }
    }
    return true;
}

static void pack_runs(struct strbuf *out, const struct cell *cells, int n)
{
    int start = 0;
    for (int i = 1; i <= n; i++) {
        if (i == n || !same_run(&cells[i], &cells[start])) {
            pack_run(out, i - start, &cells[start]);
            start = i;
        }
    }
}

/* Packs a line into sb->pack. */
static void pack_line(struct scrollback *sb, const struct cell *cells, int n, bool wrapped,
                      const struct cluster_table *clusters)
{
    strbuf_clear(&sb->text);
    strbuf_reserve(&sb->text, (size_t)n + 8);
    for (int i = 0; i < n; i++) {
        if (cells[i].width != 0) {
            pack_text(&sb->text, &cells[i], clusters);
        }
    }
    bool styled = !all_default(cells, n);
    strbuf_clear(&sb->pack);
    strbuf_addch(&sb->pack, (char)((wrapped ? LINE_WRAPPED : 0) | (styled ? LINE_STYLED : 0)));
    put_varint(&sb->pack, (uint32_t)n);
    put_varint(&sb->pack, (uint32_t)sb->text.len);
    strbuf_add(&sb->pack, sb->text.buf, sb->text.len);
    if (styled) {
        pack_runs(&sb->pack, cells, n);
    }
}

void scrollback_push(struct scrollback *sb, const struct cell *cells, int cols, bool wrapped,
                     const struct cluster_table *clusters)
{
    sb->total++;
    if (sb->max_lines == 0) {
        return;
    }
    int n = cols;
    /* A wrapped row is full: a space at its end is text that the next row goes on from. */
    while (n > 0 && cell_is_blank(&cells[n - 1]) && (!wrapped || cells[n - 1].ch == 0)) {
        n--;
    }
    pack_line(sb, cells, n, wrapped, clusters);
    while (sb->pack.len > LINE_MAX_BYTES) {
        n = MT_MIN(n - 1, LINE_MAX_BYTES / CELL_MAX_PACKED);
        pack_line(sb, cells, n, wrapped, clusters);
    }
    while (sb->count >= sb->max_lines) {
        drop_oldest(sb);
    }
    struct block *b = block_for(sb, sb->pack.len);
    if (sb->count == sb->refs_cap) {
        refs_grow(sb);
    }
    sb->count++;
    *ref_at(sb, sb->count - 1) = (struct line_ref){sb->next_block - 1, b->used};
    memcpy(b->data + b->used, sb->pack.buf, sb->pack.len);
    b->used += (uint32_t)sb->pack.len;
    b->lines++;
}

/* A place in a packed line. The data is our own, so it is read without bounds but for the block's end. */
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

struct line {
    bool wrapped, styled;
    int cells;
    const uint8_t *text, *end; /* the runs begin at end */
};

static struct line line_open(const struct scrollback *sb, size_t index)
{
    const struct line_ref *ref = ref_at(sb, sb->count - 1 - index);
    const uint8_t *p = block_at(sb, ref->block)->data + ref->offset;
    struct line l = {.wrapped = (*p & LINE_WRAPPED) != 0, .styled = (*p & LINE_STYLED) != 0};
    p++;
    l.cells = (int)get_varint(&p);
    size_t len = get_varint(&p);
    l.text = p;
    l.end = p + len;
    return l;
}

/* Reads the next character: its bytes and width. */
static size_t line_next(struct line *l, const char **text, int *width)
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

/* Gives the cells the styles of the line's runs. */
static void unpack_runs(const uint8_t *p, struct cell *out, int cells, int cols)
{
    int at = 0;
    while (at < cells) {
        int n = (int)get_varint(&p);
        uint8_t what = *p++;
        uint32_t fg = what & RUN_FG ? get_varint(&p) : 0;
        uint32_t bg = what & RUN_BG ? get_varint(&p) : 0;
        uint32_t attrs = what & RUN_ATTRS ? get_varint(&p) : 0;
        for (; n > 0; n--, at++) {
            if (at < cols) {
                out[at].fg = fg;
                out[at].bg = bg;
                out[at].attrs = (uint16_t)(attrs & ~(unsigned)CELL_EXTRA_MASK); /* ids end with the screen */
            }
        }
    }
}

int scrollback_get(const struct scrollback *sb, size_t index, struct cell *out, int cols, bool *wrapped,
                   struct cluster_table *clusters)
{
    if (index >= sb->count) {
        return -1;
    }
    struct line l = line_open(sb, index);
    cell_fill(out, (size_t)cols, CELL_BLANK);
    int col = 0;
    while (l.text < l.end && col < cols) {
        const char *text = NULL;
        int width = 1;
        size_t len = line_next(&l, &text, &width);
        if (col + width > cols) {
            break;
        }
        out[col].ch = len == 1 ? (uint8_t)*text : cluster_intern(clusters, text, len);
        out[col].width = (uint8_t)width;
        if (width == 2) {
            out[col + 1].width = 0;
        }
        col += width;
    }
    if (l.styled) {
        unpack_runs(l.end, out, l.cells, cols);
    }
    if (wrapped != NULL) {
        *wrapped = l.wrapped;
    }
    return MT_MIN(l.cells, cols);
}

int scrollback_pop(struct scrollback *sb, struct cell *out, int cols, bool *wrapped, struct cluster_table *clusters)
{
    int n = scrollback_get(sb, 0, out, cols, wrapped, clusters);
    if (n < 0) {
        return -1;
    }
    struct line_ref *ref = ref_at(sb, sb->count - 1);
    struct block *b = block_at(sb, ref->block);
    b->used = ref->offset;
    b->lines--;
    sb->count--;
    sb->total--;
    /* Only the newest block can run empty here; keep it unless an older one can take over. */
    if (b->lines == 0 && sb->next_block - sb->first_block > 1) {
        sb->next_block--;
        block_drop(sb, sb->next_block);
    }
    return n;
}

int scrollback_text(const struct scrollback *sb, size_t index, struct strbuf *out, bool *wrapped)
{
    if (index >= sb->count) {
        return -1;
    }
    struct line l = line_open(sb, index);
    while (l.text < l.end) {
        const char *text = NULL;
        int width = 1;
        size_t len = line_next(&l, &text, &width);
        strbuf_add(out, text, len);
    }
    if (wrapped != NULL) {
        *wrapped = l.wrapped;
    }
    return 0;
}

/* The flags byte of a line; NULL past the end. */
static uint8_t *line_flags(const struct scrollback *sb, size_t index)
{
    if (index >= sb->count) {
        return NULL;
    }
    const struct line_ref *ref = ref_at(sb, sb->count - 1 - index);
    return &block_at(sb, ref->block)->data[ref->offset];
}

bool scrollback_is_wrapped(const struct scrollback *sb, size_t index)
{
    const uint8_t *flags = line_flags(sb, index);
    return flags != NULL && (*flags & LINE_WRAPPED) != 0;
}

unsigned scrollback_marks(const struct scrollback *sb, size_t index)
{
    const uint8_t *flags = line_flags(sb, index);
    return flags != NULL ? *flags >> LINE_MARKS : 0;
}

void scrollback_set_marks(struct scrollback *sb, size_t index, unsigned marks)
{
    uint8_t *flags = line_flags(sb, index);
    if (flags != NULL) {
        *flags = (uint8_t)((*flags & ((1u << LINE_MARKS) - 1)) | (marks & 15) << LINE_MARKS);
    }
}

size_t scrollback_count(const struct scrollback *sb)
{
    return sb->count;
}

uint64_t scrollback_total(const struct scrollback *sb)
{
    return sb->total;
}

size_t scrollback_bytes(const struct scrollback *sb)
{
    return (size_t)(sb->next_block - sb->first_block) * sizeof(struct block) + sb->refs_cap * sizeof(struct line_ref) +
           sb->max_blocks * sizeof(void *);
}
