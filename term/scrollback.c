/* SPDX-License-Identifier: Apache-2.0 */
#include "term/scrollback.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/scrollback_priv.h"

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
    strbuf_init(&sb->packer.pack);
    strbuf_init(&sb->packer.text);
    sb->old = xcalloc(1, sizeof(*sb->old));
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
    sb->refs_cap = 0;
    sb->first = sb->next = 0;
    linkstore_release(&sb->links);
    rewrap_release(sb->old);
}

void scrollback_free(struct scrollback *sb)
{
    if (sb == NULL) {
        return;
    }
    scrollback_clear(sb);
    free(sb->old);
    free(sb->blocks);
    strbuf_release(&sb->packer.pack);
    strbuf_release(&sb->packer.text);
    free(sb);
}

void scrollback_set_links(struct scrollback *sb, const struct scrollback_links *links)
{
    sb->owner = *links;
}

void scrollback_set_width(struct scrollback *sb, int cols)
{
    if (cols == sb->width) {
        return;
    }
    sb->width = cols;
    if (sb->next == sb->first) {
        return;
    }
    rewrap_begin(sb);
    /* No row holds less than a cell, and no piece more than GRID_MAX. */
    uint64_t most = (sb->next - sb->first) * (GRID_MAX + 1);
    sb->total += sb->total < most ? most : 0;
}

/* The reference of a piece. */
static struct line_ref *ref_at(const struct scrollback *sb, uint64_t seq)
{
    return &sb->refs[seq & (sb->refs_cap - 1)];
}

struct packed_line scrollback_piece(const struct scrollback *sb, uint64_t seq)
{
    const struct line_ref *ref = ref_at(sb, seq);
    return packed_open(block_at(sb, ref->block)->data + ref->offset);
}

/* Gives up the links of a piece that goes. */
static void drop_links(struct scrollback *sb, uint64_t seq)
{
    const struct line_ref *ref = ref_at(sb, seq);
    const uint8_t *packed = block_at(sb, ref->block)->data + ref->offset;
    if ((packed_flags(packed) & PACKED_LINKS) == 0) {
        return;
    }
    struct packed_line l = packed_open(packed);
    const uint8_t *p = l.end;
    for (int at = 0; at < l.cells;) {
        struct packed_run r = packed_run_next(&p);
        at += r.cells;
        linkstore_drop(&sb->links, r.link);
    }
}

/* Forgets the oldest piece, and its block with the last one in it. */
static void drop_oldest(struct scrollback *sb)
{
    if (sb->first < sb->old->end) {
        rewrap_first_goes(sb);
    }
    struct line_ref *ref = ref_at(sb, sb->first);
    struct block *b = block_at(sb, ref->block);
    uint32_t seq = ref->block;
    drop_links(sb, sb->first);
    sb->first++;
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
    for (uint64_t seq = sb->first; seq != sb->next; seq++) {
        refs[seq & (cap - 1)] = *ref_at(sb, seq);
    }
    free(sb->refs);
    sb->refs = refs;
    sb->refs_cap = cap;
}

/* packed_link_fn: one reference for each run, as drop_links gives them up. */
static uint32_t take_link(void *arg, const struct cell *c)
{
    struct scrollback *sb = arg;
    const char *uri = NULL;
    uint32_t ul = CELL_COLOR_DEFAULT;
    sb->owner.get(sb->owner.arg, c, &uri, &ul);
    return uri == NULL && ul == CELL_COLOR_DEFAULT ? 0 : linkstore_add(&sb->links, uri != NULL ? uri : "", ul);
}

/* packed_unlink_fn. */
static void give_link(void *arg, uint32_t link, struct cell *c)
{
    const struct scrollback *sb = arg;
    const struct linkstore_entry *e = linkstore_get(&sb->links, link);
    if (e != NULL) {
        sb->owner.set(sb->owner.arg, c, *e->uri != '\0' ? e->uri : NULL, e->ul);
    }
}

