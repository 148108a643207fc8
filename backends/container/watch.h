/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_WATCH_H
#define MT_BACKENDS_CONTAINER_WATCH_H

/* How often to look for changes. Pure, but for the pace that tests make quicker. */

#include <stdbool.h>
#include <stdint.h>

struct ctr_pace {
    uint64_t fast_ms;  /* while something changes */
    uint64_t lasts_ms; /* so long after the last sign of it */
    uint64_t slow_ms;  /* at rest; reached by doubling */
};
/* What the watcher of every backend goes by. Written by tests only, before a backend is opened. */
extern struct ctr_pace ctr_watch_pace;

/* The pause before the next look: `busy` = something is on its way now; `quiet_ms` since the last sign of a change;
 * `last_ms` = the pause before this look (0: none). */
uint64_t ctr_pace_next(const struct ctr_pace *p, bool busy, uint64_t quiet_ms, uint64_t last_ms);

#endif
