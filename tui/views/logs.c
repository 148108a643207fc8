/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/logtext.h"

/* Two logs of a sandbox in one view: what its main process prints, followed as it comes, and what its last provision
 * run printed. Memory is bounded, and so is what a flood costs: lines are taken in once a turn, and of too many the
 * oldest are left out. */

#define LOGS_LINES 5000
#define LOGS_TAIL 1000
#define PENDING_MAX 1000
#define FILE_TAIL_BYTES (2u << 20)

enum source { SOURCE_OUTPUT, SOURCE_PROVISION };

struct pending {
    char *text;
    size_t len;
    bool is_stderr;
};

struct logs {
    struct app *app;
    struct pager *pager; /* NULL: closed */
    struct engine_look *look;
    workspace_id ws;
    enum source source;
    struct pending ring[PENDING_MAX];
    size_t first, waiting, left_out;
    bool deferred; /* a flush is on its way */
    bool restart;  /* look again as soon as the last look has ended */
    bool shown;    /* something of the source is on the screen */
    char *path;    /* of the provision run's log */
    long at;       /* read so far */
};

/* The log file of the workspace's newest provision run, or NULL; caller frees. */
static char *log_file(struct app *app, const struct workspace *ws)
{
    const struct session_info *s, *best = NULL;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(app->model, ws->sandbox, i)) != NULL; i++) {
        if (s->kind == SESSION_PROVISION && s->log_path[0]) {
            best = s;
        }
    }
    if (best) {
        return xstrdup(best->log_path);
    }
    MT_CLEANUP(xfree) char *dir = path_join(app->paths->state, "logs");
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    char *found = NULL;
    if (fs_list(dir, &names, NULL) == 0) {
        for (size_t i = 0; i < names.len; i++) {
            size_t n = strlen(ws->sandbox);
            if (n && strncmp(names.v[i], ws->sandbox, n) == 0 &&
                !strchr("0123456789abcdefghijklmnopqrstuvwxyz_", names.v[i][n])) {
                free(found);
                found = path_join(dir, names.v[i]);
            }
        }
    }
    return found;
}

/* --- lines --- */

/* Forgets what was not taken in yet. */
static void discard(struct logs *l)
{
    for (; l->waiting; l->waiting--, l->first = (l->first + 1) % PENDING_MAX) {
        free(l->ring[l->first].text);
    }
    l->left_out = 0;
}

/* Frees it when the pager is closed and nobody will call any more. */
static void drop(struct logs *l)
{
    if (l->pager || l->look || l->deferred) {
        return;
    }
    discard(l);
    free(l->path);
    free(l);
}

/* The colour of a line of a provision script. */
static enum theme_role line_role(const char *t)
{
    return strncmp(t, "[ERR]", 5) == 0    ? THEME_BAD
           : strncmp(t, "[WARN]", 6) == 0 ? THEME_WARN
           : strncmp(t, "[ OK ]", 6) == 0 ? THEME_OK
           : strncmp(t, "[PROC]", 6) == 0 ? THEME_ACCENT
                                          : THEME_TEXT;
}

/* Puts raw text up as lines. */
static void add_text(struct logs *l, const char *data, size_t len, bool is_stderr)
{
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    logtext_lines(data, len, &lines);
    for (size_t i = 0; i < lines.len; i++) {
        enum theme_role role = l->source == SOURCE_PROVISION ? line_role(lines.v[i])
                               : is_stderr                   ? THEME_WARN
                                                             : THEME_TEXT;
        pager_append(l->app, l->pager, role, lines.v[i]);
        l->shown = true;
    }
}

/* A line of our own among those of the program. */
static void add_note(struct logs *l, const char *text)
{
    pager_append(l->app, l->pager, THEME_DIM, text);
}

/* Takes in what came during the last turn. */
static void take_in(struct logs *l)
{
    if (l->left_out) {
        char text[80];
        str_format(text, sizeof(text), "(%zu lines came faster than they can be shown)", l->left_out);
        add_note(l, text);
        l->left_out = 0;
    }
    for (; l->waiting; l->waiting--, l->first = (l->first + 1) % PENDING_MAX) {
        struct pending *p = &l->ring[l->first];
        if (l->source == SOURCE_OUTPUT) {
            add_text(l, p->text, p->len, p->is_stderr);
        }
        free(p->text);
    }
}

