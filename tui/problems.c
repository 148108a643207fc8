/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/problems.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* A log line and a message about the same thing come within this time. */
#define SAME_MS 5000

/* Takes an entry that says the same out of the list, wherever it stands; its count and whether it was seen go on in the
 * new one. */
static void take_equal(struct problems *p, struct problem *q)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct problem *old = &p->v[i];
        if (strcmp(old->text, q->text) == 0 && strcmp(old->sandbox, q->sandbox) == 0) {
            q->times = old->times + 1;
            q->seen = q->seen && old->seen;
            q->wall_ms = MT_MAX(q->wall_ms, old->wall_ms);
            memmove(p->v + i, p->v + i + 1, (--p->count - i) * sizeof(*p->v));
            return;
        }
    }
}

void problems_add(struct problems *p, const struct problem *what)
{
    struct problem q = *what;
    q.times = 1;
    take_equal(p, &q);
    if (!p->v) {
        p->v = xcalloc(PROBLEMS_MAX, sizeof(*p->v));
    }
    size_t at = 0, keep = p->count < PROBLEMS_MAX ? p->count : PROBLEMS_MAX - 1;
    while (at < keep && p->v[at].wall_ms > q.wall_ms) {
        at++; /* what comes late from the log stands where it belongs */
    }
    memmove(p->v + at + 1, p->v + at, (keep - at) * sizeof(*p->v));
    p->v[at] = q;
    p->count = keep + 1;
}

/* Is the log line the engine's about the same operation? It names the sandbox in its midst: "start muthr-x: why". */
static bool same_operation(const struct problem *q, const struct log_entry *e)
{
    const char *why = strstr(q->text, ": ");
    return q->sandbox[0] && why && strstr(e->text, q->sandbox) && strstr(e->text, why);
}

/* Was this log line told by a message already? */
static bool is_told(const struct problems *p, const struct log_entry *e)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct problem *q = &p->v[i];
        uint64_t apart = q->wall_ms > e->wall_ms ? q->wall_ms - e->wall_ms : e->wall_ms - q->wall_ms;
        if (apart < SAME_MS && (strstr(e->text, q->text) || strstr(q->text, e->text) || same_operation(q, e))) {
            return true;
        }
    }
    return false;
}

void problems_sync(struct problems *p)
{
    uint64_t total = log_problem_count(), fresh = total - p->log_seen;
    struct log_entry e;
    size_t n = 0;
    p->log_seen = total;
    for (uint64_t found = 0; found < fresh && log_get(n, &e); n++) {
        found += e.level >= LOG_WARN;
    }
    while (n-- > 0) { /* oldest of them first */
        if (log_get(n, &e) && e.level >= LOG_WARN && !is_told(p, &e)) {
            struct problem q = {.wall_ms = e.wall_ms, .error = e.level == LOG_ERROR, .seen = true};
            str_copy(q.text, sizeof(q.text), e.text);
            problems_add(p, &q);
        }
    }
}

void problems_dismiss(struct problems *p, size_t index)
{
    if (index < p->count) {
        p->count--;
        memmove(p->v + index, p->v + index + 1, (p->count - index) * sizeof(*p->v));
    }
}

void problems_clear(struct problems *p)
{
    p->count = 0;
}

void problems_see(struct problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        p->v[i].seen = true;
    }
}

size_t problems_unseen(const struct problems *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += !p->v[i].seen;
    }
    return n;
}

void problems_release(struct problems *p)
{
    free(p->v);
    *p = (struct problems){0};
}
