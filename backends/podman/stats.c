/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/podman/podman_private.h"
#include "core/util/clock.h"
#include "core/util/xmalloc.h"

/* One `podman stats` stream for all sandboxes, kept while somebody asks: a call of its own per question costs 33 ms of
 * CPU each time. Answers come from the latest line; the first question waits for it. */

#define FRESH_MS 5000  /* two ticks and a bit */
#define ANSWER_MS 4000 /* a stream that starts, on a busy machine */
#define UNASKED_MS 10000

struct sample {
    struct podman_sample line;
    uint64_t at_ms;
};

struct podman_sampler {
    struct backend *be; /* NULL: stopped, freed when the stream has ended */
    struct proc *proc;
    struct timer *idle;
    struct sample *samples;
    size_t sample_count;
    struct request **waiting;
    size_t waiting_count;
    uint64_t asked_ms, host_bytes;
    bool ending;             /* inside on_done: not to be freed by what it calls */
    struct error impossible; /* set once: this machine cannot count */
};

bool podman_sample_parse(const char *line, size_t len, uint64_t host_bytes, struct podman_sample *out)
{
    char text[512], name[96];
    unsigned long long cpu, memory, limit, procs;
    int end = 0;
    memset(out, 0, sizeof(*out));
    if (str_format(text, sizeof(text), "%.*s", (int)MT_MIN(len, sizeof(text)), line) < 0 ||
        sscanf(text, "%95s %llu %llu %llu %llu %n", name, &cpu, &memory, &limit, &procs, &end) != 5 ||
        text[end] != '\0') {
        return false;
    }
    str_copy(out->name, sizeof(out->name), name);
    out->stats.cpu_ns = cpu;
    out->stats.memory_bytes = memory;
    out->stats.memory_limit_bytes = host_bytes && limit >= host_bytes ? 0 : limit;
    out->stats.procs = (unsigned)procs;
    return true;
}

/* --- the stream --- */

/* Takes a request out of the queue. */
static void forget(struct podman_sampler *s, const struct request *r)
{
    for (size_t i = 0; i < s->waiting_count; i++) {
        if (s->waiting[i] == r) {
            s->waiting[i] = s->waiting[--s->waiting_count];
            return;
        }
    }
}

static void answer(struct request *r, const struct sample *s)
{
    struct error err = ERROR_INIT;
    if (s->line.stats.procs == 0) {
        /* With nothing running at all podman lists stopped ones, with zeros. */
        error_set(&err, ERROR_UNAVAILABLE, "sandbox %s is not running", r->call->name);
        podman_finish(r, &err);
        return;
    }
    r->call->stats = s->line.stats;
    podman_finish(r, NULL);
}

static struct sample *find_sample(const struct podman_sampler *s, const char *name)
{
    for (size_t i = 0; i < s->sample_count; i++) {
        if (strcmp(s->samples[i].line.name, name) == 0) {
            return &s->samples[i];
        }
    }
    return NULL;
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct podman_sampler *s = arg;
    struct podman_sample parsed;
    if (!s->be || stream != PROC_STDOUT || !podman_sample_parse(line, len, s->host_bytes, &parsed)) {
        return;
    }
    /* Podman counts cached files as use: after an installation every sandbox would look full. */
    uint64_t cache = podman_cache_bytes(s->be, parsed.name);
    parsed.stats.memory_bytes -= MT_MIN(cache, parsed.stats.memory_bytes);
    struct sample *sample = find_sample(s, parsed.name);
    if (!sample) {
        s->samples = xreallocarray(s->samples, s->sample_count + 1, sizeof(*s->samples));
        sample = &s->samples[s->sample_count++];
    }
    *sample = (struct sample){.line = parsed, .at_ms = clock_mono_ms()};
    struct sample copy = *sample; /* answering runs callbacks, which may ask anew */
    for (size_t i = 0; i < s->waiting_count;) {
        struct request *r = s->waiting[i];
        if (strcmp(r->container, copy.line.name) == 0) {
            answer(r, &copy); /* its release takes it out of the queue */
            i = 0;
        } else {
            i++;
        }
    }
}

