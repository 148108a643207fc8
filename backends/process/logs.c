/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/logs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define LOGS_FILE_MAX (4u << 20) /* files are turned over at 1 MiB */
#define LOGS_TURN_AT (1 << 20)
#define LOGS_STAMP 20 /* "2026-11-21T10:00:00Z", then a space */

/* One of the two files, as far as it was read. */
struct source {
    const char *name;
    bool is_stderr;
    ino_t inode;
    off_t at;
    struct strbuf part; /* a line that has not ended yet */
};

struct logs {
    char *folder;
    struct dirwatch *watch;
    struct source sources[2];
    logs_line_fn fn;
    void *arg;
};

/* A line of either file. */
struct entry {
    const char *text;
    size_t len, order;
    bool is_stderr;
};

struct entries {
    struct entry *v;
    size_t len;
};

/* Appends from `at` to the end of an open file. */
static void read_rest(int fd, off_t at, struct strbuf *out)
{
    char buf[16384];
    ssize_t n;
    while (out->len < LOGS_FILE_MAX && (n = pread(fd, buf, sizeof(buf), at)) > 0) {
        strbuf_add(out, buf, (size_t)n);
        at += n;
    }
}

/* What is new in a file. A file that was turned over since is first read to its end under its new name. */
static void read_new(struct logs *l, struct source *s)
{
    struct stat sb;
    char *path = path_join(l->folder, s->name), *old = xasprintf("%s/%s.1", l->folder, s->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &sb) == 0 && sb.st_ino != s->inode) {
        struct stat before;
        int old_fd = open(old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool first = s->inode == 0;
        if (old_fd >= 0 && fstat(old_fd, &before) == 0 && (first || before.st_ino == s->inode)) {
            read_rest(old_fd, first ? 0 : s->at, &s->part);
        }
        if (old_fd >= 0) {
            close(old_fd);
        }
        s->inode = sb.st_ino;
        s->at = 0;
    }
    if (fd >= 0) {
        size_t had = s->part.len;
        read_rest(fd, s->at, &s->part);
        s->at += (off_t)(s->part.len - had);
        close(fd);
    }
    free(path);
    free(old);
}

/* Cuts the whole lines out; they point into the part. Returns the bytes that they take. */
static size_t cut_lines(const struct source *s, struct entries *out)
{
    size_t used = 0;
    for (const char *end; (end = memchr(s->part.buf + used, '\n', s->part.len - used)) != NULL;) {
        out->v = xreallocarray(out->v, out->len + 1, sizeof(*out->v));
        out->v[out->len] = (struct entry){.text = s->part.buf + used,
                                          .len = (size_t)(end - s->part.buf) - used,
                                          .order = out->len,
                                          .is_stderr = s->is_stderr};
        out->len++;
        used = (size_t)(end - s->part.buf) + 1;
    }
    return used;
}

/* By stamp; equal ones (a second) as they were read. */
static int compare(const void *va, const void *vb)
{
    const struct entry *a = va, *b = vb;
    int c = memcmp(a->text, b->text, MT_MIN(LOGS_STAMP, MT_MIN(a->len, b->len)));
    return c ? c : a->order < b->order ? -1 : 1;
}

/* Gives out what is new in both files, at most the last `tail` lines. */
static void give(struct logs *l, int64_t tail)
{
    struct entries all = {0};
    size_t used[2];
    for (size_t i = 0; i < MT_ARRAY_LEN(l->sources); i++) {
        read_new(l, &l->sources[i]);
        used[i] = cut_lines(&l->sources[i], &all);
    }
    if (all.len > 1) {
        qsort(all.v, all.len, sizeof(*all.v), compare);
    }
    size_t from = tail >= 0 && (uint64_t)tail < all.len ? all.len - (size_t)tail : 0;
    for (size_t i = from; i < all.len; i++) {
        const struct entry *e = &all.v[i];
        size_t skip = e->len > LOGS_STAMP && e->text[LOGS_STAMP] == ' ' ? LOGS_STAMP + 1 : 0;
        char *line = xstrndup(e->text + skip, e->len - skip);
        l->fn(l->arg, e->is_stderr, line, e->len - skip);
        free(line);
    }
    free(all.v);
    for (size_t i = 0; i < MT_ARRAY_LEN(l->sources); i++) {
        strbuf_consume(&l->sources[i].part, used[i]);
    }
}

/* A file of the folder was written. */
static void on_change(void *arg, const char *name)
{
    struct logs *l = arg;
    if (!name || strncmp(name, "std", 3) == 0) {
        give(l, -1);
    }
}

struct logs *logs_open(struct loop *loop, const char *dir, int64_t tail, bool follow, logs_line_fn fn, void *arg,
                       struct error *err)
{
    struct logs *l = xcalloc(1, sizeof(*l));
    l->folder = path_join(dir, "logs");
    l->fn = fn;
    l->arg = arg;
    l->sources[0] = (struct source){.name = "stdout.log", .part = STRBUF_INIT};
    l->sources[1] = (struct source){.name = "stderr.log", .is_stderr = true, .part = STRBUF_INIT};
    if (!fs_is_dir(dir)) {
        error_set(err, ERROR_NOT_FOUND, "no such sandbox");
    } else if (follow && fs_mkdirs(l->folder, 0700, err) == 0) {
        /* Watched first, so that nothing is missed between the look and the watch. */
        l->watch = dirwatch_new(loop, l->folder, on_change, l, err);
    }
    if (!fs_is_dir(dir) || (follow && !l->watch)) {
        logs_close(l);
        return NULL;
    }
    give(l, tail);
    return l;
}

void logs_close(struct logs *l)
{
    if (!l) {
        return;
    }
    dirwatch_close(l->watch);
    strbuf_release(&l->sources[0].part);
    strbuf_release(&l->sources[1].part);
    free(l->folder);
    free(l);
}

void logs_append(const char *dir, const char *name, const char *data, size_t len)
{
    char *path = xasprintf("%s/logs/%s", dir, name), stamp[32];
    struct stat sb;
    if (stat(path, &sb) == 0 && sb.st_size > LOGS_TURN_AT) {
        char *old = xasprintf("%s.1", path);
        rename(path, old);
        free(old);
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    clock_iso8601(clock_wall_ms(), stamp);
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        strbuf_addf(&text, "%s ", stamp);
        strbuf_add(&text, data, n);
        strbuf_addch(&text, '\n');
        data += n + (end != NULL);
        len -= n + (end != NULL);
    }
    fs_append(path, text.buf, text.len, 0600, NULL);
    free(path);
}
