/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/xmalloc.h"

#include <stdarg.h>
#include <stdint.h>

#include "core/util/compiler.h"

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) {
        MT_BUG("out of memory (%zu bytes)", size);
    }
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p) {
        MT_BUG("out of memory (%zu x %zu bytes)", count, size);
    }
    return p;
}

void *xrealloc(void *ptr, size_t size)
{
    void *p = realloc(ptr, size ? size : 1);
    if (!p) {
        MT_BUG("out of memory (%zu bytes)", size);
    }
    return p;
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        MT_BUG("allocation too large (%zu x %zu bytes)", count, size);
    }
    return xrealloc(ptr, count * size);
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrdup_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = xmalloc(len + 1);
    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0) {
        MT_BUG("out of memory, or a bad format: %s", fmt);
    }
    return s;
}

void xfree_release(void *ptr_to_ptr)
{
    void *p;
    memcpy(&p, ptr_to_ptr, sizeof(p));
    free(p);
}
