/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_STRVEC_H
#define MT_CORE_UTIL_STRVEC_H

/* A NULL-terminated vector of owned strings, for argv and environments. `v` is never NULL. */

#include <stddef.h>

#include "core/util/compiler.h"

struct strvec {
    char **v;
    size_t len;
    size_t cap;
};

extern char *strvec_empty[];
#define STRVEC_INIT ((struct strvec){.v = strvec_empty})

void strvec_init(struct strvec *sv);
void strvec_release(struct strvec *sv);
void strvec_clear(struct strvec *sv);
void strvec_push(struct strvec *sv, const char *s);
void strvec_pushf(struct strvec *sv, const char *fmt, ...) MT_PRINTF(2, 3);
/* Pushes each argument up to a terminating NULL. */
void strvec_pushl(struct strvec *sv, ...) __attribute__((sentinel));
void strvec_pushv(struct strvec *sv, const char *const *v);
/* KEY=VALUE lists: replaces the entry with the same key, or appends. */
void strvec_setenv(struct strvec *sv, const char *key, const char *value);
/* The value of KEY in a KEY=VALUE list, or NULL. */
const char *strvec_getenv(const struct strvec *sv, const char *key);
void strvec_sort(struct strvec *sv);
/* The index of `s`, or -1. */
int strvec_index(const struct strvec *sv, const char *s);
void strvec_remove(struct strvec *sv, size_t index);

#endif
