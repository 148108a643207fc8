/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/wrap.h"

#include <string.h>

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

int wrap_count(const char *text, int cols)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    int n = 0;
    while (wrap_next(&text, cols, &line) >= 0) {
        n++;
    }
    return n;
}
