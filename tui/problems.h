/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_PROBLEMS_H
#define MT_TUI_PROBLEMS_H

/* What went wrong while the cockpit ran: a bounded list, newest first, fed by messages, failed operations and the
 * program's own log. Each entry says when, where, what, and what can be done about it. Pure: no drawing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBLEMS_MAX 200

struct problem {
    uint64_t wall_ms;
    bool error; /* else a warning */
    bool seen;
    unsigned times;   /* the same one in a row */
    char sandbox[96]; /* "" when it concerns none */
    char text[480];
    char hint[320]; /* or "" */
};

struct problems {
    struct problem *v; /* v[0] is the newest */
    size_t count;
    uint64_t log_seen; /* log_problem_count() so far */
};

/* Adds one; the same text as the newest one only counts up. */
void problems_add(struct problems *p, const struct problem *what);
/* Takes over warnings and errors that only the log knows of; they are listed, not announced. */
void problems_sync(struct problems *p);
void problems_dismiss(struct problems *p, size_t index);
void problems_clear(struct problems *p);
void problems_see(struct problems *p);
size_t problems_unseen(const struct problems *p);
void problems_release(struct problems *p);

#endif
