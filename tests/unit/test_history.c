/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/inference/history.h"

#define T0 1000000000u /* a whole step */

static struct inference_view ready(double rate, uint64_t used)
{
    struct inference_view v;
    inference_view_init(&v);
    v.state = INFERENCE_READY;
    v.slots_total = 4;
    v.slots_busy = rate >= 0 ? 1 : 0;
    v.tokens_per_s = rate;
    v.has_slots = true;
    v.used = used;
    v.room = 1000;
    return v;
}

/* The last `n` seconds as text, an x for each unknown one. */
static void expect(const struct history *h, enum history_what what, uint64_t now_ms, size_t n, const float *want)
{
    float got[64];
    assert_in_range(n, 1, 64);
    history_get(h, what, now_ms, n * HISTORY_STEP_MS, got, n);
    for (size_t i = 0; i < n; i++) {
        if (want[i] < 0 ? got[i] >= 0 : got[i] < want[i] - 0.01f || got[i] > want[i] + 0.01f) {
            fail_msg("value %zu is %.3f, not %.3f", i, (double)got[i], (double)want[i]);
        }
    }
}

static void test_values_hold(void **state)
{
    static struct history h;
    struct inference_view v = ready(40, 250);
    (void)state;
    expect(&h, HISTORY_RATE, T0, 2, (const float[]){-1, -1}); /* nothing was taken yet */
    history_take(&h, &v, T0);
    expect(&h, HISTORY_RATE, T0 + 3500, 6, (const float[]){-1, -1, 40, 40, 40, 40});
    expect(&h, HISTORY_CONTEXT, T0 + 3500, 6, (const float[]){-1, -1, 0.25f, 0.25f, 0.25f, 0.25f});
    v = ready(20, 500);
    history_take(&h, &v, T0 + 1500); /* within a second: the mean of the rate, the most of the context */
    expect(&h, HISTORY_RATE, T0 + 3500, 4, (const float[]){40, 30, 20, 20});
    expect(&h, HISTORY_CONTEXT, T0 + 3500, 4, (const float[]){0.25f, 0.5f, 0.5f, 0.5f});
    /* two seconds a value: they keep their place as time goes on */
    float a[3], b[3];
    history_get(&h, HISTORY_RATE, T0 + 4000, 6000, a, 3);
    history_get(&h, HISTORY_RATE, T0 + 5900, 6000, b, 3);
    assert_memory_equal(a, b, sizeof(a));
    assert_true(a[0] > 34 && a[0] < 36);
}

static void test_gaps(void **state)
{
    static struct history h;
    struct inference_view v = ready(10, 100), down;
    (void)state;
    inference_view_init(&down);
    down.state = INFERENCE_DOWN;
    history_take(&h, &v, T0);
    history_take(&h, &down, T0 + 2000);
    v = ready(-1, 100); /* nothing is being written: no slot is busy */
    history_take(&h, &v, T0 + 4000);
    expect(&h, HISTORY_RATE, T0 + 5999, 6, (const float[]){10, 10, -1, -1, 0, 0});
    history_pause(&h, T0 + 6000);
    expect(&h, HISTORY_CONTEXT, T0 + 7500, 4, (const float[]){0.1f, 0.1f, -1, -1});
    v.slots_busy = 2; /* at work, but how fast is not told */
    history_take(&h, &v, T0 + 8000);
    expect(&h, HISTORY_RATE, T0 + 9000, 2, (const float[]){-1, -1});
    v.slots_busy = 1;
    v.progress = 40; /* it reads */
    history_take(&h, &v, T0 + 10000);
    expect(&h, HISTORY_RATE, T0 + 10999, 1, (const float[]){0});
    v = ready(5, 0);
    v.has_slots = false;
    v.room = 0;
    history_take(&h, &v, T0 + 11000); /* how much there is is not told */
    expect(&h, HISTORY_CONTEXT, T0 + 11999, 1, (const float[]){-1});
    v.cache_percent = 60;
    history_take(&h, &v, T0 + 12000);
    expect(&h, HISTORY_CONTEXT, T0 + 12999, 1, (const float[]){0.6f});
}

static void test_ring(void **state)
{
    static struct history h;
    struct inference_view v = ready(1, 0);
    uint64_t now = T0;
    (void)state;
    for (unsigned i = 0; i < 3 * HISTORY_SAMPLES; i++, now += HISTORY_STEP_MS) {
        v.tokens_per_s = i;
        history_take(&h, &v, now);
    }
    expect(&h, HISTORY_RATE, now - 1, 3,
           (const float[]){3 * HISTORY_SAMPLES - 3, 3 * HISTORY_SAMPLES - 2, 3 * HISTORY_SAMPLES - 1});
    float all[2];
    history_get(&h, HISTORY_RATE, now - 1, 2 * HISTORY_SAMPLES * HISTORY_STEP_MS, all, 2);
    assert_true(all[1] >= 0); /* the last twenty minutes, and nothing made up of what was before */
    v.tokens_per_s = 7;
    history_take(&h, &v, now - 5000); /* a clock that goes back */
    expect(&h, HISTORY_RATE, now + 500, 1, (const float[]){7});
    now += 24 * 3600 * 1000u; /* a night: it held all the time */
    expect(&h, HISTORY_RATE, now, 2, (const float[]){7, 7});
    history_take(&h, &v, now);
    expect(&h, HISTORY_RATE, now + 1, 2, (const float[]){7, 7});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_hold),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
