/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_PRIVATE_H
#define MT_CORE_ENGINE_PRIVATE_H

/* Inside of the engine, shared by engine.c (life, scheduling), slots.c (the open backends), refresh.c (their states
 * into the model), choice.c, run.c (one op and what it holds), steps_*.c and plans.c. Nobody else includes this. */

#include "core/engine/devcontainer.h"
#include "core/engine/endpoints.h"
#include "core/engine/engine.h"
#include "core/engine/env.h"
#include "core/engine/held.h"
#include "core/engine/journal.h"
#include "core/engine/op.h"
#include "core/engine/phase.h"
#include "core/engine/pick.h"
#include "core/engine/profiles.h"
#include "core/engine/record.h"
#include "core/engine/spec.h"
#include "core/inference/watcher.h"
#include "core/io/http.h"
#include "core/io/lockfile.h"
#include "core/io/pidwatch.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

/* One backend of the registry, here or on a host. */
struct slot {
    struct engine *e;
    const struct backend_ops *ops;
    const struct config_host *host; /* NULL: this machine */
    struct backend *be;             /* NULL: could not be opened */
    struct timer *retry;            /* what was lost, and hosts that are down, are looked at again */
    bool worked;                    /* it was usable once */
    bool suspect;                   /* its list failed: looked at since */
    bool overtaken;                 /* since its list was asked for, an op has looked: the list may be older */
    unsigned overtakings;           /* such lists in a row: not shown, but only so many */
    uint64_t retry_ms;              /* the pause before the next look */
    bool known;                     /* its list is in infos */
    struct strvec folders;          /* of a host, below its workspace root */
    bool have_folders;
    struct backend_probe probe;
    bool probed;
    struct backend_call call;    /* probe first, lists afterwards */
    bool in_call, listed, again; /* again: a change was reported while listing */
    struct sandbox_info *infos;
    size_t info_count;
    struct sandbox_info services[SERVICE_COUNT]; /* N7: never among those */
    bool have_services;                          /* as listed */
};

/* One op with everything it holds, from engine_run to its end. */
struct run {
    struct engine *e;
    struct op *op;
    op_id id;
    enum engine_plan plan;
    char sandbox[96]; /* its key: with the host */
    char bare[96];    /* as the backend calls it: run_bare */
    workspace_id ws;
    char profile_name[64]; /* "" until known */
    /* the request */
    enum net_policy net;
    bool net_given, recreate, reprovision, as_is, force, no_provision;
    bool allow_post_create, allow_image, orphan_only, idle_only;
    char backend[16];    /* asked for; "" */
    char *wanted_image;  /* asked for, or NULL */
    struct pick pick;    /* why that backend, and what it cannot give it */
    uint64_t delay_ms;   /* before anything is done; a cancel meanwhile leaves all as it is */
    uint64_t idle_stamp; /* idle_only: latest sign of use when it was decided */
    bool in_use;         /* idle_only: it is used again */
    bool in_window;      /* that time runs: such an op takes nobody's place */
    bool have_paths;     /* apply, discard: only `paths` */
    struct strvec paths;
    bool resumed; /* from the journal of a dead cockpit or verb */
    struct strvec env;
    void (*done)(void *arg, const struct op_view *op);
    void *done_arg;
    /* what it holds */
    struct slot *slot;
    struct backend_call call;
    int (*settle)(struct run *r, struct error *err);    /* looks at a call that succeeded; may be NULL */
    void (*explain)(struct run *r, struct error *err);  /* of a call that failed; may clear it; for one call */
    bool (*take_line)(struct run *r, const char *line); /* true: not for people; for one call */
    struct lockfile *l2, *l1;
    bool l2_held, l1_held, journaled;
    bool turn_wait; /* for L1, which another op of this engine has or goes for */
    struct watcher_look *model_look;
    /* what it knows */
    struct record record;
    bool have_record, have_profile, have_spec;
    struct profile profile;
    struct sandbox_spec spec;
    struct strbuf spec_text;
    struct sandbox_info info;        /* as inspected; state NONE when there is none */
    struct inference_view inference; /* as step_model found it */
    bool do_stop, do_remove, do_create, do_update, do_start, do_provision;
    bool created, came_up; /* by this op; read back as running */
    bool other_net;        /* it runs on, with another network than is wanted now */
    enum net_policy net_wanted;
    bool do_image, do_set_up, from_golden;
    bool offline;            /* it is being made anew without a network */
    struct devcontainer dev; /* what the repository asks for */
    char image_notice[240];
    char missing[200];   /* programs that its image lacks */
    char last_line[400]; /* of a command inside */
    bool keep_line;      /* last_line is the reason: what follows is noise */
    char tag_name[96];   /* of the golden image */
    bool adopt;          /* a provision session of a dead cockpit goes on */
    /* the provision run */
    char tag[128], log_path[512], session[SESSION_ID_MAX];
    struct strbuf tar;
    struct strvec argv, child_env; /* alive while a call uses them */
    bool session_starting, session_wait, session_stop, look_due;
    struct error slot_error; /* why there is no slot: the first step fails with it */
    bool marked;             /* as not provisioned, in its record, until the script is through */
    bool ending_wait;        /* for the sessions of a deleted or stopped sandbox to end */
    struct strvec ending;    /* sessions that were alive when the sandbox was stopped */
    struct phase phase;
    struct dirwatch *log_watch;
    struct timer *follow, *kill_limit;
    struct run *next;
};

