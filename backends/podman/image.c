/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/image_chain.h"
#include "backends/podman/args.h"
#include "backends/podman/image_job.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* Images (image_chain.h), and making one of a container. */

#define INSPECT_TIMEOUT_MS 30000
#define COMMIT_TIMEOUT_MS 600000

/* Asks for the id of an image; then gets an empty text when it is not here. */
static int ask_id(struct request *r, const char *ref,
                  void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
                  struct error *err)
{
    const char *const args[] = {"image", "inspect", "--format", "{{.Id}}", ref, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 4096, .timeout_ms = INSPECT_TIMEOUT_MS};
    return podman_run(r, &opts, then, err);
}

/* The id out of an answer, as ps tells it; false: there is no such image. Other failures are left to the caller by err.
 */
static bool take_id(const struct proc_result *res, const struct error *err, char out[PODMAN_IMAGE_ID_MAX])
{
    podman_parse_image_id(!err && res->out->len > 0 ? res->out->buf : "", out);
    return out[0] != '\0';
}

/* --- BACKEND_IMAGE --- */

static void on_asked(struct request *r, const struct proc_result *res, const struct error *err)
{
    char id[PODMAN_IMAGE_ID_MAX];
    struct error mine = err ? *err : ERROR_INIT;
    bool here = take_id(res, err, id);
    bool killed = err && err->code == ERROR_EXIT && res->signal != 0; /* that says nothing about the image */
    if (!here && !killed && (!err || err->code == ERROR_EXIT)) {
        error_set(&mine, ERROR_NOT_FOUND, "no such image");
    }
    image_chain_asked(r->state, id, here ? NULL : &mine);
}

static void on_made(struct request *r, const struct error *err)
{
    image_chain_made(r->state, err);
}

static int chain_ask(void *request, const char *ref, struct error *err)
{
    return ask_id(request, ref, on_asked, err);
}

static int chain_pull(void *request, const char *ref, struct error *err)
{
    return podman_job_pull(request, ref, on_made, err);
}

static int chain_build(void *request, const char *tag, const char *file, const char *context, struct error *err)
{
    return podman_job_build(request, tag, file, context, on_made, err);
}

static void chain_finish(void *request, const struct error *err)
{
    podman_finish(request, err);
}

static const struct image_ops chain_ops = {
    .default_image = "debian:13-slim", /* S3 */
    .ask = chain_ask,
    .pull = chain_pull,
    .build = chain_build,
    .finish = chain_finish,
};

static void release_chain(struct request *r)
{
    image_chain_free(r->state);
}

int podman_image(struct request *r, struct error *err)
{
    r->state = image_chain_new(&chain_ops, r->call, r->be->state, r);
    r->release = release_chain;
    return image_chain_run(r->state, err);
}

/* --- BACKEND_COMMIT --- */

struct committing {
    char before[PODMAN_IMAGE_ID_MAX]; /* id that the tag had */
};

static void release_commit(struct request *r)
{
    free(r->state);
}

/* The one that had the name before is of no use any more, unless something still runs on it. */
static void on_old_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (err) {
        log_info("the image before %s stays: %s", r->call->tag, err->msg);
    }
    podman_finish(r, NULL);
}

static void on_committed(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = r->state;
    const char *const args[] = {"rmi", c->before, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = INSPECT_TIMEOUT_MS};
    struct error mine = ERROR_INIT;
    take_id(res, err, r->call->image_id);
    if (err || c->before[0] == '\0' || strcmp(c->before, r->call->image_id) == 0) {
        podman_finish(r, err);
    } else if (podman_run(r, &opts, on_old_removed, &mine) < 0) {
        podman_finish(r, NULL);
    }
}

/* The labels that make a container ours must not come with the image: whoever runs it would be taken for a sandbox.
 * Nor what was true of that one only. */
static void on_before(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = r->state;
    struct error mine = ERROR_INIT;
    take_id(res, err, c->before);
    const char *const args[] = {"commit",      "--quiet",
                                "--change",    "LABEL muthr.managed=",
                                "--change",    "LABEL muthr.owner=",
                                "--change",    "LABEL muthr.project=",
                                "--change",    "LABEL muthr.config-hash=",
                                "--change",    ("LABEL " PODMAN_LABEL_PORTS "="),
                                "--change",    ("LABEL " PODMAN_LABEL_WARNING "="),
                                r->call->name, r->call->tag,
                                NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 4096, .timeout_ms = COMMIT_TIMEOUT_MS};
    if (podman_run(r, &opts, on_committed, &mine) < 0) {
        podman_finish(r, &mine);
    }
}

static int on_owned(struct request *r, const struct podman_seen *seen, struct error *err)
{
    (void)seen;
    return ask_id(r, r->call->tag, on_before, err);
}

int podman_commit(struct request *r, struct error *err)
{
    if (!r->call->tag) {
        return error_set(err, ERROR_INVALID, "an image needs a name");
    }
    r->state = xcalloc(1, sizeof(struct committing));
    r->release = release_commit;
    return podman_owned(r, on_owned, err);
}
