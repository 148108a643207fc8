/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/select.h"
#include "tui/app.h"
#include "tui/logtext.h"
#include "tui/logwindow.h"
#include "tui/tasktext.h"

/* What a session has printed: the log file that its host keeps, a part of it at a time, or, without one, its scrollback
 * and screen. Also of one that has ended. */

#define LOOK_LINES 5000 /* of a scrollback */
#define SETTLE_MS 60    /* a flood is read so often */
#define RELOOK_MS 500

struct session_log {
    struct app *app;
    struct pager *pager; /* NULL: closed */
    char id[SESSION_ID_MAX];
    struct logwindow window; /* path NULL: it keeps no file */
    struct dirwatch *watch;
    struct timer *settle;
    int waiting; /* answers under way */
    int cols;
    struct strvec rows; /* of the scrollback, while the screen is asked for */
};

/* Frees it when the pager is closed and nobody will call any more. */
static void drop(struct session_log *l)
{
    if (l->pager || l->waiting) {
        return;
    }
    strvec_release(&l->rows);
    logwindow_release(&l->window);
    free(l);
}

/* --- lines --- */

/* The lines of a part, for the pager. */
static size_t to_lines(const char *data, size_t len, struct pager_line **out)
{
    MT_CLEANUP(strvec) struct strvec text = STRVEC_INIT;
    logtext_lines(data, len, &text);
    *out = xcalloc(text.len + 1, sizeof(**out));
    for (size_t i = 0; i < text.len; i++) {
        (*out)[i] = (struct pager_line){.role = THEME_TEXT, .text = xstrdup(text.v[i])};
    }
    return text.len;
}

/* Puts a part up. */
static void put_up(struct session_log *l, const struct strbuf *data)
{
    struct pager_line *lines;
    size_t n = to_lines(data->buf, data->len, &lines);
    pager_set(l->app, l->pager, lines, n);
}

/* How many lines so many bytes are. */
static size_t count_lines(const char *data, size_t len)
{
    MT_CLEANUP(strvec) struct strvec text = STRVEC_INIT;
    logtext_lines(data, len, &text);
    return text.len;
}

/* "3.1 MiB" */
static void size_text(int64_t bytes, char *out, size_t cap)
{
    if (bytes < 1024 * 1024) {
        str_format(out, cap, "%lld KiB", (long long)((bytes + 1023) / 1024));
    } else {
        str_format(out, cap, "%lld.%lld MiB", (long long)(bytes >> 20), (long long)((bytes & 0xfffff) * 10 >> 20));
    }
}

/* Whether it is followed, and which part of a large file this is. */
static void note(struct session_log *l)
{
    const struct session_info *s = model_session(l->app->model, l->id);
    bool over = !s || s->state == SESSION_EXITED || s->state == SESSION_LOST;
    char text[160] = "", from[32], size[32];
    if (l->window.path && (l->window.from > 0 || l->window.to + (int64_t)LOGWINDOW_BYTES / 2 < l->window.size)) {
        size_text(l->window.from, from, sizeof(from));
        size_text(l->window.size, size, sizeof(size));
        str_format(text, sizeof(text), "%sfrom %s of %s", over ? "ended, " : "", from, size);
    } else if (s && over) {
        char state[200] = "ended";
        if (s->kind == SESSION_TASK) {
            tasktext_state(s, clock_wall_ms(), state, sizeof(state));
        }
        str_copy(text, sizeof(text), state);
    } else if (!s) {
        str_copy(text, sizeof(text), "its session is gone");
    }
    pager_set_note(l->app, l->pager, text);
}

/* --- the file --- */

/* Its end, anew. */
static void show_tail(struct session_log *l)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    if (logwindow_tail(&l->window, &data)) {
        put_up(l, &data);
        pager_set_follow(l->app, l->pager, true);
    }
}

/* What was written since. While somebody reads further up nothing is read: memory stays bounded, the place too. */
static void read_more(struct session_log *l)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    const struct session_info *s = model_session(l->app->model, l->id);
    l->window.over = !s || s->state == SESSION_EXITED || s->state == SESSION_LOST;
    if (!pager_at_end(l->pager)) {
        return;
    }
    enum logwindow_news news = logwindow_more(&l->window, &data);
    if (news == LOGWINDOW_ANEW || l->window.to - l->window.from > 2 * (int64_t)LOGWINDOW_BYTES ||
        (news == LOGWINDOW_MORE && l->window.to < l->window.size - (int64_t)LOGWINDOW_BYTES)) {
        show_tail(l); /* cut, or a flood: only its end can be read anyway */
    } else if (news == LOGWINDOW_MORE) {
        logtext_lines(data.buf, data.len, &lines);
        for (size_t i = 0; i < lines.len; i++) {
            pager_append(l->app, l->pager, THEME_TEXT, lines.v[i]);
        }
    }
    note(l);
}

