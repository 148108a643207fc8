/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/boot.h"

#include <stdlib.h>
#include <string.h>

#include "core/inference/local_job.h"
#include "core/io/http.h"
#include "core/util/xmalloc.h"

struct part {
    struct boot_item item;
    struct boot *b;
    struct local_job *job;
    const struct local_runtime *runtime;
};

struct boot {
    struct boot_opts opts;
    struct http_client *http;
    struct part *parts; /* does not move once something runs */
    size_t count, cap;
    size_t pending;
    bool running, over, canceled, abandoned; /* over: `done` is on its way, or was called */
};

static const char *const STATES[] = {
    [BOOT_WAITING] = "waiting", [BOOT_RUNNING] = "running",   [BOOT_DONE] = "done",
    [BOOT_FAILED] = "failed",   [BOOT_CANCELED] = "canceled", [BOOT_NOTHING] = "nothing"};

const char *boot_state_name(enum boot_state s)
{
    return STATES[s];
}

/* --- the list --- */

static struct part *add(struct boot *b, enum boot_kind kind, const char *name)
{
    if (b->count == b->cap) {
        b->cap = b->cap > 0 ? 2 * b->cap : 16;
        b->parts = xreallocarray(b->parts, b->cap, sizeof(*b->parts));
    }
    struct part *p = &b->parts[b->count++];
    memset(p, 0, sizeof(*p));
    p->b = b;
    p->item.kind = kind;
    str_copy(p->item.name, sizeof(p->item.name), name);
    return p;
}

static void nothing(struct part *p, const char *why)
{
    p->item.state = BOOT_NOTHING;
    str_copy(p->item.what, sizeof(p->item.what), why);
}

static void fails(struct part *p, const struct error *err)
{
    p->item.state = BOOT_FAILED;
    p->item.error = *err;
    str_copy(p->item.what, sizeof(p->item.what), err->msg);
    str_copy(p->item.text, sizeof(p->item.text), err->msg);
}

/* The inference server: what its active preset, or the setting, names. */
static void list_engine_up(struct boot *b)
{
    const struct inference_view *seen = model_inference_at(b->opts.model, 0);
    struct local_want want;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        struct local_server s;
        local_look(&s, b->opts.paths, &local_runtimes[i]);
        bool runs = s.pid_state == LOCAL_RUNS;
        local_server_release(&s);
        if (runs) {
            nothing(add(b, BOOT_ENGINE, local_runtimes[i].exe), "it runs");
            return;
        }
    }
    if (seen != NULL && (seen->state == INFERENCE_READY || seen->state == INFERENCE_LOADING)) {
        nothing(add(b, BOOT_ENGINE, "inference server"), "one that is not ours answers already");
        return;
    }
    if (local_resolve(&want, b->opts.paths, b->opts.config, &(struct local_request){0}, &err) < 0) {
        struct part *p = add(b, BOOT_ENGINE, "inference server");
        if (err.code == ERROR_NOT_FOUND) {
            nothing(p, "no preset is active: `muthr-tui engine start PRESET` makes one so");
        } else {
            fails(p, &err);
        }
        return;
    }
    struct part *p = add(b, BOOT_ENGINE, want.runtime->exe);
    str_format(p->item.what, sizeof(p->item.what), "start it with %s%s%s on %s:%lld", want.preset,
               want.preset[0] != '\0' ? ": " : "", want.model, want.host, (long long)want.port);
    local_want_release(&want);
}

