/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/cli.h"

#include <stdlib.h>
#include <string.h>

#include "backends/podman/classify.h"
#include "backends/podman/podman_private.h"
#include "core/util/xmalloc.h"

#define KILL_GRACE_MS 600 /* a cancelled call must be done within a second */

/* Variables that make podman talk to another machine, or run in a way that we do not expect. */
static const char *const scrubbed[] = {"CONTAINER_HOST",       "CONTAINER_CONNECTION", "CONTAINER_SSHKEY",
                                       "CONTAINER_PASSPHRASE", "PODMAN_USERNS",        "BUILDAH_ISOLATION",
                                       "NOTIFY_SOCKET"};

/* A call in flight: what of it is needed when it ends. */
struct cli {
    bool keep_exit;
    proc_line_fn on_line;
    proc_data_fn on_data;
    proc_done_fn on_done;
    void *arg;
};

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct cli *c = arg;
    c->on_line(c->arg, stream, line, len);
}

static void on_data(void *arg, enum proc_stream stream, const char *data, size_t len)
{
    struct cli *c = arg;
    c->on_data(c->arg, stream, data, len);
}

/* Not there at all: what to do about it, rather than an errno. */
static void explain_missing(struct error *err)
{
    error_hint(err, ERROR_UNAVAILABLE,
               "install podman: apt-get install podman, dnf install podman, brew install podman",
               "podman is not installed");
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct cli *c = arg;
    struct error out = err ? *err : ERROR_INIT;
    if (err && err->code == ERROR_EXIT && !(c->keep_exit && res->exit_code != 125)) {
        podman_classify(res->signal ? 128 + res->signal : res->exit_code, res->err_tail->buf, &out);
    } else if (err && err->code == ERROR_NOT_FOUND) {
        explain_missing(&out);
    } else if (err && err->code == ERROR_TIMEOUT) {
        error_hint(&out, ERROR_TIMEOUT,
                   "see whether `podman ps` answers in a terminal; `podman system migrate` ends hanging parts",
                   "podman does not answer");
    }
    c->on_done(c->arg, res, err ? &out : NULL);
    free(c);
}

void podman_cli_argv(const char *url, const char *const *args, struct strvec *argv)
{
    strvec_push(argv, "podman");
    if (url) {
        strvec_pushl(argv, "--url", url, NULL);
    }
    strvec_pushv(argv, args);
}

void podman_cli_env(const char *const *add, struct strvec *env)
{
    extern char **environ;
    strvec_pushv(env, (const char *const *)environ);
    for (size_t i = 0; i < env->len;) {
        bool drop = false;
        for (size_t k = 0; !drop && k < MT_ARRAY_LEN(scrubbed); k++) {
            size_t n = strlen(scrubbed[k]);
            drop = strncmp(env->v[i], scrubbed[k], n) == 0 && env->v[i][n] == '=';
        }
        if (drop) {
            strvec_remove(env, i);
        } else {
            i++;
        }
    }
    strvec_setenv(env, "LC_ALL", "C.UTF-8"); /* texts of the tools below podman */
    for (size_t i = 0; add && add[i]; i++) {
        const char *eq = strchr(add[i], '=');
        if (eq) {
            char *key = xasprintf("%.*s", (int)(eq - add[i]), add[i]);
            strvec_setenv(env, key, eq + 1);
            free(key);
        }
    }
}

/* What is asked (its answer is read) may have less time than usual, by the environment. */
static uint64_t deadline_ms(const struct podman_cli_opts *opts)
{
    const char *text = getenv("MUTHR_TUI_PODMAN_SECONDS");
    uint64_t most_ms = text ? strtoull(text, NULL, 10) * 1000 : 0;
    bool asks = opts->capture_max_bytes > 0 && !opts->let_go;
    bool shorter = most_ms > 0 && asks && most_ms < opts->timeout_ms;
    return shorter ? most_ms : opts->timeout_ms;
}

int podman_cli_start(struct proc **out, struct backend *be, const struct podman_cli_opts *opts, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct cli *c = xcalloc(1, sizeof(*c));
    *c = (struct cli){opts->keep_exit, opts->on_line, opts->on_data, opts->on_done, opts->arg};
    podman_cli_argv(be->target_url, opts->args, &argv);
    podman_cli_env(opts->env, &env);
    struct proc_opts p = {.argv = (const char *const *)argv.v,
                          .env = (const char *const *)env.v,
                          .cwd = "/",
                          .input = opts->input,
                          .input_len = opts->input_len,
                          .capture_max_bytes = opts->capture_max_bytes,
                          .timeout_ms = deadline_ms(opts),
                          .kill_grace_ms = KILL_GRACE_MS,
                          .detached = opts->let_go,
                          .on_line = opts->on_line ? on_line : NULL,
                          .on_data = opts->on_data ? on_data : NULL,
                          .on_done = on_done,
                          .arg = c};
    if (proc_start(out, be->loop, &p, err) < 0) {
        if (err && err->code == ERROR_NOT_FOUND) {
            explain_missing(err);
        }
        free(c);
        return -1;
    }
    return 0;
}
