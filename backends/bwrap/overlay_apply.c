/* SPDX-License-Identifier: Apache-2.0 */
/* Taking changes over into the project: every step relative to an open folder, through no link, whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/bwrap/overlay_private.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct applier {
    const char *const *paths;
    int project_fd;
    struct overlay_records *records;
    struct overlay_changes *held;
    unsigned temp;
};

/* Is the change meant, and did the person name what is risky about it? */
static bool is_named(const char *const *paths, const char *path, bool risky)
{
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        if (overlay_is_at_or_below(path, paths[i]) &&
            (!risky || strcmp(path, paths[i]) == 0 || overlay_is_risky(paths[i]))) {
            return true;
        }
    }
    return paths == NULL && !risky;
}

/* Puts a change on the list of those that were not taken. */
static void hold(struct applier *a, const struct workspace_change *c, const char *why)
{
    struct overlay_changes *h = a->held;
    h->v = xreallocarray(h->v, h->len + 1, sizeof(*h->v));
    h->v[h->len] = *c;
    h->v[h->len].path = xstrdup(c->path);
    if (why != NULL) {
        str_copy(h->v[h->len].note, sizeof(h->v[h->len].note), why);
    }
    h->len++;
}

/* The folder of the project that holds `path`, made where the sandbox made it. -1 with errno. */
static int open_parent(const struct applier *a, const char *path)
{
    int fd = fcntl(a->project_fd, F_DUPFD_CLOEXEC, 3);
    for (const char *p = path, *slash; fd >= 0 && (slash = strchr(p, '/')) != NULL; p = slash + 1) {
        MT_CLEANUP(xfree) char *name = xstrndup(p, (size_t)(slash - p));
        int next = overlay_open_dir(fd, name);
        if (next < 0 && errno == ENOENT && mkdirat(fd, name, 0755) == 0) {
            next = overlay_open_dir(fd, name);
            if (next >= 0 && fchmod(next, 0755) < 0) { /* whatever our umask is */
                close(next);
                next = -1;
            }
        }
        int sys = errno;
        close(fd);
        fd = next;
        errno = sys;
    }
    return fd;
}

/* Removes an entry with all below it. -1 with errno. */
static int remove_at(int at, const char *name)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }
    int fd = errno == EISDIR || errno == EPERM ? overlay_open_dir(at, name) : -1;
    int rc = fd >= 0 ? fs_list_fd(fd, &names) : -1;
    for (size_t i = 0; rc == 0 && i < names.len; i++) {
        rc = remove_at(fd, names.v[i]);
    }
    int sys = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = sys;
    return rc < 0 ? -1 : unlinkat(at, name, AT_REMOVEDIR);
}

/* Copies the bytes. -1 with errno. */
static int copy_bytes(int from, int to)
{
    enum { CHUNK = 1 << 16 };
    char *buf = xmalloc(CHUNK);
    ssize_t n = 1;
    while ((n = read(from, buf, CHUNK)) > 0) {
        for (ssize_t at = 0, put; at < n; at += put) {
            put = write(to, buf + at, (size_t)(n - at));
            if (put < 0) {
                n = -1;
                break;
            }
        }
        if (n < 0) {
            break;
        }
    }
    int sys = errno;
    free(buf);
    errno = sys;
    return n < 0 ? -1 : 0;
}

/* Who the new file belongs to: as what it replaces, else as its folder. Only root can and must say so. */
static int give(int fd, int at, const struct stat *old)
{
    struct stat st;
    if (geteuid() != 0) {
        return 0;
    }
    if (old->st_mode != 0) {
        return fchown(fd, old->st_uid, old->st_gid);
    }
    return fstat(at, &st) < 0 ? -1 : fchown(fd, st.st_uid, st.st_gid);
}

