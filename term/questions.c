/* SPDX-License-Identifier: Apache-2.0 */
#include "term/questions.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/search.h"

#define HISTORY_MAX_LINES 4096 /* in one answer */
#define SEARCH_TURN_NS 2000000 /* a turn of searching: keys and output come first again after it */

struct questions {
    struct loop *loop;
    struct vt *vt;
    questions_fn answer;
    void *arg;
    struct search *search; /* under way; NULL: none */
    uint32_t id;           /* of that question */
    bool told;             /* where it is; the numbers are being made */
    struct timer *timer;   /* its next turn */
};

struct questions *questions_new(struct loop *loop, struct vt *vt, questions_fn answer, void *arg)
{
    struct questions *q = xcalloc(1, sizeof(*q));

    *q = (struct questions){.loop = loop, .vt = vt, .answer = answer, .arg = arg};
    return q;
}

void questions_free(struct questions *q)
{
    if (q != NULL) {
        search_free(q->search);
        timer_close(q->timer);
        free(q);
    }
}

/* Row `n` of scrollback or screen, by its absolute number; false when there is none. */
static bool history_row(struct vt *vt, uint64_t n, struct cell *cells, int cols, bool *wrapped)
{
    uint64_t screen = vt_history_total(vt);
    const struct cell *row;
    int have = MT_MIN(cols, vt_cols(vt));

    if (n < screen) {
        return vt_history_line(vt, (size_t)(screen - 1 - n), cells, cols, wrapped) >= 0;
    }
    row = n - screen < (uint64_t)vt_rows(vt) ? vt_row(vt, (int)(n - screen), wrapped) : NULL;
    if (row != NULL) {
        memcpy(cells, row, (size_t)have * sizeof(*cells));
        cell_fill(cells + have, (size_t)(cols - have), CELL_BLANK);
    }
    return row != NULL;
}

void questions_lines(struct questions *q, const struct proto_history *h)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct vt *vt = q->vt;
    uint64_t screen = vt_history_total(vt), end = screen + (uint64_t)vt_rows(vt);
    struct proto_lines a = {.id = h->id, .first = h->first, .cols = h->cols};
    struct cell *cells = xcalloc((size_t)h->cols, sizeof(*cells));
    uint64_t most = MT_MIN((uint64_t)h->count, (uint64_t)HISTORY_MAX_LINES), stop;
    uint32_t count = 0;
    size_t at;

    stop = h->first > UINT64_MAX - most ? UINT64_MAX : h->first + most;
    /* How many rows there are is work after a change of width: it is asked only where the first is not there. */
    if (a.first < screen && vt_history_line(vt, (size_t)(screen - 1 - a.first), cells, h->cols, NULL) < 0) {
        a.first = screen - vt_history_count(vt);
    }
    at = proto_put_lines(&b, &a);
    for (uint64_t n = a.first; n < MT_MIN(stop, end) && b.len < PROTO_SOFT_MAX; n++) {
        bool wrapped = false;

        if (count > 0 && vt_history_crowds(vt)) {
            break; /* the extras of the rows before would go; who asks comes back for the rest */
        }
        if (!history_row(vt, n, cells, h->cols, &wrapped)) {
            break;
        }
        proto_put_row(&b, (int)count++, wrapped, cells, h->cols, vt_clusters(vt));
    }
    free(cells);
    proto_end_rows(&b, at, count);
    q->answer(q->arg, PROTO_LINES, &b);
}

void questions_screen(struct questions *q, uint32_t id)
{
    struct proto_history lines = {
        .id = id, .first = vt_history_total(q->vt), .count = (uint32_t)vt_rows(q->vt), .cols = vt_cols(q->vt)};

    questions_lines(q, &lines);
}

/* Answers the search: for good, or with the numbers still to come. */
static void send_found(struct questions *q, bool more, bool dropped)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    const struct search_result *r = search_result(q->search);
    struct proto_found a = {.id = q->id,
                            .found = r->found,
                            .line = r->line,
                            .col = r->col,
                            .len = r->end_line == r->line ? r->end_col - r->col : vt_cols(q->vt) - r->col,
                            .more = more,
                            .wrapped = r->wrapped,
                            .dropped = dropped,
                            .end_line = r->end_line,
                            .end_col = r->end_col,
                            .total = r->total,
                            .index = r->index,
                            .capped = r->capped};

    a.len = MT_MAX(a.len, 0);
    proto_put_found(&b, &a);
    q->answer(q->arg, PROTO_FOUND, &b);
}

void questions_stop(struct questions *q)
{
    if (q->search != NULL) {
        timer_stop(q->timer);
        send_found(q, false, true);
        search_free(q->search);
        q->search = NULL;
    }
}

/* One turn of the search. */
static void step_search(void *arg)
{
    struct questions *q = arg;
    uint64_t until = clock_mono_ns() + SEARCH_TURN_NS;
    enum search_state state = search_step(q->search, until);

    if (state == SEARCH_COUNTING && !q->told) {
        q->told = true;
        send_found(q, true, false);
    }
    if (state == SEARCH_DONE) {
        send_found(q, false, false);
        search_free(q->search);
        q->search = NULL;
    } else {
        timer_start(q->timer, 0);
    }
}

void questions_search(struct questions *q, const struct proto_search *s)
{
    struct search_opts opts = {.kind = (enum search_kind)MT_MIN(s->kind, (int)SEARCH_OUTPUT),
                               .needle = s->needle,
                               .line = s->from,
                               .col = s->from_col,
                               .backward = s->backward,
                               .here = s->here,
                               .wrap = true,
                               .count = s->count};

    questions_stop(q);
    if (q->timer == NULL) {
        q->timer = timer_new(q->loop, step_search, q);
    }
    q->search = search_new(q->vt, &opts);
    q->id = s->id;
    q->told = false;
    step_search(q);
}
