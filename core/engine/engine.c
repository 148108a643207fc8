/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the engine, the queue of ops, and what is asked of it from outside. */
#include "core/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/naming.h"
#include "core/engine/task_log.h"
#include "core/model/config_inference.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* --- start --- */

/* An agent that does something may have put the inference server to work. */
static void stir(struct engine *e, const struct session_info *s)
{
    if (s != NULL && s->kind == SESSION_AGENT && !e->closing) {
        endpoints_stir(e, s->sandbox);
    }
}

/* Sessions changed: runs that wait for one look at it. */
static void on_event(void *arg, const struct model_event *ev)
{
    struct engine *e = arg;
    idle_on_event(e, ev);
    if (ev->kind == MODEL_SESSION || ev->kind == MODEL_SESSION_ADDED) {
        const struct session_info *s = model_session(e->opts.model, ev->session);
        stir(e, s);
        if (s != NULL) {
            task_log_end(e->opts.paths, s);
        }
    }
    const struct workspace *ws = ev->kind == MODEL_SANDBOX ? model_workspace(e->opts.model, ev->ws) : NULL;
    if (ws != NULL && !e->closing) {
        endpoints_sandbox(e, ws);
    }
    if (ev->kind != MODEL_SESSION && ev->kind != MODEL_SESSION_REMOVED) {
        return;
    }
    for (struct run *r = e->runs, *next; r != NULL; r = next) {
        next = r->next;
        run_on_session(r, ev->session);
    }
    takeover_on_session(e, ev->kind == MODEL_SESSION ? model_session(e->opts.model, ev->session) : NULL);
}

/* Root folder changes are looked at a little later, all at once. */
static void on_rescan(void *arg)
{
    struct engine *e = arg;
    if (!e->closing) {
        refresh_scan(e);
        refresh_soon(e); /* a folder may have taken the place of one that a sandbox still runs on */
    }
}

/* Readiness and closing are decided outside of callbacks that still use the engine. */
static void on_tick(void *arg);

/* The hosts had their time: what they say later comes later. */
static void on_hosts_late(void *arg)
{
    struct engine *e = arg;
    e->hosts_are_late = true;
    engine_settle(e);
}

/* What is wrong with the profiles, once, where somebody works with them: verbs that only look stay silent. */
static void report_profiles(struct engine *e)
{
    struct profile_entry *list;
    bool silent = e->opts.no_resume || e->opts.profile_notes;
    size_t count = silent ? 0 : profiles_list(e->opts.paths, &list);
    for (size_t i = 0; i < count; i++) {
        if (list[i].broken) {
            model_problem(e->opts.model, "profile %s cannot be used: %s", list[i].name, list[i].description);
        }
        for (size_t k = 0; k < list[i].warnings.len; k++) {
            model_problem(e->opts.model, "profile %s: %s", list[i].name, list[i].warnings.v[k]);
        }
    }
    if (!silent) {
        profile_list_free(list, count);
    }
}

struct engine *engine_new(const struct engine_opts *opts, struct error *err)
{
    struct engine *e = xcalloc(1, sizeof(*e));
    struct error why = ERROR_INIT;
    e->opts = *opts;
    e->born_wall_ms = clock_wall_ms();
    e->follows = !opts->lazy_follow;
    (void)err; /* what can go wrong shows in the model: a cockpit without backends still opens */
    e->audit_path = opts->audit_log != NULL ? xstrdup(opts->audit_log)
                    : opts->config->audit   ? path_join(opts->paths->state, "audit.ndjson")
                                            : NULL;
    e->http = http_client_new(opts->loop);
    endpoints_open(e);
    e->refresh = timer_new(opts->loop, refresh_on_timer, e);
    e->rescan = timer_new(opts->loop, on_rescan, e);
    e->stats = timer_new(opts->loop, stats_on_timer, e);
    e->tick = timer_new(opts->loop, on_tick, e);
    e->idle = timer_new(opts->loop, idle_on_timer, e);
    e->hosts_late = timer_new(opts->loop, on_hosts_late, e);
    e->sub = bus_subscribe(opts->bus, on_event, e);
    for (size_t i = 0; i < model_session_count(opts->model); i++) {
        task_log_end(opts->paths, model_session_at(opts->model, i));
    }
    if (profiles_install(opts->paths, &why) < 0) {
        model_problem(opts->model, "profiles: %s", why.msg);
    }
    report_profiles(e);
    refresh_scan(e);
    takeover_open(e);
    slots_open(e);
    services_put(e, false);
    engine_settle(e);
    return e;
}

