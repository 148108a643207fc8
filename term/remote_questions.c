/* SPDX-License-Identifier: Apache-2.0 */
/* What the host is asked and answers later: lines of the scrollback, a search, and where places are once the size has
 * changed. Every question is answered exactly once, also when the host goes. */
#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/remote_priv.h"

/* A question that waits for its answer. */
struct request {
    struct request *next;
    uint32_t id;
    void *arg;
    sessions_search_fn search; /* NULL: it is a history question */
    sessions_history_fn history;
    sessions_look_fn look; /* NULL: lines only */
    bool looked;           /* the screen has come, its lines follow */
    struct session_screen screen;
    uint64_t first; /* number of the first line gathered */
    size_t want, got;
    int cols;
    struct cell *cells;
    bool *wrapped;
    struct cluster_table clusters; /* of the cells: the mirror's forgets what the mirror does not show, */
    struct extra_table extras;     /* and the host gives ids anew between two pieces */
};

static struct request *request_new(struct remote *r, void *arg)
{
    struct request *q = xcalloc(1, sizeof(*q));

    q->id = ++r->next_request;
    q->arg = arg;
    q->next = r->requests;
    r->requests = q;
    return q;
}

/* Takes a question out of the list; NULL when nobody asked that. */
static struct request *request_take(struct remote *r, uint32_t id)
{
    for (struct request **at = &r->requests; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            struct request *q = *at;

            *at = q->next;
            return q;
        }
    }
    return NULL;
}

/* Hands an answer to a search on. */
static void tell_found(const struct request *q, const struct proto_found *f, const struct error *err)
{
    struct sessions_hit hit = {0};

    if (f != NULL) {
        hit = (struct sessions_hit){.found = f->found && !f->dropped,
                                    .dropped = f->dropped,
                                    .more = f->more,
                                    .wrapped = f->wrapped,
                                    .capped = f->capped,
                                    .line = f->line,
                                    .end_line = MT_MAX(f->end_line, f->line),
                                    .col = f->col,
                                    .end_col = f->end_col,
                                    .total = f->total,
                                    .index = f->index};
    }
    q->search(q->arg, &hit, err);
}

/* Answers and frees it; err NULL is success. */
static void request_finish(struct request *q, const struct proto_found *f, const struct error *err)
{
    const struct session_rows rows = {.count = q->got,
                                      .cols = q->cols,
                                      .cells = q->cells,
                                      .wrapped = q->wrapped,
                                      .clusters = &q->clusters,
                                      .extras = &q->extras};

    if (q->search != NULL) {
        tell_found(q, f, err);
    } else if (q->look != NULL) {
        q->look(q->arg, &q->screen, &rows, err);
    } else {
        q->history(q->arg, q->first, &rows, err);
    }
    free(q->cells);
    free(q->wrapped);
    cluster_table_release(&q->clusters);
    extra_table_release(&q->extras);
    free(q);
}

/* Asks for the lines that are still missing. */
static void ask_lines(struct remote *r, const struct request *q)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_history h = {
        .id = q->id, .first = q->first + q->got, .count = (uint32_t)(q->want - q->got), .cols = q->cols};

    proto_put_history(&b, &h);
    remote_send(r, PROTO_HISTORY, &b);
}

void remote_history(struct remote *r, uint64_t first, size_t count, int cols, sessions_history_fn fn, void *arg)
{
    struct request *q = request_new(r, arg);

    q->history = fn;
    q->first = first;
    q->want = MT_MIN(count, (size_t)INT32_MAX);
    q->cols = MT_MIN(MT_MAX(cols, 1), PROTO_MAX_COLS);
    ask_lines(r, q);
}

int remote_look(struct remote *r, sessions_look_fn fn, void *arg, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    if (r->version < PROTO_VERSION_LOOK) {
        return remote_too_old(r, err);
    }
    struct request *q = request_new(r, arg);
    q->look = fn;
    proto_put_u32(&b, q->id);
    remote_send(r, PROTO_LOOK, &b);
    return 0;
}

int remote_on_looked(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct wire_reader rows;
    struct proto_screen s;
    struct request *q;
    uint32_t id, count;

    if (proto_get_u32(data, len, &id, err) != 0 || proto_get_screen(data + 4, len - 4, &s, &rows, &count, err) != 0) {
        return -1;
    }
    for (q = r->requests; q != NULL && q->id != id; q = q->next) {
    }
    if (q == NULL || q->look == NULL || q->looked) {
        return error_set(err, ERROR_PARSE, "protocol: a screen that nobody asked for");
    }
    q->looked = true;
    mirror_screen(&q->screen, &s);
    q->first = s.history_first + s.history_lines;
    q->want = (size_t)s.rows;
    q->cols = s.cols;
    return 0;
}