struct stat_call;
struct service_run;
struct session_start;
struct op_owner;

struct engine {
    struct engine_opts opts;
    uint64_t born_wall_ms;
    struct slot *slots;
    size_t slot_count;
    struct strvec order; /* names of those of this machine that are chosen unasked, by preference */
    bool only_order;     /* tui.backends says so: no others are opened */
    struct held *held;   /* as last seen before this engine began, for backends that do not answer */
    size_t held_count;
    struct http_client *http;
    struct endpoint **endpoints; /* by the model's index */
    size_t endpoint_count;
    struct endpoint *retired;
    struct endpoint_key *keys;
    const struct config_inference *rules; /* who uses which */
    size_t rule_count;
    struct watcher_look *first_look; /* at the default one, at the start; NULL: over */
    struct run *runs;                /* in order of arrival */
    struct service_run *services;    /* ops on services */
    op_id last_op;
    struct bus_sub *sub;
    struct timer *refresh, *rescan, *stats, *tick, *hosts_late;
    bool hosts_are_late; /* they had their time at the start */
    struct dirwatch *root_watch;
    struct timer *takeover; /* NULL: the op journal is left alone */
    struct dirwatch *ops_watch;
    struct op_owner *owners; /* other processes that work on sandboxes */
    char *root;              /* resolved or asked for */
    struct error root_error;
    workspace_id *watched;
    size_t watched_count;
    struct stat_call *stat_calls;
    struct session_start *starts;
    struct engine_look *looks;
    struct idle_entry *idle_entries;
    struct timer *idle;  /* at the next moment at which a countdown begins or ends */
    uint64_t idle_at_ms; /* that moment (clock_mono_ms) */
    struct shown_consent {
        char sandbox[96], set_up[65], image[256]; /* as engine_consent showed it last */
        struct shown_consent *next;
    } * shown;
    struct profile cached; /* during one pass over all sandboxes */
    bool have_cached, in_pass;
    char *audit_path; /* NULL: nothing is written down */
    bool audit_lost;  /* said once */
    bool scanned, ready, closing, leave, closed;
    bool was_ready; /* once: it is not again while a backend that somebody named is looked at */
    bool follows;   /* changes of what runs are reported to us */
    int pending;    /* calls and probes of the engine itself in flight */
    struct waiter {
        void (*fn)(void *arg);
        void *arg;
    } * waiters;
    size_t waiter_count;
    void (*on_closed)(void *arg);
    void *on_closed_arg;
};

