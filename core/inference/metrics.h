/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_METRICS_H
#define MT_CORE_INFERENCE_METRICS_H

/* What the metrics of llama-server, mlxcel-server and vLLM say, by their names. Pure. Everything negative is unknown.
 * Series of one name (vLLM has one per engine) are added up, shares are averaged. */

#include <stddef.h>

#include "core/model/inference.h"

struct metrics_answer {
    enum inference_kind kind;        /* that the names belong to; INFERENCE_ANY: none that we know */
    double running, waiting;         /* requests */
    double written, written_seconds; /* counters: tokens of answers, and the time that they took */
    double written_live;             /* the same, counted while it is written */
    double slots_total, slots_free;
    double cache; /* 0-1 */
};

void metrics_parse(const char *body, size_t len, struct metrics_answer *out);

#endif
