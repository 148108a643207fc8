/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_PACING_H
#define MT_CORE_INFERENCE_PACING_H

/* What is asked of an endpoint next, and when. Pure: a table of periods over what is known. Three gears:
 * fast  something is at work, or changed within the last half minute: /health 2 s, /slots 1 s, /metrics 2 s
 * slow  nothing has changed since: /health and /slots 10 s, /metrics 30 s
 * rest  nothing for ten minutes: /health and /slots 30 s; no /slots where the server may unload its model while nobody
 *       asks (llama-server's --sleep-idle-seconds: our looks must not keep it awake)
 * /props is asked again only of a server that may do that, since it tells whether it did: 10 s, at rest 30 s.
 * Nothing at all is asked while nobody looks, but for what is wanted once (`due`). */

#include <stdbool.h>
#include <stdint.h>

#include "core/model/inference.h"

enum pacing_ask {
    PACING_HEALTH,
    PACING_MODELS,
    PACING_PROPS,
    PACING_VERSION, /* Ollama's */
    PACING_LOADED,  /* Ollama's /api/ps */
    PACING_CACHE,   /* mlxcel-server's /v1/cache/stats: tells it from llama-server */
    PACING_METRICS,
    PACING_SLOTS,
};
#define PACING_ASKS 8
#define PACING_NONE PACING_ASKS
#define PACING_NEVER UINT64_MAX
#define PACING_STIR_MS 2000 /* how soon after the last look one looks again because something stirs */
/* "/health", ... */
const char *pacing_path(int ask);

struct pacing {
    bool visible;
    bool busy;                      /* something is at work in it */
    bool may_sleep, sleeping;       /* see above; /props tells, and does not wake it */
    enum inference_state state;     /* of the endpoint */
    uint64_t changed_ms;            /* when something last changed; 0: never */
    uint64_t shown_ms;              /* since when somebody looks */
    uint64_t stir_ms;               /* when it is looked at because something stirs; 0: nothing does */
    int stir_ask;                   /* what is asked then */
    uint64_t asked_ms[PACING_ASKS]; /* when it was last asked, 0: never */
    bool due[PACING_ASKS];          /* wanted once, now */
    bool offered[PACING_ASKS];      /* asked again and again; PACING_HEALTH: heartbeat */
    bool refused[PACING_ASKS];      /* the server has no such thing */
};

/* The next one (or PACING_NONE); *wait_ms: how long from now, PACING_NEVER when it is none. */
int pacing_next(const struct pacing *p, uint64_t now_ms, uint64_t *wait_ms);
/* Has nothing changed for so long that it is in the last gear? */
bool pacing_rests(const struct pacing *p, uint64_t now_ms);
/* Is something wanted once? */
bool pacing_is_due(const struct pacing *p);
/* Forgets what a server offers: another one may answer next. */
void pacing_reset(struct pacing *p);

#endif
