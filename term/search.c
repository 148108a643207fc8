/* SPDX-License-Identifier: Apache-2.0 */
#include "term/search.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/grid.h"
#include "term/linetext.h"
#include "term/pattern.h"

/* Rows whose marks are looked at between two looks at the clock. */
#define MARKS_A_LOOK 1024

struct search {
    struct vt *vt;
    struct search_opts opts;
    struct pattern *pattern;
    enum search_state state;
    struct search_result result;
    uint64_t at;  /* the line to look at next */
    int64_t left; /* rows to look at before everything was seen */
    bool placed;  /* `at` and `left` are known: the rows were counted */
    bool begun;
    uint32_t nth; /* which match of its logical line was found, from 0 */
    struct strbuf text;
    struct linetext line;
    struct cell *cells; /* [GRID_MAX] */
};

/* Lines [first, end) there are, and the first that is on the screen. */
struct extent {
    uint64_t first, screen, end;
};

static struct extent extent_of(const struct vt *vt)
{
    struct extent e = {.screen = vt_history_total(vt)};
    e.first = e.screen - vt_history_count(vt);
    e.end = e.screen + (uint64_t)vt_rows(vt);
    return e;
}

struct search *search_new(struct vt *vt, const struct search_opts *opts)
{
    struct search *s = xcalloc(1, sizeof(*s));
    s->vt = vt;
    s->opts = *opts;
    s->opts.needle = NULL;
    strbuf_init(&s->text);
    linetext_init(&s->line);
    if (opts->kind == SEARCH_TEXT) {
        s->pattern = pattern_new(opts->needle);
        s->cells = xcalloc(GRID_MAX, sizeof(*s->cells));
        s->state = *opts->needle == '\0' ? SEARCH_DONE : SEARCH_LOOKING;
    }
    return s;
}

void search_free(struct search *s)
{
    if (s == NULL) {
        return;
    }
    pattern_free(s->pattern);
    strbuf_release(&s->text);
    linetext_release(&s->line);
    free(s->cells);
    free(s);
}

const struct search_result *search_result(const struct search *s)
{
    return &s->result;
}

/* --- logical lines --- */

/* May a row that is wrapped be joined to the next? The alternate screen does not go on from the scrollback. */
static bool may_go_on(const struct search *s, const struct extent *e, uint64_t line)
{
    return line + 1 < e->end && (line + 1) % LINETEXT_ROWS != 0 && (line + 1 != e->screen || !vt_is_alt(s->vt));
}

/* Does a row go on in the next? */
static bool goes_on(const struct search *s, const struct extent *e, uint64_t line)
{
    bool wrapped = false;
    if (!may_go_on(s, e, line)) {
        return false;
    }
    if (line < e->screen) {
        return vt_history_is_wrapped(s->vt, (size_t)(e->screen - 1 - line));
    }
    (void)vt_row(s->vt, (int)(line - e->screen), &wrapped);
    return wrapped;
}

/* The rows as cells, with the way back from bytes to places. */
static void load_cells(struct search *s, const struct extent *e, uint64_t from, uint64_t to)
{
    linetext_clear(&s->line);
    for (uint64_t n = from; n < to; n++) {
        if (select_line(s->vt, (size_t)(n - e->first), s->cells, GRID_MAX, NULL) == 0) {
            linetext_add(&s->line, n, s->cells, GRID_MAX, n + 1 < to, vt_clusters(s->vt));
        }
    }
}

/* The text alone, of the logical line that a row belongs to: rows [*from, *to). Most lines do not match and need no
 * unpacking. `at_start`: the row begins its line. */
