/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_RFC3339_H
#define MT_BACKENDS_RFC3339_H

/* Points in time as runtimes print them. Pure. */

#include <stdint.h>

/* "2026-08-07T18:36:05Z", with or without a fraction, an offset, a space for the T -> milliseconds since 1970; 0 for
 * what is none or lies before. NULL allowed. */
uint64_t rfc3339_parse(const char *text);

#endif
