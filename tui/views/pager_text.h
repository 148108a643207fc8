/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VIEWS_PAGER_TEXT_H
#define MT_TUI_VIEWS_PAGER_TEXT_H

/* The lines of a pager, wrapped for a width, and searched. Pure. Lines added at the end are wrapped alone; only a new
 * width, or lines gone from the start, wrap everything anew. */

#include "core/util/strvec.h"
#include "tui/overlay.h"

struct pager_text {
    struct pager_line *lines;
    size_t count, cap;
    size_t most, gone; /* bound (0: none), and how many lines went beyond it */
    /* As wrapped. */
    int cols; /* 0: not yet */
    struct strvec flat;
    size_t *line, line_cap; /* which of the lines each belongs to */
    int widest;             /* columns of the widest line */
};

/* Takes the lines over. */
void pager_text_set(struct pager_text *t, struct pager_line *lines, size_t count);
void pager_text_add(struct pager_text *t, enum theme_role role, const char *text);
void pager_text_release(struct pager_text *t);
void pager_text_wrap(struct pager_text *t, int cols);
/* The wrapped row with the needle (case does not matter when it is all lower case) at or after `from`, or before it
 * when `back`; round the ends. SIZE_MAX: nowhere. */
size_t pager_text_find(const struct pager_text *t, const char *needle, size_t from, bool back);
/* The first place of the needle in a text at or after byte `from`, or -1. */
long pager_text_match(const char *text, const char *needle, size_t from);

#endif