/* Does one of the names that a person gave mean something on that host? */
static bool is_wanted(const struct engine *e, const char *host)
{
    for (size_t i = 0; e->opts.wanted != NULL && i < e->opts.wanted->len; i++) {
        const char *at = strrchr(e->opts.wanted->v[i], '@');
        if (at != NULL && strcmp(at + 1, host) == 0) {
            return true;
        }
    }
    return false;
}

/* Everything was looked at once; hosts are not waited for beyond their time, but those that are meant. */
static bool is_looked_at(const struct engine *e)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        const struct config_host *host = e->slots[i].host;
        bool late = host != NULL && e->hosts_are_late && !is_wanted(e, host->name);
        if (!late && (!e->slots[i].probed || !e->slots[i].listed)) {
            return false;
        }
    }
    return e->first_look == NULL;
}

/* Tells those who wait; they may add others. */
static void tell_waiters(struct engine *e)
{
    struct waiter *list = e->waiters;
    size_t n = e->waiter_count;
    e->waiters = NULL;
    e->waiter_count = 0;
    for (size_t i = 0; i < n; i++) {
        list[i].fn(list[i].arg);
    }
    free(list);
}

/* --- end --- */

/* The last of it: nothing is in flight any more. */
static void free_engine(struct engine *e)
{
    void (*fn)(void *arg) = e->on_closed;
    void *arg = e->on_closed_arg;
    for (size_t i = 0; i < e->slot_count; i++) {
        free(e->slots[i].infos);
        strvec_release(&e->slots[i].folders);
        timer_close(e->slots[i].retry);
    }
    timer_close(e->hosts_late);
    timer_close(e->refresh);
    timer_close(e->rescan);
    timer_close(e->stats);
    timer_close(e->tick);
    timer_close(e->idle);
    idle_free(e);
    dirwatch_close(e->root_watch);
    endpoints_free(e);
    http_client_close(e->http);
    bus_unsubscribe(e->opts.bus, e->sub);
    free(e->slots);
    free(e->held);
    strvec_release(&e->order);
    free(e->root);
    free(e->watched);
    free(e->waiters);
    consent_forget_all(e);
    free(e->audit_path);
    free(e);
    if (fn != NULL) {
        fn(arg);
    }
}

/* Ops are over: cancels the engine's own calls and closes the backends. */
static void close_backends(struct engine *e)
{
    e->closed = true;
    if (e->first_look != NULL) {
        watcher_look_cancel(e->first_look);
    }
    stats_cancel(e);
    looks_cancel(e);
    for (size_t i = 0; i < e->slot_count; i++) {
        struct slot *s = &e->slots[i];
        if (s->be != NULL) {
            s->ops->watch(s->be, NULL, NULL);
            if (s->in_call) {
                s->ops->cancel(s->be, &s->call);
            }
        }
    }
}

static void on_tick(void *arg)
{
    struct engine *e = arg;
    if (!e->closing) {
        if (!e->ready && is_looked_at(e)) {
            e->ready = e->was_ready = true;
            refresh_choices(e);
            takeover_look(e);
            idle_on_timer(e);
            engine_schedule(e); /* what was asked for before the backends were known */
        }
        if (e->ready) {
            tell_waiters(e);
        }
        return;
    }
    if (e->runs != NULL || e->starts != NULL || e->services != NULL) {
        return;
    }
    if (!e->closed) {
        close_backends(e);
    }
    if (e->pending > 0) {
        return;
    }
    for (size_t i = 0; i < e->slot_count; i++) {
        if (e->slots[i].be != NULL) {
            e->slots[i].ops->close(e->slots[i].be);
            e->slots[i].be = NULL;
        }
    }
    free_engine(e);
}

void engine_settle(struct engine *e)
{
    timer_start(e->tick, 0);
}

void engine_close(struct engine *e, bool leave, void (*done)(void *arg), void *arg)
{
    e->closing = true;
    e->leave = leave;
    e->on_closed = done;
    e->on_closed_arg = arg;
    endpoints_hide(e);
    timer_stop(e->stats);
    timer_stop(e->refresh);
    timer_stop(e->rescan);
    timer_stop(e->idle);
    timer_stop(e->hosts_late);
    for (size_t i = 0; i < e->slot_count; i++) {
        timer_stop(e->slots[i].retry);
    }
    takeover_close(e);
    sessions_cancel_all(e);
    for (struct run *r = e->runs; r != NULL; r = r->next) {
        op_cancel(r->op);
        op_start(r->op); /* a queued one ends by running nothing */
    }
    services_cancel(e, 0);
    engine_settle(e);
}