/* dirwatch_fn: many of them a second are one look. */
static void on_written(void *arg, const char *name)
{
    struct session_log *l = arg;
    const char *base = strrchr(l->window.path, '/');
    if (l->pager && (!name || strcmp(name, base ? base + 1 : l->window.path) == 0) && !timer_is_active(l->settle)) {
        timer_start(l->settle, SETTLE_MS);
    }
}

static void open_file(struct session_log *l)
{
    MT_CLEANUP(xfree) char *dir = xstrdup(l->window.path);
    char *slash = strrchr(dir, '/');
    if (slash && slash != dir) {
        *slash = '\0';
        l->watch = dirwatch_new(l->app->loop, dir, on_written, l, NULL);
    }
    show_tail(l);
}

/* --- without a file: scrollback and screen --- */

/* Rows of cells as texts, blanks at their ends cut; one that goes on in the next row is joined with it. */
static void take_rows(const struct session_rows *rows, struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    for (size_t i = 0; i < rows->count; i++) {
        bool goes_on = rows->wrapped[i] && i + 1 < rows->count;
        select_cells(&line, rows->cells + i * (size_t)rows->cols, 0, rows->cols, rows->clusters, !goes_on);
        if (!goes_on) {
            strvec_push(out, line.buf);
            strbuf_clear(&line);
        }
    }
}

/* Puts up what was collected. */
static void show_rows(struct session_log *l)
{
    struct pager_build b = {0};
    bool end = pager_at_end(l->pager);
    while (l->rows.len && l->rows.v[l->rows.len - 1][0] == '\0') {
        strvec_remove(&l->rows, l->rows.len - 1);
    }
    for (size_t i = 0; i < l->rows.len; i++) {
        MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
        utf8_sanitize(&clean, l->rows.v[i], strlen(l->rows.v[i]), false);
        pager_add(&b, THEME_TEXT, "%s", clean.buf);
    }
    strvec_clear(&l->rows);
    pager_set(l->app, l->pager, b.lines, b.count);
    if (end) {
        pager_set_follow(l->app, l->pager, true);
    }
    note(l);
}

/* sessions_look_fn: the screen comes last. */
static void on_screen(void *arg, const struct session_screen *screen, const struct session_rows *rows,
                      const struct error *err)
{
    struct session_log *l = arg;
    (void)screen;
    l->waiting--;
    if (!l->pager) {
        drop(l);
        return;
    }
    if (!err) {
        take_rows(rows, &l->rows);
    }
    show_rows(l);
}

/* sessions_history_fn */
static void on_history(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct session_log *l = arg;
    struct error failed = ERROR_INIT;
    (void)first;
    l->waiting--;
    if (!l->pager) {
        drop(l);
        return;
    }
    strvec_clear(&l->rows);
    if (!err) {
        take_rows(rows, &l->rows);
    }
    if (sessions_look(l->app->sessions, l->id, on_screen, l, &failed) == 0) {
        l->waiting++;
    } else {
        show_rows(l);
    }
}

/* sessions_look_fn: tells how much scrollback there is. */
static void on_size(void *arg, const struct session_screen *screen, const struct session_rows *rows,
                    const struct error *err)
{
    struct session_log *l = arg;
    struct error failed = ERROR_INIT;
    (void)rows;
    l->waiting--;
    if (!l->pager) {
        drop(l);
        return;
    }
    if (err) {
        pager_append(l->app, l->pager, THEME_WARN, err->msg);
        return;
    }
    uint64_t top = screen->history_first + screen->history_lines;
    uint64_t back = MT_MIN((uint64_t)LOOK_LINES, screen->history_lines);
    if (sessions_history(l->app->sessions, l->id, top - back, (size_t)back, screen->cols, on_history, l, &failed) ==
        0) {
        l->waiting++;
    } else {
        pager_append(l->app, l->pager, THEME_WARN, failed.msg);
    }
}

/* Asks its host, unless an answer is under way. */
static void look(struct session_log *l)
{
    struct error err = ERROR_INIT;
    if (l->waiting) {
        return;
    }
    if (sessions_look(l->app->sessions, l->id, on_size, l, &err) == 0) {
        l->waiting++;
    } else {
        pager_append(l->app, l->pager, THEME_WARN, err.msg);
    }
}

/* timer_fn */
static void on_settle(void *arg)
{
    struct session_log *l = arg;
    if (!l->pager) {
        return;
    }
    if (l->window.path) {
        read_more(l);
    } else if (pager_at_end(l->pager)) {
        look(l);
    }
}