#define INFERENCE_FRESH_MS 15000

/* --- engine.c --- */
/* Starts what may start now. */
void engine_schedule(struct engine *e);
/* Queues what the journal says, under a lock on the sandbox that is ours already: the op releases it. 0 and err: the
 * lock is still the caller's. */
op_id engine_resume(struct engine *e, const struct engine_request *req, struct lockfile *lock, struct error *err);
/* Something ended: perhaps the engine is ready, or may be closed. */
void engine_settle(struct engine *e);
/* The slot that holds the sandbox, else the one that would (by configuration); NULL and err with the reason. */
struct slot *engine_slot_for(struct engine *e, const struct workspace *ws, struct error *err);
/* The P3 set for a sandbox that uses endpoint `ep`, of which `inference` is known; strict: a bad model name is an
 * error, not replaced. *notice (may be NULL, static text) when the host cannot be reached. */
int engine_environment(struct engine *e, const struct slot *slot, const struct sandbox_info *info,
                       const struct profile *profile, const char *mount, const struct endpoint *ep,
                       const struct inference_view *inference, bool strict, struct strvec *out, const char **notice,
                       struct error *err);
/* Profile of a sandbox: recorded, as labelled, else the configuration's. */
void engine_profile_of(struct engine *e, const struct workspace *ws, const struct record *record, char out[64]);

/* --- compare.c --- */
/* Is there no network where one is needed? */
bool run_wants_network(const struct sandbox_info *info, const struct sandbox_spec *spec);

/* --- refresh.c --- */
void refresh_probe(struct slot *s);
/* The same a little later. */
void refresh_probe_later(struct slot *s, uint64_t delay_ms);
/* Timer of a host that is down. */
void refresh_retry(void *arg);
/* A profile, or NULL; valid until the next call. Read once in a pass over all. */
const struct profile *refresh_profile(struct engine *e, const char *name);
void refresh_profile_done(struct engine *e); /* it is not needed any more */
/* What is known about the backends has changed: those that would be chosen, into the model. */
void refresh_choices(struct engine *e);
/* From now on changes that others make are followed (lazy_follow). */
void refresh_follow(struct engine *e);
/* Lists again soon; several reports become one. */
void refresh_soon(struct engine *e);
void refresh_on_timer(void *arg);
void refresh_changed(void *arg, const char *name);
/* Scans the root and puts the workspaces into the model. */
void refresh_scan(struct engine *e);
/* What was just inspected, into the model at once. */
void refresh_put(struct engine *e, const char *sandbox, struct slot *slot, const struct sandbox_info *info);
/* What its record says: settings that changed since it was made, and whether it was provisioned. */
void refresh_drift(struct engine *e, const struct workspace *ws);

/* --- slots.c --- */
/* "" or the host's name. */
const char *slot_host(const struct slot *s);
/* Why it cannot be used, without the name that may stand before it. */
const char *slot_reason(const struct slot *s);
/* Opens those of this machine that are chosen unasked, that the configuration names or that hold something, and those
 * that can on every host. */
void slots_open(struct engine *e);
/* The slot of this machine for a backend of the registry, opened now when it was not; NULL: there is none of that
 * name, or it is not to be looked at. */
struct slot *slots_open_named(struct engine *e, const char *name);
/* Why that backend of this machine cannot be used; "": it can, as far as is known. */
void slots_why_not(const struct engine *e, const char *name, char out[200]);
/* Is it among those that are chosen unasked? At which place, from 0; SIZE_MAX: no. */
size_t slots_order_of(const struct engine *e, const char *name);
/* The entry of a sandbox in what the backends listed last, and who holds it; *other (may be NULL): one that has another
 * of that name, or NULL. */