void engine_on_ready(struct engine *e, void (*fn)(void *arg), void *arg)
{
    e->waiters = xreallocarray(e->waiters, e->waiter_count + 1, sizeof(*e->waiters));
    e->waiters[e->waiter_count++] = (struct waiter){.fn = fn, .arg = arg};
    engine_settle(e);
}

void engine_retry_backend(struct engine *e, const char *name, const char *host)
{
    for (size_t i = 0; i < e->slot_count && !e->closing; i++) {
        struct slot *s = &e->slots[i];
        bool mine = strcmp(s->ops->name, name) == 0 && strcmp(slot_host(s), host != NULL ? host : "") == 0;
        if (mine && s->be != NULL && !s->in_call && !s->probe.usable) {
            timer_stop(s->retry);
            refresh_probe(s);
        }
    }
}

void engine_rescan(struct engine *e)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        e->slots[i].have_folders = false; /* those of the hosts are read again with the next list */
    }
    if (e->opts.config->host_count > 0) {
        refresh_soon(e);
    }
    refresh_scan(e);
}

int engine_root(const struct engine *e, const char **path, struct error *err)
{
    *path = e->root;
    if (e->root_error.code != ERROR_NONE) {
        if (err != NULL) {
            *err = e->root_error;
        }
        return -1;
    }
    return 0;
}

bool engine_is_idle(const struct engine *e)
{
    return e->runs == NULL && e->starts == NULL && e->services == NULL;
}

/* --- what fits a sandbox --- */

/* What runs sandboxes on that host, usable, or the reason why not. */
static struct slot *slot_of_host(struct engine *e, const struct workspace *ws, struct error *err)
{
    bool exists = ws->have_info && ws->info.state != SANDBOX_NONE;
    struct slot *first = NULL;
    for (size_t i = 0; i < e->slot_count; i++) {
        struct slot *s = &e->slots[i];
        if (strcmp(slot_host(s), ws->host) != 0 || (exists && strcmp(s->ops->name, ws->backend) != 0)) {
            continue;
        }
        if (s->be != NULL && s->probed && s->probe.usable) {
            return s;
        }
        first = first != NULL ? first : s;
    }
    if (first == NULL) {
        error_hint(err, ERROR_UNAVAILABLE, "see [[hosts]] in the configuration",
                   "nothing runs sandboxes on the host %s", ws->host);
    } else if (!first->probed) {
        error_set(err, ERROR_BUSY, "backend %s is still being looked at", first->ops->name);
    } else {
        error_hint(err, ERROR_UNAVAILABLE, first->probe.fix[0] != '\0' ? "see `muthr-tui doctor`" : NULL,
                   "the host %s cannot be reached: %s", ws->host, first->probe.reason);
    }
    return NULL;
}

struct slot *engine_slot_for(struct engine *e, const struct workspace *ws, struct error *err)
{
    static const struct choice none = {.backend = "", .profile = ""};
    struct pick pick;
    return ws->host[0] != '\0' ? slot_of_host(e, ws, err) : engine_choose(e, ws, &none, &pick, err);
}

void engine_profile_of(struct engine *e, const struct workspace *ws, const struct record *record, char out[64])
{
    bool exists = ws->have_info && ws->info.state != SANDBOX_NONE;
    if (record->profile[0] != '\0') {
        str_copy(out, 64, record->profile);
    } else if (exists && ws->info.profile[0] != '\0') {
        str_copy(out, 64, ws->info.profile);
    } else {
        str_copy(out, 64, e->opts.config->profile);
    }
}

/* What is said where a sandbox cannot reach its endpoint; NULL: it can, as far as is known. */
static const char *out_of_reach(const struct endpoint *ep, enum net_policy net, bool gateway_known)
{
    if (net == NET_NONE) {
        return "without a network the inference server is out of reach";
    }
    if (config_inference_is_loopback(ep->host)) {
        return gateway_known ? NULL
                             : "the inference server on this host is out of reach from an isolated network: set "
                               "container_host_gateway, or choose the shared network";
    }
    return net == NET_MODEL ? "its inference server is on another machine: the network \"model\" does not reach that"
                            : NULL;
}

