/* SPDX-License-Identifier: Apache-2.0 */
/* backend start NAME: the service of a runtime that has one. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/verb.h"

struct waking {
    struct verb_ctx *ctx;
    const char *name;
    struct engine_look *look; /* NULL: over */
};

static void on_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    struct waking *v = arg;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    (void)is_stderr;
    utf8_sanitize(&clean, line, MT_MIN(len, (size_t)300), false);
    if (!v->ctx->o.quiet && clean.len > 0) {
        output_note("  %s", clean.buf);
    }
}

static void on_done(void *arg, const struct backend_call *call, const struct error *err)
{
    struct waking *v = arg;

    (void)call;
    v->look = NULL;
    if (err != NULL) {
        verb_fail(v->ctx, err);
        return;
    }
    if (v->ctx->o.format != OUTPUT_TEXT) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        struct json *row = json_new_object();

        json_set_string(row, "backend", v->name);
        json_set_bool(row, "started", true);
        json_write(row, v->ctx->o.format == OUTPUT_JSON, &text);
        json_free(row);
        printf("%s%s", text.buf, v->ctx->o.format == OUTPUT_JSON ? "" : "\n");
        v->ctx->answered = true;
    } else if (!v->ctx->o.quiet) {
        output_note("%s: its service runs", v->name);
    }
    verb_finish(v->ctx, 0);
}

/* Ctrl-C: what was begun is ended. */
static void on_signal(void *arg, int signum)
{
    struct waking *v = arg;

    (void)signum;
    if (v->look != NULL) {
        engine_look_cancel(v->look);
    }
}

/* The person's own word on the kernel. 0, or an exit code after saying why. */
static int ask_kernel(struct verb_ctx *ctx, bool *install)
{
    struct error err = ERROR_INIT;

    if (ctx->o.kernel != NULL) {
        *install = strcmp(ctx->o.kernel, "yes") == 0;
        return 0;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        error_hint(&err, ERROR_DENIED, "Say --kernel yes or --kernel no.",
                   "whether it may download a kernel is asked on a terminal only");
        verb_error(ctx, &err);
        return EXIT_REFUSED;
    }
    *install = verb_ask("Where it has no kernel for its virtual machines yet: download the recommended one?");
    return 0;
}

int verb_backend(struct verb_ctx *ctx)
{
    struct waking v = {.ctx = ctx};
    struct error err = ERROR_INIT;
    bool install = false;

    if (ctx->o.names.len != 2 || strcmp(ctx->o.names.v[0], "start") != 0) {
        error_hint(&err, ERROR_INVALID, "muthr-tui backend start container", "which backend is to be started?");
        return verb_error(ctx, &err);
    }
    v.name = ctx->o.names.v[1];
    if (verb_open(ctx) != 0) {
        return ctx->exit_code;
    }
    const struct backend_view *b = model_backend(ctx->model, v.name, NULL);
    if (b != NULL && b->probed && b->probe.usable) {
        if (!ctx->o.quiet) {
            output_note("%s works already", v.name);
        }
        return 0;
    }
    if (b != NULL && b->probe.asleep) {
        int code = ask_kernel(ctx, &install);
        if (code != 0) {
            return code;
        }
    }
    struct engine_wake_request req = {
        .backend = v.name, .install_kernel = install, .on_line = on_line, .done = on_done, .arg = &v};
    if (engine_wake(ctx->engine, &req, &v.look, &err) != 0) {
        return verb_error(ctx, &err);
    }
    struct signal_watch *on_int = signal_watch_new(ctx->loop, 2, on_signal, &v, NULL);
    struct signal_watch *on_term = signal_watch_new(ctx->loop, 15, on_signal, &v, NULL);
    verb_run(ctx);
    signal_watch_close(on_int);
    signal_watch_close(on_term);
    return ctx->exit_code;
}