const struct sandbox_info *slots_find(const struct engine *e, const char *sandbox, struct slot **slot,
                                      struct slot **other);
/* Does nobody know what became of it: its backend never said what it has? */
bool slots_is_dark(const struct engine *e, const struct held *h);
/* How many there are. */
size_t slots_count_dark(const struct engine *e);
/* What was held by a backend that does not answer; NULL: nothing. */
const struct held *slots_find_held(const struct engine *e, const char *sandbox);
/* Why what `name` (a backend, a host) has cannot be seen: "name: reason", the name once where the reason begins with
 * it. */
void slots_say_unseen(const char *name, const char *reason, char *out, size_t cap);
/* An info that says so. */
void slots_unknown_info(const struct engine *e, const struct held *h, struct sandbox_info *out);

/* --- stats.c --- */
void stats_on_timer(void *arg);
void stats_cancel(struct engine *e);

/* --- choice.c --- */
struct choice {
    const char *backend, *profile; /* asked for; "": not */
    const char *image;             /* asked for, or NULL */
    bool net_given;
    enum net_policy net;
};
/* The slot that holds the sandbox, else the one that a new one gets: asked for, by its profile, by configuration, else
 * the first that is usable and can do what it wants. *pick (all zero where the sandbox exists) says why. One that is
 * named and was not looked at yet is opened: BUSY then, and the engine is not ready until that is known. */
struct slot *engine_choose(struct engine *e, const struct workspace *ws, const struct choice *c, struct pick *pick,
                           struct error *err);
/* A workspace without a sandbox: which backend it would get, and why, into the model. */
void choice_tell(struct engine *e, const struct workspace *ws);
/* The backend that the profile of a sandbox names, where it is not the one of `slot`, which has it (nothing is moved);
 * else NULL. Of other machines no profile says what runs there. */
const char *choice_wanted(const struct slot *slot, const struct profile *profile);
/* Is what would be used now what the person was shown? Also when nothing was. */
bool consent_matches(struct engine *e, const char *sandbox, bool image, const char *now);
void consent_forget_all(struct engine *e);
/* S15: has the repository's set-up command still to run in it? */
bool set_up_is_due(const struct record *record, const struct sandbox_info *info);

/* --- idle.c --- */
void idle_on_timer(void *arg);
void idle_on_event(struct engine *e, const struct model_event *ev);
void idle_free(struct engine *e);
/* The latest sign of use, by the wall clock. */
uint64_t idle_stamp(const struct engine *e, const char *sandbox, const struct sandbox_info *info);
/* Something that counts as use by being there: a running agent or task, an op other than `except`, a shell's program.
 */
bool idle_is_held(const struct engine *e, const char *sandbox, op_id except);

/* --- ports.c --- */
/* S12: does somebody hold a port that this stopped sandbox would publish, and that its backend cannot drop, since its
 * root may have been worked in? Noted then. */
bool ports_lost(struct run *r);
/* Was a port dropped because somebody held it, who does not hold it any more? Only a re-creation publishes it. *text
 * (may be NULL) gets which, after a comma where it holds something. Of other machines nobody knows. */
bool ports_regained(const char *host, const struct sandbox_spec *spec, const struct sandbox_info *info,
                    struct strbuf *text);
/* Notes the ports that were dropped at its start, and limits that do not hold. */
void ports_note(struct run *r);

/* --- audit_event.c --- */
/* Writes down the command that a call is about to run inside. */
void engine_audit_exec(struct run *r);

/* --- services.c, services_steps.c --- */
/* How the services stand, into the model; `look`: also at what their scripts have done, which reads files. */
void services_put(struct engine *e, bool look);
/* Before a new list: none is there. */
void services_forget(struct slot *s);
/* Takes the info of a service; false: it is none. */
bool services_take(struct slot *s, const struct sandbox_info *info);
/* Cancels the op (0: all of them); false: there is none of that id. */
bool services_cancel(struct engine *e, op_id id);
/* L1: the service whose op has it or goes for it, or NULL; and whether one that waited goes for it now. */
const char *services_hold_turn(const struct engine *e);
bool services_take_turn(struct engine *e);
struct slot *services_slot(struct engine *e, struct error *err);

