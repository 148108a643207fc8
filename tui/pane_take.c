/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "term/select.h"
#include "tui/clip.h"
#include "tui/pane.h"

/* Text out of scrollback and screen: scrollback is fetched in pieces, the screen's rows are at hand. */

#define TAKE_CHUNK 500
#define LOOK_BACK 256 /* rows above the first one that may belong to its line */
/* Not more than this is copied: no clipboard takes it. */
#define YANK_MAX_BYTES (16u << 20)

struct pane_take {
    char id[SESSION_ID_MAX];
    enum copy_kind kind;
    uint64_t from, to, next;
    int from_col, to_col;
    bool looking;  /* for the beginning of the first line, which is not loaded */
    uint64_t end;  /* lines there are */
    bool joined;   /* the last line wrapped into this one */
    size_t blanks; /* newlines that are owed: empty lines at the end are not taken */
    bool trim_end;
    size_t bytes, lines;
    struct strbuf text;
    struct pane_sink sink;
};

/* Number of the first screen row. */
static uint64_t screen_start(const struct session_screen *sc)
{
    return sc->history_first + sc->history_lines;
}

/* The columns [*from, *to) of a row that are taken; wide characters as a whole. */
static void columns(const struct pane_take *t, const struct cell *cells, int cols, bool join, int *from, int *to)
{
    bool block = t->kind == COPY_BLOCK, lines = t->kind == COPY_LINES;
    *from = block || (!lines && t->next == t->from) ? MT_MIN(t->from_col, cols) : 0;
    *to = block || (!lines && t->next == t->to) ? MT_MIN(t->to_col + 1, cols) : cols;
    if (*from > 0 && *from < cols && cells[*from].width == 0) {
        --*from;
    }
    if (*to > 0 && *to < cols && cells[*to].width == 0) {
        ++*to;
    }
    /* A wrapped row may end in spaces that are text; what was never written is none. */
    while (join && *to > *from && cells[*to - 1].ch == 0 && cells[*to - 1].width == 1) {
        --*to;
    }
}

/* One row's share of the text. */
static void take_row(struct pane_take *t, const struct cell *cells, int cols, bool wrapped,
                     const struct cluster_table *clusters)
{
    if (wrapped && t->kind == COPY_LINES && t->next == t->to && t->to + 1 < t->end) {
        t->to++; /* a whole line, also where its end was not loaded */
    }
    bool join = wrapped && t->kind != COPY_BLOCK && t->next < t->to;
    int from, to;
    columns(t, cells, cols, join, &from, &to);
    if (t->next > t->from && !t->joined) {
        t->blanks++;
        t->lines++;
    }
    size_t keep = t->text.len;
    for (size_t i = 0; i < t->blanks; i++) {
        strbuf_addch(&t->text, '\n');
    }
    size_t before = t->text.len;
    select_cells(&t->text, cells, from, to, clusters, !join);
    if (t->text.len == before && t->trim_end) {
        strbuf_truncate(&t->text, keep);
    } else {
        t->blanks = 0;
    }
    t->joined = join;
    t->next++;
}

/* Hands over what has gathered; false when the sink takes no more. */
static bool hand_over(struct pane_take *t, struct error *err)
{
    if (t->text.len && t->sink.write(t->sink.arg, t->text.buf, t->text.len, err) != 0) {
        return false;
    }
    t->bytes += t->text.len;
    strbuf_clear(&t->text);
    return true;
}

static void free_take(struct pane_take *t)
{
    strbuf_release(&t->text);
    free(t);
}

/* All of it is taken (or what there was of it). */
static void finish(struct pane *p, const struct error *why)
{
    struct pane_take *t = p->take;
    struct error err = ERROR_INIT;
    p->take = NULL;
    if (!why && t->next > t->from) {
        t->lines++;
        if (t->kind == COPY_LINES) {
            strbuf_addch(&t->text, '\n');
        }
        why = hand_over(t, &err) ? NULL : &err;
    }
    t->sink.done(t->sink.arg, t->bytes, t->lines, why && why->code == ERROR_BUSY, why);
    free_take(t);
}

static void step(struct pane *p);

/* A piece of scrollback. */
static void on_lines(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct pane *p = arg;
    size_t count = rows->count;
    struct pane_take *t = p->take;
    struct error werr = ERROR_INIT;
    if (!t) {
        return;
    }
    if (err) {
        finish(p, err);
        return;
    }
    if (t->looking) {
        t->looking = false;
        while (count && t->from == first + count && rows->wrapped[count - 1]) {
            t->from--;
            count--;
        }
        t->next = t->from;
        step(p);
        return;
    }
    if (count && first > t->next && t->next == t->from) {
        t->from = first; /* the oldest are gone */
    }
    for (size_t i = 0; i < count; i++) {
        if (first + i >= t->next && t->next <= t->to) {
            t->next = first + i;
            take_row(t, rows->cells + i * (size_t)rows->cols, rows->cols, rows->wrapped[i], rows->clusters);
        }
    }
    if (count == 0) {
        const struct session_screen *sc = sessions_screen(p->sessions, t->id);
        t->next = sc ? MT_MAX(t->next, screen_start(sc)) : t->to + 1; /* those lines are gone */
    }
    if (!hand_over(t, &werr)) {
        finish(p, &werr);
        return;
    }
    step(p);
}

