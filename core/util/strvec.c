/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/strvec.h"

#include <limits.h>
#include <stdarg.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* Shared by all empty vectors, so that `v` is never NULL; never written to. */
char *strvec_empty[1];

void strvec_init(struct strvec *sv)
{
    *sv = STRVEC_INIT;
}

void strvec_release(struct strvec *sv)
{
    strvec_clear(sv);
    if (sv->cap) {
        free(sv->v);
    }
    strvec_init(sv);
}

void strvec_clear(struct strvec *sv)
{
    for (size_t i = 0; i < sv->len; i++) {
        free(sv->v[i]);
    }
    if (sv->cap) {
        sv->v[0] = NULL;
    }
    sv->len = 0;
}

/* Appends `s`, which the vector owns from now on. */
static void push_take(struct strvec *sv, char *s)
{
    if (sv->len + 2 > sv->cap) {
        size_t cap = MT_MAX(sv->cap * 2, (size_t)8);
        sv->v = xreallocarray(sv->cap ? sv->v : NULL, cap, sizeof(*sv->v));
        sv->cap = cap;
    }
    sv->v[sv->len++] = s;
    sv->v[sv->len] = NULL;
}

void strvec_push(struct strvec *sv, const char *s)
{
    push_take(sv, xstrdup(s));
}

void strvec_pushf(struct strvec *sv, const char *fmt, ...)
{
    struct strbuf sb = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&sb, fmt, ap);
    va_end(ap);
    push_take(sv, strbuf_detach(&sb, NULL));
}

void strvec_pushl(struct strvec *sv, ...)
{
    va_list ap;
    const char *s;
    va_start(ap, sv);
    while ((s = va_arg(ap, const char *)) != NULL) {
        strvec_push(sv, s);
    }
    va_end(ap);
}

void strvec_pushv(struct strvec *sv, const char *const *v)
{
    for (; *v; v++) {
        strvec_push(sv, *v);
    }
}

/* The index of KEY's entry, or -1. */
static int find_key(const struct strvec *sv, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < sv->len; i++) {
        if (strncmp(sv->v[i], key, n) == 0 && sv->v[i][n] == '=') {
            return (int)i;
        }
    }
    return -1;
}

void strvec_setenv(struct strvec *sv, const char *key, const char *value)
{
    char *entry = xasprintf("%s=%s", key, value);
    int i = find_key(sv, key);
    if (i < 0) {
        push_take(sv, entry);
        return;
    }
    free(sv->v[i]);
    sv->v[i] = entry;
}

const char *strvec_getenv(const struct strvec *sv, const char *key)
{
    int i = find_key(sv, key);
    return i < 0 ? NULL : sv->v[i] + strlen(key) + 1;
}

/* qsort's order: bytes. */
static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strvec_sort(struct strvec *sv)
{
    if (sv->len > 1) {
        qsort(sv->v, sv->len, sizeof(*sv->v), compare);
    }
}

int strvec_index(const struct strvec *sv, const char *s)
{
    for (size_t i = 0; i < sv->len; i++) {
        if (strcmp(sv->v[i], s) == 0) {
            return i > INT_MAX ? -1 : (int)i;
        }
    }
    return -1;
}

void strvec_remove(struct strvec *sv, size_t index)
{
    if (index >= sv->len) {
        MT_BUG("no element %zu of %zu", index, sv->len);
    }
    free(sv->v[index]);
    /* The terminating NULL moves too. */
    memmove(sv->v + index, sv->v + index + 1, (sv->len - index) * sizeof(*sv->v));
    sv->len--;
}
