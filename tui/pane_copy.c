/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/pane.h"

/* Number of the first screen row. */
static uint64_t screen_start(const struct session_screen *sc)
{
    return sc->history_first + sc->history_lines;
}

void pane_copy_drop(struct pane *p)
{
    copymode_end(&p->copy);
    pane_find_drop(p);
    free(p->cache.cells);
    free(p->cache.wrapped);
    cluster_table_release(&p->cache.clusters);
    p->cache = (struct pane_cache){.serial = p->cache.serial + 1}; /* an answer that is on its way is of no use */
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

bool pane_copy_row(const void *arg, uint64_t line, struct copy_row *row)
{
    const struct pane *p = arg;
    const struct pane_cache *c = &p->cache;
    const struct session_screen *sc = sessions_screen(p->sessions, p->id);
    *row = (struct copy_row){0};
    if (!sc) {
        return false;
    }
    if (line >= screen_start(sc)) {
        uint64_t n = line - screen_start(sc);
        row->cells = n < (uint64_t)sc->rows ? sessions_row(p->sessions, p->id, (int)n, &row->wrapped) : NULL;
        row->count = row->cells ? sc->cols : 0;
        row->clusters = sessions_clusters(p->sessions, p->id);
    } else if (line >= c->first && line < c->first + c->count) {
        row->cells = c->cells + (size_t)(line - c->first) * (size_t)c->cols;
        row->count = c->cols;
        row->wrapped = c->wrapped[line - c->first];
        row->clusters = &c->clusters;
    }
    return row->cells != NULL;
}

/* A question for scrollback: whose, and for which view. */
struct ask {
    struct pane *pane;
    uint32_t serial;
    uint64_t top;
};

/* Keeps a window of scrollback. */
static void keep_window(struct pane_cache *c, uint64_t first, const struct session_rows *rows)
{
    size_t n = rows->count * (size_t)rows->cols;
    free(c->cells);
    free(c->wrapped);
    cluster_table_release(&c->clusters);
    c->cells = NULL;
    c->wrapped = NULL;
    c->first = first;
    c->count = rows->count;
    c->cols = rows->cols;
    if (n > 0) {
        c->cells = xreallocarray(NULL, n, sizeof(*c->cells));
        memcpy(c->cells, rows->cells, n * sizeof(*c->cells));
        c->wrapped = xreallocarray(NULL, rows->count, sizeof(bool));
        memcpy(c->wrapped, rows->wrapped, rows->count * sizeof(bool));
        c->clusters.max = n; /* never full */
        cluster_move(&c->clusters, c->cells, n, rows->clusters);
    }
}

/* A window of scrollback arrived. A view that moved on meanwhile asks again. */
static void on_history(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct ask ask = *(struct ask *)arg;
    struct pane *p = ask.pane;
    free(arg);
    if (ask.serial != p->cache.serial) {
        return;
    }
    p->cache.asked = false;
    if (err || !p->copy.active) {
        return;
    }
    keep_window(&p->cache, first, rows);
    if (p->copy.top != ask.top) {
        pane_copy_fill(p);
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
    struct ask *ask = xmalloc(sizeof(*ask));
    *ask = (struct ask){p, p->cache.serial, p->copy.top};
    from = MT_MAX(from > rows * 3 ? from - rows * 3 : 0, sc->history_first);
    to = MT_MIN(p->copy.top + rows * 4, end);
    p->cache.asked = true;
    if (sessions_history(p->sessions, p->id, from, (size_t)(to - from), sc->cols, on_history, ask, NULL) != 0) {
        p->cache.asked = false;
        free(ask);
    }
}

/* The part of a row that is selected; a wide character is selected as a whole. */
static bool selected_part(const struct pane *p, uint64_t line, int width, int *from, int *to)
{
    const struct copymode *c = &p->copy;
    uint64_t a, b;
    int ca, cb;
    struct copy_row row;
    if (!copymode_range(c, pane_copy_row, p, &a, &ca, &b, &cb) || line < a || line > b) {
        return false;
    }
    *from = c->kind == COPY_BLOCK || line == a ? ca : 0;
    *to = c->kind == COPY_BLOCK || line == b ? cb : width - 1;
    if (!pane_copy_row(p, line, &row)) {
        return true;
    }
    if (*from > 0 && *from < row.count && row.cells[*from].width == 0) {
        --*from;
    }
    if (*to < row.count && row.cells[*to].width == 2) {
        ++*to;
    }
    return true;
}

/* Where in all there is the cursor is, and how the search goes. */
static void draw_place(const struct pane *p, struct surface *s, struct rect r, const struct theme *t)
{
    const struct copymode *c = &p->copy;
    char find[96], text[160];
    struct style st = theme_style(t, THEME_NOTICE);
    unsigned long long at = c->line - c->first + 1, all = c->end - c->first;
    pane_find_status(p, find, sizeof(find));
    str_format(text, sizeof(text), "%s%s%s%llu/%llu ", find[0] ? " " : "", find, find[0] ? "  " : " ", at, all);
    /* Not over what the cursor, or the match that it is on, has in the first row. */
    const struct sessions_hit *hit = &p->find.hit;
    int reach = find[0] && hit->found && hit->line == c->line && hit->end_line == c->line && hit->col == c->col
                    ? hit->end_col
                    : c->col + 1;
    bool hides = r.h > 1 && c->line == c->top && reach > r.w - utf8_columns(text, strlen(text));
    surface_text_right(s, r.x + r.w, hides ? r.y + r.h - 1 : r.y, r.w, st, text);
}

void pane_copy_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t)
{
    const struct copymode *c = &p->copy;
    for (int y = 0; y < r.h; y++) {
        uint64_t line = c->top + (uint64_t)y;
        struct copy_row row;
        if (line < c->end && pane_copy_row(p, line, &row)) {
            int count = MT_MIN(row.count, r.w);
            surface_blit(s, r.x, r.y + y, row.cells, count, row.clusters);
            pane_theme_defaults(s, (struct rect){r.x, r.y + y, count, 1}, theme_style(t, THEME_TEXT));
        } else if (line < c->end) {
            surface_text(s, r.x, r.y + y, r.w, theme_style(t, THEME_DIM), "...");
        }
    }
    pane_find_draw(p, s, r, t);
    for (int y = 0; y < r.h; y++) {
        int from, to;
        if (selected_part(p, c->top + (uint64_t)y, r.w, &from, &to)) {
            surface_tint(s, (struct rect){r.x + from, r.y + y, to - from + 1, 1}, theme_style(t, THEME_COPY_SELECTION));
        }
    }
    if (c->line >= c->top && c->line < c->top + (uint64_t)r.h) {
        s->cursor.visible = p->focused;
        s->cursor.x = r.x + MT_MIN(c->col, r.w - 1);
        s->cursor.y = r.y + (int)(c->line - c->top);
        s->cursor.shape = 2;
    }
    draw_place(p, s, r, t);
}

bool pane_copy_key(struct pane *p, struct key key)
{
    char how = p->copy.find;
    if (!how) {
        return false;
    }
    p->copy.find = 0;
    if (key.sym < KEYSYM_UP && key.sym != KEYSYM_BACKSPACE && key.sym >= ' ' &&
        !(key.mods & (KEYMOD_CTRL | KEYMOD_ALT))) {
        if (!copymode_find(&p->copy, how, key.sym, pane_copy_row, p)) {
            p->events.on_message(p->events.arg, "Not in this row");
        }
    }
    p->events.on_dirty(p->events.arg);
    return true;
}

void pane_copy_find_again(struct pane *p, bool reverse)
{
    static const char other[] = {['f'] = 'F', ['F'] = 'f', ['t'] = 'T', ['T'] = 't'};
    char how = p->copy.found;
    if (how) {
        copymode_find(&p->copy, reverse ? other[(unsigned char)how] : how, p->copy.found_ch, pane_copy_row, p);
        p->copy.found = how;
    }
}
