/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#if defined(__APPLE__)
#include <sys/event.h>
#include <time.h>
#include <unistd.h>
#endif

#include <uv.h>

#include "core/io/loop.h"
#include "core/io/loop_private.h"
#include "core/util/xmalloc.h"

struct watch {
    uv_poll_t uv;
    watch_fn fn;
    void *arg;
    int wanted;
};

struct dirwatch {
    uv_fs_event_t uv;
    dirwatch_fn fn;
    void *arg;
#if defined(__APPLE__)
    struct watch *entries;
    int queue, folder; /* -1: none */
#endif
};

struct signal_watch {
    uv_signal_t uv;
    signal_fn fn;
    void *arg;
};

/* Frees an object whose first and only handle has been closed. */
static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Files are always ready: epoll does not take them, and kqueue is silent at their end. */
static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

struct watch *watch_new(struct loop *loop, int fd, watch_fn fn, void *arg, struct error *err)
{
    struct watch *w = xcalloc(1, sizeof(*w));
    int flags = fcntl(fd, F_GETFL);
    int rc = flags < 0 ? -errno : is_file(fd) ? UV_EPERM : uv_poll_init(loop_uv(loop), &w->uv, fd);

    if (rc != 0) {
        free(w); /* uv_poll_init registers nothing when it fails */
        uv_error(err, rc, "cannot watch a descriptor");
        return NULL;
    }
    /* uv_poll_init makes the descriptor non-blocking; on a terminal that is shared with the shell and with stdout. The
     * owner decides that. */
    if ((flags & O_NONBLOCK) == 0) {
        (void)fcntl(fd, F_SETFL, flags);
    }
    w->uv.data = w;
    w->fn = fn;
    w->arg = arg;
    return w;
}

/* libuv's callback. An error (reported by poll as POLLERR) is shown as readiness, so that the owner's next read or
 * write meets it. */
static void on_ready(uv_poll_t *uv, int status, int events)
{
    struct watch *w = uv->data;
    int out = 0;

    if (status < 0) {
        out = w->wanted | WATCH_HANGUP;
    } else {
        out |= (events & UV_READABLE) ? WATCH_READ : 0;
        out |= (events & UV_WRITABLE) ? WATCH_WRITE : 0;
        out |= (events & UV_DISCONNECT) ? WATCH_HANGUP : 0;
    }
    if (status < 0) {
        w->wanted = 0; /* libuv has stopped it */
    }
    w->fn(w->arg, out);
}

void watch_set(struct watch *w, int events)
{
    int uv_events = 0;

    if (events == w->wanted) {
        return;
    }
    w->wanted = events;
    uv_events |= (events & WATCH_READ) ? UV_READABLE : 0;
    uv_events |= (events & WATCH_WRITE) ? UV_WRITABLE : 0;
    uv_events |= (events & WATCH_HANGUP) ? UV_DISCONNECT : 0;
    if (uv_events == 0) {
        uv_poll_stop(&w->uv);
    } else {
        uv_poll_start(&w->uv, uv_events, on_ready);
    }
}

void watch_close(struct watch *w)
{
    if (w != NULL) {
        uv_close((uv_handle_t *)&w->uv, on_closed);
    }
}

/* libuv's callback. */
static void on_dir(uv_fs_event_t *uv, const char *name, int events, int status)
{
    struct dirwatch *d = uv->data;
    (void)events;
    d->fn(d->arg, status == 0 ? name : NULL);
}

#if defined(__APPLE__)

/* watch callback: what it is about is not told. */
static void on_entries(void *arg, int events)
{
    struct dirwatch *d = arg;
    struct kevent ev;

    (void)events;
    (void)kevent(d->queue, NULL, 0, &ev, 1, &(struct timespec){0});
    d->fn(d->arg, NULL); /* last: it may close us */
}

