/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/watch.h"

#include <stdlib.h>
#include <string.h>

#include "backends/container/container_private.h"
#include "core/util/clock.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* The only source of changes: there are no events. One `container list` at a time, none while nobody listens; every
 * second while something changes or a verb of ours is at work, then ever slower. What each container looked like is
 * kept as a number; who looks different is reported by name. A list that fails is reported once, and once more when it
 * works again. */

#define LIST_TIMEOUT_MS 15000
#define LIST_MAX_BYTES (16u << 20)
#define NAMES_MAX 4 /* beyond that one look at all is cheaper */

struct ctr_pace ctr_watch_pace = {.fast_ms = 1000, .lasts_ms = 10000, .slow_ms = 20000};

uint64_t ctr_pace_next(const struct ctr_pace *p, bool busy, uint64_t quiet_ms, uint64_t last_ms)
{
    if (busy || quiet_ms < p->lasts_ms || last_ms == 0) {
        return p->fast_ms;
    }
    return MT_MIN(MT_MAX(last_ms, p->fast_ms) * 2, p->slow_ms);
}

/* One container as of the last look. */
struct mark {
    char name[96];
    uint64_t looks;
    bool seen;
};

struct ctr_watcher {
    struct backend *be; /* NULL: stopped, freed when the command has ended */
    struct proc *proc;
    struct timer *timer;
    struct mark *marks;
    size_t mark_count;
    struct strvec changed;
    bool first, failing, busy; /* busy: one of them is on its way to another state */
    uint64_t pause_ms, sign_ms;
};

static void watcher_free(struct ctr_watcher *w)
{
    timer_close(w->timer);
    strvec_release(&w->changed);
    free(w->marks);
    free(w);
}

/* Is a verb at work that changes a container? */
static bool verb_at_work(const struct backend *be)
{
    for (const struct request *r = be->requests.first; r; r = r->next) {
        switch (r->call->verb) {
        case BACKEND_CREATE:
        case BACKEND_START:
        case BACKEND_STOP:
        case BACKEND_DELETE:
            return true;
        default:
            break;
        }
    }
    return false;
}

/* Is the engine just looking? Then this look can wait. */
static bool list_at_work(const struct backend *be)
{
    for (const struct request *r = be->requests.first; r; r = r->next) {
        if (r->call->verb == BACKEND_LIST) {
            return true;
        }
    }
    return false;
}

static void look_later(struct ctr_watcher *w)
{
    uint64_t quiet_ms = clock_mono_ms() - w->sign_ms;
    w->pause_ms = ctr_pace_next(&ctr_watch_pace, w->busy || verb_at_work(w->be), quiet_ms, w->pause_ms);
    timer_start(w->timer, w->pause_ms);
}

/* --- what an answer says --- */

static struct mark *find_mark(struct ctr_watcher *w, const char *name)
{
    for (size_t i = 0; i < w->mark_count; i++) {
        if (strcmp(w->marks[i].name, name) == 0) {
            return &w->marks[i];
        }
    }
    return NULL;
}

/* Others' containers count only where one of our names is theirs. */
static void compare(void *arg, const struct ctr_seen *seen)
{
    struct ctr_watcher *w = arg;
    uint64_t looks = hash_fnv1a64(seen, sizeof(*seen));
    const char *name = seen->info.name;
    if (seen->info.foreign && !seen->info.service && strncmp(name, "muthr-", 6) != 0) {
        return;
    }
    struct mark *m = find_mark(w, name);
    if (!m) {
        w->marks = xreallocarray(w->marks, w->mark_count + 1, sizeof(*w->marks));
        m = &w->marks[w->mark_count++];
        memset(m, 0, sizeof(*m));
        str_copy(m->name, sizeof(m->name), name);
    }
    if (m->looks != looks) {
        strvec_push(&w->changed, name);
    }
    m->looks = looks;
    m->seen = true;
    w->busy = w->busy || seen->info.halted;
}

