/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: what is there, what is to be done, and doing it through the backend. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/golden.h"
#include "core/model/config_inference.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* How long a deletion waits for the sandbox's sessions to end. */
#define SESSIONS_END_MS 4000

enum step_result step_inspect(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return run_submit(ctx, BACKEND_INSPECT, run_take_info);
}

/* Whether the backend's sandbox is up, as far as it can tell. */
static bool is_up(const struct sandbox_info *info)
{
    return info->state == SANDBOX_RUNNING || info->state == SANDBOX_CREATING || info->state == SANDBOX_PROVISIONING;
}

/* Does the profile's script have to run? Also finds a run that a dead cockpit left (its tag tells). */
static void decide_provision(struct run *r)
{
    const struct session_port *port = &r->e->opts.port;
    if (r->profile.script == NULL || r->no_provision) {
        return;
    }
    str_format(r->tag, sizeof(r->tag), "%s %.40s", r->profile.name, r->profile.rev);
    bool equal = strcmp(record_revision(&r->record, r->profile.name), r->profile.rev) == 0;
    const char *unprovisioned = record_unprovisioned(&r->record, NULL); /* also when it had worked once before */
    r->do_provision = r->reprovision || !equal || r->info.state == SANDBOX_NONE ||
                      (unprovisioned != NULL && strcmp(unprovisioned, r->profile.name) == 0);
    if (!is_up(&r->info)) {
        return;
    }
    const struct session_info *s = port->find_tagged(port->arg, r->sandbox, SESSION_PROVISION, r->tag);
    bool runs = s != NULL && (s->state == SESSION_STARTING || s->state == SESSION_RUNNING);
    if (runs || (s != NULL && s->state == SESSION_EXITED && r->resumed)) {
        r->adopt = r->do_provision = true;
        str_copy(r->session, sizeof(r->session), s->id);
        str_copy(r->log_path, sizeof(r->log_path), s->log_path);
    }
}

/* It runs on with the settings that it has (S5): says what differs, and takes its own network for the one that holds
 * after provisioning. Nobody's network is cut because a profile or the configuration says so by now; only an explicit
 * choice is followed at once. */
static void keep_settings(struct run *r)
{
    struct op_view *v = op_get_view(r->op);
    MT_CLEANUP(strbuf) struct strbuf diff = STRBUF_INIT;
    enum net_policy own = r->info.net_known ? r->info.net : r->spec.net_after;
    if (r->record.spec != NULL) {
        spec_diff(r->record.spec, r->spec_text.buf, &diff);
        spec_network(r->record.spec, &own);
    }
    golden_differs(r->e->opts.paths, slot_host(r->slot), &r->spec, &r->info, &diff);
    ports_regained(slot_host(r->slot), &r->spec, &r->info, &diff);
    model_cut_list(diff.len > 0 ? diff.buf : "made from another configuration", v->drift, sizeof(v->drift));
    op_touch(r->op);
    r->net_wanted = r->spec.net_after;
    r->other_net = own != r->spec.net_after && !r->net_given;
    if (r->other_net) {
        r->spec.net_after = own;
    }
}