void remote_search(struct remote *r, const struct sessions_query *query, sessions_search_fn fn, void *arg)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct request *q = request_new(r, arg);
    struct proto_search s = {.id = q->id,
                             .from = query->line,
                             .from_col = MT_MAX(query->col, 0),
                             .backward = query->backward,
                             .kind = (int)query->kind,
                             .here = query->here,
                             .count = query->count};

    q->search = fn;
    str_copy(s.needle, sizeof(s.needle), query->needle != NULL ? query->needle : "");
    proto_put_search(&b, &s);
    remote_send(r, PROTO_SEARCH, &b);
}

void remote_keep(struct remote *r, const struct vt_point *points, size_t n, sessions_kept_fn fn, void *arg)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_points(&b, points, n);
    r->kept = fn;
    r->kept_arg = arg;
    remote_send(r, PROTO_KEEP, &b);
}

int remote_on_kept(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct vt_point points[PROTO_POINTS_MAX];
    size_t n = 0;
    sessions_kept_fn fn = r->kept;

    if (proto_get_points(data, len, points, &n, err) != 0) {
        return -1;
    }
    r->kept = NULL;
    if (fn != NULL) {
        fn(r->kept_arg, points, n);
    }
    return 0;
}

/* Makes a row's extras those of the answer. */
static void move_extras(struct request *q, struct cell *cells, const struct extra_table *from)
{
    uint16_t last = 0, ours = 0;

    for (int i = 0; i < q->cols; i++) {
        uint16_t id = cell_extra(&cells[i]);

        if (id != last) {
            const struct extra *e = extra_get(from, id);
            bool full = false;

            ours = e != NULL ? extra_intern(&q->extras, e->uri, e->ul, &full) : 0;
            last = id;
        }
        if (id != 0) {
            cell_set_extra(&cells[i], ours);
        }
    }
}

/* Rows of an answer go behind those gathered. Returns how many came; -1 when malformed. */
static int gather(struct remote *r, struct request *q, const struct proto_lines *l, struct wire_reader *rows,
                  struct error *err)
{
    size_t n = MT_MIN((size_t)l->count, q->want - q->got);

    /* a row has at least nine bytes: a count beyond that is a lie, and must not size an allocation */
    if (l->cols != q->cols || n > (size_t)(rows->end - rows->p) / 9) {
        return error_set(err, ERROR_PARSE, "protocol: an answer that does not fit the question");
    }
    if (n > 0) {
        q->cells = xreallocarray(q->cells, (q->got + n) * (size_t)q->cols, sizeof(*q->cells));
        q->wrapped = xreallocarray(q->wrapped, q->got + n, sizeof(*q->wrapped));
        q->clusters.max = (q->got + n) * (size_t)q->cols; /* never full */
    }
    for (size_t i = 0; i < n; i++) {
        struct cell *row = q->cells + q->got * (size_t)q->cols;
        int index;

        if (proto_get_row(rows, &index, &q->wrapped[q->got], row, q->cols, &q->clusters, err) != 0) {
            return -1;
        }
        move_extras(q, row, &r->extras);
        q->got++;
    }
    return (int)n;
}

int remote_on_lines(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct wire_reader rows;
    struct proto_lines l;
    struct request *q;
    int n;

    if (proto_get_lines(data, len, &l, &rows, err) != 0) {
        return -1;
    }
    q = request_take(r, l.id);
    if (q == NULL || q->search != NULL || (q->look != NULL && !q->looked)) {
        if (q != NULL) {
            q->next = r->requests;
            r->requests = q;
        }
        return error_set(err, ERROR_PARSE, "protocol: lines that nobody asked for");
    }
    q->next = r->requests; /* it stays in the list until it is complete */
    r->requests = q;
    if (q->got == 0 && l.first > q->first) {
        uint64_t cut = l.first - q->first; /* the oldest lines asked for are gone */

        q->want -= (size_t)MT_MIN(cut, (uint64_t)q->want);
        q->first = l.first;
    } else if (l.first != q->first + q->got) {
        q->want = q->got; /* lines were dropped between two pieces: what came first stands */
    }
    n = gather(r, q, &l, &rows, err);
    if (n < 0) {
        return -1;
    }
    if (n > 0 && q->got < q->want) {
        ask_lines(r, q);
    } else {
        request_finish(request_take(r, q->id), NULL, NULL);
    }
    return 0;
}

int remote_on_found(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct proto_found f;
    struct request *q;

    if (proto_get_found(data, len, &f, err) != 0) {
        return -1;
    }
    for (q = r->requests; q != NULL && q->id != f.id; q = q->next) {
    }
    if (q == NULL || q->search == NULL) {
        return error_set(err, ERROR_PARSE, "protocol: an answer that nobody asked for");
    }
    if (f.more) {
        tell_found(q, &f, NULL);
    } else {
        request_finish(request_take(r, f.id), &f, NULL);
    }
    return 0;
}

void remote_answer_all(struct remote *r, const struct error *err)
{
    while (r->requests != NULL) {
        request_finish(request_take(r, r->requests->id), NULL, err);
    }
}
