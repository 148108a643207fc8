/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/client.h"
#include "backends/process/port.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

void door_reserve(struct door *d, const char *dir, int wish, int last)
{
    const int wishes[] = {wish, last, 0};
    *d = (struct door){.fd = -1, .leash = {-1, -1}, .dir = dir};
    for (size_t i = 0; i < MT_ARRAY_LEN(wishes) && d->fd < 0; i++) {
        if (wishes[i] || i == 2) {
            d->fd = port_bind(wishes[i], &d->port);
        }
        if (d->fd < 0 && wishes[i]) {
            log_warn("port %d is in use: another one is taken", wishes[i]);
        }
    }
}

void door_yield(struct door *d)
{
    if (d->fd >= 0) {
        close(d->fd);
        d->fd = -1;
    }
}

int door_open(struct door *d, struct error *err)
{
    if (d->fd < 0) {
        return 0;
    }
    if (pipe2(d->leash, O_CLOEXEC) < 0 || listen(d->fd, 64) < 0) {
        return error_sys(err, errno, "port %d", d->port);
    }
    return 0;
}

/* Asks the init for a connection to the port inside. */
static int dial(const struct door *d)
{
    struct wire_code ask = {.type = WIRE_DIAL, .code = d->port}, reply;
    int ctl, fd = -1, type, domain;
    socklen_t len = sizeof(type), domain_len = sizeof(domain);
    if (client_connect(d->dir, "ctl.sock", &ctl, NULL) < 0) {
        return -1;
    }
    if (client_send(ctl, &ask, sizeof(ask), NULL, 0, NULL) == 0) {
        client_recv(ctl, &reply, sizeof(reply), &fd, 5000, NULL);
    }
    close(ctl);
    /* The init is not trusted: it must be a TCP socket. */
    if (fd >= 0 && (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM ||
                    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) < 0 || domain != AF_INET)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* One direction of a relay. */
struct half {
    int from, to;
    bool done;
    size_t start, end;
    char buf[32768];
};

static void half_serve(struct half *h, bool readable, bool writable)
{
    if (readable && h->start == h->end) {
        ssize_t n = recv(h->from, h->buf, sizeof(h->buf), MSG_DONTWAIT);
        if (n > 0) {
            h->start = 0;
            h->end = (size_t)n;
            writable = true;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            shutdown(h->to, SHUT_WR);
            h->done = true;
        }
    }
    if (writable && h->end > h->start) {
        ssize_t n = send(h->to, h->buf + h->start, h->end - h->start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            h->start += (size_t)n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            h->start = h->end;
            h->done = true;
        }
    }
}

/* Carries bytes both ways until both ends are done, or the door is shut. */
static void relay(int outside, int inside, int leash)
{
    struct half *halves[2] = {xcalloc(1, sizeof(struct half)), xcalloc(1, sizeof(struct half))};
    halves[0]->from = halves[1]->to = outside;
    halves[0]->to = halves[1]->from = inside;
    while (!halves[0]->done || !halves[1]->done) {
        struct pollfd p[5] = {{.fd = leash, .events = POLLIN}};
        for (int i = 0; i < 2; i++) {
            bool full = halves[i]->end > halves[i]->start, done = halves[i]->done;
            p[1 + 2 * i] = (struct pollfd){.fd = full || done ? -1 : halves[i]->from, .events = POLLIN};
            p[2 + 2 * i] = (struct pollfd){.fd = full && !done ? halves[i]->to : -1, .events = POLLOUT};
        }
        if (poll(p, 5, -1) < 0 && errno != EINTR) {
            break;
        }
        if (p[0].revents) {
            break;
        }
        for (int i = 0; i < 2; i++) {
            half_serve(halves[i], p[1 + 2 * i].revents != 0, p[2 + 2 * i].revents != 0);
        }
    }
}

/* In the relay's process: nothing of the shim's may stay open, above all not its end of the sandbox's leash. */
static void run_relay(const struct door *d, int outside)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "muthr-relay");
    int a = fcntl(outside, F_DUPFD_CLOEXEC, 64), b = fcntl(d->leash[0], F_DUPFD_CLOEXEC, 64);
    if (a < 0 || b < 0 || dup2(a, 3) != 3 || dup2(b, 4) != 4) {
        _exit(1);
    }
    syscall(SYS_close_range, 5u, ~0u, 0);
    int inside = dial(d);
    if (inside >= 0) {
        relay(3, inside, 4);
    }
    _exit(0);
}

/* A free place among the relays, or NULL. */
static pid_t *free_place(struct door *d)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(d->relays); i++) {
        if (d->relays[i] == 0) {
            return &d->relays[i];
        }
    }
    return NULL;
}

bool door_is_ready(const struct door *d)
{
    bool room = false;
    for (size_t i = 0; i < MT_ARRAY_LEN(d->relays); i++) {
        room = room || d->relays[i] == 0;
    }
    return d->leash[1] >= 0 && room;
}

void door_serve(struct door *d)
{
    pid_t *place = free_place(d);
    int fd = place ? accept4(d->fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        run_relay(d, fd);
    }
    *place = pid > 0 ? pid : 0;
    close(fd);
}

void door_reap(struct door *d)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(d->relays); i++) {
        if (d->relays[i] > 0 && waitpid(d->relays[i], NULL, WNOHANG) != 0) {
            d->relays[i] = 0;
        }
    }
}

void door_shut(struct door *d)
{
    if (d->leash[1] < 0) {
        return;
    }
    close(d->leash[0]);
    close(d->leash[1]);
    d->leash[0] = d->leash[1] = -1;
    shutdown(d->fd, SHUT_RDWR); /* still bound, but refuses */
    for (size_t i = 0; i < MT_ARRAY_LEN(d->relays); i++) {
        if (d->relays[i] > 0) {
            kill(d->relays[i], SIGKILL); /* one that still waits for its connection inside does not look at the leash */
            while (waitpid(d->relays[i], NULL, 0) < 0 && errno == EINTR) {
            }
            d->relays[i] = 0;
        }
    }
}

void door_release(struct door *d)
{
    door_shut(d);
    door_yield(d);
}