/* Which of stop, remove, create, update and start are needed (S5). */
static void decide_actions(struct run *r)
{
    bool images =
        (r->slot->ops->caps & BACKEND_CAP_IMAGES) != 0; /* there, what was fixed at create can only be re-created */
    bool drift = r->info.config_hash[0] != '\0' && strcmp(r->info.config_hash, r->spec.config_hash) != 0;
    drift = ports_regained(slot_host(r->slot), &r->spec, &r->info, NULL) || drift;
    bool lacks = r->do_provision && !r->adopt && run_wants_network(&r->info, &r->spec);
    bool image = golden_differs(r->e->opts.paths, slot_host(r->slot), &r->spec, &r->info, NULL);
    /* Another folder stands in the project's place; one that is gone cannot be started on. */
    bool replaced = r->info.workspace_missing && fs_is_dir(r->spec.workspace);
    bool up = is_up(&r->info);
    bool down_first = up && (r->plan == ENGINE_RESTART || (r->recreate && (drift || lacks || image || replaced)));
    if (r->info.state == SANDBOX_NONE) {
        r->do_create = r->do_start = true;
        return;
    }
    if (up && !down_first) {
        r->do_start = r->info.halted;
        if (drift || image) {
            keep_settings(r);
        }
        return;
    }
    r->do_stop = up;
    r->do_start = true;
    bool other = r->plan == ENGINE_BAKE && image_is_of_other(r, NULL);
    r->do_remove = r->do_create = images && (drift || other || r->recreate || (!up && ports_lost(r)));
    /* One that is cut afterwards may be stored open or closed; one whose record was damaged gets a new one. */
    bool unrecorded = r->info.config_hash[0] == '\0';
    r->do_update = !images && (drift || unrecorded || r->recreate || net_policy_is_sealed(r->spec.net_after));
}

/* A sandbox that runs on with another network than the profile wants, or without the one that its script needs: not
 * without a word. */
static int check_kept_network(struct run *r, struct error *err)
{
    static const char HINT[] = "restart it with the new settings, or run the script in it as it is";
    bool lacks = r->do_provision && run_wants_network(&r->info, &r->spec);
    if (r->adopt || r->as_is || (!lacks && (!r->other_net || r->plan != ENGINE_PROVISION))) {
        return 0;
    }
    if (r->other_net) {
        return error_hint(err, ERROR_DENIED, HINT, "%s wants network %s, %s runs with %s", r->profile.name,
                          net_policy_name(r->net_wanted), r->sandbox, net_policy_name(r->spec.net_after));
    }
    struct op_view *v = op_get_view(r->op);
    str_format(v->drift, sizeof(v->drift), "network: %s -> one until the script is through",
               net_policy_name(r->info.net));
    return error_hint(err, ERROR_DENIED, "restart it: it comes up with a network until the script is through",
                      "%s has no network any more, and provisioning needs one", r->sandbox);
}

/* The network "model" leaves this machine in reach, nothing else: an endpoint elsewhere cannot be had with it. */
static int check_endpoint(struct run *r, struct error *err)
{
    const struct endpoint *ep = run_endpoint(r);
    if (r->spec.net_after != NET_MODEL || config_inference_is_loopback(ep->host)) {
        return 0;
    }
    return error_hint(err, ERROR_UNAVAILABLE, "network: choose full, or an endpoint on this machine",
                      "the network \"model\" reaches this machine only, and %s uses the endpoint %s on %s", r->sandbox,
                      ep->name, ep->host);
}

/* Is the wanted network to be had here? Never a silent substitute. */
static int check_network(struct run *r, struct error *err)
{
    const struct backend_probe *p = &r->slot->probe;
    static const unsigned NEEDED[] = {[NET_NONE] = BACKEND_CAP_NET_NONE,
                                      [NET_FULL] = BACKEND_CAP_NET_FULL,
                                      [NET_SHARED] = BACKEND_CAP_NET_SHARED,
                                      [NET_MODEL] = BACKEND_CAP_NET_MODEL};
    if (!r->do_start) {
        return check_kept_network(r, err);
    }
    if (check_endpoint(r, err) < 0) {
        return -1;
    }
    if ((p->caps & NEEDED[r->spec.net]) != 0) {
        if (r->spec.net == NET_SHARED) {
            run_note(r, "network is shared with the host: programs inside reach everything that you can reach, "
                        "services on this host included");
        }
        return 0;
    }
    if (r->spec.net == NET_FULL) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "network: cure the cause, or choose: --net none, or --net shared, which is not isolated (the "
                          "cockpit asks)",
                          "no isolated network here: %s",
                          p->full_reason[0] != '\0' ? p->full_reason : "the backend cannot give one");
    }
    return error_hint(err, ERROR_UNAVAILABLE, "network: choose another one with --net",
                      "%s cannot give a sandbox the network \"%s\"", r->slot->ops->name, net_policy_name(r->spec.net));
}

