/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/views/pager_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/wrap.h"

/* Frees the lines. */
static void drop_lines(struct pager_text *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->lines[i].text);
        free(t->lines[i].link);
    }
    free(t->lines);
    t->lines = NULL;
    t->count = t->cap = 0;
}

/* Wraps a line whose second part has a column of its own. */
static void wrap_at(struct pager_text *t, const struct pager_line *l)
{
    MT_CLEANUP(strbuf) struct strbuf piece = STRBUF_INIT;
    size_t at = 0, len = strlen(l->text);
    for (int cols = 0; at < len && cols < l->hang;) {
        int w = 0;
        at += utf8_cluster(l->text + at, len - at, &w);
        cols += w;
    }
    const char *rest = l->text + at;
    for (bool first = true; wrap_next(&rest, t->cols - l->hang, &piece) >= 0 || first; first = false) {
        strvec_pushf(&t->flat, "%*.*s%s", first ? 0 : l->hang, first ? (int)at : 0, first ? l->text : "", piece.buf);
    }
}

/* Wraps the lines from `first` on, behind what is wrapped already. */
static void wrap_from(struct pager_text *t, size_t first)
{
    for (size_t i = first; i < t->count; i++) {
        size_t from = t->flat.len;
        if (t->lines[i].hang && t->lines[i].hang < t->cols / 2) {
            wrap_at(t, &t->lines[i]);
        } else if (t->lines[i].text[0]) {
            wrap_hanging(t->lines[i].text, t->cols, &t->flat);
        } else {
            strvec_push(&t->flat, "");
        }
        if (t->flat.len > t->line_cap) {
            t->line_cap = t->flat.len * 2;
            t->line = xreallocarray(t->line, t->line_cap, sizeof(*t->line));
        }
        for (; from < t->flat.len; from++) {
            t->line[from] = i;
        }
    }
}

void pager_text_set(struct pager_text *t, struct pager_line *lines, size_t count)
{
    drop_lines(t);
    t->lines = lines;
    t->count = t->cap = count;
    t->cols = 0;
    t->widest = 0;
    for (size_t i = 0; i < count; i++) {
        int w = utf8_columns(lines[i].text, strlen(lines[i].text));
        t->widest = w > t->widest ? w : t->widest;
    }
}

/* Lets the oldest quarter go. */
static void trim(struct pager_text *t)
{
    size_t n = t->most / 4 + 1;
    for (size_t i = 0; i < n; i++) {
        free(t->lines[i].text);
        free(t->lines[i].link);
    }
    t->count -= n;
    t->gone += n;
    memmove(t->lines, t->lines + n, t->count * sizeof(*t->lines));
    t->cols = 0;
}

void pager_text_add(struct pager_text *t, enum theme_role role, const char *text)
{
    if (t->most && t->count >= t->most) {
        trim(t);
    }
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->lines = xreallocarray(t->lines, t->cap, sizeof(*t->lines));
    }
    t->lines[t->count++] = (struct pager_line){.role = role, .text = xstrdup(text)};
    int w = utf8_columns(text, strlen(text));
    t->widest = w > t->widest ? w : t->widest;
    if (t->cols) {
        wrap_from(t, t->count - 1);
    }
}

void pager_text_release(struct pager_text *t)
{
    drop_lines(t);
    strvec_release(&t->flat);
    free(t->line);
    *t = (struct pager_text){.flat = STRVEC_INIT};
}

void pager_text_wrap(struct pager_text *t, int cols)
{
    if (t->cols != cols) {
        t->cols = cols;
        strvec_clear(&t->flat);
        wrap_from(t, 0);
    }
}

/* Does the case of this needle matter? */
static bool has_upper(const char *s)
{
    for (; *s; s++) {
        if (isupper((unsigned char)*s)) {
            return true;
        }
    }
    return false;
}

long pager_text_match(const char *text, const char *needle, size_t from)
{
    size_t n = strlen(needle), len = strlen(text);
    bool exact = has_upper(needle);
    for (size_t i = from; n && i + n <= len; i++) {
        if (exact ? memcmp(text + i, needle, n) == 0 : strncasecmp(text + i, needle, n) == 0) {
            return (long)i;
        }
    }
    return -1;
}

size_t pager_text_find(const struct pager_text *t, const char *needle, size_t from, bool back)
{
    size_t n = t->flat.len;
    for (size_t k = 0; k < n; k++) {
        size_t at = back ? (from + 2 * n - 1 - k) % n : (from + k) % n;
        if (pager_text_match(t->flat.v[at], needle, 0) >= 0) {
            return at;
        }
    }
    return SIZE_MAX;
}
