/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_PODMAN_PRIVATE_H
#define MT_BACKENDS_PODMAN_PODMAN_PRIVATE_H

/* What the files of the podman backend share: the backend, a request in flight, and one function per verb. A verb
 * function is called once, from the loop, with a request whose call is checked (requests.c). It returns 0
 * when podman_finish comes later (or has run), or -1 and err, which fails the request. All on the loop, nothing blocks.
 */

#include "backends/podman/cli.h"
#include "backends/podman/parse.h"
#include "backends/podman/podman.h"
#include "backends/requests.h"

/* What does not change while the program runs, asked once (`podman info` takes 300 ms). */
struct podman_facts {
    bool known;
    bool rootless;
    bool cgroup_v2;
    bool has_memory, has_pids, has_cpu; /* controllers that limits can use */
    bool is_remote;                     /* the service at the other end of --url */
    int version[3];                     /* 4.3.1 */
    char version_text[64];
    char runtime[32];         /* "runc", "crun" */
    char network_backend[32]; /* "netavark", "cni" */
    bool selinux;
    bool has_pasta, has_slirp;
    int64_t mapped_ids;      /* of the user's containers; -1: root */
    char limits_missing[64]; /* "memory, pids": controllers that are not there; or "" */
};

typedef int (*podman_owned_fn)(struct request *r, const struct podman_seen *seen, struct error *err);

struct podman_watcher;
struct podman_sampler;
struct podman_details;

struct backend {
    struct loop *loop;
    char *state;                    /* folder of ours: STATE/podman, or STATE/podman@TARGET */
    char *executable;               /* this program */
    char *target_name, *target_url; /* url: what podman gets, a unix:// socket of this machine */
    struct forward *forward;        /* NULL: this machine */
    struct podman_facts facts;
    struct requests requests; /* freed with the last one, once closed */
    bool facts_asking;        /* probe.c */
    backend_change_fn change; /* kept by watch(); NULL: nobody listens */
    void *change_arg;
    struct podman_watcher *watcher; /* watch.c's own */
    struct podman_sampler *sampler; /* stats.c's own */
    struct podman_details *details; /* look.c's own */
    bool fresh;                     /* what facts_cache.h keeps is not believed */
};

/* A call in flight (requests.h), and what only this backend keeps of it. */
struct podman_request {
    struct request common;
    podman_owned_fn owned;
    bool or_none;
    char network[128]; /* net.c: the one it works on, and who goes on */
    int (*network_ready)(struct request *r, const char *network, struct error *err);
    int (*reconnected)(struct request *r, struct error *err);
    void (*networks_gone)(struct request *r);
};

/* The whole of a request of ours. */
static inline struct podman_request *podman_own(struct request *r)
{
    return (struct podman_request *)r;
}

/* --- for verbs (requests.h) --- */

static inline void podman_finish(struct request *r, const struct error *err)
{
    requests_finish(r, err);
}

static inline int podman_run(struct request *r, struct cli_opts *opts, requests_then_fn then, struct error *err)
{
    return requests_run(r, opts, then, err);
}

static inline void podman_wait(struct request *r, uint64_t delay_ms, void (*then)(struct request *r))
{
    requests_wait(r, delay_ms, then);
}

static inline void podman_add_info(struct backend_call *call, const struct sandbox_info *info)
{
    requests_add_info(call, info);
}

/* --- for verbs (podman.c) --- */

/* Tells the listener that `name` changed (NULL: all). */
void podman_changed(struct backend *be, const char *name);
/* The call's container is one of ours (both labels)? Then `then` runs, with it as inspect reads it (valid during then);
 * else the request is failed: NOT_FOUND, or DENIED (foreign). `then` returns as a verb does. Every verb that changes a
 * container by name goes through this first (S1). */
