/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_INI_H
#define MT_CORE_UTIL_INI_H

/* A small, strict reader of INI text: `key = value`, `[section]`, comments with # or ; at the beginning of a line.
 * Values may stand in double or single quotes, which are taken off; there are no escapes and no continued lines. */

#include <stddef.h>

#include "core/util/error.h"

#define INI_VALUE_MAX 4096

/* One entry. Strings are valid during the call; `section` is "" before the first one. Returns 0, or -1 and *err, which
 * ends the reading. */
typedef int (*ini_fn)(void *arg, const char *section, const char *key, const char *value, int line, struct error *err);

/* Reads `text`; errors are PARSE and say "NAME:LINE: what". Bytes that no text has (NUL, control characters, broken
 * UTF-8) are such an error. */
int ini_parse(const char *text, size_t len, const char *name, ini_fn fn, void *arg, struct error *err);

#endif
