/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/calls.h"

#include <stdlib.h>
#include <unistd.h>

#include "backends/inner_env.h"
#include "backends/process/probe_cache.h"
#include "backends/process/report.h"
#include "backends/process/state.h"
#include "core/io/handover.h"
#include "core/io/proc.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define KILL_GRACE_MS 600 /* a cancelled call must be done within a second */

/* --- life of a request --- */

static void request_free(struct request *r)
{
    timer_close(r->timer);
    watch_close(r->watch);
    logs_close(r->logs);
    dirwatch_close(r->changes);
    if (r->fd >= 0) {
        close(r->fd);
    }
    strvec_release(&r->names);
    strbuf_release(&r->input);
    strbuf_release(&r->error_json);
    strbuf_release(&r->stderr_line);
    free(r);
}

static void unlink_request(struct request *r)
{
    if (!r->be) {
        return;
    }
    for (struct request **p = &r->be->requests; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}

/* The one place where a call ends. */
void calls_finish(struct request *r, const struct error *err)
{
    struct backend_call *call = r->call;
    struct error canceled = ERROR_INIT;
    if (r->canceled) {
        error_set(&canceled, ERROR_CANCELED, "cancelled");
        err = &canceled;
    }
    unlink_request(r);
    struct error copy = err ? *err : ERROR_INIT;
    request_free(r);
    backend_call_finish(call, err ? &copy : NULL);
}

/* --- helpers --- */

/* Copies a field of the probe's JSON. */
static void probe_text(const struct json *j, const char *key, char *out, size_t cap)
{
    str_copy(out, cap, json_get_string(j, key, ""));
}

static void parse_probe(struct request *r, const char *line, size_t len)
{
    struct backend_probe *p = &r->call->probe;
    struct json *j = json_parse(line, len, NULL);
    if (!json_is_object(j)) {
        json_free(j);
        return;
    }
    p->usable = json_get_bool(j, "usable", false);
    p->caps = (unsigned)json_get_int(j, "caps", 0) & r->kind->ops->caps;
    probe_text(j, "version", p->version, sizeof(p->version));
    probe_text(j, "reason", p->reason, sizeof(p->reason));
    probe_text(j, "fix", p->fix, sizeof(p->fix));
    probe_text(j, "full_reason", p->full_reason, sizeof(p->full_reason));
    probe_text(j, "overlay_reason", p->overlay_reason, sizeof(p->overlay_reason));
    probe_text(j, "limits", p->limits, sizeof(p->limits));
    probe_text(j, "warning", p->warning, sizeof(p->warning));
    json_free(j);
}

/* The answer of an earlier run, once for each backend: who asks again has a reason to. */
static bool take_kept_probe(struct request *r)
{
    MT_CLEANUP(strbuf) struct strbuf key = STRBUF_INIT, text = STRBUF_INIT;
    struct backend *be = r->be;
    if (be->tries || !r->kind->probe_key) {
        return false;
    }
    be->tries = true;
    r->kind->probe_key(be, &key);
    if (!probe_cache_read(be->paths->state, r->kind->ops->name, &key, &text)) {
        return false;
    }
    parse_probe(r, text.buf, text.len);
    return r->call->probe.usable;
}

/* Keeps an answer to which there is no but: what was missing may be there in a moment. */
static void keep_probe(struct request *r, const char *line, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf key = STRBUF_INIT;
    const struct backend_probe *p = &r->call->probe;
    if (!r->be || !r->kind->probe_key) {
        return;
    }
    if (!p->usable || p->full_reason[0]) {
        probe_cache_forget(r->be->paths->state, r->kind->ops->name);
        return;
    }
    r->kind->probe_key(r->be, &key);
    probe_cache_write(r->be->paths->state, r->kind->ops->name, &key, line, len);
}

/* The value of a hexadecimal digit, -1 for anything else. */
static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A path of any bytes but NUL, written as hexadecimal digits; NULL when it is none. Caller frees. */
static char *parse_hex(const char *hex)
{
    struct strbuf out = STRBUF_INIT;
    for (; hex[0] && hex[1]; hex += 2) {
        int high = hex_value(hex[0]), low = hex_value(hex[1]);
        if (high < 0 || low < 0 || high + low == 0) {
            strbuf_release(&out);
            return NULL;
        }
        strbuf_addch(&out, (char)(high << 4 | low));
    }
    return strbuf_detach(&out, NULL);
}

/* A change of an overlay workspace, from its helper; or how many were applied. */
static void parse_change(struct backend_call *call, const char *line, size_t len)
{
    struct json *j = json_parse(line, len, NULL);
    char *path = parse_hex(json_get_string(j, "path", ""));
    int64_t kind = json_get_int(j, "kind", -1), size = json_get_int(j, "size", 0);
    if (path && *path && kind >= CHANGE_ADDED && kind <= CHANGE_TYPE) {
        call->changes = xreallocarray(call->changes, call->change_count + 1, sizeof(*call->changes));
        struct workspace_change *c = &call->changes[call->change_count++];
        memset(c, 0, sizeof(*c));
        c->path = path;
        c->kind = (enum change_kind)kind;
        c->conflict = json_get_bool(j, "conflict", false);
        c->risky = json_get_bool(j, "risky", false);
        c->never = json_get_bool(j, "never", false);
        c->size = size > 0 ? (uint64_t)size : 0;
        str_copy(c->note, sizeof(c->note), json_get_string(j, "note", ""));
    } else {
        int64_t applied = json_get_int(j, "applied", -1);
        call->applied = applied >= 0 ? (size_t)applied : call->applied;
        free(path);
    }
    json_free(j);
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    bool is_helper = r->call->verb != BACKEND_EXEC;
    if (is_helper && stream == PROC_STDOUT && len > 0 && line[0] == '\x1e') {
        strbuf_clear(&r->error_json);
        strbuf_add(&r->error_json, line + 1, len - 1);
    } else if (is_helper && stream == PROC_STDOUT && len > 0 && line[0] == '\x1d') {
        parse_change(r->call, line + 1, len - 1);
    } else if (r->call->verb == BACKEND_PROBE && stream == PROC_STDOUT) {
        parse_probe(r, line, len);
        keep_probe(r, line, len);
    } else {
        if (stream == PROC_STDERR && len > 0) {
            strbuf_clear(&r->stderr_line);
            utf8_sanitize(&r->stderr_line, line, MT_MIN(len, 300), false);
        }
        if (r->call->on_line && !r->canceled) {
            r->call->on_line(r->call, stream == PROC_STDERR, line, len);
        }
    }
}

static void on_helper_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    struct error out = ERROR_INIT;
    r->proc = NULL;
    r->call->exit_code = res->signal ? 128 + res->signal : res->exit_code;
    if (!err) {
        calls_finish(r, NULL);
        return;
    }
    out = *err;
    if (r->be && r->kind->probe_key && (r->call->verb == BACKEND_START || r->call->verb == BACKEND_CREATE)) {
        probe_cache_forget(r->be->paths->state, r->kind->ops->name); /* it may not be as it was */
    }
    if (r->error_json.len) {
        report_error_parse(r->error_json.buf, r->error_json.len, &out);
    } else if (r->call->verb == BACKEND_EXEC && err->code == ERROR_EXIT && r->call->exit_code == 125) {
        error_set(&out, ERROR_UNAVAILABLE, "%s", r->stderr_line.len ? r->stderr_line.buf : "the sandbox went away");
    } else if (err->code == ERROR_EXIT && r->stderr_line.len) {
        error_set(&out, ERROR_EXIT, "exit %d: %s", r->call->exit_code, r->stderr_line.buf);
        out.sys = r->call->exit_code;
    }
    calls_finish(r, &out);
}