int plan_check_network(struct run *r, struct error *err)
{
    return check_network(r, err);
}

/* An overlay workspace is a promise that the project stays as it is: no silent substitute either. */
static int check_workspace(struct run *r, struct error *err)
{
    const struct backend_probe *p = &r->slot->probe;
    if (r->spec.workspace_mode != WORKSPACE_OVERLAY || !r->do_start || (p->caps & BACKEND_CAP_OVERLAY) != 0) {
        return 0;
    }
    return error_hint(err, ERROR_UNAVAILABLE, "backend: bwrap in the profile's manifest, or workspace_mode: direct",
                      "%s cannot give a sandbox an overlay workspace here%s%s", r->slot->ops->name,
                      p->overlay_reason[0] != '\0' ? ": " : "", p->overlay_reason);
}

/* Its profile names another backend than the one that has it: it stays there, which is said, with what would move it.
 * Not to who has just named the one that has it. */
static void note_other_backend(struct run *r, const struct workspace *ws)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *wanted = choice_wanted(r->slot, &r->profile), *profile = r->profile.name, *own = r->slot->ops->name;
    if (wanted == NULL || r->info.state == SANDBOX_NONE || r->backend[0] != '\0') {
        return;
    }
    char why_not[200], text[300];
    slots_why_not(r->e, wanted, why_not);
    bool plain = ws->name[strspn(ws->name, PLAIN)] == '\0'; /* a shell takes it as it is */
    const char *name = plain ? ws->name : ws->sandbox;
    if (why_not[0] != '\0') {
        str_format(text, sizeof(text), "the profile %s wants %s, which cannot be used here: %.120s; it stays with %s",
                   profile, wanted, why_not, own);
    } else {
        str_format(text, sizeof(text),
                   "the profile %s wants %s, the sandbox is %s's: delete it first to move it (`muthr-tui delete %s`, "
                   "then `muthr-tui start %s --profile %s`)",
                   profile, wanted, own, name, name, profile);
    }
    run_note(r, text);
}

/* Loads the profile and works out what the sandbox should be. */
static int build_spec(struct run *r, struct error *err)
{
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    if (ws == NULL || ws->missing) {
        return error_set(err, ERROR_NOT_FOUND, "the project folder of %s is gone", r->sandbox);
    }
    if (r->profile_name[0] == '\0') {
        engine_profile_of(r->e, ws, &r->record, r->profile_name);
    }
    if (profile_load(&r->profile, r->e->opts.paths, r->profile_name, err) < 0) {
        return -1;
    }
    r->have_profile = true;
    str_copy(op_get_view(r->op)->profile, sizeof(op_get_view(r->op)->profile), r->profile_name);
    decide_provision(r);
    image_prepare(r, ws);
    MT_CLEANUP(strvec) struct strvec warnings = STRVEC_INIT;
    struct spec_input in = {.ws = ws,
                            .caps = r->slot->ops->caps,
                            .profile = &r->profile,
                            .record = &r->record,
                            .config = r->e->opts.config,
                            .paths = r->e->opts.paths,
                            .net_given = r->net_given,
                            .net = r->net,
                            .will_provision = r->do_provision,
                            .model_port = endpoints_local_port(run_endpoint(r))};
    if (spec_build(&r->spec, &in, &r->spec_text, &warnings, err) < 0) {
        return -1;
    }
    r->have_spec = true;
    if (r->plan == ENGINE_BAKE) { /* not on top of the one before */
        free(r->spec.golden);
        r->spec.golden = NULL;
    }
    note_other_backend(r, ws);
    for (size_t i = 0; i < warnings.len; i++) {
        run_note(r, warnings.v[i]);
    }
    for (size_t i = 0; i < r->profile.manifest.warnings.len; i++) {
        log_warn("%s", r->profile.manifest.warnings.v[i]);
        if (r->e->opts.profile_notes) {
            run_note(r, r->profile.manifest.warnings.v[i]);
        }
    }
    return 0;
}

