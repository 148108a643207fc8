/* SPDX-License-Identifier: Apache-2.0 */
#include "term/viewer_priv.h"

#include <string.h>
#include <unistd.h>

#include "core/io/aside.h"
#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "term/host_session.h"
#include "term/host_task.h"
#include "term/meta.h"
#include "term/questions.h"

#define UNREAD_PAUSE_BYTES (2u << 20) /* a client that asks faster than it reads is not listened to */
#define UNREAD_META_BYTES (64u << 10) /* one that does not read is owed its metadata */

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

void viewer_send(struct viewer *v, enum proto_type type, const struct strbuf *b)
{
    sock_send(v->sock, (uint8_t)type, b->buf, b->len);
}

static void send_error(struct viewer *v, enum error_code code, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_error(&b, code, text);
    viewer_send(v, PROTO_ERROR, &b);
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
    viewer_drop_loan(v);
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
        viewer_send(v, PROTO_KEPT, &b);
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
        viewer_send(v, PROTO_INPUT_ACK, &b);
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

/* Input of an ended program goes nowhere, and who wants to know of each byte is not told otherwise. */
static bool is_lost(const struct viewer *v)
{
    return v->acks_each && v->host->pty == NULL;
}

/* What comes now is for the next run of a task: whoever wants to know of each byte wants it to be read. */
static bool is_for_next_run(const struct viewer *v)
{
    return v->acks_each && host_task_waits(v->host);
}

void viewer_run_ended(struct viewer *v)
{
    v->shares = false; /* the next run has a terminal of its own */
    viewer_drain_input(v);
}

void viewer_drain_input(struct viewer *v)
{
    size_t n;

    if (is_for_next_run(v)) {
        return;
    }

    if (v->input.len == 0) {
        acknowledge(v, 0);
        return;
    }
    n = host_session_input(v->host, v->input.buf, v->input.len);
    strbuf_consume(&v->input, n);
    acknowledge(v, is_lost(v) ? 0 : n);
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
    if (v->input.len == 0 && !is_for_next_run(v)) {
        n = host_session_input(v->host, data, len);
        acknowledge(v, is_lost(v) ? 0 : n);
    }
    strbuf_add(&v->input, data + n, len - n);
    update_pause(v);
}

/* Somebody wants to know how the screen stands, without being a viewer of it. */
static void on_look(struct viewer *v, uint32_t id)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_screen s;

    viewer_screen(v->host, &s);
    proto_put_u32(&b, id);
    proto_end_rows(&b, proto_put_screen(&b, &s), 0);
    viewer_send(v, PROTO_LOOKED, &b);
    questions_screen(v->questions, id);
}

/* questions_fn */
static void send_answer(void *arg, enum proto_type type, const struct strbuf *payload)
{
    struct viewer *v = arg;

    if (type == PROTO_LINES) {
        viewer_send_extras(v); /* the rows may have brought some */
    }
    viewer_send(v, type, payload);
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

static void on_restart(struct viewer *v)
{
    struct error err = ERROR_INIT;

    if (host_task_restart(v->host, &err) != 0) {
        send_error(v, err.code, err.msg);
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
        viewer_drop_loan(v);
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
    case PROTO_LOAN:
        viewer_on_loan(v);
        return 0;
    case PROTO_LOAN_TERMINAL:
        viewer_on_outer_terminal(v);
        return 0;
    case PROTO_YIELD:
        host_session_yield(v->host);
        return 0;
    case PROTO_RESTART:
        on_restart(v);
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
    v->tokens = VIEWER_FRAMES;
    v->token_ms = clock_mono_ms();
    v->notes = v->outer = -1;
    strbuf_init(&v->last_head);
    strbuf_init(&v->input);
    v->questions = questions_new(h->loop, h->vt, send_answer, v);
    v->next = h->viewers;
    h->viewers = v;
    h->viewer_count++;
    sock_set_events(sock, &EVENTS, v);
    sock_accept_fds(sock);
    proto_put_hello(&b, MT_VERSION);
    viewer_send(v, PROTO_HELLO, &b);
}
