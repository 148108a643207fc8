/* SPDX-License-Identifier: Apache-2.0 */
/* One op of the engine: what it was asked, what it holds, and how it ends. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/hosts.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

static const char *const PLAN_NAMES[] = {
    [ENGINE_START] = "start",     [ENGINE_STOP] = "stop",           [ENGINE_RESTART] = "restart",
    [ENGINE_DELETE] = "delete",   [ENGINE_PROVISION] = "provision", [ENGINE_APPLY] = "apply",
    [ENGINE_DISCARD] = "discard", [ENGINE_BAKE] = "bake",
};
_Static_assert(MT_ARRAY_LEN(PLAN_NAMES) == ENGINE_PLAN_COUNT, "a plan without a name");

const char *engine_plan_name(enum engine_plan plan)
{
    return (size_t)plan < MT_ARRAY_LEN(PLAN_NAMES) ? PLAN_NAMES[plan] : "unknown";
}

int plan_parse(const char *name)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(PLAN_NAMES); i++) {
        if (strcmp(PLAN_NAMES[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Every change of an op goes into the model, which tells the listeners. */
static void run_changed(struct op *op, void *ctx)
{
    struct run *r = ctx;
    model_put_op(r->e->opts.model, op_get_view(op));
}

/* Frees what is left; locks were released by the unlock step, which always runs. */
static void run_free(struct run *r)
{
    backend_call_release(&r->call);
    strvec_release(&r->env);
    strvec_release(&r->argv);
    strvec_release(&r->child_env);
    strvec_release(&r->ending);
    strvec_release(&r->paths);
    devcontainer_release(&r->dev);
    free(r->wanted_image);
    strbuf_release(&r->tar);
    strbuf_release(&r->spec_text);
    sandbox_spec_release(&r->spec);
    if (r->have_profile) {
        profile_release(&r->profile);
    }
    if (r->have_record) {
        record_release(&r->record);
    }
    dirwatch_close(r->log_watch);
    timer_close(r->follow);
    timer_close(r->kill_limit);
    free(r);
}

/* The op is over: once. */
static void run_ended(struct op *op, void *ctx)
{
    struct run *r = ctx;
    struct engine *e = r->e;
    struct run **at = &e->runs;
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    struct op_view *v = op_get_view(op);
    if (v->state == OP_FAILED) {
        const char *hint = v->error.hint ? v->error.hint : "";
        log_error("%s %s: %s%s%s%s", v->plan, v->sandbox, v->error.msg, *hint ? " (" : "", hint, *hint ? ")" : "");
    }
    if (r->done != NULL) {
        r->done(r->done_arg, v);
    }
    run_free(r);
    refresh_soon(e);
    takeover_soon(e);
    engine_schedule(e);
    engine_settle(e);
}

struct run *run_new(struct engine *e, const struct engine_request *req, const struct workspace *ws)
{
    struct run *r = xcalloc(1, sizeof(*r));
    r->e = e;
    r->id = ++e->last_op;
    r->plan = req->plan;
    r->ws = ws->id;
    str_copy(r->sandbox, sizeof(r->sandbox), ws->sandbox);
    str_copy(r->profile_name, sizeof(r->profile_name), req->profile != NULL ? req->profile : "");
    r->net = req->net;
    r->net_given = req->net_given;
    r->recreate = req->recreate;
    r->reprovision = req->reprovision;
    r->as_is = req->as_is;
    r->force = req->force;
    r->no_provision = req->no_provision;
    r->allow_post_create = req->allow_post_create;
    r->allow_image = req->allow_image;
    r->orphan_only = req->orphan_only;
    r->idle_only = req->idle_only;
    r->idle_stamp = idle_stamp(e, ws->sandbox, &ws->info);
    r->delay_ms = req->delay_ms;
    r->wanted_image = xstrdup_null(req->image);
    str_copy(r->backend, sizeof(r->backend), req->backend != NULL ? req->backend : "");
    strvec_init(&r->paths);
    r->have_paths = req->paths != NULL;
    if (req->paths != NULL) {
        strvec_pushv(&r->paths, (const char *const *)req->paths->v);
    }
    r->done = req->done;
    r->done_arg = req->arg;
    strvec_init(&r->env);
    strvec_init(&r->argv);
    strvec_init(&r->child_env);
    strvec_init(&r->ending);
    strbuf_init(&r->tar);
    strbuf_init(&r->spec_text);
    if (req->env != NULL) {
        strvec_pushv(&r->env, (const char *const *)req->env->v);
    }
    r->op = op_new(&(struct op_opts){.loop = e->opts.loop,
                                     .steps = plan_steps(req->plan),
                                     .ctx = r,
                                     .timeout_max_ms = e->opts.step_timeout_max_ms,
                                     .changed = run_changed,
                                     .ended = run_ended});
    struct op_view *v = op_get_view(r->op);
    v->id = r->id;
    str_copy(v->plan, sizeof(v->plan), engine_plan_name(req->plan));
    str_copy(v->sandbox, sizeof(v->sandbox), r->sandbox);
    str_copy(v->profile, sizeof(v->profile), r->profile_name);
    str_copy(v->notice, sizeof(v->notice), req->notice != NULL ? req->notice : "");
    struct run **at = &e->runs;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = r;
    return r;
}

