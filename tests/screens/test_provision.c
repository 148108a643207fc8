/* SPDX-License-Identifier: Apache-2.0 */
/* Provisioning as a person meets it: the live view half way, success, failure and retry, cancel, and a cockpit that is
 * killed meanwhile. The script is held at gates: files of the workspace. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"

static const char slow_sh[] =
    "#!/usr/bin/env bash\n"
    "set -euo pipefail\n"
    ". \"$(dirname \"${BASH_SOURCE[0]}\")/lib/provision-lib.sh\"\n"
    "_lib_init_provision_state slow \"${MUTHR_SPECS_REV:-}\"\n"
    "gate() { while [ ! -e \"/workspace/$1\" ]; do sleep 0.05; done; }\n"
    "_lib_log_proc 'Fetching the parts...'\n"
    "for i in 1 2 3 4 5 6; do echo \"part $i of 6\"; done\n"
    "gate one\n"
    "_lib_log_proc 'Assembling...'\n"
    "echo 'nearly there'\n"
    "gate two\n"
    "if [ -e /workspace/fail ]; then echo 'glue: no tack'; _lib_die 'the glue has dried'; fi\n"
    "_lib_finalize_provision_state\n"
    "_lib_log_ok 'Profile slow is ready'\n";

static int set_up(void **state)
{
    struct harness *h = harness_new();

    world_small(h);
    harness_write(h, ".config/muthr/muthr.toml", "[sandbox]\nprofile = \"slow\"\n");
    harness_write(h, ".config/muthr/sandbox.d/container/provision.d/slow.sh", slow_sh);
    harness_write(h, ".config/muthr/sandbox.d/container/manifests/slow.yaml",
                  "name: slow\ndescription: Waits at gates\n");
    *state = h;
    return 0;
}

static int tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

/* Opens a gate for the script. */
static void open_gate(struct harness *h, const char *name)
{
    MT_CLEANUP(xfree) char *path = xasprintf("src/api/%s", name);

    harness_write(h, path, "");
}

static void remove_file(struct harness *h, const char *relative)
{
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s", harness_home(h), relative);

    assert_int_equal(unlink(path), 0);
}

/* Starts the cockpit, and the sandbox of the first workspace up to the first gate. */
static void begin(struct harness *h, int cols, int rows)
{
    world_start(h, cols, rows, NULL, NULL);
    harness_wait_text(h, "no sandbox");
    harness_key(h, "Enter");
    harness_wait_text(h, "part 6 of 6");
}

/* Steps, phase, last lines and time stand there; in the end there is a shell. */
static void test_half_way_then_a_shell(void **state)
{
    struct harness *h = *state;
    int done, doing;

    begin(h, 120, 36);
    harness_wait_text(h, "bringing it up with profile slow");
    harness_wait_text(h, "[PROC] Fetching the parts...");
    harness_wait_text(h, "so far");
    harness_wait_text(h, "part 1 of 6");
    harness_wait_text(h, "c cancel");
    harness_wait_text(h, "provisioning"); /* the list says so too */
    /* What was done stands above what is being done, with its own sign. */
    assert_true(harness_find(h, "start ", NULL, &done));
    assert_true(harness_find(h, "provision  ", NULL, &doing));
    assert_true(done < doing);
    assert_true(harness_has(h, "✓") || harness_has(h, "✔"));
    /* The clock runs on while nothing else happens. */
    harness_wait_text(h, "0:02 so far");
    open_gate(h, "one");
    harness_wait_text(h, "nearly there");
    harness_wait_text(h, "[PROC] Assembling...");
    open_gate(h, "two");
    harness_wait_text(h, WORLD_PROMPT);
    harness_wait_gone(h, "bringing it up");
    /* Once is enough: the next start goes straight to the shell. */
    world_leave_session(h);
}

static void test_failure_and_retry(void **state)
{
    struct harness *h = *state;

    open_gate(h, "one");
    open_gate(h, "two");
    open_gate(h, "fail");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "Enter");
    harness_wait_text(h, "did not come up");
    harness_wait_text(h, "provision slow: exit 1: [ERR] the glue has dried");
    harness_wait_text(h, "look at the log, or open a shell");
    harness_wait_text(h, "glue: no tack"); /* the last lines */
    harness_wait_text(h, "r retry");
    /* The whole log. */
    harness_key(h, "l");
    harness_wait_text(h, "api: provisioning");
    harness_wait_text(h, "part 6 of 6");
    harness_key(h, "Escape");
    harness_wait_gone(h, "api: provisioning");
    harness_wait_text(h, "did not come up");
    remove_file(h, "src/api/fail");
    harness_key(h, "r");
    harness_wait_text(h, WORLD_PROMPT);
    world_leave_session(h);
}

