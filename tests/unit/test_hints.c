/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/hints.h"

static const struct hint sample[] = {
    {.chord = "Enter", .label = "open", .rank = 1},           /* 10 */
    {.chord = "n", .label = "new", .rank = 2},                /* 5 */
    {.chord = "S", .label = "start", .rank = 3, .off = true}, /* 7 */
    {.chord = "/", .label = "filter", .rank = 4},             /* 8 */
    {.chord = "?", .label = "all keys"},                      /* 10, always */
};

/* With room for all, all stand in order with two blanks between. */
static void test_all(void **state)
{
    (void)state;
    struct hint_place p[5];
    assert_int_equal(hints_fit(sample, 5, 48, p), 5);
    assert_int_equal(p[1].x, 12);
    assert_int_equal(p[2].x, 19);
    assert_int_equal(p[4].x, 38);
}

/* Greyed ones go first, then the greatest rank; the way to all keys stays. */
static void test_drop(void **state)
{
    (void)state;
    struct hint_place p[5];
    assert_int_equal(hints_fit(sample, 5, 47, p), 4);
    assert_int_equal(p[2].index, 3);
    assert_int_equal(hints_fit(sample, 5, 30, p), 3);
    assert_int_equal(p[2].index, 4);
    assert_int_equal(hints_fit(sample, 5, 12, p), 1);
    assert_int_equal(p[0].index, 4);
    assert_int_equal(hints_fit(sample, 5, 3, p), 0);
    assert_int_equal(hints_fit(sample, 0, 30, p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
