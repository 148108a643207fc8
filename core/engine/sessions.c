/* SPDX-License-Identifier: Apache-2.0 */
/* Interactive sessions in a running sandbox: their argv and environment (X1, P3). */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/hosts.h"
#include "core/engine/task_claim.h"
#include "core/engine/task_def.h"
#include "core/engine/task_log.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* A session on its way: first the model is asked for, then the host started. */
struct session_start {
    struct engine *e;
    char sandbox[96];
    enum session_kind kind;
    char *command, *profile, *cwd;
    char task_name[TASK_NAME_MAX]; /* of a task; "" else */
    int claim;                     /* of that name; -1: none */
    struct task_policy task;
    char log_path[sizeof(((struct session_info *)0)->log_path)];
    struct strvec env;
    int cols, rows;
    struct watcher_look *model_look;
    bool canceled;
    void (*done)(void *arg, const char *id, const struct error *err);
    void *arg;
    struct session_start *next;
};

/* Ends one: unlinks, tells, frees. */
static void finish(struct session_start *s, const char *id, const struct error *err)
{
    struct engine *e = s->e;
    struct session_start **at = &e->starts;
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    task_claim_end(s->claim, id);
    if (s->done != NULL) {
        s->done(s->arg, id, err);
    }
    free(s->command);
    free(s->profile);
    free(s->cwd);
    strvec_release(&s->env);
    free(s);
    engine_settle(e);
}

/* The running sandbox of that name, its slot and profile. */
static int find_running(struct engine *e, const char *sandbox, const char *profile_name, struct slot **slot,
                        struct profile *profile, struct error *err)
{
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, sandbox);
    char name[64];
    if (ws == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "there is no workspace with the sandbox %.96s", sandbox);
    }
    if (ws->reserved) {
        return error_set(err, ERROR_INVALID, "%s is reserved: there is no shell in it", sandbox);
    }
    if (!ws->have_info || ws->info.state != SANDBOX_RUNNING) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it first", "%s is not running", sandbox);
    }
    if (engine_check_folder(ws, &ws->info, err) < 0) {
        return -1;
    }
    if (ws->info.halted) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it: it goes on where it was", "%s is %s", sandbox,
                          ws->info.reason);
    }
    *slot = engine_slot_for(e, ws, err);
    if (*slot == NULL) {
        return -1;
    }
    struct record record;
    record_load(&record, e->opts.paths, sandbox);
    engine_profile_of(e, ws, &record, name);
    record_release(&record);
    if (profile_load(profile, e->opts.paths, profile_name != NULL ? profile_name : name, err) < 0) {
        struct error why = *err;
        if (profile_name != NULL || profile_load(profile, e->opts.paths, "base", err) < 0) {
            return -1;
        }
        log_warn("%s: %s; going on as base", sandbox, why.msg); /* a shell must not depend on a broken profile */
    }
    return 0;
}

const char *engine_mount(const struct workspace *ws)
{
    return ws != NULL && ws->info.mount[0] != '\0' ? ws->info.mount : "/workspace";
}

/* Host-side argv and environment of a program inside. */
static int build(struct engine *e, struct slot *slot, const struct profile *profile, const char *sandbox,
                 const char *const *argv, const char *cwd, bool tty, const struct strvec *extra,
                 struct strvec *argv_out, struct strvec *env_out, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, sandbox);
    const char *mount = engine_mount(ws);
    const struct sandbox_info none = {.net_known = false};
    const struct endpoint *ep = endpoints_of(e, sandbox);
    if (engine_environment(e, slot, ws != NULL ? &ws->info : &none, profile, mount, ep, watcher_view(ep->watcher),
                           false, &env, NULL, err) < 0 ||
        env_add_extra(extra, &env, err) < 0) {
        return -1;
    }
    char bare[NAMING_SANDBOX_MAX];
    /* Minimal images have another shell. */
    MT_CLEANUP(strvec) struct strvec inside = STRVEC_INIT;
    bool other = ws != NULL && strcmp(argv[0], "bash") == 0 && image_lacks(ws->image_notice, "bash");
    strvec_push(&inside, other ? "sh" : argv[0]);
    strvec_pushv(&inside, argv + 1);
    struct exec_spec spec = {.sandbox = hosts_bare(sandbox, ws != NULL ? ws->name : NULL, slot->ops->caps, bare),
                             .argv = (const char *const *)inside.v,
                             .env = (const char *const *)env.v,
                             .cwd = cwd != NULL ? cwd : mount,
                             .tty = tty};
    return slot->ops->exec_argv(slot->be, &spec, argv_out, env_out, err);
}