static int run_exec(struct request *r, struct error *err)
{
    extern char **environ;
    struct backend_call *call = r->call;
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct exec_spec spec = {
        .sandbox = call->name, .argv = call->argv, .env = call->env, .cwd = call->cwd, .tty = false};
    strvec_pushv(&env, (const char *const *)environ); /* ours, then what the call adds */
    if (r->kind->ops->exec_argv(r->be, &spec, &argv, &env, err) < 0) {
        return -1;
    }
    struct proc_opts opts = {.argv = (const char *const *)argv.v,
                             .env = (const char *const *)env.v,
                             .input = call->input,
                             .input_len = call->input_len,
                             .kill_grace_ms = KILL_GRACE_MS,
                             .on_line = on_line,
                             .on_done = on_helper_done,
                             .arg = r};
    return proc_start(&r->proc, r->be->loop, &opts, err);
}

static int run_helper(struct request *r, const char *verb, struct error *err)
{
    char grace[24];
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    strvec_pushl(&argv, r->be->paths->executable, r->kind->helper, verb, NULL);
    if (r->call->spec) {
        strvec_push(&argv, r->call->spec->name);
        state_spec_write(r->call->spec, false, &r->input);
    } else if (r->call->name) {
        strvec_push(&argv, r->call->name);
        str_format(grace, sizeof(grace), "%llu", (unsigned long long)(r->call->force ? 1 : r->call->grace_ms));
        strvec_push(&argv, grace);
    }
    if (r->call->verb == BACKEND_APPLY || r->call->verb == BACKEND_DISCARD) {
        strbuf_addch(&r->input, r->call->paths ? 'P' : 'A');
        for (const char *const *p = r->call->paths; p && *p; p++) {
            strbuf_add(&r->input, *p, strlen(*p) + 1);
        }
    }
    struct proc_opts opts = {.argv = (const char *const *)argv.v,
                             .input = r->input.len ? r->input.buf : NULL,
                             .input_len = r->input.len,
                             .kill_grace_ms = KILL_GRACE_MS,
                             .on_line = on_line,
                             .on_done = on_helper_done,
                             .arg = r};
    return proc_start(&r->proc, r->be->loop, &opts, err);
}

