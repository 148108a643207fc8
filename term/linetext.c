/* SPDX-License-Identifier: Apache-2.0 */
#include "term/linetext.h"

#include <stdlib.h>

#include "core/util/xmalloc.h"

void linetext_init(struct linetext *t)
{
    *t = (struct linetext){.text = STRBUF_INIT};
}

void linetext_release(struct linetext *t)
{
    strbuf_release(&t->text);
    free(t->place);
    t->place = NULL;
    t->cap = 0;
}

void linetext_clear(struct linetext *t)
{
    strbuf_clear(&t->text);
}

/* Room for the places of `len` bytes more. */
static void reserve(struct linetext *t, size_t len)
{
    if (t->text.len + len > t->cap) {
        t->cap = (t->text.len + len) * 2;
        t->place = xreallocarray(t->place, t->cap, sizeof(*t->place));
    }
}

void linetext_add(struct linetext *t, uint64_t line, const struct cell *cells, int cols, bool wrapped,
                  const struct cluster_table *clusters)
{
    int used = cols;
    while (used > 0 && cells[used - 1].width == 1 &&
           (cells[used - 1].ch == 0 || (!wrapped && cells[used - 1].ch == ' '))) {
        used--;
    }
    for (int col = 0; col < used; col++) {
        char buf[8];
        size_t len = 0;
        if (cells[col].width == 0) {
            continue;
        }
        const char *text = cluster_text(clusters, cells[col].ch, buf, &len);
        reserve(t, len);
        for (size_t i = 0; i < len; i++) {
            t->place[t->text.len + i] = (struct linetext_place){line, col, cells[col].width};
        }
        strbuf_add(&t->text, text, len);
    }
}

void linetext_span(const struct linetext *t, size_t start, size_t end, struct linetext_span *out)
{
    const struct linetext_place *first = &t->place[start], *last = &t->place[end - 1];
    *out = (struct linetext_span){
        .line = first->line, .col = first->col, .end_line = last->line, .end_col = last->col + last->width};
}
