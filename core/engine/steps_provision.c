/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: the profile's script as a session that outlives us (P2-P8), the network cut after it (S11), and the record of
 * both. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/tar.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define ARCHIVE_MAX (16u << 20)
#define FOLLOW_MS 100 /* phases are looked for at most so often: a flood costs ten reads a second */
#define KILL_LIMIT_MS 800

/* The inference server answered, or did not: both are fine. */
static void model_done(void *arg, const struct inference_view *view)
{
    struct run *r = arg;
    r->model_look = NULL;
    r->inference = *view;
    op_resume(r->op, NULL);
}

enum step_result step_model(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->model_look = watcher_look(run_endpoint(r)->watcher, model_done, r);
    return STEP_WAIT;
}

void step_model_cancel(struct op *op, void *ctx)
{
    struct run *r = ctx;
    (void)op;
    watcher_look_cancel(r->model_look);
}

/* Why no script runs, for the view. */
static bool nothing_to_run(const struct run *r, char why[STEP_WHY_MAX])
{
    if (r->do_provision) {
        return false;
    }
    str_copy(why, STEP_WHY_MAX,
             r->profile.script == NULL ? "the profile has no script"
             : r->no_provision         ? "not asked for"
                                       : OP_PROVISIONED_BEFORE);
    return true;
}

bool skip_copy(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    if (r->adopt) {
        str_copy(why, STEP_WHY_MAX, "a provision run is under way");
        return true;
    }
    return nothing_to_run(r, why);
}

/* Where programs inside put what is temporary. */
static const char *run_tmp(const struct run *r)
{
    return r->info.tmp[0] != '\0' ? r->info.tmp : "/tmp";
}

/* P.sh and lib/ as an archive. */
static int build_archive(struct run *r, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    MT_CLEANUP(xfree) char *name = xasprintf("%s.sh", r->profile.name);
    strbuf_clear(&r->tar);
    if (fs_read(r->profile.script, ARCHIVE_MAX, &script, err) < 0 ||
        tar_add_file(&r->tar, name, 0755, script.buf, script.len, err) < 0 ||
        tar_add_tree(&r->tar, r->profile.lib, "lib", ARCHIVE_MAX, err) < 0) {
        return -1;
    }
    tar_end(&r->tar);
    return 0;
}

enum step_result step_copy(struct op *op, void *ctx, struct error *err)
{
    /* A constant script; the folder travels as its argument. */
    static const char UNPACK[] = "rm -rf -- \"$1\" && mkdir -p -m 700 -- \"$1\" && exec tar -xf - -C \"$1\"";
    struct run *r = ctx;
    (void)op;
    if (build_archive(r, err) < 0) {
        return STEP_FAIL;
    }
    strvec_clear(&r->argv);
    strvec_pushl(&r->argv, "sh", "-c", UNPACK, "sh", NULL);
    strvec_pushf(&r->argv, "%s/muthr-provision-%s", run_tmp(r), r->profile.name);
    r->call.argv = (const char *const *)r->argv.v;
    r->call.env = NULL;
    r->call.cwd = run_tmp(r);
    r->call.as_root = false;
    r->call.input = r->tar.buf;
    r->call.input_len = r->tar.len;
    return run_submit(r, BACKEND_EXEC, NULL);
}

bool skip_provision(void *ctx, char why[STEP_WHY_MAX])
{
    return nothing_to_run(ctx, why);
}

/* --- following a run --- */

/* Shows the newest phase line. */
static void show_phase(struct run *r)
{
    struct op_view *v = op_get_view(r->op);
    if (r->phase.phase[0] != '\0' && strcmp(v->phase, r->phase.phase) != 0) {
        str_copy(v->phase, sizeof(v->phase), r->phase.phase);
        op_text(r->op, "%s", r->phase.phase);
    }
}

static void look(struct run *r);

/* Reads what the log has grown by; more of it a little later. */
static void on_follow(void *arg)
{
    struct run *r = arg;
    if (r->look_due) {
        r->look_due = false;
        look(r);
        return;
    }
    if (phase_read(&r->phase, r->log_path)) {
        timer_start(r->follow, FOLLOW_MS);
    }
    show_phase(r);
}

