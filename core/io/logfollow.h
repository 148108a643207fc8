/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LOGFOLLOW_H
#define MT_CORE_IO_LOGFOLLOW_H

/* Follows a file that others append to, as `tail -F` does: its last lines, then what comes. It may not be there yet, be
 * moved away and made anew, or be cut short. Woken by changes of its folder, never by a clock that ticks. Reads only
 * regular files, so much at a time that a flood starves nobody. */

#include <stddef.h>

#include "core/io/loop.h"
#include "core/util/error.h"

struct logfollow;

enum logfollow_news {
    LOGFOLLOW_ANEW, /* it is another file now: read from its start */
    LOGFOLLOW_CUT,  /* it became shorter: the same */
    LOGFOLLOW_SKIP, /* more came than is wanted: a part was left out; the next bytes begin within a line */
};

struct logfollow_opts {
    struct loop *loop;
    const char *path; /* absolute; copied */
    size_t lines;     /* of what stands in it already, at most; the last 256 KiB hold them */
    size_t behind;    /* of more bytes than these the oldest are left out; 0: none ever */
    /* Bytes as they are; whole lines are not promised. Never inside a call of ours; may close the logfollow. */
    void (*on_data)(void *arg, const char *data, size_t len);
    void (*on_news)(void *arg, enum logfollow_news news); /* the same; may be NULL */
    void *arg;
};

/* NULL and err when its folder is not there or cannot be watched. */
struct logfollow *logfollow_new(const struct logfollow_opts *opts, struct error *err);
void logfollow_close(struct logfollow *f); /* NULL allowed */

#endif
