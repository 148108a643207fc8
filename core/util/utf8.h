/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_UTF8_H
#define MT_CORE_UTIL_UTF8_H

/* UTF-8 decoding, validation, and the one table of character widths (Unicode 15.1) that grid, list and dialogs share.
 * Never trusts its input; never reads past the given length. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"

#define UTF8_REPLACEMENT 0xFFFDu

/* Decodes one code point. Returns the bytes used (>= 1 when len > 0, 0 when len == 0); a malformed sequence uses its
 * maximal invalid prefix and gives UTF8_REPLACEMENT (surrogates, overlong forms, > 10FFFF included). */
size_t utf8_decode(const char *s, size_t len, uint32_t *cp);
/* Encodes into dst[4]; returns 1..4. An invalid code point is encoded as UTF8_REPLACEMENT. */
size_t utf8_encode(uint32_t cp, char dst[4]);
bool utf8_is_valid(const char *s, size_t len);

/* Columns of one code point: 0 (combining, ZWJ, VS, other format), 1 or 2. Control characters: 0. Two-level table,
 * O(1). */
int utf8_width(uint32_t cp);
/* True for a letter or decimal number of any script (Unicode Alphabetic or Number categories): naming rule N4. */
bool utf8_is_alnum(uint32_t cp);
/* Columns of a string, as the screen will draw it: clusters (VS16, ZWJ, skin tones, flags) count once. */
int utf8_columns(const char *s, size_t len);
/* Length in bytes and columns of the first grapheme cluster. Returns bytes (0 only when len == 0). `columns` may
 * be NULL. */
size_t utf8_cluster(const char *s, size_t len, int *columns);
/* Appends `s` to `out` cut to at most `columns`; when cut and columns > 1 the last column is an ellipsis ("…", or "~"
 * with ascii). Returns the columns used. */
int utf8_fit(struct strbuf *out, const char *s, int columns, bool ascii);

/* Appends `s` with malformed bytes and control characters (C0, DEL, C1, bidi overrides, line separators) replaced by
 * U+FFFD (newline and tab by a space when !keep_newlines): for everything from a child, a file or a name before it
 * meets screen or log. */
void utf8_sanitize(struct strbuf *out, const char *s, size_t len, bool keep_newlines);

#endif
