/* SPDX-License-Identifier: Apache-2.0 */
#include "term/viewer.h"

#include <string.h>
#include <unistd.h>

#include "core/io/aside.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/host_session.h"
#include "term/meta.h"
#include "term/proto.h"
#include "term/questions.h"

#define FRAME_MS 16
#define YIELD_FRAME_MS 50             /* beside a session that is typed into nobody reads a flood */
#define KEY_FRAME_MS 4                /* within PROTO_KEY_WINDOW_MS */
#define FRAME_TOKENS 4                /* frames in hand, so that start-up and Ctrl-C are not a frame late */
#define UNREAD_PAUSE_BYTES (2u << 20) /* a client that asks faster than it reads is not listened to */
#define UNREAD_META_BYTES (64u << 10) /* one that does not read is owed its metadata */
#define DIRTY_WORDS ((PROTO_MAX_ROWS + 63) / 64)

struct viewer {
    struct host_session *host;
    struct sock *sock;
    struct viewer *next;
    bool greeted;
    bool viewing;
    int cols, rows;
    uint64_t seq;
    bool credit;      /* it took the last frame */
    bool touched;     /* something may have changed since the last frame */
    bool key_pending; /* it typed: the next output goes at once */
    bool meta_owed;
    bool paused;
    int tokens;
    uint64_t token_ms;
    uint64_t key_ms, sent_ms; /* of its last key, of the last frame */
    uint64_t dirty[DIRTY_WORDS];
    struct strbuf last_head; /* of the last frame: a frame without rows is sent only when this differs */
    struct strbuf input;     /* taken from the client, not yet by the pty */
    uint32_t extras_told;    /* serial of the newest it knows */
    bool acks_each;          /* it waits for the last byte of its input */
    bool shares;             /* it has the terminal, and types into it directly */
    unsigned serial;         /* of that terminal */
    int notes;               /* where it leaves word of what it typed (core/io/aside.h); -1: nowhere */
    size_t unacknowledged;   /* input that went on, of which the client was not told yet */
    struct questions *questions;
    struct vt_point points[PROTO_POINTS_MAX]; /* to be kept when the size changes */
    size_t npoints;
};

struct viewer *viewer_next(const struct viewer *v)
{
    return v->next;
}

bool viewer_is_viewing(const struct viewer *v)
{
    return v->viewing;
}

void viewer_size(const struct viewer *v, int *cols, int *rows)
{
    *cols = v->cols;
    *rows = v->rows;
}

size_t viewer_points(struct viewer *v, struct vt_point **points)
{
    *points = v->points;
    return v->npoints;
}

uint64_t viewer_seq(const struct viewer *v)
{
    return v->seq;
}

/* Sends a message built in a buffer. */
static void send_buf(struct viewer *v, enum proto_type type, const struct strbuf *b)
{
    sock_send(v->sock, (uint8_t)type, b->buf, b->len);
}

static void send_error(struct viewer *v, enum error_code code, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_error(&b, code, text);
    send_buf(v, PROTO_ERROR, &b);
}

/* It types no more, or tells of it otherwise. */
static void drop_notes(struct viewer *v)
{
    if (v->notes >= 0) {
        close(v->notes);
    }
    v->notes = -1;
}

/* Takes it out of the host's list and frees it. The connection is the caller's business. */
static void viewer_forget(struct viewer *v)
{
    struct host_session *h = v->host;
    struct viewer **at = &h->viewers;

    while (*at != NULL && *at != v) {
        at = &(*at)->next;
    }
    if (*at == v) {
        *at = v->next;
        h->viewer_count--;
    }
    drop_notes(v);
    questions_free(v->questions);
    strbuf_release(&v->last_head);
    strbuf_release(&v->input);
    free(v);
}

void viewer_detach(struct viewer *v)
{
    sock_close(v->sock);
    viewer_forget(v);
}

void viewer_kept(struct viewer *v)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    if (v->npoints > 0) {
        proto_put_points(&b, v->points, v->npoints);
        v->npoints = 0;
        send_buf(v, PROTO_KEPT, &b);
    }
}

/* Ends a connection that does not speak the protocol, saying so. */
static void viewer_refuse(struct viewer *v, enum error_code code, const char *text)
{
    struct host_session *h = v->host;

    send_error(v, code, text);
    viewer_detach(v);
    host_session_fit(h);
}

/* --- frames --- */

