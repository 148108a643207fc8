/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cli.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"

#define KILL_GRACE_MS 600 /* a cancelled call must be done within a second */

/* A call in flight: what of it is needed when it ends. */
struct cli {
    const struct cli_tool *tool;
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
static void explain_missing(const struct cli_tool *tool, struct error *err)
{
    error_hint(err, ERROR_UNAVAILABLE, tool->missing_hint, "%s", tool->missing);
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct cli *c = arg;
    struct error out = err ? *err : ERROR_INIT;
    bool inner = c->keep_exit && !(c->tool->own_exit && res->exit_code == c->tool->own_exit);
    if (err && err->code == ERROR_EXIT && !inner) {
        c->tool->classify(res->signal ? 128 + res->signal : res->exit_code, res->err_tail->buf, &out);
    } else if (err && err->code == ERROR_NOT_FOUND) {
        explain_missing(c->tool, &out);
    } else if (err && err->code == ERROR_TIMEOUT) {
        error_hint(&out, ERROR_TIMEOUT, c->tool->silent_hint, "%s", c->tool->silent);
    }
    c->on_done(c->arg, res, err ? &out : NULL);
    free(c);
}

void cli_env(const struct cli_tool *tool, const char *const *add, struct strvec *env)
{
    extern char **environ;
    strvec_pushv(env, (const char *const *)environ);
    for (size_t i = 0; i < env->len;) {
        bool drop = false;
        for (size_t k = 0; !drop && tool->scrubbed[k]; k++) {
            size_t n = strlen(tool->scrubbed[k]);
            drop = strncmp(env->v[i], tool->scrubbed[k], n) == 0 && env->v[i][n] == '=';
        }
        if (drop) {
            strvec_remove(env, i);
        } else {
            i++;
        }
    }
    strvec_setenv(env, "LC_ALL", "C.UTF-8"); /* texts of the tools below it */
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
static uint64_t deadline_ms(const struct cli_tool *tool, const struct cli_opts *opts)
{
    const char *text = getenv(tool->seconds_env);
    uint64_t most_ms = text ? strtoull(text, NULL, 10) * 1000 : 0;
    bool asks = opts->capture_max_bytes > 0 && !opts->let_go;
    bool shorter = most_ms > 0 && asks && most_ms < opts->timeout_ms;
    return shorter ? most_ms : opts->timeout_ms;
}

int cli_start(struct proc **out, struct loop *loop, const struct cli_tool *tool, const struct strvec *argv,
              const struct cli_opts *opts, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct cli *c = xcalloc(1, sizeof(*c));
    *c = (struct cli){tool, opts->keep_exit, opts->on_line, opts->on_data, opts->on_done, opts->arg};
    cli_env(tool, opts->env, &env);
    struct proc_opts p = {.argv = (const char *const *)argv->v,
                          .env = (const char *const *)env.v,
                          .cwd = "/",
                          .input = opts->input,
                          .input_len = opts->input_len,
                          .capture_max_bytes = opts->capture_max_bytes,
                          .timeout_ms = deadline_ms(tool, opts),
                          .kill_grace_ms = KILL_GRACE_MS,
                          .detached = opts->let_go,
                          .on_line = opts->on_line ? on_line : NULL,
                          .on_data = opts->on_data ? on_data : NULL,
                          .on_done = on_done,
                          .arg = c};
    if (proc_start(out, loop, &p, err) < 0) {
        if (err && err->code == ERROR_NOT_FOUND) {
            explain_missing(tool, err);
        }
        free(c);
        return -1;
    }
    return 0;
}
