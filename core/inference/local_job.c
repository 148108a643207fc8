/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/local_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/inference/glance.h"
#include "core/inference/local_job_private.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

extern char **environ;

#define LOCK_MS 20000
#define READY_MS 600000
#define SETTLE_MS 3000
#define GRACE_MS 15000
#define LOOK_MS 250
#define LOG_MAX (16u << 20) /* a log that is longer when the server starts is put aside as LOG.1 */
#define TAIL_LINES 12

/* --- lock --- */

/* lockfile_done_fn */
static void on_locked(void *arg, const struct error *err)
{
    struct local_job *j = arg;
    op_resume(j->op, err);
}

/* lockfile_wait_fn */
static void on_lock_wait(void *arg, int pid)
{
    struct local_job *j = arg;
    op_text(j->op, "waits for process %d, which starts or stops it", pid);
}

static enum step_result step_lock(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    MT_CLEANUP(xfree) char *path = path_join(j->opts.paths->state, "engine.lock");
    (void)op;
    if (fs_mkdirs(j->opts.paths->state, 0700, err) < 0 || fs_mkdirs(j->opts.paths->cache, 0700, err) < 0 ||
        lockfile_acquire(&j->lock, j->opts.loop, LOCKFILE_ADVISORY, path, LOCK_MS, on_lock_wait, on_locked, j, err) <
            0) {
        return STEP_FAIL;
    }
    return STEP_WAIT;
}

static void cancel_lock(struct op *op, void *ctx)
{
    struct local_job *j = ctx;
    (void)op;
    lockfile_release(j->lock);
    j->lock = NULL;
}

static enum step_result step_unlock(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    (void)op;
    (void)err;
    lockfile_release(j->lock);
    j->lock = NULL;
    return STEP_NEXT;
}

/* --- look --- */

/* Is what runs what is asked for? */
static bool is_wanted(const struct local_job *j)
{
    const struct local_server *s = &j->server;
    return !j->specific ||
           ((s->model[0] == '\0' || strcmp(s->model, j->want.model) == 0) &&
            (s->port == 0 || s->port == j->want.port) && (s->host[0] == '\0' || strcmp(s->host, j->want.host) == 0));
}

static enum step_result step_look(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    const struct local_runtime *runtime = j->server.runtime;
    struct local_server *s = &j->server;

    local_server_release(s);
    local_look(s, j->opts.paths, runtime);
    if (s->note[0] != '\0') {
        op_text(op, "%s", s->note);
    }
    j->pid = s->pid_state == LOCAL_RUNS ? s->pid : 0;
    if (s->pid_state == LOCAL_UNSURE) {
        error_hint(err, ERROR_DENIED, "if it is not the server, remove that file", "%s", s->note);
        return STEP_FAIL;
    }
    if (j->opts.verb != LOCAL_START || s->pid_state != LOCAL_RUNS) {
        return STEP_NEXT;
    }
    if (!is_wanted(j)) {
        error_hint(err, ERROR_BUSY, "`muthr-tui engine restart` with the same words changes it",
                   "%s runs already, with %s on port %lld (process %d)", runtime->exe,
                   s->model[0] != '\0' ? s->model : "another model", (long long)s->port, s->pid);
        return STEP_FAIL;
    }
    j->already = true;
    return STEP_NEXT;
}

/* --- clean up --- */

static bool skip_clean(void *ctx, char why[STEP_WHY_MAX])
{
    struct local_job *j = ctx;
    (void)why;
    return j->already || j->server.pid_state == LOCAL_NONE;
}

static enum step_result step_clean(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    (void)op;
    (void)err;
    local_forget(&j->server);
    return STEP_NEXT;
}

/* --- start --- */

static bool skip_start(void *ctx, char why[STEP_WHY_MAX])
{
    struct local_job *j = ctx;
    (void)why;
    return j->already || j->opts.verb == LOCAL_STOP;
}

