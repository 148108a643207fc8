/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a sandbox that change nothing: logs, isolation, changes of an overlay workspace; and waking a backend,
 * which is no sandbox's either. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/hosts.h"
#include "core/util/xmalloc.h"

struct engine_look {
    struct engine *e;
    struct slot *slot;
    char sandbox[NAMING_SANDBOX_MAX]; /* as the backend knows it */
    struct sandbox_spec spec;
    bool have_spec;
    void (*on_line)(void *arg, bool is_stderr, const char *line, size_t len);
    void (*done)(void *arg, const struct backend_call *call, const struct error *err);
    void *arg;
    struct backend_call call;
    struct engine_look *next;
};

/* A line of the answer. */
static void look_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    struct engine_look *l = call->arg;
    l->on_line(l->arg, is_stderr, line, len);
}

/* The answer is there: tells, and forgets. */
static void look_done(struct backend_call *call, const struct error *err)
{
    struct engine_look *l = call->arg;
    struct engine *e = l->e;
    struct engine_look **at = &e->looks;
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    if (l->done != NULL) {
        l->done(l->arg, call, err);
    }
    if (call->verb == BACKEND_WAKE && !e->closing && !l->slot->in_call) {
        refresh_probe(l->slot);
    }
    backend_call_release(call);
    if (l->have_spec) {
        sandbox_spec_release(&l->spec);
    }
    free(l);
    e->pending--;
    engine_settle(e);
}

/* What the sandbox should be by today's configuration. False when that cannot be told: nothing is asked for then. */
static bool wanted_spec(struct engine *e, const struct workspace *ws, unsigned caps, struct sandbox_spec *out)
{
    struct record record;
    struct profile profile;
    char name[64];
    struct error why = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec warnings = STRVEC_INIT;
    record_load(&record, e->opts.paths, ws->sandbox);
    engine_profile_of(e, ws, &record, name);
    bool good = profile_load(&profile, e->opts.paths, name, &why) == 0;
    if (good) {
        struct spec_input in = {.ws = ws,
                                .caps = caps,
                                .profile = &profile,
                                .record = &record,
                                .config = e->opts.config,
                                .paths = e->opts.paths,
                                .model_port = endpoints_local_port(endpoints_for(e, ws->name, name))};
        good = spec_build(out, &in, &text, &warnings, &why) == 0;
        /* As it is created (image_plan): where the baseline is installed inside, the root is written to. */
        if (good) {
            out->writable_root = out->writable_root || (caps & BACKEND_CAP_BASELINE) != 0;
        }
        profile_release(&profile);
    }
    record_release(&record);
    return good;
}

/* Can that be asked of that sandbox? Its slot. */
static struct slot *check(struct engine *e, const struct engine_look_request *req, const struct workspace *ws,
                          struct error *err)
{
    static const struct {
        enum backend_verb verb;
        unsigned cap;
        const char *what;
    } KINDS[] = {{BACKEND_LOGS, BACKEND_CAP_LOGS, "keep the output of its sandboxes"},
                 {BACKEND_ISOLATION, BACKEND_CAP_ISOLATION, "read back how its sandboxes are isolated"},
                 {BACKEND_CHANGES, BACKEND_CAP_OVERLAY, "tell changes of a workspace"}};
    size_t kind = 0;
    while (kind < MT_ARRAY_LEN(KINDS) && KINDS[kind].verb != req->verb) {
        kind++;
    }
    if (kind == MT_ARRAY_LEN(KINDS)) {
        error_set(err, ERROR_INVALID, "that cannot be looked at");
        return NULL;
    }
    if (e->closing || ws == NULL) {
        error_set(err, ws == NULL ? ERROR_NOT_FOUND : ERROR_CANCELED,
                  ws == NULL ? "there is no workspace with the sandbox %.96s" : "%.96s: the engine is closing",
                  req->sandbox);
        return NULL;
    }
    if (!ws->have_info || ws->info.state == SANDBOX_NONE) {
        error_hint(err, ERROR_NOT_FOUND, "start it first", "%s does not exist yet", ws->sandbox);
        return NULL;
    }
    struct slot *slot = engine_slot_for(e, ws, err);
    if (slot != NULL && (slot->ops->caps & KINDS[kind].cap) == 0) {
        error_set(err, ERROR_UNAVAILABLE, "backend %s cannot %s", slot->ops->name, KINDS[kind].what);
        return NULL;
    }
    return slot;
}