/* The mark of a failure outlives the cockpit; Enter opens a shell all the same, and says so. */
static void test_failure_is_remembered(void **state)
{
    struct harness *h = *state;

    open_gate(h, "one");
    open_gate(h, "two");
    open_gate(h, "fail");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "Enter");
    harness_wait_text(h, "did not come up");
    world_leave(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "not provisioned");
    harness_wait_text(h, "provisioning with slow failed (exit 1)");
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    harness_wait_text(h, "provisioning with slow failed (exit 1): r in the list retries");
    remove_file(h, "src/api/fail");
    harness_keys(h, "C-] r y");
    harness_wait_gone(h, "not provisioned");
    harness_wait_text(h, "1 running");
    world_leave(h);
}

static void test_cancel(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    harness_key(h, "c");
    harness_wait_text(h, "canceled");
    harness_wait_gone(h, "bringing it up");
    /* Nothing half made is left, and it can be had again. */
    harness_wait_text(h, "· no sandbox");
    harness_wait_text(h, "0 running");
    open_gate(h, "one");
    harness_key(h, "Enter");
    harness_wait_text(h, "nearly there");
    open_gate(h, "two");
    harness_wait_text(h, WORLD_PROMPT);
    world_leave_session(h);
}

/* A cancel takes no shell away that somebody has opened meanwhile. */
static void test_cancel_with_a_shell(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    harness_keys(h, "C-] w");
    harness_wait_text(h, "Enter open");
    harness_key(h, "k");
    harness_wait_text(h, "part 6 of 6");
    harness_key(h, "c");
    harness_wait_text(h, "canceled");
    harness_wait_text(h, "not provisioned"); /* the script is not through, and it is said */
    harness_key(h, "1");
    harness_wait_text(h, WORLD_PROMPT);
    harness_type(h, "echo $((6*7))\r");
    harness_wait_text(h, "42");
    world_leave_session(h);
}

/* kill -9 in the middle: a new cockpit shows it going on, with the same output, and sees it through. */
static void test_killed_half_way(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    harness_signal(h, SIGKILL);
    assert_int_equal(harness_wait_exit(h), 128 + SIGKILL);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "part 1 of 6");
    harness_wait_text(h, "part 6 of 6");
    harness_wait_text(h, "[PROC] Fetching the parts...");
    open_gate(h, "one");
    harness_wait_text(h, "nearly there");
    open_gate(h, "two");
    harness_wait_gone(h, "bringing it up");
    harness_wait_text(h, "1 running");
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    world_leave_session(h);
}

/* Waits until the script is through and written down (in the world of A), and B shows nothing but a running sandbox. */
static void expect_settled(struct harness *a, struct harness *b)
{
    world_wait_content(a, ".cache/muthr/muthr-api-profiles", "slow\n");
    harness_wait_gone(b, "bringing it up");
    harness_wait_gone(b, "not provisioned");
    harness_wait_text(b, "1 running");
}

/* The same with another cockpit open already: it goes on with what the dead one had begun. */
static void test_killed_beside_another(void **state)
{
    struct harness *a = *state, *b;

    begin(a, 120, 36);
    b = world_join(a, 120, 36);
    harness_wait_text(b, "provisioning");
    harness_signal(a, SIGKILL); /* not reaped yet: its number still answers */
    harness_wait_text(b, "part 6 of 6");
    harness_wait_text(b, "bringing it up with profile slow");
    open_gate(a, "one");
    harness_wait_text(b, "nearly there");
    open_gate(a, "two");
    expect_settled(a, b);
    assert_int_equal(harness_wait_exit(a), 128 + SIGKILL);
    world_leave(b);
    harness_free(b);
}

/* The script ends, and its cockpit dies before it could write that down. */
static void test_killed_before_it_noticed(void **state)
{
    struct harness *a = *state, *b;

    begin(a, 120, 36);
    b = world_join(a, 120, 36);
    harness_wait_text(b, "provisioning");
    harness_signal(a, SIGSTOP);
    open_gate(a, "one");
    open_gate(a, "two");
    harness_wait_text(b, "not provisioned"); /* the script runs no more, and nobody has said that it was good */
    harness_signal(a, SIGKILL);
    expect_settled(a, b);
    assert_int_equal(harness_wait_exit(a), 128 + SIGKILL);
    world_leave(b);
    harness_free(b);
}

/* Leaving by key in the middle is the same. */
static void test_left_half_way(void **state)
{
    struct harness *h = *state;

    begin(h, 80, 24);
    world_leave(h);
    open_gate(h, "one");
    open_gate(h, "two");
    world_start(h, 80, 24, NULL, NULL);
    harness_wait_text(h, "1 running");
    harness_wait_gone(h, "provisioning");
    world_leave(h);
}

