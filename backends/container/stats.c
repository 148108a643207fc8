/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/container/container_private.h"
#include "core/util/xmalloc.h"

/* STATS. One `stats` takes two seconds and more, because it samples twice; so there is one for all sandboxes at a time,
 * and whoever asks meanwhile gets its answer. CPU is a total since the start: shares are worked out by who asks twice.
 */

#define STATS_TIMEOUT_MS 20000
#define STATS_MAX_BYTES (4u << 20)

struct ctr_sampler {
    struct backend *be; /* NULL: stopped, freed when the command has ended */
    struct proc *proc;
    struct request **waiting;
    size_t waiting_count;
    struct ctr_sample *samples; /* of the answer that is handed out */
    size_t sample_count;
    bool ending; /* inside on_done: not to be freed by what it calls */
};

static void sampler_free(struct ctr_sampler *s)
{
    free(s->waiting);
    free(s->samples);
    free(s);
}

/* Takes a request out of the queue. */
static void on_release(struct request *r)
{
    struct ctr_sampler *s = r->be->sampler;
    for (size_t i = 0; s && i < s->waiting_count; i++) {
        if (s->waiting[i] == r) {
            s->waiting[i] = s->waiting[--s->waiting_count];
            return;
        }
    }
}

static void on_cancel(struct request *r)
{
    ctr_finish(r, NULL);
}

static void keep_sample(void *arg, const struct ctr_sample *sample)
{
    struct ctr_sampler *s = arg;
    s->samples = xreallocarray(s->samples, s->sample_count + 1, sizeof(*s->samples));
    s->samples[s->sample_count++] = *sample;
}

static void answer(struct request *r, const struct ctr_sampler *s, const struct error *failed)
{
    struct error why = ERROR_INIT;
    for (size_t i = 0; !failed && i < s->sample_count; i++) {
        if (strcmp(s->samples[i].container, r->container) == 0) {
            r->call->stats = s->samples[i].stats;
            ctr_finish(r, NULL);
            return;
        }
    }
    if (!failed) {
        error_set(&why, ERROR_UNAVAILABLE, "no figures of sandbox %s: it does not run", r->call->name);
    }
    ctr_finish(r, failed ? failed : &why);
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct ctr_sampler *s = arg;
    struct error why = err ? *err : ERROR_INIT;
    s->proc = NULL;
    if (!s->be) {
        sampler_free(s);
        return;
    }
    s->sample_count = 0;
    bool failed = err != NULL;
    if (!failed && ctr_parse_stats(res->out->buf, res->out->len, keep_sample, s, &why) < 0) {
        failed = true;
    }
    s->ending = true;
    /* Those that ask inside the answers wait for the next one. */
    for (size_t n = s->waiting_count; n > 0 && s->waiting_count > 0; n--) {
        answer(s->waiting[0], s, failed ? &why : NULL);
    }
    s->ending = false;
    if (!s->be) {
        sampler_free(s);
    }
}

static int start_stats(struct ctr_sampler *s, struct error *err)
{
    static const char *const args[] = {"stats", "--no-stream", "--format", "json", NULL};
    struct cli_opts opts = {.args = args,
                            .capture_max_bytes = STATS_MAX_BYTES,
                            .timeout_ms = STATS_TIMEOUT_MS,
                            .on_done = on_done,
                            .arg = s};
    return ctr_cli_start(&s->proc, s->be, &opts, err);
}

static int ask(struct request *r, struct error *err)
{
    struct backend *be = r->be;
    if (!ctr_has(be, CTR_STATS)) {
        return error_hint(err, ERROR_INVALID, "update container to 0.7 or newer", "container %s counts nothing",
                          be->facts.version_text);
    }
    if (!be->sampler) {
        be->sampler = xcalloc(1, sizeof(*be->sampler));
        be->sampler->be = be;
    }
    struct ctr_sampler *s = be->sampler;
    if (!s->proc && start_stats(s, err) < 0) {
        return -1;
    }
    s->waiting = xreallocarray(s->waiting, s->waiting_count + 1, sizeof(struct request *));
    s->waiting[s->waiting_count++] = r;
    r->release = on_release;
    r->on_cancel = on_cancel;
    return 0;
}

int ctr_stats(struct request *r, struct error *err)
{
    return ctr_need_facts(r, ask, err);
}

void ctr_stats_close(struct backend *be)
{
    struct ctr_sampler *s = be->sampler;
    if (!s) {
        return;
    }
    be->sampler = NULL;
    s->be = NULL;
    if (s->proc) {
        proc_kill(s->proc);
    } else if (!s->ending) {
        sampler_free(s);
    }
}
