/* SPDX-License-Identifier: Apache-2.0 */
#include "term/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/io/aside.h"
#include "core/io/handover.h"
#include "core/io/loop.h"
#include "core/io/sock.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/meta.h"
#include "term/proto.h"

#define INPUT_PIECE_BYTES (32u << 10)
#define LOOK_MS 20      /* after a key that brought nothing the host is told to look at the notes */
#define DIRECT_MAX 1024 /* keys, and what the terminal answers; more than that is pasted, with back-pressure */

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
};

struct remote {
    struct sock *sock;
    struct remote_events ev;
    void *arg;
    struct session_info info;
    bool greeted, ready, announced;
    int version;      /* of the protocol that both speak */
    char program[32]; /* version of the host's program */
    struct mirror mirror;
    bool viewing, credit_owed;
    struct proto_size size; /* asked for */
    struct cluster_table clusters;
    struct extra_table extras;
    struct strbuf input; /* not yet sent, behind what is */
    size_t input_sent;   /* bytes at its beginning that are */
    size_t in_flight;    /* sent, not yet acknowledged */
    void (*taken)(void *arg, size_t left);
    void *taken_arg;
    int terminal;        /* to type into directly while nothing is in flight; -1: none */
    int notes;           /* where the host may be told of what is typed without being woken; -1: none */
    struct timer *later; /* `credit_due` and `noted` are sent then */
    bool credit_due;     /* the frame was taken: told when it has been painted */
    bool noted;          /* there may be notes that the host has not looked at */
    bool by_host;        /* something was said that what is typed next must not overtake: that goes by the host, too */
    bool followed;       /* and is on its way */
    struct request *requests;
    uint32_t next_request;
    sessions_kept_fn kept; /* wants to know where the places are that it keeps */
    void *kept_arg;
};

const char *remote_id(const struct remote *r)
{
    return r->info.id;
}

struct session_info *remote_info(struct remote *r)
{
    return &r->info;
}

bool remote_is_ready(const struct remote *r)
{
    return r->ready;
}

bool remote_announce(struct remote *r)
{
    bool first = !r->announced;

    r->announced = true;
    return first;
}

struct mirror *remote_mirror(struct remote *r)
{
    return r->viewing ? &r->mirror : NULL;
}

const struct cluster_table *remote_clusters(const struct remote *r)
{
    return &r->clusters;
}

const struct extra_table *remote_extras(const struct remote *r)
{
    return &r->extras;
}

/* Sends a message built in a buffer. */
static void send_buf(struct remote *r, enum proto_type type, const struct strbuf *b)
{
    sock_send(r->sock, (uint8_t)type, b->buf, b->len);
}

void remote_tell(struct remote *r, int type)
{
    sock_send(r->sock, (uint8_t)type, "", 0);
}

/* What is typed from now on comes after what was just said. */
static void keep_order(struct remote *r)
{
    r->by_host = true;
    r->followed = false;
}

void remote_signal(struct remote *r, int signum)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_u32(&b, (uint32_t)signum);
    send_buf(r, PROTO_SIGNAL, &b);
    keep_order(r);
}

/* Its host does not know that message. */
static int too_old(const struct remote *r, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "its host is of an older muthr-tui (%s), which cannot do that",
                     r->program);
}

int remote_reset(struct remote *r, struct error *err)
{
    if (r->version < PROTO_VERSION_RESET) {
        return too_old(r, err);
    }
    remote_tell(r, PROTO_RESET);
    keep_order(r);
    return 0;
}

void remote_number(struct remote *r, int number)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_u32(&b, (uint32_t)number);
    send_buf(r, PROTO_NUMBER, &b);
}

void remote_outer(struct remote *r, const struct proto_outer *o)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_outer(&b, o);
    send_buf(r, PROTO_OUTER, &b);
    keep_order(r);
}

void remote_focus(struct remote *r, bool focused)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_bool(&b, focused);
    send_buf(r, PROTO_FOCUS, &b);
    keep_order(r);
}

/* --- viewing --- */

void remote_view(struct remote *r, int cols, int rows)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_size size = {MT_MIN(MT_MAX(cols, 1), PROTO_MAX_COLS), MT_MIN(MT_MAX(rows, 1), PROTO_MAX_ROWS)};

    r->viewing = true;
    r->size = size;
    proto_put_size(&b, size);
    send_buf(r, PROTO_VIEW, &b);
    keep_order(r);
}

/* The terminal is over, or not for us any more: kept open it would not hang up. */
static void drop_terminal(struct remote *r)
{
    if (r->terminal >= 0) {
        close(r->terminal);
    }
    r->terminal = -1;
}

