/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SCROLLBACK_PRIV_H
#define MT_TERM_SCROLLBACK_PRIV_H

/* What scrollback.c (storage) and rewrap.c (rows of another width) share; nobody else includes it. */

#include "term/grid.h"
#include "term/linkstore.h"
#include "term/packed.h"
#include "term/scrollback.h"

struct block {
    uint32_t used;
    uint32_t lines; /* pieces that begin here and are still indexed */
    uint8_t data[SCROLLBACK_BLOCK_BYTES];
};

struct line_ref {
    uint32_t block; /* sequence number of its block */
    uint32_t offset;
};

/* Pieces are numbered as they are pushed. A chunk is REWRAP_CHUNK of them; it answers for the lines that begin in it.
 * A line that has wrapped through the last REWRAP_REACH pieces of a chunk ends with it. */
#define REWRAP_CHUNK 256
#define REWRAP_REACH 64
#define REWRAP_BUDGET 4 /* chunks that an estimate counts */

/* A place in a line that is being wrapped: the next character goes to (row, col), or to the next row if it does not
 * fit. */
struct rewrap_place {
    size_t row;
    int col;
};
struct rewrap_line {
    uint64_t from; /* its first piece */
    size_t row;    /* rows of its chunk before it */
};
#define REWRAP_PIECES (REWRAP_CHUNK + REWRAP_REACH) /* most in what is wrapped as one line */

struct rewrap_chunk {
    uint32_t epoch; /* `rows` is of this width; else not known */
    uint32_t rows;
};

/* The pieces [sb->first, end), pushed at another width than the present one. */
struct rewrap {
    uint64_t end;
    uint32_t epoch;              /* of the width; grows */
    struct rewrap_chunk *chunks; /* ring of `cap` (a power of two) */
    size_t cap;
    uint64_t known_from; /* chunks from this one on are counted: `known_rows` in them */
    size_t known_rows;
    /* Where the last row was found: the chunk, rows newer than it, and the lines that begin in it. */
    bool hint;
    uint64_t hint_chunk;
    size_t hint_after;
    struct rewrap_line *lines; /* [REWRAP_CHUNK + 1], the last one is the end */
    int nlines;                /* 0: not known */
    struct cell *cells;        /* [GRID_MAX] of a piece */
    /* The line of the last row: its pieces [from, to), its rows, and where each piece begins. from == to: none. */
    uint64_t from, to;
    size_t rows;
    struct rewrap_place *places; /* [REWRAP_PIECES + 1] */
};

struct scrollback {
    size_t max_lines, max_blocks;
    struct block **blocks; /* ring of max_blocks; slot = sequence % max_blocks */
    uint32_t first_block, next_block;
    struct line_ref *refs; /* ring of refs_cap (a power of two), by number of the piece */
    size_t refs_cap;
    uint64_t first, next; /* numbers of the pieces there are */
    uint64_t total;
    int width; /* 0: every piece is a row */
    struct packer packer;
    struct rewrap *old;
    struct linkstore links;
    struct scrollback_links owner;
};

/* A piece by its number. */
struct packed_line scrollback_piece(const struct scrollback *sb, uint64_t seq);
/* The cells of a piece with their links. */
int scrollback_piece_cells(const struct scrollback *sb, uint64_t seq, struct cell *out, int max, struct cell *tail,
                           struct cluster_table *clusters);

/* rewrap.c. True when `seq` begins a line, or a part of one. */
bool rewrap_is_start(const struct scrollback *sb, uint64_t seq);
/* The width has changed: nothing is known. */
void rewrap_begin(struct scrollback *sb);
/* The oldest piece is about to go, or pieces from old->end on are gone. */
void rewrap_first_goes(struct scrollback *sb);
void rewrap_end_moved(struct scrollback *sb);
/* Rows of all old pieces; with a budget: chunks to count at most, the rest guessed. */
size_t rewrap_rows(const struct scrollback *sb, size_t budget);
/* As scrollback_settle. */
bool rewrap_settle_rows(const struct scrollback *sb);
/* As scrollback_line_text. */
bool rewrap_line_text(const struct scrollback *sb, size_t index, struct strbuf *out, size_t *above, size_t *rows);
/* Row `index` from the newest of the old ones. As scrollback_get. */
int rewrap_get(const struct scrollback *sb, size_t index, struct cell *out, int cols, struct row_info *info,
               struct cluster_table *clusters);
/* As scrollback_text. */
int rewrap_text(const struct scrollback *sb, size_t index, struct strbuf *out, struct row_info *info);
/* False past the end. */
bool rewrap_info(const struct scrollback *sb, size_t index, struct row_info *info);
/* As scrollback_anchor, scrollback_find, among the old rows. */
bool rewrap_anchor(const struct scrollback *sb, size_t index, int col, struct scrollback_anchor *out);
void rewrap_find(const struct scrollback *sb, const struct scrollback_anchor *a, size_t *index, int *col);
/* Makes the newest line of the old ones pieces of the present width, none of them old. */
void rewrap_settle(struct scrollback *sb, struct cluster_table *clusters);
void rewrap_release(struct rewrap *r);

#endif
