/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_pace.h"

#include "core/io/pace.h"
#include "term/proto.h"

#define COUNT_MS 100
#define PIECE_BYTES (8u << 10) /* while it yields, and then it rests: 1.6 MB a second */
#define REST_MS 6
#define FLOOD_BYTES (256u << 10) /* in that time: a hundred screens, which nobody reads */
#define STILL_BYTES (64u << 10)  /* a flood stays one: near one limit it would be told by turns as this and as that */

/* Begins to count anew. */
static void begin(struct host_pace *p, bool bulk, uint64_t now_ms)
{
    if (bulk != p->bulk) {
        p->bulk = bulk;
        pace_set(bulk ? PACE_BULK : PACE_PROMPT);
    }
    p->since_ms = now_ms;
    p->bytes = 0;
}

void host_pace_init(struct host_pace *p, uint64_t now_ms)
{
    p->bulk = true;
    begin(p, false, now_ms);
}

unsigned host_pace_output(struct host_pace *p, size_t len, uint64_t now_ms)
{
    uint64_t ms = now_ms - p->since_ms;

    if (host_pace_yields(p, now_ms)) {
        p->since_ms = now_ms; /* how much it would write is not known now: counted when it may again */
        p->bytes += len;
        if (p->bytes < PIECE_BYTES) {
            return 0;
        }
        p->bytes = 0;
        return REST_MS;
    }
    if (ms > 2 * COUNT_MS) { /* it was silent for a while: what was before counts no more */
        begin(p, false, now_ms);
    } else if (ms >= COUNT_MS) {
        begin(p, p->bytes + len >= (p->bulk ? STILL_BYTES : FLOOD_BYTES), now_ms);
    }
    p->bytes += len;
    return 0;
}

void host_pace_typed(struct host_pace *p, uint64_t now_ms)
{
    p->yield_ms = 0;
    if (p->bulk) {
        begin(p, false, now_ms);
    }
}

void host_pace_yield(struct host_pace *p, uint64_t now_ms)
{
    p->yield_ms = now_ms + PROTO_YIELD_MS;
}

bool host_pace_yields(const struct host_pace *p, uint64_t now_ms)
{
    return p->bulk && now_ms < p->yield_ms;
}
