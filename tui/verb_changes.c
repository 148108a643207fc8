/* SPDX-License-Identifier: Apache-2.0 */
/* changes, apply, discard: what programs inside did to an overlay workspace, and what becomes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/verb.h"

/* What a look found. */
struct found {
    struct verb_ctx *ctx;
    struct output *out;
    size_t count, held;
    bool failed;
};

/* A path as text; bytes that are none are shown as such, and given besides as they are. */
static void set_path(struct json *row, const char *path)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    utf8_sanitize(&text, path, strlen(path), false);
    json_set_string(row, "path", text.buf);
    if (strcmp(text.buf, path) != 0) {
        MT_CLEANUP(strbuf) struct strbuf hex = STRBUF_INIT;

        for (const char *p = path; *p != '\0'; p++) {
            strbuf_addf(&hex, "%02x", (unsigned char)*p);
        }
        json_set_string(row, "path_hex", hex.buf);
    }
}

/* One change as a row. */
static struct json *change_row(const struct workspace_change *c)
{
    static const char *const kinds[] = {
        [CHANGE_ADDED] = "added", [CHANGE_MODIFIED] = "modified", [CHANGE_DELETED] = "deleted", [CHANGE_TYPE] = "type"};
    struct json *row = json_new_object();

    json_set_string(row, "change", kinds[c->kind]);
    set_path(row, c->path);
    json_set_int(row, "size", (int64_t)c->size);
    json_set_bool(row, "conflict", c->conflict);
    json_set_bool(row, "risky", c->risky);
    json_set_string(row, "state",
                    c->conflict          ? "conflict"
                    : c->risky           ? "to be named"
                    : c->note[0] != '\0' ? "note"
                                         : "");
    json_set_string(row, "note", c->note);
    return row;
}

/* The changes came in. */
static void on_changes(void *arg, const struct backend_call *call, const struct error *err)
{
    struct found *f = arg;

    if (err != NULL) {
        f->failed = true;
        verb_fail(f->ctx, err);
        return;
    }
    f->count = call->change_count;
    for (size_t i = 0; i < call->change_count; i++) {
        f->held += call->changes[i].conflict || call->changes[i].risky;
        if (f->out != NULL) {
            output_row_take(f->out, change_row(&call->changes[i]));
        }
    }
    verb_finish(f->ctx, 0);
}

/* Looks, and waits for it. Returns 0, or an exit code after saying why. */
static int look(struct verb_ctx *ctx, const char *sandbox, struct found *f)
{
    struct error err = ERROR_INIT;
    struct engine_look_request req = {.sandbox = sandbox, .verb = BACKEND_CHANGES, .done = on_changes, .arg = f};

    f->ctx = ctx;
    if (engine_look(ctx->engine, &req, NULL, &err) < 0) {
        return verb_error(ctx, &err);
    }
    verb_run(ctx);
    int rc = f->failed ? ctx->exit_code : 0;
    ctx->finished = false;
    return rc;
}

/* The workspace that the first argument names, with a sandbox. NULL after saying why; *rc is then the exit code. */
static const struct workspace *target(struct verb_ctx *ctx, int *rc)
{
    struct error err = ERROR_INIT;

    if (verb_open(ctx) < 0) {
        *rc = ctx->exit_code;
        return NULL;
    }
    const struct workspace *ws = verb_workspace(ctx, ctx->o.names.len > 0 ? ctx->o.names.v[0] : NULL, NULL, &err);
    if (ws != NULL && (!ws->have_info || ws->info.state == SANDBOX_NONE)) {
        error_set(&err, ERROR_NOT_FOUND, "%s has no sandbox", ws->shown);
        ws = NULL;
    } else if (ws != NULL && ws->info.workspace_mode != WORKSPACE_OVERLAY) {
        error_hint(&err, ERROR_INVALID, "security.workspace_mode: overlay in its profile's manifest makes it one",
                   "the workspace of %s is no overlay: programs inside change the project folder itself", ws->sandbox);
        ws = NULL;
    }
    if (ws == NULL) {
        *rc = verb_error(ctx, &err);
    }
    return ws;
}

