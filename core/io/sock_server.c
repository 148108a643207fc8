/* SPDX-License-Identifier: Apache-2.0 */
/* The listening end: who may come in, and the file at the path. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/loop_private.h"
#include "core/io/sock_addr.h"
#include "core/io/sock_private.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

struct sock_server {
    struct loop *loop;
    struct watch *watch;
    struct timer *retry; /* out of descriptors: look again, instead of spinning on a readable listener */
    void (*on_client)(void *arg, struct sock *client);
    void *arg;
    char *path;
    dev_t dev;
    ino_t ino;
    int fd;
};

/* accept with our flags. */
static int accept_one(int listener)
{
    int fd;
#if defined(__linux__)
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
    fd = accept(listener, NULL, NULL);
    if (fd >= 0) {
        (void)fd_set_flags(fd, true);
    }
#endif
    return fd;
}

/* Takes one client in. The uid is checked before a byte is read. */
static void take_client(struct sock_server *srv, int fd)
{
    struct error err = ERROR_INIT;
    struct sock *s;

    if (sock_addr_check_peer(fd, &err) != 0) {
        log_warn("%s: refused a connection: %s", srv->path, err.msg);
        close(fd);
        return;
    }
    s = sock_wrap(srv->loop, fd, &err);
    if (s == NULL) {
        log_warn("%s: %s", srv->path, err.msg);
        return;
    }
    srv->on_client(srv->arg, s);
}

/* watch callback of the listener: one client a turn, since on_client may close the server. */
static void on_acceptable(void *arg, int events)
{
    struct sock_server *srv = arg;
    int fd = accept_one(srv->fd);

    (void)events;
    if (fd >= 0) {
        take_client(srv, fd);
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK && errno != ECONNABORTED) {
        log_warn("%s: cannot accept: %s", srv->path, strerror(errno));
        watch_set(srv->watch, 0);
        timer_start(srv->retry, 100);
    }
}

/* timer callback: descriptors may be free again. */
static void on_retry(void *arg)
{
    struct sock_server *srv = arg;
    watch_set(srv->watch, WATCH_READ);
}

int sock_listen(struct sock_server **out, struct loop *loop, const char *path,
                void (*on_client)(void *arg, struct sock *client), void *arg, struct error *err)
{
    struct sock_server *srv;
    struct stat st = {0};
    int fd = sock_addr_listen(path, err);

    if (fd < 0) {
        return -1;
    }
    srv = xcalloc(1, sizeof(*srv));
    srv->watch = watch_new(loop, fd, on_acceptable, srv, err);
    if (srv->watch == NULL) {
        unlink(path);
        close(fd);
        free(srv);
        return -1;
    }
    if (lstat(path, &st) == 0) {
        srv->dev = st.st_dev;
        srv->ino = st.st_ino;
    }
    srv->loop = loop;
    srv->fd = fd;
    srv->path = xstrdup(path);
    srv->on_client = on_client;
    srv->arg = arg;
    srv->retry = timer_new(loop, on_retry, srv);
    watch_set(srv->watch, WATCH_READ);
    *out = srv;
    return 0;
}

/* Frees the server's memory on the next turn: sock_server_close may be called from on_client. */
static void server_free(void *arg)
{
    struct sock_server *srv = arg;
    free(srv->path);
    free(srv);
}

void sock_server_close(struct sock_server *s)
{
    struct stat st;

    if (s == NULL) {
        return;
    }
    /* Only what we made: by now another process may serve the same name. */
    if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino) {
        unlink(s->path);
    }
    watch_close(s->watch);
    timer_close(s->retry);
    close(s->fd);
    loop_defer(s->loop, server_free, s);
}
