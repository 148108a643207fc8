/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/pacing.h"

#include <string.h>

#include "core/util/compiler.h"

#define FAST_MS 30000  /* after a change */
#define REST_MS 600000 /* after which nothing is expected any more */

enum gear { GEAR_FAST, GEAR_SLOW, GEAR_REST, GEAR_COUNT };

/* Path, and the period in each gear; 0: only when it is wanted once. */
static const struct {
    const char *path;
    uint32_t period_ms[GEAR_COUNT];
} ASKS[] = {
    [PACING_HEALTH] = {"/health", {2000, 10000, 30000}}, [PACING_MODELS] = {"/v1/models", {0, 0, 0}},
    [PACING_PROPS] = {"/props", {10000, 10000, 30000}},  [PACING_VERSION] = {"/api/version", {0, 0, 0}},
    [PACING_LOADED] = {"/api/ps", {2000, 10000, 30000}}, [PACING_CACHE] = {"/v1/cache/stats", {0, 0, 0}},
    [PACING_METRICS] = {"/metrics", {2000, 30000, 0}},   [PACING_SLOTS] = {"/slots", {1000, 10000, 30000}},
};
_Static_assert(MT_ARRAY_LEN(ASKS) == PACING_ASKS, "one row for each");

const char *pacing_path(int ask)
{
    return ask >= 0 && ask < PACING_ASKS ? ASKS[ask].path : "/";
}

/* How long nothing has changed; a clock that went back tells nothing. */
static enum gear gear_of(const struct pacing *p, uint64_t now_ms)
{
    uint64_t changed_ms = MT_MAX(p->changed_ms, p->shown_ms);
    uint64_t quiet_ms = now_ms >= changed_ms ? now_ms - changed_ms : 0;
    if (p->busy || (p->changed_ms != 0 && now_ms < p->changed_ms + FAST_MS)) {
        return GEAR_FAST;
    }
    if (p->state == INFERENCE_LOADING && quiet_ms < REST_MS) {
        return GEAR_FAST; /* it will be ready soon */
    }
    return quiet_ms < REST_MS ? GEAR_SLOW : GEAR_REST;
}

bool pacing_rests(const struct pacing *p, uint64_t now_ms)
{
    return gear_of(p, now_ms) == GEAR_REST;
}

/* How often, 0: not by itself. */
static uint64_t period_of(const struct pacing *p, int ask, enum gear gear)
{
    bool beat = ask == PACING_HEALTH;
    if (!beat && (p->state != INFERENCE_READY || !p->offered[ask])) {
        return 0;
    }
    if ((ask == PACING_SLOTS || ask == PACING_METRICS) && (p->sleeping || (gear == GEAR_REST && p->may_sleep))) {
        return 0;
    }
    return ASKS[ask].period_ms[gear];
}

int pacing_next(const struct pacing *p, uint64_t now_ms, uint64_t *wait_ms)
{
    int best = PACING_NONE;
    *wait_ms = PACING_NEVER;
    for (int i = 0; i < PACING_ASKS; i++) {
        if (p->due[i]) {
            *wait_ms = 0;
            return i;
        }
    }
    for (int i = 0; p->visible && i < PACING_ASKS; i++) {
        uint64_t period_ms = period_of(p, i, gear_of(p, now_ms)), asked_ms = p->asked_ms[i];
        if (period_ms == 0) {
            continue;
        }
        uint64_t since_ms = asked_ms != 0 && now_ms >= asked_ms ? now_ms - asked_ms : period_ms;
        uint64_t left_ms = since_ms < period_ms ? period_ms - since_ms : 0;
        if (left_ms < *wait_ms) {
            *wait_ms = left_ms;
            best = i;
        }
    }
    if (p->visible && p->stir_ms != 0 && (p->state == INFERENCE_READY || p->stir_ask == PACING_HEALTH)) {
        uint64_t left_ms = p->stir_ms > now_ms ? MT_MIN(p->stir_ms - now_ms, PACING_STIR_MS) : 0;
        if (left_ms < *wait_ms) {
            *wait_ms = left_ms;
            best = p->stir_ask;
        }
    }
    return best;
}

bool pacing_is_due(const struct pacing *p)
{
    for (int i = 0; i < PACING_ASKS; i++) {
        if (p->due[i]) {
            return true;
        }
    }
    return false;
}

void pacing_reset(struct pacing *p)
{
    p->stir_ms = 0;
    p->busy = p->may_sleep = p->sleeping = false;
    memset(p->due, 0, sizeof(p->due));
    memset(p->offered, 0, sizeof(p->offered));
    memset(p->refused, 0, sizeof(p->refused));
}
