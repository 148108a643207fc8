/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/bwrap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "backends/bwrap/client.h"
#include "backends/bwrap/isolation.h"
#include "backends/bwrap/preflight.h"
#include "backends/process/calls.h"
#include "backends/process/state.h"

/* The vtable: process/calls.c does the work; here is what only bwrap's sandboxes have. */

#define STATS_TIMEOUT_MS 2000

/* --- stats --- */

static void on_stats(void *arg, int events)
{
    struct request *r = arg;
    struct wire_stats stats;
    struct error err = ERROR_INIT;
    (void)events;
    ssize_t n = recv(r->fd, &stats, sizeof(stats), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n != (ssize_t)sizeof(stats) || stats.type != WIRE_STATS) {
        error_set(&err, ERROR_UNAVAILABLE, "sandbox %s went away", r->call->name);
        calls_finish(r, &err);
        return;
    }
    r->call->stats.cpu_ns = stats.cpu_ns;
    r->call->stats.memory_bytes = stats.resident_bytes;
    r->call->stats.procs = stats.procs;
    calls_finish(r, NULL);
}

static int begin_stats(struct request *r, struct error *err)
{
    struct wire_stats_ask ask = {.type = WIRE_STATS};
    struct state_config config;
    char *dir = state_dir_of(r->be->root, r->call->name);
    state_config_load(dir, &config);
    r->call->stats.memory_limit_bytes = config.spec.memory_bytes;
    state_config_release(&config);
    int rc = client_connect(dir, "ctl.sock", &r->fd, err);
    rc = rc ? rc : client_send(r->fd, &ask, sizeof(ask), NULL, 0, err);
    free(dir);
    if (rc < 0) {
        return error_wrap(err, "sandbox %s", r->call->name);
    }
    r->watch = watch_new(r->be->loop, r->fd, on_stats, r, err);
    if (!r->watch) {
        return -1;
    }
    watch_set(r->watch, WATCH_READ);
    timer_start(r->timer, STATS_TIMEOUT_MS);
    return 0;
}

/* --- the vtable --- */

static const char *const helper_verbs[] = {
    [BACKEND_PROBE] = "probe",     [BACKEND_CREATE] = "create",   [BACKEND_START] = "start",
    [BACKEND_STOP] = "stop",       [BACKEND_DELETE] = "delete",   [BACKEND_SEAL] = "seal",
    [BACKEND_UPDATE] = "update",   [BACKEND_CHANGES] = "changes", [BACKEND_APPLY] = "apply",
    [BACKEND_DISCARD] = "discard",
};

static void probe_key(const struct backend *be, struct strbuf *key)
{
    preflight_key(be->paths->state, be->paths->executable, key);
}

static const struct calls_kind kind = {
    .ops = &bwrap_backend,
    .folder = STATE_BWRAP,
    .helper = "shim",
    .helper_verbs = helper_verbs,
    .helper_verb_count = MT_ARRAY_LEN(helper_verbs),
    .enter = "enter",
    .hands_over = true,
    .stats = begin_stats,
    .isolation = isolation_read,
    .probe_key = probe_key,
};

static struct backend *bwrap_open(const struct backend_env *env, struct error *err)
{
    (void)err;
    return calls_open(&kind, env);
}

const struct backend_ops bwrap_backend = {
    .name = "bwrap",
    .caps = BACKEND_CAP_OVERLAY | BACKEND_CAP_STATS | BACKEND_CAP_LIMITS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL |
            BACKEND_CAP_NET_SHARED | BACKEND_CAP_SEAL | BACKEND_CAP_PORT | BACKEND_CAP_LOGS | BACKEND_CAP_ISOLATION,
    .open = bwrap_open,
    .close = calls_close,
    .submit = calls_submit,
    .cancel = calls_cancel,
    .watch = calls_watch,
    .exec_argv = calls_exec_argv,
};
