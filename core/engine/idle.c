/* SPDX-License-Identifier: Apache-2.0 */
/* S8: a sandbox that nobody uses is stopped. Nothing is polled: what happens to sandboxes, sessions and ops is heard
 * from the bus, and one timer stands at the next moment at which a countdown begins or ends.
 *
 * Use is: bytes of a session in either direction, a session that begins or ends, a running agent, task or script, an
 * op, a program of `muthr-tui shell`. One that was idle long before we came gets its last minutes all the same. Several
 * cockpits see the same; whoever is first to have the lock stops it, and looks again under it. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/inuse.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define WARN_MINUTES 5

struct idle_entry {
    workspace_id ws;
    uint64_t seen_wall_ms;   /* latest sign of use by the wall clock, as last seen */
    uint64_t active_mono_ms; /* when we take it to have been used last */
    struct idle_entry *next;
};

/* Length of a minute of the configuration. */
static uint64_t minute(const struct engine *e)
{
    return e->opts.minute_ms > 0 ? e->opts.minute_ms : 60000;
}

/* How long it may be idle, and how long before its end that is shown. */
static uint64_t limit_ms(const struct engine *e, uint64_t *warn)
{
    uint64_t limit = (uint64_t)e->opts.config->idle_stop_minutes * minute(e);
    *warn = MT_MIN(limit, WARN_MINUTES * minute(e));
    return limit;
}

uint64_t idle_stamp(const struct engine *e, const char *sandbox, const struct sandbox_info *info)
{
    const struct session_info *s;
    uint64_t latest = info->started_wall_ms;
    for (size_t i = 0; (s = model_session_of(e->opts.model, sandbox, i)) != NULL; i++) {
        const uint64_t signs[] = {s->started_wall_ms, s->last_output_wall_ms, s->last_input_wall_ms, s->ended_wall_ms};
        for (size_t k = 0; k < MT_ARRAY_LEN(signs); k++) {
            latest = MT_MAX(latest, signs[k]);
        }
    }
    return latest;
}

bool idle_is_held(const struct engine *e, const char *sandbox, op_id except)
{
    const struct session_info *s;
    for (size_t i = 0; (s = model_session_of(e->opts.model, sandbox, i)) != NULL; i++) {
        if (s->kind != SESSION_SHELL && (s->state == SESSION_RUNNING || s->state == SESSION_STARTING)) {
            return true;
        }
    }
    for (const struct run *r = e->runs; r != NULL; r = r->next) {
        if (r->id != except && strcmp(r->sandbox, sandbox) == 0) {
            return true;
        }
    }
    return inuse_any(e->opts.paths, sandbox);
}

/* The entry of a sandbox; made when it is new, with what is left of its time, but never less than the last minutes. */
static struct idle_entry *entry_of(struct engine *e, const struct workspace *ws)
{
    uint64_t warn, limit = limit_ms(e, &warn), now = clock_mono_ms(), wall = clock_wall_ms();
    for (struct idle_entry *i = e->idle_entries; i != NULL; i = i->next) {
        if (i->ws == ws->id) {
            return i;
        }
    }
    struct idle_entry *i = xcalloc(1, sizeof(*i));
    i->ws = ws->id;
    i->seen_wall_ms = idle_stamp(e, ws->sandbox, &ws->info);
    uint64_t age = wall > i->seen_wall_ms ? wall - i->seen_wall_ms : 0;
    age = MT_MIN(age, limit - warn);
    i->active_mono_ms = now > age ? now - age : 0;
    i->next = e->idle_entries;
    e->idle_entries = i;
    return i;
}

/* It does not run (any more). */
static void drop_entry(struct engine *e, workspace_id id)
{
    for (struct idle_entry **at = &e->idle_entries; *at != NULL; at = &(*at)->next) {
        if ((*at)->ws == id) {
            struct idle_entry *gone = *at;
            *at = gone->next;
            free(gone);
            return;
        }
    }
}