int engine_environment(struct engine *e, const struct slot *slot, const struct sandbox_info *info,
                       const struct profile *profile, const char *mount, const struct endpoint *ep,
                       const struct inference_view *inference, bool strict, struct strvec *out, const char **notice,
                       struct error *err)
{
    char gateway[64], model[160];
    bool reachable;
    const char *source;
    enum net_policy net = info->net_known ? info->net : NET_FULL;
    env_gateway(e->opts.config, net, info->gateway, gateway, &reachable);
    str_copy(model, sizeof(model), path_base(inference->model));
    if (!inference_has_model(inference) || (!strict && env_check_model(model, NULL) < 0)) {
        env_fallback_model(e->opts.config, e->opts.paths, ep->name[0] != '\0' ? ep->model_name : NULL, model, &source);
        if (strict && strcmp(source, "default") == 0 && e->opts.config->model[0] != '\0' &&
            env_check_model(e->opts.config->model, err) < 0) {
            return error_wrap(err, "setting model"); /* P4: never a silent substitute */
        }
        log_info("model name %s is a fallback (%s): the inference server %s is %s", model, source, inference->endpoint,
                 inference_state_name(inference->state));
    }
    /* Worth a word only when there is a server to miss. */
    if (notice != NULL && inference_has_model(inference)) {
        *notice = out_of_reach(ep, net, reachable);
    }
    struct env_input in = {.gateway = gateway,
                           .server_host = config_inference_is_loopback(ep->host) ? NULL : ep->host,
                           .server_port = ep->port,
                           .model = model,
                           .context = inference_has_model(inference) ? inference->window : 0,
                           .workspace_mount = mount,
                           .specs_rev = profile->rev,
                           .runtime = env_runtime(e->opts.paths),
                           .backend = slot->ops->name};
    env_add_host(out);
    return env_build(&in, out, err);
}

size_t engine_profiles(struct engine *e, struct profile_entry **out)
{
    return profiles_list(e->opts.paths, out);
}

/* --- ops --- */

/* The same choice for a run that waited for the backends. */
static struct slot *run_choose(struct run *r, const struct workspace *ws, struct error *err)
{
    struct choice choice = {.backend = r->backend,
                            .profile = r->profile_name,
                            .image = r->wanted_image,
                            .net_given = r->net_given,
                            .net = r->net};
    return engine_choose(r->e, ws, &choice, &r->pick, err);
}

/* A run that was asked for before the backends were known gets its slot, or the reason why there is none. False: not
 * yet. */
static bool find_slot(struct engine *e, struct run *r)
{
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, r->sandbox);
    if (!e->ready) {
        return false;
    }
    if (ws == NULL) {
        error_set(&r->slot_error, ERROR_NOT_FOUND, "no workspace has the sandbox %s any more", r->sandbox);
    } else {
        r->slot = run_choose(r, ws, &r->slot_error);
    }
    if (r->slot == NULL && !e->ready) { /* somebody named one that was not opened before */
        r->slot_error = ERROR_INIT;
        return false;
    }
    return true;
}

void engine_schedule(struct engine *e)
{
    int64_t running = 0;
    for (struct run *r = e->runs; r != NULL; r = r->next) {
        running += op_is_started(r->op) && !r->in_window;
    }
    for (struct run *r = e->runs; r != NULL && running < e->opts.config->parallel_ops; r = r->next) {
        bool blocked = op_is_started(r->op);
        for (struct run *other = e->runs; other != r && !blocked; other = other->next) {
            blocked = strcmp(other->sandbox, r->sandbox) == 0; /* one at a time per sandbox, in order */
        }
        if (r->slot == NULL && !blocked) {
            blocked = !find_slot(e, r);
        }
        if (!blocked) {
            running++;
            op_start(r->op);
        }
    }
}

/* An op that would do the same, not yet over. */
static struct run *find_equal(const struct engine *e, const struct engine_request *req)
{
    for (struct run *r = e->runs; r != NULL; r = r->next) {
        if (req->sandbox != NULL && strcmp(r->sandbox, req->sandbox) == 0 && r->plan == req->plan &&
            !op_get_view(r->op)->canceling) {
            return r;
        }
    }
    return NULL;
}

/* One that was resumed from the journal and that nobody waits for yet: whoever asks for the same gets it. */
static bool may_join(const struct run *r, const struct engine_request *req)
{
    bool same_profile = req->profile == NULL || strcmp(req->profile, r->profile_name) == 0;
    bool same_net = !req->net_given || (r->net_given && r->net == req->net);
    return r->resumed && r->done == NULL && same_profile && same_net && req->recreate == r->recreate;
}

