/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/image_job.h"

#include <stdlib.h>
#include <string.h>

#include "backends/flight.h"
#include "backends/podman/pull_parse.h"
#include "core/io/pty.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define PULL_COLS 160 /* podman's bars need room for their numbers */

struct image_job {
    struct flight flight; /* first: the job is known by it */
    bool is_build;
    struct pty *pty;
    struct proc *proc;
    struct pull_parse pull;
    char step[160], last[200]; /* of a build: the step it is at, its last words */
};

struct podman_images {
    struct flight_list jobs;
};

/* Nobody waits for it any more. The terminal's hang-up ends a pull. */
static bool abandon(struct flight *f)
{
    struct image_job *j = (struct image_job *)f;
    if (j->proc) {
        proc_kill(j->proc);
    }
    return j->proc != NULL;
}

static void job_release(struct flight *f)
{
    struct image_job *j = (struct image_job *)f;
    pty_close(j->pty);
    free(j);
}

/* The jobs of the backend. */
static struct flight_list *jobs_of(struct backend *be)
{
    if (!be->images) {
        be->images = xcalloc(1, sizeof(*be->images));
    }
    return &be->images->jobs;
}

static struct image_job *job_new(struct backend *be, const char *ref, bool is_build)
{
    struct image_job *j = xcalloc(1, sizeof(*j));
    j->is_build = is_build;
    j->flight.abandon = abandon;
    j->flight.release = job_release;
    flight_init(&j->flight, jobs_of(be), be->loop, ref);
    return j;
}

/* It is over for this one. */
static void on_told(void *arg, const struct error *err)
{
    struct request *r = arg;
    r->on_cancel = NULL;
    r->image_done(r, err);
}

void image_job_leave(struct request *r)
{
    flight_leave(jobs_of(r->be), r);
}

/* Waits for a job that runs. */
static void join(struct flight *f, struct request *r, image_job_fn done)
{
    r->image_done = done;
    r->on_cancel = image_job_leave;
    flight_join(f, r->call, on_told, r);
}

/* --- pull --- */

static void on_pull_data(void *arg, const char *data, size_t len)
{
    struct image_job *j = arg;
    char text[200];
    pull_parse_feed(&j->pull, data, len);
    int percent = pull_parse_progress(&j->pull, text, sizeof(text));
    flight_progress(&j->flight, text, percent);
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
            error_hint(err, table[i].code, table[i].hint, "%s cannot be pulled: %.200s", j->flight.ref, reason);
            return;
        }
    }
    error_set(err, ERROR_EXIT, "%s cannot be pulled (exit %d): %.200s", j->flight.ref, code,
              said[0] != '\0' ? said : reason);
}

static void on_pull_exit(void *arg, int code, int signal)
{
    struct image_job *j = arg;
    struct error err = ERROR_INIT;
    (void)signal;
    if (code != 0) {
        explain_pull(j, code, &err);
    }
    flight_end(&j->flight, code != 0 ? &err : NULL);
}

int image_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err)
{
    struct flight *known = flight_find(jobs_of(r->be), ref);
    if (known) {
        join(known, r, done);
        return 0;
    }
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    const char *const args[] = {"pull", ref, NULL};
    struct image_job *j = job_new(r->be, ref, false);
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
        flight_drop(&j->flight);
        return -1;
    }
    join(&j->flight, r, done);
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
        flight_progress(&j->flight, j->step, percent);
    } else if (clean.len > 0 && strncmp(clean.buf, "--> ", 4) != 0) {
        if (strncmp(clean.buf, "Error: ", 7) != 0) {
            str_copy(j->last, sizeof(j->last), clean.buf);
        }
        str_format(text, sizeof(text), "%.60s%s%.120s", j->step, j->step[0] != '\0' ? "  " : "", clean.buf);
        flight_progress(&j->flight, text, j->flight.percent);
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
    flight_end(&j->flight, err ? &mine : NULL);
}

int image_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                    struct error *err)
{
    struct flight *known = flight_find(jobs_of(r->be), tag);
    if (known) {
        join(known, r, done);
        return 0;
    }
    const char *const args[] = {"build", "--force-rm", "--tag", tag, "--file", file, context, NULL};
    struct image_job *j = job_new(r->be, tag, true);
    struct cli_opts opts = {
        .args = args, .keep_exit = true, .on_line = on_build_line, .on_done = on_build_done, .arg = j};
    if (podman_cli_start(&j->proc, r->be, &opts, err) < 0) {
        flight_drop(&j->flight);
        return -1;
    }
    join(&j->flight, r, done);
    return 0;
}

void podman_images_close(struct backend *be)
{
    if (be->images) {
        flight_abandon_all(&be->images->jobs);
    }
    free(be->images);
    be->images = NULL;
}
