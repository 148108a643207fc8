/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_MATCH_H
#define MT_TUI_MATCH_H

/* Matching for the list's filter (every word as a piece of the text) and for the palette (letters in order, scored).
 * Pure. Smart case: an upper-case ASCII letter in the needle makes it exact. Matched bytes are marked so that views can
 * show why something is listed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_BYTES 320

/* hit[i]: byte i of the text belongs to the match. */
struct match {
    int score; /* greater is better */
    uint8_t hit[MATCH_BYTES];
};

/* Every blank-separated word of `needle` occurs somewhere in `text`. An empty needle matches all. `out` may be NULL. */
bool match_words(const char *needle, const char *text, struct match *out);
/* The letters of `needle` occur in `text` in order; better when together, at word starts, and early. `out` may be NULL.
 */
bool match_fuzzy(const char *needle, const char *text, struct match *out);

#endif
