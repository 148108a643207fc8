/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_MODEL_H
#define MT_CORE_MODEL_MODEL_H

/* What exists: workspaces with their sandboxes, sessions, ops. Snapshots in (from the workspace scan, backends, hosts),
 * change events out through the bus. Owns its copies. Knows nothing of processes, screens, or who listens. Things are
 * named by ids that are never reused in a process; look them up each turn and tolerate NULL. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/model/inference.h"
#include "core/model/service.h"
#include "core/model/session.h"

struct config;

typedef uint32_t workspace_id; /* 0: none */
typedef uint32_t op_id;        /* 0: none */

/* One running or lately ended op, for lists and the provisioning view. */
#define OP_STEPS_MAX 34
enum op_step_state {
    OP_STEP_PENDING,
    OP_STEP_RUNNING,
    OP_STEP_DONE,
    OP_STEP_SKIPPED,
    OP_STEP_FAILED,
    OP_STEP_CANCELED
};
/* P5: text of a provision step that was skipped, since nothing in its script has changed. */
#define OP_PROVISIONED_BEFORE "this revision was provisioned before"
struct op_step_view {
    char name[24]; /* "start", "provision", ... */
    enum op_step_state state;
    bool minor; /* book-keeping: shown only when it takes long or fails */
    int tries;
    uint64_t started_ms, ended_ms; /* monotonic (clock_mono_ms) */
    uint64_t last_time_ms;         /* how long it took the last time it succeeded for this sandbox; 0 unknown */
    int percent;                   /* of what goes on in it, -1: not known */
    char text[200];                /* latest progress text, or why it was skipped, or the error; sanitised */
};
enum op_state { OP_QUEUED, OP_RUNNING, OP_DONE, OP_FAILED, OP_CANCELED };
struct op_view {
    op_id id;
    char plan[24]; /* "start", "stop", "delete", "provision" */
    char sandbox[96];
    char profile[64];
    enum op_state state;
    bool canceling;
    struct op_step_view steps[OP_STEPS_MAX];
    int step_count, step;         /* current one, from 0 */
    char phase[200];              /* P8 phase line of a provision run */
    char session[SESSION_ID_MAX]; /* its provision session, or "" */
    uint64_t started_ms, ended_ms, last_time_ms;
    struct error error;          /* when FAILED: the first error */
    char notice[300];            /* e.g. "network is shared with the host: ..." ; or "" */
    unsigned applied, held_back; /* changes of an overlay workspace, by "apply" */
    char drift[480]; /* it runs, or was left, with other settings than are wanted: what a re-create would change; or ""
                      */
};

struct workspace {
    workspace_id id;
    char name[256];   /* folder name as it is on disk (bytes) */
    char shown[300];  /* sanitised UTF-8 for screens */
    char path[4096];  /* absolute */
    char sandbox[96]; /* by N4; "" with name_error when it has none */
    char name_error[120];
    bool missing;             /* sandbox exists, its folder does not, or is not below this root */
    bool elsewhere;           /* missing, but its folder is there: below another root, or it has another sandbox */
    bool reserved;            /* muthr-config (N6): no shell, no delete */
    char backend[16];         /* that holds or would hold the sandbox */
    char backend_why[200];    /* why that one, or why none can; or "" */
    char other_backend[16];   /* has a sandbox of that name, too: nothing is done until a person says which is meant */
    char image_plan[200];     /* while there is none: what it would be made from; or "" */
    char wanted_backend[16];  /* its profile names that one, and another one has it, where it stays; or "" */
    char wanted_why_not[200]; /* why that one cannot be used; "": it can, as far as is known */
    bool remembered;          /* its backend does not answer: all that is known is that it held one (state unknown) */
    char host[32];    /* of [[hosts]]; "" = this machine. The sandbox is then named "muthr-x@host" everywhere in here;
                         the part from @ on is the engine's, backends never see it */
    char profile[64]; /* chosen or recorded profile */
    bool have_info;
    struct sandbox_info info; /* state NONE when it does not exist */
    struct sandbox_stats stats;
    bool have_stats;
    bool drift;
    char drift_text[480];       /* what differs (S5) */
    int provisioned;            /* 1: the profile's script is through, 0: it is not, -1: not known, or nothing to run */
    char unprovisioned[320];    /* why it is 0, a sentence without its end; or "" */
    op_id op;                   /* running or last ended op not yet dismissed; 0 none */
    bool orphan;                /* S7 */
    uint64_t idle_stop_mono_ms; /* S8: when it will be stopped (clock_mono_ms), 0: not counting down */
    int inference_links;    /* connections of its programs to its inference endpoint at the last look, -1: not known */
    char image_notice[240]; /* lasting warning of its image (S14), or "" */
};