/* Sets the timer to `at` unless it fires before that anyway. */
static void wake_at(struct engine *e, uint64_t at)
{
    uint64_t now = clock_mono_ms();
    if (!timer_is_active(e->idle) || at < e->idle_at_ms) {
        e->idle_at_ms = at;
        timer_start(e->idle, at > now ? at - now : 1);
    }
}

/* Time is up. */
static void stop_idle(struct engine *e, const struct workspace *ws, struct idle_entry *i)
{
    struct error err = ERROR_INIT;
    char notice[80];
    long long minutes = (long long)e->opts.config->idle_stop_minutes;
    str_format(notice, sizeof(notice), "idle for %lld minute%s", minutes, minutes == 1 ? "" : "s");
    struct engine_request req = {.plan = ENGINE_STOP, .sandbox = ws->sandbox, .idle_only = true, .notice = notice};
    i->active_mono_ms = clock_mono_ms(); /* should it not be stopped: all of the time again */
    if (engine_has_other_folder(ws, &ws->info)) {
        return; /* another root's to stop */
    }
    if (engine_run(e, &req, &err) == 0) {
        log_warn("%s is idle, but is not stopped: %s", ws->sandbox, err.msg);
    }
}

/* Looks at one sandbox: used, counting down, or due. */
static void look_at(struct engine *e, const struct workspace *ws)
{
    uint64_t warn, limit = limit_ms(e, &warn), now = clock_mono_ms();
    if (!ws->have_info || ws->info.state != SANDBOX_RUNNING || ws->reserved) {
        drop_entry(e, ws->id);
        model_set_idle_stop(e->opts.model, ws->id, 0);
        return;
    }
    struct idle_entry *i = entry_of(e, ws);
    uint64_t stamp = idle_stamp(e, ws->sandbox, &ws->info);
    bool near = now + warn >= i->active_mono_ms + limit; /* files are looked at only when it matters */
    if (stamp > i->seen_wall_ms || (near && idle_is_held(e, ws->sandbox, 0))) {
        i->seen_wall_ms = MT_MAX(stamp, i->seen_wall_ms);
        i->active_mono_ms = now;
    }
    uint64_t due = i->active_mono_ms + limit;
    if (due <= now) {
        model_set_idle_stop(e->opts.model, ws->id, 0);
        stop_idle(e, ws, i);
        return;
    }
    bool counts = due - now <= warn && !idle_is_held(e, ws->sandbox, 0);
    model_set_idle_stop(e->opts.model, ws->id, counts ? due : 0);
    wake_at(e, counts ? due : MT_MAX(due - warn, now + 1));
}

/* Is it switched on? */
static bool is_on(const struct engine *e)
{
    return e->opts.idle_stop && e->opts.config->idle_stop_minutes > 0 && e->ready && !e->closing;
}

void idle_on_timer(void *arg)
{
    struct engine *e = arg;
    for (size_t k = 0; is_on(e) && k < model_workspace_count(e->opts.model); k++) {
        look_at(e, model_workspace_at(e->opts.model, k));
    }
}

void idle_on_event(struct engine *e, const struct model_event *ev)
{
    switch (ev->kind) {
    case MODEL_SANDBOX:
    case MODEL_OP:
    case MODEL_SESSION_ADDED:
    case MODEL_SESSION:
    case MODEL_SESSION_REMOVED: {
        const struct workspace *ws = is_on(e) ? model_workspace(e->opts.model, ev->ws) : NULL;
        if (ws != NULL) {
            look_at(e, ws);
        }
        break;
    }
    case MODEL_WORKSPACES:
        idle_on_timer(e);
        break;
    case MODEL_STATS:
    case MODEL_ATTENTION:
    case MODEL_BACKEND:
    case MODEL_INFERENCE:
    case MODEL_SERVICE:
    case MODEL_PROBLEM:
        break;
    }
}

void idle_free(struct engine *e)
{
    while (e->idle_entries != NULL) {
        drop_entry(e, e->idle_entries->ws);
    }
}
