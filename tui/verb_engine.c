/* SPDX-License-Identifier: Apache-2.0 */
/* engine status | start | stop | restart | presets | logs: the inference server of this machine (I4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/env.h"
#include "core/inference/glance.h"
#include "core/inference/local_job.h"
#include "core/io/http.h"
#include "core/io/listener.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/engine_follow.h"
#include "tui/verb.h"

#define LOG_LINES 40

/* What one verb has open. */
struct engine_verb {
    struct verb_ctx *ctx;
    struct http_client *http;
    struct output *out;
    /* status */
    struct local_server servers[LOCAL_RUNTIMES];
    size_t row;
    struct inference_view seen;
    /* start, stop, restart */
    enum local_verb verb;
    bool drawn; /* a line of progress stands on the terminal */
    char said[80];
};

/* --- status --- */

/* http://HOST:PORT/v1 */
static void make_url(char out[120], const char *host, int64_t port)
{
    bool v6 = strchr(host, ':') != NULL;
    str_format(out, 120, "http://%s%s%s:%lld/v1", v6 ? "[" : "", host, v6 ? "]" : "", (long long)port);
}

/* Everything that is known of one server; s->pid_state says whether it is ours. */
static struct json *status_row(const struct engine_verb *v, const struct local_server *s)
{
    const struct config *config = &v->ctx->config;
    struct json *row = json_new_object();
    bool ours = s->pid_state == LOCAL_RUNS;
    const char *host = ours && s->host[0] != '\0' ? s->host : config->server_host;
    int64_t port = ours && s->port != 0 ? s->port : config->server_port;
    const char *model = v->seen.model[0] != '\0' ? v->seen.model : ours ? s->model : "";
    char url[120], who[200], exposed[160], iso[32];
    int pid = 0;

    make_url(url, local_reach(host), port);
    local_exposure(ours || v->seen.state != INFERENCE_DOWN ? host : "", port, exposed);
    local_holder("0.0.0.0", port, who, &pid);
    json_set_string(row, "endpoint", INFERENCE_DEFAULT);
    json_set_string(row, "state", inference_state_name(v->seen.state));
    json_set_string(row, "model", model[0] != '\0' ? model : NULL);
    if (v->seen.window > 0) {
        json_set_int(row, "window", (int64_t)v->seen.window);
    } else {
        json_set_null(row, "window");
    }
    json_set_string(row, "url", url);
    json_set_string(row, "kind", v->seen.state != INFERENCE_DOWN ? inference_kind_name(v->seen.kind) : NULL);
    if (v->seen.slots_total > 0) {
        if (v->seen.slots_busy >= 0) {
            json_set_int(row, "slots_busy", v->seen.slots_busy);
        }
        json_set_int(row, "slots_total", v->seen.slots_total);
    }
    if (v->seen.room > 0) {
        json_set_int(row, "context_used", (int64_t)v->seen.used);
        json_set_int(row, "context_room", (int64_t)v->seen.room);
    }
    json_set_string(row, "why", v->seen.word[0] != '\0' ? v->seen.word : NULL);
    if (ours || pid > 0) {
        json_set_int(row, "pid", ours ? s->pid : pid);
    } else {
        json_set_null(row, "pid");
    }
    json_set_bool(row, "ours", ours);
    json_set_string(row, "holder", ours || who[0] == '\0' ? NULL : who);
    json_set_string(row, "runtime", s->runtime->name);
    json_set_string(row, "program", s->runtime->exe);
    json_set_string(row, "preset", s->preset[0] != '\0' ? s->preset : NULL);
    clock_iso8601(s->started_ms, iso);
    json_set_string(row, "started", s->started_ms != 0 ? iso : NULL);
    json_set_string(row, "exposed", exposed[0] != '\0' ? exposed : NULL);
    json_set_string(row, "log", s->log);
    json_set_string(row, "error_log", s->errlog);
    json_set_string(row, "note", s->note[0] != '\0' ? s->note : NULL);
    return row;
}

/* A path as people write it. */
static void print_path(const struct engine_verb *v, const char *title, const char *path)
{
    MT_CLEANUP(xfree) char *shown = path_tilde(path, v->ctx->paths->home);
    printf("%-8s %s%s\n", title, shown, fs_exists(path) ? "" : " (not there)");
}