/* The log folder changed: not at once, so that a flood is read in large pieces. */
static void on_log(void *arg, const char *name)
{
    struct run *r = arg;
    if (name != NULL && strcmp(name, path_base(r->log_path)) != 0) {
        return;
    }
    if (!timer_is_active(r->follow)) {
        timer_start(r->follow, FOLLOW_MS);
    }
}

/* Ends the step; nothing of the session is waited for any more. */
static void finish(struct run *r, const struct error *err)
{
    r->session_wait = false;
    dirwatch_close(r->log_watch);
    r->log_watch = NULL;
    timer_stop(r->follow);
    timer_stop(r->kill_limit);
    op_resume(r->op, err);
}

/* The script has ended: reads the rest of the log and says what came of it. */
static void settle_exit(struct run *r, const struct session_info *s)
{
    const struct session_port *port = &r->e->opts.port;
    struct error err = ERROR_INIT;
    for (int i = 0; i < 8 && phase_read(&r->phase, r->log_path); i++) {
    }
    phase_end(&r->phase);
    show_phase(r);
    if (r->session_stop) {
        error_set(&err, ERROR_CANCELED, "provision %s: stopped", r->profile.name);
        finish(r, &err);
        return;
    }
    if (s->exit_code == 0 && s->exit_signal == 0) {
        char id[SESSION_ID_MAX];
        str_copy(id, sizeof(id), s->id);
        finish(r, NULL);
        port->dismiss(port->arg, id);
        return;
    }
    const char *line = r->phase.failure[0] != '\0' ? r->phase.failure
                       : r->phase.last[0] != '\0'  ? r->phase.last
                                                   : s->last_line;
    if (s->exit_signal != 0) {
        error_hint(&err, ERROR_EXIT, "look at the log, or open a shell in the sandbox",
                   "provision %s: ended by signal %d: %s", r->profile.name, s->exit_signal, line);
    } else {
        error_hint(&err, ERROR_EXIT, "look at the log, or open a shell in the sandbox", "provision %s: exit %d: %s",
                   r->profile.name, s->exit_code, line);
    }
    err.sys = s->exit_signal != 0 ? 128 + s->exit_signal : s->exit_code;
    finish(r, &err);
}

/* Looks at the session: ended, lost, or going on. */
static void look(struct run *r)
{
    const struct session_port *port = &r->e->opts.port;
    const struct session_info *s = port->find(port->arg, r->session);
    struct error err = ERROR_INIT;
    if (s != NULL && s->state == SESSION_EXITED) {
        settle_exit(r, s);
    } else if (s == NULL || s->state == SESSION_LOST) {
        error_hint(&err, r->session_stop ? ERROR_CANCELED : ERROR_UNAVAILABLE,
                   "start it again: what was done already is kept", "provision %s: its session was lost",
                   r->profile.name);
        finish(r, &err);
    } else {
        on_log(r, NULL);
    }
}

/* A killed session that does not end is not waited for. */
static void on_kill_limit(void *arg)
{
    struct run *r = arg;
    struct error err = ERROR_INIT;
    error_set(&err, ERROR_CANCELED, "provision %s: stopped", r->profile.name);
    if (r->session_wait) {
        finish(r, &err);
    }
}

void run_on_session(struct run *r, const char *id)
{
    if (r->session_wait && strcmp(r->session, id) == 0) {
        look(r);
    }
    steps_sessions_look(r, false);
}

/* Begins to follow the session whose id is in r->session. */
static void follow(struct run *r)
{
    struct op_view *v = op_get_view(r->op);
    MT_CLEANUP(xfree) char *dir = path_join(r->e->opts.paths->state, "logs");
    struct error why = ERROR_INIT;
    phase_init(&r->phase);
    str_copy(v->session, sizeof(v->session), r->session);
    op_touch(r->op);
    r->session_wait = true;
    r->log_watch = dirwatch_new(r->e->opts.loop, dir, on_log, r, &why);
    if (r->log_watch == NULL) {
        log_warn("no live phases of %s: %s", r->sandbox, why.msg); /* session events still bring some */
    }
    r->look_due = true; /* the end may have come before we listened */
    timer_start(r->follow, 0);
}

