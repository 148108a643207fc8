/* SPDX-License-Identifier: Apache-2.0 */
/* A backend whose service is down: what the cockpit offers, and that the person's own word on the kernel is what the
 * command gets. The `container` here is a few lines that know nothing else; the stand-in of the whole command is in
 * tests/play/container. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"

static const char fake[] =
    "#!/bin/sh\n"
    "up=',{\"appName\":\"container-apiserver\",\"version\":\"1.2.2\"}'; [ -e \"$HOME/up\" ] || up=\n"
    "case \"$*\" in\n"
    "--version) echo 'container CLI version 1.2.2 (build: release, commit: 5db7b2c)';;\n"
    "'system version'*) echo '[{\"appName\":\"container\",\"version\":\"1.2.2\"}'\"$up\"']';;\n"
    "'system start '*) echo 'Verifying apiserver is running...'; echo \"$*\" >>\"$HOME/started\"; : >\"$HOME/up\";;\n"
    "'list '*|'network '*|'volume '*) echo '[]';;\n"
    "*) echo 'Error: no such thing here' >&2; exit 1;;\n"
    "esac\n";

static int set_up(void **state)
{
    if (world_set_up(state) != 0) {
        return -1;
    }
    harness_write(*state, "bin/container", fake);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/bin/container", harness_home(*state));
    return chmod(path, 0755);
}

static void start(struct harness *h, const char *backends)
{
    MT_CLEANUP(xfree) char *path = xasprintf("PATH=%s/bin:%s", harness_home(h), getenv("PATH"));
    MT_CLEANUP(xfree) char *list = xasprintf("MUTHR_TUI_BACKENDS=%s", backends);
    const char *const env[] = {path, list, NULL};
    world_start(h, 110, 32, NULL, env);
}

/* Nothing else could run a sandbox: the first screen offers it. */
static void test_alone(void **state)
{
    struct harness *h = *state;
    start(h, "container");
    harness_wait_text(h, "its service is not running");
    harness_wait_text(h, "start the service of container");
    harness_key(h, "s");
    harness_wait_text(h, "Start the service of container?");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Start the service of container?");
    harness_key(h, "s");
    harness_wait_text(h, "download a kernel if it has none");
    harness_key(h, "k");
    world_wait_content(h, "started", "system start --enable-kernel-install\n");
    harness_wait_gone(h, "Nothing here can run a sandbox yet");
    harness_wait_text(h, "homepage");
    world_leave(h);
}

/* Another one works, and would be used in its place: not without a question. */
static void test_other(void **state)
{
    struct harness *h = *state;
    start(h, "container bwrap");
    harness_wait_text(h, "homepage");
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "S");
    harness_wait_text(h, "While it is down, bwrap");
    harness_key(h, "s");
    world_wait_content(h, "started", "system start --disable-kernel-install\n");
    harness_wait_gone(h, "While it is down, bwrap");
    harness_key(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
}

static void test_the_other_one(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(xfree) char *started = xasprintf("%s/started", harness_home(h));
    start(h, "container bwrap");
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "S");
    harness_wait_text(h, "While it is down, bwrap");
    harness_wait_text(h, "leave it, and use bwrap");
    harness_key(h, "o");
    harness_wait_gone(h, "While it is down, bwrap");
    harness_wait_text(h, "1 running");
    assert_false(fs_exists(started));
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_alone, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_other, set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_the_other_one, set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