static void list_service_up(struct boot *b, const struct service_view *v)
{
    struct part *p = add(b, BOOT_SERVICE, v->kind->name);
    struct error err = ERROR_INIT;
    switch (v->state) {
    case SERVICE_ABSENT:
        nothing(p, v->reason);
        break;
    case SERVICE_UNKNOWN:
        error_set(&err, ERROR_UNAVAILABLE, "%s",
                  v->reason[0] != '\0' ? v->reason : "how it stands is not known yet: try again");
        fails(p, &err);
        break;
    case SERVICE_FOREIGN:
        error_set(&err, ERROR_DENIED, "%s", v->reason);
        fails(p, &err);
        break;
    case SERVICE_NONE:
        str_format(p->item.what, sizeof(p->item.what), "make its container, start it%s",
                   v->kind->scripted ? ", run its script if there is one" : "");
        break;
    case SERVICE_RUNNING:
        /* Not provisioned for want of a script: its start finds that out too, and does nothing. */
        if (v->kind->scripted && v->provisioned == 0 && strstr(v->unprovisioned, "has no script") == NULL) {
            str_format(p->item.what, sizeof(p->item.what), "run its script: %s", v->unprovisioned);
        } else {
            nothing(p, v->provisioned == 0 ? "it runs, not provisioned: it has no script" : "it runs");
        }
        break;
    case SERVICE_STARTING:
    case SERVICE_PROVISIONING:
        nothing(p, "it is being started");
        break;
    case SERVICE_STOPPED:
    case SERVICE_FAILED:
        str_format(p->item.what, sizeof(p->item.what), "start it%s", v->kind->scripted ? ", run its script" : "");
        break;
    }
}

/* What ends with a sandbox: its sessions, and which agents are at work. */
static void tell_loss(const struct boot *b, const struct workspace *ws, struct boot_item *item)
{
    const struct session_info *s;
    MT_CLEANUP(strbuf) struct strbuf agents = STRBUF_INIT;
    size_t live = 0;
    for (size_t i = 0; (s = model_session_of(b->opts.model, ws->sandbox, i)) != NULL; i++) {
        bool runs = s->state == SESSION_RUNNING || s->state == SESSION_STARTING;
        live += runs;
        if (runs && s->working) {
            strbuf_addf(&agents, "%s%s", agents.len > 0 ? ", " : "", session_shown(s));
        }
    }
    item->working = agents.len > 0;
    if (live > 0) {
        str_format(item->loss, sizeof(item->loss), "%zu %s%s%.200s", live, live == 1 ? "session ends" : "sessions end",
                   agents.len > 0 ? "; at work: " : "", agents.buf);
    }
}

static void list_sandboxes(struct boot *b)
{
    for (size_t i = 0; i < model_workspace_count(b->opts.model); i++) {
        const struct workspace *ws = model_workspace_at(b->opts.model, i);
        const struct op_view *op = model_op(b->opts.model, ws->op);
        bool rises = op != NULL && op->state <= OP_RUNNING && strcmp(op->plan, "stop") != 0;
        if (ws->host[0] != '\0' || ws->sandbox[0] == '\0' ||
            ((!ws->have_info || ws->info.state != SANDBOX_RUNNING) && !rises)) {
            continue; /* those on other machines are not this one's to take down */
        }
        struct part *p = add(b, BOOT_SANDBOX, ws->sandbox);
        str_format(p->item.what, sizeof(p->item.what), "stop it; its home and the project folder stay");
        tell_loss(b, ws, &p->item);
    }
}

static void list_service_down(struct boot *b, const struct service_view *v)
{
    if (service_is_up(v) || v->state == SERVICE_STARTING) {
        struct part *p = add(b, BOOT_SERVICE, v->kind->name);
        str_format(p->item.what, sizeof(p->item.what), "stop it; its container stays");
    }
}

static void list_engine_down(struct boot *b)
{
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        struct local_server s;
        local_look(&s, b->opts.paths, &local_runtimes[i]);
        if (s.pid_state == LOCAL_RUNS) {
            const struct inference_view *seen = model_inference_at(b->opts.model, 0);
            struct part *p = add(b, BOOT_ENGINE, local_runtimes[i].exe);
            p->runtime = &local_runtimes[i];
            str_format(p->item.what, sizeof(p->item.what), "stop it (process %d%s%s)", s.pid,
                       s.model[0] != '\0' ? ", " : "", s.model);
            if (seen != NULL && seen->slots_busy > 0) {
                str_format(p->item.loss, sizeof(p->item.loss), "%d %s being answered", seen->slots_busy,
                           seen->slots_busy == 1 ? "request is" : "requests are");
            }
        }
        local_server_release(&s);
    }
}

