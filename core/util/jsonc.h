/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_JSONC_H
#define MT_CORE_UTIL_JSONC_H

/* "JSON with comments", as editors write it (devcontainer.json): line and block comments, and a comma before a closing
 * bracket. What is left is checked by json_parse. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"

/* Appends `text` to *out with comments and such commas replaced by spaces, so that offsets stay what they were. Errors:
 * PARSE for a comment or text without an end. */
int jsonc_strip(const char *text, size_t len, struct strbuf *out, struct error *err);

#endif
