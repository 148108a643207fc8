/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define LOCKFILE_RETRY_MS 100
/* A file without a readable pid: another tool may create first and write then. Older than this, it is a dead one's. */
#define LOCKFILE_BROKEN_AGE_S 2

#define HOLDER_UNKNOWN (-2)

enum outcome { HELD, WAIT, FAILED };

struct lockfile {
    struct loop *loop;
    struct timer *retry;
    struct lockfile *next; /* in `held` */
    enum lockfile_kind kind;
    char *path;
    lockfile_wait_fn waiting;
    lockfile_done_fn done;
    void *arg;
    uint64_t timeout_ms, started_ms;
    int holder; /* told last; -1: nobody yet */
    int fd;     /* ADVISORY, while held */
    dev_t dev;
    ino_t ino;
    bool is_held, is_done, canceled;
};

/* POSIX locks belong to the process, and closing any descriptor of the file drops them: which files this process holds
 * must be known to the whole process, hence the one file-scope variable here. */
static struct lockfile *held;

/* True when this process holds that file by another object. */
static bool held_here(dev_t dev, ino_t ino)
{
    for (const struct lockfile *l = held; l != NULL; l = l->next) {
        if (l->dev == dev && l->ino == ino) {
            return true;
        }
    }
    return false;
}

/* Notes that we have it. */
static enum outcome take(struct lockfile *l, const struct stat *st)
{
    l->dev = st->st_dev;
    l->ino = st->st_ino;
    l->is_held = true;
    l->next = held;
    held = l;
    return HELD;
}

/* Takes it off the list. */
static void untake(struct lockfile *l)
{
    for (struct lockfile **at = &held; *at != NULL; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            break;
        }
    }
    l->is_held = false;
}

/* The directory part; caller frees. */
static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return xstrdup(".");
    }
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* Who holds a pid file. 0: nobody who lives; -1: gone; HOLDER_UNKNOWN: just being written; else the pid. */
static int read_holder(const char *path, struct stat *st)
{
    char text[32];
    ssize_t n;
    long pid;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 || fstat(fd, st) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    pid = strtol(text, NULL, 10);
    if (pid <= 0 || pid > 0x7fffffff) {
        return time(NULL) - st->st_mtime > LOCKFILE_BROKEN_AGE_S ? 0 : HOLDER_UNKNOWN;
    }
    if (pid == (long)getpid()) {
        return held_here(st->st_dev, st->st_ino) ? (int)pid : 0; /* a dead process had our number before us */
    }
    return kill((pid_t)pid, 0) == 0 || errno != ESRCH ? (int)pid : 0;
}

/* Removes a dead holder's file. Looking again and removing are one act under a lock on the directory: a second taker
 * would otherwise remove the file that the first one has just made. False: someone else is at it, try again later. */
static bool remove_dead(const char *path)
{
    MT_CLEANUP(xfree) char *dir = dir_of(path);
    struct stat st;
    bool removed = false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && read_holder(path, &st) == 0) {
        removed = unlink(path) == 0;
    }
    close(fd);
    return removed;
}

/* A temporary file with our pid in it already, to be linked into place. */
static int write_temp(const char *temp, struct stat *st, struct error *err)
{
    char text[32];
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t len;
    bool ok;

    if (fd < 0) {
        return error_sys(err, errno, "%s", temp);
    }
    (void)str_format(text, sizeof(text), "%ld\n", (long)getpid());
    len = strlen(text);
    ok = write(fd, text, len) == (ssize_t)len && fstat(fd, st) == 0;
    if (!ok) {
        error_sys(err, errno, "%s", temp);
        unlink(temp);
    }
    close(fd);
    return ok ? 0 : -1;
}

/* One try at a pid file: it appears with its content, or not at all. */
static enum outcome try_pid(struct lockfile *l, int *holder, struct error *err)
{
    MT_CLEANUP(xfree) char *temp = xasprintf("%s.%ld.%p", l->path, (long)getpid(), (void *)l);
    struct stat st, other;
    int rc, saved;

    for (int i = 0; i < 3; i++) {
        if (write_temp(temp, &st, err) != 0) {
            return FAILED;
        }
        rc = link(temp, l->path);
        saved = errno;
        unlink(temp);
        if (rc == 0) {
            return take(l, &st);
        }
        if (saved != EEXIST) {
            error_sys(err, saved, "%s", l->path);
            return FAILED;
        }
        *holder = read_holder(l->path, &other);
        if (*holder > 0 || *holder == HOLDER_UNKNOWN) {
            *holder = *holder > 0 ? *holder : 0;
            return WAIT;
        }
        if (*holder == 0 && !remove_dead(l->path)) {
            return WAIT;
        }
    }
    return WAIT;
}

/* One try at a POSIX lock. The file is never opened while this process holds it: closing it again would drop the lock.
 */
