/* SPDX-License-Identifier: Apache-2.0 */
#include "term/search.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/grid.h"

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* One search: the needle, the row under it as text, and each byte's column. */
struct finder {
    struct vt *vt;
    const char *needle;
    size_t len;
    bool exact;
    int cols;
    struct cell *cells;
    struct strbuf text;
    int *column; /* [text.len + 1] */
    size_t column_cap;
};

static void finder_init(struct finder *f, struct vt *vt, const char *needle)
{
    *f = (struct finder){.vt = vt, .needle = needle, .len = strlen(needle), .cols = GRID_MAX, .text = STRBUF_INIT};
    for (const char *p = needle; *p != '\0'; p++) {
        f->exact = f->exact || (*p >= 'A' && *p <= 'Z');
    }
    f->cells = xcalloc((size_t)f->cols, sizeof(*f->cells));
}

static void finder_release(struct finder *f)
{
    free(f->cells);
    free(f->column);
    strbuf_release(&f->text);
}

/* A quick look at a packed line's text: most lines do not match and need no unpacking. */
static bool text_matches(const struct finder *f, const char *at)
{
    for (size_t i = 0; i < f->len; i++) {
        if (at[i] != f->needle[i] && (f->exact || fold(at[i]) != f->needle[i])) {
            return false;
        }
    }
    return true;
}

static bool text_contains(const struct finder *f)
{
    for (size_t i = 0; i + f->len <= f->text.len; i++) {
        if (text_matches(f, f->text.buf + i)) {
            return true;
        }
    }
    return false;
}

/* The row's cells as text, and the column of each byte. */
static void map_columns(struct finder *f)
{
    strbuf_clear(&f->text);
    for (int col = 0; col < f->cols; col++) {
        char buf[8];
        size_t len = 0;
        if (f->cells[col].width == 0) {
            continue;
        }
        const char *text = cluster_text(vt_clusters(f->vt), f->cells[col].ch, buf, &len);
        if (f->text.len + len + 1 > f->column_cap) {
            f->column_cap = (f->text.len + len + 1) * 2;
            f->column = xreallocarray(f->column, f->column_cap, sizeof(*f->column));
        }
        for (size_t i = 0; i < len; i++) {
            f->column[f->text.len + i] = col;
        }
        strbuf_add(&f->text, text, len);
        f->column[f->text.len] = col + f->cells[col].width;
    }
}

/* Loads a line; false when it cannot hold a match. */
static bool load_line(struct finder *f, size_t line)
{
    size_t history = vt_history_count(f->vt);
    if (line < history) {
        strbuf_clear(&f->text);
        vt_history_text(f->vt, history - 1 - line, &f->text, NULL);
        if (!text_contains(f)) {
            return false;
        }
    }
    if (f->len == 0 || select_line(f->vt, line, f->cells, f->cols, NULL) < 0) {
        return false;
    }
    map_columns(f);
    return true;
}

/* The first match in the loaded line at or after byte *at; moves *at past its first byte. */
static bool next_match(struct finder *f, size_t line, size_t *at, struct search_match *out)
{
    for (; *at + f->len <= f->text.len; ++*at) {
        if (text_matches(f, f->text.buf + *at)) {
            int end = f->column[*at + f->len - 1];
            end += f->cells[end].width;
            *out = (struct search_match){line, f->column[*at], end - f->column[*at]};
            ++*at;
            return true;
        }
    }
    return false;
}

/* The match of a line nearest to a bound: the first with col > after, or the last with col < before. */
static bool pick(struct finder *f, size_t line, bool forward, int bound, struct search_match *out)
{
    struct search_match m;
    size_t at = 0;
    bool found = false;
    if (!load_line(f, line)) {
        return false;
    }
    while (next_match(f, line, &at, &m)) {
        if (forward ? m.col > bound : m.col < bound) {
            *out = m;
            found = true;
            if (forward) {
                break;
            }
        }
    }
    return found;
}

bool search_find(struct vt *vt, const char *needle, struct select_pos from, bool forward, bool wrap,
                 struct search_match *out)
{
    struct finder f;
    size_t count = select_line_count(vt);
    bool found = false;
    if (*needle == '\0') {
        return false;
    }
    finder_init(&f, vt, needle);
    from.line = MT_MIN(from.line, count - 1);
    size_t line = from.line;
    int bound = from.col;
    for (size_t step = 0; step <= count && !found; step++) {
        found = pick(&f, line, forward, bound, out);
        bound = forward ? -1 : f.cols;
        bool at_end = forward ? line + 1 == count : line == 0;
        if (at_end && !wrap) {
            break;
        }
        line = forward ? (at_end ? 0 : line + 1) : (at_end ? count - 1 : line - 1);
    }
    finder_release(&f);
    return found;
}

size_t search_line(struct vt *vt, const char *needle, size_t line, struct search_match *out, size_t cap)
{
    struct finder f;
    size_t n = 0, at = 0;
    if (*needle == '\0') {
        return 0;
    }
    finder_init(&f, vt, needle);
    if (load_line(&f, line)) {
        while (n < cap && next_match(&f, line, &at, &out[n])) {
            at += f.len - 1;
            n++;
        }
    }
    finder_release(&f);
    return n;
}