/* Chooses a profile in the box that p opens, by its name: Enter must not run the one that was selected before. */
static void choose_profile(struct harness *h, const char *name)
{
    MT_CLEANUP(xfree) char *title = xasprintf("api with profile %s", name);

    harness_wait_text(h, "Profile for api");
    harness_wait_text(h, "now");
    harness_type(h, name);
    harness_key(h, "Enter");
    harness_wait_text(h, title);
}

/* A profile that wants another network than the sandbox runs with: asked before anything is cut or ended, and the keys
 * that are named are those that are bound. */
static void test_profile_with_another_network(void **state)
{
    struct harness *h = *state;

    harness_write(h, ".config/muthr/muthr.toml",
                  "[sandbox]\nprofile = \"slow\"\n[tui.keys.list]\n\"F5\" = \"sandbox.restart\"\n\"r\" = \"none\"\n");
    harness_write(h, ".config/muthr/sandbox.d/container/provision.d/cut.sh",
                  "#!/usr/bin/env bash\necho 'cutting now'\n"
                  "while [ ! -e /workspace/three ]; do sleep 0.05; done\n");
    harness_write(h, ".config/muthr/sandbox.d/container/manifests/cut.yaml",
                  "name: cut\ndescription: No network\nsecurity:\n  network: none\n");
    open_gate(h, "one");
    open_gate(h, "two");
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_wait_text(h, "net:open");
    harness_keys(h, "C-] p");
    choose_profile(h, "cut");
    harness_wait_text(h, "cut wants other settings than api runs with:");
    harness_wait_text(h, "network: none instead of full");
    harness_wait_text(h, "ends 1 running session.");
    harness_wait_text(h, "Its private home and the project folder stay.");
    harness_key(h, "Escape");
    harness_wait_gone(h, "network: none instead of full");
    harness_type(h, "echo $((6*7))abc\r");
    harness_wait_text(h, "42abc");
    harness_wait_text(h, "net:open");
    /* Only the script: it is watched, and nothing else changes. */
    harness_keys(h, "C-] p");
    choose_profile(h, "cut");
    harness_key(h, "s");
    harness_wait_text(h, "bringing it up with profile cut");
    harness_wait_text(h, "cutting now");
    open_gate(h, "three");
    harness_wait_text(h, "F5 in the list restarts it with the new ones (network: full -> none)");
    harness_wait_text(h, "F5 restarts it with the new settings");
    harness_wait_text(h, "open: its own network");
    harness_key(h, "1");
    harness_wait_text(h, "42abc");
    harness_wait_text(h, "net:open");
    /* With the new settings: the session ends, and the network is cut when the script is through. */
    remove_file(h, "src/api/three");
    harness_keys(h, "C-] p");
    choose_profile(h, "cut");
    harness_key(h, "r");
    harness_wait_text(h, "bringing it up with profile cut");
    harness_wait_text(h, "cutting now");
    open_gate(h, "three");
    harness_wait_gone(h, "bringing it up");
    harness_wait_text(h, "none: nothing outside can be reached");
    harness_wait_gone(h, "1 · shell");
    assert_false(harness_has(h, "new settings"));
    /* Now there is none for the script of the same profile: said, too. */
    harness_key(h, "p");
    choose_profile(h, "cut");
    harness_wait_text(h, "The script of cut needs a network, and api has none now.");
    harness_wait_text(h, "only run the script in it as it is, without a network");
    harness_key(h, "Escape");
    harness_wait_gone(h, "needs a network");
    world_leave(h);
}

/* A sandbox that is down and whose script never went through says so, and what the next key does. */
static void test_stopped_half_way(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    harness_keys(h, "C-] w");
    harness_wait_text(h, "Enter open");
    harness_key(h, "k");
    harness_wait_text(h, "part 6 of 6");
    harness_key(h, "c");
    harness_wait_text(h, "canceled");
    harness_wait_text(h, "running, not provisioned");
    harness_keys(h, "s y");
    harness_wait_text(h, "stopped, not provisioned");
    harness_wait_text(h, "provisioning with slow was canceled");
    harness_wait_text(h, "Enter starts it, runs the script again and opens a shell.");
    assert_false(harness_has(h, "orphan") || harness_has(h, "left over"));
    open_gate(h, "one");
    open_gate(h, "two");
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    harness_wait_gone(h, "not provisioned");
    world_leave_session(h);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_half_way_then_a_shell),
        TEST(test_failure_and_retry),
        TEST(test_failure_is_remembered),
        TEST(test_cancel),
        TEST(test_cancel_with_a_shell),
        TEST(test_killed_half_way),
        TEST(test_left_half_way),
        TEST(test_killed_beside_another),
        TEST(test_killed_before_it_noticed),
        TEST(test_profile_with_another_network),
        TEST(test_stopped_half_way),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests_name("provision", tests, NULL, NULL);
}