void viewer_damage(struct viewer *v, int row)
{
    v->touched = true;
    if (row >= 0 && row < PROTO_MAX_ROWS) {
        v->dirty[row / 64] |= (uint64_t)1 << (row % 64);
    }
}

void viewer_damage_all(struct viewer *v)
{
    v->touched = true;
    memset(v->dirty, 0xff, sizeof(v->dirty));
}

static void screen_fill(const struct host_session *h, struct proto_screen *s)
{
    struct vt_cursor c = vt_cursor(h->vt);
    uint64_t lines = vt_history_estimate(h->vt);

    memset(s, 0, sizeof(*s));
    s->cols = vt_cols(h->vt);
    s->rows = vt_rows(h->vt);
    s->cursor_col = c.col;
    s->cursor_row = c.row;
    s->cursor_visible = c.visible;
    s->cursor_blink = c.blink;
    s->cursor_styled = c.styled;
    s->cursor_shape = c.shape;
    s->reversed = vt_is_reversed(h->vt);
    s->modes = *vt_modes(h->vt);
    s->modes.alt_screen = vt_is_alt(h->vt);
    s->history_lines = lines;
    s->history_first = vt_history_total(h->vt) - lines;
}

/* Appends the changed rows, as many as fit one frame; the rest stays marked. Returns how many. */
static uint32_t put_rows(struct viewer *v, struct strbuf *b, int rows, int cols)
{
    struct vt *vt = v->host->vt;
    struct cell *painted = vt_paint_row(vt, NULL, 0) ? xcalloc((size_t)cols, sizeof(*painted)) : NULL;
    uint32_t count = 0;

    for (int r = 0; r < rows && b->len < PROTO_SOFT_MAX; r++) {
        uint64_t bit = (uint64_t)1 << (r % 64);
        const struct cell *cells;
        bool wrapped = false;

        if ((v->dirty[r / 64] & bit) == 0) {
            continue;
        }
        v->dirty[r / 64] &= ~bit;
        cells = vt_row(vt, r, &wrapped);
        if (cells != NULL) {
            if (painted != NULL) {
                memcpy(painted, cells, (size_t)cols * sizeof(*cells));
                vt_paint_row(vt, painted, cols);
                cells = painted;
            }
            proto_put_row(b, r, wrapped, cells, cols, vt_clusters(vt));
            count++;
        }
    }
    free(painted);
    return count;
}

/* True while a row below `rows` is marked; marks beyond are taken away. */
static bool has_dirty(struct viewer *v, int rows)
{
    bool any = false;

    for (int i = 0; i < DIRTY_WORDS; i++) {
        int left = rows - i * 64;

        if (left < 64) {
            v->dirty[i] &= left <= 0 ? 0 : ((uint64_t)1 << left) - 1;
        }
        any = any || v->dirty[i] != 0;
    }
    return any;
}

/* Tells addresses and underline colours that it does not know yet. */
static void send_extras(struct viewer *v)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    const struct extra_table *t = vt_extras(v->host->vt);

    if (proto_put_extras(&b, t, v->extras_told)) {
        send_buf(v, PROTO_EXTRAS, &b);
    }
    v->extras_told = t->serial;
}

/* Gives it the place for its notes, once; without one it tells of each key by a message. */
static void share_notes(struct viewer *v)
{
    int fds[2];

    if (v->notes >= 0 || aside_open(fds) != 0) {
        return;
    }
    if (sock_send_fd(v->sock, PROTO_NOTES, "", 0, fds[1]) == 0) {
        v->notes = fds[0];
    } else {
        close(fds[0]);
    }
    close(fds[1]);
}

/* Gives the terminal to a viewer that has not got it, or got another one. It types into it itself then: a key goes to
 * the program without waking us first, which is a third of the way. A descriptor that it cannot use it just closes. */
static void share_terminal(struct viewer *v)
{
    unsigned serial = 0;
    int fd = v->viewing && v->host->pty != NULL ? pty_terminal(v->host->pty, &serial) : -1;

    if (fd < 0 || (v->shares && v->serial == serial)) {
        return;
    }
    share_notes(v); /* first: who has the terminal knows where to tell of it */
    if (sock_send_fd(v->sock, PROTO_TERMINAL, "", 0, fd) == 0) {
        v->shares = true;
        v->serial = serial;
    }
}

