/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SCROLLBACK_H
#define MT_TERM_SCROLLBACK_H

/* Lines that left the screen, packed (packed.h), in 64 KiB blocks in a ring that are freed whole; memory is bounded in
 * lines and in bytes. What is stored are pieces of lines as they were pushed, each with a flag that says whether the
 * text goes on in the next. What is read are rows of the present width: pieces that were pushed at another width are
 * wrapped again when they are looked at (rewrap.c), never all at once. Indexed from the newest row.
 *
 * A line that is not ended after some hundred pieces is wrapped again in parts: work per row stays bounded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"
#include "term/cell.h"

#define SCROLLBACK_BLOCK_BYTES 65536
#define SCROLLBACK_DEFAULT_LINES 10000
#define SCROLLBACK_DEFAULT_BYTES (16u << 20)

struct scrollback;

/* What a row has besides cells. */
struct row_info {
    bool wrapped;  /* the text goes on in the next row */
    uint8_t marks; /* enum grid_mark */
};

/* max_lines 0 keeps nothing. max_bytes 0 = the default; at least two blocks. */
struct scrollback *scrollback_new(size_t max_lines, size_t max_bytes);
void scrollback_free(struct scrollback *sb);
void scrollback_clear(struct scrollback *sb);
/* How links are told from the cells that are pushed and given to those that are read: the ids in cells belong to the
 * owner of the screen, who may forget them. */
struct scrollback_links {
    /* The address of the cell (NULL: none) and its underline colour. */
    void (*get)(void *arg, const struct cell *c, const char **uri, uint32_t *ul);
    /* Gives a cell an id for them; uri may be NULL. */
    void (*set)(void *arg, struct cell *c, const char *uri, uint32_t ul);
    void *arg;
};
/* Without this call links are not kept. */
void scrollback_set_links(struct scrollback *sb, const struct scrollback_links *links);
/* The width of rows from now on. Constant work. */
void scrollback_set_width(struct scrollback *sb, int cols);

/* Appends a row of the present width, `cols`, of which `used` cells may hold something. Drops the oldest lines when a
 * cap is reached. */
void scrollback_push(struct scrollback *sb, const struct cell *cells, int used, int cols, struct row_info info,
                     const struct cluster_table *clusters);
/* Takes the newest row back into `out` (cols cells, padded with blanks, cut when longer). Returns the cells that had
 * content, -1 when empty. `info` may be NULL. */
int scrollback_pop(struct scrollback *sb, struct cell *out, int cols, struct row_info *info,
                   struct cluster_table *clusters);
/* Row `index` from the newest (0) into `out`, as scrollback_pop. -1 past the end. */
int scrollback_get(const struct scrollback *sb, size_t index, struct cell *out, int cols, struct row_info *info,
                   struct cluster_table *clusters);
/* Appends the text of row `index`; `info` may be NULL. -1 past the end. */
int scrollback_text(const struct scrollback *sb, size_t index, struct strbuf *out, struct row_info *info);

/* Appends the text of the whole line that row `index` belongs to, `*above` of whose `*rows` rows are before it. False,
 * and nothing is appended: it was not pushed at another width, or goes on in what was, or is looked at in parts; then
 * its rows have to be asked for one by one. */
bool scrollback_line_text(const struct scrollback *sb, size_t index, struct strbuf *out, size_t *above, size_t *rows);

/* Does row `index` go on in the next one? False past the end. */
bool scrollback_is_wrapped(const struct scrollback *sb, size_t index);
/* The marks of row `index` (enum grid_mark), 0 past the end. */
unsigned scrollback_marks(const struct scrollback *sb, size_t index);

/* The newest line goes on in the row that comes next: how many pieces it has here; 0: it does not. */
size_t scrollback_open_pieces(const struct scrollback *sb);
/* Takes the newest piece back as it was pushed, whatever the width then: at most `max` cells. As scrollback_pop. */
int scrollback_pop_piece(struct scrollback *sb, struct cell *out, int max, struct row_info *info, struct cell *tail,
                         struct cluster_table *clusters);
/* What comes next is no continuation of the newest line. */
void scrollback_break(struct scrollback *sb);

/* A place in the text, whatever the width: it holds until its piece is dropped or taken back. */
struct scrollback_anchor {
    uint64_t piece;
    int cell;
};
/* The anchor of column `col` of row `index`; false past the end. */
bool scrollback_anchor(const struct scrollback *sb, size_t index, int col, struct scrollback_anchor *out);
/* Where it is now; false when it is gone. */
bool scrollback_find(const struct scrollback *sb, const struct scrollback_anchor *a, size_t *index, int *col);
/* The piece that is pushed next: anchors of pieces before it are in the scrollback. */
uint64_t scrollback_next_piece(const struct scrollback *sb);

/* Rows there are. Exact: after a change of width, work that grows with what is stored, once. */
size_t scrollback_count(const struct scrollback *sb);
/* The same, after a change of width at first guessed and better with every call: little, bounded work. */
size_t scrollback_estimate(const struct scrollback *sb);
/* Counts some more of them, little work again: true when scrollback_count has nothing left to do. */
bool scrollback_settle(struct scrollback *sb);
/* The number of the row that comes next: the newest has total - 1, so that a view can hold its place. Grows with rows
 * that are pushed; a change of width may let it jump. Never less than the rows there are. */
uint64_t scrollback_total(const struct scrollback *sb);
size_t scrollback_bytes(const struct scrollback *sb);

#endif
