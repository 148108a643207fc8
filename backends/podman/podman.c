/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman.h"

#include <stdlib.h>
#include <string.h>

#include "backends/podman/args.h"
#include "backends/podman/facts_cache.h"
#include "backends/podman/forward.h"
#include "backends/podman/podman_private.h"
#include "core/engine/naming.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* The vtable, the life of a request, and what verbs have in common. A verb is a chain of podman calls; each link is
 * podman_run with the function that goes on. */

/* Everything of a backend whose last request has ended. */
static void backend_free(struct backend *be)
{
    podman_stats_close(be);
    podman_images_close(be);
    podman_details_close(be);
    free(be->state);
    free(be->executable);
    free(be->target_name);
    free(be->target_url);
    forward_free(be->forward);
    free(be);
}

/* --- life of a request --- */

/* Takes it off the backend's list. */
static void unlink_request(struct request *r)
{
    for (struct request **p = &r->be->requests; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}

void podman_finish(struct request *r, const struct error *err)
{
    struct backend *be = r->be;
    struct backend_call *call = r->call;
    struct error copy = err ? *err : ERROR_INIT;
    if (r->canceled) {
        error_set(&copy, ERROR_CANCELED, "cancelled");
    }
    if (call->verb == BACKEND_LIST && copy.code != ERROR_NONE && copy.code != ERROR_CANCELED) {
        facts_cache_forget(be); /* what was kept may be no longer true: the next probe asks podman itself */
    }
    unlink_request(r);
    if (r->release) {
        r->release(r);
    }
    timer_close(r->timer);
    free(r);
    call->priv = NULL;
    call->done(call, copy.code != ERROR_NONE ? &copy : NULL);
    if (be->closing && !be->requests) {
        backend_free(be);
    }
}

/* One podman call has ended. */
static void on_run_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    r->proc = NULL;
    if (r->canceled) {
        podman_finish(r, err);
    } else {
        r->then(r, res, err);
    }
}

/* A line of the podman call of the moment. */
static void on_run_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (!r->canceled && r->on_line) {
        r->on_line(r, stream, line, len);
    }
}

int podman_run(struct request *r, struct cli_opts *opts,
               void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
               struct error *err)
{
    r->then = then;
    r->on_line = opts->on_line;
    opts->on_line = opts->on_line ? on_run_line : NULL;
    opts->on_done = on_run_done;
    opts->arg = r;
    return podman_cli_start(&r->proc, r->be, opts, err);
}

void podman_wait(struct request *r, uint64_t delay_ms, void (*then)(struct request *r))
{
    r->waiting = then;
    timer_start(r->timer, delay_ms);
}

void podman_add_info(struct backend_call *call, const struct sandbox_info *info)
{
    call->infos = xreallocarray(call->infos, call->info_count + 1, sizeof(*call->infos));
    call->infos[call->info_count++] = *info;
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
    [BACKEND_EXEC] = podman_exec,          [BACKEND_IMAGE] = podman_image,         [BACKEND_LOGS] = podman_logs,
    [BACKEND_COMMIT] = podman_commit,      [BACKEND_ISOLATION] = podman_isolation, [BACKEND_FOLDERS] = podman_folders,
};

/* What a verb cannot do without. */
static int check_call(struct request *r, struct error *err)
{
    const struct backend_call *call = r->call;
    if ((size_t)call->verb >= MT_ARRAY_LEN(verbs) || !verbs[call->verb]) {
        return error_set(err, ERROR_INVALID, "a podman sandbox cannot do that");
    }
    bool wants_spec = call->verb == BACKEND_CREATE || call->verb == BACKEND_IMAGE;
    bool wants_name =
        !wants_spec && call->verb != BACKEND_PROBE && call->verb != BACKEND_LIST && call->verb != BACKEND_FOLDERS;
    const char *name = wants_spec && call->spec ? call->spec->name : call->name;
    if ((wants_spec && !call->spec) || ((wants_spec || wants_name) && (!name || !*name))) {
        return error_set(err, ERROR_INVALID, "which sandbox?");
    }
    if ((wants_spec || wants_name) && podman_container_name(name, r->container, err) < 0) {
        return -1;
    }
    if ((wants_spec || wants_name) && call->service && !naming_is_infrastructure(r->container)) {
        return error_set(err, ERROR_DENIED, "%s is none of muthr's services", r->container);
    }
    if (call->verb == BACKEND_EXEC && !(call->argv && call->argv[0])) {
        return error_set(err, ERROR_INVALID, "no program to run");
    }
    return 0;
}

const char *podman_container(const struct request *r)
{
    return r->container;
}

/* Begins, or goes on after a pause, or ends what was canceled in between. */
static void on_timer(void *arg)
{
    struct request *r = arg;
    struct error err = ERROR_INIT;
    if (r->canceled) {
        podman_finish(r, NULL);
    } else if (r->waiting) {
        void (*then)(struct request *) = r->waiting;
        r->waiting = NULL;
        then(r);
    } else if (!r->started) {
        r->started = true;
        if (check_call(r, &err) < 0 || verbs[r->call->verb](r, &err) < 0) {
            podman_finish(r, &err);
        }
    }
}

static void podman_submit(struct backend *be, struct backend_call *call)
{
    struct request *r = xcalloc(1, sizeof(*r));
    r->be = be;
    r->call = call;
    r->next = be->requests;
    be->requests = r;
    call->priv = r;
    backend_call_clear(call);
    r->timer = timer_new(be->loop, on_timer, r);
    timer_start(r->timer, 0);
}

static void podman_cancel(struct backend *be, struct backend_call *call)
{
    struct request *r = call->priv;
    (void)be;
    if (!r || r->canceled) {
        return;
    }
    r->canceled = true;
    if (r->proc) {
        proc_kill(r->proc);
    } else if (r->on_cancel) {
        r->on_cancel(r);
    } else {
        timer_start(r->timer, 0);
    }
}

static struct backend *podman_open(const struct backend_env *env, struct error *err)
{
    const struct backend_target *t = env->target;
    struct forward *forward = t ? forward_new(env->loop, env->paths, t, err) : NULL;
    if (t && !forward) {
        return NULL;
    }
    struct backend *be = xcalloc(1, sizeof(*be));
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
    struct request *next;
    podman_set_watch(be, NULL, NULL);
    be->closing = true;
    for (struct request *r = be->requests; r; r = next) {
        next = r->next;
        podman_cancel(be, r->call);
    }
    if (!be->requests) {
        backend_free(be);
    }
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
    .cancel = podman_cancel,
    .watch = podman_set_watch,
    .exec_argv = podman_exec_argv,
};
