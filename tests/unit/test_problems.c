/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "tui/problems.h"

static void add(struct problems *p, uint64_t at, const char *sandbox, const char *text)
{
    struct problem q = {.wall_ms = at, .error = true};

    str_copy(q.sandbox, sizeof(q.sandbox), sandbox);
    str_copy(q.text, sizeof(q.text), text);
    problems_add(p, &q);
}

static void test_order_and_repeats(void **state)
{
    struct problems p = {0};

    (void)state;
    add(&p, 1000, "muthr-a", "first");
    add(&p, 3000, "muthr-a", "third");
    add(&p, 2000, "muthr-b", "second");
    assert_int_equal(p.count, 3);
    assert_string_equal(p.v[0].text, "third");
    assert_string_equal(p.v[1].text, "second");
    assert_string_equal(p.v[2].text, "first");
    add(&p, 4000, "muthr-a", "third");
    assert_int_equal(p.count, 3);
    assert_int_equal(p.v[0].times, 2);
    assert_int_equal(p.v[0].wall_ms, 4000);
    add(&p, 5000, "muthr-b", "third");
    assert_int_equal(p.count, 4);
    problems_release(&p);
}

static void test_bounded(void **state)
{
    struct problems p = {0};
    char text[32];

    (void)state;
    for (unsigned i = 0; i < PROBLEMS_MAX * 3; i++) {
        str_format(text, sizeof(text), "no %u", i);
        add(&p, 1000 + i, "", text);
    }
    assert_int_equal(p.count, PROBLEMS_MAX);
    str_format(text, sizeof(text), "no %d", PROBLEMS_MAX * 3 - 1);
    assert_string_equal(p.v[0].text, text);
    str_format(text, sizeof(text), "no %d", PROBLEMS_MAX * 2);
    assert_string_equal(p.v[PROBLEMS_MAX - 1].text, text);
    problems_dismiss(&p, 0);
    assert_int_equal(p.count, PROBLEMS_MAX - 1);
    problems_dismiss(&p, PROBLEMS_MAX);
    assert_int_equal(p.count, PROBLEMS_MAX - 1);
    problems_clear(&p);
    assert_int_equal(p.count, 0);
    problems_release(&p);
}

static void test_unseen(void **state)
{
    struct problems p = {0};

    (void)state;
    add(&p, 1000, "", "a");
    add(&p, 2000, "", "b");
    assert_int_equal(problems_unseen(&p), 2);
    problems_see(&p);
    assert_int_equal(problems_unseen(&p), 0);
    add(&p, 3000, "", "b"); /* again: it is news again */
    assert_int_equal(problems_unseen(&p), 1);
    problems_release(&p);
}

/* The log's own lines are listed once, and not those that a message told already. */
static void test_log(void **state)
{
    struct problems p = {0};
    struct log_entry e;

    (void)state;
    log_warn("start api: exit 7");
    assert_true(log_get(0, &e));
    add(&p, e.wall_ms, "muthr-api", "exit 7");
    log_error("provision muthr-web: exit 4: boo (look at the log)");
    assert_true(log_get(0, &e));
    add(&p, e.wall_ms, "muthr-web", "provision: exit 4: boo");
    log_info("nothing to worry about");
    log_warn("disk is nearly full");
    problems_sync(&p);
    assert_int_equal(p.count, 3);
    bool found = false;
    for (size_t i = 0; i < p.count; i++) {
        found = found || (strcmp(p.v[i].text, "disk is nearly full") == 0 && p.v[i].seen && !p.v[i].error);
    }
    assert_true(found);
    problems_sync(&p);
    assert_int_equal(p.count, 3);
    problems_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_repeats),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests_name("problems", tests, NULL, NULL);
}