/* The text form of one row. */
static void status_print(const struct engine_verb *v, const struct local_server *s, const struct json *row)
{
    const char *exposed = json_get_string(row, "exposed", NULL), *holder = json_get_string(row, "holder", NULL);
    int64_t window = json_get_int(row, "window", 0);

    printf("state    %s%s%s\n", inference_state_name(v->seen.state), v->seen.word[0] != '\0' ? ": " : "", v->seen.word);
    printf("model    %s\n", json_get_string(row, "model", "unknown"));
    if (window > 0) {
        printf("window   %lld tokens\n", (long long)window);
    } else {
        printf("window   unknown\n");
    }
    if (v->seen.slots_total > 0 && v->seen.slots_busy >= 0) {
        printf("slots    %d of %d busy\n", v->seen.slots_busy, v->seen.slots_total);
    }
    if (v->seen.room > 0) {
        printf("context  %llu of %llu tokens in use\n", (unsigned long long)v->seen.used,
               (unsigned long long)v->seen.room);
    }
    printf("url      %s\n", json_get_string(row, "url", ""));
    if (s->pid_state == LOCAL_RUNS) {
        printf("process  %d, %s: ours\n", s->pid, s->runtime->exe);
    } else if (holder != NULL) {
        printf("process  not ours: %s\n", holder);
    } else {
        printf("process  none\n");
    }
    printf("preset   %s\n", s->preset[0] != '\0' ? s->preset : "none");
    print_path(v, "log", s->log);
    print_path(v, "errors", s->errlog);
    if (exposed != NULL) {
        printf("warning  it listens on %s: whoever reaches this machine there can use it\n", exposed);
    }
    if (s->note[0] != '\0') {
        printf("note     %s\n", s->note);
    }
}

static void status_next(struct engine_verb *v);

/* glance_fn: one server was looked at. */
static void on_status(void *arg, const struct inference_view *view)
{
    struct engine_verb *v = arg;
    const struct local_server *s = &v->servers[v->row];

    v->seen = *view;
    struct json *row = status_row(v, s);
    if (v->ctx->o.format == OUTPUT_TEXT) {
        if (v->ctx->answered) {
            printf("\n");
        }
        status_print(v, s, row);
        json_free(row);
    } else {
        output_row_take(v->out, row);
    }
    v->ctx->answered = true;
    v->row++;
    status_next(v);
}

/* Is there something to say of it: it runs, its pid file is odd, or no other one is and it is the usual one. */
static bool is_shown(const struct engine_verb *v, size_t i)
{
    bool other = false;
    for (size_t k = 0; k < LOCAL_RUNTIMES; k++) {
        other = other || v->servers[k].pid_state != LOCAL_NONE;
    }
    return v->servers[i].pid_state != LOCAL_NONE ||
           (!other && strcmp(v->servers[i].runtime->name, env_runtime(v->ctx->paths)) == 0);
}

/* Looks at the next one; behind the last it is done. */
static void status_next(struct engine_verb *v)
{
    while (v->row < LOCAL_RUNTIMES && !is_shown(v, v->row)) {
        v->row++;
    }
    if (v->row == LOCAL_RUNTIMES) {
        verb_finish(v->ctx, 0);
        return;
    }
    const struct local_server *s = &v->servers[v->row];
    bool ours = s->pid_state == LOCAL_RUNS;
    const char *host = ours && s->host[0] != '\0' ? s->host : v->ctx->config.server_host;
    int64_t port = ours && s->port != 0 ? s->port : v->ctx->config.server_port;
    struct glance_opts opts = {.loop = v->ctx->loop,
                               .http = v->http,
                               .paths = v->ctx->paths,
                               .config = &v->ctx->config,
                               .host = local_reach(host),
                               .port = port};
    glance_start(&opts, on_status, v);
}

/* The default endpoint, as the server of this machine. */
static void status_local(struct engine_verb *v)
{
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_look(&v->servers[i], v->ctx->paths, &local_runtimes[i]);
    }
    status_next(v);
    verb_run(v->ctx);
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_server_release(&v->servers[i]);
    }
}

static int engine_status(struct engine_verb *v)
{
    static const struct output_column none[] = {{"state", "STATE"}};
    const struct verb_options *o = &v->ctx->o;
    const char *name = o->names.len > 1 ? o->names.v[1] : NULL;
    bool local = name == NULL || strcmp(name, INFERENCE_DEFAULT) == 0;
    int code = 0;

    v->out = o->format != OUTPUT_TEXT ? output_new(o->format, none, 1) : NULL;
    if (local || o->all) {
        status_local(v);
        code = v->ctx->exit_code;
    }
    if (code == 0 && (!local || o->all)) {
        code = verb_endpoints(v->ctx, v->http, v->out, o->all ? NULL : name);
    } else if (code == 0 && name == NULL && v->out == NULL && v->ctx->config.inference_count > 0) {
        output_note("%zu more in [[inference]]: engine status --all", v->ctx->config.inference_count);
    }
    int rc = v->out != NULL ? output_finish(v->out, NULL) : 0;
    return rc < 0 ? 1 : code;
}

