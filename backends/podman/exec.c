/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "backends/inner_env.h"
#include "backends/podman/args.h"
#include "backends/podman/classify.h"
#include "backends/podman/podman_private.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* EXEC and sessions: both by our own relay (enter.c), because a killed `podman exec` leaves its program running. */

#define EXIT_GONE 125
#define KILL_GRACE_MS 600 /* a cancelled call must be done within a second */

/* The relay's argv and what is to be in its environment. */
static int build(struct backend *be, const struct exec_spec *spec, bool as_root, struct strvec *argv,
                 struct strvec *env, struct error *err)
{
    char container[PODMAN_NAME_MAX];
    if (podman_container_name(spec->sandbox, container, err) < 0) {
        return -1;
    }
    strvec_pushl(argv, be->executable, "podman-enter", NULL);
    if (be->target_url) {
        strvec_pushl(argv, "--url", be->target_url, NULL);
    }
    if (spec->cwd) {
        strvec_pushl(argv, "--cwd", spec->cwd, NULL);
    }
    const char *user = as_root ? "0:0" : podman_user_of(be, container);
    if (!user) {
        strvec_push(argv, "--ask-user");
    } else if (*user) {
        strvec_pushl(argv, "--user", user, NULL);
    }
    if (!spec->tty) {
        strvec_push(argv, "--no-tty");
    }
    strvec_pushl(argv, container, "--", NULL);
    strvec_pushv(argv, spec->argv);
    static const char *const root_env[] = {"HOME=/root", "USER=root", "LOGNAME=root", NULL};
    for (size_t i = 0; as_root && root_env[i]; i++) {
        inner_env_add(env, root_env[i], NULL);
    }
    for (size_t i = 0; spec->env && spec->env[i]; i++) {
        if (inner_env_add(env, spec->env[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int podman_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                     struct error *err)
{
    return build(be, spec, false, argv_out, env_out, err);
}

/* --- EXEC --- */

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
    struct error out = err ? *err : ERROR_INIT;
    r->proc = NULL;
    r->call->exit_code = res->signal ? 128 + res->signal : res->exit_code;
    if (err && err->code == ERROR_EXIT && r->call->exit_code == EXIT_GONE) {
        podman_classify(EXIT_GONE, res->err_tail->buf, &out);
        out.code = out.code == ERROR_EXIT ? ERROR_UNAVAILABLE : out.code;
    } else if (err && err->code == ERROR_EXIT && res->err_tail->len) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        const char *text = res->err_tail->buf, *end = text + res->err_tail->len;
        while (end > text && end[-1] == '\n') {
            end--;
        }
        const char *from = end;
        while (from > text && from[-1] != '\n') {
            from--;
        }
        utf8_sanitize(&line, from, MT_MIN((size_t)(end - from), 300), false);
        error_set(&out, ERROR_EXIT, "exit %d: %s", r->call->exit_code, line.buf);
        out.sys = r->call->exit_code;
    }
    podman_finish(r, err ? &out : NULL);
}

int podman_exec(struct request *r, struct error *err)
{
    extern char **environ;
    struct backend_call *call = r->call;
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct exec_spec spec = {.sandbox = call->name, .argv = call->argv, .env = call->env, .cwd = call->cwd};
    strvec_pushv(&env, (const char *const *)environ);
    if (build(r->be, &spec, call->as_root, &argv, &env, err) < 0) {
        return -1;
    }
    struct proc_opts opts = {.argv = (const char *const *)argv.v,
                             .env = (const char *const *)env.v,
                             .input = call->input,
                             .input_len = call->input_len,
                             .kill_grace_ms = KILL_GRACE_MS,
                             .on_line = on_line,
                             .on_done = on_done,
                             .arg = r};
    return proc_start(&r->proc, r->be->loop, &opts, err);
}
