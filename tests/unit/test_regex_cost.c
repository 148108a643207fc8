/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that would take all memory when they are compiled are known before; everyday ones pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/engine/task_def.h"
#include "core/util/compiler.h"
#include "core/util/regex_cost.h"
#include "term/pattern.h"

static const char *const BOMBS[] = {
    "(((a{1,200}){1,200}){1,200}){1,20}",
    "((a{200}){200}){200}",
    "(a[)]a{200}){200}",       /* the parenthesis in brackets closes nothing */
    "([[:alpha:])]a{99}){99}", /* nor in these */
    "(a\\)a{99}){99}",
    "a{999}{999}{999}",
    "(.?){0,32000}",
    "a{,32000}",
    "a{32000,}",
    "(.*.*.*.*.*.*){1,999}",
    "((((((((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+",
    "(a)\\1",
};

static const char *const GOOD[] = {
    "listening on",
    "^ready in [0-9]+ ms$",
    "([0-9]{1,3}\\.){3}[0-9]{1,3}:[0-9]{4,5}",
    "[{]9{3}[}]",
    "[]{9}]+|[^]{9}]",
    "(Server|Worker) (started|running) at https?://[^ ]+",
    "\\(a{3}\\)",
    "",
    "{",
    ")",
    "[",
    "a[[:",
    "\\",
};

static void test_bombs_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(BOMBS); i++) {
        struct error err = ERROR_INIT;
        if (regex_too_costly(BOMBS[i], 2048) == NULL) {
            fail_msg("%s", BOMBS[i]);
        }
        assert_int_equal(task_check_match(BOMBS[i], &err), -1);
        struct pattern *p = pattern_new(BOMBS[i]);
        assert_non_null(pattern_trouble(p));
        pattern_free(p);
    }
}

static void test_everyday_ones_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(GOOD); i++) {
        if (regex_too_costly(GOOD[i], 512) != NULL) {
            fail_msg("%s", GOOD[i]);
        }
    }
}

static void test_depth_is_bounded(void **state)
{
    char deep[300];
    (void)state;
    memset(deep, '(', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    assert_non_null(regex_too_costly(deep, 512));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bombs_are_refused),
        cmocka_unit_test(test_everyday_ones_pass),
        cmocka_unit_test(test_depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