/* --- start, stop, restart --- */

/* Takes the line of progress away again. */
static void wipe(struct engine_verb *v)
{
    if (v->drawn) {
        fputs("\r\033[K", stderr);
        v->drawn = false;
    }
}

/* News of the job: on a terminal one line that changes, else a line for each word that is new. */
static void on_progress(void *arg, const char *step, const char *text)
{
    struct engine_verb *v = arg;
    char word[sizeof(v->said)];

    if (v->ctx->o.quiet || text[0] == '\0' || strcmp(step, "look") == 0) {
        return;
    }
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K  %s: %.100s", step, text);
        fflush(stderr);
        v->drawn = true;
        return;
    }
    str_format(word, sizeof(word), "%s: %.*s", step, (int)strcspn(text, ","), text);
    if (strcmp(word, v->said) != 0) {
        str_copy(v->said, sizeof(v->said), word);
        output_note("  %s", word);
    }
}

/* What was done, for programs. */
static void job_row(struct engine_verb *v, const struct local_done *d)
{
    static const struct output_column none[] = {{"runtime", "RUNTIME"}};
    struct json *row = json_new_object();
    const struct local_want *w = d->want;
    char url[120] = "";

    if (v->out == NULL) {
        v->out = output_new(v->ctx->o.format, none, 1);
    }

    json_set_string(row, "runtime", d->server->runtime->name);
    json_set_bool(row, "started", d->started);
    json_set_bool(row, "stopped", d->stopped);
    json_set_bool(row, "killed", d->killed);
    json_set_bool(row, "already", d->already);
    if (d->pid > 0) {
        json_set_int(row, "pid", d->pid);
    } else {
        json_set_null(row, "pid");
    }
    if (w != NULL && d->started) {
        make_url(url, local_reach(w->host), w->port);
        json_set_string(row, "state", d->state);
        json_set_string(row, "preset", w->preset[0] != '\0' ? w->preset : NULL);
        json_set_string(row, "model", w->model);
        json_set_string(row, "url", url);
    }
    output_row_take(v->out, row);
    v->ctx->answered = true;
}

/* What was done, for people. */
static void job_tell(const struct local_done *d)
{
    const char *exe = d->server->runtime->exe;
    char exposed[160] = "";

    if (d->stopped) {
        output_note("%s%s", exe, d->killed ? " had to be killed: it did not end when it was asked to" : " was stopped");
    } else if (d->verb == LOCAL_STOP) {
        output_note("%s does not run", exe);
    }
    if (d->already) {
        output_note("%s runs already, as process %d", exe, d->server->pid);
    }
    if (d->started) {
        char url[120];
        make_url(url, local_reach(d->want->host), d->want->port);
        output_note("%s runs as process %d with %s: %s, %s", exe, d->pid, d->want->model,
                    strcmp(d->state, "down") == 0 ? "no answer yet" : d->state, url);
        local_exposure(d->want->host, d->want->port, exposed);
        if (exposed[0] == '\0' && !listener_is_local(d->want->host)) {
            str_copy(exposed, sizeof(exposed), d->want->host); /* it does not listen yet */
        }
    }
    if (exposed[0] != '\0') {
        output_note("warning: it listens on %s: whoever reaches this machine there can use it", exposed);
    }
}

/* local_done_fn */
static void on_job(void *arg, const struct local_done *d, const struct error *err)
{
    struct engine_verb *v = arg;

    wipe(v);
    if (d->server->note[0] != '\0' && (err == NULL || strcmp(err->msg, d->server->note) != 0)) {
        output_note("note: %s", d->server->note);
    }
    if (err == NULL && !v->ctx->o.quiet) {
        job_tell(d);
    }
    if (err == NULL) {
        if (v->ctx->o.format != OUTPUT_TEXT) {
            job_row(v, d);
        }
        verb_finish(v->ctx, 0);
        return;
    }
    verb_fail(v->ctx, err);
    if (d->tail[0] != '\0') {
        output_note("Its last lines:\n%s", d->tail);
    }
}

