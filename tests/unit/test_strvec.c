/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/strvec.h"

static void test_empty(void **state)
{
    (void)state;
    struct strvec sv = STRVEC_INIT;
    assert_null(sv.v[0]);
    strvec_clear(&sv);
    strvec_sort(&sv);
    assert_int_equal(strvec_index(&sv, "x"), -1);
    assert_null(strvec_getenv(&sv, "x"));
    strvec_release(&sv);
    assert_null(sv.v[0]);
}

static void test_push(void **state)
{
    (void)state;
    struct strvec sv = STRVEC_INIT, copy = STRVEC_INIT;
    for (int i = 0; i < 1000; i++) {
        strvec_pushf(&sv, "%d", i);
        assert_null(sv.v[sv.len]);
    }
    assert_int_equal(sv.len, 1000);
    assert_string_equal(sv.v[999], "999");
    strvec_pushl(&sv, "a", "", "b", NULL);
    assert_int_equal(sv.len, 1003);
    assert_string_equal(sv.v[1001], "");
    strvec_pushv(&copy, (const char *const *)sv.v);
    assert_int_equal(copy.len, sv.len);
    assert_ptr_not_equal(copy.v[0], sv.v[0]);
    strvec_clear(&sv);
    assert_null(sv.v[0]);
    strvec_push(&sv, "again");
    assert_int_equal(sv.len, 1);
    assert_string_equal(copy.v[1002], "b");
    strvec_release(&sv);
    strvec_release(&copy);
}

static void test_env(void **state)
{
    (void)state;
    struct strvec sv = STRVEC_INIT;
    strvec_pushl(&sv, "PATH=/bin", "PATHS=x", "EMPTY=", "NOEQUALS", NULL);
    assert_string_equal(strvec_getenv(&sv, "PATH"), "/bin");
    assert_string_equal(strvec_getenv(&sv, "EMPTY"), "");
    assert_null(strvec_getenv(&sv, "PAT"));
    assert_null(strvec_getenv(&sv, "NOEQUALS"));
    strvec_setenv(&sv, "PATH", "/usr/bin:a=b");
    strvec_setenv(&sv, "NEW", "1");
    assert_int_equal(sv.len, 5);
    assert_string_equal(sv.v[0], "PATH=/usr/bin:a=b");
    assert_string_equal(strvec_getenv(&sv, "PATHS"), "x");
    assert_string_equal(sv.v[4], "NEW=1");
    assert_null(sv.v[5]);
    strvec_release(&sv);
}

static void test_order(void **state)
{
    (void)state;
    struct strvec sv = STRVEC_INIT;
    strvec_pushl(&sv, "b", "a", "\xC3\xA9", "B", "aa", NULL);
    strvec_sort(&sv);
    assert_string_equal(sv.v[0], "B");
    assert_string_equal(sv.v[1], "a");
    assert_string_equal(sv.v[2], "aa");
    assert_string_equal(sv.v[4], "\xC3\xA9");
    assert_int_equal(strvec_index(&sv, "b"), 3);
    strvec_remove(&sv, 0);
    strvec_remove(&sv, 3);
    assert_int_equal(sv.len, 3);
    assert_string_equal(sv.v[2], "b");
    assert_null(sv.v[3]);
    strvec_release(&sv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_env),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests_name("strvec", tests, NULL, NULL);
}
