/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/sock_addr.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/listening_darwin.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* An address, and the directory descriptor that a long path goes through. */
struct address {
    struct sockaddr_un un;
    int dir_fd; /* -1 when not needed */
};

/* The directory part; caller frees. */
static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return xstrdup(".");
    }
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* Frees nothing but the descriptor. */
static void address_release(struct address *a)
{
    if (a->dir_fd >= 0) {
        close(a->dir_fd);
        a->dir_fd = -1;
    }
}

/* Puts `path` into *a; on Linux a long one by way of its directory's descriptor. */
static int address_init(struct address *a, const char *path, struct error *err)
{
    memset(a, 0, sizeof(*a));
    a->dir_fd = -1;
    a->un.sun_family = AF_UNIX;
    if (str_copy(a->un.sun_path, sizeof(a->un.sun_path), path) == 0) {
        return 0;
    }
#if defined(__linux__)
    MT_CLEANUP(xfree) char *dir = dir_of(path);
    a->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (a->dir_fd < 0) {
        return error_sys(err, errno, "%s", dir);
    }
    if (str_format(a->un.sun_path, sizeof(a->un.sun_path), "/proc/self/fd/%d/%s", a->dir_fd, path_base(path)) == 0) {
        return 0;
    }
    address_release(a);
#endif
    return error_hint(err, ERROR_INVALID, "set XDG_RUNTIME_DIR to a shorter folder", "%s: too long for a socket", path);
}

/* A fresh socket with the flags that all of ours have. */
static int new_socket(struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || fd_set_flags(fd, true) != 0) {
        error_sys(err, errno, "cannot make a socket");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
#if defined(SO_NOSIGPIPE)
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    return fd;
}

/* "uid 1000 (ann)" in an error. */
static int refuse_owner(const char *path, uid_t uid, struct error *err)
{
    const struct passwd *pw = getpwuid(uid);
    return error_hint(err, ERROR_DENIED, "it is not ours: remove it as its owner, or use another runtime folder",
                      "%s: belongs to %s (uid %ld)", path, pw != NULL ? pw->pw_name : "an unknown user", (long)uid);
}

int sock_addr_check_peer(int fd, struct error *err)
{
    uid_t uid = (uid_t)-1;
#if defined(__linux__)
    struct ucred cred;
    socklen_t len = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
        return error_sys(err, errno, "cannot tell who is at the other end of a socket");
    }
    uid = cred.uid;
#else
    gid_t gid;
    if (getpeereid(fd, &uid, &gid) != 0) {
        return error_sys(err, errno, "cannot tell who is at the other end of a socket");
    }
#endif
    if (uid != geteuid()) {
        return error_set(err, ERROR_DENIED, "the other end of the socket runs as uid %ld, not as us", (long)uid);
    }
    return 0;
}

/* The path must be a socket of ours. Missing: ERROR_NOT_FOUND. */
static int check_path(const char *path, struct error *err)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return error_sys(err, errno, "%s", path);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return error_set(err, ERROR_EXISTS, "%s: is there already and is not a socket", path);
    }
    return st.st_uid == geteuid() ? 0 : refuse_owner(path, st.st_uid, err);
}

int sock_addr_connect(const char *path, struct error *err)
{
    struct address a;
    int fd, rc, saved;

    if (check_path(path, err) != 0 || address_init(&a, path, err) != 0) {
        return -1;
    }
    fd = new_socket(err);
    if (fd < 0) {
        address_release(&a);
        return -1;
    }
    do {
        rc = connect(fd, (const struct sockaddr *)&a.un, sizeof(a.un));
    } while (rc != 0 && errno == EINTR);
    saved = errno;
    address_release(&a);
    if (rc == 0 && sock_addr_check_peer(fd, err) == 0) {
        return fd;
    }
    close(fd);
    if (rc == 0) {
        return -1;
    }
#if defined(__APPLE__)
    if (saved == ECONNREFUSED && listening_at(path)) {
        saved = EAGAIN; /* what Linux says of a full queue */
    }
#endif
    if (saved == ECONNREFUSED) {
        return error_set(err, ERROR_UNAVAILABLE, "%s: nobody listens (its process has died)", path);
    }
    if (saved == EAGAIN) {
        return error_set(err, ERROR_BUSY, "%s: too many are waiting to connect", path);
    }
    return error_sys(err, saved, "%s", path);
}

/* Removes a socket that nobody serves. 0 when the path is free afterwards. */
static int remove_stale(const char *path, struct error *err)
{
    struct error why = ERROR_INIT;
    int fd;

    if (check_path(path, &why) != 0) {
        if (why.code == ERROR_NOT_FOUND) {
            return 0;
        }
        if (err != NULL) {
            *err = why;
        }
        return -1;
    }
    fd = sock_addr_connect(path, &why);
    if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0 || why.code == ERROR_BUSY) {
        return error_set(err, ERROR_EXISTS, "%s: someone serves it already", path);
    }
    if (why.code == ERROR_UNAVAILABLE || why.code == ERROR_NOT_FOUND) {
        if (unlink(path) == 0 || errno == ENOENT) {
            return 0;
        }
        return error_sys(err, errno, "%s: cannot remove a dead process's socket", path);
    }
    if (err != NULL) {
        *err = why;
    }
    return -1;
}

/* Looking, removing and binding are one act: else two starters could each remove the other's fresh socket. Held for
 * microseconds, so a short bounded wait is right. -1 with err; a file system without flock goes on without. */
static int lock_dir(const char *path, int *out, struct error *err)
{
    MT_CLEANUP(xfree) char *dir = dir_of(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return error_sys(err, errno, "%s", dir);
    }
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            break;
        }
        if (i == 100) {
            close(fd);
            return error_set(err, ERROR_BUSY, "%s: locked by another process", dir);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    *out = fd;
    return 0;
}

/* bind + listen; the mask makes the socket 0600 from its first moment. */
static int bind_and_listen(int fd, const char *path, struct error *err)
{
    struct address a;
    mode_t mask;
    int rc, saved;

    if (address_init(&a, path, err) != 0) {
        return -1;
    }
    mask = umask(0177);
    rc = bind(fd, (const struct sockaddr *)&a.un, sizeof(a.un));
    saved = errno;
    umask(mask);
    address_release(&a);
    if (rc != 0) {
        return error_sys(err, saved == EADDRINUSE ? EEXIST : saved, "%s", path);
    }
    if (listen(fd, 64) != 0) {
        saved = errno;
        unlink(path);
        return error_sys(err, saved, "%s", path);
    }
    return 0;
}

int sock_addr_listen(const char *path, struct error *err)
{
    int lock_fd = -1, fd;

    if (lock_dir(path, &lock_fd, err) != 0) {
        return -1;
    }
    fd = remove_stale(path, err) == 0 ? new_socket(err) : -1;
    if (fd >= 0 && bind_and_listen(fd, path, err) != 0) {
        close(fd);
        fd = -1;
    }
    close(lock_fd);
    return fd;
}
