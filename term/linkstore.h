/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_LINKSTORE_H
#define MT_TERM_LINKSTORE_H

/* What few cells of the scrollback have: the address they lead to and the colour of their underline. Each pair once,
 * counted, bounded in number and in bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINKSTORE_MAX 16383
#define LINKSTORE_MAX_BYTES (1u << 20) /* with what an entry costs */
#define LINKSTORE_ENTRY_BYTES 64

struct linkstore_entry {
    char *uri;     /* "" = leads nowhere */
    uint32_t ul;   /* a cell colour; CELL_COLOR_DEFAULT = as the text */
    uint32_t refs; /* 0 = free */
    uint32_t next; /* in its bucket, or the next free one; id, 0 = end */
};

struct linkstore {
    struct linkstore_entry *entries; /* [cap], entries[0] is not used */
    uint32_t *buckets;               /* [cap], a power of two */
    uint32_t cap, used, spare;       /* used: ids ever given out */
    size_t bytes;
};

void linkstore_release(struct linkstore *s);
/* One more reference to the pair: its id, 0 when the store is full. */
uint32_t linkstore_add(struct linkstore *s, const char *uri, uint32_t ul);
/* One reference less; the last one frees it. 0 is ignored. */
void linkstore_drop(struct linkstore *s, uint32_t id);
/* NULL for an id that is not in use. */
const struct linkstore_entry *linkstore_get(const struct linkstore *s, uint32_t id);
size_t linkstore_bytes(const struct linkstore *s);

#endif
