/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_PLAINLOG_H
#define MT_TUI_PLAINLOG_H

/* What a terminal was sent, as lines of plain text: escape sequences and control characters are gone, a line that was
 * written over (progress) stands there once, as it was left. Bytes of a stranger in, text that any terminal or file may
 * have out. */

#include <stdbool.h>
#include <stddef.h>

#include "term/sanitize.h"

#define PLAINLOG_LINE_MAX 65536 /* bytes; a longer line is told in pieces */

struct plainlog {
    struct sanitizer in;
    struct strbuf line;
    bool returned; /* the next text is written over the line */
    void (*on_line)(void *arg, const char *line, size_t len);
    void *arg;
};

/* on_line: UTF-8 without its newline, ended by a NUL. */
void plainlog_init(struct plainlog *p, void (*on_line)(void *arg, const char *line, size_t len), void *arg);
void plainlog_feed(struct plainlog *p, const char *data, size_t len);
/* Tells the line that has no end, if there is one. */
void plainlog_end(struct plainlog *p);
void plainlog_release(struct plainlog *p);

#endif
