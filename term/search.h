/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SEARCH_H
#define MT_TERM_SEARCH_H

/* Plain text search over scrollback and screen. Smart case: an upper-case letter in the needle makes it exact (ASCII
 * letters fold). Lines are numbered as in select.h. A match never crosses a row's end. */

#include <stdbool.h>
#include <stddef.h>

#include "term/select.h"

struct search_match {
    size_t line;
    int col;  /* first column */
    int cols; /* columns it covers */
};

/* The nearest match after (forward) or before `from`, not at `from` itself; goes round once with `wrap`. */
bool search_find(struct vt *vt, const char *needle, struct select_pos from, bool forward, bool wrap,
                 struct search_match *out);
/* All matches in one line, at most `cap`; returns how many. For highlighting what is visible. */
size_t search_line(struct vt *vt, const char *needle, size_t line, struct search_match *out, size_t cap);

#endif