/* Nor is word to be left any more. */
static void drop_notes(struct remote *r)
{
    if (r->notes >= 0) {
        close(r->notes);
    }
    r->notes = -1;
    r->noted = false;
}

void remote_unview(struct remote *r)
{
    if (r->viewing) {
        r->viewing = false;
        drop_terminal(r);
        drop_notes(r);
        timer_stop(r->later);
        r->credit_owed = r->credit_due = false;
        mirror_release(&r->mirror);
        extra_table_release(&r->extras);
        remote_tell(r, PROTO_UNVIEW);
    }
}

void remote_credit(struct remote *r)
{
    if (r->credit_owed) {
        r->credit_owed = false;
        r->credit_due = true;
        timer_start(r->later, 0); /* the host need not run before the frame is on the screen */
    }
}

/* timer callback. Whatever comes, the host looks at the notes then. */
static void on_later(void *arg)
{
    struct remote *r = arg;

    if (r->credit_due || r->noted) {
        remote_tell(r, r->credit_due ? PROTO_CREDIT : PROTO_TYPED);
    }
    r->credit_due = r->noted = false;
}

/* --- input --- */

/* Bytes that were not sent yet. */
static size_t unsent(const struct remote *r)
{
    return r->input.len - r->input_sent;
}

/* What was sent is forgotten, now and then: moving the rest for each piece would cost its square. */
static void forget_sent(struct remote *r)
{
    if (unsent(r) == 0) {
        strbuf_truncate(&r->input, 0);
        r->input_sent = 0;
        if (r->input.cap > PROTO_INPUT_WINDOW) {
            strbuf_release(&r->input);
        }
    } else if (r->input_sent > r->input.len / 2) {
        strbuf_consume(&r->input, r->input_sent);
        r->input_sent = 0;
    }
}

/* Sends as much input as the window allows. */
static void pump_input(struct remote *r)
{
    while (unsent(r) > 0 && r->in_flight < PROTO_INPUT_WINDOW) {
        size_t n = MT_MIN(unsent(r), INPUT_PIECE_BYTES);

        sock_send(r->sock, PROTO_INPUT, r->input.buf + r->input_sent, n);
        r->followed = r->by_host;
        r->input_sent += n;
        r->in_flight += n;
    }
    forget_sent(r);
}

/* Tells the host what is going to be typed. As a rule by a note, which it finds when the echo wakes it: woken by each
 * key it would want a processor just when the program does. */
static void tell_typed(struct remote *r, const void *data, size_t len)
{
    bool ours = r->mirror.screen.cols == r->size.cols && r->mirror.screen.rows == r->size.rows;

    /* Another's size: ours comes back with the key, and that had better be before the program gets it. */
    if (r->notes < 0 || !ours || !aside_put(r->notes, data, len)) {
        sock_send(r->sock, PROTO_TYPED, data, len);
        return;
    }
    r->noted = true;
    if (!timer_is_active(r->later)) {
        timer_start(r->later, LOOK_MS);
    }
}

/* Writes keys into the terminal; how many bytes of them. The host hears of them first: what it knows of typing must not
 * be older than the echo. */
static size_t type_directly(struct remote *r, const void *data, size_t len)
{
    ssize_t n;

    if (r->terminal < 0 || r->by_host || unsent(r) > 0 || r->in_flight > 0 || len == 0 || len > DIRECT_MAX) {
        return 0;
    }
    if ((fcntl(r->terminal, F_GETFL) & O_NONBLOCK) == 0) { /* shared with others: it must never stop us */
        drop_terminal(r);
        return 0;
    }
    tell_typed(r, data, len);
    n = write(r->terminal, data, len);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        drop_terminal(r);
    }
    return n > 0 ? (size_t)n : 0;
}

size_t remote_input(struct remote *r, const void *data, size_t len)
{
    size_t direct = type_directly(r, data, len);
    size_t room = REMOTE_INPUT_MAX - MT_MIN(unsent(r) + r->in_flight, (size_t)REMOTE_INPUT_MAX);

    len = MT_MIN(len - direct, room);
    strbuf_add(&r->input, (const char *)data + direct, len);
    pump_input(r);
    return direct + len;
}

int remote_on_taken(struct remote *r, void (*fn)(void *arg, size_t left), void *arg, struct error *err)
{
    if (r->version < PROTO_VERSION_LOOK) {
        return too_old(r, err);
    }
    r->taken = fn;
    r->taken_arg = arg;
    remote_tell(r, PROTO_ACK_EACH);
    return 0;
}

