/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman.h"

#include <stdlib.h>
#include <string.h>

#include "backends/podman/args.h"
#include "backends/podman/facts_cache.h"
#include "backends/podman/forward.h"
#include "backends/podman/podman_private.h"
#include "backends/relay.h"
#include "core/engine/naming.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* The vtable, and what verbs have in common. */

/* Everything of a backend whose last request has ended. */
static void backend_free(struct backend *be)
{
    podman_stats_close(be);
    podman_details_close(be);
    free(be->state);
    free(be->executable);
    free(be->target_name);
    free(be->target_url);
    forward_free(be->forward);
    free(be);
}

/* What was kept may be no longer true: the next probe asks podman itself. */
static void on_ending(struct request *r, const struct error *err)
{
    if (r->call->verb == BACKEND_LIST && err && err->code != ERROR_CANCELED) {
        facts_cache_forget(r->be);
    }
}

void podman_changed(struct backend *be, const char *name)
{
    if (be->change) {
        be->change(be->change_arg, name);
    }
}

/* --- dispatch --- */

static int (*const verbs[])(struct request *r, struct error *err) = {
    [BACKEND_PROBE] = podman_probe_target, [BACKEND_LIST] = podman_list,           [BACKEND_INSPECT] = podman_inspect,
    [BACKEND_CREATE] = podman_create,      [BACKEND_START] = podman_start,         [BACKEND_STOP] = podman_stop,
    [BACKEND_DELETE] = podman_delete,      [BACKEND_STATS] = podman_stats,         [BACKEND_SEAL] = podman_seal,
    [BACKEND_EXEC] = relay_submit,         [BACKEND_IMAGE] = podman_image,         [BACKEND_LOGS] = podman_logs,
    [BACKEND_COMMIT] = podman_commit,      [BACKEND_ISOLATION] = podman_isolation, [BACKEND_FOLDERS] = podman_folders,
};

/* muthr's own service by a call for one, and nothing else by it. */
static int check_call(const struct request *r, struct error *err)
{
    if (r->call->service && !naming_is_infrastructure(r->container)) {
        return error_set(err, ERROR_DENIED, "%s is none of muthr's services", r->container);
    }
    return 0;
}

const char *podman_container(const struct request *r)
{
    return r->container;
}

static const struct requests_kind kind = {
    .size = sizeof(struct podman_request),
    .verbs = verbs,
    .verb_count = MT_ARRAY_LEN(verbs),
    .cannot = "a podman sandbox cannot do that",
    .container_name = podman_container_name,
    .check = check_call,
    .ending = on_ending,
    .relay = &podman_relay,
    .run = podman_cli_start,
    .free = backend_free,
};

static void podman_submit(struct backend *be, struct backend_call *call)
{
    requests_submit(&be->requests, call);
}

static struct backend *podman_open(const struct backend_env *env, struct error *err)
{
    const struct backend_target *t = env->target;
    struct forward *forward = t ? forward_new(env->loop, env->paths, t, err) : NULL;
    if (t && !forward) {
        return NULL;
    }
    struct backend *be = xcalloc(1, sizeof(*be));
    requests_init(&be->requests, &kind, be, env->loop);
    be->forward = forward;
    be->loop = env->loop;
    be->fresh = env->fresh;
    be->state = t ? xasprintf("%s/podman@%s", env->paths->state, t->name) : path_join(env->paths->state, "podman");
    be->executable = xstrdup(env->paths->executable);
    be->target_name = t ? xstrdup(t->name) : NULL;
    be->target_url = t ? xasprintf("unix://%s", forward_socket(forward)) : NULL;
    return be;
}

static void podman_set_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    be->change = fn;
    be->change_arg = arg;
    podman_watch(be, fn, arg);
}

static void podman_close(struct backend *be)
{
    podman_set_watch(be, NULL, NULL);
    requests_close(&be->requests);
}

const struct backend_ops podman_backend = {
    .name = "podman",
    .caps = BACKEND_CAP_STATS | BACKEND_CAP_LIMITS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL |
            BACKEND_CAP_NET_SHARED | BACKEND_CAP_NET_MODEL | BACKEND_CAP_SEAL | BACKEND_CAP_IMAGES |
            BACKEND_CAP_BASELINE | BACKEND_CAP_PORTS | BACKEND_CAP_LOGS | BACKEND_CAP_ISOLATION | BACKEND_CAP_COMMIT |
            BACKEND_CAP_HOSTS | BACKEND_CAP_ASCII_NAMES | BACKEND_CAP_SERVICES,
    .open = podman_open,
    .close = podman_close,
    .submit = podman_submit,
    .cancel = requests_cancel,
    .watch = podman_set_watch,
    .exec_argv = podman_exec_argv,
};
