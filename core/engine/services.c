/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the ops on muthr's own services, and how those services stand. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/naming.h"
#include "core/engine/services_private.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

static const char *const PLAN_NAMES[] = {
    [SERVICE_START] = "start", [SERVICE_STOP] = "stop", [SERVICE_RESTART] = "restart"};
_Static_assert(MT_ARRAY_LEN(PLAN_NAMES) == SERVICE_PLAN_COUNT, "a plan without a name");

const char *service_plan_name(enum service_plan plan)
{
    return (size_t)plan < MT_ARRAY_LEN(PLAN_NAMES) ? PLAN_NAMES[plan] : "unknown";
}

/* --- where --- */

/* The one of this machine that holds them, usable or not; NULL: no backend here can. */
static struct slot *find_slot(struct engine *e)
{
    struct slot *first = NULL;
    for (size_t i = 0; i < e->slot_count; i++) {
        struct slot *s = &e->slots[i];
        if (s->host != NULL || (s->ops->caps & BACKEND_CAP_SERVICES) == 0) {
            continue;
        }
        if (s->be != NULL && s->probed && s->probe.usable) {
            return s;
        }
        first = first != NULL ? first : s;
    }
    return first;
}

struct slot *services_slot(struct engine *e, struct error *err)
{
    struct slot *s = find_slot(e);
    if (s == NULL) {
        error_hint(err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`",
                   "no backend here has services: they need podman or container");
    } else if (!s->probed) {
        error_set(err, ERROR_BUSY, "backend %s is still being looked at", s->ops->name);
    } else if (s->be == NULL || !s->probe.usable) {
        error_hint(err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`", "services need %s: %s%s%s", s->ops->name,
                   s->probe.reason, s->probe.fix[0] != '\0' ? "; " : "", s->probe.fix);
        s = NULL;
    }
    return s == NULL || s->probed ? s : NULL;
}

/* --- how they stand --- */

void services_run_text(const struct sandbox_info *info, char out[120])
{
    str_format(out, 120, "%s %llu", info->id, (unsigned long long)(info->started_wall_ms / 1000));
}

/* Is its script through, in the run of the container that goes on now? */
static void fill_provisioned(struct engine *e, const struct sandbox_info *info, struct service_view *v)
{
    struct record record;
    struct profile script;
    struct error why = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf mark = STRBUF_INIT;
    char run[120];
    size_t id_len = strlen(info->id);
    v->provisioned = -1;
    if (!v->kind->scripted) {
        return;
    }
    if (profile_load_service(&script, e->opts.paths, v->kind->name, &why) < 0) {
        v->provisioned = 0;
        str_copy(v->unprovisioned, sizeof(v->unprovisioned), why.msg);
        return;
    }
    record_load(&record, e->opts.paths, v->kind->name);
    const char *rev = record_revision(&record, v->kind->name), *ran = record_text(&record, RECORD_RUN), *text = NULL;
    services_run_text(info, run);
    bool same = strncmp(ran, run, id_len) == 0 && ran[id_len] == ' ';
    if (record_unprovisioned(&record, &mark) != NULL) {
        text = mark.buf;
    } else if (rev[0] == '\0' || !same) {
        text = strcmp(info->profile, "services") == 0 ? "its script has not run in this container" : NULL;
    } else if (strcmp(rev, script.rev) != 0) {
        text = "its script has changed since";
    } else if (info->state == SANDBOX_RUNNING && strcmp(ran, run) != 0) {
        text = "it was started since, and what its script had begun ended before";
    } else {
        v->provisioned = 1;
    }
    if (text != NULL) {
        v->provisioned = 0;
        str_copy(v->unprovisioned, sizeof(v->unprovisioned), text);
    }
    record_release(&record);
    profile_release(&script);
}

/* The op in flight on a service, or NULL. */
static struct service_run *find_run(const struct engine *e, const struct service_kind *kind)
{
    for (struct service_run *r = e->services; r != NULL; r = r->next) {
        if (r->kind == kind) {
            return r;
        }
    }
    return NULL;
}

