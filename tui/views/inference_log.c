/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of a local inference server: their last lines in the inference view, and each of them whole in a pager. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/util/xmalloc.h"
#include "tui/logtext.h"
#include "tui/views/inference.h"

#define PART_MAX 8192
#define PAGER_LINES 8000
#define PAGER_TAIL 4000
#define BEHIND_MAX (256u << 10) /* of a flood */
#define TAIL_LINES 50

/* --- the last lines of both --- */

/* Keeps one more line. */
static void keep(struct log_tail *t, const char *text, bool error)
{
    size_t at = (t->first + t->count) % INFERENCE_LOG_LINES;
    if (t->count == INFERENCE_LOG_LINES) {
        free(t->lines[at].text);
        t->first = (t->first + 1) % INFERENCE_LOG_LINES;
    } else {
        t->count++;
    }
    t->lines[at].text = xstrdup(text);
    t->lines[at].error = error;
}

/* Takes the whole lines out of what has come; `out` gets them cleaned. */
static void take_lines(struct strbuf *part, const char *data, size_t len, struct strvec *out)
{
    strbuf_add(part, data, len);
    size_t whole = part->len;
    while (whole > 0 && part->buf[whole - 1] != '\n') {
        whole--;
    }
    whole = whole == 0 && part->len >= PART_MAX ? part->len : whole; /* a line without an end */
    if (whole > 0) {
        logtext_lines(part->buf, whole, out);
        strbuf_consume(part, whole);
    }
}

/* Bytes of log `which`. */
static void took(struct log_tail *t, int which, const char *data, size_t len)
{
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    take_lines(&t->part[which], data, len, &lines);
    for (size_t i = lines.len > INFERENCE_LOG_LINES ? lines.len - INFERENCE_LOG_LINES : 0; i < lines.len; i++) {
        if (lines.v[i][0] != '\0') {
            keep(t, lines.v[i], which == 1);
        }
    }
    app_dirty(t->app);
}

static void on_log(void *arg, const char *data, size_t len)
{
    took(arg, 0, data, len);
}

static void on_errlog(void *arg, const char *data, size_t len)
{
    took(arg, 1, data, len);
}

static void on_log_news(void *arg, enum logfollow_news news)
{
    struct log_tail *t = arg;
    (void)news;
    strbuf_clear(&t->part[0]);
}

static void on_errlog_news(void *arg, enum logfollow_news news)
{
    struct log_tail *t = arg;
    (void)news;
    strbuf_clear(&t->part[1]);
}

/* Forgets all. */
static void stop(struct log_tail *t)
{
    for (int i = 0; i < 2; i++) {
        logfollow_close(t->of[i]);
        t->of[i] = NULL;
        strbuf_clear(&t->part[i]);
        free(t->path[i]);
        t->path[i] = NULL;
    }
    for (; t->count > 0; t->count--, t->first = (t->first + 1) % INFERENCE_LOG_LINES) {
        free(t->lines[t->first].text);
    }
}

void log_tail_follow(struct log_tail *t, const struct local_server *of)
{
    const char *paths[2] = {of != NULL ? of->log : NULL, of != NULL ? of->errlog : NULL};
    bool same = paths[0] != NULL && t->path[0] != NULL && strcmp(paths[0], t->path[0]) == 0;
    if (same && t->of[0] != NULL) {
        return;
    }
    stop(t);
    for (int i = 0; i < 2 && paths[i] != NULL; i++) {
        struct logfollow_opts opts = {.loop = t->app->loop,
                                      .path = paths[i],
                                      .lines = TAIL_LINES,
                                      .behind = BEHIND_MAX,
                                      .on_data = i == 0 ? on_log : on_errlog,
                                      .on_news = i == 0 ? on_log_news : on_errlog_news,
                                      .arg = t};
        t->path[i] = xstrdup(paths[i]);
        t->of[i] = logfollow_new(&opts, NULL); /* without its folder there is nothing to show yet */
    }
}