/* --- the vtable --- */

/* The helper's name of a verb; NULL: it is not the helper's. */
static const char *helper_verb(const struct request *r)
{
    size_t verb = r->call->verb;
    return verb < r->kind->helper_verb_count ? r->kind->helper_verbs[verb] : NULL;
}

/* What a verb cannot do without. */
static int check_call(const struct request *r, struct error *err)
{
    const struct backend_call *call = r->call;
    bool ours = call->verb == BACKEND_LIST || call->verb == BACKEND_INSPECT || call->verb == BACKEND_STATS ||
                call->verb == BACKEND_EXEC || call->verb == BACKEND_LOGS || call->verb == BACKEND_ISOLATION ||
                helper_verb(r) != NULL;
    if (call->verb == BACKEND_COMMIT || call->verb == BACKEND_IMAGE) {
        return error_set(err, ERROR_INVALID, "%s has no images: nothing can be pulled, built or tagged",
                         r->kind->ops->name);
    }
    if (!ours) {
        return error_set(err, ERROR_INVALID, "a %s sandbox cannot do that", r->kind->ops->name);
    }
    bool wants_spec = call->verb == BACKEND_CREATE || call->verb == BACKEND_UPDATE;
    bool wants_name = !wants_spec && call->verb != BACKEND_PROBE && call->verb != BACKEND_LIST;
    const char *name = wants_spec ? (call->spec ? call->spec->name : NULL) : call->name;
    if ((wants_spec || wants_name) && (!name || !*name || strchr(name, '/') || strlen(name) >= 96)) {
        return error_set(err, ERROR_INVALID, "'%s' is no name of a sandbox", name ? name : "");
    }
    if (call->verb == BACKEND_EXEC && !(call->argv && call->argv[0])) {
        return error_set(err, ERROR_INVALID, "no program to run");
    }
    return 0;
}

void calls_end_soon(struct request *r)
{
    r->ended = true;
    timer_start(r->timer, 0);
}

static int begin_stats(struct request *r, struct error *err)
{
    int rc = r->kind->stats(r, err);
    if (rc > 0) {
        calls_end_soon(r);
    }
    return rc < 0 ? -1 : 0;
}

static int begin_isolation(struct request *r, struct error *err)
{
    char *dir = state_dir_of(r->be->root, r->call->name);
    int rc = r->kind->isolation(r->call, dir, err);
    free(dir);
    if (rc == 0) {
        calls_end_soon(r);
    }
    return rc;
}

/* First turn after submit. */
static int begin(struct request *r, struct error *err)
{
    if (check_call(r, err) < 0) {
        return -1;
    }
    switch (r->call->verb) {
    case BACKEND_LIST:
        return calls_list_begin(r, err);
    case BACKEND_INSPECT:
        return 0;
    case BACKEND_STATS:
        return begin_stats(r, err);
    case BACKEND_LOGS:
        return calls_logs_begin(r, err);
    case BACKEND_ISOLATION:
        return begin_isolation(r, err);
    case BACKEND_EXEC:
        return run_exec(r, err);
    case BACKEND_PROBE:
        if (take_kept_probe(r)) {
            calls_end_soon(r);
            return 0;
        }
        return run_helper(r, helper_verb(r), err);
    default:
        return run_helper(r, helper_verb(r), err);
    }
}