/* A line of progress from the backend. */
static void run_on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    struct run *r = call->arg;
    struct op_view *v = op_get_view(r->op);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    (void)is_stderr;
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ')) {
        len--;
    }
    utf8_sanitize(&text, line, MT_MIN(len, (size_t)400), false);
    if (r->take_line != NULL && r->take_line(r, text.buf)) {
        return;
    }
    if (!r->keep_line && text.len > 0) {
        str_copy(r->last_line, sizeof(r->last_line), text.buf);
    }
    if (v->step < v->step_count) {
        v->steps[v->step].percent = call->percent;
    }
    op_text(r->op, "%s", text.buf);
}

/* A backend call is over: records and resumes. */
static void run_on_done(struct backend_call *call, const struct error *err)
{
    struct run *r = call->arg;
    struct error mine = err != NULL ? *err : ERROR_INIT;
    if (err != NULL && r->explain != NULL) {
        r->explain(r, &mine);
    }
    r->explain = NULL;
    r->take_line = NULL;
    if (err == NULL && r->settle != NULL) {
        r->settle(r, &mine);
    }
    op_resume(r->op, mine.code != ERROR_NONE ? &mine : NULL);
}

struct endpoint *run_endpoint(const struct run *r)
{
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    const char *profile = r->have_profile ? r->profile.name : r->profile_name;
    return endpoints_for(r->e, ws != NULL ? ws->name : NULL, profile);
}

const char *run_bare(struct run *r)
{
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    if (r->bare[0] == '\0') { /* once: the workspace may go while the op runs */
        hosts_bare(r->sandbox, ws != NULL ? ws->name : NULL, r->slot->ops->caps, r->bare);
    }
    return r->bare;
}

enum step_result run_submit(struct run *r, enum backend_verb verb, int (*settle)(struct run *r, struct error *err))
{
    struct backend_call prepared = r->call;
    prepared.infos = NULL; /* the last call's answer must not be freed twice */
    prepared.facts = NULL;
    prepared.changes = NULL;
    prepared.fact_count = prepared.change_count = 0;
    prepared.percent = -1;
    backend_call_release(&r->call);
    r->call = prepared;
    r->call.info_count = 0;
    r->call.priv = NULL;
    r->call.verb = verb;
    r->call.name = run_bare(r);
    r->call.done = run_on_done;
    r->call.on_line = run_on_line;
    r->call.arg = r;
    r->settle = settle;
    if (verb == BACKEND_EXEC) {
        engine_audit_exec(r);
    }
    r->slot->ops->submit(r->slot->be, &r->call);
    return STEP_WAIT;
}

void run_cancel_call(struct op *op, void *ctx)
{
    struct run *r = ctx;
    (void)op;
    r->slot->ops->cancel(r->slot->be, &r->call);
}

/* Is this what another project's name was reduced to as well? */
static bool is_of_another(const struct run *r, const struct sandbox_info *info)
{
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    bool ours = info->state != SANDBOX_NONE && !info->foreign && info->project[0] != '\0';
    return ours && ws != NULL && strcmp(info->project, ws->name) != 0 && strcmp(info->project, ws->shown) != 0;
}

bool engine_has_other_folder(const struct workspace *ws, const struct sandbox_info *info)
{
    const char *own = info->workspace;
    return ws->host[0] == '\0' && info->state != SANDBOX_NONE && !info->foreign && own[0] == '/' &&
           strcmp(own, ws->path) != 0 && fs_is_dir(own) && fs_is_dir(ws->path) && !fs_is_same(own, ws->path);
}

int engine_check_folder(const struct workspace *ws, const struct sandbox_info *info, struct error *err)
{
    if (ws == NULL || !engine_has_other_folder(ws, info)) {
        return 0;
    }
    const char *end = path_base(info->workspace);
    MT_CLEANUP(strbuf) struct strbuf root = STRBUF_INIT;
    utf8_sanitize(&root, info->workspace, (size_t)(end - info->workspace), false);
    return error_hint(err, ERROR_DENIED, "--root with that folder works on it; or rename one of the two projects",
                      "%s is the sandbox of the project of this name in %s: it is left alone", ws->sandbox, root.buf);
}

int run_take_info(struct run *r, struct error *err)
{
    if (r->call.info_count == 0) {
        return error_set(err, ERROR_ANSWER, "%s: the backend did not say what it is", r->sandbox);
    }
    if (is_of_another(r, &r->call.infos[0])) {
        return error_hint(err, ERROR_DENIED, "rename one of the two folders",
                          "the project %s has this sandbox name too, and its sandbox exists: it is left alone",
                          r->call.infos[0].project);
    }
    if (engine_check_folder(model_workspace(r->e->opts.model, r->ws), &r->call.infos[0], err) < 0) {
        return -1;
    }
    r->info = r->call.infos[0];
    str_copy(r->info.name, sizeof(r->info.name), r->sandbox); /* with the host, where there is one */
    refresh_put(r->e, r->sandbox, r->slot, &r->info);
    return 0;
}

void run_release_l1(struct run *r)
{
    if (r->l1 != NULL) {
        lockfile_release(r->l1);
        r->l1 = NULL;
        r->l1_held = false;
        turn_is_free(r->e);
    }
}

void run_note(struct run *r, const char *text)
{
    struct op_view *v = op_get_view(r->op);
    if (strstr(v->notice, text) == NULL) {
        MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
        strbuf_addf(&all, "%s%s%s", v->notice, v->notice[0] != '\0' ? "; " : "", text);
        str_copy(v->notice, sizeof(v->notice), all.buf);
        op_touch(r->op);
    }
}