void log_tail_release(struct log_tail *t)
{
    stop(t);
    strbuf_release(&t->part[0]);
    strbuf_release(&t->part[1]);
}

/* --- one of them, whole --- */

struct server_log {
    struct app *app;
    struct pager *pager;
    struct logfollow *of;
    struct strbuf part;
    char *path[2];
    int which;
};

/* logfollow: bytes */
static void on_pager_data(void *arg, const char *data, size_t len)
{
    struct server_log *l = arg;
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    take_lines(&l->part, data, len, &lines);
    for (size_t i = 0; i < lines.len; i++) {
        pager_append(l->app, l->pager, THEME_TEXT, lines.v[i]);
    }
}

/* logfollow: another file */
static void on_pager_news(void *arg, enum logfollow_news news)
{
    struct server_log *l = arg;
    strbuf_clear(&l->part);
    pager_append(l->app, l->pager, THEME_DIM,
                 news == LOGFOLLOW_CUT    ? "(it was cut short)"
                 : news == LOGFOLLOW_SKIP ? "(lines came faster than they can be shown)"
                                          : "(a new file)");
}

/* Begins with one of the two. */
static void show(struct server_log *l, int which)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *title = path_tilde(l->path[which], l->app->paths->home);
    logfollow_close(l->of);
    strbuf_clear(&l->part);
    l->which = which;
    pager_set(l->app, l->pager, NULL, 0);
    pager_set_title(l->app, l->pager, title);
    pager_set_follow(l->app, l->pager, true);
    struct logfollow_opts opts = {.loop = l->app->loop,
                                  .path = l->path[which],
                                  .lines = PAGER_TAIL,
                                  .behind = BEHIND_MAX,
                                  .on_data = on_pager_data,
                                  .on_news = on_pager_news,
                                  .arg = l};
    l->of = logfollow_new(&opts, &err);
    if (l->of == NULL) {
        pager_append(l->app, l->pager, THEME_DIM, err.msg);
    }
}

static bool on_key(struct app *app, struct pager *p, void *arg, struct key key)
{
    struct server_log *l = arg;
    if (key.sym == KEYSYM_TAB) {
        show(l, 1 - l->which);
        return true;
    }
    if (key.sym == 'F') {
        pager_set_follow(app, p, !pager_at_end(p));
        return true;
    }
    return false;
}

static size_t hints(const struct app *app, void *arg, struct hint *out, size_t cap)
{
    const struct server_log *l = arg;
    size_t n = 0;
    (void)app;
    if (n < cap) {
        out[n++] = (struct hint){"Tab", l->which == 1 ? "what it printed" : "its errors", 1, false};
    }
    if (n < cap) {
        out[n++] = (struct hint){"F", pager_at_end(l->pager) ? "stop following" : "follow", 2, false};
    }
    return n;
}

static void closed(void *arg)
{
    struct server_log *l = arg;
    logfollow_close(l->of);
    strbuf_release(&l->part);
    free(l->path[0]);
    free(l->path[1]);
    free(l);
}

void dialog_server_log(struct app *app, const struct local_server *of)
{
    static const struct pager_owner owner = {.on_key = on_key, .hints = hints, .closed = closed};
    struct server_log *l = xcalloc(1, sizeof(*l));
    l->app = app;
    l->part = STRBUF_INIT;
    l->path[0] = xstrdup(of->log);
    l->path[1] = xstrdup(of->errlog);
    struct pager_opts opts = {.title = of->runtime->exe,
                              .follow = true,
                              .wide = true,
                              .most = PAGER_LINES,
                              .empty = "Nothing so far. What comes is shown at once.",
                              .owner = &owner,
                              .arg = l};
    l->pager = pager_show(app, &opts);
    struct stat st;
    show(l, stat(of->errlog, &st) == 0 && st.st_size > 0 ? 1 : 0); /* llama-server says nearly everything there */
}
