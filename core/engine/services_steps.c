/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of an op on one of muthr's own services, and their order. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/services_private.h"
#include "core/inference/local.h"
#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define MINUTES(n) ((uint64_t)(n)*60000)
#define SECONDS(n) ((uint64_t)(n)*1000)
#define LOCK_WAIT_MS 20000
#define GRACE_MS 30000 /* S6 */
#define LOG_MAX (8u << 20)

/* --- calls --- */

void service_on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    static const char ERROR[] = "MUTHR-ERROR: ", MISSING[] = "MUTHR-MISSING:";
    struct service_run *r = call->arg;
    struct op_view *v = op_get_view(r->op);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    (void)is_stderr;
    utf8_sanitize(&text, line, MT_MIN(len, (size_t)400), false);
    if (r->log != NULL && r->logged < LOG_MAX) {
        r->logged += len + 1;
        fprintf(r->log, "%.*s\n%s", (int)len, line, r->logged >= LOG_MAX ? "(the rest is left out)\n" : "");
        fflush(r->log);
    }
    if (r->log != NULL) {
        phase_feed(&r->phase, line, len);
        phase_feed(&r->phase, "\n", 1);
        str_copy(v->phase, sizeof(v->phase), r->phase.phase);
    }
    if (strncmp(text.buf, MISSING, strlen(MISSING)) == 0) {
        return; /* what sandboxes need; a script of its own knows what it needs */
    }
    if (strncmp(text.buf, ERROR, strlen(ERROR)) == 0) {
        str_copy(r->last_line, sizeof(r->last_line), text.buf + strlen(ERROR));
        r->keep_line = true;
    } else if (!r->keep_line && text.len > 0) {
        str_copy(r->last_line, sizeof(r->last_line), text.buf);
    }
    if (v->step < v->step_count) {
        v->steps[v->step].percent = call->percent;
    }
    op_text(r->op, "%s", text.buf);
}

/* A backend call is over. */
static void on_call(struct backend_call *call, const struct error *err)
{
    struct service_run *r = call->arg;
    struct error mine = err != NULL ? *err : ERROR_INIT;
    if (err == NULL && r->settle != NULL) {
        r->settle(r, &mine);
    } else if (err != NULL && err->code == ERROR_EXIT && call->verb == BACKEND_EXEC) {
        const char *why = r->phase.failure[0] != '\0' ? r->phase.failure : r->last_line;
        const struct op_view *v = op_get_view(r->op);
        error_hint(&mine, ERROR_EXIT, "`muthr-tui services logs` shows what it said", "%s: exit %d: %.300s",
                   v->steps[v->step].name, call->exit_code, why);
        mine.sys = call->exit_code;
    }
    op_resume(r->op, mine.code != ERROR_NONE ? &mine : NULL);
}

enum step_result service_submit(struct service_run *r, enum backend_verb verb, struct backend_call call,
                                int (*settle)(struct service_run *r, struct error *err))
{
    backend_call_release(&r->call);
    r->call = call;
    r->call.verb = verb;
    r->call.service = true;
    r->call.name = r->kind->name;
    r->call.percent = -1;
    r->call.on_line = service_on_line;
    r->call.done = on_call;
    r->call.arg = r;
    r->settle = settle;
    r->last_line[0] = '\0';
    r->keep_line = false;
    r->slot->ops->submit(r->slot->be, &r->call);
    return STEP_WAIT;
}

static void cancel_call(struct op *op, void *ctx)
{
    struct service_run *r = ctx;
    (void)op;
    r->slot->ops->cancel(r->slot->be, &r->call);
}

/* --- locks --- */

static void lock_waiting(void *arg, int holder)
{
    struct service_run *r = arg;
    op_text(r->op, "another muthr (pid %d) is working on %s", holder, r->kind->name);
}

static void lock_done(void *arg, const struct error *err)
{
    struct service_run *r = arg;
    struct error mine = err != NULL ? *err : ERROR_INIT;
    if (err == NULL) {
        record_load(&r->record, r->e->opts.paths, r->kind->name);
        r->have_record = true;
        record_fill_times(&r->record, op_get_view(r->op));
    } else if (err->code == ERROR_CANCELED) {
        r->l2 = NULL; /* released by the cancel already */
    } else if (err->code == ERROR_TIMEOUT) {
        error_wrap(&mine, "someone else works on %s", r->kind->name);
    }
    op_resume(r->op, mine.code != ERROR_NONE ? &mine : NULL);
}

