/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_CONTAINER_PRIVATE_H
#define MT_BACKENDS_CONTAINER_CONTAINER_PRIVATE_H

/* What the files of the container backend share: the backend, a request in flight, and one function per verb. A verb
 * function is called once, from the loop, with a request whose call is checked (requests.c). It returns
 * 0 when ctr_finish comes later (or has run), or -1 and err, which fails the request. All on the loop, nothing blocks.
 */

#include "backends/container/cli.h"
#include "backends/container/container.h"
#include "backends/container/features.h"
#include "backends/container/parse.h"
#include "backends/requests.h"

/* What does not change while the program runs, asked once by the probe. */
struct ctr_facts {
    bool known;
    int version[3]; /* of the command: 1.2.2 */
    char version_text[64];
    bool has_networks; /* `network ...` works: macOS 26 */
};

typedef int (*ctr_owned_fn)(struct request *r, const struct ctr_seen *seen, struct error *err);

struct ctr_watcher;
struct ctr_sampler;
struct ctr_details;

struct backend {
    struct loop *loop;
    char *state;      /* folder of ours: STATE/container */
    char *executable; /* this program */
    struct ctr_facts facts;
    struct requests requests; /* freed with the last one, once closed */
    backend_change_fn change; /* kept by watch(); NULL: nobody listens */
    void *change_arg;
    struct ctr_watcher *watcher; /* watch.c's own */
    struct ctr_sampler *sampler; /* stats.c's own */
    struct ctr_details *details; /* look.c's own */
};

/* A call in flight (requests.h), and what only this backend keeps of it. */
struct ctr_request {
    struct request common;
    ctr_owned_fn owned;
    bool or_none;
    /* A container of this request's name is being made: what a canceled one may have left is deleted. */
    bool making;
};

/* The whole of a request of ours. */
static inline struct ctr_request *ctr_own(struct request *r)
{
    return (struct ctr_request *)r;
}

/* --- for verbs (requests.h) --- */

static inline void ctr_finish(struct request *r, const struct error *err)
{
    requests_finish(r, err);
}

static inline int ctr_run(struct request *r, struct cli_opts *opts, requests_then_fn then, struct error *err)
{
    return requests_run(r, opts, then, err);
}

static inline void ctr_wait(struct request *r, uint64_t delay_ms, void (*then)(struct request *r))
{
    requests_wait(r, delay_ms, then);
}

static inline void ctr_add_info(struct backend_call *call, const struct sandbox_info *info)
{
    requests_add_info(call, info);
}

/* --- for verbs (container.c) --- */

/* Tells the listener that `name` changed (NULL: all), and lets the watcher look soon. */
void ctr_changed(struct backend *be, const char *name);
/* The command's version is known and has this. */
bool ctr_has(const struct backend *be, enum ctr_feature f);

/* --- for verbs (look.c) --- */

/* The call's container is one of ours (both labels)? Then `then` runs, with it as inspect reads it (valid during then);
 * else the request is failed: NOT_FOUND, or DENIED (foreign). `then` returns as a verb does. Every verb that changes a
 * container by name goes through this first (S1). */
int ctr_owned(struct request *r, ctr_owned_fn then, struct error *err);
/* The same without a word when there is none: then gets NULL. */
int ctr_owned_or_none(struct request *r, ctr_owned_fn then, struct error *err);
/* What was last seen of it: the user of the person's programs ("501:20"), "" = the container's own; NULL: not seen
 * yet. Valid until the next look. */
const char *ctr_user_of(const struct backend *be, const char *container);

/* --- for verbs (probe.c) --- */

/* Fills be->facts (one `container --version`), then runs then (at once when they are known), which returns as a verb
 * does. Failing finishes the request. */
int ctr_need_facts(struct request *r, int (*then)(struct request *r, struct error *err), struct error *err);

/* --- verbs --- */
int ctr_probe(struct request *r, struct error *err);         /* probe.c */
int ctr_list(struct request *r, struct error *err);          /* look.c */
int ctr_inspect(struct request *r, struct error *err);       /* look.c */
int ctr_create(struct request *r, struct error *err);        /* create.c */
int ctr_start(struct request *r, struct error *err);         /* life.c */
int ctr_stop(struct request *r, struct error *err);          /* life.c */
int ctr_delete(struct request *r, struct error *err);        /* life.c */
int ctr_stats(struct request *r, struct error *err);         /* stats.c */
int ctr_logs(struct request *r, struct error *err);          /* logs.c */
int ctr_isolation(struct request *r, struct error *err);     /* isolation.c */
int ctr_wake(struct request *r, struct error *err);          /* wake.c */
extern const struct relay_kind ctr_relay;                    /* exec.c: EXEC is relay_submit */
int ctr_image_submit(struct request *r, struct error *err);  /* image.c */
int ctr_commit_submit(struct request *r, struct error *err); /* commit.c */
int ctr_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                  struct error *err); /* exec.c */

/* watch.c: starts or stops (fn NULL) looking for changes; be->change is set already. */
void ctr_watch(struct backend *be, backend_change_fn fn, void *arg);
/* watch.c: a verb of ours changed something, or is about to: look soon, and often for a while. */
void ctr_watch_hurry(struct backend *be);
/* Frees what these files keep in the backend; no request is in flight. */
void ctr_stats_close(struct backend *be);
void ctr_details_close(struct backend *be);

#endif