/* Asks the session to end; the step ends with it, or a little later. */
static void stop_session(struct run *r)
{
    const struct session_port *port = &r->e->opts.port;
    r->session_stop = true;
    timer_start(r->kill_limit, r->e->leave ? 0 : KILL_LIMIT_MS);
    if (!r->e->leave) { /* left to the next cockpit otherwise */
        port->kill(port->arg, r->session);
    }
}

/* The host is up, or could not be started. */
static void session_started(void *arg, const char *id, const struct error *err)
{
    struct run *r = arg;
    r->session_starting = false;
    if (err != NULL) {
        op_resume(r->op, err);
        return;
    }
    str_copy(r->session, sizeof(r->session), id);
    follow(r);
    if (r->session_stop) {
        stop_session(r);
    }
}

/* Where the run's log goes; the one before is kept as .1. */
static int prepare_log(struct run *r, struct error *err)
{
    MT_CLEANUP(xfree) char *dir = path_join(r->e->opts.paths->state, "logs");
    if (fs_mkdirs(dir, 0700, err) < 0) {
        return -1;
    }
    if (str_format(r->log_path, sizeof(r->log_path), "%s/%s-provision-%s.log", dir, r->sandbox, r->profile.name) < 0) {
        return error_set(err, ERROR_INVALID, "the path of the log is too long: %s", dir);
    }
    MT_CLEANUP(xfree) char *old = xasprintf("%s.1", r->log_path);
    if (rename(r->log_path, old) != 0 && errno != ENOENT) {
        return error_sys(err, errno, "%s", r->log_path);
    }
    return 0;
}

/* P2, P3: the argv and environment of the run. */
static int build_command(struct run *r, struct strvec *argv, struct strvec *host_env, struct error *err)
{
    const char *notice = NULL;
    MT_CLEANUP(xfree)
    char *script = xasprintf("%s/muthr-provision-%s/%s.sh", run_tmp(r), r->profile.name, r->profile.name);
    const char *const inside[] = {"bash", "-c", "exec bash \"$0\" </dev/null", script, NULL};
    strvec_clear(&r->child_env);
    if (engine_environment(r->e, r->slot, &r->info, &r->profile, r->spec.workspace_mount, run_endpoint(r),
                           &r->inference, true, &r->child_env, &notice, err) < 0) {
        return -1;
    }
    env_add_terminal(&r->child_env);
    if (env_add_extra(&r->env, &r->child_env, err) < 0) {
        return -1;
    }
    if (notice != NULL) {
        run_note(r, notice);
    }
    if (r->reprovision) {
        strvec_setenv(&r->child_env, "MUTHR_REPROVISION", "1"); /* for provision-lib: what it recorded does not count */
    }
    struct exec_spec spec = {.sandbox = run_bare(r),
                             .argv = inside,
                             .env = (const char *const *)r->child_env.v,
                             .cwd = run_tmp(r),
                             .tty = true};
    return r->slot->ops->exec_argv(r->slot->be, &spec, argv, host_env, err);
}

/* Fresh for every try. */
static void make_timers(struct run *r)
{
    timer_close(r->follow);
    timer_close(r->kill_limit);
    r->follow = timer_new(r->e->opts.loop, on_follow, r);
    r->kill_limit = timer_new(r->e->opts.loop, on_kill_limit, r);
    r->session_stop = false;
}

