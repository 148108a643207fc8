/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_HEX_H
#define MT_CORE_UTIL_HEX_H

/* The value of a hexadecimal digit of either case, -1 for anything else. */
static inline int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

#endif
