/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/inner_env.h"
#include "backends/relay.h"
#include "backends/requests.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* The backend's side of the relay: EXEC and sessions both go through it. */

#define KILL_GRACE_MS 600 /* a cancelled call must be done within a second */

int relay_argv(const struct relay_call *c, struct strvec *argv, struct strvec *env, struct error *err)
{
    static const char *const root_env[] = {"HOME=/root", "USER=root", "LOGNAME=root", NULL};
    const struct exec_spec *spec = c->spec;
    const char *user = c->as_root ? "0:0" : c->user;
    strvec_pushl(argv, c->executable, c->helper, NULL);
    if (c->url) {
        strvec_pushl(argv, "--url", c->url, NULL);
    }
    if (spec->cwd) {
        strvec_pushl(argv, "--cwd", spec->cwd, NULL);
    }
    if (!user) {
        strvec_push(argv, "--ask-user");
    } else if (*user) {
        strvec_pushl(argv, "--user", user, NULL);
    }
    if (!spec->tty) {
        strvec_push(argv, "--no-tty");
    }
    strvec_pushl(argv, c->container, "--", NULL);
    strvec_pushv(argv, spec->argv);
    for (size_t i = 0; c->as_root && root_env[i]; i++) {
        inner_env_add(env, root_env[i], NULL);
    }
    for (size_t i = 0; spec->env && spec->env[i]; i++) {
        if (inner_env_add(env, spec->env[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int relay_start(struct proc **out, struct loop *loop, const struct relay_call *c, const struct backend_call *call,
                proc_line_fn on_line, proc_done_fn on_done, void *arg, struct error *err)
{
    extern char **environ;
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    strvec_pushv(&env, (const char *const *)environ);
    if (relay_argv(c, &argv, &env, err) < 0) {
        return -1;
    }
    struct proc_opts opts = {.argv = (const char *const *)argv.v,
                             .env = (const char *const *)env.v,
                             .input = call->input,
                             .input_len = call->input_len,
                             .kill_grace_ms = KILL_GRACE_MS,
                             .on_line = on_line,
                             .on_done = on_done,
                             .arg = arg};
    return proc_start(out, loop, &opts, err);
}

/* The last line of what it said. */
static void last_line(const struct strbuf *tail, struct strbuf *out)
{
    const char *text = tail->buf, *end = text + tail->len;
    while (end > text && end[-1] == '\n') {
        end--;
    }
    const char *from = end;
    while (from > text && from[-1] != '\n') {
        from--;
    }
    utf8_sanitize(out, from, MT_MIN((size_t)(end - from), 300), false);
}

bool relay_explain(struct backend_call *call, const struct proc_result *res, const struct error *err,
                   int (*classify)(int code, const char *text, struct error *err), struct error *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    *out = err ? *err : ERROR_INIT;
    call->exit_code = res->signal ? 128 + res->signal : res->exit_code;
    if (err && err->code == ERROR_EXIT && call->exit_code == RELAY_EXIT_GONE) {
        classify(RELAY_EXIT_GONE, res->err_tail->buf, out);
        out->code = out->code == ERROR_EXIT ? ERROR_UNAVAILABLE : out->code;
    } else if (err && err->code == ERROR_EXIT && res->err_tail->len) {
        last_line(res->err_tail, &line);
        error_set(out, ERROR_EXIT, "exit %d: %s", call->exit_code, line.buf);
        out->sys = call->exit_code;
    }
    return err != NULL;
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && !r->canceled) {
        r->call->on_line(r->call, stream == PROC_STDERR, line, len);
    }
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    struct error out;
    r->proc = NULL;
    bool failed = relay_explain(r->call, res, err, r->all->kind->relay->classify, &out);
    requests_finish(r, failed ? &out : NULL);
}

int relay_submit(struct request *r, struct error *err)
{
    const struct backend_call *call = r->call;
    char container[RELAY_NAME_MAX];
    struct exec_spec spec = {.sandbox = call->name, .argv = call->argv, .env = call->env, .cwd = call->cwd};
    struct relay_call c;
    if (r->all->kind->relay->prepare(r->be, &spec, container, &c, err) < 0) {
        return -1;
    }
    c.as_root = call->as_root;
    return relay_start(&r->proc, r->all->loop, &c, call, on_line, on_done, r, err);
}

int relay_session(struct backend *be, const struct relay_kind *kind, const struct exec_spec *spec,
                  struct strvec *argv_out, struct strvec *env_out, struct error *err)
{
    char container[RELAY_NAME_MAX];
    struct relay_call c;
    return kind->prepare(be, spec, container, &c, err) < 0 ? -1 : relay_argv(&c, argv_out, env_out, err);
}

bool relay_is_listed(const char *key, const char *const *names, const char *const *prefixes)
{
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(key, names[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; prefixes[i]; i++) {
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    size_t len = strlen(key);
    return len > 6 && (strcmp(key + len - 6, "_proxy") == 0 || strcmp(key + len - 6, "_PROXY") == 0);
}