int engine_exec_argv(struct engine *e, const char *sandbox, const char *const *argv, const char *cwd, bool tty,
                     const struct strvec *env, struct strvec *argv_out, struct strvec *env_out, struct error *err)
{
    static const char *const LOGIN[] = {"bash", "-l", NULL};
    struct slot *slot;
    struct profile profile;
    struct error mine = ERROR_INIT;
    int rc = find_running(e, sandbox, NULL, &slot, &profile, &mine);
    if (rc == 0) {
        rc = build(e, slot, &profile, sandbox, argv != NULL ? argv : LOGIN, cwd, tty, env, argv_out, env_out, &mine);
        profile_release(&profile);
    }
    if (rc < 0 && err != NULL) {
        *err = mine;
    }
    return rc;
}

/* The program of a session by its kind (X1). */
static int build_program(const struct session_start *s, const struct profile *profile, struct strvec *argv,
                         struct error *err)
{
    if (s->kind == SESSION_AGENT) {
        if (profile->manifest.agent.len == 0) {
            return error_hint(err, ERROR_INVALID, "choose a profile with agent.command in its manifest",
                              "profile %s has no agent", profile->name);
        }
        strvec_pushv(argv, (const char *const *)profile->manifest.agent.v);
    } else if (s->kind == SESSION_TASK) {
        strvec_pushl(argv, "sh", "-c", s->command, NULL);
    } else if (s->command != NULL) {
        strvec_pushl(argv, "bash", "-lc", s->command, NULL);
    } else {
        strvec_pushl(argv, "bash", "-l", NULL);
    }
    return 0;
}

/* Ended tasks of that name make room for the new one: their hosts go, their logs stay. */
static void dismiss_ended(const struct session_start *s, const char *but)
{
    const struct session_port *port = &s->e->opts.port;
    MT_CLEANUP(strvec) struct strvec ids = STRVEC_INIT;
    const struct session_info *i;
    for (size_t k = 0; (i = model_session_of(s->e->opts.model, s->sandbox, k)) != NULL; k++) {
        if (i->kind == SESSION_TASK && i->state == SESSION_EXITED && strcmp(i->label, s->task_name) == 0 &&
            strcmp(i->id, but) != 0) {
            task_log_end(s->e->opts.paths, i);
            strvec_push(&ids, i->id);
        }
    }
    for (size_t k = 0; k < ids.len; k++) {
        port->dismiss(port->arg, ids.v[k]);
    }
}

/* The host is up, or not. */
static void on_started(void *arg, const char *id, const struct error *err)
{
    struct session_start *s = arg;
    if (err == NULL && s->kind == SESSION_TASK) {
        if (s->log_path[0] != '\0') {
            task_log_note(s->log_path, id, s->task_name, s->command);
        }
        dismiss_ended(s, id);
    }
    finish(s, err == NULL ? id : NULL, err);
}

/* Where a task's output is kept. Without a place for it (disk full) the task runs all the same. */
static void find_log(struct session_start *s)
{
    MT_CLEANUP(strvec) struct strvec live = STRVEC_INIT;
    const struct model *m = s->e->opts.model;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < model_session_count(m); i++) {
        const struct session_info *info = model_session_at(m, i);
        if (info->log_path[0] != '\0' && info->state != SESSION_EXITED && info->state != SESSION_LOST) {
            strvec_push(&live, info->log_path);
        }
    }
    if (task_log_new(s->e->opts.paths, s->sandbox, s->task_name, &live, s->log_path, sizeof(s->log_path), &err) < 0) {
        model_problem(s->e->opts.model, "task %s: its output is not kept: %s", s->task_name, err.msg);
        s->log_path[0] = '\0';
    }
}

