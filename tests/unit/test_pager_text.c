/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tui/views/pager_text.h"

static void test_wrap_and_add(void **state)
{
    struct pager_text t = {.flat = STRVEC_INIT};

    (void)state;
    pager_text_add(&t, THEME_TEXT, "one two three");
    pager_text_wrap(&t, 8);
    assert_int_equal(t.flat.len, 2);
    assert_string_equal(t.flat.v[0], "one two");
    pager_text_add(&t, THEME_TEXT, "");
    pager_text_add(&t, THEME_TEXT, "four");
    assert_int_equal(t.flat.len, 4);
    assert_string_equal(t.flat.v[3], "four");
    assert_int_equal(t.line[1], 0);
    assert_int_equal(t.line[3], 2);
    pager_text_wrap(&t, 40);
    assert_int_equal(t.flat.len, 3);
    assert_int_equal(t.widest, 13);
    pager_text_release(&t);
}

static void test_hang(void **state)
{
    struct pager_text t = {.flat = STRVEC_INIT};

    (void)state;
    pager_text_add(&t, THEME_TEXT, "\xE2\x9C\x93 name  aaaaa bbbbb ccccc");
    t.lines[0].hang = 8;
    pager_text_wrap(&t, 20);
    assert_int_equal(t.flat.len, 2);
    assert_string_equal(t.flat.v[0], "\xE2\x9C\x93 name  aaaaa bbbbb");
    assert_string_equal(t.flat.v[1], "        ccccc");
    pager_text_release(&t);
}

static void test_bound(void **state)
{
    struct pager_text t = {.flat = STRVEC_INIT, .most = 100};
    char line[32];

    (void)state;
    pager_text_wrap(&t, 40);
    for (int i = 0; i < 1000; i++) {
        str_format(line, sizeof(line), "line %d", i);
        pager_text_add(&t, THEME_TEXT, line);
        assert_true(t.count <= 100);
    }
    assert_string_equal(t.lines[t.count - 1].text, "line 999");
    assert_int_equal(t.gone + t.count, 1000);
    pager_text_wrap(&t, 40);
    assert_int_equal(t.flat.len, t.count);
    pager_text_release(&t);
}

static void test_search(void **state)
{
    struct pager_text t = {.flat = STRVEC_INIT};

    (void)state;
    pager_text_add(&t, THEME_TEXT, "Error one");
    pager_text_add(&t, THEME_TEXT, "fine");
    pager_text_add(&t, THEME_TEXT, "an error too");
    pager_text_wrap(&t, 40);
    assert_int_equal(pager_text_find(&t, "error", 0, false), 0);
    assert_int_equal(pager_text_find(&t, "error", 1, false), 2);
    assert_int_equal(pager_text_find(&t, "error", 3, false), 0);
    assert_int_equal(pager_text_find(&t, "error", 2, true), 0);
    assert_int_equal(pager_text_find(&t, "error", 0, true), 2);
    assert_int_equal(pager_text_find(&t, "Error", 1, false), 0); /* upper case: exactly so */
    assert_true(pager_text_find(&t, "nowhere", 0, false) == SIZE_MAX);
    assert_int_equal(pager_text_match("an error too", "ERR", 0), -1);
    assert_int_equal(pager_text_match("xx xx", "xx", 1), 3);
    assert_int_equal(pager_text_match("x", "", 0), -1);
    pager_text_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrap_and_add),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_search),
    };
    return cmocka_run_group_tests_name("pager_text", tests, NULL, NULL);
}
