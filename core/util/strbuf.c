/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/strbuf.h"

#include <stdint.h>

#include "core/util/xmalloc.h"

/* Shared by all empty buffers, so that `buf` is never NULL; never written to. */
char strbuf_empty[1];

void strbuf_init(struct strbuf *sb)
{
    *sb = STRBUF_INIT;
}

void strbuf_release(struct strbuf *sb)
{
    if (sb->cap) {
        free(sb->buf);
    }
    strbuf_init(sb);
}

void strbuf_clear(struct strbuf *sb)
{
    strbuf_truncate(sb, 0);
}

void strbuf_reserve(struct strbuf *sb, size_t extra)
{
    if (extra >= SIZE_MAX / 2 - sb->len) {
        MT_BUG("string too large (%zu + %zu bytes)", sb->len, extra);
    }
    size_t need = sb->len + extra + 1;
    if (need <= sb->cap) {
        return;
    }
    size_t cap = MT_MAX(sb->cap + sb->cap / 2, (size_t)24);
    cap = MT_MAX(cap, need);
    char *buf = xrealloc(sb->cap ? sb->buf : NULL, cap);
    buf[sb->len] = '\0';
    sb->buf = buf;
    sb->cap = cap;
}

void strbuf_add(struct strbuf *sb, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    strbuf_reserve(sb, len);
    memcpy(sb->buf + sb->len, data, len);
    sb->len += len;
    sb->buf[sb->len] = '\0';
}

void strbuf_addstr(struct strbuf *sb, const char *s)
{
    strbuf_add(sb, s, strlen(s));
}

void strbuf_addch(struct strbuf *sb, char c)
{
    strbuf_add(sb, &c, 1);
}

void strbuf_add_quoted(struct strbuf *sb, const char *word)
{
    strbuf_addch(sb, '\'');
    for (const char *p = word; *p != '\0'; p++) {
        if (*p == '\'') {
            strbuf_addstr(sb, "'\\''");
        } else {
            strbuf_addch(sb, *p);
        }
    }
    strbuf_addch(sb, '\'');
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(sb, fmt, ap);
    va_end(ap);
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    strbuf_reserve(sb, 64);
    int n = vsnprintf(sb->buf + sb->len, sb->cap - sb->len, fmt, ap);
    if (n < 0) {
        MT_BUG("bad format: %s", fmt);
    }
    if ((size_t)n >= sb->cap - sb->len) {
        strbuf_reserve(sb, (size_t)n);
        n = vsnprintf(sb->buf + sb->len, sb->cap - sb->len, fmt, again);
    }
    va_end(again);
    sb->len += (size_t)n;
}

void strbuf_truncate(struct strbuf *sb, size_t len)
{
    if (len > sb->len) {
        MT_BUG("cannot cut %zu bytes to %zu", sb->len, len);
    }
    if (sb->cap) {
        sb->len = len;
        sb->buf[len] = '\0';
    }
}

void strbuf_consume(struct strbuf *sb, size_t n)
{
    if (n > sb->len) {
        MT_BUG("cannot take %zu of %zu bytes", n, sb->len);
    }
    if (n > 0) {
        memmove(sb->buf, sb->buf + n, sb->len - n);
        strbuf_truncate(sb, sb->len - n);
    }
}

char *strbuf_detach(struct strbuf *sb, size_t *len)
{
    strbuf_reserve(sb, 0);
    char *s = sb->buf;
    if (len) {
        *len = sb->len;
    }
    strbuf_init(sb);
    return s;
}

/* Moves `len` back while dst[len] would be cut in the middle of a UTF-8 sequence that began in dst. */
static size_t char_border(const char *dst, size_t len, unsigned char next)
{
    if ((next & 0xC0) != 0x80) {
        return len;
    }
    size_t i = len;
    while (i > 0 && len - i < 3 && ((unsigned char)dst[i - 1] & 0xC0) == 0x80) {
        i--;
    }
    return i > 0 && (unsigned char)dst[i - 1] >= 0xC0 ? i - 1 : len;
}

int str_format(char *dst, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(dst, cap, fmt, ap);
    va_end(ap);
    return n < 0 || (size_t)n >= cap ? -1 : 0;
}

int str_copy(char *dst, size_t cap, const char *src)
{
    if (cap == 0) {
        return -1;
    }
    size_t len = strnlen(src, cap);
    if (len < cap) {
        memcpy(dst, src, len + 1);
        return 0;
    }
    len = char_border(src, cap - 1, (unsigned char)src[cap - 1]);
    memcpy(dst, src, len);
    dst[len] = '\0';
    return -1;
}
