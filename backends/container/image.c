/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/image_job.h"
#include "backends/container/image_parse.h"
#include "backends/image_chain.h"
#include "core/util/strbuf.h"

/* IMAGE (image_chain.h). */

#define ANSWER_MAX (8u << 20) /* every variant with its history */
#define INSPECT_TIMEOUT_MS 30000

/* The answer to `image inspect`: a name that is not there is an error from 1.0 on; before, it is left out of the list
 * and makes the command end with 1. */
static void on_asked(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct ctr_image img = {.id = ""};
    struct error mine = err ? *err : ERROR_INIT;
    if (!err && ctr_image_parse(res->out->buf, res->out->len, ctr_image_arch(), &img, &mine) == 0 &&
        img.id[0] == '\0') {
        error_set(&mine, ERROR_PARSE, "container image inspect: an image without a digest");
    }
    if (err && err->code == ERROR_EXIT && !res->signal) {
        mine.code = ERROR_NOT_FOUND;
    }
    image_chain_asked(r->state, img.id, mine.code != ERROR_NONE ? &mine : NULL);
    if (!err) {
        ctr_image_release(&img);
    }
}

static int chain_ask(void *request, const char *ref, struct error *err)
{
    const char *const args[] = {"image", "inspect", ref, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = ANSWER_MAX, .timeout_ms = INSPECT_TIMEOUT_MS};
    if (ref[0] == '-') {
        return error_set(err, ERROR_INVALID, "'%.100s' is no name of an image", ref);
    }
    return ctr_run(request, &opts, on_asked, err);
}

static void on_made(struct request *r, const struct error *err)
{
    image_chain_made(r->state, err);
}

static int chain_pull(void *request, const char *ref, struct error *err)
{
    return ctr_job_pull(request, ref, on_made, err);
}

static int chain_build(void *request, const char *tag, const char *file, const char *context, struct error *err)
{
    return ctr_job_build(request, tag, file, context, on_made, err);
}

static void chain_finish(void *request, const struct error *err)
{
    ctr_finish(request, err);
}

static const struct image_ops chain_ops = {
    .default_image = CTR_DEFAULT_IMAGE, /* S3 */
    .from_by_name = true,
    .ask = chain_ask,
    .pull = chain_pull,
    .build = chain_build,
    .finish = chain_finish,
};

static void release_chain(struct request *r)
{
    image_chain_free(r->state);
}

static int run_chain(struct request *r, struct error *err)
{
    return image_chain_run(r->state, err);
}

int ctr_image_submit(struct request *r, struct error *err)
{
    r->state = image_chain_new(&chain_ops, r->call, r->be->state, r);
    r->release = release_chain;
    return ctr_need_facts(r, run_chain, err);
}
