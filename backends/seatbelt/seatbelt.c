/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/seatbelt.h"

#include <stdlib.h>

#include "backends/process/calls.h"
#include "backends/process/state.h"
#include "backends/seatbelt/box.h"
#include "backends/seatbelt/isolation.h"
#include "backends/seatbelt/members.h"

/* The vtable: process/calls.c does the work; here is what only these sandboxes have. */

static const char *const helper_verbs[] = {
    [BACKEND_PROBE] = "probe", [BACKEND_CREATE] = "create", [BACKEND_START] = "start",   [BACKEND_STOP] = "stop",
    [BACKEND_SEAL] = "seal",   [BACKEND_DELETE] = "delete", [BACKEND_UPDATE] = "update",
};

static int read_stats(struct request *r, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf mark = STRBUF_INIT;
    struct state_config config;
    struct state_status st;
    struct members_usage use;
    char *dir = state_dir_of(r->be->root, r->call->name);
    state_status_load(dir, &st);
    if (!st.valid || !st.shim_pid || state_lock_holder(dir) != st.shim_pid) {
        free(dir);
        return error_set(err, ERROR_UNAVAILABLE, "sandbox %s: it is not running", r->call->name);
    }
    box_mark(dir, &st, &mark);
    members_usage(dir, mark.buf, &use);
    state_config_load(dir, &config);
    r->call->stats = (struct sandbox_stats){.cpu_ns = use.cpu_ns,
                                            .memory_bytes = use.resident,
                                            .memory_limit_bytes = config.spec.memory_bytes,
                                            .procs = use.count};
    state_config_release(&config);
    free(dir);
    return 1;
}

/* Where things are: at their own places. */
static void complete(const char *dir, struct sandbox_info *info)
{
    char *tmp = path_join(dir, "tmp");
    str_copy(info->tmp, sizeof(info->tmp), tmp);
    free(tmp);
    str_copy(info->mount, sizeof(info->mount), info->workspace);
    if (info->state == SANDBOX_RUNNING && info->net_known && info->net != NET_NONE) {
        str_copy(info->gateway, sizeof(info->gateway), "127.0.0.1"); /* the host's own loopback */
    }
}

static const struct calls_kind kind = {
    .ops = &seatbelt_backend,
    .folder = STATE_SEATBELT,
    .helper = "seat",
    .helper_verbs = helper_verbs,
    .helper_verb_count = MT_ARRAY_LEN(helper_verbs),
    .enter = "seat-enter",
    .stats = read_stats,
    .complete = complete,
    .isolation = isolation_of_seat,
};

static struct backend *seatbelt_open(const struct backend_env *env, struct error *err)
{
    (void)err;
    return calls_open(&kind, env);
}

const struct backend_ops seatbelt_backend = {
    .name = "seatbelt",
    /* No BACKEND_CAP_LIMITS: memory is watched, nothing is bounded by the kernel. */
    .caps = BACKEND_CAP_STATS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_NET_SHARED |
            BACKEND_CAP_NET_MODEL | BACKEND_CAP_SEAL | BACKEND_CAP_PORT | BACKEND_CAP_LOGS | BACKEND_CAP_ISOLATION |
            BACKEND_CAP_GPU | BACKEND_CAP_HOST_PATHS,
    .open = seatbelt_open,
    .close = calls_close,
    .submit = calls_submit,
    .cancel = calls_cancel,
    .watch = calls_watch,
    .exec_argv = calls_exec_argv,
};
