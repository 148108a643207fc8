/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/rate.h"

#include <math.h>

#define GAP_MIN_MS 200   /* closer looks tell nothing */
#define GAP_MAX_MS 60000 /* nor do those before a pause */
#define HOLD_MS 10000    /* servers that count when an answer is complete: its rate is shown for so long */
#define PAUSE_MS 3000    /* by the clock: nothing for so long is a pause */
#define RATE_MAX 1e5

void rate_clear(struct rate *r)
{
    *r = (struct rate){.per_s = -1};
}

/* From here on it is counted. */
static void prime(struct rate *r, double count, double seconds, uint64_t now_ms)
{
    *r = (struct rate){.primed = true, .count = count, .seconds = seconds, .at_ms = now_ms, .per_s = -1};
}

bool rate_add(struct rate *r, double count, double seconds, uint64_t now_ms)
{
    bool timed = seconds >= 0;
    if (!isfinite(count) || count < 0 || (timed && !isfinite(seconds))) {
        return false;
    }
    bool restarted = r->primed && (count < r->count || (timed && r->seconds >= 0 && seconds < r->seconds));
    bool far = now_ms < r->at_ms || now_ms - r->at_ms > GAP_MAX_MS;
    if (!r->primed || restarted || far || timed != (r->seconds >= 0)) {
        prime(r, count, seconds, now_ms);
        return restarted;
    }
    uint64_t gap_ms = now_ms - r->at_ms;
    double tokens = count - r->count, took = timed ? seconds - r->seconds : (double)gap_ms / 1000.0;
    if (gap_ms < GAP_MIN_MS) {
        return false;
    }
    if (tokens > 0 && took > 0) {
        double per_s = tokens / took;
        r->per_s = per_s <= RATE_MAX ? per_s : -1;
        r->moved_ms = now_ms;
    } else if (!timed && now_ms - r->moved_ms <= PAUSE_MS) {
        return false; /* a slow one: the next token is counted from the last on */
    } else if (!timed || now_ms - r->moved_ms > HOLD_MS) {
        r->per_s = -1;
    }
    r->count = count;
    r->seconds = seconds;
    r->at_ms = now_ms;
    return false;
}
