/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/logwindow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/compiler.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tui/logtext.h"
#include "tui/views/pager_text.h"

#define WINDOW ((int64_t)LOGWINDOW_BYTES)

void logwindow_init(struct logwindow *w, const char *path)
{
    *w = (struct logwindow){.path = xstrdup(path)};
}

void logwindow_release(struct logwindow *w)
{
    free(w->path);
    *w = (struct logwindow){0};
}

/* Opens the file and learns its size. -1: there is none that can be read. */
static int open_file(struct logwindow *w, struct stat *st)
{
    int fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Bytes of a part as they stand there; fewer at the end. */
static void read_part(int fd, int64_t from, int64_t len, struct strbuf *out)
{
    char block[65536];
    strbuf_clear(out);
    while (len > 0) {
        ssize_t n = pread(fd, block, (size_t)MT_MIN(len, (int64_t)sizeof(block)), (off_t)from);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return;
        }
        strbuf_add(out, block, (size_t)n);
        from += n;
        len -= n;
    }
}

/* Where the first line that begins at or behind the start of a part begins; 0 when none does: one line is longer. */
static size_t first_line(const struct strbuf *data)
{
    const char *end = memchr(data->buf, '\n', data->len);
    return end && end + 1 < data->buf + data->len ? (size_t)(end + 1 - data->buf) : 0;
}

/* Length up to the end of the last whole line; all of it when there is no end in it. */
static size_t last_line(const struct strbuf *data)
{
    size_t n = data->len;
    while (n > 0 && data->buf[n - 1] != '\n') {
        n--;
    }
    return n ? n : data->len;
}

/* Reads a part of at most a window, as whole lines. */
static bool load(struct logwindow *w, int64_t from, int64_t to, struct strbuf *data)
{
    struct stat st;
    int fd = open_file(w, &st);
    if (fd < 0) {
        return false;
    }
    to = MT_MIN(to, (int64_t)st.st_size);
    from = MT_MAX(from, to - WINDOW);
    from = MT_MAX(from, (int64_t)0);
    /* One byte more before it tells whether a line begins right there. */
    int64_t at = from > 0 ? from - 1 : 0;
    read_part(fd, at, to - at, data);
    close(fd);
    size_t skip = from > 0 ? first_line(data) : 0;
    skip = from > 0 && skip == 0 ? 1 : skip;
    if (skip > data->len) {
        skip = data->len;
    }
    memmove(data->buf, data->buf + skip, data->len - skip);
    strbuf_truncate(data, data->len - skip);
    w->from = at + (int64_t)skip;
    if (w->from + (int64_t)data->len < (int64_t)st.st_size || !w->over) {
        strbuf_truncate(data, last_line(data));
    }
    w->to = w->from + (int64_t)data->len;
    w->size = (int64_t)st.st_size;
    w->ino = st.st_ino;
    return true;
}

bool logwindow_tail(struct logwindow *w, struct strbuf *data)
{
    return load(w, 0, INT64_MAX, data);
}

bool logwindow_head(struct logwindow *w, struct strbuf *data)
{
    return load(w, 0, WINDOW, data);
}

bool logwindow_back(struct logwindow *w, struct strbuf *data, size_t *added)
{
    int64_t old = w->from;
    if (old <= 0) {
        return false;
    }
    int64_t from = MT_MAX(old - WINDOW / 2, (int64_t)0);
    if (!load(w, from, from + WINDOW, data)) {
        return false;
    }
    *added = old > w->from ? (size_t)MT_MIN(old - w->from, (int64_t)data->len) : 0;
    return *added > 0;
}

bool logwindow_forward(struct logwindow *w, struct strbuf *data, size_t *kept)
{
    int64_t old = w->to;
    struct stat st;
    int fd = open_file(w, &st);
    if (fd >= 0) {
        close(fd);
    }
    if (fd < 0 || old >= (int64_t)st.st_size || !load(w, 0, old + WINDOW / 2, data) || w->to <= old) {
        return false;
    }
    *kept = old > w->from ? (size_t)(old - w->from) : 0;
    return true;
}

enum logwindow_news logwindow_more(struct logwindow *w, struct strbuf *data)
{
    struct stat st;
    int fd = open_file(w, &st);
    strbuf_clear(data);
    if (fd < 0) {
        return LOGWINDOW_SAME;
    }
    bool anew = st.st_ino != w->ino || (int64_t)st.st_size < w->to;
    if (!anew && (int64_t)st.st_size > w->to) {
        read_part(fd, w->to, MT_MIN((int64_t)st.st_size - w->to, WINDOW), data);
        size_t whole = data->len;
        while (whole > 0 && data->buf[whole - 1] != '\n') {
            whole--;
        }
        if (!w->over || w->to + (int64_t)data->len < (int64_t)st.st_size) {
            /* A line that is still being written waits until it is whole. */
            strbuf_truncate(data, whole || (int64_t)data->len < WINDOW ? whole : data->len);
        }
        w->to += (int64_t)data->len;
    }
    close(fd);
    w->size = (int64_t)st.st_size;
    return anew ? LOGWINDOW_ANEW : data->len ? LOGWINDOW_MORE : LOGWINDOW_SAME;
}

/* Does the text stand in one of the lines? */
static bool has_text(const struct strbuf *data, const char *needle)
{
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    logtext_lines(data->buf, data->len, &lines);
    for (size_t i = 0; i < lines.len; i++) {
        if (pager_text_match(lines.v[i], needle, 0) >= 0) {
            return true;
        }
    }
    return false;
}

bool logwindow_find(struct logwindow *w, const char *needle, bool back, struct strbuf *data)
{
    struct logwindow probe = *w;
    for (;;) {
        int64_t from = back ? MT_MAX(probe.from - WINDOW, (int64_t)0) : probe.to;
        int64_t to = back ? probe.from : probe.to + WINDOW;
        if ((back && probe.from <= 0) || !load(&probe, from, to, data) || data->len == 0 ||
            (!back && probe.to <= from)) {
            return false;
        }
        if (has_text(data, needle)) {
            *w = probe;
            return true;
        }
        if (back ? probe.from >= to : probe.to >= probe.size) {
            return false;
        }
    }
}
