/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/logfollow.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/compiler.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

#define TAIL_BYTES (256 << 10)
#define BLOCK 65536
#define PACE_MS 10
#define GATHER_MS 30 /* writes that follow each other are read together */

struct logfollow {
    struct logfollow_opts opts;
    char *path;
    struct dirwatch *dir;
    struct timer *timer;
    int fd; /* -1: it is not there */
    dev_t dev;
    ino_t ino;
    off_t at;
    bool begun;  /* it was looked at */
    bool inside; /* a callback runs */
    bool closed; /* by it: freed when it returns */
    char block[BLOCK];
};

/* Where its last lines begin. */
static off_t tail_start(struct logfollow *f, off_t size)
{
    off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0, start = size;
    size_t lines = 0;
    for (off_t end = size; end > from && f->opts.lines > 0;) {
        off_t begin = end - from > BLOCK ? end - BLOCK : from;
        ssize_t n = pread(f->fd, f->block, (size_t)(end - begin), begin);
        for (ssize_t i = n; i-- > 0;) {
            bool last = begin + i + 1 == size; /* the end of the last line begins none */
            if (f->block[i] == '\n' && !last && ++lines == f->opts.lines) {
                return begin + i + 1;
            }
        }
        start = n > 0 ? begin : start;
        end = n > 0 ? begin : from;
    }
    return start;
}

/* Opens what stands at the path now; false: nothing that can be read. */
static bool open_file(struct logfollow *f)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    f->fd = fd;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->at = 0;
    return true;
}

/* Frees it all. */
static void destroy(struct logfollow *f)
{
    dirwatch_close(f->dir);
    timer_close(f->timer);
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f->path);
    free(f);
}

/* A callback has returned; false: it closed us, and that is done now. */
static bool leave(struct logfollow *f)
{
    f->inside = false;
    if (f->closed) {
        destroy(f);
        return false;
    }
    return true;
}

/* Passes one block on. 1: there may be more; 0: the end; -1: it was closed meanwhile. */
static int pass_block(struct logfollow *f)
{
    ssize_t n = pread(f->fd, f->block, sizeof(f->block), f->at);
    if (n <= 0) {
        return 0;
    }
    f->at += n;
    f->inside = true;
    f->opts.on_data(f->opts.arg, f->block, (size_t)n);
    if (!leave(f)) {
        return -1;
    }
    return n == (ssize_t)sizeof(f->block);
}

/* Tells news; false: it was closed meanwhile. */
static bool tell(struct logfollow *f, enum logfollow_news news)
{
    if (f->opts.on_news == NULL) {
        return true;
    }
    f->inside = true;
    f->opts.on_news(f->opts.arg, news);
    return leave(f);
}

/* The first look. */
static void begin(struct logfollow *f)
{
    struct stat st;
    f->begun = true;
    if (open_file(f) && fstat(f->fd, &st) == 0) {
        f->at = tail_start(f, st.st_size);
    }
}

/* Timer: reads on; what has taken its place comes when the old one is read to its end. */
static void on_timer(void *arg)
{
    struct logfollow *f = arg;
    struct stat st, own;
    bool was = f->begun;
    if (!was) {
        begin(f);
    }
    if (f->fd >= 0 && fstat(f->fd, &own) == 0 && own.st_size < f->at) {
        f->at = 0;
        if (!tell(f, LOGFOLLOW_CUT)) {
            return;
        }
    }
    if (was && f->fd >= 0 && f->opts.behind > 0 && fstat(f->fd, &own) == 0 &&
        own.st_size - f->at > (off_t)f->opts.behind) {
        f->at = own.st_size - (off_t)f->opts.behind;
        if (!tell(f, LOGFOLLOW_SKIP)) {
            return;
        }
    }
    int more = f->fd >= 0 ? pass_block(f) : 0;
    if (more < 0) {
        return;
    }
    if (more > 0) {
        timer_start(f->timer, f->opts.behind > 0 ? PACE_MS : 0); /* what is only looked at may come in gulps */
        return;
    }
    bool there = stat(f->path, &st) == 0;
    if (there && (f->fd < 0 || st.st_dev != f->dev || st.st_ino != f->ino)) {
        bool anew = f->fd >= 0;
        if (f->fd >= 0) {
            close(f->fd);
            f->fd = -1;
        }
        if (open_file(f)) {
            timer_start(f->timer, 0);
            (void)(anew && tell(f, LOGFOLLOW_ANEW));
        }
    }
}

/* dirwatch: something in its folder. */
static void on_dir(void *arg, const char *name)
{
    struct logfollow *f = arg;
    if ((name == NULL || strcmp(name, path_base(f->path)) == 0) && !timer_is_active(f->timer)) {
        timer_start(f->timer, GATHER_MS);
    }
}

struct logfollow *logfollow_new(const struct logfollow_opts *opts, struct error *err)
{
    struct logfollow *f = xcalloc(1, sizeof(*f));
    f->path = xstrdup(opts->path);
    MT_CLEANUP(xfree) char *dir = xstrndup(f->path, (size_t)(path_base(f->path) - f->path));
    f->dir = dirwatch_new(opts->loop, dir, on_dir, f, err);
    if (f->dir == NULL) {
        free(f->path);
        free(f);
        return NULL;
    }
    f->opts = *opts;
    f->opts.path = NULL;
    f->fd = -1;
    f->timer = timer_new(opts->loop, on_timer, f);
    timer_start(f->timer, 0);
    return f;
}

void logfollow_close(struct logfollow *f)
{
    if (f != NULL && f->inside) {
        f->closed = true;
    } else if (f != NULL) {
        destroy(f);
    }
}
