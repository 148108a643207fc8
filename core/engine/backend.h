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

/* shared: the host's own network, explicit consent only. model: only the address of the inference server (and what its
 * backend says leaks besides). */
enum net_policy { NET_NONE, NET_FULL, NET_SHARED, NET_MODEL };
#define NET_POLICY_COUNT 4
const char *net_policy_name(enum net_policy n);
/* none | full | host (= full) | shared | model | restricted (= none; the manifest cuts it after provisioning) */
int net_policy_parse(const char *s, enum net_policy *out, struct error *err);
/* Does it have to be cut after provisioning (none, model)? */
bool net_policy_is_sealed(enum net_policy n);

/* B2: how far programs inside may use the GPU. */
enum gpu_tier { GPU_NONE, GPU_MPS, GPU_METAL };
const char *gpu_tier_name(enum gpu_tier g); /* none | mps-only | metal-compute */
int gpu_tier_parse(const char *s, enum gpu_tier *out, struct error *err);

enum backend_cap {
    BACKEND_CAP_STATS = 1 << 0,
    BACKEND_CAP_LIMITS = 1 << 1, /* can bound memory, pids or cpu somehow */
    BACKEND_CAP_NET_NONE = 1 << 2,
    BACKEND_CAP_NET_FULL = 1 << 3, /* isolated network with outside access; see info.full_reason when missing */
    BACKEND_CAP_NET_SHARED = 1 << 4,
    BACKEND_CAP_SEAL = 1 << 5,       /* the network of a running sandbox can be cut */
    BACKEND_CAP_IMAGES = 1 << 6,     /* has images: pull, build */
    BACKEND_CAP_PORT = 1 << 7,       /* reserves a port per sandbox (B6) */
    BACKEND_CAP_BASELINE = 1 << 8,   /* needs S4's baseline inside */
    BACKEND_CAP_NET_MODEL = 1 << 9,  /* SEAL can leave the inference server reachable */
    BACKEND_CAP_PORTS = 1 << 10,     /* publishes ports of the manifest (S12) */
    BACKEND_CAP_LOGS = 1 << 11,      /* keeps the output of the main process */
    BACKEND_CAP_ISOLATION = 1 << 12, /* reads back how it is isolated */
    BACKEND_CAP_OVERLAY = 1 << 13,   /* workspace as a copy-on-write view: changes, apply, discard */
    BACKEND_CAP_HOST_PATHS =
        1 << 19,                  /* programs inside see the host's folders at their own places: nothing is mounted */
    BACKEND_CAP_COMMIT = 1 << 14, /* a running sandbox can become an image (S16) */
    BACKEND_CAP_HOSTS = 1 << 15,  /* works on other machines ([[hosts]]) */
    BACKEND_CAP_ASCII_NAMES =
        1 << 16, /* its names are ASCII: the engine reduces others (N4), project keeps the real one */
    BACKEND_CAP_SERVICES = 1 << 17,      /* can hold muthr's own services (N7) */
    BACKEND_CAP_SEAL_BY_IMAGE = 1 << 18, /* instead of SEAL: a stopped sandbox can be made anew, without a network, from
                                            an image of itself (COMMIT, then CREATE with made_from). In force only
                                            where the probe says so */
    BACKEND_CAP_GPU = 1 << 20,           /* programs inside can use the machine's GPU */
    BACKEND_CAP_VM = 1 << 21,            /* each sandbox is a virtual machine: the kernel is its own */
    BACKEND_CAP_NET_COMMON = 1 << 22,    /* NET_FULL is one network for all of its sandboxes: they see each other */
};

/* S3: what a sandbox is made from where nobody says otherwise, by a backend that has images. */
#define BACKEND_DEFAULT_IMAGE "docker.io/library/debian:13-slim"

struct mount_spec {
    char *source, *target;
    bool read_only;
};