enum step_result step_provision(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    const struct session_port *port = &r->e->opts.port;
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    make_timers(r);
    if (image_lacks(record_text(&r->record, RECORD_IMAGE_NOTICE), "bash")) {
        error_hint(err, ERROR_EXIT, "name an image with bash in the profile's manifest, or one with apt, apk or dnf",
                   "the image has no bash, which the script of profile %s needs", r->profile.name);
        return STEP_FAIL;
    }
    if (r->adopt) {
        op_text(op, "goes on from before");
        follow(r);
        return STEP_WAIT;
    }
    if (prepare_log(r, err) < 0 || build_command(r, &argv, &env, err) < 0) {
        return STEP_FAIL;
    }
    MT_CLEANUP(strbuf) struct strbuf audit = STRBUF_INIT;
    const char *const inside[] = {"bash", path_base(r->profile.script), NULL};
    const struct engine_audit_input seen = {.sandbox = r->sandbox,
                                            .kind = SESSION_PROVISION,
                                            .argv = inside,
                                            .cwd = run_tmp(r),
                                            .tty = true,
                                            .env = &r->env};
    struct session_spec spec = {.kind = SESSION_PROVISION,
                                .sandbox = r->sandbox,
                                .project = ws != NULL ? ws->name : NULL,
                                .backend = r->slot->ops->name,
                                .profile = r->profile.name,
                                .label = "provision",
                                .tag = r->tag,
                                .log_path = r->log_path,
                                .argv = (const char *const *)argv.v,
                                .env = (const char *const *)env.v,
                                .audit = engine_audit(r->e, &seen, &audit) ? audit.buf : NULL};
    r->session_starting = true;
    if (port->start(port->arg, &spec, session_started, r, err) < 0) {
        r->session_starting = false;
        return STEP_FAIL;
    }
    return STEP_WAIT;
}

void step_provision_cancel(struct op *op, void *ctx)
{
    struct run *r = ctx;
    (void)op;
    r->session_stop = true;
    if (!r->session_starting) {
        stop_session(r);
    }
}

/* --- the network afterwards --- */

bool run_is_sealed(const struct run *r)
{
    return r->info.net_known && (r->info.net == NET_NONE || r->info.net == r->spec.net_after);
}

bool skip_seal(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    if (!r->came_up || !r->have_spec || !net_policy_is_sealed(r->spec.net_after)) {
        return true;
    }
    if (r->e->leave && r->session_stop) {
        str_copy(why, STEP_WHY_MAX, "provisioning goes on without us"); /* whoever resumes it seals */
        return true;
    }
    if (r->info.state == SANDBOX_STOPPED) {
        str_copy(why, STEP_WHY_MAX, "it is stopped");
        return true;
    }
    str_copy(why, STEP_WHY_MAX, r->info.net == NET_NONE ? "it has no network" : "it reaches the model only");
    return run_is_sealed(r);
}

/* A network that stays open: the op's failure, or a lasting warning where the profile says so. */
static int stays_open(struct run *r, const char *reason, struct error *err)
{
    if (r->profile.manifest.seal_warn) {
        run_note(r, "the network stays open");
        log_warn("%s: the network stays open: %s", r->sandbox, reason);
        return 0;
    }
    return error_hint(err, ERROR_DENIED, "stop the sandbox, or allow it with seal: warn in the profile's manifest",
                      "%s: the network stays open: %s", r->sandbox, reason);
}

enum step_result step_seal(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    if ((r->slot->ops->caps & BACKEND_CAP_SEAL) == 0) {
        return stays_open(r, "the backend cannot cut it", err) < 0 ? STEP_FAIL : STEP_NEXT;
    }
    r->call.net = r->spec.net_after;
    return run_submit(r, BACKEND_SEAL, NULL);
}

/* Only what was read back counts as sealed. */
static int settle_sealed(struct run *r, struct error *err)
{
    if (run_take_info(r, err) < 0) {
        return -1;
    }
    if (r->info.state == SANDBOX_RUNNING && !run_is_sealed(r)) {
        return stays_open(r, "it was cut, but is still there when read back", err);
    }
    return 0;
}

enum step_result step_sealed(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return run_submit(ctx, BACKEND_INSPECT, settle_sealed);
}

/* --- what was done --- */

enum step_result step_record(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    const struct paths *paths = r->e->opts.paths;
    bool skipped = r->no_provision && r->profile.script != NULL;
    if (r->do_provision || r->from_golden) {
        record_set_revision(&r->record, r->profile.name, r->profile.rev);
    }
    if (!skipped) {
        record_clear_unprovisioned(&r->record);
        r->marked = false;
    }
    record_take_times(&r->record, op_get_view(op));
    if (record_save(&r->record, paths, r->sandbox, err) < 0 ||
        (!skipped && profiles_record(paths, r->sandbox, r->profile.name, err) < 0)) {
        return STEP_FAIL;
    }
    model_set_profile(r->e->opts.model, r->ws, r->profile.name);
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    if (ws != NULL) {
        refresh_drift(r->e, ws);
    }
    return STEP_NEXT;
}
