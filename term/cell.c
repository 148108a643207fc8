/* SPDX-License-Identifier: Apache-2.0 */
#include "term/cell.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/hash.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

bool cell_equal(const struct cell *a, const struct cell *b)
{
    return a->ch == b->ch && a->width == b->width && cell_same_style(a, b);
}

bool cell_is_blank(const struct cell *c)
{
    const uint16_t visible = CELL_REVERSE | CELL_STRIKE | CELL_OVERLINE | CELL_UL_MASK;
    return (c->ch == 0 || c->ch == ' ') && c->width == 1 && c->bg == CELL_COLOR_DEFAULT && (c->attrs & visible) == 0;
}

void cell_fill(struct cell *cells, size_t n, struct cell value)
{
    for (size_t i = 0; i < n; i++) {
        cells[i] = value;
    }
}

uint32_t cell_palette_rgb(unsigned index)
{
    static const uint32_t base[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
                                      0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
    static const uint8_t level[6] = {0, 95, 135, 175, 215, 255};
    index &= 0xff;
    if (index < 16) {
        return base[index];
    }
    if (index < 232) {
        unsigned i = index - 16;
        return (uint32_t)level[i / 36] << 16 | (uint32_t)level[i / 6 % 6] << 8 | level[i % 6];
    }
    uint32_t grey = 8 + (index - 232) * 10;
    return grey << 16 | grey << 8 | grey;
}

/* The nearest of the colour cube's six levels. */
static unsigned cube_level(unsigned v)
{
    return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

/* Squared distance of two colours. */
static unsigned color_distance(uint32_t a, uint32_t b)
{
    int r = (int)(a >> 16 & 0xff) - (int)(b >> 16 & 0xff);
    int g = (int)(a >> 8 & 0xff) - (int)(b >> 8 & 0xff);
    int bl = (int)(a & 0xff) - (int)(b & 0xff);
    return (unsigned)(r * r + g * g + bl * bl);
}

unsigned cell_rgb_to_256(uint32_t rgb)
{
    rgb &= 0xffffff;
    unsigned r = rgb >> 16, g = rgb >> 8 & 0xff, b = rgb & 0xff;
    unsigned cube = 16 + 36 * cube_level(r) + 6 * cube_level(g) + cube_level(b);
    unsigned mean = (r + g + b) / 3;
    unsigned grey = 232 + (mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10);
    return color_distance(cell_palette_rgb(grey), rgb) < color_distance(cell_palette_rgb(cube), rgb) ? grey : cube;
}

void cluster_table_init(struct cluster_table *t)
{
    *t = CLUSTER_TABLE_INIT;
}

void cluster_table_release(struct cluster_table *t)
{
    free(t->entries);
    free(t->slots);
    *t = CLUSTER_TABLE_INIT;
}

/* The slot that holds the text, or the free one where it would go. */
static size_t cluster_slot(const struct cluster_table *t, const char *text, size_t len)
{
    size_t i = (size_t)hash_fnv1a64(text, len) & (t->nslots - 1);
    while (t->slots[i] != 0) {
        const struct cluster_entry *e = &t->entries[t->slots[i] - 1];
        if (e->len == len && memcmp(e->text, text, len) == 0) {
            return i;
        }
        i = (i + 1) & (t->nslots - 1);
    }
    return i;
}

/* Builds the hash slots anew from the entries. */
static void cluster_rehash(struct cluster_table *t)
{
    memset(t->slots, 0, t->nslots * sizeof(*t->slots));
    for (size_t id = 0; id < t->cap; id++) {
        if (t->entries[id].len > 0) {
            t->slots[cluster_slot(t, t->entries[id].text, t->entries[id].len)] = (uint32_t)id + 1;
        }
    }
}

static bool cluster_is_full(const struct cluster_table *t)
{
    return t->count >= (t->max != 0 ? t->max : CLUSTER_MAX_ENTRIES);
}

/* Doubles the table. */
static void cluster_grow(struct cluster_table *t)
{
    size_t cap = t->cap == 0 ? 64 : t->cap * 2;
    t->entries = xreallocarray(t->entries, cap, sizeof(*t->entries));
    memset(t->entries + t->cap, 0, (cap - t->cap) * sizeof(*t->entries));
    t->cap = cap;
    t->nslots = cap * 2;
    t->slots = xreallocarray(t->slots, t->nslots, sizeof(*t->slots));
    cluster_rehash(t);
}

/* Cuts to the table's bound without splitting a code point. */
static size_t cluster_cut(const char *text, size_t len)
{
    if (len <= CLUSTER_MAX_BYTES) {
        return len;
    }
    len = CLUSTER_MAX_BYTES;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

uint32_t cluster_intern(struct cluster_table *t, const char *text, size_t len)
{
    uint32_t cp = 0;
    len = cluster_cut(text, len);
    if (len == 0) {
        return 0;
    }
    if (utf8_decode(text, len, &cp) == len) {
        return cp;
    }
    size_t at = t->cap > 0 ? cluster_slot(t, text, len) : 0;
    if (t->cap == 0 || t->slots[at] == 0) {
        if (cluster_is_full(t)) {
            return 0;
        }
        if (t->cap == 0 || t->count == t->cap) {
            cluster_grow(t);
            at = cluster_slot(t, text, len);
        }
        size_t id = t->free_hint;
        while (t->entries[id % t->cap].len > 0) {
            id++;
        }
        id %= t->cap;
        t->free_hint = (id + 1) % t->cap;
        t->entries[id].len = (uint8_t)len;
        t->entries[id].mark = 0;
        memcpy(t->entries[id].text, text, len);
        t->entries[id].text[len] = '\0';
        t->slots[at] = (uint32_t)id + 1;
        t->count++;
    }
    return CELL_CLUSTER | (t->slots[at] - 1);
}

const char *cluster_text(const struct cluster_table *t, uint32_t ch, char out[8], size_t *len)
{
    size_t n = 1;
    const char *text = out;
    out[0] = ' ';
    if (CELL_IS_CLUSTER(ch)) {
        uint32_t id = ch & ~CELL_CLUSTER;
        if (t != NULL && id < t->cap && t->entries[id].len > 0) {
            text = t->entries[id].text;
            n = t->entries[id].len;
        }
    } else if (ch != 0) {
        n = utf8_encode(ch, out);
    }
    out[text == out ? n : 0] = '\0';
    if (len != NULL) {
        *len = n;
    }
    return text;
}

void cluster_move(struct cluster_table *t, struct cell *cells, size_t n, const struct cluster_table *from)
{
    for (size_t i = 0; i < n; i++) {
        if (CELL_IS_CLUSTER(cells[i].ch)) {
            char buf[8];
            size_t len = 0;
            const char *text = cluster_text(from, cells[i].ch, buf, &len);
            uint32_t ch = cluster_intern(t, text, len);
            cells[i].ch = ch != 0 ? ch : UTF8_REPLACEMENT;
        }
    }
}

void cluster_mark(struct cluster_table *t, uint32_t ch)
{
    uint32_t id = ch & ~CELL_CLUSTER;
    if (CELL_IS_CLUSTER(ch) && id < t->cap) {
        t->entries[id].mark = 1;
    }
}

void cluster_sweep(struct cluster_table *t)
{
    if (t->cap == 0) {
        return;
    }
    t->count = 0;
    for (size_t id = 0; id < t->cap; id++) {
        struct cluster_entry *e = &t->entries[id];
        if (!e->mark) {
            e->len = 0;
        }
        e->mark = 0;
        t->count += e->len > 0;
    }
    cluster_rehash(t);
}