/* The turn is over. */
static void flush(void *arg)
{
    struct logs *l = arg;
    l->deferred = false;
    if (l->pager) {
        take_in(l);
    } else {
        drop(l);
    }
}

/* engine_look's lines: kept for the end of this turn. */
static void on_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    struct logs *l = arg;
    if (!l->pager || l->restart || l->source != SOURCE_OUTPUT) {
        return;
    }
    if (l->waiting == PENDING_MAX) {
        free(l->ring[l->first].text);
        l->first = (l->first + 1) % PENDING_MAX;
        l->waiting--;
        l->left_out++;
    }
    struct pending *p = &l->ring[(l->first + l->waiting++) % PENDING_MAX];
    len = MT_MIN(len, (size_t)8192);
    p->text = xmalloc(len + 1);
    memcpy(p->text, line, len);
    p->text[len] = '\n'; /* an empty line is a line */
    p->len = len + 1;
    p->is_stderr = is_stderr;
    if (!l->deferred) {
        l->deferred = true;
        loop_defer(l->app->loop, flush, l);
    }
}

/* --- the main process's output --- */

static void follow(struct logs *l);

/* The look has ended: with the sandbox, or it cannot be done. */
static void on_end(void *arg, const struct backend_call *call, const struct error *err)
{
    struct logs *l = arg;
    (void)call;
    l->look = NULL;
    if (!l->pager) {
        drop(l);
        return;
    }
    if (l->source != SOURCE_OUTPUT) {
        return;
    }
    take_in(l);
    if (l->restart) {
        l->restart = false;
        follow(l);
    } else if (err && err->code != ERROR_CANCELED) {
        pager_append(l->app, l->pager, THEME_WARN, err->msg);
    } else if (!err) {
        add_note(l, l->shown ? "(it has ended)" : "(it printed nothing)");
    }
}

/* Follows the output from its last lines on. */
static void follow(struct logs *l)
{
    const struct workspace *ws = model_workspace(l->app->model, l->ws);
    struct error err = ERROR_INIT;
    if (!ws || l->look) {
        l->restart = l->look != NULL;
        return;
    }
    struct engine_look_request req = {.sandbox = ws->sandbox,
                                      .verb = BACKEND_LOGS,
                                      .tail = LOGS_TAIL,
                                      .follow = ws->info.state == SANDBOX_RUNNING,
                                      .on_line = on_line,
                                      .done = on_end,
                                      .arg = l};
    if (engine_look(l->app->engine, &req, &l->look, &err) != 0) {
        l->look = NULL;
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        strbuf_addf(&text, err.hint ? "%s: %s" : "%s", err.msg, err.hint);
        pager_append(l->app, l->pager, THEME_DIM, text.buf);
    }
}

/* --- the provision run's log --- */

/* Reads what was added to the file since; at first its last part. */
static void read_more(struct logs *l)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    char block[16384];
    size_t n;
    FILE *f = l->path ? fopen(l->path, "re") : NULL;
    if (!f) {
        return;
    }
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    bool cut = l->at < 0 && size > (long)FILE_TAIL_BYTES;
    long from = cut ? size - (long)FILE_TAIL_BYTES : l->at < 0 ? 0 : l->at;
    fseek(f, from, SEEK_SET);
    while (data.len < FILE_TAIL_BYTES && (n = fread(block, 1, sizeof(block), f)) > 0) {
        strbuf_add(&data, block, n);
    }
    fclose(f);
    /* A line that is still being written waits until it is whole. */
    size_t whole = data.len;
    while (whole > 0 && data.buf[whole - 1] != '\n') {
        whole--;
    }
    const struct workspace *ws = model_workspace(l->app->model, l->ws);
    if (!ws || !model_is_provisioning(l->app->model, ws)) {
        whole = data.len;
    }
    size_t skip = 0;
    if (cut) {
        const char *end = memchr(data.buf, '\n', whole);
        skip = end ? (size_t)(end + 1 - data.buf) : 0;
        add_note(l, "(the last 2 MiB)");
    }
    add_text(l, data.buf + skip, whole - skip, false);
    l->at = from + (long)whole;
}