enum step_result step_plan(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    if (r->info.state == SANDBOX_UNKNOWN) {
        error_set(err, ERROR_UNAVAILABLE, "%s: its state cannot be told: %s", r->sandbox, r->info.reason);
        return STEP_FAIL;
    }
    if (r->info.foreign) {
        error_hint(err, ERROR_DENIED, "rename or remove it with its own tool, or rename the project folder",
                   "%s exists and was not made by muthr: it is left alone", r->sandbox);
        return STEP_FAIL;
    }
    if (env_check_extra(&r->env, err) < 0 || build_spec(r, err) < 0) {
        return STEP_FAIL;
    }
    decide_actions(r);
    if (r->do_create && r->pick.why[0] != '\0') {
        op_text(op, "with %s: %s", r->slot->ops->name, r->pick.why);
    }
    return image_plan(r, err) < 0 || check_network(r, err) < 0 || check_workspace(r, err) < 0 ? STEP_FAIL : STEP_NEXT;
}

/* Remembers which sessions end with the sandbox: those that ended by themselves before are none of our business. */
static void note_living(struct run *r)
{
    const struct session_info *s;
    strvec_clear(&r->ending);
    for (size_t i = 0; (s = model_session_of(r->e->opts.model, r->sandbox, i)) != NULL; i++) {
        if (s->state == SESSION_STARTING || s->state == SESSION_RUNNING) {
            strvec_push(&r->ending, s->id);
        }
    }
}

/* Tasks are ended by a word: that their sandbox stops is no failure of theirs, and none of them is started again. */
static void end_tasks(struct run *r)
{
    const struct session_port *port = &r->e->opts.port;
    for (size_t i = 0; i < r->ending.len; i++) {
        const struct session_info *s = port->find(port->arg, r->ending.v[i]);
        if (s != NULL && s->kind == SESSION_TASK) {
            port->kill(port->arg, r->ending.v[i]);
        }
    }
}

enum step_result step_stop(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    note_living(r);
    end_tasks(r);
    (void)op;
    (void)err;
    r->call.grace_ms = (uint64_t)r->e->opts.config->stop_timeout_s * 1000;
    return run_submit(r, BACKEND_STOP, NULL);
}

bool skip_stop(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    (void)why;
    return !r->do_stop;
}

bool skip_stop_stopped(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    if (r->idle_only &&
        (idle_stamp(r->e, r->sandbox, &r->info) > r->idle_stamp || idle_is_held(r->e, r->sandbox, r->id))) {
        r->in_use = true;
        str_copy(why, STEP_WHY_MAX, "it is in use again");
        return true;
    }
    str_copy(why, STEP_WHY_MAX, r->info.state == SANDBOX_NONE ? "there is no sandbox" : "it is stopped already");
    return r->info.state == SANDBOX_NONE || r->info.state == SANDBOX_STOPPED;
}

enum step_result step_remove(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.force = false;
    r->call.keep_home = true; /* it is created again in this op */
    return run_submit(r, BACKEND_DELETE, NULL);
}

bool skip_remove(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    (void)why;
    return !r->do_remove;
}

/* Who makes it, and why that one; where it is not the usual one, the person is told. */
static void note_backend(struct run *r)
{
    struct error err = ERROR_INIT;
    if (r->pick.why[0] != '\0') {
        record_set_text(&r->record, RECORD_BACKEND_WHY, r->pick.why);
    }
    if (r->pick.passed[0] != '\0') {
        run_note(r, r->pick.passed);
    }
    if (r->slot->host == NULL && held_put(r->e->opts.paths, r->sandbox, r->slot->ops->name, &err) < 0) {
        log_info("that %s holds %s is not remembered: %s", r->slot->ops->name, r->sandbox, err.msg);
    }
}

