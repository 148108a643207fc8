/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_TOKENS_H
#define MT_CORE_INFERENCE_TOKENS_H

/* Numbers of tokens in the answers of servers: a positive number or a string of digits, of a size that can be meant. */

#include <stdint.h>

#include "core/util/json.h"

/* 0: none. */
uint64_t tokens_read(const struct json *j);
/* The first of `keys` (NULL-terminated) below `j` (NULL allowed) that is one; 0: none. */
uint64_t tokens_first(const struct json *j, const char *const *keys);

#endif
