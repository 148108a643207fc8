/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_PATTERN_H
#define MT_TERM_PATTERN_H

/* What a person searches for, ready to be matched: a POSIX extended regular expression where the text is one, plain
 * text else. Smart case: an upper-case letter makes it exact (one behind a backslash does not). Host and cockpit match
 * by the same rules: one finds, the other highlights. */

#include <stdbool.h>
#include <stddef.h>

struct pattern;

/* Never fails: what does not compile is taken literally, and pattern_trouble says why. Owned by the caller. */
struct pattern *pattern_new(const char *needle);
void pattern_free(struct pattern *p);
/* Why a text with the signs of an expression is taken literally; NULL when there is nothing to say. Lives as long as
 * `p`. */
const char *pattern_trouble(const struct pattern *p);
/* The first match in text[from..len) that is not empty, in bytes, whole characters. `text` is UTF-8, needs no NUL and
 * is one logical line: ^ and $ are its ends. */
bool pattern_match(struct pattern *p, const char *text, size_t len, size_t from, size_t *start, size_t *end);

#endif
