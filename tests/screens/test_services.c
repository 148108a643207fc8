/* SPDX-License-Identifier: Apache-2.0 */
/* The services view, :up and :down in a world without podman, where there are no services to be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/screens/world.h"

static int set_up(void **state)
{
    *state = harness_new();
    return 0;
}

static int tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

/* Said where it is asked for, and nowhere else. */
static void test_none_here(void **state)
{
    struct harness *h = *state;

    world_small(h);
    world_start(h, 100, 30, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    assert_false(harness_has(h, "muthr-searxng"));
    harness_key(h, "v");
    harness_wait_text(h, "Services");
    harness_wait_text(h, "they need podman or container");
    assert_true(harness_has(h, "not possible here"));
    harness_key(h, "S");
    harness_wait_text(h, "no backend here has services");
    harness_resize(h, 40, 10);
    harness_wait_text(h, "not possible here");
    harness_resize(h, 100, 30);
    harness_key(h, "Escape");
    harness_wait_gone(h, "not possible here");
    world_leave(h);
}

/* :down lists first, and no is the answer until somebody says yes; what goes on is to be seen, and can be left. */
static void test_down(void **state)
{
    struct harness *h = *state;

    world_small(h);
    world_start(h, 100, 30, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, ":");
    harness_wait_text(h, "Commands");
    harness_type(h, "down");
    harness_key(h, "Enter");
    harness_wait_text(h, "Nothing runs");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Nothing runs");
    harness_key(h, "S");
    harness_wait_text(h, "1 running");
    harness_key(h, ":");
    harness_wait_text(h, "Commands");
    harness_type(h, "down");
    harness_key(h, "Enter");
    harness_wait_text(h, "Take this down?");
    assert_true(harness_has(h, "stop it; its home and the project folder stay"));
    harness_key(h, "Enter");
    harness_key(h, "Escape");
    harness_wait_text(h, "Nothing was done");
    assert_true(harness_has(h, "1 running"));
    harness_key(h, ":");
    harness_wait_text(h, "Commands");
    harness_type(h, "down");
    harness_key(h, "Enter");
    harness_wait_text(h, "Take this down?");
    harness_key(h, "y");
    harness_wait_text(h, "Taking down");
    harness_wait_text(h, "Done");
    harness_key(h, "Escape");
    harness_wait_text(h, "0 running");
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_none_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_down, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
