/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "term/select.h"
#include "tui/pane.h"

/* Copying more lines than this at once is cut: the outer terminal would not take it either. */
#define YANK_MAX_LINES 50000
#define YANK_CHUNK 500

/* A copy in progress: scrollback is fetched in pieces, the screen's rows are at hand. */
struct pane_yank {
    char id[SESSION_ID_MAX];
    uint64_t from, to, next;
    int from_col, to_col;
    bool linewise;
    size_t lines;
    bool joined; /* the last line wrapped into this one */
    struct strbuf text;
};

/* Number of the first screen row. */
static uint64_t screen_start(const struct session_screen *sc)
{
    return sc->history_first + sc->history_lines;
}

void pane_copy_drop(struct pane *p)
{
    copymode_end(&p->copy);
    free(p->cache.cells);
    free(p->cache.wrapped);
    p->cache = (struct pane_cache){.asked = p->cache.asked};
}

void pane_copy_begin(struct pane *p)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    if (!sc || p->copy.active) {
        return;
    }
    uint64_t start = screen_start(sc);
    copymode_begin(&p->copy, p->cols, p->rows, sc->history_first, start + (uint64_t)sc->rows,
                   start + (uint64_t)sc->cursor_row, sc->cursor_col);
    pane_copy_fill(p);
    p->events.on_dirty(p->events.arg);
}

void pane_copy_end(struct pane *p)
{
    pane_copy_drop(p);
    p->events.on_dirty(p->events.arg);
}

/* Cells of a line from the cache or the mirror. */
static const struct cell *row_cells(const struct pane *p, uint64_t line, int *count)
{
    const struct session_screen *sc = sessions_screen(p->sessions, p->id);
    if (!sc) {
        return NULL;
    }
    if (line >= screen_start(sc)) {
        *count = sc->cols;
        uint64_t row = line - screen_start(sc);
        return row < (uint64_t)sc->rows ? sessions_row(p->sessions, p->id, (int)row, NULL) : NULL;
    }
    if (line < p->cache.first || line >= p->cache.first + p->cache.count) {
        return NULL;
    }
    *count = p->cache.cols;
    return p->cache.cells + (size_t)(line - p->cache.first) * (size_t)p->cache.cols;
}

const struct cell *pane_copy_row(void *arg, uint64_t line, int *count)
{
    return row_cells(arg, line, count);
}

/* A window of scrollback arrived. */
static void on_history(void *arg, uint64_t first, size_t count, int cols, const struct cell *cells, const bool *wrapped,
                       const struct error *err)
{
    struct pane *p = arg;
    p->cache.asked = false;
    if (err || !p->copy.active) {
        return;
    }
    free(p->cache.cells);
    free(p->cache.wrapped);
    p->cache.cells = NULL;
    p->cache.wrapped = NULL;
    p->cache.first = first;
    p->cache.count = count;
    p->cache.cols = cols;
    if (count && cols > 0) {
        p->cache.cells = xreallocarray(NULL, count * (size_t)cols, sizeof(*cells));
        memcpy(p->cache.cells, cells, count * (size_t)cols * sizeof(*cells));
        p->cache.wrapped = xreallocarray(NULL, count, sizeof(bool));
        memcpy(p->cache.wrapped, wrapped, count * sizeof(bool));
    }
    p->events.on_dirty(p->events.arg);
}

void pane_copy_fill(struct pane *p)
{
    const struct session_screen *sc = sessions_screen(p->sessions, p->id);
    if (!sc || !p->copy.active || p->cache.asked) {
        return;
    }
    uint64_t end = screen_start(sc), rows = (uint64_t)MT_MAX(p->rows, 1);
    uint64_t from = p->copy.top, to = MT_MIN(p->copy.top + rows, end);
    if (from >= to || (from >= p->cache.first && to <= p->cache.first + p->cache.count)) {
        return;
    }
    from = MT_MAX(from > rows * 3 ? from - rows * 3 : 0, sc->history_first);
    to = MT_MIN(p->copy.top + rows * 4, end);
    p->cache.asked =
        sessions_history(p->sessions, p->id, from, (size_t)(to - from), sc->cols, on_history, p, NULL) == 0;
}

