/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_ENGINE_H
#define MT_CORE_ENGINE_ENGINE_H

/* The scheduler of lifecycle ops: one at a time per sandbox (queued), several across sandboxes; drives cockpit and
 * verbs alike. Keeps the model true from backends' change reports. Knows nothing of screens. Everything ends in model
 * events; the optional callback is for verbs. */

#include <stdbool.h>

#include "core/engine/backend.h"
#include "core/engine/session_port.h"
#include "core/io/loop.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"

struct engine;

struct engine_opts {
    struct loop *loop;
    const struct paths *paths;
    const struct config *config;
    struct model *model;
    struct bus *bus;
    const struct backend_ops *const *registry; /* backend_registry, or a test's */
    const char *const *order; /* those of it that are opened unasked, the preferred one first (pick_order); NULL: all,
                                 as they stand there. tui.backends replaces it; who names another one opens it */
    struct session_port port;
    uint64_t step_timeout_max_ms; /* no step may take longer than this; 0: as the plans say. For tests */
    bool idle_stop;               /* stops what nobody uses (S8): the cockpit's business, not a verb's */
    uint64_t minute_ms;           /* length of a minute of idle_stop_minutes; 0: 60000. For tests */
    const char *audit_log;        /* A1: where sessions and commands are written down; NULL: as the configuration says
                                     ([tui] audit: audit.ndjson in the state folder) */
    bool no_resume;               /* leave the op journal alone: verbs that only look */
    bool profile_notes;           /* what is wrong with a profile is told where it is used, in the op's notice, and not
                                     of all of them at the beginning */
    bool lazy_follow;             /* changes that others make are followed only once an op brings something up: for
                                     verbs, most of which end before anything changes */
    uint64_t probe_after_ms; /* the backends are looked for so much later: that takes processes, and a screen wants to
                                be drawn first */
    bool fresh_probes;       /* backends are tried, not remembered: for who wants to know what is the matter */
    const struct strvec *wanted; /* names that a person gave, or NULL: the host in "api@gpu1" is waited for until it
                                    answers or is known to be out of reach; other hosts for a few seconds */
};

/* Opens the backends, starts probing them, scans the workspaces, reads states; follows changes from then on.
 * Resumes what dead cockpits and verbs left half done (op journal), at the start and whenever one dies later:
 * provision runs still alive, or ended meanwhile, are adopted. All borrowed
 * pointers outlive the engine. */
struct engine *engine_new(const struct engine_opts *opts, struct error *err);
/* Refuses new ops, cancels what runs (`leave`: leaves provision sessions running for the next cockpit), calls done on
 * the loop when all is closed. Frees the engine. */
void engine_close(struct engine *e, bool leave, void (*done)(void *arg), void *arg);

/* Called once when every backend was probed and the first scan is in the model. Verbs wait for it. */
void engine_on_ready(struct engine *e, void (*fn)(void *arg), void *arg);
/* Scans the workspace root again (also happens by itself when the root changes). */
void engine_rescan(struct engine *e);
/* The workspace root as resolved by the last scan (absolute, real), or -1 and why it cannot be used (N2, N3: NOT_FOUND
 * when it does not exist; *path is then what was asked for, expanded). The path is valid until the next scan. */
int engine_root(const struct engine *e, const char **path, struct error *err);

enum engine_plan {
    ENGINE_START, /* = ensure */
    ENGINE_STOP,
    ENGINE_RESTART,
    ENGINE_DELETE,
    ENGINE_PROVISION,
    ENGINE_APPLY,   /* overlay workspace: changes go into the project folder; the sandbox is stopped first */
    ENGINE_DISCARD, /* overlay workspace: changes are forgotten; the sandbox is stopped first */
    ENGINE_BAKE,    /* ensure and provision, then the sandbox becomes the profile's golden image (S16) */
};
#define ENGINE_PLAN_COUNT 8
/* "start", "stop", "restart", "delete", "provision", "apply", "discard", "bake" */
const char *engine_plan_name(enum engine_plan plan);

