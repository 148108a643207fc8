/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include "term/host_pace.h"

/* What it thinks, and what the system was told. */
static void expect(const struct host_pace *p, bool bulk)
{
    assert_int_equal(p->bulk, bulk);
#if defined(__linux__)
    assert_int_equal(sched_getscheduler(0) & 0xff, bulk ? SCHED_BATCH : SCHED_OTHER);
#endif
}

/* So much output, evenly. */
static void write_for(struct host_pace *p, uint64_t *now_ms, int ms, size_t bytes_a_ms)
{
    for (int i = 0; i < ms; i++) {
        host_pace_output(p, bytes_a_ms, ++*now_ms);
    }
}

static void test_flood(void **state)
{
    struct host_pace p = {0};
    uint64_t now = 5000;

    (void)state;
    host_pace_init(&p, now);
    expect(&p, false);
    write_for(&p, &now, 400, 100); /* a program that draws its screen over and over */
    expect(&p, false);
    write_for(&p, &now, 300, 10000);
    expect(&p, true);
    host_pace_typed(&p, now);
    expect(&p, false);
    write_for(&p, &now, 50, 10000);
    expect(&p, false); /* what the key brings is drawn first */
    write_for(&p, &now, 200, 10000);
    expect(&p, true);
    write_for(&p, &now, 250, 100);
    expect(&p, false);
}

/* The last output before a silence says nothing of the first after it. */
static void test_silence(void **state)
{
    struct host_pace p = {0};
    uint64_t now = 5000;

    (void)state;
    host_pace_init(&p, now);
    write_for(&p, &now, 300, 10000);
    expect(&p, true);
    now += 60000;
    host_pace_output(&p, 100, now);
    expect(&p, false);
    host_pace_output(&p, 1u << 20, now + 50); /* one big screen is no flood yet */
    expect(&p, false);
    host_pace_output(&p, 1u << 20, now + 1000);
    expect(&p, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flood), cmocka_unit_test(test_silence)};

    return cmocka_run_group_tests_name("host_pace", tests, NULL, NULL);
}
