/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_XMALLOC_H
#define MT_CORE_UTIL_XMALLOC_H

/* Allocation that cannot fail: out of memory ends the process after the terminal was restored (mt_bug's path).
 * Sizes are checked for overflow. Everything returned is freed with free(). */

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t size);
/* Resizes an array of `count` elements of `size` bytes; overflow ends the process. */
void *xreallocarray(void *ptr, size_t count, size_t size);
char *xstrdup(const char *s);
/* NULL stays NULL. */
char *xstrdup_null(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For MT_CLEANUP(xfree) char *p: frees what the pointer points at. */
void xfree_release(void *ptr_to_ptr);

#endif
