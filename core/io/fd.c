/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <libproc.h>
#include <stdlib.h>
#include <sys/param.h>
#include <sys/select.h>
#include <sys/stat.h>
#endif

#include "core/util/strbuf.h"

/* Where there is no close_range: a descriptor above this is not worth a second of system calls. */
#define FD_SCAN_MAX 65536

int fd_set_flags(int fd, bool nonblock)
{
    int flags;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return -1;
    }
    if (!nonblock) {
        return 0;
    }
    flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int fd_pipe(int fds[2])
{
#if defined(__linux__)
    return pipe2(fds, O_CLOEXEC);
#else
    if (pipe(fds) != 0) {
        return -1;
    }
    (void)fd_set_flags(fds[0], false);
    (void)fd_set_flags(fds[1], false);
    return 0;
#endif
}

void fd_raise_limit(int wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)wanted) {
        limit.rlim_cur = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void fd_wait_writable(int fd, int wait_ms)
{
#if defined(__APPLE__)
    struct timeval limit = {.tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000};
    fd_set set;
    if (fd < 0 || fd >= FD_SETSIZE) {
        return;
    }
    FD_ZERO(&set);
    FD_SET(fd, &set);
    (void)select(fd + 1, NULL, &set, NULL, &limit);
#else
    (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, wait_ms);
#endif
}

int fd_terminal(char *out, size_t cap)
{
#if defined(__APPLE__)
    struct proc_bsdinfo info;
    const char *name = NULL;
    if (proc_pidinfo(getpid(), PROC_PIDTBSDINFO, 0, &info, sizeof(info)) == (int)sizeof(info) &&
        info.e_tdev != (uint32_t)NODEV) {
        name = devname((dev_t)info.e_tdev, S_IFCHR);
    }
    return name != NULL ? str_format(out, cap, "/dev/%s", name) : -1;
#else
    return str_copy(out, cap, "/dev/tty");
#endif
}

#if defined(__APPLE__)

/* What of this process is open, from `first` up, to `apply`. False: it cannot be told, or is too much for the stack,
 * which is all that may be used between fork and exec. Source: sys/proc_info.h. */
static bool each_open(int first, void (*apply)(int fd))
{
    struct proc_fdinfo fds[1024];
    int bytes = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, fds, sizeof(fds));

    if (bytes <= 0 || bytes >= (int)sizeof(fds)) {
        return false;
    }
    for (size_t i = 0; i < (size_t)bytes / sizeof(*fds); i++) {
        if (fds[i].proc_fd >= first) {
            apply(fds[i].proc_fd);
        }
    }
    return true;
}

static void close_one(int fd)
{
    close(fd);
}

#endif

static void mark_one(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
        (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    }
}

/* The highest number a descriptor may have, bounded. */
static int scan_limit(void)
{
    long max = sysconf(_SC_OPEN_MAX);
    return max < 0 || max > FD_SCAN_MAX ? FD_SCAN_MAX : (int)max;
}

void fd_close_from(int first)
{
    int limit;
#if defined(__linux__) && defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0) {
        return;
    }
#elif defined(__APPLE__)
    if (each_open(first, close_one)) {
        return;
    }
#endif
    limit = scan_limit();
    for (int fd = first; fd < limit; fd++) {
        close(fd);
    }
}

void fd_cloexec_from(int first)
{
    int limit;
#if defined(__linux__) && defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 4u /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */) == 0) {
        return;
    }
#elif defined(__APPLE__)
    if (each_open(first, mark_one)) {
        return;
    }
#endif
    limit = scan_limit();
    for (int fd = first; fd < limit; fd++) {
        mark_one(fd);
    }
}
