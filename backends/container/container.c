/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container.h"

#include <stdlib.h>
#include <string.h>

#include "backends/container/container_private.h"
#include "core/engine/naming.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* The vtable, the life of a request, and what verbs have in common. A verb is a chain of `container` commands; each
 * link is ctr_run with the function that goes on. */

/* Everything of a backend whose last request has ended. */
static void backend_free(struct backend *be)
{
    ctr_stats_close(be);
    ctr_images_close(be);
    ctr_details_close(be);
    free(be->state);
    free(be->executable);
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

static void container_submit(struct backend *be, struct backend_call *call);

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
    container_submit(be, &u->call);
}

void ctr_finish(struct request *r, const struct error *err)
{
    struct backend *be = r->be;
    struct backend_call *call = r->call;
    struct error copy = err ? *err : ERROR_INIT;
    if (r->canceled && r->making && !be->closing) {
        undo_create(be, call->spec->name);
    }
    if (r->canceled) {
        error_set(&copy, ERROR_CANCELED, "cancelled");
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

/* One command has ended. */
static void on_run_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    r->proc = NULL;
    if (r->canceled) {
        ctr_finish(r, err);
    } else {
        r->then(r, res, err);
    }
}

/* A line of the command of the moment. */
static void on_run_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (!r->canceled && r->on_line) {
        r->on_line(r, stream, line, len);
    }
}

int ctr_run(struct request *r, struct cli_opts *opts, ctr_then_fn then, struct error *err)
{
    r->then = then;
    r->on_line = opts->on_line;
    opts->on_line = opts->on_line ? on_run_line : NULL;
    opts->on_done = on_run_done;
    opts->arg = r;
    return ctr_cli_start(&r->proc, r->be, opts, err);
}

void ctr_wait(struct request *r, uint64_t delay_ms, void (*then)(struct request *r))
{
    r->waiting = then;
    timer_start(r->timer, delay_ms);
}

void ctr_add_info(struct backend_call *call, const struct sandbox_info *info)
{
    call->infos = xreallocarray(call->infos, call->info_count + 1, sizeof(*call->infos));
    call->infos[call->info_count++] = *info;
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

static int (*const verbs[])(struct request *r, struct error *err) = {
    [BACKEND_PROBE] = ctr_probe,         [BACKEND_LIST] = ctr_list,   [BACKEND_INSPECT] = ctr_inspect,
    [BACKEND_CREATE] = ctr_create,       [BACKEND_START] = ctr_start, [BACKEND_STOP] = ctr_stop,
    [BACKEND_DELETE] = ctr_delete,       [BACKEND_STATS] = ctr_stats, [BACKEND_EXEC] = ctr_exec_submit,
    [BACKEND_IMAGE] = ctr_image_submit,  [BACKEND_LOGS] = ctr_logs,   [BACKEND_COMMIT] = ctr_commit_submit,
    [BACKEND_ISOLATION] = ctr_isolation, [BACKEND_WAKE] = ctr_wake,
};

/* What a verb cannot do without. */
static int check_call(struct request *r, struct error *err)
{
    const struct backend_call *call = r->call;
    if (call->verb == BACKEND_SEAL) {
        return error_hint(err, ERROR_INVALID, "create the sandbox without a network instead",
                          "container cannot cut the network of a sandbox that is there already");
    }
    if ((size_t)call->verb >= MT_ARRAY_LEN(verbs) || !verbs[call->verb]) {
        return error_set(err, ERROR_INVALID, "a sandbox of Apple's container cannot do that");
    }
    bool wants_spec = call->verb == BACKEND_CREATE || call->verb == BACKEND_IMAGE;
    bool wants_name =
        !wants_spec && call->verb != BACKEND_PROBE && call->verb != BACKEND_LIST && call->verb != BACKEND_WAKE;
    const char *name = wants_spec && call->spec ? call->spec->name : call->name;
    if ((wants_spec && !call->spec) || ((wants_spec || wants_name) && (!name || !*name))) {
        return error_set(err, ERROR_INVALID, "which sandbox?");
    }
    if ((wants_spec || wants_name) && ctr_container_name(name, r->container, err) < 0) {
        return -1;
    }
    if ((wants_spec || wants_name) && call->service) {
        return error_set(err, ERROR_INVALID, "container does not hold muthr's services: use podman for them");
    }
    if ((wants_spec || wants_name) && call->verb != BACKEND_INSPECT && naming_is_infrastructure(r->container)) {
        return error_set(err, ERROR_DENIED, "%s is no sandbox", r->container);
    }
    if (call->verb == BACKEND_EXEC && !(call->argv && call->argv[0])) {
        return error_set(err, ERROR_INVALID, "no program to run");
    }
    return 0;
}

/* Begins, or goes on after a pause, or ends what was canceled in between. */
static void on_timer(void *arg)
{
    struct request *r = arg;
    struct error err = ERROR_INIT;
    if (r->canceled) {
        ctr_finish(r, NULL);
    } else if (r->waiting) {
        void (*then)(struct request *) = r->waiting;
        r->waiting = NULL;
        then(r);
    } else if (!r->started) {
        r->started = true;
        if (check_call(r, &err) < 0 || verbs[r->call->verb](r, &err) < 0) {
            ctr_finish(r, &err);
        }
    }
}

static void container_submit(struct backend *be, struct backend_call *call)
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

static void container_cancel(struct backend *be, struct backend_call *call)
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

static struct backend *container_open(const struct backend_env *env, struct error *err)
{
    if (env->target) {
        error_set(err, ERROR_INVALID, "Apple's container has no way to another machine");
        return NULL;
    }
    struct backend *be = xcalloc(1, sizeof(*be));
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
    struct request *next;
    container_watch(be, NULL, NULL);
    be->closing = true;
    for (struct request *r = be->requests; r; r = next) {
        next = r->next;
        container_cancel(be, r->call);
    }
    if (!be->requests) {
        backend_free(be);
    }
}

/* No SEAL: nothing can be taken from a container once it is created; it can be made anew without. */
const struct backend_ops container_backend = {
    .name = "container",
    .caps = BACKEND_CAP_STATS | BACKEND_CAP_LIMITS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_IMAGES |
            BACKEND_CAP_BASELINE | BACKEND_CAP_PORTS | BACKEND_CAP_LOGS | BACKEND_CAP_ISOLATION | BACKEND_CAP_COMMIT |
            BACKEND_CAP_ASCII_NAMES | BACKEND_CAP_SEAL_BY_IMAGE,
    .open = container_open,
    .close = container_close,
    .submit = container_submit,
    .cancel = container_cancel,
    .watch = container_watch,
    .exec_argv = ctr_exec_argv,
};