enum step_result step_create(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.spec = &r->spec;
    if (r->do_create) {
        image_note_created(r);
        note_backend(r);
    }
    r->created = r->do_create; /* even when it fails half way: undo removes what there is */
    return run_submit(r, r->do_create ? BACKEND_CREATE : BACKEND_UPDATE, NULL);
}

bool skip_create(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "it exists");
    return !r->do_create && !r->do_update;
}

enum step_result step_start(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.net = r->spec.net;
    return run_submit(r, BACKEND_START, NULL);
}

bool skip_start(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    str_copy(why, STEP_WHY_MAX, "it is running");
    return !r->do_start;
}

/* What the runtime says after the change: the truth that the rest of the op, and the screen, builds on. */
static int settle_check(struct run *r, struct error *err)
{
    if (run_take_info(r, err) < 0) {
        return -1;
    }
    if (r->plan == ENGINE_STOP || r->plan == ENGINE_DELETE || r->plan == ENGINE_APPLY || r->plan == ENGINE_DISCARD) {
        return is_up(&r->info) && !r->in_use ? error_set(err, ERROR_BUSY, "%s is still running", r->sandbox) : 0;
    }
    if (r->info.state != SANDBOX_RUNNING) {
        enum error_code code =
            r->info.state == SANDBOX_CREATING ? ERROR_BUSY : ERROR_EXIT; /* a start under way is looked at again */
        return error_set(err, code, "%s did not stay up: %s%s%s", r->sandbox, sandbox_state_name(r->info.state),
                         r->info.reason[0] != '\0' ? ": " : "", r->info.reason);
    }
    r->came_up = true;
    ports_note(r);
    str_copy(r->record.profile, sizeof(r->record.profile), r->profile_name);
    if (r->net_given) {
        r->record.have_net = true;
        r->record.net = r->net;
    }
    if (r->do_create || r->do_update) {
        free(r->record.spec);
        r->record.spec = xstrdup(r->spec_text.buf);
    }
    if (r->do_provision) {
        record_set_unprovisioned(&r->record, r->profile.name, RECORD_STARTED, 0);
        r->marked = true;
    } else if (r->created) {
        record_clear_unprovisioned(&r->record); /* of the one before */
    }
    struct error why = ERROR_INIT;
    if (record_save(&r->record, r->e->opts.paths, r->sandbox, &why) < 0) {
        log_warn("%s", why.msg); /* the record step says it again, as the op's failure */
    }
    const struct workspace *ws = model_workspace(r->e->opts.model, r->ws);
    if (ws != NULL) {
        refresh_drift(r->e, ws);
    }
    return 0;
}

enum step_result step_check(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    run_release_l1(r);
    return run_submit(r, BACKEND_INSPECT, settle_check);
}

enum step_result step_delete(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.force = r->force;
    r->call.keep_home = false;
    r->call.grace_ms = (uint64_t)r->e->opts.config->stop_timeout_s * 1000;
    return run_submit(r, BACKEND_DELETE, NULL);
}

/* Dismisses the sandbox's ended sessions; returns how many still run. */
static size_t dismiss_ended(struct run *r)
{
    const struct session_port *port = &r->e->opts.port;
    const struct session_info *s;
    size_t running = 0;
    MT_CLEANUP(strvec) struct strvec ended = STRVEC_INIT;
    for (size_t i = 0; (s = model_session_of(r->e->opts.model, r->sandbox, i)) != NULL; i++) {
        if (s->state == SESSION_EXITED) {
            strvec_push(&ended, s->id);
        } else if (s->state != SESSION_LOST) {
            running++;
        }
    }
    for (size_t i = 0; i < ended.len; i++) {
        port->dismiss(port->arg, ended.v[i]);
    }
    return running;
}