/* Shows the provision run's log. */
static void show_provision(struct logs *l)
{
    const struct workspace *ws = model_workspace(l->app->model, l->ws);
    free(l->path);
    l->path = ws ? log_file(l->app, ws) : NULL;
    l->at = -1;
    if (!l->path) {
        add_note(l, "There is no log of a provision run.");
        if (ws && ws->unprovisioned[0]) {
            add_note(l, ws->unprovisioned);
        }
        return;
    }
    read_more(l);
    if (!l->shown) {
        add_note(l, "Nothing was printed yet.");
    }
}

/* --- pager_owner --- */

/* Begins with one of the two. */
static void show(struct logs *l, enum source source)
{
    const struct workspace *ws = model_workspace(l->app->model, l->ws);
    char title[400];
    if (!ws) {
        return;
    }
    l->source = source;
    l->shown = false;
    discard(l);
    str_format(title, sizeof(title), source == SOURCE_OUTPUT ? "%s: output of its main process" : "%s: provisioning",
               ws->shown);
    pager_set(l->app, l->pager, NULL, 0);
    pager_set_title(l->app, l->pager, title);
    pager_set_follow(l->app, l->pager, true);
    if (source == SOURCE_PROVISION) {
        show_provision(l);
    } else if (l->look) { /* its last lines anew */
        l->restart = true;
        engine_look_cancel(l->look);
    } else {
        follow(l);
    }
}

static bool on_key(struct app *app, struct pager *p, void *arg, struct key key)
{
    struct logs *l = arg;
    if (key.sym == KEYSYM_TAB) {
        show(l, l->source == SOURCE_OUTPUT ? SOURCE_PROVISION : SOURCE_OUTPUT);
        return true;
    }
    if (key.sym == 'F') {
        pager_set_follow(app, p, !pager_at_end(p));
        return true;
    }
    return false;
}

static void on_event(struct app *app, struct pager *p, void *arg, const struct model_event *ev)
{
    struct logs *l = arg;
    const struct workspace *ws = model_workspace(app->model, l->ws);
    (void)p;
    if (l->source == SOURCE_PROVISION && l->path && (ev->ws == l->ws || ev->session[0])) {
        read_more(l);
    } else if (l->source == SOURCE_OUTPUT && ev->kind == MODEL_SANDBOX && ev->ws == l->ws && !l->look && ws &&
               ws->info.state == SANDBOX_RUNNING) {
        add_note(l, "(it runs again)");
        follow(l);
    }
}

static size_t hints(const struct app *app, void *arg, struct hint *out, size_t cap)
{
    const struct logs *l = arg;
    size_t n = 0;
    (void)app;
    if (n < cap) {
        out[n++] = (struct hint){"Tab", l->source == SOURCE_OUTPUT ? "provisioning" : "output", 1, false};
    }
    if (n < cap) {
        out[n++] = (struct hint){"F", pager_at_end(l->pager) ? "stop following" : "follow", 2, false};
    }
    return n;
}

static void closed(void *arg)
{
    struct logs *l = arg;
    l->pager = NULL;
    if (l->look) {
        engine_look_cancel(l->look);
    }
    drop(l);
}

/* Opens the view on one of the two. */
static void open_logs(struct app *app, enum source source)
{
    static const struct pager_owner owner = {.on_key = on_key, .on_event = on_event, .hints = hints, .closed = closed};
    const struct workspace *ws = app_workspace(app);
    if (!ws) {
        return;
    }
    struct logs *l = xcalloc(1, sizeof(*l));
    l->app = app;
    l->ws = ws->id;
    struct pager_opts opts = {.title = ws->shown,
                              .follow = true,
                              .wide = true,
                              .most = LOGS_LINES,
                              .empty = "Nothing so far. What comes is shown at once.",
                              .owner = &owner,
                              .arg = l};
    l->pager = pager_show(app, &opts);
    show(l, source);
}

void dialog_log(struct app *app)
{
    open_logs(app, SOURCE_PROVISION);
}

void dialog_output(struct app *app)
{
    open_logs(app, SOURCE_OUTPUT);
}