/* What an op makes of the state while it runs. */
static void fill_op(const struct service_run *r, struct service_view *v)
{
    const struct op_view *op = op_get_view(r->op);
    const char *step = op->step >= 0 && op->step < op->step_count ? op->steps[op->step].name : "";
    bool script = strcmp(step, "baseline") == 0 || strcmp(step, "copy") == 0 || strcmp(step, "provision") == 0;
    if (op->state != OP_RUNNING || r->plan == SERVICE_STOP) {
        return;
    }
    if (v->state == SERVICE_RUNNING) {
        v->state = script ? SERVICE_PROVISIONING : v->state;
    } else if (v->state != SERVICE_FOREIGN) {
        v->state = SERVICE_STARTING;
    }
}

static const char FOREIGN[] = "a container of this name is there that is not muthr's (no label muthr.managed): it is "
                              "left alone";

static void fill_info(const struct sandbox_info *info, struct service_view *v)
{
    static const enum service_state states[] = {
        [SANDBOX_NONE] = SERVICE_NONE,       [SANDBOX_CREATING] = SERVICE_STARTING,
        [SANDBOX_RUNNING] = SERVICE_RUNNING, [SANDBOX_PROVISIONING] = SERVICE_PROVISIONING,
        [SANDBOX_STOPPED] = SERVICE_STOPPED, [SANDBOX_FAILED] = SERVICE_FAILED,
        [SANDBOX_UNKNOWN] = SERVICE_UNKNOWN};
    v->state = info->foreign ? SERVICE_FOREIGN : states[info->state];
    str_copy(v->reason, sizeof(v->reason), info->foreign ? FOREIGN : info->reason);
    str_copy(v->image, sizeof(v->image), info->image);
    str_copy(v->id, sizeof(v->id), info->id);
    if (info->foreign) {
        return;
    }
    for (unsigned i = 0; i < info->port_count && v->port_count < MT_ARRAY_LEN(v->ports); i++) {
        v->ports[v->port_count++] = info->ports[i];
    }
    v->started_wall_ms = info->state == SANDBOX_RUNNING ? info->started_wall_ms : 0;
    v->exit_code = info->state == SANDBOX_RUNNING ? 0 : info->exit_code;
}

void services_put(struct engine *e, bool look)
{
    struct slot *s = find_slot(e);
    struct error why = ERROR_INIT;
    bool usable = services_slot(e, &why) != NULL;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        const struct service_view *before = model_service(e->opts.model, i);
        const struct service_run *r = find_run(e, &service_kinds[i]);
        struct service_view v;
        memset(&v, 0, sizeof(v));
        v.kind = &service_kinds[i];
        v.provisioned = -1;
        str_copy(v.backend, sizeof(v.backend), s != NULL ? s->ops->name : "");
        str_copy(v.error, sizeof(v.error), before->error);
        if (!usable) {
            bool lost = s != NULL && (!s->probed || s->worked);
            v.state = lost ? SERVICE_UNKNOWN : SERVICE_ABSENT;
            str_copy(v.reason, sizeof(v.reason), why.msg);
        } else if (s != NULL && s->have_services) {
            fill_info(&s->services[i], &v);
            if (service_exists(&v) && (look || strcmp(v.id, before->id) != 0)) {
                fill_provisioned(e, &s->services[i], &v);
            } else if (service_exists(&v)) {
                v.provisioned = before->provisioned;
                str_copy(v.unprovisioned, sizeof(v.unprovisioned), before->unprovisioned);
            }
            if (r != NULL) {
                fill_op(r, &v);
            }
        }
        model_put_service(e->opts.model, &v);
    }
}

bool services_take(struct slot *s, const struct sandbox_info *info)
{
    const struct service_kind *kind = info->service ? service_find(info->name) : NULL;
    if (kind != NULL && s->host == NULL) {
        s->services[kind - service_kinds] = *info;
    }
    return info->service;
}

void services_forget(struct slot *s)
{
    memset(s->services, 0, sizeof(s->services));
    s->have_services = true;
}

/* --- ops --- */

static void run_changed(struct op *op, void *ctx)
{
    struct service_run *r = ctx;
    model_put_op(r->e->opts.model, op_get_view(op));
    services_put(r->e, false);
}

