/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/tokens.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 1e12

uint64_t tokens_read(const struct json *j)
{
    const char *s = json_string(j);
    double n = json_is_number(j) ? json_number(j) : 0;
    if (s != NULL && s[0] != '\0' && strlen(s) <= 12 && strspn(s, "0123456789") == strlen(s)) {
        n = strtod(s, NULL);
    }
    return n >= 1 && n <= TOKENS_MAX ? (uint64_t)n : 0;
}

uint64_t tokens_first(const struct json *j, const char *const *keys)
{
    for (; j != NULL && *keys != NULL; keys++) {
        uint64_t n = tokens_read(json_get(j, *keys));
        if (n != 0) {
            return n;
        }
    }
    return 0;
}
