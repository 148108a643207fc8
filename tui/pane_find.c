/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "term/linetext.h"
#include "term/pattern.h"
#include "tui/pane.h"

/* Searching in copy mode: the host finds and counts, the cockpit highlights what is in view by the same rules. */

/* So long a key waits for the answer to what was asked before it. */
#define HOLD_MS 250

/* A question on its way. */
struct ask {
    struct pane *p;
    uint32_t serial;
    enum search_kind kind;
    bool backward;
    bool placed; /* the first of two answers came */
};

void pane_find_drop(struct pane *p)
{
    struct pane_find *f = &p->find;
    pattern_free(f->pattern);
    uint32_t serial = f->serial + 1;
    struct timer *hold = f->hold;
    char last[sizeof(f->last)];
    str_copy(last, sizeof(last), f->needle[0] ? f->needle : f->last);
    if (hold) {
        timer_stop(hold);
    }
    *f = (struct pane_find){.serial = serial, .hold = hold};
    str_copy(f->last, sizeof(f->last), last);
}

void pane_find_release(struct pane *p)
{
    pane_find_drop(p);
    timer_close(p->find.hold);
    p->find.hold = NULL;
}

/* The answer is here, or not waited for any more: the keys behind the question are pressed. */
static void let_go(struct pane *p)
{
    struct pane_find *f = &p->find;
    struct key keys[PANE_HELD_MAX];
    size_t n = f->held_count;
    f->waiting = false;
    f->held_count = 0;
    if (f->hold) {
        timer_stop(f->hold);
    }
    if (n) {
        memcpy(keys, f->held, n * sizeof(*keys));
        p->events.on_held(p->events.arg, p, keys, n);
    }
}

/* It takes long. Who has pressed keys meanwhile does not want to wait for it. */
static void on_slow(void *arg)
{
    struct pane *p = arg;
    if (p->find.waiting && p->find.held_count) {
        sessions_search_stop(p->sessions, p->id);
        p->find.serial++;
        let_go(p);
    }
}

bool pane_find_key(struct pane *p, struct key key)
{
    struct pane_find *f = &p->find;
    if (!f->waiting) {
        return false;
    }
    if (timer_is_active(f->hold) && f->held_count < PANE_HELD_MAX) {
        f->held[f->held_count++] = key;
        return true;
    }
    sessions_search_stop(p->sessions, p->id);
    f->serial++;
    let_go(p);
    p->events.on_dirty(p->events.arg);
    return false;
}

/* Another text is looked for. */
static void set_needle(struct pane_find *f, const char *needle)
{
    str_copy(f->needle, sizeof(f->needle), needle);
    pattern_free(f->pattern);
    f->pattern = f->needle[0] ? pattern_new(f->needle) : NULL;
    f->answered = false;
    f->hit = (struct sessions_hit){0};
}

/* Says what is to be said of an answer, once. */
static void tell(struct pane *p)
{
    struct pane_find *f = &p->find;
    char text[320];
    f->tell = false;
    if (!f->hit.found) {
        str_format(text, sizeof(text), "Not found: %s", f->needle);
        p->events.on_message(p->events.arg, text);
    } else if (f->hit.wrapped) {
        p->events.on_message(p->events.arg,
                             f->backward ? "Search wrapped: on from the bottom" : "Search wrapped: on from the top");
    }
}

/* A match: the cursor goes there. */
static void on_match(struct pane *p, struct ask *a, const struct sessions_hit *hit)
{
    struct pane_find *f = &p->find;
    f->hit = *hit;
    f->answered = true;
    if (hit->found && !a->placed) {
        copymode_goto(&p->copy, hit->line, hit->col);
        pane_copy_fill(p);
    }
    a->placed = true;
    if (f->tell) {
        tell(p);
    }
}

