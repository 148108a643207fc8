/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"

static void test_monotonic(void **state)
{
    (void)state;
    uint64_t a = clock_mono_ns(), last = a;
    for (int i = 0; i < 1000; i++) {
        uint64_t b = clock_mono_ns();
        assert_true(b >= last);
        last = b;
    }
    uint64_t ms = clock_mono_ms();
    assert_true(ms >= a / 1000000 && ms - a / 1000000 < 60000);
}

static void test_fake(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "x", "-5", "12x", "99999999999999999999999", " 7"};
    setenv("MUTHR_TUI_FAKE_TIME", "1000", 1);
    uint64_t mono = clock_mono_ns();
    assert_true(clock_wall_ms() == 1000000);
    assert_true(clock_mono_ns() >= mono);
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        setenv("MUTHR_TUI_FAKE_TIME", BAD[i], 1);
        assert_true(clock_wall_ms() > UINT64_C(1600000000000));
    }
    unsetenv("MUTHR_TUI_FAKE_TIME");
    assert_true(clock_wall_ms() / 1000 + 60 >= (uint64_t)time(NULL));
}

static void test_dates(void **state)
{
    (void)state;
    char out[32], hhmm[8];
    clock_iso8601(UINT64_C(1795255200999), out);
    assert_string_equal(out, "2026-11-21T10:00:00Z");
    clock_iso8601(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00Z");
    clock_iso8601(UINT64_MAX, out);
    assert_true(strlen(out) < sizeof(out));
    setenv("TZ", "UTC-2", 1);
    tzset();
    clock_hhmm(UINT64_C(1795255200000), hhmm);
    assert_string_equal(hhmm, "12:00");
    clock_hhmm(UINT64_MAX, hhmm);
    assert_true(strlen(hhmm) < sizeof(hhmm));
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *brief, *mmss;
    } CASES[] = {
        {0, "0.0 s", "0:00"},
        {349, "0.3 s", "0:00"},
        {9999, "9.9 s", "0:09"},
        {12000, "12s", "0:12"},
        {59999, "59s", "0:59"},
        {60000, "1m", "1:00"},
        {72000, "1m", "1:12"},
        {3599999, "59m", "59:59"},
        {3723000, "1h02", "1:02:03"},
        {86399000, "23h59", "23:59:59"},
        {UINT64_C(259200000), "3d", "72:00:00"},
    };
    char out[32];
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        clock_short(CASES[i].ms, out, sizeof(out));
        assert_string_equal(out, CASES[i].brief);
        clock_mmss(CASES[i].ms, out, sizeof(out));
        assert_string_equal(out, CASES[i].mmss);
    }
    /* Fits into the promised 12 bytes whatever the value. */
    char small[12];
    clock_short(UINT64_MAX, small, sizeof(small));
    assert_string_equal(small, "999999999d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic),
        cmocka_unit_test(test_fake),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
