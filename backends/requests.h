/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_REQUESTS_H
#define MT_BACKENDS_REQUESTS_H

/* The life of a call of a backend that drives a runtime's command line program (podman, Apple's container): a verb is a
 * chain of commands, each link is requests_run with the function that goes on. What differs between such backends is a
 * `struct requests_kind`. All on the loop, nothing blocks. */

#include "backends/cli.h"
#include "backends/flight.h"
#include "core/engine/backend.h"
#include "core/io/loop.h"

struct requests;
struct relay_kind;

/* A call in flight. Where a backend keeps more, this is the first member of its own (requests_kind.size). */
struct request {
    struct request *next;
    struct requests *all;
    struct backend *be; /* stays valid for the request's life */
    struct backend_call *call;
    struct proc *proc; /* the command of the moment; NULL between two */
    struct timer *timer;
    bool canceled, started;
    char container[96]; /* the runtime's name of the call's sandbox; "" for verbs without one */
    /* One command at a time by requests_run: */
    void (*then)(struct request *r, const struct proc_result *res, const struct error *err);
    proc_line_fn on_line; /* of this command; gets the request as arg */
    void (*waiting)(struct request *r);
    int (*facts_then)(struct request *r, struct error *err);
    /* For a verb that waits for something else than requests_run or requests_wait. Called once, by cancel and close;
     * the verb then calls requests_finish within a second (it reports CANCELED whatever err is). NULL: requests_finish
     * is called for it, by the end of the process or at once. */
    void (*on_cancel)(struct request *r);
    void (*image_done)(struct request *r, const struct error *err); /* image_job.h: who waits for one */
    void *state; /* the verb's own; `release` runs just before done */
    void (*release)(struct request *r);
    int step, tries;
};

typedef void (*requests_then_fn)(struct request *r, const struct proc_result *res, const struct error *err);

/* A backend, as data. */
struct requests_kind {
    size_t size; /* of its own request */
    /* By enum backend_verb. Called once, from the loop, with a request whose call is checked. 0: requests_finish comes
     * later (or has run); -1 and err: the request is failed with it. */
    int (*const *verbs)(struct request *r, struct error *err);
    size_t verb_count;
    const char *cannot; /* said of a verb that is not there */
    /* The runtime's name of a sandbox. */
    int (*container_name)(const char *sandbox, char out[96], struct error *err);
    /* May this call be? r->container is set. */
    int (*check)(const struct request *r, struct error *err);
    /* About to end, with err (CANCELED when it was; NULL: success); nothing of it is gone yet. May be NULL. */
    void (*ending)(struct request *r, const struct error *err);
    const struct relay_kind *relay; /* where verbs has relay_submit (relay.h) */
    /* cli_start with the runtime's program. */
    int (*run)(struct proc **out, struct backend *be, const struct cli_opts *opts, struct error *err);
    /* The backend was closed and its last request has ended. */
    void (*free)(struct backend *be);
};

/* What is in flight, a member of the backend. */
struct requests {
    const struct requests_kind *kind;
    struct backend *be;
    struct loop *loop;
    struct request *first;
    struct flight_list jobs; /* image_job.h */
    bool closing;
};

void requests_init(struct requests *all, const struct requests_kind *kind, struct backend *be, struct loop *loop);
/* Cancels them all; kind->free follows the last one, or runs at once. */
void requests_close(struct requests *all);
/* Two parts of a vtable. */
void requests_submit(struct requests *all, struct backend_call *call);
void requests_cancel(struct backend *be, struct backend_call *call);

/* Ends the request: done runs inside it, the request is gone afterwards. err NULL: success; canceled requests report
 * CANCELED. */
void requests_finish(struct request *r, const struct error *err);
/* Runs one command of the runtime for the request (opts->on_done and opts->arg are set here) and calls then with the
 * classified error (NULL: exit 0). A canceled request does not come back: it is finished. opts->on_line gets the
 * request as arg. Errors: as cli_start. */
int requests_run(struct request *r, struct cli_opts *opts, requests_then_fn then, struct error *err);
/* Runs `then` after delay_ms, unless canceled. */
void requests_wait(struct request *r, uint64_t delay_ms, void (*then)(struct request *r));
/* Appends to call->infos. */
void requests_add_info(struct backend_call *call, const struct sandbox_info *info);

#endif
