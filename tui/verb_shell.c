/* SPDX-License-Identifier: Apache-2.0 */
/* shell: a program inside a sandbox, on this terminal. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/engine/inuse.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host_audit.h"
#include "tui/verb.h"

extern char **environ;

/* How an awaited op ended. */
struct awaited {
    struct verb_ctx *ctx;
    int rc;
};

/* The start op has ended. */
static void await_done(void *arg, const struct op_view *op)
{
    struct awaited *a = arg;

    if (op->state == OP_DONE) {
        a->rc = 0;
    } else {
        struct error err = op->error;

        if (op->state == OP_CANCELED) {
            error_set(&err, ERROR_CANCELED, "canceled");
        }
        error_wrap(&err, "%s", op->sandbox);
        int code = verb_error(a->ctx, &err);
        a->rc = op->state == OP_CANCELED ? 1 : code;
    }
    verb_finish(a->ctx, a->rc);
}

int verb_bring_up(struct verb_ctx *ctx, const struct workspace *ws)
{
    struct awaited a = {.ctx = ctx, .rc = 1};
    struct error err = ERROR_INIT;
    struct engine_request req = {
        .plan = ENGINE_START,
        .sandbox = ws->sandbox,
        .profile = ctx->o.profile,
        .backend = ctx->o.backend,
        .net = ctx->o.net,
        .net_given = ctx->o.net_given,
        .done = await_done,
        .arg = &a,
    };

    if (ws->have_info && ws->info.state == SANDBOX_RUNNING && !ws->info.halted && ctx->o.profile == NULL &&
        !ctx->o.net_given) {
        return 0;
    }
    if (!ctx->o.quiet) {
        output_note("%s: bringing it up", ws->sandbox);
    }
    if (engine_run(ctx->engine, &req, &err) == 0) {
        return verb_error(ctx, &err);
    }
    verb_run(ctx);
    ctx->finished = false;
    ctx->exit_code = 0;
    return a.rc;
}

static volatile sig_atomic_t shell_timed_out; /* set by the handler, read by the waiting loop below */
static volatile sig_atomic_t shell_child;

/* The time is over, or someone ends us: the relay ends, and with it the program inside. One that does not is killed. */
static void shell_on_signal(int signum)
{
    if (signum == SIGALRM) {
        kill((pid_t)shell_child, shell_timed_out ? SIGKILL : SIGTERM);
        shell_timed_out = 1;
        alarm(5);
    } else {
        kill((pid_t)shell_child, signum);
    }
}