/* S12. As wanted, or as read back (then host_port is the real one). */
struct port_spec {
    char host_ip[46];                   /* "" = 127.0.0.1 */
    uint16_t host_port, container_port; /* host_port 0: any free one */
    bool udp;
};
#define SANDBOX_PORTS_MAX 16
/* Parses "8080:80", ":80/udp", "127.0.0.1:8080:80", "80" (= ":80"). */
int port_spec_parse(const char *s, struct port_spec *out, struct error *err);

/* Ports of the host that a sandbox on the host's own network may connect to, whatever else it may not. */
#define SANDBOX_CONNECT_MAX 16

enum workspace_mode { WORKSPACE_DIRECT, WORKSPACE_OVERLAY };

/* What a sandbox should be. Owned by the engine; a backend copies what it keeps. Strings are never NULL unless said. */
struct sandbox_spec {
    char *name;                     /* muthr-<project> */
    char *project;                  /* the folder's real name */
    char *workspace;                /* absolute real path on the host */
    char *workspace_mount;          /* "/workspace" */
    char *profile;                  /* "base" */
    char *image;                    /* reference to use; NULL: the backend's default, or none where it has none */
    char *golden;                   /* S16: local image that is preferred to all of the others when it is there
                                       ("localhost/muthr-profile-<profile>:latest"), or NULL: not wanted. Never pulled */
    char *made_from, *made_from_id; /* NULL, or: `image` was made of a sandbox that was made from this one (and what
                                       stood behind that name): CREATE keeps them, and they are read back as
                                       sandbox_info.image and image_id */
    char *containerfile;       /* folder of the profile that holds a Containerfile (S13), or NULL; wins over image */
    char *mise;                /* path of the project's mise.toml (S14), or NULL */
    char *config_hash;         /* S5 */
    enum net_policy net;       /* while running */
    enum net_policy net_after; /* policy to hold after provisioning (== net unless it is to be sealed) */
    double cpus;               /* 0: no limit */
    uint64_t memory_bytes;     /* 0: no limit */
    unsigned pids;             /* 512 by default */
    unsigned cpu_seconds;      /* of processor time per process, where BACKEND_CAP_HOST_PATHS is; 0: no limit */
    bool require_limits;
    struct mount_spec *mounts; /* besides the workspace */
    size_t mount_count;
    int port; /* 0: any free one where the backend reserves */
    struct port_spec *ports;
    size_t port_count;
    enum gpu_tier gpu;                     /* GPU_NONE unless the configuration allows it */
    uint16_t connect[SANDBOX_CONNECT_MAX]; /* where BACKEND_CAP_HOST_PATHS is; the manifest's */
    size_t connect_count;
    uint16_t model_port; /* of its inference server on this machine, 0: none there */
    enum workspace_mode workspace_mode;
    bool writable_root; /* the image's root may be written to (provisioning with a package manager); else read-only with
                           tmpfs where the backend can */
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
    char mount[4096];         /* where that is inside, or "": not known */
    char tmp[1024];           /* where programs inside put what is temporary; "": /tmp */
    enum sandbox_state state; /* as far as the backend can tell: none, creating (=starting), running, stopped, failed
                                 (=crashed), unknown */
    char reason[200];         /* why stopped/failed: "exit 0", "killed: memory limit 1.5 GiB", "crashed"; may be "" */
    enum net_policy net;      /* in force now */
    bool net_known;
    char net_detail[80]; /* more of it: "localhost only, port 41234"; or "" */
    char limits[160];  /* what holds and by which means: "memory 2.0 GiB (watchdog), pids 512 (cgroup)"; "" when none */
    char warning[240]; /* lasting warning: "running as root: ...", "limits not enforced: ..."; or "" */
    int port;          /* reserved port (B6), 0: none */
    int pid;           /* host pid of its init, 0 when not running */
    uint64_t started_wall_ms; /* 0 unknown */
    bool halted; /* running, but nothing inside goes on (paused, or a stop that nobody ends): START cures it */
    bool workspace_missing;                    /* folder gone or replaced while it runs */
    char id[72];                               /* the runtime's own id, or "" */
    char image[256];                           /* reference it was made from, or "" */
    char image_id[72];                         /* the image behind that reference then, hexadecimal; or "" */
    int exit_code;                             /* of the main process when stopped or failed; 128+signal */
    uint64_t created_wall_ms;                  /* 0 unknown */
    struct port_spec ports[SANDBOX_PORTS_MAX]; /* as read back; host_port 0: not published now */
    unsigned port_count;
    enum workspace_mode workspace_mode;
    bool foreign;     /* something of this name exists that is not ours: never touched */
    bool service;     /* muthr-services or muthr-searxng (N7): no sandbox, whatever its labels say. Then `profile` is
                         the owner that its label names: "services" = made by this program */
    char gateway[64]; /* address of the host as seen from inside (G1), or "": unknown, or there is none */
};