/* Prompts and outputs are selected or gone to. */
static void on_mark(struct pane *p, const struct ask *a, const struct sessions_hit *hit)
{
    if (!hit->found) {
        p->events.on_message(p->events.arg, a->kind == SEARCH_OUTPUT
                                                ? "No output above (known where the shell marks its commands: OSC 133)"
                                            : a->backward
                                                ? "No prompt above (known where the shell marks them: OSC 133)"
                                                : "No prompt below");
        return;
    }
    if (a->kind == SEARCH_OUTPUT) {
        copymode_select_span(&p->copy, COPY_LINES, hit->line, 0, hit->end_line, hit->end_col - 1);
    } else {
        copymode_goto(&p->copy, hit->line, 0);
        copymode_scroll(&p->copy, (int64_t)hit->line - (int64_t)p->copy.top);
    }
    pane_copy_fill(p);
}

/* The host's answer. */
static void on_found(void *arg, const struct sessions_hit *hit, const struct error *err)
{
    struct ask *a = arg;
    struct pane *p = a->p;
    bool more = hit->more;
    if (a->serial == p->find.serial && p->copy.active && !hit->dropped) {
        if (err) {
            p->events.on_message(p->events.arg, err->msg);
        } else if (a->kind == SEARCH_TEXT) {
            on_match(p, a, hit);
        } else {
            on_mark(p, a, hit);
        }
        p->events.on_dirty(p->events.arg);
        if (p->find.waiting) {
            let_go(p);
        }
    }
    if (!more) {
        free(a);
    }
}

/* Asks the host; what was asked before is dropped. */
static void ask(struct pane *p, const struct sessions_query *q)
{
    struct error err = ERROR_INIT;
    struct ask *a = xcalloc(1, sizeof(*a));
    *a = (struct ask){.p = p, .serial = ++p->find.serial, .kind = q->kind, .backward = q->backward};
    if (sessions_search(p->sessions, p->id, q, on_found, a, &err) != 0) {
        free(a);
        p->events.on_message(p->events.arg, err.msg);
        return;
    }
    p->find.waiting = true;
    if (!p->find.hold) {
        p->find.hold = timer_new(p->loop, on_slow, p);
    }
    timer_start(p->find.hold, HOLD_MS);
}

/* Back to where the typing began. */
static void go_back(struct pane *p)
{
    copymode_goto(&p->copy, p->find.line, p->find.col);
    copymode_scroll(&p->copy, (int64_t)p->find.top - (int64_t)p->copy.top);
    p->copy.line = p->find.line;
    p->copy.col = p->find.col;
    pane_copy_fill(p);
}

void pane_find_begin(struct pane *p, bool backward)
{
    struct pane_find *f = &p->find;
    if (f->needle[0]) {
        str_copy(f->last, sizeof(f->last), f->needle);
    }
    set_needle(f, "");
    f->backward = backward;
    f->typing = true;
    f->tell = false;
    f->line = p->copy.line;
    f->col = p->copy.col;
    f->top = p->copy.top;
}

void pane_find_type(struct pane *p, const char *text, char *message, size_t cap)
{
    struct pane_find *f = &p->find;
    if (!p->copy.active) {
        return;
    }
    set_needle(f, text);
    if (!text[0]) {
        sessions_search_stop(p->sessions, p->id);
        f->serial++;
        f->waiting = false;
        go_back(p);
        return;
    }
    const char *trouble = pattern_trouble(f->pattern);
    if (trouble) {
        str_copy(message, cap, trouble);
    }
    /* What is at the cursor is found, too, while the text grows; upward only what begins before it. */
    struct sessions_query q = {.needle = f->needle,
                               .line = f->line,
                               .col = f->col,
                               .backward = f->backward,
                               .here = !f->backward,
                               .count = true};
    ask(p, &q);
}

void pane_find_end(struct pane *p, bool keep)
{
    struct pane_find *f = &p->find;
    f->typing = false;
    if (!p->copy.active) {
        return;
    }
    if (!keep) {
        sessions_search_stop(p->sessions, p->id);
        f->serial++;
        set_needle(f, "");
        f->waiting = false;
        go_back(p);
    } else if (!f->needle[0] && f->last[0]) {
        set_needle(f, f->last);
        pane_find_again(p, false);
    } else if (f->needle[0]) {
        f->tell = true;
        if (f->answered) {
            tell(p);
        }
    }
}