/* The match of a search, and the selection, over the drawn row. */
static void mark_row(const struct pane *p, struct surface *s, struct rect r, int y, uint64_t line,
                     const struct theme *t)
{
    const struct copymode *c = &p->copy;
    uint64_t a, b;
    int ca, cb;
    if (copymode_range(c, &a, &ca, &b, &cb) && line >= a && line <= b) {
        int from = line == a ? ca : 0, to = line == b ? cb : r.w - 1;
        surface_tint(s, (struct rect){r.x + from, r.y + y, to - from + 1, 1}, theme_style(t, THEME_COPY_SELECTION));
    }
    if (c->has_match && c->match_line == line) {
        surface_tint(s, (struct rect){r.x + c->match_col, r.y + y, c->match_len, 1}, theme_style(t, THEME_MATCH));
    }
}

void pane_copy_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t)
{
    const struct copymode *c = &p->copy;
    for (int y = 0; y < r.h; y++) {
        uint64_t line = c->top + (uint64_t)y;
        int count = 0;
        const struct cell *cells = line < c->end ? row_cells(p, line, &count) : NULL;
        if (cells) {
            surface_blit(s, r.x, r.y + y, cells, MT_MIN(count, r.w), sessions_clusters(p->sessions, p->id));
            pane_theme_defaults(s, (struct rect){r.x, r.y + y, MT_MIN(count, r.w), 1}, theme_style(t, THEME_TEXT));
        } else if (line < c->end) {
            surface_text(s, r.x, r.y + y, r.w, theme_style(t, THEME_DIM), "...");
        }
        mark_row(p, s, r, y, line, t);
    }
    if (c->line >= c->top && c->line < c->top + (uint64_t)r.h) {
        s->cursor.visible = p->focused;
        s->cursor.x = r.x + MT_MIN(c->col, r.w - 1);
        s->cursor.y = r.y + (int)(c->line - c->top);
        s->cursor.shape = 2;
    }
    char place[64];
    uint64_t below = c->end > c->top + (uint64_t)r.h ? c->end - c->top - (uint64_t)r.h : 0;
    str_format(place, sizeof(place), " %llu/%llu ", (unsigned long long)below, (unsigned long long)(c->end - c->first));
    surface_text_right(s, r.x + r.w, r.y, r.w, theme_style(t, THEME_NOTICE), place);
}

/* One line's share of the copied text. */
static void yank_line(struct pane_yank *y, const struct cell *cells, int cols, bool wrapped,
                      const struct cluster_table *clusters)
{
    int from = y->next == y->from && !y->linewise ? y->from_col : 0;
    int to = y->next == y->to && !y->linewise ? MT_MIN(y->to_col + 1, cols) : cols;
    if (y->next > y->from && !y->joined) {
        strbuf_addch(&y->text, '\n');
    }
    select_cells(&y->text, cells, MT_MIN(from, cols), to, clusters, !wrapped);
    y->joined = wrapped;
    y->next++;
}

static void yank_step(struct pane *p);

/* The copy is whole (or what there was of it). */
static void yank_finish(struct pane *p)
{
    struct pane_yank *y = p->yank;
    p->yank = NULL;
    if (y->linewise) {
        strbuf_addch(&y->text, '\n');
    }
    char said[80];
    str_format(said, sizeof(said), y->lines == 1 ? "Copied %zu bytes" : "Copied %zu bytes, %zu lines", y->text.len,
               y->lines);
    p->events.on_copied(p->events.arg, y->text.buf, y->text.len);
    p->events.on_message(p->events.arg, said);
    strbuf_release(&y->text);
    free(y);
}

/* A piece of scrollback for the copy. */
static void on_yank_history(void *arg, uint64_t first, size_t count, int cols, const struct cell *cells,
                            const bool *wrapped, const struct error *err)
{
    struct pane *p = arg;
    struct pane_yank *y = p->yank;
    if (!y) {
        return;
    }
    for (size_t i = 0; !err && i < count; i++) {
        if (first + i >= y->next && y->next <= y->to) {
            y->next = first + i;
            yank_line(y, cells + i * (size_t)cols, cols, wrapped[i], sessions_clusters(p->sessions, y->id));
        }
    }
    if (err || count == 0) {
        const struct session_screen *sc = sessions_screen(p->sessions, y->id);
        y->next = sc ? MT_MAX(y->next, screen_start(sc)) : y->to + 1; /* those lines are gone */
    }
    yank_step(p);
}

