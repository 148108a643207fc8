/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/match.h"

/* The filter: every word is a piece of the text, in any order; smart case. */
static void test_words(void **state)
{
    (void)state;
    struct match m;
    assert_true(match_words("", "homepage", &m));
    assert_int_equal(m.hit[0], 0);
    assert_true(match_words("page", "HomePage", &m));
    assert_int_equal(m.hit[3], 0);
    assert_int_equal(m.hit[4], 1);
    assert_int_equal(m.hit[7], 1);
    assert_false(match_words("Page", "homepage", NULL));
    assert_true(match_words("api web", "web-api", NULL));
    assert_false(match_words("api cli", "web-api", NULL));
    assert_true(match_words("  api  ", "web-api", NULL));
    assert_false(match_words("homepages", "homepage", NULL));
    assert_true(match_words("ö", "schön", NULL));
}

/* The palette: letters in order, word starts and runs score higher. */
static void test_fuzzy(void **state)
{
    (void)state;
    struct match a, b;
    assert_true(match_fuzzy("ssp", "sandbox.stop", &a));
    assert_true(match_fuzzy("sst", "sandbox.stop", &a));
    assert_int_equal(a.hit[0], 1);
    assert_int_equal(a.hit[8], 1); /* the start of "stop", not the next s */
    assert_true(match_fuzzy("stop", "sandbox.stop", &a));
    assert_int_equal(a.hit[8], 1);
    assert_true(match_fuzzy("stop", "session.top", &b));
    assert_true(a.score > b.score);
    assert_true(match_fuzzy("stop", "nonstop", &b));
    assert_true(a.score > b.score);
    assert_false(match_fuzzy("pots", "stop", &a));
    assert_true(match_fuzzy("sa st", "sandbox.start", &a));
    assert_true(match_fuzzy("", "anything", &a));
    assert_false(match_fuzzy("x", "", &a));
}

/* Texts longer than the marks can hold are matched all the same. */
static void test_long(void **state)
{
    (void)state;
    char text[1000];
    struct match m;
    for (size_t i = 0; i < sizeof(text) - 2; i++) {
        text[i] = 'a';
    }
    text[sizeof(text) - 2] = 'z';
    text[sizeof(text) - 1] = '\0';
    assert_true(match_words("z", text, &m));
    assert_true(match_fuzzy("az", text, &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_fuzzy),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
