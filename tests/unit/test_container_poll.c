/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/container/watch.h"

/* How often Apple's container is looked at. */

static const struct ctr_pace pace = {.fast_ms = 1000, .lasts_ms = 10000, .slow_ms = 20000};

static void test_fast(void **state)
{
    (void)state;
    assert_int_equal(ctr_pace_next(&pace, false, 0, 0), 1000);
    assert_int_equal(ctr_pace_next(&pace, false, 9999, 1000), 1000);
    assert_int_equal(ctr_pace_next(&pace, true, 3600000, 20000), 1000); /* something is on its way */
    assert_int_equal(ctr_pace_next(&pace, false, 500, 20000), 1000);    /* a sign of change brings it back */
}

/* At rest a handful of looks a minute, after less than a minute. */
static void test_slows(void **state)
{
    (void)state;
    uint64_t quiet = 10000, pause = 1000, looks = 0;
    while (quiet < 600000) {
        pause = ctr_pace_next(&pace, false, quiet, pause);
        quiet += pause;
        looks++;
        assert_in_range(pause, 1000, 20000);
        if (quiet > 60000) {
            assert_int_equal(pause, 20000);
        }
    }
    assert_in_range(looks, 25, 36);
}

static void test_as_shipped(void **state)
{
    (void)state;
    assert_int_equal(ctr_watch_pace.fast_ms, 1000);
    assert_in_range(ctr_watch_pace.slow_ms, 15000, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fast), cmocka_unit_test(test_slows),
                                       cmocka_unit_test(test_as_shipped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
