/* SPDX-License-Identifier: Apache-2.0 */
/* task logs: what a task says or said, as plain text: of one that lives, of one that has ended, and of one whose
 * session is gone. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/task_log.h"
#include "core/io/logfollow.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/plainlog.h"
#include "tui/verb_task.h"

#define LINES 100
#define LOG_MAX (256u << 20)
#define DRAIN_MS 150 /* after the end: what its host wrote last is there by then */

struct reading {
    struct verb_ctx *ctx;
    char id[SESSION_ID_MAX]; /* "": its session is gone */
    char path[sizeof(((struct session_info *)0)->log_path)];
    struct plainlog plain;
    /* the last lines, until they are printed */
    char **ring;
    size_t most, at, count;
    struct output *out;
    /* --follow */
    struct logfollow *log;
    struct timer *drain;
    bool over, told_lost;
    int code, kept_code; /* kept: of one whose session is gone; 0 when nobody saw how it ended */
};

/* One line, in the form that was asked for. */
static void print_line(struct reading *r, const char *line)
{
    if (r->ctx->o.format == OUTPUT_TEXT) {
        fputs(line, stdout);
        fputc('\n', stdout);
        return;
    }
    struct json *row = json_new_object();
    json_set_string(row, "line", line);
    output_row_take(r->out, row);
}

/* plainlog: keeps the last ones only. */
static void keep_line(void *arg, const char *line, size_t len)
{
    struct reading *r = arg;

    if (r->most == 0) {
        print_line(r, line);
        return;
    }
    free(r->ring[r->at]);
    r->ring[r->at] = xstrndup(line, len);
    r->at = (r->at + 1) % r->most;
    r->count = MT_MIN(r->count + 1, r->most);
}

/* plainlog of --follow */
static void pass_line(void *arg, const char *line, size_t len)
{
    (void)len;
    print_line(arg, line);
}

/* What could not be written is no part of the log, and must not look as if it had never been said. */
static void tell_lost(struct reading *r)
{
    const struct session_info *s = model_session(r->ctx->model, r->id);

    if (s != NULL && s->log_lost > 0 && !r->told_lost) {
        output_note(
            "muthr-tui: the log is not whole: %llu bytes at its end could not be written: %s\n  `muthr-tui screen "
            "--history 1000 %s` prints what its terminal still has.",
            (unsigned long long)s->log_lost, s->log_problem, r->id);
    }
    r->told_lost = s != NULL && s->log_lost > 0;
}

/* All that is kept, or the last lines of it. */
static int print_log(struct reading *r)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    static const struct output_column columns[] = {{"line", "LINE"}};
    struct error err = ERROR_INIT;

    if (fs_read(r->path, LOG_MAX, &text, &err) < 0) {
        return verb_error(r->ctx, &err);
    }
    r->most = r->ctx->o.all ? 0 : r->ctx->o.lines > 0 ? r->ctx->o.lines : LINES;
    r->ring = xcalloc(r->most + 1, sizeof(*r->ring));
    r->out = r->ctx->o.format != OUTPUT_TEXT ? output_new(r->ctx->o.format, columns, 1) : NULL;
    r->ctx->answered = true;
    plainlog_init(&r->plain, keep_line, r);
    plainlog_feed(&r->plain, text.buf, text.len);
    plainlog_end(&r->plain);
    plainlog_release(&r->plain);
    for (size_t i = 0; i < r->count; i++) {
        print_line(r, r->ring[(r->at + r->most - r->count + i) % r->most]);
    }
    for (size_t i = 0; i < r->most; i++) {
        free(r->ring[i]);
    }
    free(r->ring);
    tell_lost(r);
    if (text.len == 0 && !r->told_lost && !r->ctx->o.quiet) {
        output_note("muthr-tui: there is nothing in its log");
    }
    return (r->out != NULL ? output_finish(r->out, NULL) : output_flush()) < 0 ? 1 : 0;
}

/* --- follow --- */

/* What was printed goes out; without a reader there is nothing left to do. */
static void flush(struct reading *r)
{
    struct error err = ERROR_INIT;

    if ((fflush(stdout) == 0 && !ferror(stdout)) || r->ctx->finished) {
        return;
    }
    int why = errno;
    clearerr(stdout);
    if (why == EPIPE) {
        verb_finish(r->ctx, 0);
        return;
    }
    error_sys(&err, why, "cannot write to stdout");
    verb_fail(r->ctx, &err);
}

/* logfollow */
static void on_data(void *arg, const char *data, size_t len)
{
    struct reading *r = arg;

    if (r->ctx->finished) {
        return;
    }
    plainlog_feed(&r->plain, data, len);
    flush(r);
    if (r->over) {
        timer_start(r->drain, DRAIN_MS); /* there is more of it */
    }
}

/* timer_fn: it has ended, and all was read. */
static void on_drained(void *arg)
{
    struct reading *r = arg;

    if (!r->ctx->finished) {
        plainlog_end(&r->plain);
        flush(r);
    }
    if (!r->ctx->finished) {
        verb_finish(r->ctx, r->code);
    }
}

/* The task has ended, or its session has gone. */
static void look(struct reading *r, bool gone)
{
    const struct session_info *s = model_session(r->ctx->model, r->id);

    if (r->over || (s == NULL && !gone) || (s != NULL && !gone && !verb_task_is_over(s))) {
        return;
    }
    r->over = true;
    r->code = s != NULL && verb_task_is_over(s) ? verb_task_exit_code(s) : 1;
    timer_start(r->drain, DRAIN_MS);
}