/* Runs one job to its end. */
static int run_job(struct engine_verb *v, const struct local_runtime *runtime)
{
    const struct verb_options *o = &v->ctx->o;
    struct error err = ERROR_INIT;
    struct local_job_opts opts = {.loop = v->ctx->loop,
                                  .http = v->http,
                                  .paths = v->ctx->paths,
                                  .config = &v->ctx->config,
                                  .verb = v->verb,
                                  .request = {.preset = o->names.len > 1 ? o->names.v[1] : NULL,
                                              .model = o->model,
                                              .runtime = o->runtime,
                                              .host = o->host,
                                              .port = o->port},
                                  .runtime = runtime,
                                  .wait = o->wait,
                                  .ready_ms = (uint64_t)o->timeout_s * 1000,
                                  .progress = on_progress,
                                  .done = on_job,
                                  .arg = v};
    v->ctx->finished = false;
    if (local_job_start(NULL, &opts, &err) < 0) {
        return verb_error(v->ctx, &err);
    }
    verb_run(v->ctx);
    return v->ctx->exit_code;
}

/* Opens the list of results, runs the job or jobs. */
static int engine_change(struct engine_verb *v)
{
    const struct verb_options *o = &v->ctx->o;
    struct error err = ERROR_INIT;
    int rc = 0, ran = 0;

    if (o->model != NULL && o->names.len > 1) {
        error_set(&err, ERROR_INVALID, "give a preset or --model, not both");
        return verb_error(v->ctx, &err);
    }
    if (v->verb == LOCAL_STOP && (o->names.len > 1 || o->model != NULL || o->host != NULL || o->port != 0)) {
        error_set(&err, ERROR_INVALID, "engine stop takes nothing but --runtime");
        return verb_error(v->ctx, &err);
    }
    if (o->runtime != NULL && local_runtime_find(o->runtime, &err) == NULL) {
        return verb_error(v->ctx, &err);
    }
    if (v->verb != LOCAL_STOP) {
        rc = run_job(v, NULL);
    }
    for (size_t i = 0; i < LOCAL_RUNTIMES && v->verb == LOCAL_STOP && rc == 0; i++) {
        struct local_server s;
        local_look(&s, v->ctx->paths, &local_runtimes[i]);
        bool usual = o->runtime == NULL && ran == 0 && i + 1 == LOCAL_RUNTIMES;
        if (o->runtime != NULL ? strcmp(o->runtime, local_runtimes[i].name) == 0 : s.pid_state != LOCAL_NONE || usual) {
            rc = run_job(v, &local_runtimes[i]);
            ran++;
        }
        local_server_release(&s);
    }
    if (v->out == NULL) {
        return rc;
    }
    return output_finish(v->out, NULL) < 0 && rc == 0 ? 1 : rc;
}

/* --- presets, logs --- */

static int engine_presets(struct engine_verb *v)
{
    static const struct output_column columns[] = {{"name", "NAME"},     {"model", "MODEL"}, {"runtime", "RUNTIME"},
                                                   {"active", "ACTIVE"}, {"file", "FILE"},   {"note", "NOTE"}};
    struct output *out = output_new(v->ctx->o.format, columns, MT_ARRAY_LEN(columns));
    MT_CLEANUP(xfree) char *dir = path_join(v->ctx->paths->config, "provider.d");
    MT_CLEANUP(xfree) char *shown = path_tilde(dir, v->ctx->paths->home);
    MT_CLEANUP(xfree) char *empty = xasprintf("No presets: %s holds no .ini file.", shown);
    struct local_server s;
    struct presets all;
    char active[128] = "";

    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_look(&s, v->ctx->paths, &local_runtimes[i]);
        if (s.pid_state == LOCAL_RUNS && active[0] == '\0') {
            str_copy(active, sizeof(active), s.preset);
        }
        local_server_release(&s);
    }
    presets_load(&all, v->ctx->paths);
    for (size_t i = 0; i < all.count; i++) {
        const struct preset *p = &all.v[i];
        struct json *row = json_new_object();
        MT_CLEANUP(strbuf) struct strbuf note = STRBUF_INIT;
        bool bad = p->error.code != ERROR_NONE;

        if (bad) {
            strbuf_addstr(&note, p->error.msg);
        }
        if (p->twin != NULL) {
            strbuf_addf(&note, "%s%s has this name too: start it by its file", note.len > 0 ? "; " : "", p->twin);
        }
        if (p->host[0] != '\0' && !listener_is_local(p->host)) {
            strbuf_addf(&note, "%slistens on %s, beyond this machine", note.len > 0 ? "; " : "", p->host);
        }
        json_set_string(row, "name", p->name);
        json_set_string(row, "model", p->model[0] != '\0' ? p->model : NULL);
        json_set_string(row, "runtime", p->runtime[0] != '\0' ? p->runtime : NULL);
        json_set_string(row, "host", p->host[0] != '\0' ? p->host : NULL);
        if (p->port != 0) {
            json_set_int(row, "port", p->port);
        }
        json_set_bool(row, "active", strcmp(active, p->twin != NULL ? p->file : p->name) == 0);
        json_set_bool(row, "usable", !bad);
        json_set_string(row, "file", p->file);
        json_set_string(row, "note", note.len > 0 ? note.buf : NULL);
        output_row_take(out, row);
    }
    v->ctx->answered = true;
    presets_release(&all);
    return output_finish(out, empty) < 0 ? 1 : 0;
}

