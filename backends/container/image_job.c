/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/image_job.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/container/classify.h"
#include "backends/container/image_parse.h"
#include "backends/container/progress.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"

#define BUILD_TIMEOUT_MS 7200000

struct ctr_job {
    struct image_job common; /* first */
    struct ctr_progress pull;
    struct ctr_build build;
};

/* --- pull --- */

static void on_pull_data(void *arg, const char *data, size_t len)
{
    struct ctr_job *j = arg;
    char text[300];
    ctr_progress_feed(&j->pull, data, len);
    int percent = ctr_progress_show(&j->pull, text, sizeof(text));
    flight_progress(&j->common.flight, text, percent);
}

/* What a pull says when it fails, and what to do then. Texts of containerization's registry client. */
static void explain_pull(struct image_job *job, int code, struct error *err)
{
    struct ctr_job *j = (struct ctr_job *)job;
    static const struct {
        const char *says;
        enum error_code code;
        const char *hint;
    } table[] = {
        {"404", ERROR_NOT_FOUND, "check the name and the tag: the registry has no such image"},
        {"anifest unknown", ERROR_NOT_FOUND, "check the name and the tag: the registry has no such image"},
        {"does not support required platforms", ERROR_NOT_FOUND, "the image is not made for this machine's processor"},
        {"invalid reference", ERROR_INVALID, "check the image's name in the profile"},
        {"401", ERROR_DENIED, "log in first: container registry login REGISTRY"},
        {"403", ERROR_DENIED, "log in first, or check the name: container registry login REGISTRY"},
        {"nauthorized", ERROR_DENIED, "log in first: container registry login REGISTRY"},
        {"429", ERROR_UNAVAILABLE, "the registry asks to wait: log in with container registry login, or try later"},
        {"ertificate", ERROR_UNAVAILABLE, "the registry's certificate is not trusted here"},
        {"onnection refused", ERROR_UNAVAILABLE, "nobody answers at the registry: is the network up?"},
        {"timed out", ERROR_UNAVAILABLE, "the registry does not answer: is the network up?"},
        {"NIOConnectionError", ERROR_UNAVAILABLE, "the registry cannot be reached: is the network up?"},
        {"DNS", ERROR_UNAVAILABLE, "is the network up? no name can be resolved"},
        {"No space left", ERROR_SYS, "free some space: container image prune removes what nothing uses"},
    };
    ctr_progress_feed(&j->pull, "\n", 1); /* what stands on an open line */
    const char *said = j->pull.error[0] != '\0' ? j->pull.error : j->pull.last;
    if (said[0] == '\0') {
        error_set(err, ERROR_EXIT, "%s cannot be pulled: exit %d without a word", j->common.flight.ref, code);
        return;
    }
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    strbuf_addf(&line, "Error: %s", said);
    ctr_classify(code, line.buf, err); /* the service may be down */
    if (ctr_is_service_down(line.buf)) {
        return;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (strstr(said, table[i].says)) {
            error_hint(err, table[i].code, table[i].hint, "%s cannot be pulled: %.200s", j->common.flight.ref, said);
            return;
        }
    }
    error_set(err, ERROR_EXIT, "%s cannot be pulled (exit %d): %.200s", j->common.flight.ref, code, said);
}

int ctr_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err)
{
    if (image_job_join(r, ref, done)) {
        return 0;
    }
    if (ref[0] == '-') {
        return error_set(err, ERROR_INVALID, "'%.100s' is no name of an image", ref);
    }
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT, env = STRVEC_INIT, args = STRVEC_INIT;
    strvec_pushl(&args, "image", "pull", NULL);
    if (ctr_has(r->be, CTR_PROGRESS_PLAIN)) {
        strvec_pushl(&args, "--progress", "plain", NULL);
    }
    strvec_push(&args, ref);
    struct ctr_job *j = (struct ctr_job *)image_job_new(r, sizeof(*j), ref);
    ctr_progress_init(&j->pull);
    j->common.explain_pull = explain_pull;
    ctr_cli_argv((const char *const *)args.v, &argv);
    ctr_cli_env(NULL, &env);
    return image_job_pull(r, &j->common, &argv, &env, on_pull_data, done, err);
}

/* --- build --- */

static void on_build_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct ctr_job *j = arg;
    char text[200];
    (void)stream;
    (void)len;
    if (ctr_build_line(&j->build, line) || j->common.flight.text[0] == '\0') {
        ctr_build_show(&j->build, text, sizeof(text));
        flight_progress(&j->common.flight, text, j->build.percent);
    }
}

/* The step and its last words are what helps. */
static void on_build_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct ctr_job *j = arg;
    struct error mine = err ? *err : ERROR_INIT;
    const struct ctr_build *b = &j->build;
    j->common.proc = NULL;
    bool ended = err && err->code != ERROR_CANCELED && err->code != ERROR_TIMEOUT;
    bool in_step = b->failed[0] != '\0' || (ended && strstr(res->err_tail->buf, "did not complete successfully"));
    if (ended && in_step && b->steps > 0) {
        const char *said = b->last[0] != '\0' ? b->last : b->reason[0] != '\0' ? b->reason : err->msg;
        error_hint(&mine, ERROR_EXIT, "mend that step and start again", "the build failed at %s: %s",
                   b->failed[0] != '\0' ? b->failed : b->what, said);
    }
    flight_end(&j->common.flight, err ? &mine : NULL);
}

/* Told before a builder is started for nothing. */
static int check_size(const char *file, struct error *err)
{
    struct stat st;
    if (stat(file, &st) != 0) {
        return error_sys(err, errno, "%s", file);
    }
    if (st.st_size < (off_t)CTR_CONTAINERFILE_MAX) {
        return 0;
    }
    return error_hint(err, ERROR_INVALID, "move what is long in it into a script that it copies and runs",
                      "%s has %lld bytes, and container builds nothing from %u on", file, (long long)st.st_size,
                      CTR_CONTAINERFILE_MAX);
}

int ctr_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                  struct error *err)
{
    if (image_job_join(r, tag, done)) {
        return 0;
    }
    if (check_size(file, err) < 0) {
        return -1;
    }
    const char *const args[] = {"build", "--progress", "plain", "--tag", tag, "--file", file, context, NULL};
    struct ctr_job *j = (struct ctr_job *)image_job_new(r, sizeof(*j), tag);
    ctr_build_init(&j->build);
    struct cli_opts opts = {
        .args = args, .timeout_ms = BUILD_TIMEOUT_MS, .on_line = on_build_line, .on_done = on_build_done, .arg = j};
    return image_job_build(r, &j->common, &opts, done, err);
}
