/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

#define PATH_LEAST 16 /* columns of a path that say which */

struct savefile {
    struct app *app;
    char *path;  /* absolute, or as it was given below the current directory */
    char *shown; /* with ~, and cut: what is said of it must be read, too */
    int fd;
    bool made; /* it was not there before */
};

/* A path in so many columns: its end tells more than its beginning. free(). */
static char *shorten(const char *path, int cols)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, path, strlen(path), false);
    const char *p = clean.buf;
    if (utf8_columns(p, strlen(p)) <= cols) {
        return xstrdup(p);
    }
    while (*p && utf8_columns(p, strlen(p)) > cols - 3) {
        p += utf8_cluster(p, strlen(p), NULL);
    }
    return xasprintf("...%s", p);
}

static void savefile_free(struct savefile *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->path);
    free(s->shown);
    free(s);
}

/* pane_sink.write */
static int on_write(void *arg, const char *text, size_t len, struct error *err)
{
    struct savefile *s = arg;
    while (len) {
        ssize_t n = write(s->fd, text, len);
        if (n < 0 && errno != EINTR) {
            return error_sys(err, errno, "%s", s->shown);
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* pane_sink.done */
static void on_done(void *arg, size_t bytes, size_t lines, bool cut, const struct error *why)
{
    struct savefile *s = arg;
    struct error err = ERROR_INIT;
    (void)cut;
    int rc = close(s->fd); /* a network's file system says only now that the disk is full */
    s->fd = -1;
    if (!why && rc != 0) {
        error_sys(&err, errno, "%s", s->shown);
        why = &err;
    }
    if (why) {
        bool gone = s->made && unlink(s->path) == 0;
        app_warn(s->app, "Not written: %s%s", why->msg, gone ? " (the part that was is removed)" : "");
    } else {
        app_say(s->app, "Wrote %zu %s, %zu bytes, to %s", lines, lines == 1 ? "line" : "lines", bytes, s->shown);
    }
    savefile_free(s);
}

/* Opens the file; sets err otherwise. What is no plain file is left alone, but for devices: they are written to as they
 * are. */
static int open_it(struct savefile *s, bool overwrite, struct error *err)
{
    struct stat st;
    s->made = true;
    s->fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (s->fd >= 0 || errno != EEXIST) {
        return s->fd >= 0 ? 0 : error_sys(err, errno, "%s", s->shown);
    }
    s->made = false;
    if (stat(s->path, &st) != 0) {
        return error_sys(err, errno, "%s", s->shown);
    }
    if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
        return error_set(err, ERROR_INVALID, S_ISDIR(st.st_mode) ? "%s is a folder" : "%s is no file", s->shown);
    }
    if (!overwrite) {
        return error_set(err, ERROR_EXISTS, "%s is there already: Enter again overwrites it", s->shown);
    }
    s->fd = open(s->path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return s->fd >= 0 ? 0 : error_sys(err, errno, "%s", s->shown);
}

int savefile_start(struct app *app, struct pane *p, const char *path, bool overwrite, struct error *err)
{
    while (*path == ' ') {
        path++;
    }
    if (!*path) {
        return error_set(err, ERROR_INVALID, "A path, please");
    }
    struct savefile *s = xcalloc(1, sizeof(*s));
    s->app = app;
    s->path = path_expand(path, app->paths->home);
    MT_CLEANUP(xfree) char *whole = path_tilde(s->path, app->paths->home);
    s->shown = shorten(whole, MT_MAX(app->cols / 2, PATH_LEAST));
    s->fd = -1;
    struct pane_sink sink = {.write = on_write, .done = on_done, .arg = s};
    if (open_it(s, overwrite, err) != 0) {
        savefile_free(s);
        return -1;
    }
    if (!pane_take(p, &sink)) {
        bool made = s->made && unlink(s->path) == 0;
        (void)made;
        savefile_free(s);
        return error_set(err, ERROR_BUSY, "Another text is still being taken");
    }
    return 0;
}