/* Takes the screen's lines, or asks for the next piece of scrollback. */
static void yank_step(struct pane *p)
{
    struct pane_yank *y = p->yank;
    const struct session_screen *sc = sessions_screen(p->sessions, y->id);
    while (sc && y->next <= y->to) {
        if (y->next < screen_start(sc)) {
            size_t n = (size_t)MT_MIN(MT_MIN(y->to, screen_start(sc) - 1) - y->next + 1, (uint64_t)YANK_CHUNK);
            if (sessions_history(p->sessions, y->id, y->next, n, sc->cols, on_yank_history, p, NULL) == 0) {
                return;
            }
            break;
        }
        bool wrapped = false;
        const struct cell *cells = sessions_row(p->sessions, y->id, (int)(y->next - screen_start(sc)), &wrapped);
        if (!cells) {
            break;
        }
        yank_line(y, cells, sc->cols, wrapped, sessions_clusters(p->sessions, y->id));
    }
    yank_finish(p);
}

void pane_copy_yank(struct pane *p)
{
    if (!p->copy.active || p->yank) {
        return;
    }
    if (!p->copy.selecting) {
        copymode_select(&p->copy, true);
    }
    struct pane_yank *y = xcalloc(1, sizeof(*y));
    strbuf_init(&y->text);
    str_copy(y->id, sizeof(y->id), p->id);
    copymode_range(&p->copy, &y->from, &y->from_col, &y->to, &y->to_col);
    y->linewise = p->copy.linewise;
    if (y->to - y->from >= YANK_MAX_LINES) {
        y->to = y->from + YANK_MAX_LINES - 1;
    }
    y->next = y->from;
    y->lines = (size_t)(y->to - y->from + 1);
    p->yank = y;
    pane_copy_end(p);
    yank_step(p);
}

/* The host found it, or not. */
static void on_found(void *arg, const struct sessions_hit *hit, const struct error *err)
{
    struct pane *p = arg;
    bool found = hit->found;
    uint64_t line = hit->line;
    int col = hit->col, len = hit->end_line == line ? hit->end_col - col : p->cols - col;
    if (err || !found) {
        char text[200];
        str_format(text, sizeof(text), err ? "%s" : "Not found: %s", err ? err->msg : p->needle);
        p->events.on_message(p->events.arg, text);
        return;
    }
    if (!p->copy.active) {
        return;
    }
    bool before = line < p->search.line || (line == p->search.line && col <= p->search.col);
    bool after = line > p->search.line || (line == p->search.line && col >= p->search.col);
    if (p->search.backward ? after : before) {
        p->events.on_message(p->events.arg, "Search wrapped");
    }
    copymode_goto(&p->copy, line, col);
    p->copy.has_match = true;
    p->copy.match_line = line;
    p->copy.match_col = col;
    p->copy.match_len = len;
    pane_copy_fill(p);
    p->events.on_dirty(p->events.arg);
}

void pane_copy_search(struct pane *p, const char *needle, bool backward)
{
    str_copy(p->needle, sizeof(p->needle), needle);
    p->backward = backward;
    pane_copy_search_again(p, false);
}

void pane_copy_search_again(struct pane *p, bool reverse)
{
    struct error err = ERROR_INIT;
    if (!p->copy.active || !p->needle[0]) {
        return;
    }
    p->search.line = p->copy.line;
    p->search.col = p->copy.col;
    p->search.backward = p->backward != reverse;
    struct sessions_query q = {
        .needle = p->needle, .line = p->search.line, .col = p->search.col, .backward = p->search.backward};
    if (sessions_search(p->sessions, p->id, &q, on_found, p, &err) != 0) {
        p->events.on_message(p->events.arg, err.msg);
    }
}