/* --- look.c --- */
void looks_cancel(struct engine *e);

/* --- takeover.c --- */
/* Follows the op journal from now on (unless no_resume). */
void takeover_open(struct engine *e);
void takeover_close(struct engine *e);
/* Takes up what has no living owner, and watches the owners that live. */
void takeover_look(struct engine *e);
/* The same on the next turn. */
void takeover_soon(struct engine *e);
/* A session changed, or (NULL) is gone: a provision run that has ended may be nobody's. */
void takeover_on_session(struct engine *e, const struct session_info *s);

/* --- sessions.c --- */
void sessions_cancel_all(struct engine *e);

/* --- run.c --- */
struct run *run_new(struct engine *e, const struct engine_request *req, const struct workspace *ws);
/* Submits the prepared run->call; op_resume follows. */
enum step_result run_submit(struct run *r, enum backend_verb verb, int (*settle)(struct run *r, struct error *err));
/* The inference endpoint of its project and profile. */
struct endpoint *run_endpoint(const struct run *r);
/* The sandbox as its backend calls it. */
const char *run_bare(struct run *r);
/* settle functions: takes the inspected info. */
int run_take_info(struct run *r, struct error *err);
/* DENIED for the sandbox that holds the folder of a project of this name below another workspace root: it is left
 * alone. ws may be NULL (0). */
int engine_check_folder(const struct workspace *ws, const struct sandbox_info *info, struct error *err);
void run_cancel_call(struct op *op, void *ctx);
/* Releases L1 if held: it is never kept while provisioning. */
void run_release_l1(struct run *r);
/* A session changed: does it concern this run? */
void run_on_session(struct run *r, const char *id);
void run_note(struct run *r, const char *text);
int plan_parse(const char *name);

/* --- plans.c --- */
const struct step *plan_steps(enum engine_plan plan);

/* --- steps_*.c: names as in plans.c --- */
enum step_result step_lock(struct op *op, void *ctx, struct error *err);
void step_lock_cancel(struct op *op, void *ctx);
enum step_result step_inspect(struct op *op, void *ctx, struct error *err);
enum step_result step_plan(struct op *op, void *ctx, struct error *err);
enum step_result step_turn(struct op *op, void *ctx, struct error *err);
void step_turn_cancel(struct op *op, void *ctx);
/* Goes for L1 against other processes, for 20 s at most; the rest as lockfile_acquire. */
int turn_acquire(struct engine *e, struct lockfile **l1, lockfile_wait_fn waiting, lockfile_done_fn done, void *arg,
                 struct error *err);
