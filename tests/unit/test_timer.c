/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

struct probe {
    struct timer *timer;
    int calls, stop_at;
};

static void on_fire(void *arg)
{
    struct probe *p = arg;
    if (++p->calls == p->stop_at) {
        timer_stop(p->timer);
    }
}

/* Restarts itself with no delay: must not keep the loop from everything else. */
static void on_restart(void *arg)
{
    struct probe *p = arg;
    p->calls++;
    timer_start(p->timer, 0);
}

static void test_once_and_not_early(void **state)
{
    struct loop *loop = loop_new();
    struct probe p = {0};
    uint64_t start, until;
    (void)state;
    p.timer = timer_new(loop, on_fire, &p);
    /* The loop's own clock is old here: the delay still counts from now. */
    for (until = clock_mono_ms() + 60; clock_mono_ms() < until;) {
    }
    start = clock_mono_ms();
    timer_start(p.timer, 50);
    assert_true(timer_is_active(p.timer));
    loop_run(loop);
    assert_int_equal(p.calls, 1);
    assert_true(clock_mono_ms() - start >= 49);
    assert_false(timer_is_active(p.timer));
    timer_close(p.timer);
    assert_int_equal(loop_free(loop), 0);
}

static void test_repeat_until_stopped(void **state)
{
    struct loop *loop = loop_new();
    struct probe p = {.stop_at = 3};
    (void)state;
    p.timer = timer_new(loop, on_fire, &p);
    timer_repeat(p.timer, 2);
    loop_run(loop);
    assert_int_equal(p.calls, 3);
    timer_close(p.timer);
    assert_int_equal(loop_free(loop), 0);
}

static void test_zero_is_one_turn_each(void **state)
{
    struct loop *loop = loop_new();
    struct probe p = {0};
    (void)state;
    p.timer = timer_new(loop, on_restart, &p);
    timer_start(p.timer, 0);
    timer_start(p.timer, 0);
    assert_int_equal(p.calls, 0);
    for (int i = 1; i <= 4; i++) {
        loop_turn(loop, false);
        assert_int_equal(p.calls, i);
    }
    timer_close(p.timer);
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(p.calls, 4);
}

static void test_stop_close_null(void **state)
{
    struct loop *loop = loop_new();
    struct probe p = {0};
    (void)state;
    p.timer = timer_new(loop, on_fire, &p);
    timer_start(p.timer, 0);
    timer_stop(p.timer);
    timer_start(p.timer, 5);
    timer_close(p.timer);
    timer_close(NULL);
    loop_run(loop);
    assert_int_equal(p.calls, 0);
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_and_not_early), cmocka_unit_test(test_repeat_until_stopped),
        cmocka_unit_test(test_zero_is_one_turn_each), cmocka_unit_test(test_stop_close_null)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
