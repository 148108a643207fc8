/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_STRBUF_H
#define MT_CORE_UTIL_STRBUF_H

/* A growing byte string for building text. `buf` is never NULL and always NUL-terminated at buf[len]; bytes may hold
 * NUL. */

#include <stdarg.h>
#include <stddef.h>

#include "core/util/compiler.h"

struct strbuf {
    char *buf;
    size_t len;
    size_t cap; /* 0: buf is the shared empty string */
};

extern char strbuf_empty[];
#define STRBUF_INIT ((struct strbuf){.buf = strbuf_empty})

void strbuf_init(struct strbuf *sb);
void strbuf_release(struct strbuf *sb); /* frees and re-initialises */
void strbuf_clear(struct strbuf *sb);   /* len = 0, keeps the memory */
void strbuf_reserve(struct strbuf *sb, size_t extra);
void strbuf_add(struct strbuf *sb, const void *data, size_t len);
void strbuf_addstr(struct strbuf *sb, const char *s);
void strbuf_addch(struct strbuf *sb, char c);
/* The word in single quotes, so that a shell reads it as it is. */
void strbuf_add_quoted(struct strbuf *sb, const char *word);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) MT_PRINTF(2, 3);
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap) MT_PRINTF(2, 0);
void strbuf_truncate(struct strbuf *sb, size_t len);
/* Removes `n` bytes from the front. */
void strbuf_consume(struct strbuf *sb, size_t n);
/* Gives the string to the caller (free()); the buffer is empty afterwards. */
char *strbuf_detach(struct strbuf *sb, size_t *len);

/* snprintf into a fixed field. Returns 0, or -1 when the text was cut (the field is terminated all the same). */
int str_format(char *dst, size_t cap, const char *fmt, ...) MT_PRINTF(3, 4);
/* strlcpy's job: copies, always terminates; -1 when cut. UTF-8 is cut at a character's border. */
int str_copy(char *dst, size_t cap, const char *src);

#endif