/* The last lines of one log. */
static void print_log(struct engine_verb *v, const char *path)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *shown = path_tilde(path, v->ctx->paths->home);

    local_tail(path, 0, v->ctx->o.lines > 0 ? v->ctx->o.lines : LOG_LINES, &text);
    if (v->out == NULL) {
        printf("==> %s <==\n%s%s", shown, text.buf, text.len > 0 && text.buf[text.len - 1] != '\n' ? "\n" : "");
        return;
    }
    for (char *line = text.buf; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        MT_CLEANUP(xfree) char *one = xstrndup(line, n);
        struct json *row = json_new_object();
        json_set_string(row, "file", path);
        json_set_string(row, "line", one);
        output_row_take(v->out, row);
        line += n + (line[n] == '\n' ? 1 : 0);
    }
}

static int engine_logs(struct engine_verb *v)
{
    static const struct output_column columns[] = {{"line", "LINE"}};
    struct error err = ERROR_INIT;
    const char *name = v->ctx->o.runtime;
    struct local_server s;

    for (size_t i = 0; i < LOCAL_RUNTIMES && name == NULL; i++) {
        local_look(&s, v->ctx->paths, &local_runtimes[i]);
        name = s.pid_state == LOCAL_RUNS ? local_runtimes[i].name : NULL;
        local_server_release(&s);
    }
    const struct local_runtime *r = local_runtime_find(name != NULL ? name : env_runtime(v->ctx->paths), &err);
    if (r == NULL) {
        return verb_error(v->ctx, &err);
    }
    local_look(&s, v->ctx->paths, r);
    int rc = 0;
    if (!fs_exists(s.log) && !fs_exists(s.errlog)) {
        error_set(&err, ERROR_NOT_FOUND, "%s has no log yet: it was never started here", r->exe);
        rc = verb_error(v->ctx, &err);
    } else if (v->ctx->o.follow) {
        rc = engine_follow(v->ctx, &s, v->ctx->o.lines > 0 ? v->ctx->o.lines : LOG_LINES);
    } else {
        v->out = v->ctx->o.format != OUTPUT_TEXT ? output_new(v->ctx->o.format, columns, 1) : NULL;
        print_log(v, s.log);
        print_log(v, s.errlog);
        v->ctx->answered = true;
        rc = v->out != NULL && output_finish(v->out, NULL) < 0 ? 1 : 0;
    }
    local_server_release(&s);
    return rc;
}

/* --- the verb --- */

static const struct {
    const char *name;
    int (*run)(struct engine_verb *v);
    enum local_verb verb;
    bool takes_name;
} words[] = {
    {"status", engine_status, LOCAL_START, true},    {"start", engine_change, LOCAL_START, true},
    {"stop", engine_change, LOCAL_STOP, true},       {"restart", engine_change, LOCAL_RESTART, true},
    {"presets", engine_presets, LOCAL_START, false}, {"logs", engine_logs, LOCAL_START, false},
};

int verb_engine(struct verb_ctx *ctx)
{
    struct engine_verb v = {.ctx = ctx};
    struct error err = ERROR_INIT;
    const char *what = ctx->o.names.len > 0 ? ctx->o.names.v[0] : "status";

    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, what) != 0) {
            continue;
        }
        if (ctx->o.names.len > 1 && !words[i].takes_name) {
            error_set(&err, ERROR_INVALID, "engine %s: too many arguments: '%s'", what, ctx->o.names.v[1]);
            return verb_error(ctx, &err);
        }
        if (ctx->o.all && words[i].run != engine_status) {
            error_set(&err, ERROR_INVALID, "engine %s: --all is for status", what);
            return verb_error(ctx, &err);
        }
        if (ctx->o.follow && words[i].run != engine_logs) {
            error_set(&err, ERROR_INVALID, "engine %s: --follow is for logs", what);
            return verb_error(ctx, &err);
        }
        v.verb = words[i].verb;
        ctx->loop = loop_new();
        v.http = http_client_new(ctx->loop);
        int rc = words[i].run(&v);
        http_client_close(v.http);
        return rc;
    }
    error_set(&err, ERROR_INVALID, "engine takes status, start, stop, restart, presets or logs");
    return verb_error(ctx, &err);
}