void scrollback_push(struct scrollback *sb, const struct cell *cells, int used, int cols, struct row_info info,
                     const struct cluster_table *clusters)
{
    sb->total++;
    if (sb->max_lines == 0) {
        return;
    }
    int n = used;
    /* A wrapped row is full: a space at its end is text that the next row goes on from. */
    while (n > 0 && (info.wrapped ? cells[n - 1].ch == 0 && cells[n - 1].width == 1 : cell_is_blank(&cells[n - 1]))) {
        n--;
    }
    uint8_t flags = (uint8_t)((info.wrapped ? PACKED_WRAPPED
                               : n == cols  ? PACKED_TAIL
                                            : 0) |
                              info.marks << PACKED_MARKS_SHIFT);
    packed_write(&sb->packer, cells, n, flags, clusters, sb->owner.get != NULL ? take_link : NULL, sb);
    while (sb->next - sb->first >= sb->max_lines) {
        drop_oldest(sb);
    }
    const struct strbuf *pack = &sb->packer.pack;
    struct block *b = block_for(sb, pack->len);
    if (sb->next - sb->first == sb->refs_cap) {
        refs_grow(sb);
    }
    *ref_at(sb, sb->next) = (struct line_ref){sb->next_block - 1, b->used};
    sb->next++;
    memcpy(b->data + b->used, pack->buf, pack->len);
    b->used += (uint32_t)pack->len;
    b->lines++;
}

int scrollback_piece_cells(const struct scrollback *sb, uint64_t seq, struct cell *out, int max, struct cell *tail,
                           struct cluster_table *clusters)
{
    return packed_cells(scrollback_piece(sb, seq), out, max, tail, clusters, sb->owner.set != NULL ? give_link : NULL,
                        (void *)(uintptr_t)sb);
}

static struct row_info info_of(const struct packed_line *l)
{
    return (struct row_info){.wrapped = (l->flags & PACKED_WRAPPED) != 0, .marks = packed_marks(l)};
}

/* A piece as a row. */
static int piece_row(const struct scrollback *sb, uint64_t seq, struct cell *out, int cols, struct row_info *info,
                     struct cluster_table *clusters)
{
    struct packed_line l = scrollback_piece(sb, seq);
    struct cell tail;
    int n = scrollback_piece_cells(sb, seq, out, cols, &tail, clusters);
    int end = (l.flags & PACKED_TAIL) != 0 ? MT_MIN(cols, MT_MAX(sb->width, n)) : n;
    cell_fill(out + n, (size_t)(end - n), tail);
    cell_fill(out + end, (size_t)(cols - end), CELL_BLANK);
    if (info != NULL) {
        *info = info_of(&l);
    }
    return end;
}

/* Rows that are pieces. */
static size_t plain_rows(const struct scrollback *sb)
{
    return (size_t)(sb->next - MT_MAX(sb->first, sb->old->end));
}

int scrollback_get(const struct scrollback *sb, size_t index, struct cell *out, int cols, struct row_info *info,
                   struct cluster_table *clusters)
{
    size_t plain = plain_rows(sb);
    if (index < plain) {
        return piece_row(sb, sb->next - 1 - index, out, cols, info, clusters);
    }
    return sb->first < sb->old->end ? rewrap_get(sb, index - plain, out, cols, info, clusters) : -1;
}

/* Takes the newest piece out of the index. */
static void unpush(struct scrollback *sb)
{
    struct line_ref *ref = ref_at(sb, sb->next - 1);
    struct block *b = block_at(sb, ref->block);
    drop_links(sb, sb->next - 1);
    b->used = ref->offset;
    b->lines--;
    sb->next--;
    sb->total -= sb->total > 0;
    if (sb->old->end > sb->next) {
        sb->old->end = sb->next;
        rewrap_end_moved(sb);
    }
    /* Only the newest block can run empty here; keep it unless an older one can take over. */
    if (b->lines == 0 && sb->next_block - sb->first_block > 1) {
        sb->next_block--;
        block_drop(sb, sb->next_block);
    }
}

int scrollback_pop(struct scrollback *sb, struct cell *out, int cols, struct row_info *info,
                   struct cluster_table *clusters)
{
    if (sb->next == sb->first) {
        return -1;
    }
    if (sb->old->end == sb->next) {
        rewrap_settle(sb, clusters);
    }
    int n = piece_row(sb, sb->next - 1, out, cols, info, clusters);
    unpush(sb);
    return n;
}

int scrollback_pop_piece(struct scrollback *sb, struct cell *out, int max, struct row_info *info, struct cell *tail,
                         struct cluster_table *clusters)
{
    if (sb->next == sb->first) {
        return -1;
    }
    struct packed_line l = scrollback_piece(sb, sb->next - 1);
    int n = scrollback_piece_cells(sb, sb->next - 1, out, max, tail, clusters);
    *info = info_of(&l);
    unpush(sb);
    return n;
}