/* One fact of how a sandbox is cut off, as read back from the kernel or the runtime, never from the wish. */
enum isolation_verdict {
    ISOLATION_OK,     /* as wanted, or stricter */
    ISOLATION_WEAKER, /* not what the profile or the house rules ask for: shown red */
    ISOLATION_UNKNOWN,
    ISOLATION_INFO /* nothing was asked */
};
struct isolation_fact {
    char name[40];    /* "network", "capabilities", "seccomp", "memory limit", "root filesystem", "mount /workspace" */
    char wanted[120]; /* may be "" */
    char actual[240];
    enum isolation_verdict verdict;
};

/* One difference between an overlay workspace and the project folder. */
enum change_kind { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED, CHANGE_TYPE };
struct workspace_change {
    char *path; /* relative, bytes as on disk */
    enum change_kind kind;
    bool conflict; /* the project's own file changed meanwhile: apply holds it back */
    bool risky;    /* hooks, editor and agent settings, escaping links, ...: only applied when named */
    bool never;    /* of a kind that apply never takes (a fifo, a device, ...) */
    char note[96]; /* why it is held back or skipped; may be "" */
    uint64_t size;
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
    char reason[320];         /* when not usable: what was found */
    char fix[480];            /* the command or steps that cure it, for this distribution */
    char full_reason[320];    /* usable, but BACKEND_CAP_NET_FULL is missing: why and what to do; else "" */
    char overlay_reason[320]; /* usable, but BACKEND_CAP_OVERLAY is missing: why; else "" */
    char limits[160];         /* by which means limits hold here */
    char warning[240];        /* e.g. running as root */
    bool asleep;              /* not usable because its service does not run: WAKE starts it */
    unsigned caps;            /* in force here (subset of the vtable's) */
};