struct boot *boot_new(const struct boot_opts *opts)
{
    struct boot *b = xcalloc(1, sizeof(*b));
    b->opts = *opts;
    if (opts->up) {
        list_engine_up(b);
    } else {
        list_sandboxes(b);
    }
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        const struct service_view *v = model_service(opts->model, i);
        if (opts->up) {
            list_service_up(b, v);
        } else {
            list_service_down(b, v);
        }
    }
    if (!opts->up) {
        list_engine_down(b);
    }
    return b;
}

size_t boot_item_count(const struct boot *b)
{
    return b->count;
}

const struct boot_item *boot_item(const struct boot *b, size_t i)
{
    return i < b->count ? &b->parts[i].item : NULL;
}

size_t boot_count(const struct boot *b, enum boot_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        n += b->parts[i].item.state == state;
    }
    return n;
}

void boot_list(const struct boot *b, bool all, struct strbuf *out)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct boot_item *item = &b->parts[i].item;
        if (item->state == BOOT_NOTHING && !all) {
            continue;
        }
        strbuf_addf(out, "%s: %s%s%s%s\n", item->name, item->state == BOOT_FAILED ? "cannot: " : "", item->what,
                    item->loss[0] != '\0' ? ". " : "", item->loss);
    }
}

/* --- running --- */

static void next_phase(struct boot *b);

/* Nobody is interested any more, and nothing of it runs. */
static void drop(struct boot *b)
{
    http_client_close(b->http);
    free(b->parts);
    free(b);
}

static void tell(struct part *p)
{
    if (p->b->opts.changed != NULL && !p->b->abandoned) {
        p->b->opts.changed(p->b->opts.arg, &p->item);
    }
}

/* A part is over. */
static void end(struct part *p, enum boot_state state, const struct error *err, const char *text)
{
    struct boot *b = p->b;
    p->item.state = state;
    if (err != NULL) {
        p->item.error = *err;
    }
    str_copy(p->item.text, sizeof(p->item.text), text);
    b->pending--;
    tell(p);
    if (b->abandoned && b->pending == 0) {
        drop(b);
    } else if (!b->abandoned) {
        next_phase(b);
    }
}

/* An op of the engine has ended. */
static void on_op(void *arg, const struct op_view *op)
{
    struct part *p = arg;
    const struct service_view *v =
        p->item.kind == BOOT_SERVICE ? model_service_by_name(p->b->opts.model, p->item.name) : NULL;
    char address[80] = "", text[240];
    p->item.op = 0;
    if (op->state == OP_DONE) {
        if (v != NULL && p->b->opts.up) {
            service_address(v, address);
        }
        str_format(text, sizeof(text), "%s%s%s%s", p->b->opts.up ? "running" : "stopped",
                   address[0] != '\0' ? ", " : "", address,
                   v != NULL && p->b->opts.up && v->provisioned == 0 ? ", not provisioned" : "");
        end(p, BOOT_DONE, NULL, text);
    } else {
        end(p, op->state == OP_FAILED ? BOOT_FAILED : BOOT_CANCELED, op->state == OP_FAILED ? &op->error : NULL,
            op->state == OP_FAILED ? op->error.msg : "canceled");
    }
}

static void on_job(void *arg, const struct local_done *d, const struct error *err)
{
    struct part *p = arg;
    char text[240];
    p->job = NULL;
    if (err != NULL) {
        end(p, err->code == ERROR_CANCELED ? BOOT_CANCELED : BOOT_FAILED, err, err->msg);
        return;
    }
    if (p->b->opts.up) {
        str_format(text, sizeof(text), "process %d, %s", d->pid,
                   d->state != NULL && strcmp(d->state, "down") != 0 ? d->state : "no answer yet");
    } else {
        str_format(text, sizeof(text), "%s", d->killed ? "killed: it did not end when asked to" : "stopped");
    }
    end(p, BOOT_DONE, NULL, text);
}

static void on_progress(void *arg, const char *step, const char *text)
{
    struct part *p = arg;
    str_format(p->item.text, sizeof(p->item.text), "%s%s%s", step, text[0] != '\0' ? ": " : "", text);
    tell(p);
}

