/* SPDX-License-Identifier: Apache-2.0 */
#include "term/base64.h"

#include <stdint.h>

/* Value of a base64 digit; -1 for none. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *s, size_t len, struct strbuf *out)
{
    uint32_t bits = 0;
    int have = 0;
    while (len > 0 && s[len - 1] == '=') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        int v = base64_digit(s[i]);
        if (v < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            strbuf_addch(out, (char)(bits >> have & 0xff));
        }
    }
    return len % 4 != 1;
}
