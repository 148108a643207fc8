/* SPDX-License-Identifier: Apache-2.0 */
#include "term/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct logfile {
    char *path;
    int fd;
    uint64_t size, max, head;
    uint64_t left_out;  /* bytes of the middle that are gone */
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
            unlink(tmp);
            close(to);
        }
    }
    free(tmp);
    return rc;
}

/* Stops writing for good: a full disk must not stop the session. */
static void give_up(struct logfile *l)
{
    log_warn("log file %s: %s; nothing more is written to it", l->path, strerror(errno));
    close(l->fd);
    l->fd = -1;
}

void logfile_write(struct logfile *l, const void *data, size_t len)
{
    const char *p = data;

    while (l->fd >= 0 && len > 0) {
        size_t n = (size_t)MT_MIN((uint64_t)len, l->max - l->size);

        if (n == 0) {
            if (compact(l) != 0) {
                give_up(l);
            }
            continue;
        }
        if (write_all(l->fd, p, n) != 0) {
            give_up(l);
            return;
        }
        l->size += n;
        p += n;
        len -= n;
    }
}

void logfile_close(struct logfile *l)
{
    if (l == NULL) {
        return;
    }
    if (l->fd >= 0) {
        close(l->fd);
    }
    free(l->path);
    free(l);
}
