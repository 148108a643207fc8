/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_BASE64_H
#define MT_TERM_BASE64_H

/* Base64, as control strings carry text. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/strbuf.h"

/* Appends the decoded bytes; false when it is not valid base64. */
bool base64_decode(const char *s, size_t len, struct strbuf *out);

#endif