/* Everything is known: starts the host. */
static int launch(struct session_start *s, struct error *err)
{
    struct engine *e = s->e;
    const struct session_port *port = &e->opts.port;
    MT_CLEANUP(strvec) struct strvec inside = STRVEC_INIT, argv = STRVEC_INIT, env = STRVEC_INIT;
    struct slot *slot;
    struct profile profile;
    if (find_running(e, s->sandbox, s->profile, &slot, &profile, err) < 0) {
        return -1;
    }
    int rc = build_program(s, &profile, &inside, err);
    if (rc == 0) {
        rc = build(e, slot, &profile, s->sandbox, (const char *const *)inside.v, s->cwd, true, &s->env, &argv, &env,
                   err);
    }
    MT_CLEANUP(strbuf) struct strbuf audit = STRBUF_INIT;
    const struct engine_audit_input seen = {.sandbox = s->sandbox,
                                            .kind = s->kind,
                                            .argv = (const char *const *)inside.v,
                                            .cwd = s->cwd,
                                            .tty = true,
                                            .env = &s->env};
    if (rc == 0) {
        const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, s->sandbox);
        const char *label = s->kind == SESSION_AGENT  ? path_base(inside.v[0])
                            : s->kind == SESSION_TASK ? s->task_name
                            : s->command != NULL      ? s->command
                                                      : session_kind_name(s->kind);
        if (s->kind == SESSION_TASK) {
            find_log(s);
        }
        struct session_spec spec = {.kind = s->kind,
                                    .sandbox = s->sandbox,
                                    .project = ws != NULL ? ws->name : NULL,
                                    .backend = slot->ops->name,
                                    .profile = profile.name,
                                    .label = label,
                                    .command = s->command,
                                    .log_path = s->log_path[0] != '\0' ? s->log_path : NULL,
                                    .task = s->kind == SESSION_TASK ? &s->task : NULL,
                                    .argv = (const char *const *)argv.v,
                                    .env = (const char *const *)env.v,
                                    .audit = engine_audit(e, &seen, &audit) ? audit.buf : NULL,
                                    .cols = s->cols,
                                    .rows = s->rows};
        rc = port->start(port->arg, &spec, on_started, s, err);
    }
    profile_release(&profile);
    return rc;
}

/* The inference server answered, or did not. */
static void on_model(void *arg, const struct inference_view *view)
{
    struct session_start *s = arg;
    struct error err = ERROR_INIT;
    (void)view;
    s->model_look = NULL;
    if (s->canceled) {
        error_set(&err, ERROR_CANCELED, "the engine is closing");
        finish(s, NULL, &err);
        return;
    }
    if (launch(s, &err) < 0) {
        finish(s, NULL, &err);
    }
}

/* The task of that name that lives in the sandbox, or is on its way: its session's id, "" when it has none yet. NULL:
 * there is none. */
static const char *living_task(const struct engine *e, const char *sandbox, const char *name)
{
    const struct session_info *i;
    for (size_t k = 0; (i = model_session_of(e->opts.model, sandbox, k)) != NULL; k++) {
        if (i->kind == SESSION_TASK && (i->state == SESSION_STARTING || i->state == SESSION_RUNNING) &&
            strcmp(i->label, name) == 0) {
            return i->id;
        }
    }
    for (const struct session_start *s = e->starts; s != NULL; s = s->next) {
        if (s->kind == SESSION_TASK && strcmp(s->sandbox, sandbox) == 0 && strcmp(s->task_name, name) == 0) {
            return "";
        }
    }
    return NULL;
}

/* task_claim: a session that the model has. */
static bool is_known(void *arg, const char *session)
{
    return model_session(arg, session) != NULL;
}