/* Sends one frame; false when there was nothing new in it. */
static bool send_frame(struct viewer *v)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_screen s;
    uint32_t count;
    size_t at;

    screen_fill(v->host, &s);
    at = proto_put_screen(&b, &s);
    v->touched = false;
    if (!has_dirty(v, s.rows) && b.len == v->last_head.len && memcmp(b.buf, v->last_head.buf, b.len) == 0) {
        return false;
    }
    strbuf_clear(&v->last_head);
    strbuf_add(&v->last_head, b.buf, b.len);
    count = put_rows(v, &b, s.rows, s.cols);
    proto_end_rows(&b, at, count);
    v->touched = has_dirty(v, s.rows);
    v->credit = false;
    v->key_pending = false;
    send_extras(v);
    send_buf(v, PROTO_FRAME, &b);
    share_terminal(v);
    return true;
}

/* Refills what may be sent by now. */
static void refill(struct viewer *v, uint64_t now_ms)
{
    uint64_t n = (now_ms - v->token_ms) / FRAME_MS;

    if (n > FRAME_TOKENS) {
        v->tokens = FRAME_TOKENS;
        v->token_ms = now_ms;
    } else if (n > 0) {
        v->tokens = MT_MIN(v->tokens + (int)n, FRAME_TOKENS);
        v->token_ms += n * FRAME_MS;
    }
}

uint64_t viewer_flush(struct viewer *v, uint64_t now_ms)
{
    if (!v->viewing || !v->touched || !v->credit || sock_queued(v->sock) > 0) {
        return 0; /* credit and drain call again */
    }
    if (vt_is_held(v->host->vt, now_ms)) {
        return vt_sync_deadline_ms(v->host->vt);
    }
    refill(v, now_ms);
    if (host_pace_yields(&v->host->pace, now_ms) && !v->key_pending && now_ms < v->sent_ms + YIELD_FRAME_MS) {
        return v->sent_ms + YIELD_FRAME_MS;
    }
    if (v->tokens <= 0 && !v->key_pending) {
        uint64_t next = v->token_ms + FRAME_MS;

        if (now_ms < v->key_ms + PROTO_KEY_WINDOW_MS) {
            next = MT_MIN(next, v->sent_ms + KEY_FRAME_MS);
        }
        if (next > now_ms) {
            return next;
        }
    }
    if (send_frame(v)) {
        v->tokens = MT_MAX(v->tokens - 1, 0);
        v->sent_ms = now_ms;
    }
    return 0;
}

/* --- metadata and what else is told unasked --- */

void viewer_meta(struct viewer *v, const char *json, size_t len)
{
    if (!v->greeted) {
        return;
    }
    if (sock_queued(v->sock) > UNREAD_META_BYTES) {
        v->meta_owed = true;
        return;
    }
    v->meta_owed = false;
    sock_send(v->sock, PROTO_META, json, len);
}

/* Metadata for this viewer only. */
static void send_meta(struct viewer *v)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    meta_write(&v->host->info, &b);
    viewer_meta(v, b.buf, b.len);
}

void viewer_clipboard(struct viewer *v, const char *data, size_t len)
{
    if (v->viewing && sock_queued(v->sock) < UNREAD_META_BYTES) {
        sock_send(v->sock, PROTO_CLIPBOARD, data, len);
    }
}

/* --- input --- */

/* Tells the client how much of its input has gone on, a quarter of its window at a time: told of every key, it would
 * be woken once more for each, just when the program that is to echo it wants a processor. */
static void acknowledge(struct viewer *v, size_t n)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    bool flushed = v->host->pty == NULL || (v->input.len == 0 && pty_is_flushed(v->host->pty));
    size_t keep = v->shares && !flushed ? 1 : 0;

    v->unacknowledged += n;
    if (v->unacknowledged > keep &&
        (v->acks_each || v->unacknowledged >= PROTO_INPUT_WINDOW / 4 || (v->shares && flushed))) {
        proto_put_u32(&b, (uint32_t)(v->unacknowledged - keep));
        v->unacknowledged = keep;
        send_buf(v, PROTO_INPUT_ACK, &b);
    }
}

/* Listens to the client again, or no more: while it has too much on the way in either direction. */
static void update_pause(struct viewer *v)
{
    bool pause = v->input.len > 2 * PROTO_INPUT_WINDOW || sock_queued(v->sock) > UNREAD_PAUSE_BYTES;

    if (pause != v->paused) {
        v->paused = pause;
        sock_pause(v->sock, pause);
    }
}

