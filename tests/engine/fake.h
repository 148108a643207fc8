/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_ENGINE_FAKE_H
#define MT_TESTS_ENGINE_FAKE_H

/* Test doubles of a backend and of the session port, with delays and faults by count, and a whole engine around them in
 * a private home. Time is only waited for through the loop; every world checks at its end that nothing leaked and that
 * the loop is empty. */

#include "core/engine/engine.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

enum fake_fault {
    FAULT_NONE,
    FAULT_FAIL,   /* ends with ERROR_INVALID: no retry helps */
    FAULT_BUSY,   /* ends with ERROR_BUSY, this once: a retry helps */
    FAULT_HANG,   /* ends only when cancelled */
    FAULT_CANCEL, /* hangs, and the op is cancelled meanwhile */
    FAULT_DEAF,   /* the op is cancelled, but this succeeds all the same */
};

#define FAKE_BOXES 12

struct fake_pending;

struct fake {
    struct world *w;
    struct {
        bool used;
        const char *owner; /* backend: "fake" or "pod" */
        struct sandbox_info info;
    } boxes[FAKE_BOXES];
    struct backend_probe probe, pod_probe;
    /* of the pod */
    const char *image, *image_notice; /* what IMAGE answers; NULL: what was asked for */
    const char *image_id;             /* what stands behind it; NULL: not told */
    const char *committed_id;         /* what COMMIT makes */
    const char *exec_lines[4];        /* what EXEC prints */
    int exec_exit;                    /* and ends with, when as root */
    int set_up_exit;                  /* else */
    bool last_as_root, kept_home, overlay;
    char created_from[256]; /* the last CREATE */
    char committed[96], last_spec_image[256], last_golden[96];
    size_t held_back; /* by APPLY */
    enum net_policy last_net, last_start_net;
    uint64_t delay_ms;
    int fault_at; /* the n-th thing started for an op (backend verb or session), from 1; 0: none */
    enum fake_fault fault;
    int things;     /* started so far */
    int list_fails; /* so many lists from now on end with ERROR_EXIT */
    int counts[BACKEND_FOLDERS + 1];
    int started_sessions, killed, dismissed, attended, in_flight, most_in_flight;
    int exit_code;          /* of provision scripts */
    bool script_hangs;      /* sessions run until killed */
    const char *script_log; /* what the script prints */
    bool ignores_kill;
    char last_argv[8][256];
    struct strvec last_env; /* of the last exec_argv */
    struct strbuf last_input;
    bool kernel;    /* WAKE may install one */
    bool seal_lies; /* SEAL succeeds and changes nothing */
    bool fails_to_stay_up;
    backend_change_fn watch;
    void *watch_arg;
    struct fake_pending *pending;
};

struct world {
    struct temphome home;
    struct config config;
    struct loop *loop;
    struct bus *bus;
    struct model *model;
    struct engine *engine;
    struct fake fake;
    const struct backend_ops *const *registry; /* NULL: the fake alone */
    const char *const *order;                  /* engine_opts.order */
    struct timer *guard;
    bool ready, closed, no_resume, lazy_follow;
    const struct strvec *wanted; /* engine_opts.wanted */
    uint64_t step_timeout_ms;
    uint64_t minute_ms; /* of idle_stop_minutes; 0: nobody is stopped as idle */
    int done;
    struct op_view last;
};

/* A home with projects api, web and docs, profiles base, p (script, full network), cut (script, no network) and shut
 * (no script, no network); no engine yet. */
void world_open(struct world *w);
/* In a forked child: a world of its own in the same home, with the sandboxes and sessions of `host` as they are now;
 * never closed, the child just ends. */
void world_join(struct world *w, const struct world *host);
/* Starts an engine and waits until it is ready. */
void world_engine(struct world *w);
/* Closes the engine (if any) and everything; checks that the loop is empty. */
void world_close(struct world *w);
void world_close_engine(struct world *w, bool leave);
/* Queues an op; its end lands in w->last and w->done. Fails the test when refused. */
op_id world_start(struct world *w, enum engine_plan plan, const char *sandbox, const char *profile);
/* The same with a request of one's own (done and arg are filled in). */
op_id world_request(struct world *w, struct engine_request *req);
/* Turns the loop until `done` ops have ended in all. */
void world_wait(struct world *w, int done);
/* Runs one plan to its end. */
void world_run(struct world *w, enum engine_plan plan, const char *sandbox, const char *profile);
/* Turns until cond(w). */
void world_until(struct world *w, bool (*cond)(struct world *w));
struct sandbox_info *fake_box(struct fake *f, const char *name);
const struct workspace *world_ws(struct world *w, const char *sandbox);
/* A step of the last op by name. */
const struct op_step_view *world_step(struct world *w, const char *name);

/* "pod" has images, a baseline, commits, overlays and looks, besides what "fake" has. */
extern const struct backend_ops fake_backend, fake_pod;
extern const struct backend_ops *const fake_pod_registry[]; /* the pod alone */
extern const struct backend_ops *const fake_vm_registry[];  /* "vm": as the pod, but a network is for life */
extern const struct backend_ops *const fake_both[];         /* fake first, then the pod */

#endif
