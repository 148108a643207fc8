/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container.h"

#include <stdlib.h>
#include <string.h>

#include "backends/container/container_private.h"
#include "backends/relay.h"
#include "core/engine/naming.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* The vtable, and what verbs have in common. */

/* Everything of a backend whose last request has ended. */
static void backend_free(struct backend *be)
{
    ctr_stats_close(be);
    ctr_details_close(be);
    free(be->state);
    free(be->executable);
    free(be);
}

/* A DELETE of our own. */
struct undo {
    struct backend_call call;
    char name[96];
};

static void on_undone(struct backend_call *call, const struct error *err)
{
    struct undo *u = call->arg;
    if (err && err->code != ERROR_CANCELED) {
        log_warn("a half-made sandbox may be left: %s", err->msg);
    }
    backend_call_release(call);
    free(u);
}

/* Ending the command does not end what its service was told to do: it may have made the container all the same. */
static void undo_create(struct backend *be, const char *sandbox)
{
    struct undo *u = xcalloc(1, sizeof(*u));
    str_copy(u->name, sizeof(u->name), sandbox);
    u->call = (struct backend_call){
        .verb = BACKEND_DELETE, .name = u->name, .force = true, .done = on_undone, .arg = u, .percent = -1};
    requests_submit(&be->requests, &u->call);
}

/* A create that was cancelled may have made it: not for who asks again. */
static void on_ending(struct request *r, const struct error *err)
{
    (void)err;
    if (r->canceled && ctr_own(r)->making && !r->all->closing) {
        undo_create(r->be, r->call->spec->name);
    }
}

void ctr_changed(struct backend *be, const char *name)
{
    ctr_watch_hurry(be);
    if (be->change) {
        be->change(be->change_arg, name);
    }
}

bool ctr_has(const struct backend *be, enum ctr_feature f)
{
    return be->facts.known && ctr_version_has(be->facts.version, f);
}

/* --- dispatch --- */

/* Said here, because the engine has another way to a sandbox without a network. */
static int refuse_seal(struct request *r, struct error *err)
{
    (void)r;
    return error_hint(err, ERROR_INVALID, "create the sandbox without a network instead",
                      "container cannot cut the network of a sandbox that is there already");
}

static int (*const verbs[])(struct request *r, struct error *err) = {
    [BACKEND_PROBE] = ctr_probe,         [BACKEND_LIST] = ctr_list,   [BACKEND_INSPECT] = ctr_inspect,
    [BACKEND_CREATE] = ctr_create,       [BACKEND_START] = ctr_start, [BACKEND_STOP] = ctr_stop,
    [BACKEND_DELETE] = ctr_delete,       [BACKEND_STATS] = ctr_stats, [BACKEND_EXEC] = relay_submit,
    [BACKEND_IMAGE] = ctr_image_submit,  [BACKEND_LOGS] = ctr_logs,   [BACKEND_COMMIT] = ctr_commit_submit,
    [BACKEND_ISOLATION] = ctr_isolation, [BACKEND_WAKE] = ctr_wake,   [BACKEND_SEAL] = refuse_seal,
};

/* Sandboxes only, and of the others nothing but a look. */
static int check_call(const struct request *r, struct error *err)
{
    if (r->call->service) {
        return error_set(err, ERROR_INVALID, "container does not hold muthr's services: use podman for them");
    }
    if (r->call->verb != BACKEND_INSPECT && naming_is_infrastructure(r->container)) {
        return error_set(err, ERROR_DENIED, "%s is no sandbox", r->container);
    }
    return 0;
}

static const struct requests_kind kind = {
    .size = sizeof(struct ctr_request),
    .verbs = verbs,
    .verb_count = MT_ARRAY_LEN(verbs),
    .cannot = "a sandbox of Apple's container cannot do that",
    .container_name = ctr_container_name,
    .check = check_call,
    .ending = on_ending,
    .relay = &ctr_relay,
    .run = ctr_cli_start,
    .free = backend_free,
};

static void container_submit(struct backend *be, struct backend_call *call)
{
    requests_submit(&be->requests, call);
}

static struct backend *container_open(const struct backend_env *env, struct error *err)
{
    if (env->target) {
        error_set(err, ERROR_INVALID, "Apple's container has no way to another machine");
        return NULL;
    }
    struct backend *be = xcalloc(1, sizeof(*be));
    requests_init(&be->requests, &kind, be, env->loop);
    be->loop = env->loop;
    be->state = path_join(env->paths->state, "container");
    be->executable = xstrdup(env->paths->executable);
    return be;
}

static void container_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    be->change = fn;
    be->change_arg = arg;
    ctr_watch(be, fn, arg);
}

static void container_close(struct backend *be)
{
    container_watch(be, NULL, NULL);
    requests_close(&be->requests);
}

/* No SEAL: nothing can be taken from a container once it is created; it can be made anew without. */
const struct backend_ops container_backend = {
    .name = "container",
    .caps = BACKEND_CAP_STATS | BACKEND_CAP_LIMITS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_IMAGES |
            BACKEND_CAP_BASELINE | BACKEND_CAP_PORTS | BACKEND_CAP_LOGS | BACKEND_CAP_ISOLATION | BACKEND_CAP_COMMIT |
            BACKEND_CAP_ASCII_NAMES | BACKEND_CAP_SEAL_BY_IMAGE | BACKEND_CAP_VM | BACKEND_CAP_NET_COMMON,
    .open = container_open,
    .close = container_close,
    .submit = container_submit,
    .cancel = requests_cancel,
    .watch = container_watch,
    .exec_argv = ctr_exec_argv,
};
