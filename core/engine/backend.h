/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_BACKEND_H
#define MT_CORE_ENGINE_BACKEND_H

/* What a runtime of sandboxes must offer (style.md rules 47-51). One const vtable per backend in backends/backends.c. A
 * backend never sees the model, the screen or an op: it gets requests, completes each exactly once and asynchronously,
 * and reports changes through the watch callback. Capability bits, not names, tell plans and screens what exists. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"

enum sandbox_state {
    SANDBOX_NONE,
    SANDBOX_CREATING,
    SANDBOX_PROVISIONING,
    SANDBOX_RUNNING,
    SANDBOX_STOPPED,
    SANDBOX_FAILED,
    SANDBOX_UNKNOWN
};
const char *sandbox_state_name(enum sandbox_state s); /* "none", "creating", ... */

enum net_policy { NET_NONE, NET_FULL, NET_SHARED }; /* shared: the host's own network, explicit consent only */
const char *net_policy_name(enum net_policy n);
int net_policy_parse(
    const char *s, enum net_policy *out,
    struct error *err); /* none|full|host(=full)|shared|restricted(=none after provisioning, see spec.seal) */

enum backend_cap {
    BACKEND_CAP_STATS = 1 << 0,
    BACKEND_CAP_LIMITS = 1 << 1, /* can bound memory, pids or cpu somehow */
    BACKEND_CAP_NET_NONE = 1 << 2,
    BACKEND_CAP_NET_FULL = 1 << 3, /* isolated network with outside access; see info.full_reason when missing */
    BACKEND_CAP_NET_SHARED = 1 << 4,
    BACKEND_CAP_SEAL = 1 << 5,     /* the network of a running sandbox can be cut */
    BACKEND_CAP_IMAGES = 1 << 6,   /* has images: pull, build */
    BACKEND_CAP_PORT = 1 << 7,     /* reserves a port per sandbox (B6) */
    BACKEND_CAP_BASELINE = 1 << 8, /* needs S4's baseline inside */
};

struct mount_spec {
    char *source, *target;
    bool read_only;
};

/* What a sandbox should be. Owned by the engine; a backend copies what it keeps. Strings are never NULL unless said. */
struct sandbox_spec {
    char *name;                /* muthr-<project> */
    char *project;             /* the folder's real name */
    char *workspace;           /* absolute real path on the host */
    char *workspace_mount;     /* "/workspace" */
    char *profile;             /* "base" */
    char *image;               /* NULL where the backend has none */
    char *config_hash;         /* S5 */
    enum net_policy net;       /* while running */
    enum net_policy net_after; /* policy to hold after provisioning (== net unless it is to be sealed) */
    double cpus;               /* 0: no limit */
    uint64_t memory_bytes;     /* 0: no limit */
    unsigned pids;             /* 512 by default */
    bool require_limits;
    struct mount_spec *mounts; /* besides the workspace */
    size_t mount_count;
    int port; /* 0: any free one where the backend reserves */
};
void sandbox_spec_release(struct sandbox_spec *s);
void sandbox_spec_copy(struct sandbox_spec *dst, const struct sandbox_spec *src);

/* What a sandbox is, as read back from the runtime. */
struct sandbox_info {
    char name[96];
    char project[256];
    char profile[64];
    char config_hash[72];
    char workspace[4096];
    enum sandbox_state state; /* as far as the backend can tell: none, creating (=starting), running, stopped, failed
                                 (=crashed), unknown */
    char reason[200];         /* why stopped/failed: "exit 0", "killed: memory limit 1.5 GiB", "crashed"; may be "" */
    enum net_policy net;      /* in force now */
    bool net_known;
    char limits[160];  /* what holds and by which means: "memory 2.0 GiB (watchdog), pids 512 (cgroup)"; "" when none */
    char warning[240]; /* lasting warning: "running as root: ...", "limits not enforced: ..."; or "" */
    int port;          /* reserved port (B6), 0: none */
    int pid;           /* host pid of its init, 0 when not running */
    uint64_t started_wall_ms; /* 0 unknown */
    bool workspace_missing;   /* folder gone or replaced while it runs */
};

struct sandbox_stats {
    uint64_t cpu_ns;             /* total since start, reaped children included */
    uint64_t memory_bytes;       /* resident */
    uint64_t memory_limit_bytes; /* 0: none */
    unsigned procs;
};

