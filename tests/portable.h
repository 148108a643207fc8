/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_PORTABLE_H
#define MT_TESTS_PORTABLE_H

/* What tests need of the system and macOS calls otherwise. */

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

/* Like readlink of /proc/self/exe: the running program's path, not terminated. Returns its length, or -1. */
static inline ssize_t self_path(char *buf, size_t cap)
{
#if defined(__APPLE__)
    char raw[PATH_MAX], real[PATH_MAX];
    uint32_t size = sizeof(raw);
    size_t len;
    if (_NSGetExecutablePath(raw, &size) != 0 || realpath(raw, real) == NULL || (len = strlen(real)) > cap) {
        return -1;
    }
    memcpy(buf, real, len);
    return (ssize_t)len;
#else
    return readlink("/proc/self/exe", buf, cap);
#endif
}

/* A socket that no child gets. */
static inline int self_socket(int domain, int type, bool nonblock)
{
    int fd = socket(domain, type, 0);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    if (fd >= 0 && nonblock) {
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    return fd;
}

#endif