static enum outcome try_advisory(struct lockfile *l, int *holder, struct error *err)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat st, now;
    int fd;

    if (stat(l->path, &st) == 0 && held_here(st.st_dev, st.st_ino)) {
        *holder = (int)getpid();
        return WAIT;
    }
    fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        error_sys(err, errno, "%s", l->path);
        return FAILED;
    }
    if (fcntl(fd, F_SETLK, &fl) == 0) {
        /* Someone may have removed the file meanwhile: a lock on a nameless one excludes nobody. */
        if (fstat(fd, &st) == 0 && stat(l->path, &now) == 0 && st.st_ino == now.st_ino && st.st_dev == now.st_dev) {
            l->fd = fd;
            return take(l, &st);
        }
        close(fd);
        return WAIT;
    }
    if (errno != EACCES && errno != EAGAIN) {
        error_sys(err, errno, "%s", l->path);
        close(fd);
        return FAILED;
    }
    *holder = fcntl(fd, F_GETLK, &fl) == 0 && fl.l_type != F_UNLCK ? (int)fl.l_pid : 0;
    close(fd);
    return WAIT;
}

/* Tells the owner, once. The object stays until lockfile_release. */
static void finish(struct lockfile *l, const struct error *err)
{
    l->is_done = true;
    timer_close(l->retry);
    l->retry = NULL;
    l->done(l->arg, err);
}

static void lockfile_free(void *arg)
{
    struct lockfile *l = arg;
    timer_close(l->retry);
    free(l->path);
    free(l);
}

/* Still someone else's: says so when that is news, and tries again until the time is over. */
static void wait_more(struct lockfile *l, int holder)
{
    struct error err = ERROR_INIT;

    if (clock_mono_ms() - l->started_ms >= l->timeout_ms) {
        error_hint(&err, ERROR_TIMEOUT, "wait for that process, or end it if it hangs",
                   "%s: held by process %d for more than %.1f s", l->path, holder, (double)l->timeout_ms / 1000.0);
        finish(l, &err);
        return;
    }
    timer_start(l->retry, LOCKFILE_RETRY_MS);
    if (holder != l->holder) {
        l->holder = holder;
        if (l->waiting != NULL) {
            l->waiting(l->arg, holder);
        }
    }
}

/* One try, of either kind. */
static enum outcome try_once(struct lockfile *l, int *holder, struct error *err)
{
    return l->kind == LOCKFILE_PID ? try_pid(l, holder, err) : try_advisory(l, holder, err);
}

/* timer callback: one try. */
static void on_try(void *arg)
{
    struct lockfile *l = arg;
    struct error err = ERROR_INIT;
    enum outcome got;
    int holder = 0;

    if (l->canceled) {
        error_set(&err, ERROR_CANCELED, "%s: canceled while waiting", l->path);
        finish(l, &err);
        lockfile_free(l);
        return;
    }
    got = try_once(l, &holder, &err);
    if (got == HELD) {
        finish(l, NULL);
    } else if (got == FAILED) {
        finish(l, &err);
    } else {
        wait_more(l, holder);
    }
}

/* One that holds nothing yet; NULL without a file. */
static struct lockfile *lockfile_new(struct loop *loop, enum lockfile_kind kind, const char *path, struct error *err)
{
    struct lockfile *l;

    if (path == NULL || path[0] == '\0') {
        error_set(err, ERROR_INVALID, "a lock needs a file");
        return NULL;
    }
    l = xcalloc(1, sizeof(*l));
    l->loop = loop;
    l->kind = kind;
    l->path = xstrdup(path);
    l->holder = -1;
    l->fd = -1;
    return l;
}

int lockfile_acquire(struct lockfile **out, struct loop *loop, enum lockfile_kind kind, const char *path,
                     uint64_t timeout_ms, lockfile_wait_fn waiting, lockfile_done_fn done, void *arg, struct error *err)
{
    struct lockfile *l = lockfile_new(loop, kind, path, err);

    if (l == NULL) {
        return -1;
    }
    l->waiting = waiting;
    l->done = done;
    l->arg = arg;
    l->timeout_ms = timeout_ms;
    l->started_ms = clock_mono_ms();
    l->retry = timer_new(loop, on_try, l);
    timer_start(l->retry, 0);
    *out = l;
    return 0;
}

int lockfile_try(struct lockfile **out, struct loop *loop, enum lockfile_kind kind, const char *path, int *holder_pid,
                 struct error *err)
{
    struct lockfile *l = lockfile_new(loop, kind, path, err);
    enum outcome got;
    int holder = 0;

    if (l == NULL) {
        return -1;
    }
    got = try_once(l, &holder, err);
    if (got == HELD) {
        l->is_done = true;
        *out = l;
        return 0;
    }
    lockfile_free(l);
    if (got == WAIT) {
        error_set(err, ERROR_BUSY, "%s: held by process %d", path, holder);
    }
    if (holder_pid != NULL) {
        *holder_pid = holder;
    }
    return -1;
}

/* Gives the file back. */
static void let_go(struct lockfile *l)
{
    struct stat st;

    if (l->kind == LOCKFILE_PID && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino) {
        unlink(l->path);
    }
    untake(l);
    if (l->fd >= 0) {
        close(l->fd);
    }
}

void lockfile_release(struct lockfile *l)
{
    if (l == NULL || l->canceled) {
        return;
    }
    if (!l->is_done) {
        l->canceled = true;
        timer_start(l->retry, 0);
        return;
    }
    if (l->is_held) {
        let_go(l);
    }
    l->canceled = true;
    loop_defer(l->loop, lockfile_free, l); /* we may be inside done */
}