/* What a row has besides cells; false past the end. */
static bool row_info_at(const struct scrollback *sb, size_t index, struct row_info *info)
{
    size_t plain = plain_rows(sb);
    if (index < plain) {
        struct packed_line l = scrollback_piece(sb, sb->next - 1 - index);
        *info = info_of(&l);
        return true;
    }
    return sb->first < sb->old->end && rewrap_info(sb, index - plain, info);
}

bool scrollback_is_wrapped(const struct scrollback *sb, size_t index)
{
    struct row_info info = {0};
    return row_info_at(sb, index, &info) && info.wrapped;
}

unsigned scrollback_marks(const struct scrollback *sb, size_t index)
{
    struct row_info info = {0};
    return row_info_at(sb, index, &info) ? info.marks : 0;
}

bool scrollback_anchor(const struct scrollback *sb, size_t index, int col, struct scrollback_anchor *out)
{
    size_t plain = plain_rows(sb);
    if (index < plain) {
        out->piece = sb->next - 1 - index;
        out->cell = MT_MAX(MT_MIN(col, scrollback_piece(sb, out->piece).cells), 0);
        return true;
    }
    return sb->first < sb->old->end && rewrap_anchor(sb, index - plain, col, out);
}

bool scrollback_find(const struct scrollback *sb, const struct scrollback_anchor *a, size_t *index, int *col)
{
    if (a->piece < sb->first || a->piece >= sb->next) {
        return false;
    }
    if (a->piece >= sb->old->end) {
        *index = (size_t)(sb->next - 1 - a->piece);
        *col = a->cell;
    } else {
        rewrap_find(sb, a, index, col);
        *index += plain_rows(sb);
    }
    return true;
}

uint64_t scrollback_next_piece(const struct scrollback *sb)
{
    return sb->next;
}

size_t scrollback_open_pieces(const struct scrollback *sb)
{
    uint64_t seq = sb->next;
    if (sb->next == sb->first || (scrollback_piece(sb, seq - 1).flags & PACKED_WRAPPED) == 0) {
        return 0;
    }
    do {
        seq--;
    } while (!rewrap_is_start(sb, seq));
    return (size_t)(sb->next - seq);
}

void scrollback_break(struct scrollback *sb)
{
    if (sb->next != sb->first) {
        struct line_ref *ref = ref_at(sb, sb->next - 1);
        block_at(sb, ref->block)->data[ref->offset] &= (uint8_t)~PACKED_WRAPPED;
    }
}

int scrollback_text(const struct scrollback *sb, size_t index, struct strbuf *out, struct row_info *info)
{
    size_t plain = plain_rows(sb);
    if (index >= plain) {
        return sb->first < sb->old->end ? rewrap_text(sb, index - plain, out, info) : -1;
    }
    struct packed_line l = scrollback_piece(sb, sb->next - 1 - index);
    packed_text(&l, out);
    if (info != NULL) {
        *info = info_of(&l);
    }
    return 0;
}

bool scrollback_line_text(const struct scrollback *sb, size_t index, struct strbuf *out, size_t *above, size_t *rows)
{
    size_t plain = plain_rows(sb);
    return index >= plain && sb->first < sb->old->end && rewrap_line_text(sb, index - plain, out, above, rows);
}

size_t scrollback_count(const struct scrollback *sb)
{
    return plain_rows(sb) + (sb->first < sb->old->end ? rewrap_rows(sb, SIZE_MAX) : 0);
}

size_t scrollback_estimate(const struct scrollback *sb)
{
    return plain_rows(sb) + (sb->first < sb->old->end ? rewrap_rows(sb, REWRAP_BUDGET) : 0);
}

bool scrollback_settle(struct scrollback *sb)
{
    return sb->first >= sb->old->end || rewrap_settle_rows(sb);
}

uint64_t scrollback_total(const struct scrollback *sb)
{
    return sb->total;
}

size_t scrollback_bytes(const struct scrollback *sb)
{
    return (size_t)(sb->next_block - sb->first_block) * sizeof(struct block) + sb->refs_cap * sizeof(struct line_ref) +
           sb->max_blocks * sizeof(void *) + sb->old->cap * sizeof(struct rewrap_chunk) + linkstore_bytes(&sb->links);
}