void boot_on_event(struct boot *b, const struct model_event *ev)
{
    const struct op_view *op = ev->kind == MODEL_OP ? model_op(b->opts.model, ev->op) : NULL;
    for (size_t i = 0; op != NULL && op->state == OP_RUNNING && i < b->count; i++) {
        struct part *p = &b->parts[i];
        if (p->item.op == op->id && op->step >= 0 && op->step < op->step_count) {
            const struct op_step_view *st = &op->steps[op->step];
            str_format(p->item.text, sizeof(p->item.text), "%s%s%.180s", st->name, st->text[0] != '\0' ? ": " : "",
                       st->text);
            tell(p);
        }
    }
}

/* Starts one part; false and err: it could not begin. */
static bool begin(struct part *p, struct error *err)
{
    struct boot *b = p->b;
    if (p->item.kind == BOOT_ENGINE) {
        b->http = b->http != NULL ? b->http : http_client_new(b->opts.loop);
        struct local_job_opts opts = {.loop = b->opts.loop,
                                      .http = b->http,
                                      .paths = b->opts.paths,
                                      .config = b->opts.config,
                                      .verb = b->opts.up ? LOCAL_START : LOCAL_STOP,
                                      .runtime = p->runtime,
                                      .progress = on_progress,
                                      .done = on_job,
                                      .arg = p};
        return local_job_start(&p->job, &opts, err) == 0;
    }
    if (p->item.kind == BOOT_SERVICE) {
        struct engine_service_request req = {
            .plan = b->opts.up ? SERVICE_START : SERVICE_STOP, .name = p->item.name, .done = on_op, .arg = p};
        p->item.op = engine_service(b->opts.engine, &req, err);
    } else {
        struct engine_request req = {.plan = ENGINE_STOP, .sandbox = p->item.name, .done = on_op, .arg = p};
        p->item.op = engine_run(b->opts.engine, &req, err);
    }
    return p->item.op != 0;
}

/* Starts every part of a kind that waits. Down: sandboxes go first, so that what their programs talk to is there until
 * they have ended. */
static void start_parts(struct boot *b, bool sandboxes)
{
    for (size_t i = 0; i < b->count; i++) {
        struct part *p = &b->parts[i];
        struct error err = ERROR_INIT;
        if (p->item.state != BOOT_WAITING || (p->item.kind == BOOT_SANDBOX) != sandboxes) {
            continue;
        }
        if (b->canceled) {
            p->item.state = BOOT_CANCELED;
            str_copy(p->item.text, sizeof(p->item.text), "left as it is");
            tell(p);
            continue;
        }
        p->item.state = BOOT_RUNNING;
        b->pending++;
        tell(p);
        if (!begin(p, &err)) {
            p->item.state = BOOT_FAILED;
            p->item.error = err;
            str_copy(p->item.text, sizeof(p->item.text), err.msg);
            b->pending--;
            tell(p);
        }
    }
}

static void on_over(void *arg)
{
    struct boot *b = arg;
    if (b->abandoned) {
        drop(b);
        return;
    }
    b->running = false;
    b->opts.done(b->opts.arg);
}

/* Goes on when nothing is in flight. */
static void next_phase(struct boot *b)
{
    if (b->pending > 0) {
        return;
    }
    start_parts(b, false);
    if (b->pending == 0 && b->running && !b->over) {
        b->over = true;
        loop_defer(b->opts.loop, on_over, b);
    }
}

void boot_run(struct boot *b)
{
    b->running = true;
    if (!b->opts.up) {
        start_parts(b, true);
    }
    next_phase(b);
}

bool boot_is_over(const struct boot *b)
{
    return !b->running && b->pending == 0;
}

void boot_cancel(struct boot *b)
{
    if (!b->running) {
        return;
    }
    b->canceled = true;
    for (size_t i = 0; i < b->count; i++) {
        struct part *p = &b->parts[i];
        if (p->item.op != 0) {
            engine_cancel(b->opts.engine, p->item.op);
        } else if (p->job != NULL) {
            local_job_cancel(p->job);
        }
    }
}

void boot_free(struct boot *b)
{
    if (b == NULL) {
        return;
    }
    b->abandoned = true;
    for (size_t i = 0; i < b->count; i++) {
        if (b->parts[i].job != NULL) {
            local_job_cancel(b->parts[i].job);
        }
    }
    if (b->pending == 0 && !(b->running && b->over)) { /* else on_over comes yet */
        drop(b);
    }
}
