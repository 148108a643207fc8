/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/io/fdpass.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"

/* Opens dir/run and fills in an address that is short enough whatever the folder's length. Returns the folder's
 * descriptor. */
static int address(const char *dir, const char *name, struct sockaddr_un *sun, struct error *err)
{
    char *run = path_join(dir, "run");
    int fd = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        error_sys(err, errno, "%s", run);
    } else {
        *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
        str_format(sun->sun_path, sizeof(sun->sun_path), "/proc/self/fd/%d/%s", fd, name);
    }
    free(run);
    return fd;
}

int client_connect(const char *dir, const char *name, int *fd, struct error *err)
{
    struct sockaddr_un sun;
    int folder = address(dir, name, &sun, err);
    if (folder < 0) {
        return -1;
    }
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = *fd < 0 ? -1 : connect(*fd, (struct sockaddr *)&sun, sizeof(sun));
    int sys = errno;
    close(folder);
    if (rc == 0) {
        return 0;
    }
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    if (sys == ECONNREFUSED || sys == ENOENT || sys == EAGAIN) {
        return error_set(err, ERROR_UNAVAILABLE, "the sandbox does not answer");
    }
    return error_sys(err, sys, "connect to the sandbox");
}

int client_listen(const char *dir, const char *name, int *fd, struct error *err)
{
    struct sockaddr_un sun;
    int folder = address(dir, name, &sun, err);
    if (folder < 0) {
        return -1;
    }
    unlinkat(folder, name, 0);
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = *fd < 0 ? -1 : bind(*fd, (struct sockaddr *)&sun, sizeof(sun));
    rc = rc < 0 ? -1 : listen(*fd, 64);
    int sys = errno;
    close(folder);
    return rc < 0 ? error_sys(err, sys, "socket %s/run/%s", dir, name) : 0;
}

int client_send(int fd, const void *data, size_t len, const int *fds, size_t count, struct error *err)
{
    ssize_t n = fdpass_send(fd, data, len, fds, count);
    if (n < 0 && errno == EMSGSIZE) {
        return error_set(err, ERROR_INVALID, "command and environment are too long");
    }
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)) {
        return error_set(err, ERROR_UNAVAILABLE, "the sandbox went away");
    }
    return n < 0 ? error_sys(err, errno, "send to the sandbox") : 0;
}

ssize_t client_recv(int fd, void *buf, size_t cap, int *passed, uint64_t timeout_ms, struct error *err)
{
    uint64_t deadline = clock_mono_ms() + timeout_ms;
    if (passed) {
        *passed = -1;
    }
    for (;;) {
        uint64_t now = clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int rc = poll(&p, 1, now < deadline ? (int)MT_MIN(deadline - now, 1u << 30) : 0);
        if (rc == 0) {
            return error_set(err, ERROR_TIMEOUT, "the sandbox did not answer within %llu ms",
                             (unsigned long long)timeout_ms);
        }
        int got;
        size_t count = 0;
        ssize_t n = rc < 0 ? -1 : fdpass_recv(fd, buf, cap, MSG_DONTWAIT, &got, 1, &count);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (n < 0 && errno == ECONNRESET) {
            return 0;
        }
        if (n < 0) {
            return error_sys(err, errno, "receive from the sandbox");
        }
        if (count > 0 && passed) {
            *passed = got;
        } else if (count > 0) {
            close(got);
        }
        return n;
    }
}

int client_ask(const char *dir, const void *ask, size_t ask_len, void *reply, size_t reply_len, int type,
               uint64_t timeout_ms, struct error *err)
{
    int fd;
    if (client_connect(dir, "ctl.sock", &fd, err) < 0) {
        return -1;
    }
    int rc = client_send(fd, ask, ask_len, NULL, 0, err);
    ssize_t n = rc < 0 ? -1 : client_recv(fd, reply, reply_len, NULL, timeout_ms, err);
    close(fd);
    if (n < 0) {
        return -1;
    }
    if (n == 0) {
        return error_set(err, ERROR_UNAVAILABLE, "the sandbox went away");
    }
    uint8_t got;
    memcpy(&got, reply, 1);
    if ((size_t)n != reply_len || got != (uint8_t)type) {
        return error_set(err, ERROR_ANSWER, "the sandbox's init gave an answer that makes no sense");
    }
    return 0;
}
