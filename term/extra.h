/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_EXTRA_H
#define MT_TERM_EXTRA_H

/* What few cells have and no cell has room for: the address it leads to and the colour of its underline, interned, and
 * an id in the cell (cell_extra). Terminal, cockpit's mirror and surface have a table each. No reference counts: the
 * owner marks what its cells still use and sweeps when the table is full. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTRA_MAX 4095             /* the largest id: what a cell has room for */
#define EXTRA_BYTES_MAX (1u << 20) /* of all addresses together */
#define EXTRA_URI_MAX 2083

struct extra {
    char *uri;       /* NULL = leads nowhere */
    uint32_t ul;     /* a cell colour; CELL_COLOR_DEFAULT = as the text */
    uint32_t serial; /* grows with every entry made: tells which are new; 0 = free */
    bool mark;
};

struct extra_table {
    struct extra *entries; /* [cap]; entries[0] is never used */
    uint16_t *slots;       /* hash -> id; a power of two, larger than cap */
    size_t cap, count, bytes;
    uint32_t serial; /* of the newest entry */
    size_t hint;
};

void extra_table_release(struct extra_table *t); /* {0} is an empty table; released, it is empty again */
/* The id of this pair: 0 when it is nothing (no address, default colour) or when the table is full (*full is set; sweep
 * and try again). `uri` may be NULL; longer ones than EXTRA_URI_MAX count as none. */
uint16_t extra_intern(struct extra_table *t, const char *uri, uint32_t ul, bool *full);
/* Puts an entry at an id that another table gave it (the mirror). Ignored past the bounds. A table is either put into
 * or interned into, never both. */
void extra_put(struct extra_table *t, uint16_t id, const char *uri, uint32_t ul);
/* NULL: no such entry. */
const struct extra *extra_get(const struct extra_table *t, uint16_t id);
void extra_mark(struct extra_table *t, uint16_t id);
/* Frees what was not marked since the last sweep. */
void extra_sweep(struct extra_table *t);

#endif