struct engine_request {
    enum engine_plan plan;
    const char *sandbox; /* name */
    const char *profile; /* START/PROVISION: NULL = recorded, else config's */
    enum net_policy net;
    bool net_given;         /* explicit choice (shared needs this) */
    bool recreate;          /* ensure: re-create on drift */
    bool reprovision;       /* run even when the recorded revision is equal */
    bool as_is;             /* PROVISION of a running one: it keeps its settings and its network, whatever the profile
                               wants, and the script runs even without one */
    bool force;             /* delete: without stopping politely */
    bool no_provision;      /* start only */
    const char *backend;    /* of a sandbox that does not exist yet; NULL: as configured */
    const char *image;      /* START: an image chosen by a person for this sandbox; remembered. NULL: as before */
    bool allow_post_create; /* START: the person saw the repository's set-up command and said yes (S15) */
    bool allow_image;       /* START: the person saw the image that the repository names and said yes (S13) */
    uint64_t delay_ms;      /* DELETE: undo window; cancelling meanwhile leaves everything as it is */
    const struct strvec *paths; /* APPLY, DISCARD: relative paths; NULL: all */
    bool orphan_only;           /* DELETE: only while it is a stopped orphan (S7); else the op fails with BUSY */
    bool idle_only;             /* STOP: only while nobody uses it (S8); else, or when it is locked, it just ends */
    const char *notice;         /* said with the op; may be NULL */
    const struct strvec *env;   /* --env K=V; may be NULL */
    /* Verb's interest; may be NULL. Once, at the end. */
    void (*done)(void *arg, const struct op_view *op);
    void *arg;
};

/* What choosing `profile` for a running sandbox would change (S5), to be asked about before it is done. */
struct engine_comparison {
    struct strvec differences; /* "network: full instead of none"; empty: none */
    bool lacks_network;        /* its script needs a network, and there is none now: only a restart gives it one */
    bool has_script;
    bool keeps_home; /* a restart with other settings keeps the private home */
};
/* Fills *out (engine_comparison_release) or returns -1: NOT_FOUND, INVALID (a broken profile). Changes nothing. */
int engine_compare(struct engine *e, const char *sandbox, const char *profile, struct engine_comparison *out,
                   struct error *err);
void engine_comparison_release(struct engine_comparison *c);

/* Queues an op; it waits while the backends are still being looked at. Returns its id, or 0 and err (unknown sandbox,
 * no usable backend with its reason, engine closing, an equal op already runs: EXISTS, with its id in the message). */
op_id engine_run(struct engine *e, const struct engine_request *req, struct error *err);
/* Idempotent; the op ends as CANCELED within a second, always-steps included. */
void engine_cancel(struct engine *e, op_id id);

/* Starts an interactive session in a running sandbox (X1, P3 environment). The sandbox is not started: run ENGINE_START
 * first. kind SHELL: bash -l in `cwd`; AGENT: the profile's command; TASK: sh -c command. `done` as in the port. */
struct engine_session_request {
    const char *sandbox;
    enum session_kind kind;
    const char *command; /* TASK, or SHELL -c; NULL otherwise */
    const char *profile; /* AGENT: NULL = the sandbox's */
    const char *cwd;     /* inside; NULL = workspace mount */
    const struct strvec *env;
    const struct task_policy *task; /* TASK: NULL is all zero (run once). Copied */
    const char *name;               /* TASK: what it is called (session_info.label); NULL: made from the command */
    int cols, rows;
    void (*done)(void *arg, const char *id, const struct error *err);
    void *arg;
};
int engine_session(struct engine *e, const struct engine_session_request *req, struct error *err);
/* Where the project is inside. */
const char *engine_mount(const struct workspace *ws);
/* The argv/env that would run `command` (NULL: bash -l) inside, for verbs that replace or relay (shell --no-tty). */
int engine_exec_argv(struct engine *e, const char *sandbox, const char *const *argv, const char *cwd, bool tty,
                     const struct strvec *env, struct strvec *argv_out, struct strvec *env_out, struct error *err);

/* A1: what the audit log is to say of a program inside that a host or a verb will run, as JSON {path, start, command}
 * for whoever writes it; false when nothing is written down. */
struct engine_audit_input {
    const char *sandbox;
    enum session_kind kind;
    const char *const *argv; /* inside */
    const char *cwd;         /* inside; NULL: the workspace */
    bool tty;
    const struct strvec *env; /* --env; may be NULL */
};
bool engine_audit(struct engine *e, const struct engine_audit_input *in, struct strbuf *out);
const char *engine_audit_path(const struct engine *e); /* NULL: none */

/* Reads something of a sandbox through its backend: BACKEND_LOGS, BACKEND_ISOLATION (what is wanted is worked out from
 * the current configuration), BACKEND_CHANGES. Lines come to on_line, results lie in `call` while `done` runs. `done`
 * exactly once, also after engine_look_cancel (CANCELED), never inside this call; the look is gone afterwards. */
