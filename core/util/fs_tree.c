/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* Trees made inside a sandbox are hostile: any depth, any name, any mode. Deeper than this, a folder is moved up to the
 * tree's root first, so that neither descriptors nor stack run out. */
enum { MAX_DEPTH = 64 };

struct removal {
    const char *path;
    int root_fd;
    dev_t dev;
    unsigned moved;
    struct error *err;
};

/* Gives the owner rwx on a folder; when that fails, what is tried next fails and tells. */
static void unlock_dir(int at, const char *name)
{
    int rc = fchmodat(at, name, 0700, AT_SYMLINK_NOFOLLOW);
    (void)rc;
}

/* Opens the folder `name`, giving ourselves rwx on it first when it is ours and closed. */
static int open_dir(struct removal *r, int at, const char *name, const struct stat *st)
{
    if ((st->st_mode & 0700) != 0700 && st->st_uid == geteuid()) {
        unlock_dir(at, name);
    }
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat now;
    if (fd >= 0 && (fstat(fd, &now) != 0 || now.st_dev != r->dev)) {
        close(fd);
        (void)error_set(r->err, ERROR_BUSY, "remove %s: '%s' in it is a mount point", r->path, name);
        return -2;
    }
    return fd;
}

static int remove_entry(struct removal *r, int at, const char *name, int depth);

/* Empties the open folder `fd`. */
static int empty_dir(struct removal *r, int fd, int depth)
{
    struct strvec names = STRVEC_INIT;
    int rc = fs_list_fd(fd, &names) == 0 ? 0 : error_sys(r->err, errno, "remove %s", r->path);
    for (size_t i = 0; i < names.len && rc == 0; i++) {
        rc = remove_entry(r, fd, names.v[i], depth);
    }
    strvec_release(&names);
    return rc;
}

/* Moves a deep folder to the root of the tree; a later pass over the root removes it. */
static int move_up(struct removal *r, int at, const char *name, const struct stat *st)
{
    char to[64];
    if ((st->st_mode & 0700) != 0700) {
        unlock_dir(at, name);
    }
    struct stat there;
    do {
        (void)str_format(to, sizeof(to), ".muthr-removed-%u", r->moved++);
    } while (fstatat(r->root_fd, to, &there, AT_SYMLINK_NOFOLLOW) == 0);
    return renameat(at, name, r->root_fd, to) == 0 ? 0 : error_sys(r->err, errno, "remove %s: %s", r->path, name);
}

/* Removes one entry, whatever it is. A name that vanished meanwhile is success. */
static int remove_entry(struct removal *r, int at, const char *name, int depth)
{
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : error_sys(r->err, errno, "remove %s: %s", r->path, name);
    }
    if (!S_ISDIR(st.st_mode)) {
        return unlinkat(at, name, 0) == 0 || errno == ENOENT ? 0
                                                             : error_sys(r->err, errno, "remove %s: %s", r->path, name);
    }
    if (depth >= MAX_DEPTH) {
        return move_up(r, at, name, &st);
    }
    int fd = open_dir(r, at, name, &st);
    if (fd < 0) {
        return fd == -2 ? -1 : error_sys(r->err, errno, "remove %s: %s", r->path, name);
    }
    int rc = empty_dir(r, fd, depth + 1);
    close(fd);
    if (rc == 0 && unlinkat(at, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
        rc = error_sys(r->err, errno, "remove %s: %s", r->path, name);
    }
    return rc;
}

int fs_remove_tree(const char *path, struct error *err)
{
    struct stat st;
    struct removal r = {.path = path, .err = err};
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? 0 : error_sys(err, errno, "remove %s", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return unlink(path) == 0 ? 0 : error_sys(err, errno, "remove %s", path);
    }
    r.dev = st.st_dev;
    r.root_fd = open_dir(&r, AT_FDCWD, path, &st);
    if (r.root_fd < 0) {
        return r.root_fd == -2 ? -1 : error_sys(err, errno, "remove %s", path);
    }
    int rc;
    unsigned before;
    do {
        before = r.moved;
        rc = empty_dir(&r, r.root_fd, 0);
    } while (rc == 0 && r.moved != before);
    close(r.root_fd);
    if (rc == 0 && rmdir(path) != 0 && errno != ENOENT) {
        rc = error_sys(err, errno, "remove %s", path);
    }
    return rc;
}