static enum step_result step_port(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    char who[200];
    int pid;
    (void)op;
    local_holder(j->want.host, j->want.port, who, &pid);
    if (who[0] != '\0') {
        error_hint(err, ERROR_BUSY, "stop that one, or choose another port (--port, server_port in muthr.toml)",
                   "port %lld is in use by %s", (long long)j->want.port, who);
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

/* A log to append to; *from: where this run's lines begin. */
static int open_log(const char *path, int64_t *from, struct error *err)
{
    MT_CLEANUP(xfree) char *old = xasprintf("%s.1", path);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)LOG_MAX) {
        (void)rename(path, old);
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_sys(err, errno, "%s", path);
    } else if (!S_ISREG(st.st_mode)) {
        error_set(err, ERROR_INVALID, "%s: not a regular file", path);
    } else {
        *from = (int64_t)st.st_size;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static void settle(struct local_job *j);

/* It ended, or was let go. */
static void on_proc_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct local_job *j = arg;
    j->proc = NULL;
    if (!j->over) {
        MT_CLEANUP(strbuf) struct strbuf last = STRBUF_INIT;
        const char *log = j->server.errlog;
        local_tail(log, j->errlog_from, TAIL_LINES, &j->tail);
        if (j->tail.len == 0) {
            log = j->server.log;
            local_tail(log, j->log_from, TAIL_LINES, &j->tail);
        }
        local_tail(log, log == j->server.log ? j->log_from : j->errlog_from, 1, &last);
        last.buf[strcspn(last.buf, "\n")] = '\0';
        error_hint(&j->outcome, ERROR_EXIT, "`muthr-tui engine logs` shows more", "%s ended at once, %s%s%.300s",
                   j->want.runtime->exe,
                   err == NULL        ? "without an error"
                   : res->signal != 0 ? strsignal(res->signal)
                                      : err->msg + MT_MIN(strlen(err->msg), strlen(j->want.program) + 2),
                   last.buf[0] != '\0' ? ": " : "", last.buf);
        j->over = true;
        j->started = false;
        j->pid = 0;
    }
    settle(j);
}

/* Our environment without the key by which we talk to servers: no program is given that. */
static void make_env(struct strvec *env)
{
    for (char **e = environ; *e != NULL; e++) {
        if (strncmp(*e, "MUTHR_SERVER_KEY=", 17) != 0) {
            strvec_push(env, *e);
        }
    }
}

static enum step_result step_run(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    struct local_want *w = &j->want;
    char port[16];
    MT_CLEANUP(strbuf) struct strbuf old = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    int out = open_log(j->server.log, &j->log_from, err);
    int errs = out >= 0 ? open_log(j->server.errlog, &j->errlog_from, err) : -1;

    str_format(port, sizeof(port), "%lld", (long long)w->port);
    const char *const argv[] = {w->program, "--model", w->model, "--host", w->host, "--port", port, NULL};
    make_env(&env);
    struct proc_opts opts = {.argv = argv,
                             .env = (const char *const *)env.v,
                             .cwd = j->opts.paths->home,
                             .out_fd = out,
                             .err_fd = errs,
                             .detached = true,
                             .on_done = on_proc_done,
                             .arg = j};
    int rc = errs >= 0 ? proc_start(&j->proc, j->opts.loop, &opts, err) : -1;
    if (out >= 0) {
        close(out);
    }
    if (errs >= 0) {
        close(errs);
    }
    if (rc < 0) {
        return STEP_FAIL;
    }
    j->pid = proc_pid(j->proc);
    j->started = true;
    if (fs_read(j->server.active, 4096, &old, NULL) == 0) {
        j->old_active = strbuf_detach(&old, NULL);
    }
    j->server.pid = j->pid;
    if (local_note_started(&j->server, w, j->pid, &j->outcome) < 0) {
        error_wrap(&j->outcome, "%s runs as process %d, but that cannot be written down", w->runtime->exe, j->pid);
        j->over = true; /* told at the end of the wait, where the child is let go */
    }
    op_text(op, "process %d", j->pid);
    return STEP_NEXT;
}

/* --- wait --- */

static bool skip_answer(void *ctx, char why[STEP_WHY_MAX])
{
    struct local_job *j = ctx;
    (void)why;
    return j->proc == NULL && !j->over && !(j->already && j->opts.wait);
}

/* Is its answer waited for? */
static bool is_waiting(const struct local_job *j)
{
    const struct op_view *view = op_get_view(j->op);
    return view->step < view->step_count && strcmp(view->steps[view->step].name, "answer") == 0;
}

/* It has been decided (over): ends what is in flight, one thing after the other, then the step. */
static void settle(struct local_job *j)
{
    if (!is_waiting(j)) {
        return; /* it ended before anybody waited: step_answer sees it */
    }
    timer_stop(j->timer);
    if (j->glance != NULL) {
        glance_cancel(j->glance);
    } else if (j->proc != NULL && !j->letting) {
        j->letting = true;
        proc_kill(j->proc); /* detached: it is let go */
    } else if (j->proc == NULL) {
        op_resume(j->op, j->outcome.code != ERROR_NONE ? &j->outcome : NULL);
    }
}

/* Is it ours that answers, as far as can be seen? */
static bool answers_itself(const struct local_job *j)
{
    char who[200];
    int pid;
    local_holder(j->want.host, j->want.port, who, &pid);
    return pid == 0 || pid == j->pid || getsid(pid) == j->pid;
}

/* Decides whether to wait on. */
static void consider(struct local_job *j, const struct inference_view *view)
{
    const char *word = inference_state_name(view->state);
    bool answers = view->state != INFERENCE_DOWN && view->state != INFERENCE_UNSEEN;
    bool ready =
        view->state == INFERENCE_READY || view->state == INFERENCE_UNAUTHORISED; /* a key is no wait's matter */
    uint64_t waited = clock_mono_ms() - j->began_ms;
    /* Looked up until it is known, not four times a second: that looks at every process. It ends with the job. */
    j->ours = answers && (j->ours || answers_itself(j));
    bool ours = j->ours;

    str_copy(j->state, sizeof(j->state), ours ? word : "down");
    op_text(j->op, "%s, %.0f s", ours ? word : "no answer yet", (double)waited / 1000);
    if (j->already && pid_has_ended(j->pid)) {
        error_set(&j->outcome, ERROR_EXIT, "%s (process %d) has ended meanwhile", j->want.runtime->exe, j->pid);
        j->over = true;
    } else if (ours && (ready || !j->opts.wait)) {
        j->over = true;
    } else if (!j->opts.wait && waited >= j->opts.settle_ms) {
        j->over = true;
    } else if (j->opts.wait && waited >= j->opts.ready_ms) {
        error_hint(&j->outcome, ERROR_TIMEOUT, "`muthr-tui engine status` and `engine logs` tell how far it is",
                   "%s is not ready after %.0f s (%s); it runs on as process %d", j->want.runtime->exe,
                   (double)waited / 1000, j->state, j->pid);
        j->over = true;
    }
}

/* glance_fn */
static void on_glance(void *arg, const struct inference_view *view)
{
    struct local_job *j = arg;
    j->glance = NULL;
    if (!j->over) {
        consider(j, view);
    }
    if (j->over) {
        settle(j);
    } else {
        timer_start(j->timer, LOOK_MS); /* it does not tell by itself when it is ready */
    }
}

/* The next look. */
static void on_look(struct local_job *j)
{
    struct glance_opts opts = {.loop = j->opts.loop,
                               .http = j->opts.http,
                               .paths = j->opts.paths,
                               .config = j->opts.config,
                               .host = local_reach(j->want.host),
                               .port = j->want.port};
    j->glance = glance_start(&opts, on_glance, j);
}

/* timer callback: while it stops the grace, while it starts the looks. */
static void on_timer(void *arg)
{
    struct local_job *j = arg;
    if (j->watch != NULL) {
        local_grace_over(j);
    } else if (j->over) {
        settle(j);
    } else {
        on_look(j);
    }
}

static enum step_result step_answer(struct op *op, void *ctx, struct error *err)
{
    struct local_job *j = ctx;
    (void)op;
    (void)err;
    j->began_ms = clock_mono_ms();
    timer_start(j->timer, 0);
    return STEP_WAIT;
}

static const struct step STEPS[] = {
    {"lock", step_lock, .cancel = cancel_lock, .minor = true},
    {"look", step_look, .minor = true},
    {"stop", local_step_halt, .skip = local_skip_halt, .cancel = local_cancel_halt},
    {"clean", step_clean, .skip = skip_clean, .minor = true},
    {"port", step_port, .skip = skip_start, .minor = true},
    {"start", step_run, .skip = skip_start},
    {"unlock", step_unlock, .minor = true, .always = true},
    {"answer", step_answer, .skip = skip_answer, .always = true}, /* lets the child go in any case */
    {0},
};

/* It ended at once: no trace of it stays but its log. */
static void undo(struct local_job *j)
{
    local_forget(&j->server);
    if (j->old_active != NULL) {
        (void)fs_write_atomic(j->server.active, j->old_active, strlen(j->old_active), 0644, NULL);
    } else {
        (void)unlink(j->server.active);
    }
}

/* The op is over. */
static void on_op_ended(struct op *op, void *ctx)
{
    struct local_job *j = ctx;
    const struct op_view *view = op_get_view(op);
    struct error canceled = ERROR_INIT;
    const struct error *err = view->state == OP_FAILED ? &view->error : NULL;

    if (view->state == OP_CANCELED) {
        error_set(&canceled, ERROR_CANCELED, "canceled");
        err = &canceled;
    }
    if (err != NULL && err->code == ERROR_EXIT && j->pid == 0 && j->server.pid > 0) {
        undo(j);
    }
    struct local_done done = {.verb = j->opts.verb,
                              .server = &j->server,
                              .want = j->opts.verb == LOCAL_STOP ? NULL : &j->want,
                              .pid = j->pid,
                              .already = j->already,
                              .stopped = j->stopped,
                              .killed = j->killed,
                              .started = j->started,
                              .state = j->state,
                              .tail = j->tail.buf};
    j->opts.done(j->opts.arg, &done, err);
    lockfile_release(j->lock);
    timer_close(j->timer);
    local_server_release(&j->server);
    local_want_release(&j->want);
    strbuf_release(&j->tail);
    free(j->old_active);
    free(j);
}

/* op: news */
static void on_op_changed(struct op *op, void *ctx)
{
    struct local_job *j = ctx;
    const struct op_view *view = op_get_view(op);
    if (j->opts.progress != NULL && view->step >= 0 && view->step < view->step_count) {
        j->opts.progress(j->opts.arg, view->steps[view->step].name, view->steps[view->step].text);
    }
}

/* A restart without words: what runs, as it was started. */
static int resolve(struct local_job *j, const struct local_job_opts *opts, struct error *err)
{
    struct local_request req = opts->request;
    struct local_server now[LOCAL_RUNTIMES];
    const struct local_server *runs = NULL;

    j->specific = req.preset != NULL || req.model != NULL || req.runtime != NULL || req.host != NULL || req.port != 0;
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_look(&now[i], opts->paths, &local_runtimes[i]);
        if (now[i].pid_state == LOCAL_RUNS && runs == NULL &&
            (req.runtime == NULL || strcmp(req.runtime, local_runtimes[i].name) == 0)) {
            runs = &now[i];
        }
    }
    if (runs != NULL && req.preset == NULL && req.model == NULL) {
        bool known = runs->model[0] != '\0'; /* by our own record: the other's preset is a guess */
        req.runtime = runs->runtime->name;
        req.preset = known && runs->preset[0] != '\0' ? runs->preset : NULL;
        req.model = known && req.preset == NULL ? runs->model : NULL;
        req.host = req.host != NULL || req.preset != NULL || !known ? req.host : runs->host;
        req.port = req.port != 0 || req.preset != NULL || !known ? req.port : runs->port;
    }
    int rc = 0;
    if (opts->verb == LOCAL_START && runs != NULL && !j->specific) {
        j->want.runtime = runs->runtime; /* it runs already: nothing else matters */
        str_copy(j->want.host, sizeof(j->want.host), runs->host);
        j->want.port = runs->port != 0 ? runs->port : opts->config->server_port;
    } else {
        rc = local_resolve(&j->want, opts->paths, opts->config, &req, err);
    }
    j->server.runtime = j->want.runtime;
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        local_server_release(&now[i]);
    }
    return rc;
}

