/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/editor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/foreground.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"

struct editor {
    struct app *app;
    struct strvec argv; /* with the file as the last */
    char path[512];
    int fd; /* while it is written; -1 */
    struct stat before;
    struct foreground *child; /* NULL: it does not run yet */
};

static void editor_free(struct editor *e)
{
    e->app->editor = NULL;
    if (e->fd >= 0) {
        close(e->fd);
    }
    strvec_release(&e->argv);
    free(e);
}

bool editor_has_terminal(const struct app *app)
{
    return app->editor && app->editor->child;
}

void editor_close(struct app *app)
{
    struct editor *e = app->editor;
    if (e && e->child) {
        foreground_close(e->child);
        editor_free(e); /* its file stays: it may be in use */
    }
}

/* Is there such a program? */
static bool in_path(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/')) {
        return access(name, X_OK) == 0;
    }
    while (path && *path) {
        char file[4096];
        size_t n = strcspn(path, ":");
        if (n && str_format(file, sizeof(file), "%.*s/%s", (int)n, path, name) == 0 && access(file, X_OK) == 0) {
            return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

/* The words of $VISUAL or $EDITOR ("code -w"); what is there else. No shell reads them. */
static int find_editor(struct strvec *argv, struct error *err)
{
    static const char *const names[] = {"VISUAL", "EDITOR"};
    static const char *const usual[] = {"editor", "nano", "vim", "vi"};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        const char *s = getenv(names[i]);
        while (s && *s) {
            size_t skip = strspn(s, " \t"), n = strcspn(s + skip, " \t");
            if (n) {
                strvec_pushf(argv, "%.*s", (int)n, s + skip);
            }
            s += skip + n;
        }
        if (argv->len) {
            return in_path(argv->v[0]) ? 0
                                       : error_set(err, ERROR_NOT_FOUND,
                                                   "$%s is \"%s\", which is not there: set it to another editor, or s "
                                                   "writes to a file",
                                                   names[i], argv->v[0]);
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(usual); i++) {
        if (in_path(usual[i])) {
            strvec_push(argv, usual[i]);
            return 0;
        }
    }
    return error_set(err, ERROR_NOT_FOUND, "No editor: set EDITOR before the start, or s writes to a file");
}

/* Takes the screen back and tells how it went. */
static void on_exit_cb(void *arg, int code, int signum)
{
    struct editor *e = arg;
    struct app *app = e->app;
    struct error err = ERROR_INIT;
    struct stat st;
    if (screen_resume(app->screen, &err) != 0) {
        app_fail(app, &err);
    }
    app->painting_blocked = false;
    if (app->engine && !app->quitting) {
        app_sync_inference(app);
    }
    screen_invalidate(app->screen);
    bool changed = stat(e->path, &st) == 0 && (st.st_size != e->before.st_size || st.st_mtime != e->before.st_mtime ||
                                               st.st_ino != e->before.st_ino);
    if (!changed) {
        (void)unlink(e->path);
    }
    if (signum || code) {
        app_warn(app, signum ? "%s was ended by signal %d%s%s" : "%s ended with %d%s%s", e->argv.v[0],
                 signum ? signum : code, changed ? "; the text is in " : "", changed ? e->path : "");
    } else if (changed) {
        app_say(app, "What you changed is in %s", e->path);
    }
    editor_free(e);
    app_dirty_now(app);
}

/* The text is in the file: the editor gets the terminal. */
static void run(struct editor *e)
{
    struct app *app = e->app;
    struct error err = ERROR_INIT;
    screen_suspend(app->screen);
    if (foreground_start(&e->child, app->loop, (const char *const *)e->argv.v, on_exit_cb, e, &err) != 0) {
        (void)screen_resume(app->screen, NULL);
        app->painting_blocked = false;
        (void)unlink(e->path);
        app_fail(app, &err);
        editor_free(e);
        return;
    }
    server_watch(app->server, NULL, 0); /* nobody sees it */
}

/* pane_sink.write */
static int on_write(void *arg, const char *text, size_t len, struct error *err)
{
    struct editor *e = arg;
    while (len) {
        ssize_t n = write(e->fd, text, len);
        if (n < 0 && errno != EINTR) {
            return error_sys(err, errno, "%s", e->path);
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* pane_sink.done */
static void on_done(void *arg, size_t bytes, size_t lines, bool cut, const struct error *why)
{
    struct editor *e = arg;
    (void)bytes;
    (void)lines;
    (void)cut;
    if (why || e->app->quitting || fstat(e->fd, &e->before) != 0) {
        if (why) {
            app_warn(e->app, "Not opened: %s", why->msg);
        }
        (void)unlink(e->path);
        editor_free(e);
        return;
    }
    close(e->fd);
    e->fd = -1;
    run(e);
}

int editor_start(struct app *app, struct pane *p, struct error *err)
{
    const char *tmp = getenv("TMPDIR");
    if (app->editor) {
        return error_set(err, ERROR_BUSY, "An editor is being started already");
    }
    struct editor *e = xcalloc(1, sizeof(*e));
    e->app = app;
    e->fd = -1;
    strvec_init(&e->argv);
    app->editor = e;
    struct pane_sink sink = {.write = on_write, .done = on_done, .arg = e};
    if (find_editor(&e->argv, err) != 0) {
        editor_free(e);
        return -1;
    }
    str_format(e->path, sizeof(e->path), "%s/muthr-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
    e->fd = mkstemp(e->path); /* 0600 */
    if (e->fd < 0) {
        error_sys(err, errno, "%s", e->path);
        editor_free(e);
        return -1;
    }
    strvec_push(&e->argv, e->path);
    if (!pane_take(p, &sink)) {
        (void)unlink(e->path);
        editor_free(e);
        return error_set(err, ERROR_BUSY, "Another text is still being taken");
    }
    return 0;
}
