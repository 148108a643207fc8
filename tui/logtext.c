/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/logtext.h"

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

#define LINE_MAX_BYTES 4000

/* Length of the escape sequence at the start of s (s[0] is ESC). */
static size_t sequence(const char *s, size_t len)
{
    if (len < 2) {
        return len;
    }
    size_t i = 2;
    if (s[1] == '[') {
        while (i < len && !(s[i] >= 0x40 && s[i] <= 0x7e)) {
            i++;
        }
        return i < len ? i + 1 : len;
    }
    if (s[1] == ']' || s[1] == 'P' || s[1] == '_' || s[1] == '^' || s[1] == 'X') {
        for (; i < len; i++) {
            if (s[i] == '\a') {
                return i + 1;
            }
            if (s[i] == '\033') {
                return i + 1 < len && s[i + 1] == '\\' ? i + 2 : i;
            }
        }
        return len;
    }
    return s[1] >= 0x20 && s[1] <= 0x2f ? (len > 2 ? 3 : len) : 2;
}

/* Puts a finished line out. */
static void finish(struct strbuf *line, struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    while (line->len && line->buf[line->len - 1] == ' ') {
        strbuf_truncate(line, line->len - 1);
    }
    utf8_sanitize(&clean, line->buf, line->len, false);
    strvec_push(out, clean.buf);
    strbuf_clear(line);
}

void logtext_lines(const char *data, size_t len, struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    for (size_t i = 0; i < len;) {
        char c = data[i];
        if (c == '\033') {
            i += sequence(data + i, len - i);
            continue;
        }
        i++;
        if (c == '\n') {
            finish(&line, out);
        } else if (c == '\r') {
            /* What follows overwrites the line, unless the line ends here. */
            if (i < len && data[i] != '\n' && data[i] != '\r') {
                strbuf_clear(&line);
            }
        } else if (c == '\b') {
            strbuf_truncate(&line, line.len ? line.len - 1 : 0);
        } else if ((c == '\t' || (unsigned char)c >= 0x20) && line.len < LINE_MAX_BYTES) {
            strbuf_addch(&line, c);
        }
    }
    if (line.len) {
        finish(&line, out);
    }
}