/* Those that are gone changed, too. */
static void drop_gone(struct ctr_watcher *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->mark_count; i++) {
        if (w->marks[i].seen) {
            w->marks[kept] = w->marks[i];
            w->marks[kept++].seen = false;
        } else {
            strvec_push(&w->changed, w->marks[i].name);
        }
    }
    w->mark_count = kept;
}

/* The listener may end the watch: then nothing is reported any more. */
static void report(struct ctr_watcher *w, bool all)
{
    struct backend *be = w->be;
    struct strvec names = w->changed;
    w->changed = STRVEC_INIT;
    if (all || names.len) {
        w->sign_ms = clock_mono_ms();
    }
    look_later(w);
    if (all || names.len > NAMES_MAX) {
        be->change(be->change_arg, NULL);
    } else {
        for (size_t i = 0; i < names.len && be->watcher == w && be->change; i++) {
            be->change(be->change_arg, names.v[i]);
        }
    }
    strvec_release(&names);
}

static void on_listed(void *arg, const struct proc_result *res, const struct error *err)
{
    struct ctr_watcher *w = arg;
    struct error why = err ? *err : ERROR_INIT;
    w->proc = NULL;
    if (!w->be) {
        watcher_free(w);
        return;
    }
    bool failed = err || false, was_failing = w->failing;
    w->busy = false;
    if (!failed && ctr_parse_list(res->out->buf, res->out->len, compare, w, &why) < 0) {
        failed = true;
    }
    if (failed) { /* half an answer has told nothing about those it left out */
        for (size_t i = 0; i < w->mark_count; i++) {
            w->marks[i].seen = false;
        }
        strvec_clear(&w->changed);
        if (!was_failing) {
            log_warn("changes are not seen: %s", why.msg);
        }
    } else {
        drop_gone(w);
    }
    w->failing = failed;
    bool all = failed != was_failing || (w->first && !failed);
    w->first = w->first && failed;
    report(w, all);
}

/* --- the looks --- */

static void on_timer(void *arg)
{
    static const char *const args[] = {"list", "--all", "--format", "json", NULL};
    struct ctr_watcher *w = arg;
    struct error err = ERROR_INIT;
    struct cli_opts opts = {.args = args,
                            .capture_max_bytes = LIST_MAX_BYTES,
                            .timeout_ms = LIST_TIMEOUT_MS,
                            .on_done = on_listed,
                            .arg = w};
    if (list_at_work(w->be)) {
        timer_start(w->timer, ctr_watch_pace.fast_ms);
    } else if (!w->proc && ctr_cli_start(&w->proc, w->be, &opts, &err) < 0) {
        log_warn("changes are not seen: %s", err.msg);
        look_later(w);
    }
}

void ctr_watch_hurry(struct backend *be)
{
    struct ctr_watcher *w = be->watcher;
    if (!w) {
        return;
    }
    w->sign_ms = clock_mono_ms();
    if (w->pause_ms > ctr_watch_pace.fast_ms && !w->proc) {
        w->pause_ms = ctr_watch_pace.fast_ms;
        timer_start(w->timer, w->pause_ms);
    }
}

void ctr_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    struct ctr_watcher *w = be->watcher;
    (void)arg;
    if (fn && !w) {
        w = be->watcher = xcalloc(1, sizeof(*w));
        w->be = be;
        w->changed = STRVEC_INIT;
        w->first = true;
        w->sign_ms = clock_mono_ms();
        w->pause_ms = ctr_watch_pace.fast_ms;
        w->timer = timer_new(be->loop, on_timer, w);
        timer_start(w->timer, w->pause_ms); /* whoever begins to watch has just looked */
    } else if (!fn && w) {
        be->watcher = NULL;
        w->be = NULL;
        timer_stop(w->timer);
        if (w->proc) {
            proc_kill(w->proc);
        } else {
            watcher_free(w);
        }
    }
}