static enum step_result step_service_lock(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    MT_CLEANUP(xfree) char *dir = path_join(r->e->opts.paths->state, "locks");
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.lock", dir, r->kind->name);
    (void)op;
    return fs_mkdirs(dir, 0700, err) < 0 || lockfile_acquire(&r->l2, r->e->opts.loop, LOCKFILE_ADVISORY, path,
                                                             LOCK_WAIT_MS, lock_waiting, lock_done, r, err) < 0
               ? STEP_FAIL
               : STEP_WAIT;
}

static void lock_cancel(struct op *op, void *ctx)
{
    struct service_run *r = ctx;
    (void)op;
    lockfile_release(r->l2);
}

static void turn_waiting(void *arg, int holder)
{
    struct service_run *r = arg;
    op_text(r->op, "waiting for process %d, which is creating, starting or stopping something", holder);
}

static void turn_done(void *arg, const struct error *err)
{
    struct service_run *r = arg;
    if (err != NULL && err->code == ERROR_CANCELED) {
        r->l1 = NULL;
        turn_is_free(r->e);
    }
    op_resume(r->op, err);
}

/* Goes for L1 against other processes. */
static int take_turn(struct service_run *r, struct error *err)
{
    r->turn_wait = false;
    return turn_acquire(r->e, &r->l1, turn_waiting, turn_done, r, err);
}

/* Who of this engine has L1, or goes for it; NULL: nobody. */
static const char *turn_holder(const struct engine *e)
{
    for (const struct run *r = e->runs; r != NULL; r = r->next) {
        if (r->l1 != NULL) {
            return r->sandbox;
        }
    }
    return services_hold_turn(e);
}

static enum step_result step_service_turn(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    const char *holder = turn_holder(r->e);
    if (holder != NULL) {
        op_text(op, "waiting for %s", holder);
        r->turn_wait = true;
        return STEP_WAIT;
    }
    return take_turn(r, err) < 0 ? STEP_FAIL : STEP_WAIT;
}

static void service_turn_cancel(struct op *op, void *ctx)
{
    struct service_run *r = ctx;
    struct error err = ERROR_INIT;
    if (r->turn_wait) {
        r->turn_wait = false;
        error_set(&err, ERROR_CANCELED, "canceled while waiting for its turn");
        op_resume(op, &err);
    } else {
        lockfile_release(r->l1);
    }
}

bool services_take_turn(struct engine *e)
{
    for (struct service_run *r = e->services; r != NULL; r = r->next) {
        struct error err = ERROR_INIT;
        if (!r->turn_wait) {
            continue;
        }
        if (take_turn(r, &err) == 0) {
            return true;
        }
        op_resume(r->op, &err);
    }
    return false;
}

/* L1 is never kept while a script runs. */
static void release_turn(struct service_run *r)
{
    if (r->l1 != NULL) {
        lockfile_release(r->l1);
        r->l1 = NULL;
        turn_is_free(r->e);
    }
}

void service_release_locks(struct service_run *r)
{
    release_turn(r);
    if (r->l2 != NULL) {
        lockfile_release(r->l2);
        r->l2 = NULL;
    }
}

static enum step_result step_service_unlock(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    service_release_locks(ctx);
    return STEP_NEXT;
}

/* --- what is there, and what is to be done --- */

static int take_info(struct service_run *r, struct error *err)
{
    if (r->call.info_count == 0) {
        return error_set(err, ERROR_ANSWER, "%s: the backend did not say what it is", r->kind->name);
    }
    r->info = r->call.infos[0];
    r->info.service = true;
    str_copy(r->info.name, sizeof(r->info.name), r->kind->name);
    services_take(r->slot, &r->info);
    services_put(r->e, false);
    if (r->info.foreign) {
        return error_hint(err, ERROR_DENIED, "rename that container; muthr's own carry the label muthr.managed=true",
                          "there is a container %s that is not muthr's: it is left alone", r->kind->name);
    }
    return 0;
}

static enum step_result step_service_inspect(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return service_submit(ctx, BACKEND_INSPECT, (struct backend_call){0}, take_info);
}