/* Refuses what can be seen to be wrong at once. */
static const struct workspace *check_request(struct engine *e, const struct engine_request *req, struct error *err)
{
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, req->sandbox);
    const struct run *equal = find_equal(e, req);
    bool busy = equal != NULL && !equal->resumed; /* behind or into a resumed one */
    if (e->closing) {
        error_set(err, ERROR_CANCELED, "the engine is closing");
    } else if (ws == NULL) {
        error_hint(err, ERROR_NOT_FOUND, "see `muthr-tui ls`", "there is no workspace with the sandbox %.96s",
                   req->sandbox != NULL ? req->sandbox : "");
    } else if (ws->reserved) {
        error_set(err, ERROR_INVALID, "%s is reserved for muthr's own configuration", ws->sandbox);
    } else if (busy) {
        error_set(err, ERROR_EXISTS, "%s of %s runs already (op %u)", engine_plan_name(req->plan), ws->sandbox,
                  equal->id);
    } else if (ws->elsewhere && req->plan != ENGINE_STOP && req->plan != ENGINE_DELETE && req->plan != ENGINE_DISCARD) {
        error_hint(err, ERROR_INVALID, "set workspace_root to that folder's, or give --root",
                   "%s belongs to no project below this workspace root: its folder is %.200s", ws->sandbox, ws->path);
    } else if (ws->missing && req->plan != ENGINE_STOP && req->plan != ENGINE_DELETE && req->plan != ENGINE_DISCARD) {
        error_set(err, ERROR_NOT_FOUND, "the project folder of %s is gone", ws->sandbox);
    } else if ((req->profile == NULL || naming_check_word(req->profile, "profile", err) == 0) &&
               (req->image == NULL || image_check_reference(req->image, err) == 0) &&
               env_check_extra(req->env, err) == 0) {
        return ws;
    }
    return NULL;
}

/* The slot for what a request asks. */
static struct slot *request_choose(struct engine *e, const struct engine_request *req, const struct workspace *ws,
                                   struct pick *pick, struct error *err)
{
    struct choice choice = {.backend = req->backend != NULL ? req->backend : "",
                            .profile = req->profile != NULL ? req->profile : "",
                            .image = req->image,
                            .net_given = req->net_given,
                            .net = req->net};
    return engine_choose(e, ws, &choice, pick, err);
}

/* A new op at the end of the queue; slot NULL: chosen later. */
static struct run *enqueue(struct engine *e, const struct engine_request *req, const struct workspace *ws,
                           struct slot *slot, const struct pick *pick)
{
    struct run *r = run_new(e, req, ws);
    r->slot = slot;
    r->pick = *pick;
    op_touch(r->op);
    return r;
}

op_id engine_run(struct engine *e, const struct engine_request *req, struct error *err)
{
    const struct workspace *ws = check_request(e, req, err);
    struct pick pick = {0};
    struct error busy = ERROR_INIT;
    struct slot *slot = ws != NULL && e->ready ? request_choose(e, req, ws, &pick, &busy) : NULL;
    struct run *equal = ws != NULL ? find_equal(e, req) : NULL;
    if (ws == NULL || (slot == NULL && e->ready)) {
        if (ws != NULL && err != NULL) {
            *err = busy;
        }
        return 0;
    }
    if (equal != NULL && may_join(equal, req)) {
        equal->done = req->done;
        equal->done_arg = req->arg;
        return equal->id;
    }
    struct run *r = enqueue(e, req, ws, slot, &pick);
    op_id id = r->id;
    if (req->plan == ENGINE_START || req->plan == ENGINE_RESTART || req->plan == ENGINE_PROVISION ||
        req->plan == ENGINE_BAKE) {
        refresh_follow(e); /* it may take long enough for something to happen */
    }
    engine_schedule(e);
    return id;
}

op_id engine_resume(struct engine *e, const struct engine_request *req, struct lockfile *lock, struct error *err)
{
    const struct workspace *ws = check_request(e, req, err);
    struct pick pick;
    struct slot *slot = ws != NULL ? request_choose(e, req, ws, &pick, err) : NULL;
    if (slot == NULL) {
        return 0;
    }
    struct run *r = enqueue(e, req, ws, slot, &pick);
    r->resumed = r->journaled = true;
    r->l2 = lock;
    r->l2_held = true;
    op_id id = r->id;
    engine_schedule(e);
    return id;
}

void engine_cancel(struct engine *e, op_id id)
{
    if (services_cancel(e, id)) {
        return;
    }
    for (struct run *r = e->runs; r != NULL; r = r->next) {
        if (r->id == id) {
            op_cancel(r->op);
            op_start(r->op); /* a queued one ends by running nothing */
            return;
        }
    }
}
