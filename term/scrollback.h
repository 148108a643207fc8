/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SCROLLBACK_H
#define MT_TERM_SCROLLBACK_H

/* Lines that left the screen, packed: UTF-8 text with trailing blanks cut, runs of attributes, the wrap flag. They live
 * in 64 KiB blocks in a ring that are freed whole; memory is bounded in lines and in bytes. Indexed from the newest.
 * Hyperlink ids are not kept (they belong to a table of the screen that is recycled). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"
#include "term/cell.h"

#define SCROLLBACK_BLOCK_BYTES 65536
#define SCROLLBACK_DEFAULT_LINES 10000
#define SCROLLBACK_DEFAULT_BYTES (16u << 20)

struct scrollback;

/* max_lines 0 keeps nothing. max_bytes 0 = the default; at least two blocks. */
struct scrollback *scrollback_new(size_t max_lines, size_t max_bytes);
void scrollback_free(struct scrollback *sb);
void scrollback_clear(struct scrollback *sb);

/* Appends a line. Drops the oldest lines when a cap is reached. */
void scrollback_push(struct scrollback *sb, const struct cell *cells, int cols, bool wrapped,
                     const struct cluster_table *clusters);
/* Takes the newest line back into `out` (cols cells, padded with blanks, cut when longer). Returns the cells that had
 * content, -1 when empty. */
int scrollback_pop(struct scrollback *sb, struct cell *out, int cols, bool *wrapped, struct cluster_table *clusters);
/* Line `index` from the newest (0) into `out`, as scrollback_pop. -1 past the end. */
int scrollback_get(const struct scrollback *sb, size_t index, struct cell *out, int cols, bool *wrapped,
                   struct cluster_table *clusters);
/* Appends the text of line `index`; `wrapped` may be NULL. -1 past the end. */
int scrollback_text(const struct scrollback *sb, size_t index, struct strbuf *out, bool *wrapped);

/* Does line `index` go on in the next one? False past the end. */
bool scrollback_is_wrapped(const struct scrollback *sb, size_t index);
/* The marks of line `index` (enum grid_mark), 0 at first; past the end nothing happens. */
unsigned scrollback_marks(const struct scrollback *sb, size_t index);
void scrollback_set_marks(struct scrollback *sb, size_t index, unsigned marks);

size_t scrollback_count(const struct scrollback *sb);
/* Lines ever pushed less lines popped: total - count is the number of the oldest line kept, so a view can hold its
 * place. */
uint64_t scrollback_total(const struct scrollback *sb);
size_t scrollback_bytes(const struct scrollback *sb);

#endif
