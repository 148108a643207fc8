/* SPDX-License-Identifier: Apache-2.0 */
#include "term/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define RETRY_MS 5000

struct logfile {
    char *path;
    int fd;
    uint64_t size, max, head;
    uint64_t left_out;  /* bytes of the middle that are gone */
    uint64_t lost;      /* bytes that could not be written since the last that could */
    uint64_t retry_ms;  /* monotonic: no attempt before */
    int sys;            /* why */
    uint64_t tail_from; /* where the newest part begins in the file: after the head, or after the note */
};

/* Writes all of it; -1 and errno. */
static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The directory part of a path. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL || slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

int logfile_open(struct logfile **out, const char *path, uint64_t max_bytes, struct error *err)
{
    char *dir = parent_of(path);
    struct logfile *l;
    int fd, rc;

    rc = fs_mkdirs(dir, 0700, err);
    free(dir);
    if (rc != 0) {
        return -1;
    }
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_sys(err, errno, "log file %s", path);
    }
    l = xcalloc(1, sizeof(*l));
    l->path = xstrdup(path);
    l->fd = fd;
    l->max = MT_MAX(max_bytes, 64u << 10);
    l->head = MT_MIN((uint64_t)LOGFILE_HEAD_BYTES, l->max / 4);
    l->tail_from = l->head;
    *out = l;
    return 0;
}

/* Copies [from, from + len) of one file to the end of another. */
static int copy_range(int to, int fd, uint64_t from, uint64_t len)
{
    char *buf = xmalloc(1u << 16);
    int rc = 0;

    while (len > 0 && rc == 0) {
        ssize_t n = pread(fd, buf, (size_t)MT_MIN(len, (uint64_t)1 << 16), (off_t)from);

        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            rc = -1;
        } else {
            rc = write_all(to, buf, (size_t)n);
            from += (uint64_t)n;
            len -= (uint64_t)n;
        }
    }
    free(buf);
    return rc;
}

/* Writes head, note and the newest part to `to`. */
static int write_compacted(struct logfile *l, int to, uint64_t keep)
{
    MT_CLEANUP(strbuf) struct strbuf note = STRBUF_INIT;
    uint64_t gone = l->left_out + (l->size - keep - l->tail_from);

    strbuf_addf(&note, "\r\n[muthr-tui: %llu bytes left out]\r\n", (unsigned long long)gone);
    if (copy_range(to, l->fd, 0, l->head) != 0 || write_all(to, note.buf, note.len) != 0 ||
        copy_range(to, l->fd, l->size - keep, keep) != 0) {
        return -1;
    }
    l->left_out = gone;
    l->tail_from = l->head + note.len;
    l->size = l->tail_from + keep;
    return 0;
}

/* Makes room: a new file with the head and half of what else is allowed, in place of the old one. */
static int compact(struct logfile *l)
{
    char *tmp = xasprintf("%s.tmp", l->path);
    int to, rc = -1;

    unlink(tmp);
    to = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to >= 0) {
        rc = write_compacted(l, to, (l->max - l->head) / 2);
        if (rc == 0) {
            rc = rename(tmp, l->path);
        }
        if (rc == 0) {
            close(l->fd);
            l->fd = to;
        } else {
            int sys = errno;
            unlink(tmp);
            close(to);
            errno = sys;
        }
    }
    free(tmp);
    return rc;
}

/* Nothing could be written (disk full): the session goes on, what comes is counted, and it is tried again later. */
static void fail(struct logfile *l, size_t left)
{
    struct stat st;

    l->sys = errno;
    if (l->lost == 0) {
        log_warn("log file %s: %s; what comes now is missing in it", l->path, strerror(l->sys));
    }
    if (fstat(l->fd, &st) == 0 && (uint64_t)st.st_size > l->size) { /* a piece of it went in */
        uint64_t in = MT_MIN((uint64_t)st.st_size - l->size, (uint64_t)left);
        l->size += in;
        left -= (size_t)in;
    }
    l->lost += left;
    l->retry_ms = clock_mono_ms() + RETRY_MS;
}

/* Is there room again? Then the log says what is missing. */
static bool resume(struct logfile *l)
{
    MT_CLEANUP(strbuf) struct strbuf note = STRBUF_INIT;
    int rc = 0;

    strbuf_addf(&note, "\r\n[muthr-tui: %llu bytes could not be written: %s]\r\n", (unsigned long long)l->lost,
                strerror(l->sys));
    if (l->size + note.len > l->max) {
        rc = compact(l);
    }
    if (rc != 0 || write_all(l->fd, note.buf, note.len) != 0) {
        l->sys = errno;
        l->retry_ms = clock_mono_ms() + RETRY_MS;
        if (rc == 0 && ftruncate(l->fd, (off_t)l->size) != 0) {
            log_debug("log file %s: %s", l->path, strerror(errno));
        }
        return false;
    }
    l->size += note.len;
    l->lost = 0;
    return true;
}

void logfile_write(struct logfile *l, const void *data, size_t len)
{
    const char *p = data;

    if (l->lost > 0 && (clock_mono_ms() < l->retry_ms || !resume(l))) {
        l->lost += len;
        return;
    }
    while (len > 0) {
        size_t n = (size_t)MT_MIN((uint64_t)len, l->max - l->size);

        if (n == 0) {
            if (compact(l) != 0) {
                fail(l, len);
                return;
            }
            continue;
        }
        if (write_all(l->fd, p, n) != 0) {
            fail(l, len);
            return;
        }
        l->size += n;
        p += n;
        len -= n;
    }
}

uint64_t logfile_lost(const struct logfile *l, const char **why)
{
    *why = l->lost > 0 ? strerror(l->sys) : "";
    return l->lost;
}

void logfile_close(struct logfile *l)
{
    if (l == NULL) {
        return;
    }
    if (l->lost > 0) {
        (void)resume(l);
    }
    close(l->fd);
    free(l->path);
    free(l);
}