/* Waits for the relay, for at most this long. Returns an exit code. */
static int shell_wait(pid_t pid, unsigned timeout_s)
{
    struct sigaction pass = {.sa_handler = shell_on_signal};
    int status = 0;

    shell_child = pid;
    sigaction(SIGALRM, &pass, NULL);
    sigaction(SIGTERM, &pass, NULL);
    sigaction(SIGHUP, &pass, NULL);
    signal(SIGINT, SIG_IGN); /* the relay has it too, and hands it on */
    signal(SIGQUIT, SIG_IGN);
    alarm(timeout_s);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    alarm(0);
    if (shell_timed_out) {
        return 124;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs argv with our own stdin, stdout and stderr. Unless we wait for it, it takes this process's place. Returns an
 * exit code. */
static int shell_exec(const struct strvec *argv, const struct strvec *env, bool wait, unsigned timeout_s)
{
    MT_CLEANUP(strvec) struct strvec full = STRVEC_INIT;

    strvec_pushv(&full, (const char *const *)environ);
    for (size_t i = 0; i < env->len; i++) {
        MT_CLEANUP(xfree) char *key = xstrndup(env->v[i], strcspn(env->v[i], "="));

        strvec_setenv(&full, key, strchr(env->v[i], '=') + 1);
    }
    if (wait) {
        pid_t pid = fork();
        if (pid > 0) {
            return shell_wait(pid, timeout_s);
        }
        if (pid < 0) {
            perror("muthr-tui: fork");
            return 1;
        }
    }
    execve(argv->v[0], argv->v, full.v);
    fprintf(stderr, "muthr-tui: cannot run %s: %s\n", argv->v[0], strerror(errno));
    int rc = errno == ENOENT ? 127 : 126;
    if (wait) {
        _exit(rc);
    }
    return rc;
}

/* What is to run inside. */
static void shell_command(const struct verb_options *o, struct strvec *argv)
{
    if (o->rest.len > 0) {
        strvec_pushv(argv, (const char *const *)o->rest.v);
    } else if (o->command != NULL) {
        strvec_pushl(argv, "bash", "-lc", o->command, NULL);
    } else {
        strvec_pushl(argv, "bash", "-l", NULL);
    }
}

/* A session was started for `shell --session`. */
static void shell_session_started(void *arg, const char *id, const struct error *err)
{
    struct verb_ctx *ctx = arg;

    if (err != NULL) {
        verb_fail(ctx, err);
        return;
    }
    printf("%s\n", id);
    fflush(stdout);
    verb_finish(ctx, 0);
}

/* Starts it as a session of its own host, and prints its id for `attach`. */
static int shell_as_session(struct verb_ctx *ctx, const char *sandbox, const char *cwd)
{
    struct error err = ERROR_INIT;
    struct engine_session_request req = {
        .sandbox = sandbox,
        .kind = SESSION_SHELL,
        .command = ctx->o.command,
        .cwd = cwd,
        .env = &ctx->o.env,
        .done = shell_session_started,
        .arg = ctx,
    };

    if (ctx->o.rest.len > 0) {
        error_set(&err, ERROR_INVALID, "--session takes -c CMD, not a command after --");
        return verb_error(ctx, &err);
    }
    if (engine_session(ctx->engine, &req, &err) < 0) {
        return verb_error(ctx, &err);
    }
    verb_run(ctx);
    return ctx->exit_code;
}

/* The same, written down (A1): what `audit` says of it, and its end. */
static int shell_exec_audited(const struct strvec *argv, const struct strvec *env, unsigned timeout_s,
                              const char *audit)
{
    struct error err = ERROR_INIT;
    char id[64];
    uint64_t began = clock_wall_ms(), mono = clock_mono_ms();

    str_format(id, sizeof(id), "cli-%d-%llx", (int)getpid(), (unsigned long long)began);
    bool lost = host_audit_start(audit, id, &err) < 0;
    int rc = shell_exec(argv, env, true, timeout_s);
    lost = host_audit_exit(audit, id, rc, clock_mono_ms() - mono, &err) < 0 || lost;
    if (lost) { /* after it: a line before would stand in the middle of its screen */
        output_note("muthr-tui: not written down: %s", err.msg);
    }
    return rc;
}

/* The inference server of the sandbox was looked at. */
static void on_asked(void *arg)
{
    verb_finish(arg, 0);
}

int verb_shell(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *inner = NULL;
    MT_CLEANUP(strvec) struct strvec command = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;

    if (ctx->o.command != NULL && ctx->o.rest.len > 0) {
        error_set(&err, ERROR_INVALID, "give the command with -c or after --, not both");
        return verb_error(ctx, &err);
    }
    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    const struct workspace *ws = verb_workspace(ctx, ctx->o.names.len > 0 ? ctx->o.names.v[0] : NULL, &inner, &err);
    if (ws == NULL) {
        return verb_error(ctx, &err);
    }
    if (ws->reserved || ws->sandbox[0] == '\0') {
        output_note("muthr-tui: %s has no sandbox: %s", ws->shown,
                    ws->reserved ? "its name is reserved" : ws->name_error);
        return EXIT_USAGE;
    }
    MT_CLEANUP(xfree) char *sandbox = xstrdup(ws->sandbox);
    int rc = verb_bring_up(ctx, ws);
    if (rc != 0) {
        return rc;
    }
    ws = model_workspace_by_sandbox(ctx->model, sandbox);
    if (ws != NULL && !ctx->o.quiet) {
        verb_tell_folder(ws); /* what is written inside may not be where the person looks for it */
    }
    MT_CLEANUP(xfree) char *folder = inner != NULL && inner[0] != '\0' ? path_join(engine_mount(ws), inner) : NULL;
    const char *cwd = ctx->o.cwd != NULL ? ctx->o.cwd : folder;
    if (ctx->o.as_session) {
        return shell_as_session(ctx, sandbox, cwd);
    }
    ctx->finished = false;
    if (engine_ask_inference(ctx->engine, sandbox, on_asked, ctx)) {
        verb_run(ctx);
    }
    bool tty = !ctx->o.no_tty && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    shell_command(&ctx->o, &command);
    if (engine_exec_argv(ctx->engine, sandbox, (const char *const *)command.v, cwd, tty, &ctx->o.env, &argv, &env,
                         &err) < 0) {
        return verb_error(ctx, &err);
    }
    if (inuse_mark(ctx->paths, sandbox, &err) < 0) {
        output_note("muthr-tui: %s (the sandbox may be stopped as idle)", err.msg);
    }
    MT_CLEANUP(strbuf) struct strbuf audit = STRBUF_INIT;
    const struct engine_audit_input seen = {.sandbox = sandbox,
                                            .kind = SESSION_SHELL,
                                            .argv = (const char *const *)command.v,
                                            .cwd = cwd,
                                            .tty = tty,
                                            .env = &ctx->o.env};
    bool audited = engine_audit(ctx->engine, &seen, &audit);
    unsigned timeout_s = ctx->o.timeout_s;
    verb_close(ctx);
    return audited ? shell_exec_audited(&argv, &env, timeout_s, audit.buf)
                   : shell_exec(&argv, &env, timeout_s > 0, timeout_s);
}