int verb_changes(struct verb_ctx *ctx)
{
    static const struct output_column columns[] = {
        {"change", "CHANGE"}, {"path", "PATH"}, {"size", "SIZE"}, {"state", "STATE"}, {"note", "NOTE"}};
    int rc = 0;
    const struct workspace *ws = target(ctx, &rc);

    if (ws == NULL) {
        return rc;
    }
    struct found f = {.out = output_new(ctx->o.format, columns, MT_ARRAY_LEN(columns))};
    rc = look(ctx, ws->sandbox, &f);
    ctx->answered = rc == 0;
    return output_finish(f.out, rc == 0 ? "No changes: the project is as the sandbox sees it." : NULL) < 0 ? 1 : rc;
}

/* A path as the changes name it: relative to the project folder, without ./ and the last slash. */
static char *plain_path(const struct workspace *ws, const char *path)
{
    size_t n = strlen(ws->path);

    if (strncmp(path, ws->path, n) == 0 && path[n] == '/') {
        path += n + 1;
    }
    while (strncmp(path, "./", 2) == 0) {
        path += 2;
    }
    char *out = xstrdup(path);
    for (n = strlen(out); n > 0 && out[n - 1] == '/'; n--) {
        out[n - 1] = '\0';
    }
    return out;
}

/* The paths of the command line; with --, all that stands there is a path. */
static void chosen_paths(struct verb_ctx *ctx, const struct workspace *ws, struct strvec *paths)
{
    for (size_t i = 1; i < ctx->o.names.len; i++) {
        MT_CLEANUP(xfree) char *path = plain_path(ws, ctx->o.names.v[i]);

        strvec_push(paths, path);
    }
}

/* Asks, unless --yes (S6). Returns 0 or an exit code. */
static int ask(struct verb_ctx *ctx, const struct workspace *ws, bool apply, const struct found *f, size_t paths)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf q = STRBUF_INIT;

    if (ctx->o.yes) {
        return 0;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        error_hint(&err, ERROR_DENIED, "--yes does it without asking.", "%s needs a terminal to ask on",
                   apply ? "applying" : "discarding");
        verb_error(ctx, &err);
        return EXIT_REFUSED;
    }
    if (paths > 0) {
        strbuf_addf(&q, "%s what was changed at %zu path%s", apply ? "Apply" : "Discard", paths, paths > 1 ? "s" : "");
    } else {
        size_t n = apply ? f->count - f->held : f->count;
        strbuf_addf(&q, "%s %zu change%s", apply ? "Apply" : "Discard all", n, n == 1 ? "" : "s");
    }
    strbuf_addf(&q, apply ? " to %s?" : " of %s? They are nowhere else.", ws->shown);
    if (ws->info.state == SANDBOX_RUNNING) {
        strbuf_addstr(&q, " The sandbox is stopped first; its sessions end.");
    }
    if (!verb_ask(q.buf)) {
        output_note("Nothing was %s.", apply ? "applied" : "discarded");
        return 1;
    }
    return 0;
}

/* Both verbs. */
static int decide(struct verb_ctx *ctx, bool apply)
{
    MT_CLEANUP(strvec) struct strvec paths = STRVEC_INIT, names = STRVEC_INIT;
    struct found f = {0};
    int rc = 0;
    const struct workspace *ws = target(ctx, &rc);

    if (ws == NULL) {
        return rc;
    }
    chosen_paths(ctx, ws, &paths);
    strvec_push(&names, ws->sandbox);
    rc = look(ctx, ws->sandbox, &f);
    if (rc != 0) {
        return rc;
    }
    if (f.count == 0) {
        output_note("%s: no changes", ws->sandbox);
        return 0;
    }
    rc = ask(ctx, ws, apply, &f, paths.len);
    if (rc != 0) {
        return rc;
    }
    return verb_run_plan(ctx, apply ? ENGINE_APPLY : ENGINE_DISCARD, &names, paths.len > 0 ? &paths : NULL);
}

int verb_apply(struct verb_ctx *ctx)
{
    return decide(ctx, true);
}

int verb_discard(struct verb_ctx *ctx)
{
    return decide(ctx, false);
}