/* L1 was given back: the next of ours goes for it. */
void turn_is_free(struct engine *e);
bool skip_turn(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_unlock(struct op *op, void *ctx, struct error *err);

enum step_result step_stop(struct op *op, void *ctx, struct error *err);
bool skip_stop(void *ctx, char why[STEP_WHY_MAX]);
bool skip_stop_stopped(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_remove(struct op *op, void *ctx, struct error *err);
bool skip_remove(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_create(struct op *op, void *ctx, struct error *err);
bool skip_create(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_start(struct op *op, void *ctx, struct error *err);
bool skip_start(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_check(struct op *op, void *ctx, struct error *err);
enum step_result step_undo(struct op *op, void *ctx, struct error *err);
bool skip_undo(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_delete(struct op *op, void *ctx, struct error *err);
/* The sessions of a deleted sandbox end with it, and their hosts go. */
enum step_result step_sessions(struct op *op, void *ctx, struct error *err);
void step_sessions_cancel(struct op *op, void *ctx);
/* Those that ended because the sandbox was stopped are no news: shells go, the last screens of the others stay. */
enum step_result step_ended(struct op *op, void *ctx, struct error *err);
bool skip_ended(void *ctx, char why[STEP_WHY_MAX]);
/* A session ended or vanished while step_sessions or step_ended waits; `late`: no longer waited for. */
void steps_sessions_look(struct run *r, bool late);
enum step_result step_forget(struct op *op, void *ctx, struct error *err);

/* Time in which a deletion can be taken back. */
enum step_result step_window(struct op *op, void *ctx, struct error *err);
void step_window_cancel(struct op *op, void *ctx);
bool skip_window(void *ctx, char why[STEP_WHY_MAX]);
/* Looks before a deletion or an idle stop, and refuses what is not ours or is in use again. */
enum step_result step_look(struct op *op, void *ctx, struct error *err);
enum step_result step_changes(struct op *op, void *ctx, struct error *err);

/* --- steps_offline.c: the network cut by an image --- */
/* Is that the way here? */
bool offline_is_used(const struct run *r);
/* A stopped one without a network cannot be given one: is it to be made anew, to have one until the script is through?
 */
bool offline_reopens(const struct run *r);
/* Can a network that is there meanwhile be cut afterwards? Told before anything is done. */
int offline_check_plan(const struct run *r, struct error *err);
bool skip_offline(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_offline_stop(struct op *op, void *ctx, struct error *err);
enum step_result step_offline_image(struct op *op, void *ctx, struct error *err);
enum step_result step_offline_remove(struct op *op, void *ctx, struct error *err);
enum step_result step_offline_create(struct op *op, void *ctx, struct error *err);
enum step_result step_offline_check(struct op *op, void *ctx, struct error *err);

/* --- steps_image.c --- */
/* Before the spec is built: what the record must know of images, consents and the repository's wishes. */
void image_prepare(struct run *r, const struct workspace *ws);
/* Bake: what is in the sandbox was made for another profile; *why (may be NULL) gets what tells so. */
bool image_is_of_other(const struct run *r, struct strbuf *why);
/* After it was decided what is done: image, set-up command, the network meanwhile; and whether it may be. */
int image_plan(struct run *r, struct error *err);
/* It is being created: what the record says from then on. */
void image_note_created(struct run *r);
/* steps_life.c: is the network of the spec to be had? */
int plan_check_network(struct run *r, struct error *err);
/* Does an image notice say that the program is missing in it? */
bool image_lacks(const char *notice, const char *program);
enum step_result step_image(struct op *op, void *ctx, struct error *err);
bool skip_image(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_set_up(struct op *op, void *ctx, struct error *err);
bool skip_set_up(void *ctx, char why[STEP_WHY_MAX]);
/* Bake: a copy of the private home goes into the image. */
enum step_result step_keep_home(struct op *op, void *ctx, struct error *err);
enum step_result step_commit(struct op *op, void *ctx, struct error *err);
bool skip_commit(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_baseline(struct op *op, void *ctx, struct error *err);
bool skip_baseline(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_model(struct op *op, void *ctx, struct error *err);
void step_model_cancel(struct op *op, void *ctx);
enum step_result step_copy(struct op *op, void *ctx, struct error *err);
bool skip_copy(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_provision(struct op *op, void *ctx, struct error *err);
void step_provision_cancel(struct op *op, void *ctx);
bool skip_provision(void *ctx, char why[STEP_WHY_MAX]);
enum step_result step_seal(struct op *op, void *ctx, struct error *err);
enum step_result step_sealed(struct op *op, void *ctx, struct error *err);
bool skip_seal(void *ctx, char why[STEP_WHY_MAX]);
/* Its network is, as read back, what it is to be, or less. */
bool run_is_sealed(const struct run *r);
enum step_result step_record(struct op *op, void *ctx, struct error *err);

#endif