/* What libuv gives on macOS loses events: all folders of a loop share one stream of FSEvents, which is made anew,
 * without what was on its way, whenever one of them comes or goes. The kernel itself tells reliably of names that come
 * and go; only what is written into files is left to the stream. Without it that one does. */
static void watch_entries(struct dirwatch *d, struct loop *loop, const char *path)
{
    struct kevent ev;

    d->folder = open(path, O_EVTONLY | O_CLOEXEC);
    d->queue = d->folder >= 0 ? kqueue() : -1;
    if (d->queue < 0) {
        return;
    }
    (void)fcntl(d->queue, F_SETFD, FD_CLOEXEC);
    EV_SET(&ev, (uintptr_t)d->folder, EVFILT_VNODE, EV_ADD | EV_CLEAR,
           NOTE_WRITE | NOTE_DELETE | NOTE_RENAME | NOTE_REVOKE, 0, NULL);
    if (kevent(d->queue, &ev, 1, NULL, 0, NULL) == 0) {
        d->entries = watch_new(loop, d->queue, on_entries, d, NULL);
    }
    if (d->entries != NULL) {
        watch_set(d->entries, WATCH_READ);
    }
}

/* Before the rest is closed. */
static void unwatch_entries(struct dirwatch *d)
{
    watch_close(d->entries);
    if (d->queue >= 0) {
        close(d->queue);
    }
    if (d->folder >= 0) {
        close(d->folder);
    }
}

#endif

struct dirwatch *dirwatch_new(struct loop *loop, const char *path, dirwatch_fn fn, void *arg, struct error *err)
{
    struct dirwatch *d;
    struct stat st;
    int rc;

    if (stat(path, &st) != 0) {
        error_sys(err, errno, "%s", path);
        return NULL;
    }
    if (!S_ISDIR(st.st_mode)) {
        error_set(err, ERROR_INVALID, "%s: not a directory", path);
        return NULL;
    }
    d = xcalloc(1, sizeof(*d));
    uv_fs_event_init(loop_uv(loop), &d->uv);
    d->uv.data = d;
    d->fn = fn;
    d->arg = arg;
    rc = uv_fs_event_start(&d->uv, on_dir, path, 0);
    if (rc != 0) {
        uv_error(err, rc, path);
        error_wrap(err, "cannot watch a directory");
        uv_close((uv_handle_t *)&d->uv, on_closed);
        return NULL;
    }
#if defined(__APPLE__)
    watch_entries(d, loop, path);
#endif
    return d;
}

void dirwatch_close(struct dirwatch *d)
{
    if (d != NULL) {
#if defined(__APPLE__)
        unwatch_entries(d);
#endif
        uv_close((uv_handle_t *)&d->uv, on_closed);
    }
}

/* libuv's callback, in the loop, not in the signal handler. */
static void on_signal(uv_signal_t *uv, int signum)
{
    struct signal_watch *s = uv->data;
    s->fn(s->arg, signum);
}

struct signal_watch *signal_watch_new(struct loop *loop, int signum, signal_fn fn, void *arg, struct error *err)
{
    struct signal_watch *s = xcalloc(1, sizeof(*s));
    int rc = uv_signal_init(loop_uv(loop), &s->uv);

    if (rc != 0) {
        free(s);
        uv_error(err, rc, "cannot watch signals");
        return NULL;
    }
    s->uv.data = s;
    s->fn = fn;
    s->arg = arg;
    rc = uv_signal_start(&s->uv, on_signal, signum);
    if (rc != 0) {
        uv_close((uv_handle_t *)&s->uv, on_closed);
        uv_error(err, rc, "cannot watch a signal");
        return NULL;
    }
    return s;
}

void signal_watch_unref(struct signal_watch *s)
{
    uv_unref((uv_handle_t *)&s->uv);
}

void signal_watch_close(struct signal_watch *s)
{
    if (s != NULL) {
        uv_close((uv_handle_t *)&s->uv, on_closed);
    }
}