static void on_timer(void *arg)
{
    struct request *r = arg;
    struct error err = ERROR_INIT;
    if (r->canceled || r->ended) {
        calls_finish(r, NULL);
    } else if (!r->started) {
        r->started = true;
        if (begin(r, &err) < 0) {
            calls_finish(r, &err);
        } else if (r->call->verb == BACKEND_INSPECT) {
            calls_inspect(r);
        } else if (r->call->verb == BACKEND_LIST) {
            calls_list_turn(r);
        }
    } else if (r->call->verb == BACKEND_LIST) {
        calls_list_turn(r);
    } else {
        error_set(&err, ERROR_TIMEOUT, "sandbox %s does not answer", r->call->name);
        calls_finish(r, &err);
    }
}

void calls_submit(struct backend *be, struct backend_call *call)
{
    struct request *r = xcalloc(1, sizeof(*r));
    r->be = be;
    r->kind = be->kind;
    r->call = call;
    r->fd = -1;
    r->names = STRVEC_INIT;
    r->input = r->error_json = r->stderr_line = STRBUF_INIT;
    r->next = be->requests;
    be->requests = r;
    call->priv = r;
    backend_call_clear(call);
    r->timer = timer_new(be->loop, on_timer, r);
    timer_start(r->timer, 0);
}

void calls_cancel(struct backend *be, struct backend_call *call)
{
    struct request *r = call->priv;
    (void)be;
    if (!r || r->canceled) {
        return;
    }
    r->canceled = true;
    if (r->proc) {
        proc_kill(r->proc);
    } else {
        timer_start(r->timer, 0);
    }
}

int calls_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                    struct error *err)
{
    strvec_pushl(argv_out, be->paths->executable, be->kind->enter, spec->sandbox, NULL);
    if (spec->cwd) {
        strvec_pushl(argv_out, "--cwd", spec->cwd, NULL);
    }
    if (!spec->tty) {
        strvec_push(argv_out, "--no-tty");
    } else if (be->kind->hands_over) {
        strvec_setenv(env_out, HANDOVER_ENV, HANDOVER_WANTED); /* a host gets the terminal itself; a shell ignores it */
    }
    strvec_push(argv_out, "--");
    strvec_pushv(argv_out, spec->argv);
    for (size_t i = 0; spec->env && spec->env[i]; i++) {
        if (inner_env_add(env_out, spec->env[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

struct backend *calls_open(const struct calls_kind *kind, const struct backend_env *env)
{
    struct backend *be = xcalloc(1, sizeof(*be));
    be->kind = kind;
    be->loop = env->loop;
    be->paths = env->paths;
    be->tries = env->fresh;
    be->root = state_root(env->paths->state, kind->folder);
    return be;
}

void calls_close(struct backend *be)
{
    struct request *next;
    calls_watch(be, NULL, NULL);
    for (struct request *r = be->requests; r; r = next) {
        next = r->next;
        calls_cancel(be, r->call);
        r->be = NULL; /* done comes later; the list is gone by then */
    }
    free(be->root);
    free(be);
}

/* A poke file was rewritten. Its name is the sandbox's folder; the temporary ones begin with a dot. */
static void on_poke(void *arg, const char *name)
{
    struct backend *be = arg;
    if (name && name[0] == '.') {
        return;
    }
    if (!name || !state_is_id(name) || !be->change) {
        if (be->change) {
            be->change(be->change_arg, NULL);
        }
        return;
    }
    struct sandbox_info info;
    char *dir = path_join(be->root, name);
    bool there = calls_info(be->kind, dir, &info);
    free(dir);
    be->change(be->change_arg, there ? info.name : NULL);
}

void calls_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    struct error err = ERROR_INIT;
    be->change = fn;
    be->change_arg = arg;
    if (!fn) {
        dirwatch_close(be->watch);
        be->watch = NULL;
    } else if (!be->watch) {
        char *dir = path_join(be->root, STATE_CHANGES);
        if (fs_mkdirs(dir, 0700, &err) == 0) {
            be->watch = dirwatch_new(be->loop, dir, on_poke, be, &err);
        }
        if (!be->watch) {
            log_warn("changes made by others will not be seen: %s", err.msg);
        }
        free(dir);
    }
}
