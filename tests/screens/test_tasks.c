/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on, seen from one place: operations as they run, here and in other processes, and the tasks of all
 * workspaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"

static const char slow_sh[] = "#!/usr/bin/env bash\n"
                              "set -euo pipefail\n"
                              ". \"$(dirname \"${BASH_SOURCE[0]}\")/lib/provision-lib.sh\"\n"
                              "_lib_init_provision_state slow \"${MUTHR_SPECS_REV:-}\"\n"
                              "_lib_log_proc 'Fetching the parts...'\n"
                              "while [ ! -e /workspace/gate ]; do sleep 0.05; done\n"
                              "_lib_finalize_provision_state\n";

static void write_slow(struct harness *h)
{
    harness_write(h, ".config/muthr/muthr.toml", "[sandbox]\nprofile = \"slow\"\n");
    harness_write(h, ".config/muthr/sandbox.d/container/provision.d/slow.sh", slow_sh);
    harness_write(h, ".config/muthr/sandbox.d/container/manifests/slow.yaml",
                  "name: slow\ndescription: Waits at a gate\n");
}

/* Two are brought up at once: both stand there, step by step, one is canceled after a question, the other one's screen
 * is a key away, and what has ended is told of for a while. */
static void test_operations(void **state)
{
    struct harness *h = *state;
    int api, docs, col;

    write_slow(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "b");
    harness_wait_text(h, "Nothing is being brought up");
    harness_wait_text(h, "There are none");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Nothing is being brought up");
    harness_keys(h, "S j S b");
    harness_wait_text(h, "Operations  2 running");
    harness_wait_text(h, "Fetching the parts...");
    harness_wait_text(h, "start slow");
    /* Longest first, and the seconds go on by themselves. */
    harness_wait_text(h, "2 s");
    harness_wait_text(h, "3 s");
    harness_key(h, "j");
    harness_key(h, "c");
    harness_wait_text(h, "Cancel start of docs after 0:0");
    harness_key(h, "n");
    harness_wait_text(h, "It goes on");
    harness_wait_text(h, "Operations  2 running");
    harness_key(h, "c");
    harness_wait_text(h, "Cancel start of docs");
    harness_key(h, "y");
    harness_wait_text(h, "Operations  1 running");
    harness_wait_text(h, "canceled");
    assert_true(harness_find(h, "Fetching the parts", &col, &api));
    assert_true(harness_find(h, "canceled", &col, &docs));
    assert_true(api < docs);
    /* What is typed filters. */
    harness_key(h, "/");
    harness_type(h, "docs");
    harness_wait_gone(h, "Fetching the parts");
    harness_key(h, "Escape");
    harness_wait_text(h, "Fetching the parts");
    harness_keys(h, "k Enter");
    harness_wait_text(h, "bringing it up with profile slow");
    harness_wait_gone(h, "Operations");
    harness_write(h, "src/api/gate", "");
    harness_wait_gone(h, "bringing it up");
    harness_keys(h, "b");
    harness_wait_text(h, "nothing is going on any more");
    harness_wait_text(h, "done");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Operations");
    world_leave(h);
}

/* Another process's operation is seen, and who runs it. */
static void test_operation_of_another_process(void **state)
{
    struct harness *h = *state, *b;

    write_slow(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "b");
    harness_wait_text(h, "Nothing is being brought up");
    b = world_join(h, 100, 30);
    harness_wait_text(b, WORLD_READY);
    harness_key(b, "S");
    harness_wait_text(b, "Fetching the parts");
    harness_wait_text(h, "Operations  1 running");
    harness_wait_text(h, "start slow");
    harness_wait_text(h, "provision");
    MT_CLEANUP(xfree) char *who = xasprintf("Process %d runs it", (int)harness_pid(b));
    harness_wait_text(h, who);
    harness_key(h, "c");
    harness_wait_text(h, "can only be canceled there");
    harness_write(h, "src/api/gate", "");
    harness_wait_text(h, "nothing is going on any more");
    harness_wait_text(h, "done");
    harness_key(b, "q");
    assert_int_equal(harness_wait_exit(b), 0);
    harness_free(b);
    harness_key(h, "Escape");
    harness_wait_gone(h, "Operations");
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_operations, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_operation_of_another_process, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
