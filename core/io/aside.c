/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/fd.h"

#define READ_BYTES 4096
#define TAKE_BYTES (128u << 10) /* twice what a pipe holds: who goes on writing while it is read is not waited for */

int aside_open(int fds[2])
{
    if (fd_pipe(fds) != 0) {
        return -1;
    }
    if (fd_set_flags(fds[0], true) != 0 || fd_set_flags(fds[1], true) != 0) {
        int saved = errno;

        close(fds[0]);
        close(fds[1]);
        errno = saved;
        return -1;
    }
    return 0;
}

bool aside_is_writable(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;
    struct stat st;

    return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY && (flags & O_NONBLOCK) != 0 && fstat(fd, &st) == 0 &&
           S_ISFIFO(st.st_mode);
}

bool aside_put(int fd, const void *data, size_t len)
{
    unsigned char note[1 + ASIDE_MAX];

    if (len == 0 || len > ASIDE_MAX) {
        return false;
    }
    note[0] = (unsigned char)len;
    memcpy(note + 1, data, len);
    return write(fd, note, len + 1) == (ssize_t)(len + 1);
}

/* Gives out the whole notes of a buffer; how many bytes they were. */
static size_t give_out(const char *buf, size_t len, void (*fn)(void *arg, const char *data, size_t len), void *arg)
{
    size_t at = 0;

    while (at < len && len - at > (unsigned char)buf[at]) {
        size_t n = (unsigned char)buf[at];

        fn(arg, buf + at + 1, n);
        at += 1 + n;
    }
    return at;
}

void aside_take(int fd, void (*fn)(void *arg, const char *data, size_t len), void *arg)
{
    char buf[READ_BYTES];
    size_t len = 0, taken = 0;

    while (taken < TAKE_BYTES) {
        ssize_t n = read(fd, buf + len, sizeof(buf) - len);
        size_t done;

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* empty, or nobody writes any more */
        }
        len += (size_t)n;
        taken += (size_t)n;
        done = give_out(buf, len, fn, arg);
        len -= done;
        memmove(buf, buf + done, len); /* a note that the buffer was too short for: its rest is there, too */
        if (done > 0 && len == 0 && (size_t)n < sizeof(buf)) {
            return;
        }
    }
}
