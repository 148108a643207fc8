/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/image_job.h"

#include <string.h>

#include "backends/podman/pull_parse.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"

struct podman_job {
    struct image_job common; /* first */
    struct pull_parse pull;
    char step[160], last[200]; /* of a build: the step it is at, its last words */
};

/* --- pull --- */

static void on_pull_data(void *arg, const char *data, size_t len)
{
    struct podman_job *j = arg;
    char text[200];
    pull_parse_feed(&j->pull, data, len);
    int percent = pull_parse_progress(&j->pull, text, sizeof(text));
    flight_progress(&j->common.flight, text, percent);
}

/* What a pull says when it fails, and what to do then. Texts of podman 4.3.1; those of registries vary. */
static void explain_pull(struct image_job *job, int code, struct error *err)
{
    const struct podman_job *j = (const struct podman_job *)job;
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
            error_hint(err, table[i].code, table[i].hint, "%s cannot be pulled: %.200s", j->common.flight.ref, reason);
            return;
        }
    }
    error_set(err, ERROR_EXIT, "%s cannot be pulled (exit %d): %.200s", j->common.flight.ref, code,
              said[0] != '\0' ? said : reason);
}

int podman_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err)
{
    if (image_job_join(r, ref, done)) {
        return 0;
    }
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    const char *const args[] = {"pull", ref, NULL};
    struct podman_job *j = (struct podman_job *)image_job_new(r, sizeof(*j), ref);
    pull_parse_init(&j->pull);
    j->common.explain_pull = explain_pull;
    podman_cli_argv(r->be->target_url, args, &argv);
    podman_cli_env(NULL, &env);
    return image_job_pull(r, &j->common, &argv, &env, on_pull_data, done, err);
}

/* --- build --- */

static void on_build_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct podman_job *j = arg;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    int percent, step, steps;
    const char *what;
    char text[200];
    (void)stream;
    utf8_sanitize(&clean, line, MT_MIN(len, 300), false);
    if (build_parse_step(clean.buf, &percent, &step, &steps, &what)) {
        str_format(j->step, sizeof(j->step), "step %d of %d: %.120s", step, steps, what);
        flight_progress(&j->common.flight, j->step, percent);
    } else if (clean.len > 0 && strncmp(clean.buf, "--> ", 4) != 0) {
        if (strncmp(clean.buf, "Error: ", 7) != 0) {
            str_copy(j->last, sizeof(j->last), clean.buf);
        }
        str_format(text, sizeof(text), "%.60s%s%.120s", j->step, j->step[0] != '\0' ? "  " : "", clean.buf);
        flight_progress(&j->common.flight, text, j->common.flight.percent);
    }
}

/* A step that failed ends podman with its own code; the step and its last words are what helps. */
static void on_build_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct podman_job *j = arg;
    struct error mine = err ? *err : ERROR_INIT;
    j->common.proc = NULL;
    if (err && err->code == ERROR_EXIT && j->step[0] != '\0' && res->exit_code != 125) {
        error_hint(&mine, ERROR_EXIT, "mend that step and start again", "the build failed (exit %d) at %s%s%s",
                   res->exit_code, j->step, j->last[0] != '\0' ? ": " : "", j->last);
    }
    flight_end(&j->common.flight, err ? &mine : NULL);
}

int podman_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                     struct error *err)
{
    if (image_job_join(r, tag, done)) {
        return 0;
    }
    const char *const args[] = {"build", "--force-rm", "--tag", tag, "--file", file, context, NULL};
    struct podman_job *j = (struct podman_job *)image_job_new(r, sizeof(*j), tag);
    struct cli_opts opts = {
        .args = args, .keep_exit = true, .on_line = on_build_line, .on_done = on_build_done, .arg = j};
    return image_job_build(r, &j->common, &opts, done, err);
}
