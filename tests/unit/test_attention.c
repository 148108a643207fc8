/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "term/attention.h"

/* Output every 100 ms from `from` to `to`. */
static void output_for(struct attention *a, uint64_t from, uint64_t to)
{
    for (uint64_t t = from; t <= to; t += 100) {
        attention_output(a, t);
    }
}

static void test_agent_works_and_waits(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    assert_int_equal(attention_deadline(&a), 0);
    output_for(&a, 1000, 2400);
    assert_int_equal(a.state, ATTENTION_IDLE); /* a short burst is no work */
    assert_true(attention_output(&a, 2500));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_int_equal(attention_deadline(&a), 4500);
    assert_false(attention_tick(&a, 4499));
    assert_true(attention_tick(&a, 4500));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_true(attention_wants_person(&a));
    assert_int_equal(attention_deadline(&a), 0);
    assert_true(attention_input(&a, 5000));
    assert_int_equal(a.state, ATTENTION_IDLE);
}

static void test_shell_goes_idle(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    output_for(&a, 1000, 3000);
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_true(attention_tick(&a, 9000));
    assert_int_equal(a.state, ATTENTION_IDLE);
}

/* Typing for a long time is not work: every output is an echo. */
static void test_echo(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    for (uint64_t t = 1000; t < 20000; t += 200) {
        attention_input(&a, t);
        attention_output(&a, t + 5);
    }
    assert_int_equal(a.state, ATTENTION_IDLE);
}

static void test_bell_and_notify(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    assert_true(attention_bell(&a, 2000));
    assert_false(attention_bell(&a, 2001));
    output_for(&a, 2000, 6000); /* output does not take it away */
    assert_int_equal(a.state, ATTENTION_BELL);
    assert_true(attention_notify(&a, "Claude", "needs you", 6500));
    assert_string_equal(a.text, "Claude: needs you");
    assert_false(attention_notify(&a, "Claude", "needs you", 6600));
    assert_true(attention_notify(&a, "", "other", 6700));
    assert_false(attention_bell(&a, 6800));
    assert_true(attention_seen(&a, 7000));
    assert_int_equal(a.state, ATTENTION_WORKING); /* it still is */
    assert_string_equal(a.text, "");
    attention_bell(&a, 20000);
    assert_true(attention_seen(&a, 30000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    assert_false(attention_seen(&a, 30001));
}

static void test_progress(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    assert_true(attention_progress(&a, 1, 10, 2000));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_int_equal(attention_deadline(&a), 0); /* silence is fine while progress is reported */
    assert_false(attention_progress(&a, 1, 10, 3000));
    assert_true(attention_progress(&a, 1, 20, 3000));
    assert_true(attention_progress(&a, 3, 0, 3000));
    assert_int_equal(a.progress_percent, -1);
    assert_true(attention_progress(&a, 0, 0, 4000));
    assert_int_equal(a.state, ATTENTION_WAITING);
}

static void test_marks(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    assert_true(attention_mark(&a, 'C', -1, 2000));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_true(attention_mark(&a, 'D', 1, 3000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    assert_false(attention_mark(&a, 'A', -1, 3000));
}

static void test_exit(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    assert_true(attention_exit(&a, 137, 2000));
    assert_int_equal(a.state, ATTENTION_FAILED);
    assert_true(attention_wants_person(&a));
    assert_false(attention_bell(&a, 3000));
    assert_false(attention_notify(&a, "a", "b", 3000));
    output_for(&a, 3000, 9000);
    assert_int_equal(a.state, ATTENTION_FAILED);
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_exit(&a, 0, 2000);
    assert_string_equal(attention_name(a.state), "done");
    assert_false(attention_wants_person(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_works_and_waits),
        cmocka_unit_test(test_shell_goes_idle),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_bell_and_notify),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
