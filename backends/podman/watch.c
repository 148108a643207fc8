/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/podman/podman_private.h"
#include "core/util/clock.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* One resident `podman events` says which container to look at again. Its lines are never believed beyond the name:
 * order and number of events differ between versions, `stop` comes only sometimes, and the log loses lines when it is
 * turned over. What it cannot say (the beginning, its own gaps, a `stopping` that others began) is covered by looking
 * at all of them: a second after the stream started, when it ended, after a suspension, and every 30 s; but not while
 * the last look found nothing that could stop (on this machine), until an event tells of a sandbox again. */

#define COALESCE_MS 50
#define SETTLE_MS 1000 /* there is no sign that the stream is attached */
#define SAFETY_MS 30000
#define POLL_MS 2000 /* without events: 26 ms of CPU each, 1.3 % of a core */
#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 5000
#define STEADY_MS 10000 /* a stream that lived so long starts again at once */
#define SUSPEND_MS 3000 /* so far apart the two clocks move only while the machine sleeps */
#define NAMES_MAX 4     /* beyond that one look at all is cheaper */

struct podman_watcher {
    struct backend *be; /* NULL: stopped, freed when the stream has ended */
    struct proc *proc;
    struct timer *coalesce, *settle, *safety, *again;
    struct strvec names; /* to be reported */
    bool all, polls;
    bool idle; /* nothing of ours runs here, as of the last look at all of them */
    uint64_t started_ms, backoff_ms;
    int64_t slept_ms; /* as of the last look */
};

/* --- what an event means --- */

/* Statuses that change nothing we show: sessions come and go all the time. */
static bool is_idle(const char *status)
{
    static const char *const idle[] = {"exec",    "exec_died", "attach", "sync",       "mount",
                                       "unmount", "prune",     "export", "checkpoint", "health_status"};
    for (size_t i = 0; i < MT_ARRAY_LEN(idle); i++) {
        if (strcmp(status, idle[i]) == 0) {
            return true;
        }
    }
    return false;
}

void podman_event_parse(const char *line, size_t len, struct podman_event *out)
{
    struct json *j = json_parse(line, len, NULL);
    const char *type = json_get_string(j, "Type", ""), *status = json_get_string(j, "Status", ""),
               *name = json_get_string(j, "Name", "");
    const struct json *labels = json_get(j, "Attributes");
    bool ours = strncmp(name, "muthr-", 6) == 0 || json_get_string(labels, "muthr.managed", NULL) != NULL;
    out->kind = PODMAN_EVENT_NONE;
    out->name[0] = '\0';
    if (strcmp(type, "system") == 0) {
        out->kind = PODMAN_EVENT_ALL; /* log-rotation, renumber, refresh */
    } else if (strcmp(type, "container") == 0 && strcmp(status, "rename") == 0) {
        out->kind = PODMAN_EVENT_ALL; /* the old name is not told */
    } else if (strcmp(type, "network") == 0) {
        out->kind = ours ? PODMAN_EVENT_ALL : PODMAN_EVENT_NONE; /* without labels: whose it is cannot be told */
    } else if (strcmp(type, "container") == 0 && !is_idle(status) && ours) {
        /* The sandbox's own name, which podman may not have taken. One that is cut would be another. */
        const char *sandbox = json_get_string(labels, "muthr.sandbox", name);
        out->kind = str_copy(out->name, sizeof(out->name), sandbox) < 0 ? PODMAN_EVENT_ALL : PODMAN_EVENT_NAME;
    }
    if (out->kind != PODMAN_EVENT_NAME) {
        out->name[0] = '\0';
    }
    json_free(j);
}

/* --- reporting --- */

/* The look every 30 s goes on, or rests while there is nothing that it could find. */
static void set_idle(struct podman_watcher *w, bool idle)
{
    if (w->polls || w->idle == idle || w->be->target_url) { /* connections to other machines can hang */
        return;
    }
    w->idle = idle;
    if (idle) {
        timer_stop(w->safety);
    } else {
        timer_repeat(w->safety, SAFETY_MS); /* a stop that others begin, containers that go without podman */
    }
}

void podman_watch_listed(struct backend *be, bool any_alive)
{
    if (be->watcher) {
        set_idle(be->watcher, !any_alive);
    }
}

static void report_soon(struct podman_watcher *w, const char *name)
{
    if (!name) {
        w->all = true;
    } else if (strvec_index(&w->names, name) < 0) {
        strvec_push(&w->names, name);
    }
    if (!timer_is_active(w->coalesce)) {
        timer_start(w->coalesce, COALESCE_MS);
    }
}

static void on_coalesce(void *arg)
{
    struct podman_watcher *w = arg;
    struct backend *be = w->be;
    struct strvec names = w->names;
    bool all = w->all || names.len > NAMES_MAX;
    w->names = STRVEC_INIT;
    w->all = false;
    if (all) {
        podman_changed(be, NULL);
    }
    /* The listener may end the watch: then nothing is reported any more. */
    for (size_t i = 0; !all && i < names.len && be->watcher == w; i++) {
        podman_changed(be, names.v[i]);
    }
    strvec_release(&names);
}

