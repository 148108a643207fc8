/* SPDX-License-Identifier: Apache-2.0 */
/* Processor and memory of the sandboxes that somebody looks at. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/hosts.h"
#include "core/util/xmalloc.h"

#define STATS_MS 2000

struct stat_call {
    struct engine *e;
    const struct slot *slot;
    workspace_id ws;
    char name[96];
    struct backend_call call;
    struct stat_call *next;
};

/* One answer, or none. */
static void on_stats(struct backend_call *call, const struct error *err)
{
    struct stat_call *c = call->arg;
    struct engine *e = c->e;
    struct stat_call **at = &e->stat_calls;
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    model_set_stats(e->opts.model, c->ws, err == NULL ? &call->stats : NULL);
    backend_call_release(call);
    free(c);
    e->pending--;
    engine_settle(e);
}

/* Asks for one sandbox unless the last answer is still owed. */
static void ask_stats(struct engine *e, const struct workspace *ws)
{
    struct slot *slot;
    for (const struct stat_call *c = e->stat_calls; c != NULL; c = c->next) {
        if (c->ws == ws->id) {
            return;
        }
    }
    if (slots_find(e, ws->sandbox, &slot, NULL) == NULL || slot->be == NULL ||
        (slot->probe.caps & BACKEND_CAP_STATS) == 0) {
        return;
    }
    struct stat_call *c = xcalloc(1, sizeof(*c));
    c->e = e;
    c->slot = slot;
    c->ws = ws->id;
    hosts_bare(ws->sandbox, ws->name, slot->ops->caps, c->name);
    c->call.verb = BACKEND_STATS;
    c->call.name = c->name;
    c->call.done = on_stats;
    c->call.arg = c;
    c->next = e->stat_calls;
    e->stat_calls = c;
    e->pending++;
    slot->ops->submit(slot->be, &c->call);
}

void stats_on_timer(void *arg)
{
    struct engine *e = arg;
    for (size_t i = 0; i < e->watched_count; i++) {
        const struct workspace *ws = model_workspace(e->opts.model, e->watched[i]);
        if (ws != NULL && ws->have_info && ws->info.state == SANDBOX_RUNNING) {
            ask_stats(e, ws);
        }
    }
}

void stats_cancel(struct engine *e)
{
    for (struct stat_call *c = e->stat_calls; c != NULL; c = c->next) {
        c->slot->ops->cancel(c->slot->be, &c->call);
    }
}

void engine_watch_stats(struct engine *e, const workspace_id *ids, size_t count)
{
    free(e->watched);
    e->watched = NULL;
    e->watched_count = e->closing ? 0 : count;
    if (e->watched_count == 0) {
        timer_stop(e->stats);
        return;
    }
    e->watched = xcalloc(count, sizeof(*e->watched));
    memcpy(e->watched, ids, count * sizeof(*ids));
    if (!timer_is_active(e->stats)) {
        stats_on_timer(e);
        timer_repeat(e->stats, STATS_MS); /* no runtime reports use by itself; only while someone looks */
    }
}
