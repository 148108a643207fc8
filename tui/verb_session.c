/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on one session: attach, rename; and which session is meant. */
#include <stdlib.h>
#include <string.h>

#include "core/io/sock.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/proto.h"
#include "term/session_dir.h"
#include "term/session_spec.h"
#include "tui/cockpit.h"
#include "tui/verb.h"

#define LISTED_MAX 20
#define RENAME_WAIT_MS 5000

/* Does a host listen under this id? Asked without an engine: its backends take longer to be found than the cockpit to
 * be on the screen. */
static bool session_is_there(const struct paths *paths, const char *id)
{
    if (session_id_check(id, NULL) != 0) {
        return false;
    }
    MT_CLEANUP(xfree) char *dir = path_join(paths->runtime, "sessions");
    MT_CLEANUP(xfree) char *path = session_dir_socket(dir, id);
    struct loop *loop = loop_new();
    struct sock *sock = NULL;
    bool there = sock_connect(&sock, loop, path, NULL, NULL, NULL) == 0;
    sock_close(sock);
    loop_free(loop);
    return there;
}

/* Is this what a session is called, or the number that it is shown with? */
static bool is_called(const struct session_info *s, const char *text)
{
    char number[16];

    str_format(number, sizeof(number), "%d", s->number);
    return strcmp(session_shown(s), text) == 0 || (s->number > 0 && strcmp(number, text) == 0);
}

/* Does its id begin like this? */
static bool begins_like(const struct session_info *s, const char *text)
{
    return text[0] != '\0' && strncmp(s->id, text, strlen(text)) == 0;
}

/* Is it among those that are asked for? */
static bool is_among(const struct session_info *s, const struct verb_among *among)
{
    return among == NULL || ((!among->tasks || s->kind == SESSION_TASK) &&
                             (among->workspace == NULL || strcmp(s->sandbox, among->workspace) == 0 ||
                              strcmp(s->project, among->workspace) == 0));
}

/* How many sessions fit; the first of them. */
static size_t count_fits(const struct model *m, const struct verb_among *among,
                         bool (*fits)(const struct session_info *, const char *), const char *text,
                         const struct session_info **first)
{
    size_t n = 0;

    for (size_t i = 0; i < model_session_count(m); i++) {
        const struct session_info *s = model_session_at(m, i);

        if (is_among(s, among) && (fits == NULL || fits(s, text))) {
            *first = n == 0 ? s : *first;
            n++;
        }
    }
    return n;
}

/* One line for each session that fits (NULL: all), on stderr. */
static void tell_sessions(const struct model *m, const struct verb_among *among,
                          bool (*fits)(const struct session_info *, const char *), const char *text)
{
    size_t told = 0;

    for (size_t i = 0; i < model_session_count(m); i++) {
        const struct session_info *s = model_session_at(m, i);
        char number[16] = "";

        if (!is_among(s, among) || (fits != NULL && !fits(s, text))) {
            continue;
        }
        if (told++ == LISTED_MAX) {
            output_note("  ...");
            return;
        }
        if (s->number > 0) {
            str_format(number, sizeof(number), "%d", s->number);
        }
        output_note("  %-32s %2s  %s: %s%s%s", s->id, number, s->sandbox, session_shown(s),
                    session_told(s)[0] != '\0' ? "  " : "", session_told(s));
    }
}

int verb_session_among(struct verb_ctx *ctx, const char *text, const struct verb_among *among, bool quiet,
                       char id[SESSION_ID_MAX])
{
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    bool (*const ways[])(const struct session_info *, const char *) = {is_called, begins_like};
    const char *what = among != NULL && among->tasks ? "task" : "session";
    const struct session_info *s = model_session(ctx->model, text), *any = NULL;
    struct error err = ERROR_INIT;
    size_t n = s != NULL && is_among(s, among), way = 0;

    for (; n == 0 && way < MT_ARRAY_LEN(ways); way++) {
        n = count_fits(ctx->model, among, ways[way], text, &s);
    }
    if (n == 1) {
        str_copy(id, SESSION_ID_MAX, s->id);
        return 0;
    }
    utf8_sanitize(&shown, text, strlen(text), false);
    if (n > 1) {
        error_hint(&err, ERROR_INVALID,
                   among != NULL && among->tasks ? "Give more of the id, or the workspace with --sandbox:"
                                                 : "Give more of the id, or the number:",
                   "'%.80s' may be %zu %ss", shown.buf, n, what);
        int code = verb_error(ctx, &err);
        tell_sessions(ctx->model, among, ways[way - 1], text);
        return code;
    }
    if (quiet) {
        return EXIT_MISSING;
    }
    bool none = count_fits(ctx->model, among, NULL, "", &any) == 0;
    error_hint(&err, ERROR_NOT_FOUND,
               !none                      ? "There are:"
               : among == NULL            ? "There is none; `muthr-tui shell --session` begins one."
               : among->workspace != NULL ? "There is none there; `muthr-tui task run` begins one."
                                          : "There is none; `muthr-tui task run` begins one.",
               "no %s '%.80s'", what, shown.buf);
    int code = verb_error(ctx, &err);
    tell_sessions(ctx->model, among, NULL, text);
    return code;
}