enum model_event_kind {
    MODEL_WORKSPACES, /* set or order changed */
    MODEL_SANDBOX,    /* ws: state, info, drift */
    MODEL_STATS,      /* ws */
    MODEL_OP,         /* ws (may be 0), op: progress or state */
    MODEL_SESSION_ADDED,
    MODEL_SESSION,
    MODEL_SESSION_REMOVED, /* session */
    MODEL_ATTENTION,       /* session: its attention changed */
    MODEL_BACKEND,         /* probe result of a backend arrived or changed */
    MODEL_INFERENCE,       /* inference: what is known of that endpoint; or (index past the end) which there are */
    MODEL_SERVICE,         /* text: name of one of muthr's own services */
    MODEL_PROBLEM,         /* text: something the user should see */
};
struct model_event {
    enum model_event_kind kind;
    workspace_id ws;
    op_id op;
    char session[SESSION_ID_MAX];
    char text[300];
    size_t inference; /* index */
};

/* Event bus (rule 36): subscribers may be removed during dispatch; publishing from a subscriber is queued. */
struct bus;
struct bus_sub;
typedef void (*bus_fn)(void *arg, const struct model_event *ev);
struct bus *bus_new(void);
void bus_free(struct bus *b);
struct bus_sub *bus_subscribe(struct bus *b, bus_fn fn, void *arg);
void bus_unsubscribe(struct bus *b, struct bus_sub *sub);
void bus_publish(struct bus *b, const struct model_event *ev);

struct model;
struct model *model_new(struct bus *bus); /* borrows the bus */
void model_free(struct model *m);

/* Workspaces, sorted by name (byte order, case folded); the order does not change with states. */
size_t model_workspace_count(const struct model *m);
const struct workspace *model_workspace_at(const struct model *m, size_t i);
const struct workspace *model_workspace(const struct model *m, workspace_id id);
const struct workspace *model_workspace_by_sandbox(const struct model *m, const char *sandbox);
const struct workspace *model_workspace_by_name(const struct model *m, const char *name);
/* The given list (any order; only name, shown, path, sandbox, name_error, missing, reserved, backend, host, profile are
 * read; workspaces of this machine come first, then host by host)
 * becomes the set; known names keep id and state. */
void model_set_workspaces(struct model *m, const struct workspace *list, size_t count);
void model_set_sandbox(struct model *m, workspace_id id, const struct sandbox_info *info, const char *backend);
/* Who holds it, or would, and why; the fields of struct workspace. */
void model_set_backend(struct model *m, workspace_id id, const char *backend, const char *why, const char *other,
                       bool remembered);
void model_set_wanted_backend(struct model *m, workspace_id id, const char *backend, const char *why_not);
void model_set_image_plan(struct model *m, workspace_id id, const char *text);
/* Copies "a: b -> c, d: ..." to `out`; what does not fit is left out from a comma on, and told by "...". */
void model_cut_list(const char *text, char *out, size_t cap);
void model_set_drift(struct model *m, workspace_id id, const char *text /* NULL: none */);
void model_set_provisioned(struct model *m, workspace_id id, int provisioned, const char *why);
void model_set_profile(struct model *m, workspace_id id, const char *profile);
void model_set_orphan(struct model *m, workspace_id id, bool orphan);
void model_set_idle_stop(struct model *m, workspace_id id, uint64_t at_mono_ms /* 0: none */);
void model_set_image_notice(struct model *m, workspace_id id, const char *text);
void model_set_stats(struct model *m, workspace_id id, const struct sandbox_stats *stats /* NULL: none */);