static const struct strbuf *load_text(struct search *s, const struct extent *e, uint64_t line, bool at_start,
                                      uint64_t *from, uint64_t *to)
{
    bool wrapped = true;
    size_t above = 0, rows = 0;
    strbuf_clear(&s->text);
    if (line < e->screen &&
        vt_history_line_text(s->vt, (size_t)(e->screen - 1 - line), &s->text, &above, &rows)) { /* wrapped anew */
        *from = line - above;
        *to = *from + rows;
        if (*from / LINETEXT_ROWS == (*to - 1) / LINETEXT_ROWS) {
            return &s->text;
        }
    }
    *from = line;
    while (!at_start && *from > e->first && goes_on(s, e, *from - 1)) {
        --*from;
    }
    strbuf_clear(&s->text);
    for (*to = *from; wrapped; ++*to) {
        wrapped = false;
        if (*to < e->screen) {
            vt_history_text(s->vt, (size_t)(e->screen - 1 - *to), &s->text, &wrapped);
        } else {
            (void)vt_row(s->vt, (int)(*to - e->screen), &wrapped);
        }
        wrapped = wrapped && may_go_on(s, e, *to);
    }
    if (*to > e->screen) {
        load_cells(s, e, *from, *to);
        return &s->line.text;
    }
    return &s->text;
}

/* --- text --- */

/* The match of the rows that is wanted: the first behind the bound, or the last before it; all count without one. */
static bool pick(struct search *s, const struct extent *e, bool bounded, uint64_t *from, uint64_t *to)
{
    const struct strbuf *text = load_text(s, e, s->at, !bounded && !s->opts.backward, from, to);
    size_t start = 0, end = 0, at = 0;
    uint32_t nth = 0;
    bool found = false;
    if (!pattern_match(s->pattern, text->buf, text->len, 0, &start, &end)) {
        return false;
    }
    if (text == &s->text) {
        load_cells(s, e, *from, *to);
    }
    for (; pattern_match(s->pattern, s->line.text.buf, s->line.text.len, at, &start, &end); at = end, nth++) {
        struct search_result r = s->result;
        struct linetext_span m;
        linetext_span(&s->line, start, end, &m);
        r.line = m.line;
        r.col = m.col;
        r.end_line = m.end_line;
        r.end_col = m.end_col;
        bool before = r.line < s->opts.line || (r.line == s->opts.line && r.col < s->opts.col);
        bool here = r.line == s->opts.line && r.col == s->opts.col;
        if (bounded && !(here ? s->opts.here : before == s->opts.backward)) {
            continue;
        }
        s->result = r;
        s->nth = nth;
        found = true;
        if (!s->opts.backward) {
            break;
        }
    }
    return found;
}

/* One logical line of the search. */
static void look_at_line(struct search *s)
{
    struct extent e = extent_of(s->vt);
    uint64_t from, to;
    bool bounded = !s->begun;
    s->at = MT_MIN(MT_MAX(s->at, e.first), e.end - 1);
    s->begun = true;
    bool found = pick(s, &e, bounded, &from, &to);
    s->left -= bounded ? 0 : (int64_t)(to - from);
    if (found) {
        s->result.found = true;
        s->state = s->opts.count ? SEARCH_COUNTING : SEARCH_DONE;
        s->at = e.first;
        return;
    }
    bool at_end = s->opts.backward ? from <= e.first : to >= e.end;
    if (s->left <= 0 || (at_end && !s->opts.wrap)) {
        s->state = SEARCH_DONE;
        return;
    }
    s->result.wrapped = s->result.wrapped || at_end;
    s->at = s->opts.backward ? (at_end ? e.end : from) - 1 : at_end ? e.first : to;
}

/* One logical line of the count, from the oldest on. */
static void count_line(struct search *s)
{
    struct extent e = extent_of(s->vt);
    struct search_result *r = &s->result;
    size_t start, end, at = 0;
    uint64_t from, to;
    if (s->at >= e.end || r->capped) {
        s->state = SEARCH_DONE;
        return;
    }
    const struct strbuf *text = load_text(s, &e, MT_MAX(s->at, e.first), true, &from, &to);
    if (r->line >= from && r->line < to) {
        r->index = r->total + s->nth + 1;
    }
    while (!r->capped && pattern_match(s->pattern, text->buf, text->len, at, &start, &end)) {
        r->capped = r->total >= SEARCH_COUNT_MAX;
        r->total += r->capped ? 0 : 1;
        at = end;
    }
    s->at = to;
}

/* --- prompt marks --- */