/* A whole copy of the upper file under a temporary name. -1 with errno; nothing is left then. */
static int make_file(const struct overlay_entry *e, int at, const char *temp)
{
    struct stat st;
    int from = openat(e->upper_fd, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode)) {
        int sys = from < 0 ? errno : EINVAL;
        if (from >= 0) {
            close(from);
        }
        errno = sys;
        return -1;
    }
    int to = openat(at, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    /* Owner before mode: changing the owner may take bits away. Never setuid, setgid or sticky. */
    int rc = to < 0                                    ? -1
             : copy_bytes(from, to) < 0                ? -1
             : give(to, at, &e->lower) < 0             ? -1
             : fchmod(to, e->upper.st_mode & 0777) < 0 ? -1
                                                       : fsync(to);
    int sys = errno;
    if (to >= 0) {
        close(to);
    }
    close(from);
    if (rc < 0 && to >= 0) {
        unlinkat(at, temp, 0);
    }
    errno = sys;
    return rc;
}

/* The same for a link. */
static int make_link(const struct overlay_entry *e, int at, const char *temp)
{
    char target[4096];
    ssize_t n = readlinkat(e->upper_fd, e->name, target, sizeof(target) - 1);
    if (n <= 0 || n == (ssize_t)sizeof(target) - 1) {
        errno = n < 0 ? errno : EINVAL;
        return -1;
    }
    target[n] = '\0';
    if (symlinkat(target, at, temp) < 0) {
        return -1;
    }
    struct stat st;
    if (geteuid() == 0 && fstat(at, &st) == 0) {
        int rc = fchownat(at, temp, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
        (void)rc; /* a link's owner decides nothing */
    }
    return 0;
}

/* A file or link: made beside its place, looked at once more, moved there. */
static int place_leaf(struct applier *a, const struct overlay_entry *e, int at, const char *name, char note[96])
{
    char temp[64];
    str_format(temp, sizeof(temp), ".muthr-apply-%d-%u", (int)getpid(), a->temp++);
    int rc = S_ISLNK(e->upper.st_mode) ? make_link(e, at, temp) : make_file(e, at, temp);
    if (rc < 0) {
        return -1;
    }
    if (e->lower.st_mode == 0) {
        rc = renameat2(at, temp, at, name, RENAME_NOREPLACE);
        if (rc < 0 && errno == EEXIST) {
            str_copy(note, 96, "new in the project meanwhile");
        }
    } else if (!overlay_is_as_recorded(a->records, at, name, e->change.path, note, NULL)) {
        errno = EEXIST;
        rc = -1;
    } else {
        rc = S_ISDIR(e->lower.st_mode) ? remove_at(at, name) : 0;
        rc = rc == 0 ? renameat(at, temp, at, name) : rc;
    }
    int sys = errno;
    if (rc < 0) {
        unlinkat(at, temp, 0);
    }
    errno = sys;
    return rc;
}

/* A folder: its mode, or the folder itself. */
static int place_dir(struct applier *a, const struct overlay_entry *e, int at, const char *name, char note[96])
{
    if (e->lower.st_mode != 0 && !S_ISDIR(e->lower.st_mode)) {
        if (!overlay_is_as_recorded(a->records, at, name, e->change.path, note, NULL)) {
            errno = EEXIST;
            return -1;
        }
        if (unlinkat(at, name, 0) < 0) {
            return -1;
        }
    }
    if (!S_ISDIR(e->lower.st_mode) && mkdirat(at, name, 0700) < 0) {
        return -1;
    }
    int fd = overlay_open_dir(at, name);
    int rc = fd < 0 ? -1 : give(fd, at, &e->lower) < 0 ? -1 : fchmod(fd, e->upper.st_mode & 0777);
    int sys = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = sys;
    return rc;
}

/* One change; what goes wrong with it is its own affair. */
static void take(struct applier *a, const struct overlay_entry *e)
{
    const struct workspace_change *c = &e->change;
    const char *slash = strrchr(c->path, '/'), *name = slash != NULL ? slash + 1 : c->path;
    char note[96] = "";
    struct stat now;
    int at = open_parent(a, c->path), rc = -1;
    if (at >= 0 && c->kind == CHANGE_DELETED) {
        rc = overlay_is_as_recorded(a->records, at, name, c->path, note, NULL) ? remove_at(at, name) : -1;
    } else if (at >= 0 && S_ISDIR(e->upper.st_mode)) {
        rc = place_dir(a, e, at, name, note);
    } else if (at >= 0) {
        rc = place_leaf(a, e, at, name, note);
    }
    if (rc < 0) {
        if (note[0] == '\0') {
            str_format(note, sizeof(note), "%s",
                       at < 0 && (errno == ENOTDIR || errno == ELOOP || errno == EXDEV)
                           ? "the folder that it belongs to is none in the project"
                           : strerror(errno));
        }
        hold(a, c, note);
    } else {
        a->held->applied++;
        fsync(at);
        if (c->kind == CHANGE_DELETED || c->kind == CHANGE_TYPE) {
            records_drop(a->records, c->path);
        }
        if (c->kind != CHANGE_DELETED && fstatat(at, name, &now, AT_SYMLINK_NOFOLLOW) == 0) {
            records_put(a->records, c->path, &now);
        }
    }
    if (at >= 0) {
        close(at);
    }
}

static int visit(void *arg, const struct overlay_entry *e, struct error *err)
{
    struct applier *a = arg;
    const struct workspace_change *c = &e->change;
    (void)err;
    bool meant = a->paths == NULL;
    for (size_t i = 0; a->paths != NULL && a->paths[i] != NULL; i++) {
        meant = meant || overlay_is_at_or_below(c->path, a->paths[i]);
    }
    if (!meant) {
        return 0;
    }
    if (e->skip || c->conflict || (c->risky && !is_named(a->paths, c->path, true))) {
        hold(a, c, NULL);
    } else {
        take(a, e);
    }
    return 0;
}

/* Each path must be plain, and have a change at or below it. */
static int check_paths(const char *const *paths, const struct overlay_changes *all, struct error *err)
{
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        bool found = false;
        for (size_t k = 0; k < all->len && !found; k++) {
            found = overlay_is_at_or_below(all->v[k].path, paths[i]);
        }
        if (!found || paths[i][0] == '\0') {
            return error_hint(err, ERROR_NOT_FOUND, "`muthr-tui changes` lists them", "there is no change at '%s'",
                              paths[i]);
        }
    }
    return 0;
}

