/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/history.h"

#include <string.h>

#include "core/util/compiler.h"

static const struct history_sample unknown = {{-1, -1}};

/* What a view says, as far as it says it. */
static struct history_sample sample_of(const struct inference_view *v)
{
    struct history_sample s = unknown;
    bool idle = (v->slots_total > 0 && v->slots_busy == 0) || (v->slots_total <= 0 && v->running == 0);
    bool reads = v->progress >= 0 && v->slots_busy == 1; /* the only one at work does not write yet */

    if (v->state != INFERENCE_READY) {
        return s;
    }
    if (v->tokens_per_s >= 0) {
        s.is[HISTORY_RATE] = (float)v->tokens_per_s;
    } else if (idle || reads || v->sleeping) {
        s.is[HISTORY_RATE] = 0;
    }
    if (v->sleeping) {
        s.is[HISTORY_CONTEXT] = 0;
    } else if (v->has_slots && v->room > 0) {
        s.is[HISTORY_CONTEXT] = MT_MIN((float)((double)v->used / (double)v->room), 1.0f);
    } else if (v->cache_percent >= 0) {
        s.is[HISTORY_CONTEXT] = MT_MIN((float)v->cache_percent / 100.0f, 1.0f);
    }
    return s;
}

/* What is known of a step, from what was summed up of it. */
static struct history_sample summed(const double *sum, const double *most, const uint64_t *known_ms)
{
    struct history_sample s = unknown;
    if (known_ms[HISTORY_RATE] > 0) {
        s.is[HISTORY_RATE] = (float)(sum[HISTORY_RATE] / (double)known_ms[HISTORY_RATE]);
    }
    if (known_ms[HISTORY_CONTEXT] > 0) {
        s.is[HISTORY_CONTEXT] = (float)most[HISTORY_CONTEXT];
    }
    return s;
}

/* Adds what holds for so many milliseconds of the step. */
static void add(const struct history_sample *now, uint64_t ms, double *sum, double *most, uint64_t *known_ms)
{
    for (int k = 0; k < HISTORY_KINDS; k++) {
        if (now->is[k] >= 0 && ms > 0) {
            sum[k] += (double)now->is[k] * (double)ms;
            most[k] = known_ms[k] == 0 ? (double)now->is[k] : MT_MAX(most[k], (double)now->is[k]);
            known_ms[k] += ms;
        }
    }
}

/* The step is over: the next one begins. */
static void next_step(struct history *h)
{
    h->ring[h->step % HISTORY_SAMPLES] = summed(h->sum, h->most, h->known_ms);
    memset(h->sum, 0, sizeof(h->sum));
    memset(h->known_ms, 0, sizeof(h->known_ms));
    h->step++;
    h->first = h->step - h->first > HISTORY_SAMPLES ? h->step - HISTORY_SAMPLES : h->first;
}

/* Fills up to a moment with what holds. */
static void fill(struct history *h, uint64_t now_ms)
{
    uint64_t to = now_ms / HISTORY_STEP_MS;
    if (h->at_ms == 0) {
        h->first = h->step = to;
        h->now = unknown;
        h->at_ms = MT_MAX(now_ms, (uint64_t)1);
        return;
    }
    if (now_ms <= h->at_ms) {
        return;
    }
    if (to - h->step > HISTORY_SAMPLES) { /* so long that nothing of before is left */
        h->first = h->step = to - HISTORY_SAMPLES;
        h->at_ms = h->step * HISTORY_STEP_MS;
        memset(h->sum, 0, sizeof(h->sum));
        memset(h->known_ms, 0, sizeof(h->known_ms));
    }
    while (h->step < to) {
        uint64_t end = (h->step + 1) * HISTORY_STEP_MS;
        add(&h->now, end - h->at_ms, h->sum, h->most, h->known_ms);
        next_step(h);
        h->at_ms = end;
    }
    add(&h->now, now_ms - h->at_ms, h->sum, h->most, h->known_ms);
    h->at_ms = now_ms;
}

void history_take(struct history *h, const struct inference_view *v, uint64_t now_ms)
{
    fill(h, now_ms);
    h->now = sample_of(v);
}

void history_pause(struct history *h, uint64_t now_ms)
{
    fill(h, now_ms);
    h->now = unknown;
}

/* The sample of a step, also of those that what holds now reaches into. */
static struct history_sample sample_at(const struct history *h, uint64_t step, uint64_t now_ms)
{
    if (h->at_ms == 0 || step < h->first || step > now_ms / HISTORY_STEP_MS) {
        return unknown;
    }
    if (step < h->step) {
        return h->ring[step % HISTORY_SAMPLES];
    }
    if (step > h->step) {
        return h->now;
    }
    double sum[HISTORY_KINDS], most[HISTORY_KINDS];
    uint64_t known_ms[HISTORY_KINDS], end = MT_MIN((step + 1) * HISTORY_STEP_MS, now_ms);
    memcpy(sum, h->sum, sizeof(sum));
    memcpy(most, h->most, sizeof(most));
    memcpy(known_ms, h->known_ms, sizeof(known_ms));
    add(&h->now, end > h->at_ms ? end - h->at_ms : 0, sum, most, known_ms);
    if (end <= h->at_ms && step * HISTORY_STEP_MS == h->at_ms) {
        return h->now; /* it has just begun */
    }
    return summed(sum, most, known_ms);
}

/* One part: from its first to before its last step. */
static float part(const struct history *h, enum history_what what, uint64_t from, uint64_t to, uint64_t now_ms)
{
    float sum = 0, most = -1;
    int known = 0;
    for (uint64_t step = from; step < to; step++) {
        float is = sample_at(h, step, now_ms).is[what];
        if (is >= 0) {
            sum += is;
            most = MT_MAX(most, is);
            known++;
        }
    }
    return known == 0 ? -1 : what == HISTORY_RATE ? sum / (float)known : most;
}

void history_get(const struct history *h, enum history_what what, uint64_t now_ms, uint64_t span_ms, float *out,
                 size_t count)
{
    uint64_t steps = MT_MAX(span_ms / HISTORY_STEP_MS / MT_MAX(count, (size_t)1), (uint64_t)1);
    uint64_t last = now_ms / HISTORY_STEP_MS / steps; /* the part that now is in */
    for (size_t i = 0; i < count; i++) {
        uint64_t back = count - 1 - i;
        out[i] = last < back ? -1 : part(h, what, (last - back) * steps, (last - back + 1) * steps, now_ms);
    }
}