struct copying {
    const char *from, *to;
    struct error *err;
};

/* Names the failing entry of a copy. */
static int copy_failed(struct copying *c, int sys, const char *name)
{
    return error_sys(c->err, sys, "copy %s to %s: %s", c->from, c->to, name);
}

/* The bytes of one regular file, both ends open. */
static int copy_bytes(int in, int out)
{
    char piece[65536];
    for (;;) {
        ssize_t n = read(in, piece, sizeof(piece));
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(out, piece + done, (size_t)(n - done));
            if (w < 0 && errno != EINTR) {
                return -1;
            }
            done += w > 0 ? w : 0;
        }
    }
}

static int copy_file(struct copying *c, int from, int to, const char *name, mode_t mode)
{
    int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (in < 0) {
        return copy_failed(c, errno, name);
    }
    int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = out >= 0 && copy_bytes(in, out) == 0 && fchmod(out, mode & 07777) == 0;
    int sys = errno;
    if (out >= 0 && close(out) != 0 && ok) {
        ok = false;
        sys = errno;
    }
    close(in);
    return ok ? 0 : copy_failed(c, sys, name);
}

static int copy_link(struct copying *c, int from, int to, const char *name)
{
    char target[4097];
    ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
    if (n < 0) {
        return copy_failed(c, errno, name);
    }
    target[n] = '\0';
    return symlinkat(target, to, name) == 0 ? 0 : copy_failed(c, errno, name);
}

static int copy_entries(struct copying *c, int from, int to, int depth);

static int copy_dir(struct copying *c, int from, int to, const char *name, mode_t mode, int depth)
{
    if (depth >= MAX_DEPTH) {
        return error_set(c->err, ERROR_INVALID, "copy %s: nested deeper than %d", c->from, MAX_DEPTH);
    }
    if (mkdirat(to, name, 0700) != 0) {
        return copy_failed(c, errno, name);
    }
    int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int out = in < 0 ? -1 : openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = out < 0 ? copy_failed(c, errno, name) : copy_entries(c, in, out, depth + 1);
    if (rc == 0 && fchmod(out, mode & 07777) != 0) {
        rc = copy_failed(c, errno, name);
    }
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
    }
    return rc;
}

/* Copies what is in the open folder `from` to `to`; sockets, FIFOs and devices are left out. */
static int copy_entries(struct copying *c, int from, int to, int depth)
{
    struct strvec names = STRVEC_INIT;
    int rc = fs_list_fd(from, &names) == 0 ? 0 : copy_failed(c, errno, ".");
    for (size_t i = 0; i < names.len && rc == 0; i++) {
        struct stat st;
        const char *name = names.v[i];
        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            rc = copy_failed(c, errno, name);
        } else if (S_ISREG(st.st_mode)) {
            rc = copy_file(c, from, to, name, st.st_mode);
        } else if (S_ISLNK(st.st_mode)) {
            rc = copy_link(c, from, to, name);
        } else if (S_ISDIR(st.st_mode)) {
            rc = copy_dir(c, from, to, name, st.st_mode, depth);
        }
    }
    strvec_release(&names);
    return rc;
}

int fs_copy_tree(const char *from, const char *to, struct error *err)
{
    struct copying c = {.from = from, .to = to, .err = err};
    struct stat st, there;
    int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) != 0) {
        int sys = errno;
        if (in >= 0) {
            close(in);
        }
        return error_sys(err, sys, "copy %s", from);
    }
    bool made = mkdir(to, 0700) == 0;
    int out = made || errno == EEXIST ? open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int rc = out < 0 || fstat(out, &there) != 0 ? error_sys(err, errno, "copy %s to %s", from, to)
                                                : copy_entries(&c, in, out, 0);
    if (rc == 0 && made && fchmod(out, st.st_mode & 07777) != 0) {
        rc = error_sys(err, errno, "copy %s to %s", from, to);
    }
    close(in);
    if (out >= 0) {
        close(out);
    }
    return rc;
}
