/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_PACKED_H
#define MT_TERM_PACKED_H

/* One line of cells as bytes, and back: UTF-8 text with trailing blanks cut, runs of style, flags. Only scrollback.c
 * and rewrap.c use it; the bytes are their own, so they are read without bounds.
 *
 * A packed line is: flags byte, varint cells * 2 (+ 1: some are wide), varint text bytes, the text, then runs until the
 * cells (and the tail) are covered; no runs: all in the default style. A run is: varint cells, a byte that says what
 * differs from the default, the values as varints. In the text, one byte below 0x20 changes how the next character is
 * read. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"
#include "term/cell.h"

#define PACKED_MAX_BYTES 32768 /* of a line: longer ones are cut */
#define PACKED_MARKS_SHIFT 4

enum packed_flag {
    PACKED_WRAPPED = 1, /* the text goes on in the next line */
    PACKED_STYLED = 2,  /* has runs */
    PACKED_TAIL = 4,    /* a last run of one cell is the style of what follows up to the margin */
    PACKED_LINKS = 8,   /* a run has a link */
    /* the upper four bits: marks (enum grid_mark) */
};

/* Where a line is packed, kept from line to line. */
struct packer {
    struct strbuf pack, text;
};

/* What to write for a cell that has a link or an underline colour: not 0, called once a run. */
typedef uint32_t (*packed_link_fn)(void *arg, const struct cell *c);
/* Packs `n` cells into p->pack. flags: PACKED_WRAPPED, marks, and PACKED_TAIL if the cells reach the margin. link: NULL
 * leaves links out. */
void packed_write(struct packer *p, const struct cell *cells, int n, uint8_t flags,
                  const struct cluster_table *clusters, packed_link_fn link, void *arg);

struct packed_line {
    uint8_t flags;
    bool wide; /* has a character of two columns */
    int cells;
    const uint8_t *text, *end; /* the runs begin at end */
};

struct packed_line packed_open(const uint8_t *p);
/* Its flags alone. */
static inline uint8_t packed_flags(const uint8_t *p)
{
    return *p;
}
/* Reads the next character: its bytes and width. For text < end. */
size_t packed_next(struct packed_line *l, const char **text, int *width);
/* Appends the text of all its characters. */
void packed_text(const struct packed_line *l, struct strbuf *out);
static inline uint8_t packed_marks(const struct packed_line *l)
{
    return (uint8_t)(l->flags >> PACKED_MARKS_SHIFT);
}

/* A run of style. */
struct packed_run {
    int cells;
    uint32_t fg, bg, attrs, link;
};
/* Reads a run and moves *p past it. */
struct packed_run packed_run_next(const uint8_t **p);

/* Gives a cell what was written for its run; NULL: links are left out. */
typedef void (*packed_unlink_fn)(void *arg, uint32_t link, struct cell *c);

/* All cells of the line (l->cells of them, at most `max`) into `out`; returns how many. tail: the style up to the
 * margin, CELL_BLANK if there is none; may be NULL. */
int packed_cells(struct packed_line l, struct cell *out, int max, struct cell *tail, struct cluster_table *clusters,
                 packed_unlink_fn link, void *arg);

#endif