static void run_free(struct service_run *r)
{
    backend_call_release(&r->call);
    strvec_release(&r->argv);
    strvec_release(&r->env);
    strbuf_release(&r->tar);
    sandbox_spec_release(&r->spec);
    if (r->have_script) {
        profile_release(&r->script);
    }
    if (r->have_record) {
        record_release(&r->record);
    }
    if (r->log != NULL) {
        fclose(r->log);
    }
    free(r);
}

/* What went wrong stays beside the service until something goes right. */
static void keep_error(struct engine *e, const struct service_kind *kind, const struct op_view *op)
{
    struct service_view v = *model_service_by_name(e->opts.model, kind->name);
    if (op->state == OP_CANCELED) {
        return;
    }
    v.error[0] = '\0';
    if (op->state == OP_FAILED) {
        str_copy(v.error, sizeof(v.error), op->error.msg);
    }
    model_put_service(e->opts.model, &v);
}

static void run_ended(struct op *op, void *ctx)
{
    struct service_run *r = ctx;
    struct engine *e = r->e;
    struct op_view *v = op_get_view(op);
    struct service_run **at = &e->services;
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    if (v->state == OP_FAILED) {
        log_error("%s %s: %s", v->plan, v->sandbox, v->error.msg);
    }
    keep_error(e, r->kind, v);
    services_put(e, true);
    if (r->done != NULL) {
        r->done(r->done_arg, v);
    }
    run_free(r);
    refresh_soon(e);
    engine_settle(e);
}

op_id engine_service(struct engine *e, const struct engine_service_request *req, struct error *err)
{
    const struct service_kind *kind = service_find(req->name);
    struct slot *slot = kind != NULL && !e->closing ? services_slot(e, err) : NULL;
    const struct service_run *other = kind != NULL ? find_run(e, kind) : NULL;
    if (e->closing) {
        error_set(err, ERROR_CANCELED, "the engine is closing");
        return 0;
    }
    if (kind == NULL) {
        error_hint(err, ERROR_NOT_FOUND, "there are muthr-services and muthr-searxng", "there is no service %.64s",
                   req->name);
        return 0;
    }
    if (slot == NULL) {
        return 0;
    }
    if (other != NULL) {
        error_set(err, ERROR_EXISTS, "%s of %s runs already (op %u)", service_plan_name(other->plan), kind->name,
                  other->id);
        return 0;
    }
    struct service_run *r = xcalloc(1, sizeof(*r));
    r->e = e;
    r->id = ++e->last_op;
    r->plan = req->plan;
    r->kind = kind;
    r->reprovision = req->reprovision;
    r->done = req->done;
    r->done_arg = req->arg;
    r->slot = slot;
    strvec_init(&r->argv);
    strvec_init(&r->env);
    strbuf_init(&r->tar);
    r->op = op_new(&(struct op_opts){.loop = e->opts.loop,
                                     .steps = service_steps(req->plan),
                                     .ctx = r,
                                     .timeout_max_ms = e->opts.step_timeout_max_ms,
                                     .changed = run_changed,
                                     .ended = run_ended});
    struct op_view *v = op_get_view(r->op);
    v->id = r->id;
    str_copy(v->plan, sizeof(v->plan), service_plan_name(req->plan));
    str_copy(v->sandbox, sizeof(v->sandbox), kind->name);
    r->next = e->services;
    e->services = r;
    op_id id = r->id; /* it may be over when it is told of */
    refresh_follow(e);
    op_touch(r->op);
    op_start(r->op);
    return id;
}

bool services_cancel(struct engine *e, op_id id)
{
    for (struct service_run *r = e->services; r != NULL; r = r->next) {
        if (id == 0 || r->id == id) {
            op_cancel(r->op);
            if (id != 0) {
                return true;
            }
        }
    }
    return false;
}

char *engine_service_script_log(const struct engine *e, const char *name)
{
    return xasprintf("%s/logs/%s-provision-%s.log", e->opts.paths->state, name, name);
}

/* --- L1 --- */

const char *services_hold_turn(const struct engine *e)
{
    for (const struct service_run *r = e->services; r != NULL; r = r->next) {
        if (r->l1 != NULL) {
            return r->kind->name;
        }
    }
    return NULL;
}
