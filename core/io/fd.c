/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/fd.h"

#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

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
#endif
    limit = scan_limit();
    for (int fd = first; fd < limit; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
            (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        }
    }
}