int local_job_start(struct local_job **out, const struct local_job_opts *opts, struct error *err)
{
    struct local_job *j = xcalloc(1, sizeof(*j));

    j->opts = *opts;
    j->opts.request = (struct local_request){0}; /* its strings are the caller's */
    j->opts.ready_ms = opts->ready_ms != 0 ? opts->ready_ms : READY_MS;
    j->opts.settle_ms = opts->settle_ms != 0 ? opts->settle_ms : SETTLE_MS;
    j->opts.grace_ms = opts->grace_ms != 0 ? opts->grace_ms : GRACE_MS;
    j->outcome = ERROR_INIT;
    j->tail = STRBUF_INIT;
    j->server.runtime = opts->runtime;
    if (opts->verb != LOCAL_STOP && resolve(j, opts, err) < 0) {
        local_want_release(&j->want);
        free(j);
        return -1;
    }
    struct op_opts op = {.loop = opts->loop, .steps = STEPS, .ctx = j, .changed = on_op_changed, .ended = on_op_ended};
    j->timer = timer_new(opts->loop, on_timer, j);
    j->op = op_new(&op);
    op_start(j->op);
    if (out != NULL) {
        *out = j;
    }
    return 0;
}

void local_job_cancel(struct local_job *j)
{
    if (!is_waiting(j)) {
        op_cancel(j->op);
    } else if (!j->over) { /* whoever waited went away; the server goes on */
        error_set(&j->outcome, ERROR_CANCELED, "canceled; %s goes on as process %d", j->want.runtime->exe, j->pid);
        j->over = true;
        settle(j);
    }
}
