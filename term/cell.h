/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_CELL_H
#define MT_TERM_CELL_H

/* One character cell of a terminal screen, 16 bytes, and the table of grapheme clusters that do not fit in one code
 * point. Grid, scrollback, protocol and the cockpit's own drawing share it. Knows nothing of libvterm and curses. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Colours: the top byte says what the low 24 bits are. */
#define CELL_COLOR_DEFAULT 0u
#define CELL_COLOR_KIND(c) ((c) >> 24)
enum cell_color_kind { CELL_KIND_DEFAULT = 0, CELL_KIND_INDEXED = 1, CELL_KIND_RGB = 2 };

static inline uint32_t cell_indexed(unsigned index)
{
    return (uint32_t)CELL_KIND_INDEXED << 24 | (index & 0xffu);
}

static inline uint32_t cell_rgb(unsigned r, unsigned g, unsigned b)
{
    return (uint32_t)CELL_KIND_RGB << 24 | (r & 0xffu) << 16 | (g & 0xffu) << 8 | (b & 0xffu);
}

/* Attributes. Underline style: CELL_UL_* in three bits (0 = none). */
enum cell_attr {
    CELL_BOLD = 1 << 0,
    CELL_DIM = 1 << 1,
    CELL_ITALIC = 1 << 2,
    CELL_BLINK = 1 << 3,
    CELL_REVERSE = 1 << 4,
    CELL_CONCEAL = 1 << 5,
    CELL_STRIKE = 1 << 6,
    CELL_OVERLINE = 1 << 7,
    CELL_UL_MASK = 7 << 8,
    CELL_PROTECTED = 1 << 11,   /* DECSCA: selective erase leaves it */
    CELL_EXTRA_MASK = 15 << 12, /* no attribute: the high bits of cell_extra */
};
#define CELL_UL_SHIFT 8
enum cell_underline {
    CELL_UL_NONE,
    CELL_UL_SINGLE,
    CELL_UL_DOUBLE,
    CELL_UL_CURLY,
    CELL_UL_DOTTED,
    CELL_UL_DASHED,
};
#define CELL_UNDERLINE(attrs) (((attrs)&CELL_UL_MASK) >> CELL_UL_SHIFT)

/* `ch`: 0 = never written (draw as a space), a code point, or CELL_CLUSTER | id of a cluster_table.
 * `width`: 1, 2 (its right neighbour has width 0), or 0 = right half of a wide one (`ch` is 0 there). */
struct cell {
    uint32_t ch;
    uint32_t fg, bg;
    uint16_t attrs;
    uint8_t width;
    uint8_t link; /* the low bits of cell_extra */
};
_Static_assert(sizeof(struct cell) == 16, "a cell is 16 bytes");

#define CELL_CLUSTER 0x80000000u
#define CELL_IS_CLUSTER(ch) (((ch)&CELL_CLUSTER) != 0)
#define CELL_BLANK ((struct cell){.width = 1})

/* The id of the cell's address and underline colour in an extra_table (term/extra.h); 0 = none. Twelve bits, eight in
 * `link` and four that `attrs` has to spare. */
static inline uint16_t cell_extra(const struct cell *c)
{
    return (uint16_t)((c->attrs & CELL_EXTRA_MASK) >> 4 | c->link);
}

static inline void cell_set_extra(struct cell *c, uint16_t id)
{
    c->attrs = (uint16_t)((c->attrs & ~CELL_EXTRA_MASK) | (id << 4 & CELL_EXTRA_MASK));
    c->link = (uint8_t)id;
}

static inline bool cell_same_style(const struct cell *a, const struct cell *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->attrs == b->attrs && a->link == b->link;
}

bool cell_equal(const struct cell *a, const struct cell *b);
/* True when nothing of the cell shows: no character, default background, no line or reversal. */
bool cell_is_blank(const struct cell *c);
/* Sets `n` cells to `value`. */
void cell_fill(struct cell *cells, size_t n, struct cell value);
/* The red, green, blue of an indexed colour of xterm's 256-colour palette. */
uint32_t cell_palette_rgb(unsigned index);
/* The index (16..255) of xterm's palette that is nearest to an RGB colour: for terminals without true colour. */
unsigned cell_rgb_to_256(uint32_t rgb);

/* Interned texts of clusters. Bounded: at most `max` of at most CLUSTER_MAX_BYTES each. No reference counts: the owner
 * marks what its cells still use and sweeps when the table is full. Ids stay valid until swept: who keeps cells longer
 * than their owner says moves them into a table of its own (cluster_move). */
#define CLUSTER_MAX_BYTES 32
#define CLUSTER_MAX_ENTRIES 4096
struct cluster_entry {
    uint8_t len; /* 0 = free */
    uint8_t mark;
    char text[CLUSTER_MAX_BYTES + 1];
};
struct cluster_table {
    struct cluster_entry *entries;
    uint32_t *slots; /* hash -> id + 1; size is a power of two */
    size_t count, cap, nslots;
    size_t free_hint;
    size_t max; /* entries; the owner may change it at any time. 0: CLUSTER_MAX_ENTRIES */
};
#define CLUSTER_TABLE_INIT ((struct cluster_table){0})

void cluster_table_init(struct cluster_table *t);
void cluster_table_release(struct cluster_table *t);
/* Returns the `ch` value for the UTF-8 text: the code point itself when there is one only, else CELL_CLUSTER | id. Text
 * past CLUSTER_MAX_BYTES is cut at a code point's border. 0 when the table is full (sweep, then try again) or len is 0.
 */
uint32_t cluster_intern(struct cluster_table *t, const char *text, size_t len);
/* The UTF-8 text of any `ch` (code point or cluster), NUL-terminated in `out` when it is not a cluster; returned
 * pointer is valid until the table changes. 0 gives " ". `len` may be NULL. `t` may be NULL when no cluster can occur.
 */
const char *cluster_text(const struct cluster_table *t, uint32_t ch, char out[8], size_t *len);
/* Makes `n` cells of table `from` cells of `t`. What does not fit any more is the replacement character. */
void cluster_move(struct cluster_table *t, struct cell *cells, size_t n, const struct cluster_table *from);
/* Marks a cell's cluster as used; a code point is ignored. */
void cluster_mark(struct cluster_table *t, uint32_t ch);
/* Frees every entry that was not marked since the last sweep, and takes the marks away. */
void cluster_sweep(struct cluster_table *t);

#endif