static unsigned marks_of(const struct search *s, const struct extent *e, uint64_t line)
{
    return line < e->screen ? vt_history_marks(s->vt, (size_t)(e->screen - 1 - line))
                            : vt_row_marks(s->vt, (int)(line - e->screen));
}

/* The rows of the command whose output begins at `line`; false when it printed nothing. */
static bool output_rows(struct search *s, const struct extent *e, uint64_t line)
{
    unsigned stop = GRID_MARK_PROMPT | GRID_MARK_END | GRID_MARK_END_INSIDE | GRID_MARK_OUTPUT;
    unsigned here = marks_of(s, e, line);
    uint64_t to = line + 1, last = e->screen + (uint64_t)MT_MAX(vt_cursor(s->vt).row, 0);
    if ((here & (GRID_MARK_PROMPT | GRID_MARK_END)) != 0 && (here & GRID_MARK_END_INSIDE) == 0) {
        return false;
    }
    if ((here & GRID_MARK_END_INSIDE) == 0) {
        while (to < e->end && (marks_of(s, e, to) & stop) == 0) {
            to++;
        }
        if (to < e->end && (marks_of(s, e, to) & GRID_MARK_END_INSIDE) != 0) {
            to++;
        } else if (to >= e->end && last >= line && last < to) {
            to = last + 1; /* it still runs: what it wrote so far */
        }
    }
    s->result.line = line;
    s->result.col = 0;
    s->result.end_line = to - 1;
    s->result.end_col = vt_cols(s->vt);
    return true;
}

/* Rows with marks, one after the other. */
static void look_at_marks(struct search *s)
{
    struct extent e = extent_of(s->vt);
    bool output = s->opts.kind == SEARCH_OUTPUT, backward = output || s->opts.backward;
    if (vt_is_alt(s->vt)) {
        e.end = e.screen; /* what is on the screen is no shell's */
    }
    for (int i = 0; i < MARKS_A_LOOK && s->state == SEARCH_LOOKING; i++) {
        bool inside = s->at >= e.first && s->at < e.end;
        unsigned marks = inside ? marks_of(s, &e, s->at) : 0;
        if (output ? (marks & GRID_MARK_OUTPUT) && output_rows(s, &e, s->at)
                   : (marks & GRID_MARK_PROMPT) && s->at != s->opts.line) {
            s->result.found = true;
            if (!output) {
                s->result.line = s->result.end_line = s->at;
            }
        }
        if (s->result.found || (backward ? s->at <= e.first : s->at + 1 >= e.end)) {
            s->state = SEARCH_DONE;
        }
        s->at = backward ? s->at - (s->at > 0) : s->at + 1;
    }
}

/* Where it begins. */
static void place(struct search *s)
{
    struct extent e = extent_of(s->vt);
    uint64_t line = s->opts.line;
    s->at = MT_MIN(MT_MAX(line, e.first), e.end - 1);
    if (line < e.first || line >= e.end) {
        s->opts.col = line < e.first ? -1 : GRID_MAX;
    }
    s->opts.line = s->at;
    s->left = (int64_t)(e.end - e.first);
    s->placed = true;
}

/* After a change of width the rows are not counted yet: that is done in turns, too. False: there is more to count. */
static bool is_counted(struct search *s, uint64_t until_ns)
{
    while (!vt_history_settle(s->vt)) {
        if (clock_mono_ns() >= until_ns) {
            return false;
        }
    }
    return true;
}

enum search_state search_step(struct search *s, uint64_t until_ns)
{
    enum search_state before = s->state;
    if (before == SEARCH_DONE || !is_counted(s, until_ns)) {
        return before;
    }
    if (!s->placed) {
        place(s);
    }
    while (s->state == before && s->state != SEARCH_DONE) {
        if (s->opts.kind != SEARCH_TEXT) {
            look_at_marks(s);
        } else if (s->state == SEARCH_LOOKING) {
            look_at_line(s);
        } else {
            count_line(s);
        }
        if (clock_mono_ns() >= until_ns) {
            break;
        }
    }
    return s->state;
}
