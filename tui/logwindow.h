/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_LOGWINDOW_H
#define MT_TUI_LOGWINDOW_H

/* A part of a log file, however large that is: its end first, then what is before or behind, and where a text stands.
 * Whole lines, never more than LOGWINDOW_BYTES of them at a time. The file may grow, be cut or be replaced meanwhile.
 * No drawing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/util/strbuf.h"

#define LOGWINDOW_BYTES (512u << 10)

struct logwindow {
    char *path;       /* owned */
    int64_t from, to; /* the part that was read last */
    int64_t size;     /* of the file, then */
    ino_t ino;
    bool over; /* nobody writes it any more: a last line without an end is a line */
};

void logwindow_init(struct logwindow *w, const char *path);
void logwindow_release(struct logwindow *w);
/* The file's last part, or its first. False: there is none. */
bool logwindow_tail(struct logwindow *w, struct strbuf *data);
bool logwindow_head(struct logwindow *w, struct strbuf *data);
/* Moves half a window towards the start; `*added` bytes of data come before what was there. False: that was the start.
 */
bool logwindow_back(struct logwindow *w, struct strbuf *data, size_t *added);
/* Moves half a window towards the end; the first `*kept` bytes of data were there. False: that was the end. */
bool logwindow_forward(struct logwindow *w, struct strbuf *data, size_t *kept);
enum logwindow_news { LOGWINDOW_SAME, LOGWINDOW_MORE, LOGWINDOW_ANEW /* another file, or a shorter one */ };
/* What came behind the part; `data` gets whole lines that are new, and they belong to the part from then on. */
enum logwindow_news logwindow_more(struct logwindow *w, struct strbuf *data);
/* A part outside of this one, behind or before it, in which the text stands (as pager_text_match() looks for it, in
 * cleaned lines). False: nowhere there. */
bool logwindow_find(struct logwindow *w, const char *needle, bool back, struct strbuf *data);

#endif