enum backend_verb {
    BACKEND_PROBE,     /* -> call->probe */
    BACKEND_LIST,      /* -> call->infos, call->info_count: all managed sandboxes */
    BACKEND_INSPECT,   /* name -> call->infos[0]; state NONE when it does not exist (not an error) */
    BACKEND_CREATE,    /* spec; exists: ERROR_EXISTS */
    BACKEND_START,     /* name; running already: success */
    BACKEND_STOP,      /* name, grace_ms: polite, then kill; stopped or missing: success */
    BACKEND_DELETE,    /* name, force; stops first; missing: success; never touches the workspace */
    BACKEND_STATS,     /* name -> call->stats */
    BACKEND_SEAL,      /* name, net (none or model): cut the network down to that now, read back */
    BACKEND_EXEC,      /* name, argv, env, as_root: run without a terminal, lines to call->on_line, exit code in
                          call->exit_code (ERROR_EXIT when not 0) */
    BACKEND_UPDATE,    /* spec: rewrite the stored configuration of a stopped sandbox */
    BACKEND_IMAGE,     /* spec: make sure that the image for it is here (pull, build, toolchain layer): call->image,
                          call->image_notice; progress by on_line and call->percent. Equal ones in flight become one */
    BACKEND_LOGS,      /* name, tail, follow: lines of the main process to on_line; follow ends by cancel or with it */
    BACKEND_ISOLATION, /* name, spec (what is wanted; may be NULL) -> call->facts */
    BACKEND_COMMIT,    /* name, image (a tag): the sandbox as it is becomes that image */
    BACKEND_CHANGES,   /* name -> call->changes: overlay workspace against the project folder */
    BACKEND_APPLY,     /* name, paths (NULL: all that is neither risky nor in conflict) -> call->changes: what was held
                          back. The sandbox must be stopped */
    BACKEND_DISCARD,   /* name, paths (NULL: all): forget changes. The sandbox must be stopped */
    BACKEND_WAKE, /* install_kernel: starts the runtime's own service, where the probe says that it is asleep. Progress
                     to on_line; asks nobody anything */
    BACKEND_FOLDERS, /* cwd: names of the folders in it, one per on_line; where the runtime's machine is another one */
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
    bool install_kernel; /* WAKE: where it has no kernel for its virtual machines, it may download one */
    bool service; /* INSPECT, CREATE, START, STOP, EXEC, LOGS: `name` is one of N7's. Without it these names are DENIED
                     (or foreign); with it every other one is. CREATE then takes name, image, ports and writable_root of
                     the spec: without that the image's own program runs, else an idle loop for a script to work in */
    bool keep_home; /* DELETE: it is created again at once: its private home (/home/muthr) stays for the next CREATE */
    const char *const *argv, *const *env; /* EXEC: env are KEY=VALUE additions */
    const char *cwd;                      /* EXEC: inside; NULL = workspace mount */
    bool as_root;                         /* EXEC: as root where the backend tells users apart */
    enum net_policy net;                  /* SEAL; START: NET_FULL gives one that was cut its network again */
    int64_t tail;                         /* LOGS: last lines; -1: all */
    bool follow;                          /* LOGS */
    const char *tag;                      /* COMMIT: name of the image to make */
    const char *const *paths;             /* APPLY, DISCARD: relative, NULL-terminated; NULL: all */
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
    int percent;       /* of what goes on, as of the last on_line; -1: not known. Set to -1 by the caller */
    char image[256];   /* IMAGE: what CREATE is to use (the engine puts it into spec.image and clears golden,
                          containerfile and mise); exactly spec.golden when that is used. Stays the same as long as
                          nothing changes: another text makes a stopped sandbox be created again (S5) */
    char image_id[72]; /* IMAGE: what stands behind that name now, or "": as good as the name. COMMIT: what was made */
    char image_notice[240]; /* IMAGE: lasting warning ("mise.toml: build failed, ..."), or "" */
    struct isolation_fact *facts;
    size_t fact_count; /* heap, freed by backend_call_release */
    struct workspace_change *changes;
    size_t change_count; /* heap, with their paths, freed by backend_call_release */
    size_t applied;      /* APPLY: changes taken over; `changes` are those that were held back */
    void *priv;          /* the backend's, while in flight */
};
/* Before a call begins: forgets what it may hold of an earlier one (heap is not freed). For backends' submit. */
void backend_call_clear(struct backend_call *call);
void backend_call_release(struct backend_call *call);
/* For backends: the end of a call, runs `done`. An answer that could not be read (ERROR_PARSE) is told as what it is to
 * the caller: ERROR_ANSWER. err: NULL when it went well; may be a part of what is gone once done has run. */
void backend_call_finish(struct backend_call *call, const struct error *err);

/* Something happened to sandbox `name` (NULL: look at all again). Coalesced by the listener. */
typedef void (*backend_change_fn)(void *arg, const char *name);

/* Another machine that has the runtime ([[hosts]]). */
struct backend_target {
    const char *name; /* "gpu1" */
    const char *url;  /* ssh://[user@]host[:port][/socket] or unix:///socket */
};

struct backend_env {
    struct loop *loop;
    const struct paths *paths;
    const struct backend_target *target; /* NULL: this machine. Copied */
    bool fresh;                          /* what is remembered of an earlier probe is not believed */
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

/* The registry (backends/backends.c): NULL-terminated, all that there are; pick.h says which are preferred where. */
extern const struct backend_ops *const backend_registry[];

#endif
