/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_OP_H
#define MT_CORE_ENGINE_OP_H

/* The step machine (style.md rules 27-33): one op runs one const table of steps. A step starts at most one thing; its
 * completion calls op_resume, which only records; op_advance, on the loop, is the only place that knows order, skip,
 * retries, timeout, cancel and always-steps. Knows nothing of sandboxes: plans.c and steps_*.c give it meaning. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/model/model.h"

enum step_result { STEP_NEXT, STEP_WAIT, STEP_FAIL };

#define STEP_WHY_MAX 200

struct op;

struct step {
    const char *name; /* NULL ends a table */
    /* NEXT: done at once. WAIT: op_resume will follow, later. FAIL: *err is filled, nothing is in flight. */
    enum step_result (*enter)(struct op *op, void *ctx, struct error *err);
    /* Asks what enter started to end soon; op_resume still follows. Needed by every step that waits. */
    void (*cancel)(struct op *op, void *ctx);
    /* True: not needed; `why` starts empty and may be filled for people. NULL: never skipped. */
    bool (*skip)(void *ctx, char why[STEP_WHY_MAX]);
    int tries;           /* of transient errors; 0 = 1 */
    uint64_t backoff_ms; /* before the second try; doubles */
    uint64_t timeout_ms; /* of one try; 0: none */
    bool always;         /* runs after failure and cancel, is not cancelled itself */
    bool minor;          /* book-keeping: screens show it only when it takes long or fails */
};

struct op_opts {
    struct loop *loop;
    const struct step *steps; /* at most OP_STEPS_MAX */
    void *ctx;
    uint64_t timeout_max_ms; /* bounds the timeout of every step and the pauses between tries; 0: as the table says */
    void (*changed)(struct op *op, void *ctx); /* the view changed; may be NULL */
    void (*ended)(struct op *op, void *ctx);   /* exactly once, from the loop; the op is freed when it returns */
};

/* In state QUEUED; the caller fills the naming fields of the view. Ends only through op_start (a cancelled one still
 * has to be started). */
struct op *op_new(const struct op_opts *opts);
/* The live view; valid until `ended` has returned. */
struct op_view *op_get_view(struct op *op);
/* Begins on the next turn of the loop. */
void op_start(struct op *op);
bool op_is_started(const struct op *op);
/* Idempotent: steps that are not `always` are left out from now on, the one in flight is asked to end. */
void op_cancel(struct op *op);
/* The thing in flight is over: NULL for success. Exactly once per WAIT. */
void op_resume(struct op *op, const struct error *err);
/* Progress text of the current step; sanitised and cut. */
void op_text(struct op *op, const char *fmt, ...) MT_PRINTF(2, 3);
/* Something in the view was changed by the caller: tells `changed`. */
void op_touch(struct op *op);

#endif
