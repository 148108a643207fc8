/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LINES_H
#define MT_CORE_IO_LINES_H

/* Cuts a byte stream into lines. Memory is bounded: a line longer than LINES_MAX comes in pieces. */

#include <stddef.h>

#include "core/util/strbuf.h"

#define LINES_MAX (64u << 10)

struct lines {
    struct strbuf part; /* the line that has not ended yet */
};

/* One line without its newline, NUL-terminated, at most LINES_MAX bytes; valid during the call. */
typedef void (*lines_fn)(void *arg, const char *line, size_t len);

void lines_init(struct lines *l);
void lines_release(struct lines *l);
/* Takes any bytes and calls fn for each line that they complete. */
void lines_feed(struct lines *l, const char *data, size_t len, lines_fn fn, void *arg);
/* The stream has ended: a last line without a newline is given out. */
void lines_finish(struct lines *l, lines_fn fn, void *arg);

#endif
