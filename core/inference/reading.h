/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_READING_H
#define MT_CORE_INFERENCE_READING_H

/* What the answers of one endpoint mean: takes them one by one, keeps the view true, and says by its pacing what to ask
 * next. Pure: knows no network, no clock, no timer (watcher.c has those). */

#include "core/inference/pacing.h"
#include "core/inference/rate.h"
#include "core/inference/slots.h"
#include "core/model/inference.h"
#include "core/util/error.h"

struct reading {
    struct inference_view view;
    struct pacing pacing;
    struct rate counted, live; /* of the metrics, and of what the slots write */
    double live_total;         /* tokens that slots have written, as far as we saw */
    struct slots_answer last;
    bool no_health;   /* it has no /health: /v1/models is asked instead */
    bool said_status; /* its /health said {"status":"ok"} */
    bool owned;       /* /v1/models told an owner */
    int misses;       /* answers in a row that did not come in time */
};

void reading_init(struct reading *r, const char *endpoint);
/* Somebody wants to know now: `models`: also what is not asked again by itself. */
void reading_want(struct reading *r, bool models);
/* Somebody looks at it from now on, or nobody. */
void reading_show(struct reading *r, bool visible, uint64_t now_ms);
/* Something was seen that may set it to work: it is looked at soon. */
void reading_poke(struct reading *r, uint64_t now_ms);
/* `ask` is being sent. */
void reading_begin(struct reading *r, int ask, uint64_t now_ms);
/* What is really asked for `ask`. */
const char *reading_path(const struct reading *r, int ask);
/* How long an answer to `ask` may be. */
size_t reading_limit(int ask);
/* One answer: err NULL, or why there is none. */
void reading_take(struct reading *r, int ask, int status, const char *body, size_t len, const struct error *err,
                  uint64_t now_ms);

#endif
