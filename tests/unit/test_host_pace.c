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
#include "term/proto.h"

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

/* Near the limit, as a busy machine makes of any flood: every change is told to every viewer at once. */
static void test_flood_that_wavers(void **state)
{
    struct host_pace p = {0};
    uint64_t now = 5000;
    int changes = 0;

    (void)state;
    host_pace_init(&p, now);
    for (int i = 0; i < 20; i++) {
        bool before = p.bulk;

        write_for(&p, &now, 100, i % 2 == 0 ? 4000 : 1500);
        changes += p.bulk != before ? 1 : 0;
    }
    assert_int_equal(changes, 1);
    expect(&p, true);
    write_for(&p, &now, 250, 500);
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

/* While somebody types elsewhere a flood rests after each piece, and nothing else does. */
static void test_yield(void **state)
{
    struct host_pace p = {0};
    uint64_t now = 5000;

    (void)state;
    host_pace_init(&p, now);
    host_pace_yield(&p, now);
    for (int i = 0; i < 80; i++) { /* it is not known to flood yet */
        assert_int_equal(host_pace_output(&p, 10000, ++now), 0);
        assert_false(host_pace_yields(&p, now));
    }
    write_for(&p, &now, 200, 10000);
    expect(&p, true);
    assert_true(host_pace_yields(&p, now));
    assert_true(host_pace_output(&p, 10000, ++now) > 0);
    now += PROTO_YIELD_MS; /* nobody types any more: it is measured anew, and floods still */
    assert_false(host_pace_yields(&p, now));
    assert_int_equal(host_pace_output(&p, 10000, now), 0);
    write_for(&p, &now, 300, 10000);
    expect(&p, true);
    assert_false(host_pace_yields(&p, now));
    host_pace_yield(&p, now);
    assert_true(host_pace_output(&p, 10000, ++now) > 0);
    host_pace_typed(&p, now); /* into this one now */
    write_for(&p, &now, 300, 10000);
    expect(&p, true);
    assert_int_equal(host_pace_output(&p, 10000, ++now), 0);
}

/* Resting must not be taken for the end of the flood. */
static void test_yield_keeps(void **state)
{
    struct host_pace p = {0};
    uint64_t now = 5000;

    (void)state;
    host_pace_init(&p, now);
    write_for(&p, &now, 300, 10000);
    host_pace_yield(&p, now);
    for (uint64_t end = now + PROTO_YIELD_MS - 20; now < end; now += 15) {
        assert_true(host_pace_output(&p, 10000, now) > 0);
    }
    expect(&p, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flood), cmocka_unit_test(test_flood_that_wavers),
                                       cmocka_unit_test(test_silence), cmocka_unit_test(test_yield),
                                       cmocka_unit_test(test_yield_keeps)};

    return cmocka_run_group_tests_name("host_pace", tests, NULL, NULL);
}