int overlay_check_paths(const char *dir, const char *workspace, const char *const *paths, struct error *err)
{
    struct overlay_changes all = {0};
    int rc = paths == NULL ? 0 : overlay_changes(dir, workspace, &all, err);
    rc = rc == 0 ? check_paths(paths, &all, err) : rc;
    overlay_changes_release(&all);
    return rc;
}

int overlay_apply(const char *dir, const char *workspace, const char *const *paths, struct overlay_changes *held,
                  struct error *err)
{
    struct overlay_records records;
    memset(held, 0, sizeof(*held));
    if (overlay_check_paths(dir, workspace, paths, err) < 0) {
        return -1;
    }
    int fd = overlay_open_project(workspace, err);
    if (fd < 0) {
        return -1;
    }
    records_load(&records, dir);
    struct applier a = {.paths = paths, .project_fd = fd, .records = &records, .held = held};
    struct overlay_walk walk = {.project_fd = fd, .records = &records, .kind = records.kind, .visit = visit, .arg = &a};
    int rc = overlay_walk(&walk, dir, err);
    fsync(fd);
    if (rc == 0) {
        struct overlay_walk prune = {.project_fd = fd, .kind = records.kind, .prune = true};
        rc = overlay_walk(&prune, dir, err);
    }
    int saved = records_save(&records, dir, rc == 0 ? err : NULL);
    records_release(&records);
    close(fd);
    return rc < 0 ? -1 : saved;
}
