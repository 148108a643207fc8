/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/image_job.h"

#include <stdlib.h>
#include <string.h>

#include "backends/podman/pull_parse.h"
#include "core/io/pty.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define PULL_COLS 160 /* podman's bars need room for their numbers */

struct waiter {
    struct request *r;
    image_job_fn done;
    bool left;
    struct waiter *next;
};

struct image_job {
    struct backend *be; /* NULL: the backend is gone, only the end is waited for */
    char *ref;
    bool is_build;
    struct pty *pty;
    struct proc *proc;
    struct pull_parse pull;
    int percent;
    char text[200];
    char step[160], last[200]; /* of a build: the step it is at, its last words */
    struct waiter *waiters;
    struct timer *leave; /* those who left are told */
    struct image_job *next;
};

struct podman_images {
    struct image_job *jobs;
};

static struct image_job **find(struct backend *be, const char *ref)
{
    if (!be->images) {
        be->images = xcalloc(1, sizeof(*be->images));
    }
    struct image_job **at = &be->images->jobs;
    while (*at && strcmp((*at)->ref, ref) != 0) {
        at = &(*at)->next;
    }
    return at;
}

/* Takes it out of the backend's list: nobody joins it any more. */
static void unlink_job(struct image_job *j)
{
    if (!j->be || !j->be->images) {
        return;
    }
    for (struct image_job **at = &j->be->images->jobs; *at; at = &(*at)->next) {
        if (*at == j) {
            *at = j->next;
            return;
        }
    }
}

static void job_free(struct image_job *j)
{
    pty_close(j->pty);
    timer_close(j->leave);
    free(j->ref);
    free(j);
}

/* Tells one of those who wait. */
static void tell(struct waiter *w, const struct error *err)
{
    struct waiter copy = *w;
    free(w);
    copy.r->on_cancel = NULL;
    copy.done(copy.r, err);
}

/* It is over, for all. */
static void job_end(struct image_job *j, const struct error *err)
{
    struct waiter *list = j->waiters, *next;
    unlink_job(j);
    j->waiters = NULL;
    for (struct waiter *w = list; w; w = next) {
        next = w->next;
        tell(w, err);
    }
    job_free(j);
}

/* How far it is, to all who wait. */
static void job_progress(struct image_job *j, const char *text, int percent)
{
    if (percent == j->percent && strcmp(text, j->text) == 0) {
        return;
    }
    j->percent = percent;
    str_copy(j->text, sizeof(j->text), text);
    for (struct waiter *w = j->waiters; w; w = w->next) {
        struct backend_call *call = w->r->call;
        call->percent = percent;
        if (!w->left && call->on_line) {
            call->on_line(call, false, j->text, strlen(j->text));
        }
    }
}

/* Nobody waits for it any more: it is ended. Those who left are told now. */
static void on_leave(void *arg)
{
    struct image_job *j = arg;
    struct error err = ERROR_INIT;
    error_set(&err, ERROR_CANCELED, "cancelled");
    struct waiter *gone = NULL, **at = &j->waiters;
    while (*at) {
        struct waiter *w = *at;
        if (w->left) {
            *at = w->next;
            w->next = gone;
            gone = w;
        } else {
            at = &w->next;
        }
    }
    bool wanted = j->waiters != NULL;
    if (!wanted) {
        unlink_job(j);
        j->be = NULL;
        if (j->proc) {
            proc_kill(j->proc); /* job_free with its end */
        }
    }
    for (struct waiter *w = gone, *next; w; w = next) {
        next = w->next;
        tell(w, &err);
    }
    if (!wanted && !j->proc) {
        job_free(j); /* the terminal's hang-up ends a pull */
    }
}

void image_job_leave(struct request *r)
{
    struct image_job *jobs = r->be->images ? r->be->images->jobs : NULL;
    for (struct image_job *j = jobs; j; j = j->next) {
        for (struct waiter *w = j->waiters; w; w = w->next) {
            if (w->r == r) {
                w->left = true;
                timer_start(j->leave, 0);
                return;
            }
        }
    }
}

/* Waits for a job that runs. */
static void join(struct image_job *j, struct request *r, image_job_fn done)
{
    struct waiter *w = xcalloc(1, sizeof(*w));
    w->r = r;
    w->done = done;
    w->next = j->waiters;
    j->waiters = w;
    r->on_cancel = image_job_leave;
    r->call->percent = j->percent;
    if (j->text[0] != '\0' && r->call->on_line) {
        r->call->on_line(r->call, false, j->text, strlen(j->text));
    }
}

static struct image_job *job_new(struct image_job **at, struct backend *be, const char *ref, bool is_build)
{
    struct image_job *j = xcalloc(1, sizeof(*j));
    j->be = be;
    j->ref = xstrdup(ref);
    j->is_build = is_build;
    j->percent = -1;
    j->leave = timer_new(be->loop, on_leave, j);
    *at = j;
    return j;
}

/* --- pull --- */

static void on_pull_data(void *arg, const char *data, size_t len)
{
    struct image_job *j = arg;
    char text[200];
    pull_parse_feed(&j->pull, data, len);
    int percent = pull_parse_progress(&j->pull, text, sizeof(text));
    job_progress(j, text, percent);
}

