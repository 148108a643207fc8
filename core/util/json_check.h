/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_JSON_CHECK_H
#define MT_CORE_UTIL_JSON_CHECK_H

/* The strict grammar of RFC 8259, checked before cJSON sees a text. Used by json.c only. */

#include <stddef.h>

/* NULL when `text` is exactly one JSON value (UTF-8, no NUL in strings, nested at most 100); else what is wrong, a
 * static text, and where in *offset. */
const char *json_check(const char *text, size_t len, size_t *offset);

#endif
