/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SEARCH_H
#define MT_TERM_SEARCH_H

/* Searching scrollback and screen, in steps: a million lines never hold up the host, which does a few milliseconds of
 * it a turn and drops it when it is not wanted any more. Lines have absolute numbers (vt_history_total - count is the
 * oldest), which stay right while output goes on. A text is matched over soft-wrapped rows (pattern.h says how). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "term/select.h"

/* Matches are counted up to this many. */
#define SEARCH_COUNT_MAX 1000

enum search_kind {
    SEARCH_TEXT,
    SEARCH_PROMPT, /* the row where a shell's prompt begins (OSC 133 A); never goes round */
    SEARCH_OUTPUT, /* the rows of the last command that printed something, at `line` or before (OSC 133 C to D) */
};

struct search_opts {
    enum search_kind kind;
    const char *needle; /* copied */
    uint64_t line;      /* what begins at this place is found last, unless `here` */
    int col;
    bool backward;
    bool here;  /* what begins at the place itself is as good as the next */
    bool wrap;  /* goes round at the ends */
    bool count; /* after it was found: how many there are */
};

struct search_result {
    bool found, wrapped;
    uint64_t line, end_line;
    int col, end_col;      /* end_col: behind the last cell */
    uint32_t total, index; /* with `count`, when done: matches, and which of them it is; index 0: not among the first */
    bool capped;           /* there are more than were counted */
};

enum search_state {
    SEARCH_LOOKING,
    SEARCH_COUNTING, /* the result has the place; only the numbers are missing */
    SEARCH_DONE,
};

struct search;
/* Remembers `vt`, which must outlive it, and may be fed and resized between the steps. */
struct search *search_new(struct vt *vt, const struct search_opts *opts);
void search_free(struct search *s);
/* Works until the state changes or the monotonic clock (ns) is past `until_ns`, at least for one logical line, or a
 * few hundred rows that were not counted yet at this width. */
enum search_state search_step(struct search *s, uint64_t until_ns);
const struct search_result *search_result(const struct search *s);

#endif