void viewer_drain_input(struct viewer *v)
{
    size_t n;

    if (v->input.len == 0) {
        acknowledge(v, 0);
        return;
    }
    n = host_session_input(v->host, v->input.buf, v->input.len);
    strbuf_consume(&v->input, n);
    acknowledge(v, n);
    update_pause(v);
}

/* Its size counts, and what its keys bring goes at once. */
static void note_typing(struct viewer *v)
{
    v->key_pending = true;
    v->key_ms = clock_mono_ms();
    if (v->viewing && v->seq != v->host->view_seq) {
        v->seq = ++v->host->view_seq;
        host_session_fit(v->host);
    }
}

/* A note: it has typed. */
static void on_note(void *arg, const char *data, size_t len)
{
    struct viewer *v = arg;

    note_typing(v);
    host_session_typed(v->host, data, len);
}

void viewer_look(struct viewer *v)
{
    if (v->notes >= 0) {
        aside_take(v->notes, on_note, v);
    }
}

static void on_input(struct viewer *v, const uint8_t *data, size_t len)
{
    size_t n = 0;

    note_typing(v);
    if (v->input.len == 0) {
        n = host_session_input(v->host, data, len);
        acknowledge(v, n);
    }
    strbuf_add(&v->input, data + n, len - n);
    update_pause(v);
}

/* Somebody wants to know how the screen stands, without being a viewer of it. */
static void on_look(struct viewer *v, uint32_t id)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_screen s;

    screen_fill(v->host, &s);
    proto_put_u32(&b, id);
    proto_end_rows(&b, proto_put_screen(&b, &s), 0);
    send_buf(v, PROTO_LOOKED, &b);
    questions_screen(v->questions, id);
}

/* questions_fn */
static void send_answer(void *arg, enum proto_type type, const struct strbuf *payload)
{
    struct viewer *v = arg;

    if (type == PROTO_LINES) {
        send_extras(v); /* the rows may have brought some */
    }
    send_buf(v, type, payload);
    update_pause(v);
}

/* --- messages --- */

static void on_hello(struct viewer *v, const uint8_t *data, size_t len)
{
    struct proto_hello hello;

    if (proto_get_hello(data, len, &hello, NULL) != 0) {
        viewer_refuse(v, ERROR_PARSE, "malformed hello");
    } else if (proto_common_version(&hello) == 0) {
        viewer_refuse(v, ERROR_UNAVAILABLE, "no protocol version in common; this host is of muthr-tui " MT_VERSION);
    } else if (!v->greeted) {
        v->greeted = true;
        send_meta(v);
    }
}

static void on_view(struct viewer *v, struct proto_size size)
{
    v->cols = size.cols;
    v->rows = size.rows;
    if (!v->viewing) {
        v->viewing = true;
        v->credit = true;
        v->seq = ++v->host->view_seq;
        v->extras_told = 0;
        strbuf_clear(&v->last_head);
        viewer_damage_all(v);
    }
    host_session_fit(v->host);
    host_session_flush(v->host);
}

static void on_signal(struct viewer *v, uint32_t signum)
{
    if (v->host->pty != NULL && signum >= 1 && signum <= 31) {
        pty_signal(v->host->pty, (int)signum);
    }
}

static void on_dismiss(struct viewer *v)
{
    struct error err = ERROR_INIT;

    if (host_session_dismiss(v->host, &err) != 0) {
        send_error(v, err.code, err.msg);
    }
}

