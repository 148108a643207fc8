/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_USAGE_H
#define MT_TUI_USAGE_H

/* What sandboxes used lately: a ring of samples each, fed while someone looks; and their small graphs. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/model.h"
#include "core/util/strbuf.h"

#define USAGE_SAMPLES 60
#define USAGE_RINGS 64

struct usage_ring {
    workspace_id ws;
    uint64_t last_ns, last_ms; /* CPU time and moment of the newest sample */
    size_t count, next;
    uint32_t cpu[USAGE_SAMPLES]; /* percent of one processor */
    uint64_t memory[USAGE_SAMPLES];
};
struct usage {
    struct usage_ring *rings;
    size_t count;
};

/* One more sample; a long gap, or a restart, begins anew. The first sample of a run gives no CPU figure. */
void usage_add(struct usage *u, workspace_id ws, const struct sandbox_stats *stats, uint64_t now_ms);
void usage_forget(struct usage *u, workspace_id ws);
void usage_release(struct usage *u);
/* NULL when there is none. */
const struct usage_ring *usage_of(const struct usage *u, workspace_id ws);
/* Sample `i` from the newest (0); false past the oldest. */
bool usage_get(const struct usage_ring *r, size_t i, uint32_t *cpu, uint64_t *memory);

/* "412M", "2.0G" */
void usage_bytes(uint64_t n, char *out, size_t cap);
/* Bars of `values` (oldest first, 0..1000) as `rows` lines of braille, two values a column; in ASCII one line of signs.
 * Line 0 is the upper one. */
void usage_graph(const unsigned *values, size_t count, int rows, int row, bool ascii, struct strbuf *out);

#endif
