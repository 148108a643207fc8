/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/lines.h"

#include <string.h>

void lines_init(struct lines *l)
{
    strbuf_init(&l->part);
}

void lines_release(struct lines *l)
{
    strbuf_release(&l->part);
}

/* Gives out what has been gathered. */
static void give(struct lines *l, lines_fn fn, void *arg)
{
    fn(arg, l->part.buf, l->part.len);
    strbuf_clear(&l->part);
}

void lines_feed(struct lines *l, const char *data, size_t len, lines_fn fn, void *arg)
{
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t take = newline != NULL ? (size_t)(newline - data) : len;

        while (l->part.len + take > LINES_MAX) {
            size_t room = LINES_MAX - l->part.len;
            strbuf_add(&l->part, data, room);
            give(l, fn, arg);
            data += room;
            len -= room;
            take -= room;
        }
        strbuf_add(&l->part, data, take);
        data += take;
        len -= take;
        if (newline != NULL) {
            give(l, fn, arg);
            data++;
            len--;
        }
    }
}

void lines_finish(struct lines *l, lines_fn fn, void *arg)
{
    if (l->part.len > 0) {
        give(l, fn, arg);
    }
}