/* --- questions --- */

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
    if (q->search != NULL) {
        tell_found(q, f, err);
    } else if (q->look != NULL) {
        q->look(q->arg, &q->screen, q->got, q->cells, q->wrapped, err);
    } else {
        q->history(q->arg, q->first, q->got, q->cols, q->cells, q->wrapped, err);
    }
    free(q->cells);
    free(q->wrapped);
    free(q);
}

/* Asks for the lines that are still missing. */
static void ask_lines(struct remote *r, const struct request *q)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_history h = {
        .id = q->id, .first = q->first + q->got, .count = (uint32_t)(q->want - q->got), .cols = q->cols};

    proto_put_history(&b, &h);
    send_buf(r, PROTO_HISTORY, &b);
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
        return too_old(r, err);
    }
    struct request *q = request_new(r, arg);
    q->look = fn;
    proto_put_u32(&b, q->id);
    send_buf(r, PROTO_LOOK, &b);
    return 0;
}

/* The screen that was asked for; its lines come next. */
static int on_looked(struct remote *r, const uint8_t *data, size_t len, struct error *err)
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
    send_buf(r, PROTO_SEARCH, &b);
}

void remote_keep(struct remote *r, const struct vt_point *points, size_t n, sessions_kept_fn fn, void *arg)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_points(&b, points, n);
    r->kept = fn;
    r->kept_arg = arg;
    send_buf(r, PROTO_KEEP, &b);
}

/* The size changed: where the places are now. */
static int on_kept(struct remote *r, const uint8_t *data, size_t len, struct error *err)
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

/* The cluster table is nearly full: forgets what neither mirror nor waiting answers show. */
static void sweep_clusters(struct remote *r)
{
    if (r->clusters.count < CLUSTER_MAX_ENTRIES / 4 * 3) {
        return;
    }
    mirror_mark(&r->mirror, &r->clusters);
    for (const struct request *q = r->requests; q != NULL; q = q->next) {
        for (size_t i = 0; q->cells != NULL && i < q->got * (size_t)q->cols; i++) {
            cluster_mark(&r->clusters, q->cells[i].ch);
        }
    }
    cluster_sweep(&r->clusters);
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
    }
    for (size_t i = 0; i < n; i++) {
        int index;

        if (proto_get_row(rows, &index, &q->wrapped[q->got], q->cells + q->got * (size_t)q->cols, q->cols, &r->clusters,
                          err) != 0) {
            return -1;
        }
        q->got++;
    }
    return (int)n;
}