/* Does its script have to run? It does in every run of the container: what it begins ends with that. */
static bool wants_script(struct service_run *r)
{
    struct error why = ERROR_INIT;
    char run[120];
    if (!r->kind->scripted) {
        str_copy(r->no_script, sizeof(r->no_script), "nothing is provisioned in it");
        return false;
    }
    r->have_script = profile_load_service(&r->script, r->e->opts.paths, r->kind->name, &why) == 0;
    if (!r->have_script) {
        str_copy(r->no_script, sizeof(r->no_script), why.msg);
        return false;
    }
    services_run_text(&r->info, run);
    bool through = !r->do_start && strcmp(record_text(&r->record, RECORD_RUN), run) == 0 &&
                   strcmp(record_revision(&r->record, r->kind->name), r->script.rev) == 0 &&
                   record_unprovisioned(&r->record, NULL) == NULL;
    str_copy(r->no_script, sizeof(r->no_script), OP_PROVISIONED_BEFORE);
    return !through || r->reprovision;
}

/* The spec of a new one. */
static void fill_spec(struct service_run *r)
{
    const struct config *c = r->e->opts.config;
    struct sandbox_spec *s = &r->spec;
    const char *image = r->kind->scripted ? c->services_image : c->searxng_image;
    sandbox_spec_release(s);
    memset(s, 0, sizeof(*s));
    s->name = xstrdup(r->kind->name);
    s->project = xstrdup("");
    s->workspace = xstrdup("");
    s->workspace_mount = xstrdup("/workspace");
    s->profile = xstrdup(r->kind->name);
    s->config_hash = xstrdup("");
    s->image = image[0] != '\0' ? xstrdup(image) : NULL;
    s->net = s->net_after = NET_FULL;
    s->pids = (unsigned)c->pids;
    s->writable_root = r->kind->scripted;
    s->ports = xcalloc(1, sizeof(*s->ports));
    s->port_count = 1;
    str_copy(s->ports[0].host_ip, sizeof(s->ports[0].host_ip), c->services_address);
    s->ports[0].host_port = r->kind->host_port;
    s->ports[0].container_port = r->kind->container_port;
}

static enum step_result step_service_plan(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    bool runs = r->info.state == SANDBOX_RUNNING;
    (void)op;
    (void)err;
    r->do_stop = runs && (r->plan == SERVICE_RESTART || r->info.halted);
    r->do_create = r->info.state == SANDBOX_NONE;
    r->do_start = !runs || r->do_stop;
    r->do_provision = wants_script(r);
    fill_spec(r);
    return STEP_NEXT;
}

static bool skip_made(void *ctx, char why[STEP_WHY_MAX])
{
    struct service_run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "it is made already");
    return !r->do_create;
}

static int take_image(struct service_run *r, struct error *err)
{
    (void)err;
    if (r->call.image[0] != '\0') {
        free(r->spec.image);
        r->spec.image = xstrdup(r->call.image);
    }
    return 0;
}

static enum step_result step_service_image(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    (void)op;
    (void)err;
    return service_submit(r, BACKEND_IMAGE, (struct backend_call){.spec = &r->spec}, take_image);
}

static bool skip_turn_service(void *ctx, char why[STEP_WHY_MAX])
{
    struct service_run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "nothing to start or stop");
    return !r->do_stop && !r->do_start;
}

static bool skip_stop_service(void *ctx, char why[STEP_WHY_MAX])
{
    struct service_run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "it does not run");
    return r->plan == SERVICE_STOP ? r->info.state == SANDBOX_NONE || r->info.state == SANDBOX_STOPPED : !r->do_stop;
}

static enum step_result step_service_stop(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return service_submit(ctx, BACKEND_STOP, (struct backend_call){.grace_ms = GRACE_MS}, NULL);
}

/* The address on which it is, or will be, published. */
static const char *address_of(const struct service_run *r, uint16_t *port)
{
    const struct port_spec *p = r->info.port_count > 0 ? &r->info.ports[0] : &r->spec.ports[0];
    *port = p->host_port != 0 ? p->host_port : r->kind->host_port;
    return r->info.port_count > 0 && p->host_ip[0] == '\0' ? "0.0.0.0" : p->host_ip;
}

static bool skip_start_service(void *ctx, char why[STEP_WHY_MAX])
{
    struct service_run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "it runs");
    return !r->do_start;
}

/* Before the runtime fails with fewer words: who has its port? Sandboxes are told of that one, so there is no other. */
static enum step_result step_service_port(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    char who[200];
    int pid = 0;
    uint16_t port;
    const char *address = address_of(r, &port);
    (void)op;
    local_holder(address, port, who, &pid);
    if (who[0] == '\0') {
        return STEP_NEXT;
    }
    error_hint(err, ERROR_BUSY, "end that program: the port is fixed, since sandboxes are told of it",
               "port %u, which %s needs, is in use by %s", port, r->kind->name, who);
    return STEP_FAIL;
}