/* --- pager_owner --- */

static bool on_key(struct app *app, struct pager *p, void *arg, struct key key)
{
    struct session_log *l = arg;
    if (key.sym != 'F') {
        return false;
    }
    if (pager_at_end(p)) {
        pager_set_follow(app, p, false);
    } else if (l->window.path) {
        show_tail(l);
    } else {
        pager_set_follow(app, p, true);
        look(l);
    }
    note(l);
    return true;
}

static void on_event(struct app *app, struct pager *p, void *arg, const struct model_event *ev)
{
    struct session_log *l = arg;
    (void)app;
    (void)p;
    bool mine = strcmp(ev->session, l->id) == 0;
    if (mine && (ev->kind == MODEL_SESSION || ev->kind == MODEL_SESSION_REMOVED) && !timer_is_active(l->settle)) {
        timer_start(l->settle, l->window.path ? SETTLE_MS : RELOOK_MS);
    }
}

/* Older or newer parts as one scrolls there; what is in view stays in view. */
static void more(struct app *app, struct pager *p, void *arg, bool back)
{
    struct session_log *l = arg;
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    size_t bytes = 0;
    if (!l->window.path) {
        return;
    }
    if (back && logwindow_back(&l->window, &data, &bytes)) {
        size_t added = count_lines(data.buf, bytes), at = pager_line_at_top(app, p);
        put_up(l, &data);
        pager_show_line(app, p, at + added, false);
    } else if (!back && logwindow_forward(&l->window, &data, &bytes)) {
        size_t kept = count_lines(data.buf, bytes);
        put_up(l, &data);
        pager_show_line(app, p, kept ? kept - 1 : 0, true);
    } else if (!back && pager_at_end(p)) {
        read_more(l);
    }
    note(l);
}

static void jump(struct app *app, struct pager *p, void *arg, bool back)
{
    struct session_log *l = arg;
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    (void)app;
    (void)p;
    if (l->window.path && back && l->window.from > 0 && logwindow_head(&l->window, &data)) {
        put_up(l, &data);
    } else if (l->window.path && !back) {
        show_tail(l);
    }
    note(l);
}

static bool find(struct app *app, struct pager *p, void *arg, const char *needle, bool back)
{
    struct session_log *l = arg;
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    (void)app;
    (void)p;
    if (!l->window.path) {
        return false;
    }
    struct logwindow round = l->window; /* from the other end on */
    round.from = round.to = back ? round.size : 0;
    if (!logwindow_find(&l->window, needle, back, &data)) {
        if (!logwindow_find(&round, needle, back, &data)) {
            return false;
        }
        l->window = round;
    }
    put_up(l, &data);
    note(l);
    return true;
}

static size_t hints(const struct app *app, void *arg, struct hint *out, size_t cap)
{
    const struct session_log *l = arg;
    (void)app;
    if (cap > 0) {
        out[0] = (struct hint){"F", pager_at_end(l->pager) ? "stop following" : "follow", 2, false};
    }
    return cap > 0;
}

static void closed(void *arg)
{
    struct session_log *l = arg;
    l->pager = NULL;
    dirwatch_close(l->watch);
    timer_close(l->settle);
    drop(l);
}

void task_log(struct app *app, const char *id)
{
    static const struct pager_owner owner = {.on_key = on_key,
                                             .on_event = on_event,
                                             .hints = hints,
                                             .closed = closed,
                                             .more = more,
                                             .jump = jump,
                                             .find = find};
    const struct session_info *s = model_session(app->model, id);
    char title[500];
    if (!s) {
        return;
    }
    struct session_log *l = xcalloc(1, sizeof(*l));
    l->app = app;
    l->rows = STRVEC_INIT;
    str_copy(l->id, sizeof(l->id), id);
    l->settle = timer_new(app->loop, on_settle, l);
    str_format(title, sizeof(title), "%s > %s: log", tasklist_place(app->model, s), session_shown(s));
    struct pager_opts opts = {.title = title,
                              .at_end = true,
                              .follow = s->state != SESSION_EXITED && s->state != SESSION_LOST,
                              .wide = true,
                              .empty = "It has printed nothing so far. What comes is shown at once.",
                              .owner = &owner,
                              .arg = l};
    l->pager = pager_show(app, &opts);
    if (s->log_path[0]) {
        logwindow_init(&l->window, s->log_path);
        l->window.over = s->state == SESSION_EXITED || s->state == SESSION_LOST;
        open_file(l);
    } else {
        look(l);
    }
    note(l);
}
