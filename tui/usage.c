/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/usage.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"

/* Samples come every two seconds; past this nobody has looked for a while. */
#define GAP_MS 15000
#define CPU_MAX 1000000u

/* The ring of a workspace, made when there is none; of too many the one that was quiet longest goes. */
static struct usage_ring *ring_for(struct usage *u, workspace_id ws)
{
    size_t oldest = 0;
    for (size_t i = 0; i < u->count; i++) {
        if (u->rings[i].ws == ws) {
            return &u->rings[i];
        }
        oldest = u->rings[i].last_ms < u->rings[oldest].last_ms ? i : oldest;
    }
    if (!u->rings) {
        u->rings = xcalloc(USAGE_RINGS, sizeof(*u->rings));
    }
    struct usage_ring *r = u->count < USAGE_RINGS ? &u->rings[u->count++] : &u->rings[oldest];
    *r = (struct usage_ring){.ws = ws};
    return r;
}

void usage_add(struct usage *u, workspace_id ws, const struct sandbox_stats *stats, uint64_t now_ms)
{
    struct usage_ring *r = ring_for(u, ws);
    bool known = r->last_ms && now_ms > r->last_ms && now_ms - r->last_ms <= GAP_MS && stats->cpu_ns >= r->last_ns;
    if (!known) {
        *r = (struct usage_ring){.ws = ws, .last_ns = stats->cpu_ns, .last_ms = now_ms};
        return;
    }
    uint64_t percent = (stats->cpu_ns - r->last_ns) / ((now_ms - r->last_ms) * 10000);
    r->cpu[r->next] = percent < CPU_MAX ? (uint32_t)percent : CPU_MAX;
    r->memory[r->next] = stats->memory_bytes;
    r->next = (r->next + 1) % USAGE_SAMPLES;
    r->count += r->count < USAGE_SAMPLES;
    r->last_ns = stats->cpu_ns;
    r->last_ms = now_ms;
}

void usage_forget(struct usage *u, workspace_id ws)
{
    for (size_t i = 0; i < u->count; i++) {
        if (u->rings[i].ws == ws) {
            u->rings[i] = u->rings[--u->count];
            return;
        }
    }
}

void usage_release(struct usage *u)
{
    free(u->rings);
    *u = (struct usage){0};
}

const struct usage_ring *usage_of(const struct usage *u, workspace_id ws)
{
    for (size_t i = 0; i < u->count; i++) {
        if (u->rings[i].ws == ws) {
            return &u->rings[i];
        }
    }
    return NULL;
}

bool usage_get(const struct usage_ring *r, size_t i, uint32_t *cpu, uint64_t *memory)
{
    if (!r || i >= r->count) {
        return false;
    }
    size_t at = (r->next + USAGE_SAMPLES - 1 - i) % USAGE_SAMPLES;
    *cpu = r->cpu[at];
    *memory = r->memory[at];
    return true;
}

void usage_bytes(uint64_t n, char *out, size_t cap)
{
    if (n >= 1024ull * 1024 * 1024) {
        str_format(out, cap, "%.1fG", (double)n / (1024.0 * 1024 * 1024));
    } else if (n > 0 && n < 1024ull * 1024) {
        str_format(out, cap, "%lluK", (unsigned long long)(n / 1024));
    } else {
        str_format(out, cap, "%lluM", (unsigned long long)(n / (1024 * 1024)));
    }
}

/* Dots that a value fills in one braille cell of the line `row` from the top, 0 to 4. */
static int dots(unsigned value, int rows, int row)
{
    int total = rows * 4, full = (int)((value * (unsigned)total + 999) / 1000), below = (rows - 1 - row) * 4;
    int here = (full > total ? total : full) - below;
    return here < 0 ? 0 : here > 4 ? 4 : here;
}

void usage_graph(const unsigned *values, size_t count, int rows, int row, bool ascii, struct strbuf *out)
{
    static const char signs[] = " .:-=+*#";
    static const unsigned left[] = {0, 0x40, 0x44, 0x46, 0x47}, right[] = {0, 0x80, 0xA0, 0xB0, 0xB8};
    for (size_t i = 0; i < count; i += 2) {
        unsigned a = values[i], b = i + 1 < count ? values[i + 1] : 0;
        if (ascii) {
            unsigned most = a > b ? a : b;
            strbuf_addch(out, signs[most >= 1000 ? 7 : (most * 7 + 999) / 1000]);
            continue;
        }
        unsigned cell = 0x2800u | left[dots(a, rows, row)] | right[dots(b, rows, row)];
        strbuf_addch(out, (char)(0xE0 | cell >> 12));
        strbuf_addch(out, (char)(0x80 | (cell >> 6 & 0x3f)));
        strbuf_addch(out, (char)(0x80 | (cell & 0x3f)));
    }
}