/* Takes the screen's lines, or asks for the next piece of scrollback. */
static void step(struct pane *p)
{
    struct pane_take *t = p->take;
    const struct session_screen *sc = sessions_screen(p->sessions, t->id);
    struct error err = ERROR_INIT;
    while (sc && t->next <= t->to) {
        if (t->next < screen_start(sc)) {
            size_t n = (size_t)MT_MIN(MT_MIN(t->to, screen_start(sc) - 1) - t->next + 1, (uint64_t)TAKE_CHUNK);
            if (sessions_history(p->sessions, t->id, t->next, n, sc->cols, on_lines, p, &err) != 0) {
                finish(p, &err);
                return;
            }
            return;
        }
        bool wrapped = false;
        const struct cell *cells = sessions_row(p->sessions, t->id, (int)(t->next - screen_start(sc)), &wrapped);
        if (!cells) {
            break;
        }
        take_row(t, cells, sc->cols, wrapped, sessions_clusters(p->sessions, t->id));
    }
    if (!sc) {
        error_set(&err, ERROR_UNAVAILABLE, "the session is not in view any more");
    }
    finish(p, sc ? NULL : &err);
}

bool pane_take(struct pane *p, const struct pane_sink *sink)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    if (!sc || p->take) {
        return false;
    }
    struct pane_take *t = xcalloc(1, sizeof(*t));
    t->sink = *sink;
    strbuf_init(&t->text);
    str_copy(t->id, sizeof(t->id), p->id);
    t->kind = p->copy.kind;
    if (!copymode_range(&p->copy, pane_copy_row, p, &t->from, &t->from_col, &t->to, &t->to_col)) {
        t->kind = COPY_LINES;
        t->from = sc->history_first;
        t->to = screen_start(sc) + (uint64_t)sc->rows - 1;
        t->trim_end = true;
    }
    t->next = t->from;
    t->end = screen_start(sc) + (uint64_t)sc->rows;
    p->take = t;
    struct copy_row above;
    t->looking = t->kind == COPY_LINES && t->from > sc->history_first && t->from <= screen_start(sc) &&
                 !pane_copy_row(p, t->from - 1, &above);
    uint64_t back = t->from > LOOK_BACK ? t->from - LOOK_BACK : 0;
    if (!t->looking ||
        sessions_history(p->sessions, t->id, MT_MAX(back, sc->history_first),
                         (size_t)(t->from - MT_MAX(back, sc->history_first)), sc->cols, on_lines, p, NULL) != 0) {
        t->looking = false;
        step(p);
    }
    return true;
}

void pane_take_drop(struct pane *p)
{
    struct pane_take *t = p->take;
    struct error err = ERROR_INIT;
    if (t) {
        p->take = NULL;
        error_set(&err, ERROR_CANCELED, "the session was left");
        t->sink.done(t->sink.arg, t->bytes, t->lines, false, &err);
        free_take(t);
    }
}

/* --- to the clipboard --- */

struct yank {
    struct pane *p;
    struct strbuf text;
};

/* pane_sink.write */
static int yank_write(void *arg, const char *text, size_t len, struct error *err)
{
    struct yank *y = arg;
    if (y->text.len + len > YANK_MAX_BYTES) {
        return error_set(err, ERROR_BUSY, "there is more than is copied at once");
    }
    strbuf_add(&y->text, text, len);
    return 0;
}

/* pane_sink.done */
static void yank_done(void *arg, size_t bytes, size_t lines, bool cut, const struct error *err)
{
    struct yank *y = arg;
    struct pane *p = y->p;
    char said[160];
    if (err && !cut) {
        str_format(said, sizeof(said), "Nothing copied: %s", err->msg);
    } else {
        p->events.on_copied(p->events.arg, y->text.buf, y->text.len);
        char count[40] = "";
        if (lines != 1) {
            str_format(count, sizeof(count), ", %zu lines", lines);
        }
        str_format(said, sizeof(said), "Copied %zu %s%s%s", bytes, bytes == 1 ? "byte" : "bytes", count,
                   cut                            ? "; there was more: s writes all to a file"
                   : y->text.len > CLIP_MAX_BYTES ? "; too long for the terminal: s writes it to a file"
                                                  : "");
    }
    if (!err || err->code != ERROR_CANCELED) {
        p->events.on_message(p->events.arg, said);
    }
    strbuf_release(&y->text);
    free(y);
}

void pane_copy_yank(struct pane *p)
{
    if (!p->copy.active || p->take) {
        return;
    }
    if (!p->copy.selecting) {
        copymode_select(&p->copy, COPY_LINES);
    }
    struct yank *y = xcalloc(1, sizeof(*y));
    y->p = p;
    strbuf_init(&y->text);
    struct pane_sink sink = {.write = yank_write, .done = yank_done, .arg = y};
    if (!pane_take(p, &sink)) {
        strbuf_release(&y->text);
        free(y);
    }
    pane_copy_end(p);
}