/* How far the clock that goes on while the machine sleeps is ahead of the one that does not. macOS' monotonic clock
 * goes on. Elsewhere the wall clock serves, which people also set. */
static int64_t slept_ms(void)
{
#if defined(CLOCK_BOOTTIME)
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - (int64_t)clock_mono_ms();
#elif defined(__APPLE__)
    return (int64_t)clock_mono_ms() - (int64_t)(clock_gettime_nsec_np(CLOCK_UPTIME_RAW) / 1000000);
#else
    return (int64_t)clock_wall_ms() - (int64_t)clock_mono_ms();
#endif
}

/* A suspended machine stops the one clock only. Then the stream, which may hang on a connection that is gone, starts
 * again. */
static void look_at_clocks(struct podman_watcher *w)
{
    int64_t now = slept_ms(), moved = now - w->slept_ms;
    w->slept_ms = now;
    if (moved > SUSPEND_MS || moved < -SUSPEND_MS) {
        log_info("podman: the machine slept for %lld s: looking at everything again", (long long)(moved / 1000));
        report_soon(w, NULL);
        if (w->proc && w->be->target_url) {
            proc_kill(w->proc);
        }
    }
}

/* --- the stream --- */

static void start_stream(struct podman_watcher *w);

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct podman_watcher *w = arg;
    struct podman_event event;
    if (!w->be || stream != PROC_STDOUT) {
        return;
    }
    look_at_clocks(w);
    podman_event_parse(line, len, &event);
    if (event.kind == PODMAN_EVENT_NONE) {
        return;
    }
    set_idle(w, false);
    report_soon(w, event.kind == PODMAN_EVENT_NAME ? event.name : NULL);
}

static void watcher_free(struct podman_watcher *w)
{
    timer_close(w->coalesce);
    timer_close(w->settle);
    timer_close(w->safety);
    timer_close(w->again);
    strvec_release(&w->names);
    free(w);
}

/* The stream ended. With exit code 0 too: it does so when its log is turned over or the service goes. */
static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct podman_watcher *w = arg;
    w->proc = NULL;
    if (!w->be) {
        watcher_free(w);
        return;
    }
    report_soon(w, NULL);
    timer_stop(w->settle);
    if (strstr(res->err_tail->buf, "\"none\" backend")) {
        log_warn("podman keeps no events (events_logger is none): looking every %d s instead", POLL_MS / 1000);
        w->polls = true;
        w->idle = false;
        timer_repeat(w->safety, POLL_MS);
        return;
    }
    if (clock_mono_ms() - w->started_ms >= STEADY_MS) {
        w->backoff_ms = BACKOFF_MIN_MS;
    }
    log_info("podman events ended (%s): again in %.1f s", err ? err->msg : "exit 0", (double)w->backoff_ms / 1000);
    timer_start(w->again, w->backoff_ms);
    w->backoff_ms = MT_MIN(w->backoff_ms * 2, (uint64_t)BACKOFF_MAX_MS);
}

static void start_stream(struct podman_watcher *w)
{
    static const char *const args[] = {"events",   "--format",     "json",     "--filter",    "type=container",
                                       "--filter", "type=network", "--filter", "type=system", NULL};
    struct error err = ERROR_INIT;
    struct cli_opts opts = {.args = args, .on_line = on_line, .on_done = on_done, .arg = w};
    w->started_ms = clock_mono_ms();
    if (podman_cli_start(&w->proc, w->be, &opts, &err) < 0) {
        log_warn("changes made by others are seen late: %s", err.msg);
        timer_start(w->again, BACKOFF_MAX_MS);
        return;
    }
    timer_start(w->settle, SETTLE_MS);
}

static void on_settle(void *arg)
{
    report_soon(arg, NULL);
}

static void on_again(void *arg)
{
    start_stream(arg);
}

static void on_safety(void *arg)
{
    struct podman_watcher *w = arg;
    look_at_clocks(w);
    report_soon(w, NULL);
}

void podman_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    struct podman_watcher *w = be->watcher;
    (void)arg;
    if (fn && !w) {
        w = be->watcher = xcalloc(1, sizeof(*w));
        w->be = be;
        w->names = STRVEC_INIT;
        w->backoff_ms = BACKOFF_MIN_MS;
        w->slept_ms = slept_ms();
        w->coalesce = timer_new(be->loop, on_coalesce, w);
        w->settle = timer_new(be->loop, on_settle, w);
        w->safety = timer_new(be->loop, on_safety, w);
        w->again = timer_new(be->loop, on_again, w);
        /* The only way to see a stop that others began, and containers that went without podman. */
        timer_repeat(w->safety, SAFETY_MS);
        start_stream(w);
    } else if (!fn && w) {
        be->watcher = NULL;
        w->be = NULL;
        timer_stop(w->coalesce);
        timer_stop(w->settle);
        timer_stop(w->safety);
        timer_stop(w->again);
        if (w->proc) {
            proc_kill(w->proc);
        } else {
            watcher_free(w);
        }
    }
}