/* The same for one of muthr's own services. */
static struct slot *check_service(struct engine *e, const struct engine_look_request *req, struct error *err)
{
    const struct service_view *v = model_service_by_name(e->opts.model, req->sandbox);
    if (e->closing || req->verb != BACKEND_LOGS || v == NULL || !service_exists(v)) {
        error_hint(err, e->closing ? ERROR_CANCELED : ERROR_NOT_FOUND, "start it first", "%.96s does not exist yet",
                   req->sandbox);
        return NULL;
    }
    return services_slot(e, err);
}

/* Prepared: on its way. */
static void look_submit(struct engine_look *l, struct engine_look **out)
{
    struct engine *e = l->e;
    l->call.percent = -1;
    l->call.on_line = l->on_line != NULL ? look_line : NULL;
    l->call.done = look_done;
    l->call.arg = l;
    l->next = e->looks;
    e->looks = l;
    e->pending++;
    if (out != NULL) {
        *out = l;
    }
    l->slot->ops->submit(l->slot->be, &l->call);
}

/* The slot of a backend of this machine that can be woken. */
static struct slot *check_wake(struct engine *e, const char *backend, struct error *err)
{
    for (size_t i = 0; i < e->slot_count && !e->closing; i++) {
        struct slot *s = &e->slots[i];
        if (s->host != NULL || strcmp(s->ops->name, backend) != 0 || s->be == NULL) {
            continue;
        }
        if (s->probed && s->probe.usable) {
            error_set(err, ERROR_EXISTS, "%.40s works already", backend);
            return NULL;
        }
        if (s->probed && !s->probe.asleep) {
            error_set(err, ERROR_UNAVAILABLE, "%.40s has no service that could be started: %s", backend,
                      s->probe.reason[0] != '\0' ? s->probe.reason : "it is none of that kind");
            return NULL;
        }
        return s;
    }
    error_hint(err, ERROR_NOT_FOUND, "muthr-tui doctor lists those there are", "there is no backend %.40s here",
               backend);
    return NULL;
}

int engine_wake(struct engine *e, const struct engine_wake_request *req, struct engine_look **out, struct error *err)
{
    struct slot *slot = check_wake(e, req->backend, err);
    if (slot == NULL) {
        return -1;
    }
    struct engine_look *l = xcalloc(1, sizeof(*l));
    l->e = e;
    l->slot = slot;
    l->on_line = req->on_line;
    l->done = req->done;
    l->arg = req->arg;
    l->call.verb = BACKEND_WAKE;
    l->call.install_kernel = req->install_kernel;
    look_submit(l, out);
    return 0;
}

int engine_look(struct engine *e, const struct engine_look_request *req, struct engine_look **out, struct error *err)
{
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, req->sandbox);
    struct slot *slot = req->service ? check_service(e, req, err) : check(e, req, ws, err);
    if (slot == NULL) {
        return -1;
    }
    struct engine_look *l = xcalloc(1, sizeof(*l));
    l->e = e;
    l->slot = slot;
    if (req->service) {
        str_copy(l->sandbox, sizeof(l->sandbox), req->sandbox);
    } else {
        hosts_bare(req->sandbox, ws->name, slot->ops->caps, l->sandbox);
    }
    l->call.service = req->service;
    l->have_spec = req->verb == BACKEND_ISOLATION && wanted_spec(e, ws, slot->ops->caps, &l->spec);
    l->on_line = req->on_line;
    l->done = req->done;
    l->arg = req->arg;
    l->call.verb = req->verb;
    l->call.name = l->sandbox;
    l->call.spec = l->have_spec ? &l->spec : NULL;
    l->call.tail = req->tail;
    l->call.follow = req->follow;
    look_submit(l, out);
    return 0;
}

void engine_look_cancel(struct engine_look *look)
{
    look->slot->ops->cancel(look->slot->be, &look->call);
}

void looks_cancel(struct engine *e)
{
    for (struct engine_look *l = e->looks, *next; l != NULL; l = next) {
        next = l->next;
        engine_look_cancel(l);
    }
}