struct engine_look;
struct engine_look_request {
    const char *sandbox;
    bool service; /* `sandbox` is one of muthr's own services (services.h): LOGS only */
    enum backend_verb verb;
    int64_t tail;
    bool follow;
    void (*on_line)(void *arg, bool is_stderr, const char *line, size_t len); /* raw bytes; may be NULL */
    void (*done)(void *arg, const struct backend_call *call, const struct error *err);
    void *arg;
};
int engine_look(struct engine *e, const struct engine_look_request *req, struct engine_look **out, struct error *err);
void engine_look_cancel(struct engine_look *look);

/* Starts the service of a backend of this machine whose probe says that it is asleep (BACKEND_WAKE), and looks at the
 * backend again. on_line, done and cancelling as with engine_look; `install_kernel` is the person's own word. */
struct engine_wake_request {
    const char *backend;
    bool install_kernel;
    void (*on_line)(void *arg, bool is_stderr, const char *line, size_t len); /* raw bytes; may be NULL */
    void (*done)(void *arg, const struct backend_call *call, const struct error *err);
    void *arg;
};
int engine_wake(struct engine *e, const struct engine_wake_request *req, struct engine_look **out, struct error *err);

/* What stands between a sandbox and being started as the request says (sandbox, backend, profile) that only a person
 * can decide (S13, S15): texts, or NULL where there is nothing to ask. Heap, freed with engine_consent_release. */
struct engine_consent {
    char *post_create; /* the repository's set-up command, as written */
    char *image;       /* the image that the repository names */
    char *place;       /* the file that says so, relative to the project folder */
};
void engine_consent(struct engine *e, const struct engine_request *req, struct engine_consent *out);
void engine_consent_release(struct engine_consent *c);

/* What a new sandbox would get: of the workspace (with that profile, NULL: its own), or (sandbox NULL) of any. *out:
 * which and why; `backend` its name. -1 and err: none, or not yet. */
struct engine_pick {
    char backend[16], why[200], passed[240], loss[240];
    struct {
        char backend[16], good_for[160], reason[320], fix[480];
    } better[4];
    size_t better_count;
};
int engine_pick(struct engine *e, const char *sandbox, const char *profile, struct engine_pick *out, struct error *err);

/* A person asks to look at a host (or a backend that failed) again, now. */
void engine_retry_backend(struct engine *e, const char *name, const char *host);

/* Stats of running sandboxes are read only while someone looks: every 2 s for the listed ones. Replaces the previous
 * list; NULL/0 stops. */
void engine_watch_stats(struct engine *e, const workspace_id *ids, size_t count);

/* Somebody sees what the model says of these inference endpoints (indices): while somebody does, they are kept up to
 * date; the others are only looked at when an op or a session needs them. Replaces the previous list; NULL/0: nobody
 * sees any, as at the start. Cheap when nothing changes. */
void engine_watch_inference(struct engine *e, const size_t *which, size_t count);
/* Does the sandbox of that name hold the folder of a project of the same name below another workspace root? */
bool engine_has_other_folder(const struct workspace *ws, const struct sandbox_info *info);

/* What is known of a sandbox's endpoint is made fresh, for engine_exec_argv: true: done follows, once, never inside the
 * call; false: it is fresh already. */
bool engine_ask_inference(struct engine *e, const char *sandbox, void (*done)(void *arg), void *arg);
/* The settings have changed: takes the endpoints as `config` has them now. Adds to `moved` running sandboxes that use
 * another one from now on ("api: gpu (10.0.0.5:8080)"): sessions that are started later get it, those that run do not.
 */
void engine_reload_inference(struct engine *e, struct strvec *moved);

/* Is anything of ours still in flight? */
bool engine_is_idle(const struct engine *e);
/* Profiles found (name, description, agent command or NULL, source path): for dialogs and the `profiles` verb. Heap,
 * freed with profile_list_free. */
struct profile_entry {
    char *name, *description, *agent, *path;
    bool shipped, broken;   /* broken: it cannot be used, description says why */
    struct strvec warnings; /* of its manifest: "file:line: what" */
};
size_t engine_profiles(struct engine *e, struct profile_entry **out);
void profile_list_free(struct profile_entry *list, size_t count);

#endif