void pane_find_again(struct pane *p, bool reverse)
{
    struct pane_find *f = &p->find;
    if (!p->copy.active) {
        return;
    }
    if (!f->needle[0] && f->last[0]) {
        set_needle(f, f->last);
    }
    if (!f->needle[0]) {
        p->events.on_message(p->events.arg, "Nothing was searched for yet");
        return;
    }
    bool backward = f->backward != reverse;
    struct sessions_query q = {
        .needle = f->needle, .line = p->copy.line, .col = p->copy.col, .backward = backward, .count = true};
    f->tell = true;
    f->answered = false;
    ask(p, &q);
}

/* A question that begins at the cursor, or at the live screen's. */
static void ask_marks(struct pane *p, enum search_kind kind, bool backward)
{
    pane_copy_begin(p);
    if (p->copy.active) {
        struct sessions_query q = {.kind = kind, .line = p->copy.line, .backward = backward};
        ask(p, &q);
    }
}

void pane_find_prompt(struct pane *p, bool backward)
{
    ask_marks(p, SEARCH_PROMPT, backward);
}

void pane_find_output(struct pane *p)
{
    ask_marks(p, SEARCH_OUTPUT, true);
}

/* Tints the columns of a match that are in view, row by row. */
static void tint(const struct pane *p, struct surface *s, struct rect r, const struct linetext_span *m, struct style st)
{
    uint64_t top = p->copy.top;
    for (uint64_t n = m->line; n <= m->end_line; n++) {
        int from = n == m->line ? m->col : 0, to = n == m->end_line ? m->end_col : r.w;
        if (n >= top && n < top + (uint64_t)r.h) {
            surface_tint(s, (struct rect){r.x + from, r.y + (int)(n - top), to - from, 1}, st);
        }
    }
}

/* The matches of one logical line. */
static void draw_line(const struct pane *p, struct surface *s, struct rect r, const struct linetext *t,
                      const struct theme *theme)
{
    const struct pane_find *f = &p->find;
    struct style all = theme_style(theme, THEME_MATCH), current = all;
    size_t start, end, at = 0;
    current.attrs ^= CELL_REVERSE;
    while (pattern_match(f->pattern, t->text.buf, t->text.len, at, &start, &end)) {
        struct linetext_span m;
        linetext_span(t, start, end, &m);
        bool here = f->hit.found && m.line == f->hit.line && m.col == f->hit.col;
        tint(p, s, r, &m, here ? current : all);
        at = end;
    }
}

void pane_find_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *theme)
{
    struct linetext t;
    uint64_t n = p->copy.top, end = MT_MIN(p->copy.top + (uint64_t)r.h, p->copy.end);
    struct copy_row row;
    if (!p->find.pattern) {
        return;
    }
    linetext_init(&t);
    while (n > p->copy.first && n % LINETEXT_ROWS != 0 && pane_copy_row(p, n - 1, &row) && row.wrapped) {
        n--;
    }
    for (bool more = false; n < end || more; n++) {
        bool loaded = n < p->copy.end && pane_copy_row(p, n, &row);
        more = loaded && row.wrapped && (n + 1) % LINETEXT_ROWS != 0;
        if (loaded) {
            linetext_add(&t, n, row.cells, row.count, more, row.clusters);
        }
        if (!more) {
            draw_line(p, s, r, &t, theme);
            linetext_clear(&t);
        }
    }
    linetext_release(&t);
}

void pane_find_status(const struct pane *p, char *out, size_t cap)
{
    const struct pane_find *f = &p->find;
    const struct sessions_hit *h = &f->hit;
    const char *round = h->wrapped ? ", wrapped" : "";
    out[0] = '\0';
    if (!f->needle[0]) {
        return;
    }
    if (f->waiting || !f->answered) {
        str_copy(out, cap, f->waiting ? "searching..." : "");
    } else if (!h->found) {
        str_copy(out, cap, "no match");
    } else if (h->more || !h->total) {
        str_format(out, cap, "match%s", round);
    } else if (h->index) {
        str_format(out, cap, "match %u/%u%s%s", h->index, h->total, h->capped ? "+" : "", round);
    } else {
        str_format(out, cap, "%u+ matches%s", h->total, round);
    }
}