/* Puts away what ended with the stopped sandbox; returns how many still run. */
static size_t put_away_ended(struct run *r)
{
    const struct session_port *port = &r->e->opts.port;
    struct strvec alive = STRVEC_INIT;
    for (size_t i = 0; i < r->ending.len; i++) {
        const struct session_info *s = port->find(port->arg, r->ending.v[i]);
        if (s == NULL) {
            continue;
        }
        if (s->state == SESSION_STARTING || s->state == SESSION_RUNNING) {
            strvec_push(&alive, r->ending.v[i]);
        } else if (s->kind == SESSION_SHELL) {
            port->dismiss(port->arg, r->ending.v[i]);
        } else {
            port->attended(port->arg, r->ending.v[i]);
        }
    }
    strvec_release(&r->ending);
    r->ending = alive;
    return alive.len;
}

/* They were waited for long enough. */
static void on_sessions_late(void *arg)
{
    steps_sessions_look(arg, true);
}

/* From now on the ends of sessions are looked at, for a while. */
static void wait_for_sessions(struct run *r)
{
    r->ending_wait = true;
    timer_close(r->kill_limit);
    r->kill_limit = timer_new(r->e->opts.loop, on_sessions_late, r);
    timer_start(r->kill_limit, SESSIONS_END_MS);
}

enum step_result step_sessions(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    const struct session_info *s;
    MT_CLEANUP(strvec) struct strvec running = STRVEC_INIT;
    (void)op;
    (void)err;
    if (dismiss_ended(r) == 0) {
        return STEP_NEXT;
    }
    for (size_t i = 0; (s = model_session_of(r->e->opts.model, r->sandbox, i)) != NULL; i++) {
        strvec_push(&running, s->id);
    }
    wait_for_sessions(r);
    for (size_t i = 0; i < running.len; i++) {
        r->e->opts.port.kill(r->e->opts.port.arg, running.v[i]);
    }
    return STEP_WAIT;
}

bool skip_ended(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    (void)why;
    return r->ending.len == 0;
}

enum step_result step_ended(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    if (put_away_ended(r) == 0) {
        return STEP_NEXT;
    }
    wait_for_sessions(r);
    return STEP_WAIT;
}

void steps_sessions_look(struct run *r, bool late)
{
    if (!r->ending_wait) {
        return;
    }
    r->ending_wait = false; /* putting one away is told to us, too */
    size_t running = r->plan == ENGINE_DELETE ? dismiss_ended(r) : put_away_ended(r);
    if (running == 0 || late) {
        timer_stop(r->kill_limit);
        op_resume(r->op, NULL);
    } else {
        r->ending_wait = true;
    }
}

void step_sessions_cancel(struct op *op, void *ctx)
{
    (void)op;
    steps_sessions_look(ctx, true);
}

enum step_result step_forget(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    if (r->slot->host == NULL) {
        held_drop(r->e->opts.paths, r->sandbox, r->slot->ops->name);
    }
    if (profiles_forget(r->e->opts.paths, r->sandbox, err) < 0 ||
        record_forget(r->e->opts.paths, r->sandbox, err) < 0) {
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

/* It is not there any more. */
static int settle_undone(struct run *r, struct error *err)
{
    (void)err;
    if (r->slot->host == NULL && !r->do_remove) {
        held_drop(r->e->opts.paths, r->sandbox, r->slot->ops->name);
    }
    return 0;
}

enum step_result step_undo(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.force = true;
    r->call.keep_home = r->do_remove; /* of the one before */
    return run_submit(r, BACKEND_DELETE, settle_undone);
}

/* Somebody works in the sandbox: what a cancel must not take away. */
static bool is_in_use(const struct run *r)
{
    const struct session_info *s;
    for (size_t i = 0; (s = model_session_of(r->e->opts.model, r->sandbox, i)) != NULL; i++) {
        if (s->kind != SESSION_PROVISION && (s->state == SESSION_STARTING || s->state == SESSION_RUNNING)) {
            return true;
        }
    }
    return false;
}

bool skip_undo(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    (void)why;
    if (!r->created) {
        return true;
    }
    /* One that runs is kept when its script failed (a shell in it shows why), but not half-made after a cancel. */
    bool canceled = op_get_view(r->op)->canceling && !r->e->leave;
    return r->came_up && (!canceled || is_in_use(r));
}