static void sampler_free(struct podman_sampler *s)
{
    timer_close(s->idle);
    free(s->samples);
    free(s->waiting);
    free(s);
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct podman_sampler *s = arg;
    struct error why = ERROR_INIT;
    s->proc = NULL;
    if (!s->be) {
        sampler_free(s);
        return;
    }
    if (strstr(res->err_tail->buf, "without cgroups v2")) {
        error_hint(&s->impossible, ERROR_INVALID, "boot with cgroups v2, or run podman as root",
                   "podman cannot count what sandboxes use: rootless, and cgroups v1");
        why = s->impossible;
    } else if (err) {
        why = *err;
    } else {
        error_set(&why, ERROR_UNAVAILABLE, "podman stats ended");
    }
    s->ending = true;
    while (s->waiting_count) {
        podman_finish(s->waiting[0], &why);
    }
    s->ending = false;
    if (!s->be) {
        sampler_free(s);
    }
}

static void on_idle(void *arg)
{
    struct podman_sampler *s = arg;
    uint64_t since = clock_mono_ms() - s->asked_ms;
    if (s->waiting_count || since < UNASKED_MS) {
        timer_start(s->idle, s->waiting_count ? UNASKED_MS : UNASKED_MS - since);
    } else if (s->proc) {
        proc_kill(s->proc);
    }
}

static int start_stream(struct podman_sampler *s, struct error *err)
{
    static const char *const args[] = {"stats", "--no-reset", "-i", "2", "--format", PODMAN_STATS_TEMPLATE, NULL};
    struct cli_opts opts = {.args = args, .on_line = on_line, .on_done = on_done, .arg = s};
    s->sample_count = 0; /* of an earlier stream */
    if (podman_cli_start(&s->proc, s->be, &opts, err) < 0) {
        return -1;
    }
    timer_start(s->idle, UNASKED_MS);
    return 0;
}

/* --- the verb --- */

static void on_deadline(struct request *r)
{
    struct error err = ERROR_INIT;
    error_set(&err, ERROR_UNAVAILABLE, "no figures of sandbox %s: it does not run", r->call->name);
    podman_finish(r, &err);
}

static void on_release(struct request *r)
{
    forget(r->be->sampler, r);
}

static struct podman_sampler *sampler_of(struct backend *be)
{
    if (!be->sampler) {
        struct podman_sampler *s = be->sampler = xcalloc(1, sizeof(*s));
        long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
        s->be = be;
        s->idle = timer_new(be->loop, on_idle, s);
        s->host_bytes = !be->target_url && pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
        s->impossible = ERROR_INIT;
    }
    return be->sampler;
}

int podman_stats(struct request *r, struct error *err)
{
    struct podman_sampler *s = sampler_of(r->be);
    if (s->impossible.code != ERROR_NONE) {
        *err = s->impossible;
        return -1;
    }
    s->asked_ms = clock_mono_ms();
    if (!s->proc && start_stream(s, err) < 0) {
        return -1;
    }
    const struct sample *last = find_sample(s, r->container);
    if (last && clock_mono_ms() - last->at_ms < FRESH_MS) {
        answer(r, last);
        return 0;
    }
    s->waiting = xreallocarray(s->waiting, s->waiting_count + 1, sizeof(struct request *));
    s->waiting[s->waiting_count++] = r;
    r->release = on_release;
    podman_wait(r, ANSWER_MS, on_deadline);
    return 0;
}

void podman_stats_close(struct backend *be)
{
    struct podman_sampler *s = be->sampler;
    if (!s) {
        return;
    }
    be->sampler = NULL;
    s->be = NULL;
    timer_stop(s->idle);
    if (s->proc) {
        proc_kill(s->proc);
    } else if (!s->ending) {
        sampler_free(s);
    }
}
