/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/fdpass.h"
#include "core/io/loop_private.h"
#include "core/io/sock_addr.h"
#include "core/io/sock_private.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define SOCK_QUEUE_MAX (16u << 20) /* a peer that reads slower than this is cut off, rather than eating our memory */
#define SOCK_READ_BYTES (64u << 10)
#define SOCK_READS_PER_TURN 8
#define SOCK_LINGER_MS 250
#define SOCK_HEADER_BYTES 4
#define SOCK_KEEP_BYTES (256u << 10) /* buffers above this are given back once empty */

struct sock {
    struct loop *loop;
    struct watch *watch;
    struct timer *linger;
    struct loop_task pump; /* frames left over from a pause, or a write that failed */
    struct loop_task drained;
    struct loop_task failed;
    struct sock_events ev;
    void *arg;
    struct error error;
    struct strbuf in, out;
    size_t in_off, out_off;
    int fd, passed; /* passed: came with what was read last; -1: none */
    bool accepts_fds;
    bool paused, write_broken, delivering, dead, closing;
};

static void pump(struct sock *s);

/* Sets what the descriptor is watched for. */
static void update_watch(struct sock *s)
{
    int events = 0;

    if (s->watch == NULL) {
        return;
    }
    if (!s->dead && !s->closing && !s->paused && s->ev.on_frame != NULL) {
        events |= WATCH_READ;
    }
    if (!s->dead && !s->write_broken && s->out.len > s->out_off) {
        events |= WATCH_WRITE;
    }
    watch_set(s->watch, events);
}

/* Ends the descriptor; the object stays until sock_close. */
static void shut(struct sock *s)
{
    watch_close(s->watch);
    s->watch = NULL;
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
    loop_task_remove(&s->pump);
    loop_task_remove(&s->drained);
    strbuf_release(&s->out);
    s->out_off = 0;
}

/* Frees a sock that was closed. */
static void destroy(struct sock *s)
{
    shut(s);
    loop_task_remove(&s->failed);
    if (s->linger != NULL) {
        timer_close(s->linger);
        loop_linger(s->loop, -1);
    }
    if (s->passed >= 0) {
        close(s->passed);
    }
    strbuf_release(&s->in);
    free(s);
}

/* loop_task: destroys outside of any frame handler. */
static void destroy_task(void *arg)
{
    struct sock *s = arg;
    loop_linger(s->loop, -1);
    destroy(s);
}

/* loop_task: tells the owner that it is over. */
static void tell_closed(void *arg)
{
    struct sock *s = arg;
    struct error err = s->error;
    if (s->ev.on_close != NULL) {
        s->ev.on_close(s->arg, &err);
    }
}

/* The connection is over; s->error says why. The owner hears of it on the next turn. */
static void fail(struct sock *s)
{
    if (s->dead) {
        return;
    }
    s->dead = true;
    shut(s);
    if (!s->closing) {
        loop_task_add(s->loop, &s->failed);
    }
}

/* Writes what the kernel takes. False when the connection is broken. */
static bool flush(struct sock *s)
{
    while (s->out_off < s->out.len) {
        ssize_t n = send(s->fd, s->out.buf + s->out_off, s->out.len - s->out_off, MSG_NOSIGNAL);
        if (n > 0) {
            s->out_off += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
            break;
        } else {
            error_set(&s->error, ERROR_UNAVAILABLE, "the other end has closed the connection (%s)", strerror(errno));
            s->write_broken = true;
            return false;
        }
    }
    if (s->out_off == s->out.len) {
        s->out_off = 0;
        if (s->out.cap > SOCK_KEEP_BYTES) {
            strbuf_release(&s->out);
        } else {
            strbuf_clear(&s->out);
        }
    } else if (s->out_off > SOCK_KEEP_BYTES && s->out_off > s->out.len / 2) {
        strbuf_consume(&s->out, s->out_off);
        s->out_off = 0;
    }
    return true;
}

/* The write side is gone: what the peer sent before is still delivered, then the connection fails. */
static void write_failed(struct sock *s)
{
    strbuf_release(&s->out);
    s->out_off = 0;
    if (s->closing || s->paused || s->ev.on_frame == NULL) {
        fail(s);
    } else {
        loop_task_add(s->loop, &s->pump);
    }
}

/* loop_task: the queue fell to zero. */
static void tell_drained(void *arg)
{
    struct sock *s = arg;
    if (!s->closing && !s->dead && s->ev.on_drain != NULL && sock_queued(s) == 0) {
        s->ev.on_drain(s->arg);
    }
}