/* One name is one living task of a sandbox: takes it, or says who has it. */
static int take_name(const struct engine *e, const char *sandbox, const char *name, int *claim, struct error *err)
{
    const char *id = living_task(e, sandbox, name);
    if (id != NULL) {
        return error_set(err, ERROR_EXISTS, "%s: the task %s runs already%s%s", sandbox, name,
                         id[0] != '\0' ? ", as session " : "", id);
    }
    const struct task_claim c = {.paths = e->opts.paths,
                                 .sandbox = sandbox,
                                 .name = name,
                                 .since_wall_ms = e->born_wall_ms,
                                 .is_known = is_known,
                                 .arg = e->opts.model};
    return task_claim_take(&c, claim, err);
}

/* What a task is called. Names made here make way by a number. */
static int name_task(const struct engine *e, const struct engine_session_request *req, char name[TASK_NAME_MAX],
                     int *claim, struct error *err)
{
    if (req->name == NULL) {
        char made[TASK_NAME_MAX];
        task_name_of(req->command, made);
        str_copy(name, TASK_NAME_MAX, made);
        for (int i = 2; take_name(e, req->sandbox, name, claim, NULL) < 0; i++) {
            str_format(name, TASK_NAME_MAX, "%.50s-%d", made, i);
        }
        return 0;
    }
    if (task_check_name(req->name, err) < 0) {
        return -1;
    }
    str_copy(name, TASK_NAME_MAX, req->name);
    return take_name(e, req->sandbox, name, claim, err);
}

int engine_session(struct engine *e, const struct engine_session_request *req, struct error *err)
{
    struct slot *slot;
    struct profile profile;
    char task_name[TASK_NAME_MAX] = "";
    int claim = -1;
    struct error mine = ERROR_INIT;
    bool bad = e->closing || req->kind == SESSION_PROVISION || (req->kind == SESSION_TASK && req->command == NULL);
    int rc = bad ? error_set(&mine, e->closing ? ERROR_CANCELED : ERROR_INVALID,
                             e->closing ? "the engine is closing" : "such a session cannot be started")
                 : find_running(e, req->sandbox, req->profile, &slot, &profile, &mine);
    if (rc == 0) {
        profile_release(&profile);
        rc = env_check_extra(req->env, &mine);
    }
    if (rc == 0 && req->kind == SESSION_TASK) {
        rc = task_check_command(req->command, &mine) < 0 ? -1 : name_task(e, req, task_name, &claim, &mine);
    }
    if (rc < 0) {
        if (err != NULL) {
            *err = mine;
        }
        return -1;
    }
    struct session_start *s = xcalloc(1, sizeof(*s));
    s->e = e;
    str_copy(s->sandbox, sizeof(s->sandbox), req->sandbox);
    s->kind = req->kind;
    str_copy(s->task_name, sizeof(s->task_name), task_name);
    s->claim = claim;
    if (req->task != NULL) {
        s->task = *req->task;
    }
    s->command = xstrdup_null(req->command);
    s->profile = xstrdup_null(req->profile);
    s->cwd = xstrdup_null(req->cwd);
    strvec_init(&s->env);
    env_add_terminal(&s->env);
    if (req->kind == SESSION_TASK) {
        strvec_setenv(&s->env, "MUTHR_SESSION", ""); /* its host says which: term/hostenv.h */
    }
    if (req->env != NULL) {
        strvec_pushv(&s->env, (const char *const *)req->env->v);
    }
    s->cols = req->cols;
    s->rows = req->rows;
    s->done = req->done;
    s->arg = req->arg;
    s->next = e->starts;
    e->starts = s;
    struct watcher *watcher = endpoints_of(e, s->sandbox)->watcher;
    if (!watcher_is_fresh(watcher, INFERENCE_FRESH_MS)) {
        s->model_look = watcher_look(watcher, on_model, s);
        return 0;
    }
    rc = launch(s, err);
    if (rc < 0) {
        s->done = NULL; /* the caller has the error */
        finish(s, NULL, NULL);
    }
    return rc;
}

void sessions_cancel_all(struct engine *e)
{
    for (struct session_start *s = e->starts; s != NULL; s = s->next) {
        s->canceled = true;
        if (s->model_look != NULL) {
            watcher_look_cancel(s->model_look);
        }
    }
}