/* A provision session of the sandbox is alive, whoever started it: this cockpit, another one, a verb. */
bool model_is_provisioning(const struct model *m, const struct workspace *ws);
/* The state that lists show: an op in flight on it (creating, provisioning), or a living provision session, overrides
 * what the backend last said. */
enum sandbox_state model_shown_state(const struct model *m, const struct workspace *ws);

/* Ops. model_put_op inserts or updates by id. Ended ones stay until model_drop_op (or the next op on the same sandbox).
 */
const struct op_view *model_op(const struct model *m, op_id id);
size_t model_op_count(const struct model *m);
const struct op_view *model_op_at(const struct model *m, size_t i);
void model_put_op(struct model *m, const struct op_view *op);
void model_drop_op(struct model *m, op_id id);

/* Sessions: order is by start time. */
size_t model_session_count(const struct model *m);
const struct session_info *model_session_at(const struct model *m, size_t i);
const struct session_info *model_session(const struct model *m, const char *id);
/* The i-th session of a sandbox, or NULL past the end. */
const struct session_info *model_session_of(const struct model *m, const char *sandbox, size_t i);
void model_put_session(struct model *m, const struct session_info *s);
void model_remove_session(struct model *m, const char *id);
/* The session that has waited longest among those that call for a person, else among those that have ended well, else
 * among those that were looked at and still wait; after `after` (NULL: first), round again behind the last. Never
 * `after` itself; NULL: none. */
const struct session_info *model_next_attention(const struct model *m, const char *after);

/* Backends found on this machine. */
struct backend_view {
    char name[16];
    char host[32]; /* of [[hosts]], "" = this machine: name and host together are the key */
    bool probed;
    bool lost;              /* it was usable and is not any more, or cannot tell what there is */
    uint64_t retry_mono_ms; /* a host that is down: when it is looked at again, 0: never by itself */
    struct backend_probe probe;
};
size_t model_backend_count(const struct model *m);
const struct backend_view *model_backend_at(const struct model *m, size_t i);
/* host NULL or "": this machine. */
const struct backend_view *model_backend(const struct model *m, const char *name, const char *host);
void model_put_backend(struct model *m, const struct backend_view *b);

/* Inference endpoints: 0 is the default one (I1), the others are those of [[inference]], in order. State UNSEEN until
 * they were looked at. */
size_t model_inference_count(const struct model *m);
/* NULL past the end. */
const struct inference_view *model_inference_at(const struct model *m, size_t i);
/* The endpoint that a sandbox uses, by its project's name and its profile; ws NULL: the default one. Of sandboxes on
 * other machines too: only their programs know whether it is in reach from there. */
size_t model_inference_index(const struct model *m, const struct workspace *ws);
const struct inference_view *model_inference_for(const struct model *m, const struct workspace *ws);
/* Index of the endpoint of that name ("default", "gpu"), or -1. */
int model_inference_find(const struct model *m, const char *name);
/* Which there are, and who uses which. Borrows the list and the profile of `config` until the next call. What was
 * known of an endpoint of the same name and place stays known. */
void model_set_inference(struct model *m, const struct config *config);
/* Is number i looked at again and again from now on? Only then its slots are matched to agents (pressure.h). */
void model_watch_inference(struct model *m, size_t i, bool watched);
/* Connections of a sandbox's programs to its endpoint, -1: not known. No event: it goes before another one. */
void model_set_links(struct model *m, workspace_id id, int links);
/* What is known of number i now. */
void model_put_inference(struct model *m, size_t i, const struct inference_view *v);

/* muthr's own services (N7), in the order of service_kinds. */
const struct service_view *model_service(const struct model *m, size_t i);
const struct service_view *model_service_by_name(const struct model *m, const char *name);
void model_put_service(struct model *m, const struct service_view *v);

void model_problem(struct model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