/* Lines arrived: done when all are here, or there are no more. */
static int on_lines(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct wire_reader rows;
    struct proto_lines l;
    struct request *q;
    int n;

    if (proto_get_lines(data, len, &l, &rows, err) != 0) {
        return -1;
    }
    sweep_clusters(r);
    q = request_take(r, l.id);
    if (q == NULL || q->search != NULL || (q->look != NULL && !q->looked)) {
        if (q != NULL) {
            q->next = r->requests;
            r->requests = q;
        }
        return error_set(err, ERROR_PARSE, "protocol: lines that nobody asked for");
    }
    q->next = r->requests; /* it stays in the list until it is complete, also for the sweep above */
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

static int on_found(struct remote *r, const uint8_t *data, size_t len, struct error *err)
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

/* --- messages --- */

/* The connection is of no use any more. */
static void gone(struct remote *r, const struct error *err)
{
    r->ev.on_gone(r->arg, r, err);
}

static int on_hello(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct proto_hello h;

    if (proto_get_hello(data, len, &h, err) != 0) {
        return -1;
    }
    r->version = proto_common_version(&h);
    str_copy(r->program, sizeof(r->program), h.program);
    if (r->version == 0) {
        return error_set(err, ERROR_UNAVAILABLE,
                         "its host is of muthr-tui %s, whose protocol %d-%d is not ours (%d-%d)", h.program, h.min,
                         h.max, PROTO_VERSION_MIN, PROTO_VERSION_MAX);
    }
    r->greeted = true;
    return 0;
}

static int on_meta(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    struct session_info info;

    if (meta_read((const char *)data, len, r->info.id, &info, err) != 0) {
        return -1;
    }
    r->info = info;
    r->ready = true;
    if (info.state == SESSION_EXITED) {
        drop_terminal(r);
    }
    r->ev.on_meta(r->arg, r);
    return 0;
}

static int on_screen(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    if (!r->viewing) {
        return 0; /* it was on its way when viewing ended */
    }
    sweep_clusters(r);
    if (mirror_apply(&r->mirror, data, len, &r->clusters, err) != 0) {
        return -1;
    }
    r->credit_owed = true;
    r->ev.on_frame(r->arg, r);
    return 0;
}

/* The host gives its terminal away for us to type into. */
static void on_terminal(struct remote *r)
{
    int fd = sock_take_fd(r->sock);

    drop_terminal(r);
    if (r->viewing && handover_is_master(fd)) {
        r->terminal = fd;
    } else if (fd >= 0) {
        close(fd);
    }
}

/* The host gives a place for notes. */
static void on_notes(struct remote *r)
{
    int fd = sock_take_fd(r->sock);

    drop_notes(r);
    if (r->viewing && aside_is_writable(fd)) {
        r->notes = fd;
    } else if (fd >= 0) {
        close(fd);
    }
}

static int on_ack(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    uint32_t n;

    if (proto_get_u32(data, len, &n, err) != 0) {
        return -1;
    }
    r->in_flight -= MT_MIN((size_t)n, r->in_flight);
    if (r->in_flight == 0 && unsent(r) == 0 && r->followed) {
        r->by_host = r->followed = false; /* what was said before it is done, too */
    }
    pump_input(r);
    if (r->taken != NULL) {
        r->taken(r->taken_arg, unsent(r) + r->in_flight);
    }
    return 0;
}

/* What the host refuses is told in the log: nothing else depends on it. */
static int on_error(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    enum error_code code;
    char text[400];

    if (proto_get_error(data, len, &code, text, sizeof(text), err) != 0) {
        return -1;
    }
    log_warn("session %s: %s", r->info.id, text);
    return 0;
}

/* Acts on one message. After 0 the remote may be gone: callbacks come last. */
static int dispatch(struct remote *r, uint8_t type, const uint8_t *data, size_t len, struct error *err)
{
    if (!r->greeted && type != PROTO_HELLO && type != PROTO_ERROR) {
        return error_set(err, ERROR_PARSE, "protocol: its host did not greet");
    }
    switch (type) {
    case PROTO_HELLO:
        return on_hello(r, data, len, err);
    case PROTO_META:
        return on_meta(r, data, len, err);
    case PROTO_FRAME:
        return on_screen(r, data, len, err);
    case PROTO_EXTRAS:
        return proto_get_extras(data, len, &r->extras, err);
    case PROTO_TERMINAL:
        on_terminal(r);
        return 0;
    case PROTO_NOTES:
        on_notes(r);
        return 0;
    case PROTO_INPUT_ACK:
        return on_ack(r, data, len, err);
    case PROTO_LOOKED:
        return on_looked(r, data, len, err);
    case PROTO_LINES:
        return on_lines(r, data, len, err);
    case PROTO_FOUND:
        return on_found(r, data, len, err);
    case PROTO_KEPT:
        return on_kept(r, data, len, err);
    case PROTO_CLIPBOARD:
        if (r->viewing) {
            r->ev.on_clipboard(r->arg, r, (const char *)data, len);
        }
        return 0;
    case PROTO_ERROR:
        return on_error(r, data, len, err);
    default:
        return 0; /* of a newer host */
    }
}

static void on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
    struct error err = ERROR_INIT;

    if (dispatch(arg, type, data, len, &err) != 0) {
        gone(arg, &err);
    }
}

static void on_close(void *arg, const struct error *err)
{
    gone(arg, err);
}

int remote_open(struct remote **out, struct loop *loop, const char *path, const char *id,
                const struct remote_events *ev, void *arg, struct error *err)
{
    static const struct sock_events EVENTS = {.on_frame = on_frame, .on_close = on_close};
    MT_CLEANUP(strbuf) struct strbuf hello = STRBUF_INIT;
    struct remote *r = xcalloc(1, sizeof(*r));

    r->ev = *ev;
    r->arg = arg;
    str_copy(r->info.id, sizeof(r->info.id), id);
    strbuf_init(&r->input);
    cluster_table_init(&r->clusters);
    mirror_init(&r->mirror);
    r->terminal = r->notes = -1;
    if (sock_connect(&r->sock, loop, path, &EVENTS, r, err) != 0) {
        cluster_table_release(&r->clusters);
        free(r);
        return -1;
    }
    sock_accept_fds(r->sock);
    r->later = timer_new(loop, on_later, r);
    proto_put_hello(&hello, MT_VERSION);
    send_buf(r, PROTO_HELLO, &hello);
    *out = r;
    return 0;
}

void remote_close(struct remote *r, enum error_code why)
{
    struct error err = ERROR_INIT;

    sock_close(r->sock);
    drop_terminal(r);
    drop_notes(r);
    timer_close(r->later);
    error_set(&err, why, "session %s is gone", r->info.id);
    while (r->requests != NULL) {
        request_finish(request_take(r, r->requests->id), NULL, &err);
    }
    mirror_release(&r->mirror);
    cluster_table_release(&r->clusters);
    extra_table_release(&r->extras);
    strbuf_release(&r->input);
    free(r);
}
