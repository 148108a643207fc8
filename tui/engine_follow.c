/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/engine_follow.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io/logfollow.h"
#include "core/util/json.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define LINE_MAX_BYTES 65536
#define LOGS 2

struct follow;

/* One log; `line`: what came of a line that has not ended yet. */
struct followed {
    struct follow *f;
    struct logfollow *log;
    const char *path;
    struct strbuf line;
};
struct follow {
    struct verb_ctx *ctx;
    struct followed logs[LOGS];
    const struct followed *last; /* whose lines stand at the end of the output */
};

/* One whole line. */
static void print_line(struct followed *l)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    struct follow *f = l->f;
    utf8_sanitize(&clean, l->line.buf, l->line.len, false);
    strbuf_clear(&l->line);
    if (f->ctx->o.format != OUTPUT_TEXT) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        struct json *row = json_new_object();
        json_set_string(row, "file", l->path);
        json_set_string(row, "line", clean.buf);
        json_write(row, false, &text);
        json_free(row);
        printf("%s\n", text.buf);
        return;
    }
    if (f->last != l) {
        MT_CLEANUP(xfree) char *shown = path_tilde(l->path, f->ctx->paths->home);
        printf("%s==> %s <==\n", f->last != NULL ? "\n" : "", shown);
        f->last = l;
    }
    printf("%s\n", clean.buf);
}

/* What was printed goes out; without a reader there is nothing left to do. */
static void flush(struct follow *f)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && !f->ctx->finished) {
        struct error err = ERROR_INIT;
        int why = errno;
        clearerr(stdout);
        if (why == EPIPE) {
            verb_finish(f->ctx, 0);
            return;
        }
        error_sys(&err, why, "cannot write to stdout");
        verb_fail(f->ctx, &err);
    }
}

/* logfollow: bytes */
static void on_data(void *arg, const char *data, size_t len)
{
    struct followed *l = arg;
    while (len > 0 && !l->f->ctx->finished) {
        const char *end = memchr(data, '\n', len);
        size_t n = end != NULL ? (size_t)(end - data) : len;
        strbuf_add(&l->line, data, n);
        data += n + (end != NULL);
        len -= n + (end != NULL);
        if (end != NULL || l->line.len >= LINE_MAX_BYTES) {
            print_line(l);
        }
    }
    flush(l->f);
}

/* logfollow: another file */
static void on_news(void *arg, enum logfollow_news news)
{
    struct followed *l = arg;
    if (l->line.len > 0) {
        print_line(l); /* its end will not come */
    }
    if (!l->f->ctx->o.quiet) {
        output_note("%s %s", path_base(l->path), news == LOGFOLLOW_ANEW ? "is a new file" : "was cut short");
    }
}

/* signal_fn: asked to end is a good end. */
static void on_signal(void *arg, int signum)
{
    struct follow *f = arg;
    (void)signum;
    if (!f->ctx->finished) {
        verb_finish(f->ctx, 0);
    }
}

int engine_follow(struct verb_ctx *ctx, const struct local_server *s, size_t lines)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    struct signal_watch *signals[MT_ARRAY_LEN(wanted)];
    struct error err = ERROR_INIT;
    struct follow f = {.ctx = ctx, .logs = {{.path = s->log}, {.path = s->errlog}}};

    if (ctx->o.format == OUTPUT_JSON) {
        error_set(&err, ERROR_INVALID, "--follow has no end: take -o ndjson");
        return verb_error(ctx, &err);
    }
    for (size_t i = 0; i < LOGS && err.code == ERROR_NONE; i++) {
        struct followed *l = &f.logs[i];
        struct logfollow_opts opts = {
            .loop = ctx->loop, .path = l->path, .lines = lines, .on_data = on_data, .on_news = on_news, .arg = l};
        l->f = &f;
        l->line = STRBUF_INIT;
        l->log = logfollow_new(&opts, &err);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        signals[i] = signal_watch_new(ctx->loop, wanted[i], on_signal, &f, NULL);
    }
    int rc = 0;
    ctx->answered = err.code == ERROR_NONE;
    if (err.code != ERROR_NONE) {
        rc = verb_error(ctx, &err);
    } else {
        verb_run(ctx);
        rc = ctx->exit_code;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        if (signals[i] != NULL) {
            signal_watch_close(signals[i]);
        }
    }
    for (size_t i = 0; i < LOGS; i++) {
        logfollow_close(f.logs[i].log);
        if (f.logs[i].line.len > 0 && rc == 0) {
            print_line(&f.logs[i]); /* what stood there without an end */
        }
        strbuf_release(&f.logs[i].line);
    }
    return rc;
}