/* The length at the front of the input, or -1 when it has not arrived whole. */
static int64_t next_length(const struct sock *s)
{
    const unsigned char *p = (const unsigned char *)s->in.buf + s->in_off;
    if (s->in.len - s->in_off < SOCK_HEADER_BYTES) {
        return -1;
    }
    return (int64_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

/* Gives out whole frames until there is none, or the owner pauses or closes. */
static void deliver(struct sock *s)
{
    s->delivering = true;
    while (!s->closing && !s->dead && !s->paused && s->ev.on_frame != NULL) {
        int64_t len = next_length(s);
        const uint8_t *p;

        if (len < 0) {
            break;
        }
        if (len == 0 || len > SOCK_FRAME_MAX) {
            error_set(&s->error, ERROR_PARSE, "refused a frame of %lld bytes", (long long)len);
            fail(s);
            break;
        }
        if (s->in.len - s->in_off < SOCK_HEADER_BYTES + (size_t)len) {
            break;
        }
        p = (const uint8_t *)s->in.buf + s->in_off + SOCK_HEADER_BYTES;
        s->in_off += SOCK_HEADER_BYTES + (size_t)len;
        s->ev.on_frame(s->arg, p[0], p + 1, (size_t)len - 1);
    }
    s->delivering = false;
    if (s->in_off == s->in.len && s->in.cap > SOCK_KEEP_BYTES) {
        strbuf_release(&s->in);
    } else {
        strbuf_consume(&s->in, s->in_off);
    }
    s->in_off = 0;
}

/* recv for one that gets descriptors: the last one is kept, when it came alone. */
static ssize_t receive_with_fd(struct sock *s, void *buf, size_t cap)
{
    int fds[2];
    size_t count;
    ssize_t n = fdpass_recv(s->fd, buf, cap, 0, fds, MT_ARRAY_LEN(fds), &count);

    if (count == 1) {
        if (s->passed >= 0) {
            close(s->passed);
        }
        s->passed = fds[0];
    } else if (count > 1) {
        close(fds[0]);
        close(fds[1]);
    }
    return n;
}

/* One read. Returns true when there may be more. */
static bool read_once(struct sock *s)
{
    ssize_t n;

    strbuf_reserve(&s->in, SOCK_READ_BYTES);
    n = s->accepts_fds ? receive_with_fd(s, s->in.buf + s->in.len, SOCK_READ_BYTES)
                       : recv(s->fd, s->in.buf + s->in.len, SOCK_READ_BYTES, 0);
    if (n > 0) {
        s->in.len += (size_t)n;
        s->in.buf[s->in.len] = '\0';
        deliver(s);
        return (size_t)n == SOCK_READ_BYTES;
    }
    if (n < 0 && errno == EINTR) {
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        if (s->write_broken) {
            fail(s);
        }
        return false;
    }
    if (n == 0 || errno == ECONNRESET) {
        error_set(&s->error, ERROR_UNAVAILABLE, "the other end has closed the connection%s",
                  s->in.len > 0 ? " in the middle of a frame" : "");
    } else {
        error_sys(&s->error, errno, "cannot read from a socket");
    }
    fail(s);
    return false;
}

/* Reads and delivers a bounded amount; frames that a pause had held back come first. */
static void pump(struct sock *s)
{
    deliver(s);
    for (int i = 0; i < SOCK_READS_PER_TURN; i++) {
        if (s->dead || s->closing || s->paused || s->ev.on_frame == NULL || !read_once(s)) {
            break;
        }
    }
    if (s->write_broken && !s->dead && !s->closing) {
        if (s->paused) {
            fail(s);
        } else {
            loop_task_add(s->loop, &s->pump); /* more to read before the end */
        }
    }
    update_watch(s);
}

/* loop_task of pump. */
static void pump_task(void *arg)
{
    pump(arg);
}

/* The queue moved after sock_close: is it time to go? */
static void check_linger(struct sock *s)
{
    if (s->dead || s->write_broken || sock_queued(s) == 0) {
        destroy(s);
    } else {
        update_watch(s);
    }
}

/* watch callback. */
static void on_ready(void *arg, int events)
{
    struct sock *s = arg;

    if ((events & (WATCH_WRITE | WATCH_HANGUP)) && sock_queued(s) > 0 && !s->write_broken) {
        if (!flush(s)) {
            write_failed(s);
        } else if (sock_queued(s) == 0 && s->ev.on_drain != NULL && !s->closing) {
            loop_task_add(s->loop, &s->drained);
        }
    }
    if (s->closing) {
        check_linger(s);
    } else if (!s->dead && (events & (WATCH_READ | WATCH_HANGUP))) {
        pump(s);
    } else {
        update_watch(s);
    }
}

struct sock *sock_wrap(struct loop *loop, int fd, struct error *err)
{
    struct sock *s = xcalloc(1, sizeof(*s));

    s->loop = loop;
    s->fd = fd;
    s->passed = -1;
    s->watch = watch_new(loop, fd, on_ready, s, err);
    if (s->watch == NULL) {
        close(fd);
        free(s);
        return NULL;
    }
    strbuf_init(&s->in);
    strbuf_init(&s->out);
    s->pump = (struct loop_task){.fn = pump_task, .arg = s};
    s->drained = (struct loop_task){.fn = tell_drained, .arg = s};
    s->failed = (struct loop_task){.fn = tell_closed, .arg = s};
    return s;
}

int sock_connect(struct sock **out, struct loop *loop, const char *path, const struct sock_events *ev, void *arg,
                 struct error *err)
{
    int fd = sock_addr_connect(path, err);
    struct sock *s = fd < 0 ? NULL : sock_wrap(loop, fd, err);

    if (s == NULL) {
        return -1;
    }
    sock_set_events(s, ev, arg);
    *out = s;
    return 0;
}

void sock_set_events(struct sock *s, const struct sock_events *ev, void *arg)
{
    s->ev = ev != NULL ? *ev : (struct sock_events){0};
    s->arg = arg;
    if (s->in.len > s->in_off && !s->dead) {
        loop_task_add(s->loop, &s->pump);
    }
    update_watch(s);
}

size_t sock_queued(const struct sock *s)
{
    return s->out.len - s->out_off;
}

/* Length and type in front of a frame. */
static void put_header(unsigned char header[SOCK_HEADER_BYTES + 1], uint8_t type, size_t len)
{
    for (int i = 0; i < SOCK_HEADER_BYTES; i++) {
        header[i] = (unsigned char)((len + 1) >> (8 * i));
    }
    header[SOCK_HEADER_BYTES] = type;
}

/* Ends the connection for a reason of ours. */
static size_t give_up(struct sock *s, enum error_code code, const char *why)
{
    error_set(&s->error, code, "%s", why);
    fail(s);
    return 0;
}

size_t sock_send(struct sock *s, uint8_t type, const void *data, size_t len)
{
    bool was_empty = sock_queued(s) == 0;
    size_t total = len + 1;
    unsigned char header[SOCK_HEADER_BYTES + 1];

    if (s->dead || s->closing || s->write_broken) {
        return 0;
    }
    if (len > SOCK_FRAME_MAX - 1) {
        return give_up(s, ERROR_INVALID, "a frame to be sent is too long");
    }
    if (sock_queued(s) + total > SOCK_QUEUE_MAX) {
        return give_up(s, ERROR_UNAVAILABLE, "the other end does not read: 16 MiB are waiting for it");
    }
    put_header(header, type, len);
    strbuf_add(&s->out, header, sizeof(header));
    strbuf_add(&s->out, data, len);
    if (was_empty && !flush(s)) {
        write_failed(s);
        return 0;
    }
    if (sock_queued(s) == 0) {
        if (s->ev.on_drain != NULL) {
            loop_task_add(s->loop, &s->drained);
        }
    } else {
        update_watch(s);
    }
    return sock_queued(s);
}

int sock_send_fd(struct sock *s, uint8_t type, const void *data, size_t len, int fd)
{
    MT_CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT;
    unsigned char header[SOCK_HEADER_BYTES + 1];
    ssize_t n;

    if (s->dead || s->closing || s->write_broken || sock_queued(s) > 0 || len > SOCK_FRAME_MAX - 1) {
        return -1;
    }
    put_header(header, type, len);
    strbuf_add(&frame, header, sizeof(header));
    strbuf_add(&frame, data, len);
    n = fdpass_send(s->fd, frame.buf, frame.len, &fd, 1);
    if (n <= 0) {
        return -1; /* a broken connection shows at the next turn */
    }
    if ((size_t)n < frame.len) {
        strbuf_add(&s->out, frame.buf + n, frame.len - (size_t)n);
        update_watch(s);
    }
    return 0;
}

int sock_take_fd(struct sock *s)
{
    int fd = s->passed;
    s->passed = -1;
    return fd;
}

void sock_accept_fds(struct sock *s)
{
    s->accepts_fds = true;
}

void sock_pause(struct sock *s, bool paused)
{
    if (s->paused == paused || s->dead || s->closing) {
        return;
    }
    s->paused = paused;
    if (!paused && s->in.len > s->in_off) {
        loop_task_add(s->loop, &s->pump);
    }
    update_watch(s);
}

/* timer callback: the peer did not take the rest in time. */
static void on_linger(void *arg)
{
    destroy(arg);
}

void sock_close(struct sock *s)
{
    if (s == NULL || s->closing) {
        return;
    }
    s->closing = true;
    s->ev = (struct sock_events){0};
    loop_task_remove(&s->failed);
    loop_task_remove(&s->pump);
    loop_task_remove(&s->drained);
    loop_linger(s->loop, 1);
    if (s->dead || s->write_broken || sock_queued(s) == 0) {
        /* The descriptor ends now; the memory on the next turn, since we may be inside a frame handler. */
        shut(s);
        s->failed.fn = destroy_task;
        loop_task_add(s->loop, &s->failed);
        return;
    }
    s->linger = timer_new(s->loop, on_linger, s);
    timer_start(s->linger, SOCK_LINGER_MS);
    update_watch(s);
}