/* bus_fn */
static void on_event(void *arg, const struct model_event *ev)
{
    struct reading *r = arg;

    if (strcmp(ev->session, r->id) == 0) {
        tell_lost(r);
        look(r, ev->kind == MODEL_SESSION_REMOVED);
    }
}

/* signal_fn: asked to end is a good end; the task goes on. */
static void on_signal(void *arg, int signum)
{
    struct reading *r = arg;

    (void)signum;
    if (!r->ctx->finished) {
        verb_finish(r->ctx, 0);
    }
}

/* Prints the last lines and what comes, until the task has ended: then with its exit code. */
static int follow_log(struct reading *r)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    struct signal_watch *signals[MT_ARRAY_LEN(wanted)];
    struct error err = ERROR_INIT;
    const struct verb_options *o = &r->ctx->o;
    struct logfollow_opts opts = {.loop = r->ctx->loop,
                                  .path = r->path,
                                  .lines = o->all         ? SIZE_MAX
                                           : o->lines > 0 ? o->lines
                                                          : LINES,
                                  .on_data = on_data,
                                  .arg = r};

    if (o->format == OUTPUT_JSON) {
        error_set(&err, ERROR_INVALID, "--follow has no end: take -o ndjson");
        return verb_error(r->ctx, &err);
    }
    r->log = logfollow_new(&opts, &err);
    if (r->log == NULL) {
        return verb_error(r->ctx, &err);
    }
    r->out = o->format != OUTPUT_TEXT ? output_new(o->format, NULL, 0) : NULL;
    r->ctx->answered = true;
    plainlog_init(&r->plain, pass_line, r);
    r->drain = timer_new(r->ctx->loop, on_drained, r);
    struct bus_sub *sub = bus_subscribe(r->ctx->bus, on_event, r);
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        signals[i] = signal_watch_new(r->ctx->loop, wanted[i], on_signal, r, NULL);
    }
    tell_lost(r);
    look(r, model_session(r->ctx->model, r->id) == NULL);
    r->code = r->id[0] == '\0' ? r->kept_code : r->code;
    verb_run(r->ctx);
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        signal_watch_close(signals[i]);
    }
    bus_unsubscribe(r->ctx->bus, sub);
    timer_close(r->drain);
    logfollow_close(r->log);
    plainlog_release(&r->plain);
    if (r->out != NULL) {
        output_finish(r->out, NULL);
    }
    return r->ctx->exit_code;
}

/* --- which log --- */

/* Of a task whose session is gone: the newest log of that name, or of that session. Returns 0 or an exit code. */
static int find_kept(struct reading *r, const char *text)
{
    struct task_log *list;
    struct error err = ERROR_INIT;
    size_t count = task_logs_list(r->ctx->paths, NULL, &list), found = 0;
    const struct task_log *first = NULL;
    const char *asked = r->ctx->o.sandbox;

    for (size_t i = 0; i < count; i++) {
        const struct task_log *l = &list[i];
        bool here = asked == NULL || strcmp(asked, l->sandbox) == 0 ||
                    (strncmp(l->sandbox, "muthr-", 6) == 0 && strcmp(asked, l->sandbox + 6) == 0);
        bool named = strcmp(l->name, text) == 0;
        bool session = l->session[0] != '\0' && text[0] != '\0' && strncmp(l->session, text, strlen(text)) == 0;

        if (here && (named || session) && (first == NULL || strcmp(first->sandbox, l->sandbox) != 0 || session)) {
            first = first != NULL ? first : l;
            found++;
        }
    }
    int rc = 0;
    if (found == 1) {
        str_copy(r->path, sizeof(r->path), first->path);
        r->kept_code = first->exit_signal != 0 ? 128 + first->exit_signal : first->exit_code;
    } else if (found > 1) {
        error_hint(&err, ERROR_INVALID, "Give the workspace with --sandbox, or more of the session's id.",
                   "'%.60s' may be %zu tasks that have ended", text, found);
        rc = verb_error(r->ctx, &err);
    } else {
        rc = EXIT_MISSING;
    }
    task_logs_free(list, count);
    return rc;
}

/* Which log is meant. Returns 0 or an exit code. */
static int find_log(struct reading *r, const char *text)
{
    const struct verb_among among = {.tasks = true, .workspace = r->ctx->o.sandbox};
    struct error err = ERROR_INIT;
    int rc = verb_session_among(r->ctx, text, &among, true, r->id);

    if (rc == EXIT_MISSING) {
        rc = find_kept(r, text);
        return rc == EXIT_MISSING ? verb_session_among(r->ctx, text, &among, false, r->id) : rc;
    }
    if (rc != 0) {
        return rc;
    }
    const struct session_info *s = model_session(r->ctx->model, r->id);
    if (s->log_path[0] == '\0') {
        error_hint(&err, ERROR_NOT_FOUND, "`muthr-tui screen --history` prints what its terminal still has.",
                   "session %s keeps no log", r->id);
        return verb_error(r->ctx, &err);
    }
    str_copy(r->path, sizeof(r->path), s->log_path);
    return 0;
}

int verb_task_logs(struct verb_ctx *ctx)
{
    struct reading r = {.ctx = ctx};
    struct error err = ERROR_INIT;

    if (ctx->o.names.len != 1) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui task ls` lists them.", "task logs takes one task");
        return verb_error(ctx, &err);
    }
    if (verb_open_sessions(ctx) < 0) {
        return ctx->exit_code;
    }
    int rc = find_log(&r, ctx->o.names.v[0]);
    if (rc != 0) {
        return rc;
    }
    return ctx->o.follow ? follow_log(&r) : print_log(&r);
}
