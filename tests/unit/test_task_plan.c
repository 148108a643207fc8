/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy of a task says when a run of it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "term/task_plan.h"

static void test_policies(void **state)
{
    static const struct {
        enum task_restart restart;
        int code;
        bool again;
    } ROWS[] = {
        {TASK_RESTART_NEVER, 0, false},     {TASK_RESTART_NEVER, 1, false},       {TASK_RESTART_ON_FAILURE, 0, false},
        {TASK_RESTART_ON_FAILURE, 1, true}, {TASK_RESTART_ON_FAILURE, 137, true}, {TASK_RESTART_ALWAYS, 0, true},
        {TASK_RESTART_ALWAYS, 1, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
        struct task_state t = {.policy = {.restart = ROWS[i].restart}};
        struct task_plan p = task_plan_end(&t, ROWS[i].code, 0, 40);

        assert_int_equal(p.again, ROWS[i].again);
        assert_int_equal(p.wait_ms, ROWS[i].again ? 1000 : 0);
        assert_false(p.gave_up);
        assert_int_equal(t.last_code, ROWS[i].code);
        assert_int_equal(t.last_lasted_ms, 40);
    }
}

static void test_backoff(void **state)
{
    static const uint64_t WAITS[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct task_state t = {.policy = {.restart = TASK_RESTART_ALWAYS}};

    (void)state;
    for (size_t i = 0; i < sizeof(WAITS) / sizeof(*WAITS); i++) {
        assert_int_equal(task_plan_end(&t, 1, 0, 10).wait_ms, WAITS[i]);
        task_plan_begin(&t, false);
        assert_int_equal(t.in_a_row, i + 1);
    }
    t.in_a_row = UINT32_MAX;
    assert_int_equal(task_plan_end(&t, 1, 0, TASK_STEADY_MS - 1).wait_ms, 60000);
    task_plan_begin(&t, false);
    assert_int_equal(t.in_a_row, UINT32_MAX);
    assert_int_equal(task_plan_end(&t, 1, 0, TASK_STEADY_MS).wait_ms, 1000); /* a steady run: from the beginning */
    task_plan_begin(&t, false);
    assert_int_equal(t.in_a_row, 1);
    task_plan_begin(&t, true);
    assert_int_equal(t.in_a_row, 0);
    assert_int_equal(t.restarts, 11);
}

static void test_giving_up(void **state)
{
    struct task_state t = {.policy = {.restart = TASK_RESTART_ON_FAILURE, .most_restarts = 2}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(task_plan_end(&t, 7, 0, 10).again);
        task_plan_begin(&t, false);
    }
    struct task_plan p = task_plan_end(&t, 7, 0, 10);
    assert_true(p.gave_up && !p.again && p.wait_ms == 0);
    assert_false(task_plan_end(&t, 0, 0, 10).gave_up); /* it has done what it should */
    assert_true(task_plan_end(&t, 7, 0, TASK_STEADY_MS + 1).again);
}

static void test_words(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } ROWS[] = {{0, "0.0 s"},    {3249, "3.2 s"},      {9999, "9.9 s"},      {10000, "10 s"},
                {59999, "59 s"}, {192000, "3 m 12 s"}, {7500000, "2 h 5 m"}, {UINT64_MAX, "5124095576030 h 25 m"}};
    char text[32];
    struct task_state t = {.last_code = 3};

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
        task_plan_duration(ROWS[i].ms, text, sizeof(text));
        assert_string_equal(text, ROWS[i].text);
    }
    task_plan_cause(&t, text, sizeof(text));
    assert_string_equal(text, "exited 3");
    task_plan_end(&t, 137, 9, 1);
    task_plan_cause(&t, text, sizeof(text));
    assert_string_equal(text, "killed 9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
