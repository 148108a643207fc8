/* SPDX-License-Identifier: Apache-2.0 */
#include "term/linkstore.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/hash.h"
#include "core/util/xmalloc.h"

void linkstore_release(struct linkstore *s)
{
    for (uint32_t id = 1; id <= s->used; id++) {
        free(s->entries[id].uri);
    }
    free(s->entries);
    free(s->buckets);
    *s = (struct linkstore){0};
}

/* The bucket of a pair. */
static uint32_t *bucket(const struct linkstore *s, const char *uri, uint32_t ul)
{
    uint64_t hash = hash_fnv1a64(uri, strlen(uri)) + ul * 0x9e3779b97f4a7c15u;
    return &s->buckets[(hash ^ hash >> 32) & (s->cap - 1)];
}

/* Twice as many entries and buckets. */
static void grow(struct linkstore *s)
{
    s->cap = s->cap == 0 ? 64 : s->cap * 2;
    s->entries = xreallocarray(s->entries, s->cap, sizeof(*s->entries));
    free(s->buckets);
    s->buckets = xcalloc(s->cap, sizeof(*s->buckets));
    for (uint32_t id = 1; id <= s->used; id++) { /* none is free: that is why it grows */
        uint32_t *b = bucket(s, s->entries[id].uri, s->entries[id].ul);
        s->entries[id].next = *b;
        *b = id;
    }
}

/* An id that is free; 0 when there is none left. */
static uint32_t take_id(struct linkstore *s)
{
    if (s->spare != 0) {
        uint32_t id = s->spare;
        s->spare = s->entries[id].next;
        return id;
    }
    if (s->used >= LINKSTORE_MAX) {
        return 0;
    }
    if (s->used + 1 >= s->cap) {
        grow(s);
    }
    return ++s->used;
}

uint32_t linkstore_add(struct linkstore *s, const char *uri, uint32_t ul)
{
    size_t len = strlen(uri) + 1 + LINKSTORE_ENTRY_BYTES;
    for (uint32_t id = s->cap != 0 ? *bucket(s, uri, ul) : 0; id != 0; id = s->entries[id].next) {
        if (s->entries[id].ul == ul && strcmp(s->entries[id].uri, uri) == 0) {
            s->entries[id].refs++;
            return id;
        }
    }
    uint32_t id = s->bytes + len <= LINKSTORE_MAX_BYTES ? take_id(s) : 0;
    if (id != 0) {
        uint32_t *b = bucket(s, uri, ul);
        s->entries[id] = (struct linkstore_entry){.uri = xstrdup(uri), .ul = ul, .refs = 1, .next = *b};
        *b = id;
        s->bytes += len;
    }
    return id;
}

void linkstore_drop(struct linkstore *s, uint32_t id)
{
    if (id == 0 || id > s->used || s->entries[id].refs == 0 || --s->entries[id].refs > 0) {
        return;
    }
    struct linkstore_entry *e = &s->entries[id];
    uint32_t *at = bucket(s, e->uri, e->ul);
    while (*at != id) {
        at = &s->entries[*at].next;
    }
    *at = e->next;
    s->bytes -= strlen(e->uri) + 1 + LINKSTORE_ENTRY_BYTES;
    free(e->uri);
    *e = (struct linkstore_entry){.next = s->spare};
    s->spare = id;
}

const struct linkstore_entry *linkstore_get(const struct linkstore *s, uint32_t id)
{
    return id == 0 || id > s->used || s->entries[id].refs == 0 ? NULL : &s->entries[id];
}

size_t linkstore_bytes(const struct linkstore *s)
{
    return s->bytes + s->cap * (sizeof(*s->entries) + sizeof(*s->buckets));
}
