/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_HISTORY_H
#define MT_CORE_INFERENCE_HISTORY_H

/* What an endpoint did lately, for graphs: a ring of one sample a second, fed by the changes of its view. Between two
 * changes the last values hold; while nobody watches, or the server does not tell, there is a gap, never a zero. Pure:
 * moments are given, no timer, no allocation. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/inference.h"

#define HISTORY_STEP_MS 1000u
#define HISTORY_SAMPLES 1200u /* 20 minutes */

enum history_what {
    HISTORY_RATE,    /* tokens written in a second; the mean of a part */
    HISTORY_CONTEXT, /* share of the context that is in use, 0 to 1; the most of a part */
    HISTORY_KINDS
};
/* Below 0: unknown. */
struct history_sample {
    float is[HISTORY_KINDS];
};
/* May be all zero. */
struct history {
    struct history_sample ring[HISTORY_SAMPLES]; /* of step n at n % HISTORY_SAMPLES */
    uint64_t first, step;                        /* the oldest one there, and the one that is being filled */
    uint64_t at_ms;                              /* up to where it is filled; 0: not begun */
    struct history_sample now;                   /* holds since then */
    double sum[HISTORY_KINDS], most[HISTORY_KINDS];
    uint64_t known_ms[HISTORY_KINDS]; /* of this step */
};

/* What the view says holds from now on. A moment before the last one is taken as that. */
void history_take(struct history *h, const struct inference_view *v, uint64_t now_ms);
/* From now on nobody watches. */
void history_pause(struct history *h, uint64_t now_ms);
/* The last span_ms until now_ms as `count` values, oldest first; below 0: unknown. Values stay in their place while
 * time goes on: the parts begin at multiples of their length. */
void history_get(const struct history *h, enum history_what what, uint64_t now_ms, uint64_t span_ms, float *out,
                 size_t count);

#endif
