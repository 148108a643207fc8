/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/jsonc.h"

#include <string.h>

/* The end of what begins at `i`: behind the closing quote, the line's end, or the comment's. 0: there is none. */
static size_t end_of(const char *text, size_t len, size_t i)
{
    if (text[i] == '"') {
        for (size_t k = i + 1; k < len; k++) {
            if (text[k] == '\\') {
                k++;
            } else if (text[k] == '"') {
                return k + 1;
            }
        }
        return 0;
    }
    if (text[i + 1] == '/') {
        const char *eol = memchr(text + i, '\n', len - i);
        return eol != NULL ? (size_t)(eol - text) : len;
    }
    for (size_t k = i + 2; k + 1 < len; k++) {
        if (text[k] == '*' && text[k + 1] == '/') {
            return k + 2;
        }
    }
    return 0;
}

/* Spaces instead of what is dropped; line ends stay. */
static void blank(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        strbuf_addch(out, text[i] == '\n' || text[i] == '\r' ? text[i] : ' ');
    }
}

int jsonc_strip(const char *text, size_t len, struct strbuf *out, struct error *err)
{
    const size_t none = (size_t)-1;
    size_t comma = none; /* where the last comma stands in *out while only white space followed it */
    for (size_t i = 0; i < len;) {
        bool quoted = text[i] == '"';
        bool comment = text[i] == '/' && i + 1 < len && (text[i + 1] == '/' || text[i + 1] == '*');
        if (quoted || comment) {
            size_t end = end_of(text, len, i);
            if (end == 0) {
                return error_set(err, ERROR_PARSE, "byte %zu: a %s without an end", i, quoted ? "text" : "comment");
            }
            if (quoted) {
                strbuf_add(out, text + i, end - i);
                comma = none;
            } else {
                blank(out, text + i, end - i);
            }
            i = end;
            continue;
        }
        if ((text[i] == '}' || text[i] == ']') && comma != none) {
            out->buf[comma] = ' ';
        }
        if (text[i] == ',') {
            comma = out->len;
        } else if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') {
            comma = none;
        }
        strbuf_addch(out, text[i]);
        i++;
    }
    return 0;
}
