/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/wrap.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"

int wrap_next(const char **text, int cols, struct strbuf *line)
{
    const char *s = *text;
    size_t len = strcspn(s, "\n"), used = 0, fit = 0;
    int at = 0, fit_cols = 0;
    if (!*s) {
        return -1;
    }
    while (used < len) {
        int w = 0;
        size_t n = utf8_cluster(s + used, len - used, &w);
        if (at + w > cols && used > 0) {
            break;
        }
        at += w;
        used += n;
        if (used == len || s[used] == ' ') {
            fit = used;
            fit_cols = at;
        }
    }
    if (fit == 0) { /* a word longer than the line is cut */
        fit = used;
        fit_cols = at;
    }
    strbuf_clear(line);
    strbuf_add(line, s, fit);
    s += fit;
    *text = s + (*s == ' ' || *s == '\n');
    return fit_cols;
}

void wrap_phrases(const char *text, int cols, struct strbuf *line)
{
    size_t len = strlen(text), end = utf8_columns(text, len) <= cols ? len : 0;
    for (size_t i = 1; end < len && i + 1 < len; i++) {
        bool mark = (strchr(",:;", text[i]) != NULL && text[i + 1] == ' ') || (text[i] == ' ' && text[i + 1] == '(');
        if (mark && utf8_columns(text, i) > cols) {
            break;
        }
        end = mark ? i : end;
    }
    strbuf_clear(line);
    if (end == 0) {
        wrap_next(&text, cols, line);
    } else {
        strbuf_add(line, text, end);
    }
}

int wrap_count(const char *text, int cols)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    int n = 0;
    while (wrap_next(&text, cols, &line) >= 0) {
        n++;
    }
    return n;
}

/* A margin or a name with two blanks behind it is no wider than this. */
#define HANG_MAX 16

/* Bytes of the margin, or of the name and the blanks behind it; 0: none. Only ASCII counts, so bytes are columns. */
static size_t hang_of(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && line[i] == ' ') {
        i++;
    }
    for (size_t k = i; i == 0 && k + 1 < len && k < HANG_MAX; k++) {
        if ((unsigned char)line[k] >= 0x80) {
            return 0;
        }
        if (line[k] == ' ' && line[k + 1] == ' ') {
            i = k + strspn(line + k, " ");
        }
    }
    return i <= HANG_MAX && i < len ? i : 0;
}

void wrap_hanging(const char *text, int cols, struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf para = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf piece = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    while (*text) {
        size_t len = strcspn(text, "\n"), hang = hang_of(text, len);
        hang = (int)hang * 2 <= cols ? hang : 0;
        strbuf_clear(&para);
        strbuf_add(&para, text + hang, len - hang);
        strbuf_clear(&line);
        strbuf_add(&line, text, hang);
        const char *rest = para.buf;
        do {
            strbuf_clear(&piece);
            wrap_next(&rest, MT_MAX(cols - (int)hang, 1), &piece);
            strbuf_add(&line, piece.buf, piece.len);
            strvec_push(out, line.buf);
            strbuf_clear(&line);
            strbuf_addf(&line, "%*s", (int)hang, "");
        } while (*rest);
        text += len + (text[len] == '\n');
    }
}
