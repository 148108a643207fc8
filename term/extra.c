/* SPDX-License-Identifier: Apache-2.0 */
#include "term/extra.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/hash.h"
#include "core/util/xmalloc.h"

#define FIRST_CAP 32

void extra_table_release(struct extra_table *t)
{
    for (size_t id = 1; id < t->cap; id++) {
        free(t->entries[id].uri);
    }
    free(t->entries);
    free(t->slots);
    *t = (struct extra_table){0};
}

static size_t uri_bytes(const struct extra *e)
{
    return e->uri != NULL ? strlen(e->uri) + 1 : 0;
}

/* The slot of this pair, or the free one where it would go. Slots are twice the entries: one is always free. */
static size_t find_slot(const struct extra_table *t, const char *uri, uint32_t ul)
{
    size_t mask = t->cap * 2 - 1;
    size_t i = (size_t)(hash_fnv1a64(uri != NULL ? uri : "", uri != NULL ? strlen(uri) : 0) ^ ul * 2654435761u) & mask;
    for (; t->slots[i] != 0; i = (i + 1) & mask) {
        const struct extra *e = &t->entries[t->slots[i]];
        if (e->ul == ul && (uri == NULL ? e->uri == NULL : e->uri != NULL && strcmp(e->uri, uri) == 0)) {
            break;
        }
    }
    return i;
}

static void rehash(struct extra_table *t)
{
    memset(t->slots, 0, t->cap * 2 * sizeof(*t->slots));
    for (size_t id = 1; id < t->cap; id++) {
        if (t->entries[id].serial != 0) {
            t->slots[find_slot(t, t->entries[id].uri, t->entries[id].ul)] = (uint16_t)id;
        }
    }
}

/* Makes room for ids below `cap`. */
static void grow(struct extra_table *t, size_t cap)
{
    t->entries = xreallocarray(t->entries, cap, sizeof(*t->entries));
    memset(t->entries + t->cap, 0, (cap - t->cap) * sizeof(*t->entries));
    t->slots = xreallocarray(t->slots, cap * 2, sizeof(*t->slots));
    t->cap = cap;
    rehash(t);
}

static void set_entry(struct extra_table *t, size_t id, const char *uri, uint32_t ul)
{
    t->entries[id] = (struct extra){.uri = uri != NULL ? xstrdup(uri) : NULL, .ul = ul, .serial = ++t->serial};
    t->bytes += uri_bytes(&t->entries[id]);
    t->count++;
}

uint16_t extra_intern(struct extra_table *t, const char *uri, uint32_t ul, bool *full)
{
    if (uri != NULL && (*uri == '\0' || strlen(uri) > EXTRA_URI_MAX)) {
        uri = NULL;
    }
    *full = false;
    if (uri == NULL && ul == 0) {
        return 0;
    }
    if (t->cap > 0 && t->slots[find_slot(t, uri, ul)] != 0) {
        return t->slots[find_slot(t, uri, ul)];
    }
    if ((t->count + 1 >= t->cap && t->cap == EXTRA_MAX + 1) ||
        t->bytes + (uri != NULL ? strlen(uri) : 0) > EXTRA_BYTES_MAX) {
        *full = true;
        return 0;
    }
    if (t->count + 1 >= t->cap) {
        grow(t, t->cap == 0 ? FIRST_CAP : t->cap * 2);
    }
    size_t id = t->hint;
    while (id == 0 || t->entries[id].serial != 0) {
        id = (id + 1) % t->cap;
    }
    t->hint = id;
    set_entry(t, id, uri, ul);
    t->slots[find_slot(t, uri, ul)] = (uint16_t)id;
    return (uint16_t)id;
}

void extra_put(struct extra_table *t, uint16_t id, const char *uri, uint32_t ul)
{
    if (id == 0 || id > EXTRA_MAX || (uri != NULL && strlen(uri) > EXTRA_URI_MAX)) {
        return;
    }
    while (id >= t->cap) {
        grow(t, t->cap == 0 ? FIRST_CAP : t->cap * 2);
    }
    struct extra *e = &t->entries[id];
    if (e->serial != 0) {
        t->bytes -= uri_bytes(e);
        t->count--;
        free(e->uri);
        *e = (struct extra){0};
    }
    if (t->bytes + (uri != NULL ? strlen(uri) : 0) <= 2 * EXTRA_BYTES_MAX) { /* the other side is not to be trusted */
        set_entry(t, id, uri, ul);
    }
}

const struct extra *extra_get(const struct extra_table *t, uint16_t id)
{
    return id != 0 && id < t->cap && t->entries[id].serial != 0 ? &t->entries[id] : NULL;
}

void extra_mark(struct extra_table *t, uint16_t id)
{
    if (id < t->cap) {
        t->entries[id].mark = true;
    }
}

void extra_sweep(struct extra_table *t)
{
    for (size_t id = 1; id < t->cap; id++) {
        struct extra *e = &t->entries[id];
        if (e->serial != 0 && !e->mark) {
            t->bytes -= uri_bytes(e);
            t->count--;
            free(e->uri);
            *e = (struct extra){0};
        }
        e->mark = false;
    }
    if (t->cap > 0) {
        rehash(t);
    }
}