/* Messages without a payload, or with a simple one. */
static int on_simple(struct viewer *v, uint8_t type, const uint8_t *data, size_t len, struct error *err)
{
    struct proto_outer outer;
    uint32_t n;
    bool on;

    switch (type) {
    case PROTO_TYPED:
        if (len > 0) {
            on_note(v, (const char *)data, len);
        }
        return 0;
    case PROTO_UNVIEW:
        v->viewing = v->shares = false;
        drop_notes(v);
        host_session_fit(v->host);
        return 0;
    case PROTO_CREDIT:
        v->credit = v->viewing;
        host_session_flush(v->host);
        return 0;
    case PROTO_INPUT:
        on_input(v, data, len);
        return 0;
    case PROTO_FOCUS:
        if (proto_get_bool(data, len, &on, err) != 0) {
            return -1;
        }
        vt_set_focus(v->host->vt, on);
        return 0;
    case PROTO_OUTER:
        if (proto_get_outer(data, len, &outer, err) != 0) {
            return -1;
        }
        vt_set_colors(v->host->vt, outer.fg, outer.bg, outer.cursor);
        vt_set_palette(v->host->vt, outer.palette);
        vt_set_kitty(v->host->vt, outer.kitty);
        vt_allow_clipboard(v->host->vt, outer.clipboard);
        return 0;
    case PROTO_KEEP:
        return proto_get_points(data, len, v->points, &v->npoints, err);
    case PROTO_KILL:
        host_session_kill(v->host);
        return 0;
    case PROTO_SIGNAL:
        if (proto_get_u32(data, len, &n, err) != 0) {
            return -1;
        }
        on_signal(v, n);
        return 0;
    case PROTO_ATTENDED:
        if (pulse_seen(v->host->pulse, clock_mono_ms())) {
            host_session_changed(v->host, true);
        }
        return 0;
    case PROTO_NUMBER:
        if (proto_get_u32(data, len, &n, err) != 0) {
            return -1;
        }
        v->host->info.number = (int)MT_MIN(n, (uint32_t)INT32_MAX);
        host_session_changed(v->host, true);
        return 0;
    case PROTO_LOOK:
        if (proto_get_u32(data, len, &n, err) != 0) {
            return -1;
        }
        on_look(v, n);
        return 0;
    case PROTO_ACK_EACH:
        v->acks_each = true;
        acknowledge(v, 0);
        return 0;
    case PROTO_RENAME:
        proto_get_name(data, len, v->host->info.name, sizeof(v->host->info.name));
        host_session_changed(v->host, true);
        return 0;
    case PROTO_YIELD:
        host_session_yield(v->host);
        return 0;
    case PROTO_RESET:
        host_session_reset(v->host);
        return 0;
    case PROTO_DISMISS:
        on_dismiss(v);
        return 0;
    case PROTO_SEARCH_STOP:
        questions_stop(v->questions);
        return 0;
    default:
        return 0; /* of a newer cockpit */
    }
}

static void on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
    struct viewer *v = arg;
    struct error err = ERROR_INIT;
    struct proto_history history;
    struct proto_search search;
    struct proto_size size;
    int rc = 0;

    if (type == PROTO_HELLO) {
        on_hello(v, data, len);
        return;
    }
    if (!v->greeted) {
        viewer_refuse(v, ERROR_PARSE, "hello comes first");
        return;
    }
    viewer_look(v); /* it came before this message */
    if (type == PROTO_VIEW) {
        rc = proto_get_size(data, len, &size, &err);
        if (rc == 0) {
            on_view(v, size);
        }
    } else if (type == PROTO_HISTORY) {
        rc = proto_get_history(data, len, &history, &err);
        if (rc == 0) {
            questions_lines(v->questions, &history);
        }
    } else if (type == PROTO_SEARCH) {
        rc = proto_get_search(data, len, &search, &err);
        if (rc == 0) {
            questions_search(v->questions, &search);
        }
    } else {
        rc = on_simple(v, type, data, len, &err);
    }
    if (rc != 0) {
        viewer_refuse(v, err.code, err.msg);
    }
}

static void on_drain(void *arg)
{
    struct viewer *v = arg;

    update_pause(v);
    if (v->meta_owed) {
        send_meta(v);
    }
    host_session_flush(v->host);
}

static void on_close(void *arg, const struct error *err)
{
    struct viewer *v = arg;
    struct host_session *h = v->host;

    (void)err; /* a client that went away is nothing to report */
    sock_close(v->sock);
    viewer_forget(v);
    host_session_fit(h);
}

void viewer_attach(struct host_session *h, struct sock *sock)
{
    static const struct sock_events EVENTS = {.on_frame = on_frame, .on_drain = on_drain, .on_close = on_close};
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct viewer *v;

    if (h->viewer_count >= VIEWER_MAX) {
        proto_put_error(&b, ERROR_BUSY, "too many clients on this session");
        sock_send(sock, PROTO_ERROR, b.buf, b.len);
        sock_close(sock);
        return;
    }
    v = xcalloc(1, sizeof(*v));
    v->host = h;
    v->sock = sock;
    v->tokens = FRAME_TOKENS;
    v->token_ms = clock_mono_ms();
    v->notes = -1;
    strbuf_init(&v->last_head);
    strbuf_init(&v->input);
    v->questions = questions_new(h->loop, h->vt, send_answer, v);
    v->next = h->viewers;
    h->viewers = v;
    h->viewer_count++;
    sock_set_events(sock, &EVENTS, v);
    proto_put_hello(&b, MT_VERSION);
    send_buf(v, PROTO_HELLO, &b);
}
