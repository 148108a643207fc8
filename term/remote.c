/* SPDX-License-Identifier: Apache-2.0 */
#include "term/remote_priv.h"

#include <string.h>

#include "core/io/loop.h"
#include "core/io/sock.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/meta.h"

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
    return &r->mirror.clusters;
}

const struct extra_table *remote_extras(const struct remote *r)
{
    return &r->extras;
}

void remote_send(struct remote *r, enum proto_type type, const struct strbuf *b)
{
    sock_send(r->sock, (uint8_t)type, b->buf, b->len);
}

void remote_tell(struct remote *r, int type)
{
    sock_send(r->sock, (uint8_t)type, "", 0);
}

void remote_keep_order(struct remote *r)
{
    r->by_host = true;
    r->followed = false;
}

void remote_signal(struct remote *r, int signum)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_u32(&b, (uint32_t)signum);
    remote_send(r, PROTO_SIGNAL, &b);
    remote_keep_order(r);
    remote_asked(r);
}

int remote_too_old(const struct remote *r, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "its host is of an older muthr-tui (%s), which cannot do that",
                     r->program);
}

int remote_rename(struct remote *r, const char *name, struct error *err)
{
    if (r->version < PROTO_VERSION_RENAME) {
        return remote_too_old(r, err);
    }
    sock_send(r->sock, PROTO_RENAME, name, strlen(name));
    return 0;
}

int remote_reset(struct remote *r, struct error *err)
{
    if (r->version < PROTO_VERSION_RESET) {
        return remote_too_old(r, err);
    }
    remote_tell(r, PROTO_RESET);
    remote_keep_order(r);
    return 0;
}

int remote_restart(struct remote *r, struct error *err)
{
    if (r->version < PROTO_VERSION_RESTART) {
        return remote_too_old(r, err);
    }
    remote_tell(r, PROTO_RESTART);
    remote_keep_order(r);
    remote_asked(r);
    return 0;
}

void remote_number(struct remote *r, int number)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_u32(&b, (uint32_t)number);
    remote_send(r, PROTO_NUMBER, &b);
}

void remote_outer(struct remote *r, const struct proto_outer *o)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_outer(&b, o);
    remote_send(r, PROTO_OUTER, &b);
    remote_keep_order(r);
}

void remote_focus(struct remote *r, bool focused)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;

    proto_put_bool(&b, focused);
    remote_send(r, PROTO_FOCUS, &b);
    remote_keep_order(r);
}

/* --- viewing --- */

void remote_lend(struct remote *r, int terminal)
{
    r->outer = terminal;
}

struct loan *remote_loan(const struct remote *r)
{
    return r->terminal >= 0 && !r->by_host && r->in_flight == 0 ? r->loan : NULL;
}

void remote_view(struct remote *r, int cols, int rows)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_size size = {MT_MIN(MT_MAX(cols, 1), PROTO_MAX_COLS), MT_MIN(MT_MAX(rows, 1), PROTO_MAX_ROWS)};

    r->viewing = true;
    r->size = size;
    proto_put_size(&b, size);
    remote_send(r, PROTO_VIEW, &b);
    remote_keep_order(r);
    remote_asked(r);
}

void remote_unview(struct remote *r)
{
    if (r->viewing) {
        r->viewing = false;
        remote_drop_terminal(r);
        remote_drop_notes(r);
        remote_drop_loan(r);
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
    info.silent_since_ms = r->info.silent_since_ms; /* remote_heard sees to that */
    r->info = info;
    r->ready = true;
    if (info.state == SESSION_EXITED || info.task.next_wall_ms != 0) {
        remote_drop_terminal(r);
    }
    r->ev.on_meta(r->arg, r);
    return 0;
}

static int on_screen(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    if (!r->viewing) {
        return 0; /* it was on its way when viewing ended */
    }
    if (mirror_apply(&r->mirror, data, len, err) != 0) {
        return -1;
    }
    r->credit_owed = true;
    r->ev.on_frame(r->arg, r);
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
        remote_on_terminal(r);
        return 0;
    case PROTO_NOTES:
        remote_on_notes(r);
        return 0;
    case PROTO_INPUT_ACK:
        return remote_on_ack(r, data, len, err);
    case PROTO_LOOKED:
        return remote_on_looked(r, data, len, err);
    case PROTO_LINES:
        return remote_on_lines(r, data, len, err);
    case PROTO_FOUND:
        return remote_on_found(r, data, len, err);
    case PROTO_KEPT:
        return remote_on_kept(r, data, len, err);
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

    remote_heard(arg);
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
    mirror_init(&r->mirror);
    r->terminal = r->notes = r->outer = -1;
    if (sock_connect(&r->sock, loop, path, &EVENTS, r, err) != 0) {
        free(r);
        return -1;
    }
    sock_accept_fds(r->sock);
    r->later = timer_new(loop, on_later, r);
    r->answer.timer = timer_new(loop, remote_on_answer_due, r);
    proto_put_hello(&hello, MT_VERSION);
    remote_send(r, PROTO_HELLO, &hello);
    *out = r;
    return 0;
}

void remote_close(struct remote *r, enum error_code why)
{
    struct error err = ERROR_INIT;

    sock_close(r->sock);
    remote_drop_terminal(r);
    remote_drop_notes(r);
    remote_drop_loan(r);
    timer_close(r->later);
    timer_close(r->answer.timer);
    error_set(&err, why, "session %s is gone", r->info.id);
    remote_answer_all(r, &err);
    mirror_release(&r->mirror);
    extra_table_release(&r->extras);
    strbuf_release(&r->input);
    free(r);
}