static bool skip_create_service(void *ctx, char why[STEP_WHY_MAX])
{
    return skip_made(ctx, why);
}

static enum step_result step_service_create(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    (void)op;
    (void)err;
    return service_submit(r, BACKEND_CREATE, (struct backend_call){.spec = &r->spec}, NULL);
}

static enum step_result step_service_start(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return service_submit(ctx, BACKEND_START, (struct backend_call){0}, NULL);
}

/* Read back: it runs. Nobody has to wait for its script. */
static int settle_check(struct service_run *r, struct error *err)
{
    if (take_info(r, err) < 0) {
        return -1;
    }
    release_turn(r);
    if (r->plan == SERVICE_STOP || r->info.state == SANDBOX_RUNNING) {
        return 0;
    }
    return error_hint(err, ERROR_UNAVAILABLE, "`muthr-tui services logs` shows what it said", "%s does not stay up%s%s",
                      r->kind->name, r->info.reason[0] != '\0' ? ": " : "", r->info.reason);
}

static enum step_result step_service_check(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return service_submit(ctx, BACKEND_INSPECT, (struct backend_call){0}, settle_check);
}

/* --- order --- */

#define LOOK(step_name, fn)                                                                                            \
    {                                                                                                                  \
        .name = (step_name), .minor = true, .enter = (fn), .cancel = cancel_call, .tries = 3, .backoff_ms = 200,       \
        .timeout_ms = SECONDS(30)                                                                                      \
    }

static const struct step START[] = {
    {.name = "lock", .minor = true, .enter = step_service_lock, .cancel = lock_cancel},
    LOOK("inspect", step_service_inspect),
    {.name = "plan", .minor = true, .enter = step_service_plan},
    {.name = "image",
     .enter = step_service_image,
     .cancel = cancel_call,
     .skip = skip_made,
     .tries = 2,
     .backoff_ms = 1000,
     .timeout_ms = MINUTES(120)},
    {.name = "turn",
     .minor = true,
     .enter = step_service_turn,
     .cancel = service_turn_cancel,
     .skip = skip_turn_service},
    {.name = "stop",
     .enter = step_service_stop,
     .cancel = cancel_call,
     .skip = skip_stop_service,
     .timeout_ms = MINUTES(2)},
    {.name = "port", .minor = true, .enter = step_service_port, .skip = skip_start_service},
    {.name = "create",
     .enter = step_service_create,
     .cancel = cancel_call,
     .skip = skip_create_service,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = MINUTES(5)},
    {.name = "start",
     .enter = step_service_start,
     .cancel = cancel_call,
     .skip = skip_start_service,
     .timeout_ms = MINUTES(2)},
    LOOK("check", step_service_check),
    {.name = "baseline",
     .enter = step_service_baseline,
     .cancel = cancel_call,
     .skip = service_skip_baseline,
     .tries = 2,
     .backoff_ms = 1000,
     .timeout_ms = MINUTES(30)},
    {.name = "copy",
     .minor = true,
     .enter = step_service_copy,
     .cancel = cancel_call,
     .skip = service_skip_script,
     .tries = 2,
     .backoff_ms = 200,
     .timeout_ms = MINUTES(1)},
    {.name = "provision",
     .enter = step_service_provision,
     .cancel = cancel_call,
     .skip = service_skip_script,
     .timeout_ms = MINUTES(30)},
    {.name = "record", .minor = true, .enter = step_service_record, .always = true},
    {.name = "unlock", .minor = true, .enter = step_service_unlock, .always = true},
    {.name = NULL},
};

static const struct step STOP[] = {
    {.name = "lock", .minor = true, .enter = step_service_lock, .cancel = lock_cancel},
    LOOK("inspect", step_service_inspect),
    {.name = "turn",
     .minor = true,
     .enter = step_service_turn,
     .cancel = service_turn_cancel,
     .skip = skip_stop_service},
    {.name = "stop",
     .enter = step_service_stop,
     .cancel = cancel_call,
     .skip = skip_stop_service,
     .timeout_ms = MINUTES(2)},
    LOOK("check", step_service_check),
    {.name = "record", .minor = true, .enter = step_service_record, .always = true},
    {.name = "unlock", .minor = true, .enter = step_service_unlock, .always = true},
    {.name = NULL},
};

const struct step *service_steps(enum service_plan plan)
{
    return plan == SERVICE_STOP ? STOP : START;
}
