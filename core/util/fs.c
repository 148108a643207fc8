/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

int fs_mkdirs(const char *path, mode_t mode, struct error *err)
{
    MT_CLEANUP(xfree) char *copy = xstrdup(path);
    if (!*copy) {
        return error_sys(err, ENOENT, "mkdir ''");
    }
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/') {
            continue;
        }
        char end = *p;
        *p = '\0';
        if (mkdir(copy, mode) != 0) {
            int sys = errno;
            /* EROFS and EACCES come before EEXIST for some existing directories. */
            if (!fs_is_dir(copy)) {
                return error_sys(err, sys == EEXIST ? ENOTDIR : sys, "mkdir %s", copy);
            }
        }
        *p = end;
        if (!end) {
            return 0;
        }
    }
}

/* Reads all of `fd`, at most max_bytes. */
static int read_all(int fd, const char *path, size_t max_bytes, struct strbuf *out, struct error *err)
{
    size_t start = out->len;
    for (;;) {
        char piece[16384];
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_sys(err, errno, "%s", path);
        }
        if (n == 0) {
            return 0;
        }
        if ((size_t)n > max_bytes - (out->len - start)) {
            return error_set(err, ERROR_INVALID, "%s: larger than %zu bytes", path, max_bytes);
        }
        strbuf_add(out, piece, (size_t)n);
    }
}

int fs_read(const char *path, size_t max_bytes, struct strbuf *out, struct error *err)
{
    struct stat st;
    size_t start = out->len;
    /* Non-blocking: opening a FIFO must not hang before we have seen what it is. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_sys(err, errno, "%s", path);
    }
    int rc = fstat(fd, &st) == 0 ? 0 : error_sys(err, errno, "%s", path);
    if (rc == 0 && !S_ISREG(st.st_mode)) {
        rc = error_set(err, ERROR_INVALID, "%s: not a regular file", path);
    }
    if (rc == 0) {
        rc = read_all(fd, path, max_bytes, out, err);
    }
    close(fd);
    if (rc != 0) {
        strbuf_truncate(out, start);
    }
    return rc;
}

/* write(2) until all is out; errno on failure. */
static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Before what comes next. fsync of macOS leaves it to the disk in which order it writes: there a barrier is asked for,
 * which costs much less than an emptied cache (fcntl(2), F_BARRIERFSYNC), and file systems that have none get the rest.
 */
static int sync_fd(int fd)
{
#if defined(F_BARRIERFSYNC)
    if (fcntl(fd, F_BARRIERFSYNC) == 0 || fcntl(fd, F_FULLFSYNC) == 0) {
        return 0;
    }
#endif
    return fsync(fd);
}

/* Makes a rename in this file's folder durable; file systems that cannot sync folders are left alone. */
static void sync_parent(const char *path)
{
    MT_CLEANUP(xfree) char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    if (slash) {
        slash[slash == dir ? 1 : 0] = '\0';
    }
    int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)sync_fd(fd);
        close(fd);
    }
}

int fs_write_through(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
    MT_CLEANUP(xfree) char *target = realpath(path, NULL);
    return fs_write_atomic(target ? target : path, data, len, mode, err);
}

int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
    static unsigned counter;
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        return error_set(err, ERROR_INVALID, "%s: not a regular file", path);
    }
    MT_CLEANUP(xfree) char *tmp = xasprintf("%s.tmp-%ld-%u", path, (long)getpid(), counter++);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0777);
    if (fd < 0 && errno == EEXIST) {
        /* Left by a dead process of the same number. */
        (void)unlink(tmp);
        fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0777);
    }
    if (fd < 0) {
        return error_sys(err, errno, "write %s", path);
    }
    bool ok = fchmod(fd, mode & 07777) == 0 && write_all(fd, data, len) == 0 && sync_fd(fd) == 0;
    int sys = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        sys = errno;
    }
    if (ok && rename(tmp, path) != 0) {
        ok = false;
        sys = errno;
    }
    if (!ok) {
        (void)unlink(tmp);
        return error_sys(err, sys, "write %s", path);
    }
    sync_parent(path);
    return 0;
}

int fs_append(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
    ssize_t n;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, mode);
    if (fd < 0) {
        return error_sys(err, errno, "append to %s", path);
    }
    do {
        n = write(fd, data, len);
    } while (n < 0 && errno == EINTR);
    int sys = n < 0 ? errno : ENOSPC;
    close(fd);
    return n >= 0 && (size_t)n == len ? 0 : error_sys(err, sys, "append to %s", path);
}

int fs_set_aside(const char *path, char **moved_to, struct error *err)
{
    for (unsigned i = 1; i < 10000; i++) {
        struct stat st;
        MT_CLEANUP(xfree) char *name = xasprintf("%s.broken-%u", path, i);
        if (lstat(name, &st) == 0) {
            continue;
        }
        if (rename(path, name) != 0) {
            return error_sys(err, errno, "set aside %s", path);
        }
        log_warn("%s is broken: kept as %s", path, path_base(name));
        if (moved_to) {
            *moved_to = xstrdup(name);
        }
        return 0;
    }
    return error_set(err, ERROR_EXISTS, "set aside %s: too many broken copies there already", path);
}

bool fs_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool fs_is_same(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool fs_is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

bool fs_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int fs_list_fd(int fd, struct strvec *out)
{
    struct dirent *e;
    struct strvec names = STRVEC_INIT;
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        int sys = errno;
        if (copy >= 0) {
            close(copy);
        }
        errno = sys;
        return -1;
    }
    while (errno = 0, (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            strvec_push(&names, e->d_name);
        }
    }
    int sys = errno;
    closedir(d);
    strvec_sort(&names);
    if (sys == 0) {
        strvec_pushv(out, (const char *const *)names.v);
    }
    strvec_release(&names);
    errno = sys;
    return sys == 0 ? 0 : -1;
}

int fs_list(const char *path, struct strvec *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fs_list_fd(fd, out), sys = errno;
    if (fd >= 0) {
        close(fd);
    }
    return rc == 0 ? 0 : error_sys(err, sys, "%s", path);
}