/* Result of looking whether the backend works here at all. */
struct backend_probe {
    bool usable;
    char version[64];
    char reason[320];      /* when not usable: what was found */
    char fix[480];         /* the command or steps that cure it, for this distribution */
    char full_reason[320]; /* usable, but BACKEND_CAP_NET_FULL is missing: why and what to do; else "" */
    char limits[160];      /* by which means limits hold here */
    char warning[240];     /* e.g. running as root */
    unsigned caps;         /* in force here (subset of the vtable's) */
};

enum backend_verb {
    BACKEND_PROBE,   /* -> call->probe */
    BACKEND_LIST,    /* -> call->infos, call->info_count: all managed sandboxes */
    BACKEND_INSPECT, /* name -> call->infos[0]; state NONE when it does not exist (not an error) */
    BACKEND_CREATE,  /* spec; exists: ERROR_EXISTS */
    BACKEND_START,   /* name; running already: success */
    BACKEND_STOP,    /* name, grace_ms: polite, then kill; stopped or missing: success */
    BACKEND_DELETE,  /* name, force; stops first; missing: success; never touches the workspace */
    BACKEND_STATS,   /* name -> call->stats */
    BACKEND_SEAL,    /* name: cut the network now, read back */
    BACKEND_EXEC,    /* name, argv, env, user_root: run without a terminal, lines to call->on_line, exit code in
                        call->exit_code (ERROR_EXIT when not 0) */
    BACKEND_UPDATE,  /* spec: rewrite the stored configuration of a stopped sandbox */
};

struct backend;
struct backend_call;
typedef void (*backend_done_fn)(struct backend_call *call, const struct error *err);

/* Embedded by the caller (an op); must stay until `done` has run. The caller fills the first block, the backend the
 * second. */
struct backend_call {
    enum backend_verb verb;
    const char *name;                /* of the sandbox, where the verb needs one */
    const struct sandbox_spec *spec; /* CREATE, UPDATE */
    uint64_t grace_ms;               /* STOP, DELETE: 0 = 30 s */
    bool force;
    const char *const *argv, *const *env; /* EXEC: env are KEY=VALUE additions */
    const char *cwd;                      /* EXEC: inside; NULL = workspace mount */
    const void *input;
    size_t input_len; /* EXEC: stdin, NULL = empty */
    void (*on_line)(struct backend_call *call, bool is_stderr, const char *line,
                    size_t len); /* progress text of any verb; may be NULL */
    backend_done_fn done;        /* exactly once, never inside submit, also after cancel (ERROR_CANCELED) */
    void *arg;

    struct sandbox_info *infos;
    size_t info_count; /* heap, freed by backend_call_release */
    struct backend_probe probe;
    struct sandbox_stats stats;
    int exit_code;
    void *priv; /* the backend's, while in flight */
};
void backend_call_release(struct backend_call *call);

/* Something happened to sandbox `name` (NULL: look at all again). Coalesced by the listener. */
typedef void (*backend_change_fn)(void *arg, const char *name);

struct backend_env {
    struct loop *loop;
    const struct paths *paths;
};

/* How a session's program is started on a pty: the argv and environment that the *host* process runs. */
struct exec_spec {
    const char *sandbox;
    const char *const *argv; /* inside */
    const char *const *env;  /* KEY=VALUE inside */
    const char *cwd;         /* inside, absolute */
    bool tty;
};

struct backend_ops {
    const char *name; /* "bwrap" */
    unsigned caps;    /* the most it can offer */
    struct backend *(*open)(const struct backend_env *env, struct error *err);
    void (*close)(struct backend *be); /* cancels what is in flight (done runs) before it returns to the loop; frees
                                          asynchronously */
    void (*submit)(struct backend *be, struct backend_call *call);
    void (*cancel)(struct backend *be, struct backend_call *call); /* idempotent; done follows within a second */
    /* Starts or stops (fn NULL) reporting changes: made by us, other cockpits, or the world. No polling where the
     * runtime has events. */
    void (*watch)(struct backend *be, backend_change_fn fn, void *arg);
    /* Builds host-side argv/env for an interactive program; env_out starts empty and holds additions to the host's
     * environment. */
    int (*exec_argv)(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                     struct error *err);
};

/* The registry (backends/backends.c): NULL-terminated, in order of preference on this platform. */
extern const struct backend_ops *const backend_registry[];

#endif