/* What a pull says when it fails, and what to do then. Texts of podman 4.3.1; those of registries vary. */
static void explain_pull(const struct image_job *j, int code, struct error *err)
{
    static const struct {
        const char *says;
        enum error_code code;
        const char *hint;
    } table[] = {
        {"manifest unknown", ERROR_NOT_FOUND, "check the name and the tag: the registry has no such image"},
        {"name unknown", ERROR_NOT_FOUND, "check the name: the registry has no such repository"},
        {"did not resolve to an alias", ERROR_NOT_FOUND, "write the image with its registry in front"},
        {"invalid reference format", ERROR_INVALID, "check the image's name in the profile"},
        {"unauthorized", ERROR_DENIED, "log in first: podman login REGISTRY"},
        {"authentication required", ERROR_DENIED, "log in first: podman login REGISTRY"},
        {"access to the resource is denied", ERROR_DENIED, "log in first, or check the name: podman login REGISTRY"},
        {"denied:", ERROR_DENIED, "log in first: podman login REGISTRY"},
        {"server gave HTTP response", ERROR_UNAVAILABLE, "name the registry as insecure in registries.conf"},
        {"certificate", ERROR_UNAVAILABLE, "the registry's certificate is not trusted here"},
        {"no such host", ERROR_UNAVAILABLE, "is the network up? the registry's name is not known"},
        {"Temporary failure in name resolution", ERROR_UNAVAILABLE, "is the network up? no name can be resolved"},
        {"server misbehaving", ERROR_UNAVAILABLE, "is the network up? no name can be resolved"},
        {"connection refused", ERROR_UNAVAILABLE, "nobody answers at the registry: is the network up?"},
        {"i/o timeout", ERROR_UNAVAILABLE, "the registry does not answer: is the network up?"},
        {"network is unreachable", ERROR_UNAVAILABLE, "is the network up?"},
        {"toomanyrequests", ERROR_UNAVAILABLE, "the registry asks to wait: log in with podman login, or try later"},
        {"no space left", ERROR_SYS, "free some space: podman system df tells what images take"},
    };
    const char *said = j->pull.error;
    const char *reason = strrchr(said, ':') ? said : "it failed silently";
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (strstr(said, table[i].says)) {
            error_hint(err, table[i].code, table[i].hint, "%s cannot be pulled: %.200s", j->ref, reason);
            return;
        }
    }
    error_set(err, ERROR_EXIT, "%s cannot be pulled (exit %d): %.200s", j->ref, code, said[0] != '\0' ? said : reason);
}

static void on_pull_exit(void *arg, int code, int signal)
{
    struct image_job *j = arg;
    struct error err = ERROR_INIT;
    (void)signal;
    if (code != 0) {
        explain_pull(j, code, &err);
    }
    job_end(j, code != 0 ? &err : NULL);
}

int image_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err)
{
    struct image_job **at = find(r->be, ref);
    if (*at) {
        join(*at, r, done);
        return 0;
    }
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    const char *const args[] = {"pull", ref, NULL};
    struct image_job *j = job_new(at, r->be, ref, false);
    pull_parse_init(&j->pull);
    podman_cli_argv(r->be->target_url, args, &argv);
    podman_cli_env(NULL, &env);
    strvec_setenv(&env, "TERM", "xterm");
    struct pty_opts opts = {.argv = (const char *const *)argv.v,
                            .env = (const char *const *)env.v,
                            .cwd = "/",
                            .cols = PULL_COLS,
                            .rows = 50,
                            .on_data = on_pull_data,
                            .on_exit = on_pull_exit,
                            .arg = j};
    if (pty_start(&j->pty, r->be->loop, &opts, err) < 0) {
        unlink_job(j);
        job_free(j);
        return -1;
    }
    join(j, r, done);
    return 0;
}

/* --- build --- */

static void on_build_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct image_job *j = arg;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    int percent, step, steps;
    const char *what;
    char text[200];
    (void)stream;
    utf8_sanitize(&clean, line, MT_MIN(len, 300), false);
    if (build_parse_step(clean.buf, &percent, &step, &steps, &what)) {
        str_format(j->step, sizeof(j->step), "step %d of %d: %.120s", step, steps, what);
        job_progress(j, j->step, percent);
    } else if (clean.len > 0 && strncmp(clean.buf, "--> ", 4) != 0) {
        if (strncmp(clean.buf, "Error: ", 7) != 0) {
            str_copy(j->last, sizeof(j->last), clean.buf);
        }
        str_format(text, sizeof(text), "%.60s%s%.120s", j->step, j->step[0] != '\0' ? "  " : "", clean.buf);
        job_progress(j, text, j->percent);
    }
}

/* A step that failed ends podman with its own code; the step and its last words are what helps. */
static void on_build_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct image_job *j = arg;
    struct error mine = err ? *err : ERROR_INIT;
    j->proc = NULL;
    if (err && err->code == ERROR_EXIT && j->step[0] != '\0' && res->exit_code != 125) {
        error_hint(&mine, ERROR_EXIT, "mend that step and start again", "the build failed (exit %d) at %s%s%s",
                   res->exit_code, j->step, j->last[0] != '\0' ? ": " : "", j->last);
    }
    job_end(j, err ? &mine : NULL);
}

int image_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                    struct error *err)
{
    struct image_job **at = find(r->be, tag);
    if (*at) {
        join(*at, r, done);
        return 0;
    }
    const char *const args[] = {"build", "--force-rm", "--tag", tag, "--file", file, context, NULL};
    struct image_job *j = job_new(at, r->be, tag, true);
    struct cli_opts opts = {
        .args = args, .keep_exit = true, .on_line = on_build_line, .on_done = on_build_done, .arg = j};
    if (podman_cli_start(&j->proc, r->be, &opts, err) < 0) {
        unlink_job(j);
        job_free(j);
        return -1;
    }
    join(j, r, done);
    return 0;
}

void podman_images_close(struct backend *be)
{
    struct image_job *next;
    for (struct image_job *j = be->images ? be->images->jobs : NULL; j; j = next) {
        next = j->next;
        j->be = NULL;
        if (j->proc) {
            proc_kill(j->proc);
        } else {
            job_free(j);
        }
    }
    free(be->images);
    be->images = NULL;
}