int verb_session(struct verb_ctx *ctx, const char *text, char id[SESSION_ID_MAX])
{
    return verb_session_among(ctx, text, NULL, false, id);
}

int verb_attach(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    char id[SESSION_ID_MAX];

    if (ctx->o.names.len != 1) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui sessions` lists them.", "attach takes one session");
        return verb_error(ctx, &err);
    }
    if (session_is_there(ctx->paths, ctx->o.names.v[0])) {
        str_copy(id, sizeof(id), ctx->o.names.v[0]);
    } else {
        int rc = verb_open_sessions(ctx) < 0 ? ctx->exit_code : verb_session(ctx, ctx->o.names.v[0], id);
        if (rc != 0) {
            return rc;
        }
        verb_close(ctx);
    }
    struct cockpit_opts opts = {.paths = ctx->paths, .session = id};
    return cockpit_main(&opts);
}

/* --- rename --- */

struct rename {
    struct verb_ctx *ctx;
    const char *id;
    char name[sizeof(((struct session_info *)0)->name)];
};

/* A session's facts: are they of the new name? */
static void rename_event(void *arg, const struct model_event *ev)
{
    struct rename *r = arg;
    const struct session_info *s = ev->kind == MODEL_SESSION ? model_session(r->ctx->model, r->id) : NULL;

    if (s != NULL && strcmp(s->name, r->name) == 0) {
        verb_finish(r->ctx, 0);
    }
}

static void rename_late(void *arg)
{
    struct rename *r = arg;
    struct error err = ERROR_INIT;

    error_set(&err, ERROR_TIMEOUT, "session %s: its host does not answer", r->id);
    verb_fail(r->ctx, &err);
}

/* Has the host take the name, and waits until it says that it did. */
static int rename_to(struct verb_ctx *ctx, const char *id, const char *text)
{
    struct rename r = {.ctx = ctx, .id = id};
    struct error err = ERROR_INIT;

    proto_get_name((const uint8_t *)text, strlen(text), r.name, sizeof(r.name));
    if (sessions_rename(port_sessions(ctx->port), id, text, &err) < 0) {
        error_wrap(&err, "session %s", id);
        return verb_error(ctx, &err);
    }
    if (strcmp(model_session(ctx->model, id)->name, r.name) == 0) {
        return 0;
    }
    struct bus_sub *sub = bus_subscribe(ctx->bus, rename_event, &r);
    struct timer *late = timer_new(ctx->loop, rename_late, &r);
    timer_start(late, RENAME_WAIT_MS);
    verb_run(ctx);
    timer_close(late);
    bus_unsubscribe(ctx->bus, sub);
    return ctx->exit_code;
}

int verb_rename(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    char id[SESSION_ID_MAX];

    if (ctx->o.names.len != 2) {
        error_hint(&err, ERROR_INVALID, "An empty NAME (\"\") gives it its own name again.",
                   "rename takes a session and a name");
        return verb_error(ctx, &err);
    }
    if (verb_open_sessions(ctx) < 0) {
        return ctx->exit_code;
    }
    int rc = verb_session(ctx, ctx->o.names.v[0], id);
    rc = rc != 0 ? rc : rename_to(ctx, id, ctx->o.names.v[1]);
    const struct session_info *s = rc == 0 ? model_session(ctx->model, id) : NULL;
    if (s == NULL) {
        return rc;
    }
    if (ctx->o.format == OUTPUT_TEXT) {
        output_note("%s: %s", s->id, session_shown(s));
        return 0;
    }
    struct output *out = output_new(ctx->o.format, NULL, 0);
    struct json *row = json_new_object();
    json_set_string(row, "id", s->id);
    json_set_string(row, "name", s->name[0] != '\0' ? s->name : NULL);
    output_row_take(out, row);
    ctx->answered = true;
    return output_finish(out, NULL) < 0 ? 1 : 0;
}
