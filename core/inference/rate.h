/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_RATE_H
#define MT_CORE_INFERENCE_RATE_H

/* Tokens per second from counters. Counters that start again, clocks that jump and numbers that are none give no rate
 * at all, never an absurd one. Pure. */

#include <stdbool.h>
#include <stdint.h>

struct rate {
    bool primed;
    double count, seconds;
    uint64_t at_ms, moved_ms;
    double per_s; /* < 0: unknown */
};

void rate_clear(struct rate *r);
/* A counter of tokens, with the counter of the seconds that they took, or (seconds < 0) by the clock. Returns true when
 * it started again: the server is another one than before. */
bool rate_add(struct rate *r, double count, double seconds, uint64_t now_ms);

#endif
