/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/requests.h"

#include <stdlib.h>

#include "core/util/xmalloc.h"

/* Takes it off the list. */
static void unlink_request(struct request *r)
{
    for (struct request **p = &r->all->first; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}

/* The last one has ended: the backend goes, and work that nobody waits for any more. */
static void end_of_all(struct requests *all)
{
    flight_abandon_all(&all->jobs);
    all->kind->free(all->be);
}

void requests_finish(struct request *r, const struct error *err)
{
    struct requests *all = r->all;
    struct backend_call *call = r->call;
    struct error copy = err ? *err : ERROR_INIT;
    if (r->canceled) {
        error_set(&copy, ERROR_CANCELED, "cancelled");
    }
    if (all->kind->ending) {
        all->kind->ending(r, copy.code != ERROR_NONE ? &copy : NULL);
    }
    unlink_request(r);
    if (r->release) {
        r->release(r);
    }
    timer_close(r->timer);
    free(r);
    backend_call_finish(call, copy.code != ERROR_NONE ? &copy : NULL);
    if (all->closing && !all->first) {
        end_of_all(all);
    }
}

/* One command has ended. */
static void on_run_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    r->proc = NULL;
    if (r->canceled) {
        requests_finish(r, err);
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

int requests_run(struct request *r, struct cli_opts *opts, requests_then_fn then, struct error *err)
{
    r->then = then;
    r->on_line = opts->on_line;
    opts->on_line = opts->on_line ? on_run_line : NULL;
    opts->on_done = on_run_done;
    opts->arg = r;
    return r->all->kind->run(&r->proc, r->be, opts, err);
}

void requests_wait(struct request *r, uint64_t delay_ms, void (*then)(struct request *r))
{
    r->waiting = then;
    timer_start(r->timer, delay_ms);
}

void requests_add_info(struct backend_call *call, const struct sandbox_info *info)
{
    call->infos = xreallocarray(call->infos, call->info_count + 1, sizeof(*call->infos));
    call->infos[call->info_count++] = *info;
}

/* Is it about the backend, and no sandbox of it? */
static bool is_nameless(enum backend_verb verb)
{
    return verb == BACKEND_PROBE || verb == BACKEND_LIST || verb == BACKEND_FOLDERS || verb == BACKEND_WAKE;
}

/* What a verb cannot do without. */
static int check_call(struct request *r, struct error *err)
{
    const struct backend_call *call = r->call;
    const struct requests_kind *kind = r->all->kind;
    if ((size_t)call->verb >= kind->verb_count || !kind->verbs[call->verb]) {
        return error_set(err, ERROR_INVALID, "%s", kind->cannot);
    }
    bool wants_spec = call->verb == BACKEND_CREATE || call->verb == BACKEND_IMAGE;
    bool wants_name = wants_spec || !is_nameless(call->verb);
    const char *name = wants_spec && call->spec ? call->spec->name : call->name;
    if ((wants_spec && !call->spec) || (wants_name && (!name || !*name))) {
        return error_set(err, ERROR_INVALID, "which sandbox?");
    }
    if (wants_name && (kind->container_name(name, r->container, err) < 0 || kind->check(r, err) < 0)) {
        return -1;
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
        requests_finish(r, NULL);
    } else if (r->waiting) {
        void (*then)(struct request *) = r->waiting;
        r->waiting = NULL;
        then(r);
    } else if (!r->started) {
        r->started = true;
        if (check_call(r, &err) < 0 || r->all->kind->verbs[r->call->verb](r, &err) < 0) {
            requests_finish(r, &err);
        }
    }
}

void requests_submit(struct requests *all, struct backend_call *call)
{
    struct request *r = xcalloc(1, all->kind->size);
    r->all = all;
    r->be = all->be;
    r->call = call;
    r->next = all->first;
    all->first = r;
    call->priv = r;
    backend_call_clear(call);
    r->timer = timer_new(all->loop, on_timer, r);
    timer_start(r->timer, 0);
}

void requests_cancel(struct backend *be, struct backend_call *call)
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

void requests_init(struct requests *all, const struct requests_kind *kind, struct backend *be, struct loop *loop)
{
    *all = (struct requests){.kind = kind, .be = be, .loop = loop};
}

void requests_close(struct requests *all)
{
    struct request *next;
    all->closing = true;
    for (struct request *r = all->first; r; r = next) {
        next = r->next;
        requests_cancel(all->be, r->call);
    }
    if (!all->first) {
        end_of_all(all);
    }
}