int podman_owned(struct request *r, podman_owned_fn then, struct error *err);
/* The same without a word when there is none: then gets NULL. */
int podman_owned_or_none(struct request *r, podman_owned_fn then, struct error *err);
/* podman's name of the call's container. */
const char *podman_container(const struct request *r);

/* --- verbs --- */
int podman_probe(struct request *r, struct error *err);   /* probe.c */
int podman_list(struct request *r, struct error *err);    /* look.c */
int podman_inspect(struct request *r, struct error *err); /* look.c */
int podman_create(struct request *r, struct error *err);  /* create.c */
int podman_service(struct request *r, struct error *err); /* service.c: CREATE of a service */
int podman_start(struct request *r, struct error *err);   /* life.c */
int podman_stop(struct request *r, struct error *err);    /* life.c */
int podman_delete(struct request *r, struct error *err);  /* life.c */
extern const struct relay_kind podman_relay;              /* exec.c: EXEC is relay_submit */
int podman_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                     struct error *err);                    /* exec.c */
int podman_stats(struct request *r, struct error *err);     /* stats.c */
int podman_seal(struct request *r, struct error *err);      /* net.c */
int podman_isolation(struct request *r, struct error *err); /* isolation.c */
int podman_logs(struct request *r, struct error *err);      /* logs.c */
int podman_image(struct request *r, struct error *err);     /* image.c */
int podman_commit(struct request *r, struct error *err);    /* image.c */

int podman_probe_target(struct request *r, struct error *err); /* target.c: the way there, then podman_probe */
int podman_folders(struct request *r, struct error *err);      /* target.c */

/* watch.c: starts or stops (fn NULL) the event stream; be->change is set already. */
void podman_watch(struct backend *be, backend_change_fn fn, void *arg);
/* watch.c: all were looked at; does any of ours run, or do anything else than lie there stopped? */
void podman_watch_listed(struct backend *be, bool any_alive);
/* Frees what stats.c keeps in the backend; no request is in flight. */
void podman_stats_close(struct backend *be);
void podman_details_close(struct backend *be); /* look.c */

/* net.c: the value of create's --network for this spec ("none", "host", a bridge of ours, ...), and what has to exist
 * before. then runs with it (valid during the call); failing finishes the request. */
int podman_net_prepare(struct request *r, int (*then)(struct request *r, const char *network, struct error *err),
                       struct error *err);
/* net.c: gives a container that was cut off, and does not run, its bridge again; then goes on, at once where there is
 * nothing to do. */
int podman_net_reconnect(struct request *r, const struct podman_seen *seen,
                         int (*then)(struct request *r, struct error *err), struct error *err);
/* net.c: removes the networks that belong to the call's sandbox, after its container. then runs always; one that is
 * still in use stays. */
int podman_net_remove(struct request *r, void (*then)(struct request *r), struct error *err);

/* look.c: memory of a container of this machine that only holds files, and is given back when something needs it; 0:
 * not known. */
uint64_t podman_cache_bytes(const struct backend *be, const char *container);
/* look.c: what was read back of a container is kept for lists and for sessions. */
void podman_remember(struct backend *be, const struct podman_seen *seen);
/* look.c: its conmon died, so podman did not see that its processes are gone, and calls it running or stopping. */
bool podman_is_gone(const struct backend *be, const struct podman_seen *seen);
/* look.c: the user of the person's programs in it, "" = the container's own; NULL: not known yet. */
const char *podman_user_of(const struct backend *be, const char *container);
/* look.c: do the limits that the runtime was told hold? If not, which ones do not. */
bool podman_limits_hold(const struct backend *be, const struct podman_seen *seen, char *missing, size_t cap);

/* probe.c: fills be->facts, then runs then (at once when they are known), which returns as a verb does. Failing
 * finishes the request. */
int podman_need_facts(struct request *r, int (*then)(struct request *r, struct error *err), struct error *err);
/* The version is at least major.minor. False while unknown. */
bool podman_at_least(const struct backend *be, int major, int minor);

#endif
