/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on, seen from one place: operations as they run, here and in other processes, and the tasks of all
 * workspaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

static const char project_tasks[] = "[tasks]\n"
                                    "seed = \"echo seeding; touch seeded; sleep 600\"\n"
                                    "[tasks.web]\n"
                                    "command = \"echo up on 3000; sleep 600\"\n"
                                    "env = { PORT = \"3000\" }\n"
                                    "cwd = \"site\"\n"
                                    "ready_match = \"up on\"\n";

/* The project's own task is shown whole and asked for, with No as the default; with a yes it runs, once and again. */
static void test_task_of_the_project(void **state)
{
    struct harness *h = *state;

    harness_write(h, "src/api/muthr.toml", project_tasks);
    harness_write(h, "src/api/site/index", "");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "t");
    harness_wait_text(h, "Run a task in api");
    harness_wait_text(h, "asks first");
    harness_wait_text(h, "The sandbox is started first");
    harness_type(h, "web");
    harness_wait_gone(h, "seed");
    harness_key(h, "Enter");
    harness_wait_text(h, "api: run the project's task web?");
    harness_wait_text(h, "command: echo up on 3000; sleep 600");
    harness_wait_text(h, "env: PORT=3000");
    harness_wait_text(h, "cwd: site");
    harness_wait_text(h, "muthr.toml");
    harness_resize(h, 80, 12);
    harness_wait_text(h, "1-7 of 9: read on with Down");
    harness_key(h, "y"); /* to what was not read: the text goes on instead */
    harness_wait_text(h, "3-9 of 9: Up, Down");
    harness_resize(h, 120, 36);
    harness_wait_gone(h, " of 9: ");
    harness_key(h, "Enter"); /* no answer, or no: nothing runs */
    harness_key(h, "Escape");
    harness_wait_gone(h, "run the project's task");
    harness_wait_text(h, "no sandbox");
    harness_key(h, "t");
    harness_wait_text(h, "asks first");
    harness_type(h, "web");
    harness_wait_gone(h, "seed");
    harness_key(h, "Enter");
    harness_wait_text(h, "run the project's task web?");
    harness_key(h, "y");
    harness_wait_text(h, "web runs in api");
    harness_wait_text(h, "ready");
    harness_wait_text(h, "up on 3000");
    /* It is not asked for twice. */
    harness_key(h, "t");
    harness_wait_text(h, "Run a task in api");
    harness_type(h, "web");
    harness_wait_gone(h, "asks first");
    harness_key(h, "Enter");
    harness_wait_text(h, "web runs already");
    harness_key(h, "b");
    harness_wait_text(h, "Tasks  1");
    harness_wait_text(h, "ready when it prints");
    harness_key(h, "s");
    harness_wait_text(h, "Stop web in api?");
    harness_key(h, "y");
    harness_wait_text(h, "stopped");
    harness_key(h, "r");
    harness_wait_text(h, "web in api starts again");
    harness_wait_gone(h, "stopped");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Operations");
    world_leave(h);
}

/* It had just crashed again, or was ended before it could. */
static bool is_over(struct harness *h, void *arg)
{
    (void)arg;
    return harness_has(h, "failed: exited 3") || harness_has(h, "stopped");
}

/* Any command, with a policy: one that crashes is started again, and says when. */
static void test_command_that_is_restarted(void **state)
{
    struct harness *h = *state;

    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "t");
    harness_wait_text(h, "Another command...");
    harness_key(h, "Enter");
    harness_wait_text(h, "sh -c");
    harness_type(h, "echo trouble; exit 3\r");
    harness_wait_text(h, "When it ends");
    harness_key(h, "f");
    harness_wait_text(h, "again in");
    harness_key(h, "b");
    harness_wait_text(h, "waiting: starts again in");
    harness_wait_text(h, "restarts");
    harness_wait_text(h, "trouble");
    harness_key(h, "s");
    harness_wait_text(h, "Stop echo");
    harness_key(h, "y");
    harness_wait(h, is_over, NULL, "the task to be over");
    harness_key(h, "d");
    harness_wait_text(h, "There are none");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Operations");
    world_leave(h);
}

/* Runs a command as a task that is not started again. */
static void run_once(struct harness *h, const char *command)
{
    harness_key(h, "t");
    harness_wait_text(h, "Another command...");
    harness_key(h, "Enter");
    harness_wait_text(h, "sh -c");
    harness_type(h, command);
    harness_key(h, "Enter");
    harness_wait_text(h, "When it ends");
    harness_key(h, "n");
}

/* A log that is far larger than what is kept of it in memory: its end first, search through all of it, the beginning,
 * and what comes while it is followed. What is hostile in it stays text. */
static void test_log(void **state)
{
    struct harness *h = *state;

    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    run_once(h, "i=0; echo needle one; while [ $i -lt 60000 ]; do i=$((i+1)); echo \"row $i of a long story\"; done; "
                "printf '\\033]2;evil\\007\\033[31mred\\033[0m end\\n'; while [ ! -e go ]; do sleep 0.1; done; "
                "echo it goes on; sleep 600");
    harness_wait_text(h, "red end");
    harness_key(h, "l");
    harness_wait_text(h, "log");
    harness_wait_text(h, "row 60000 of a long story");
    harness_wait_text(h, "following");
    harness_write(h, "src/api/go", "");
    harness_wait_text(h, "it goes on");
    /* Search finds what is not in memory, and what is not there at all is said. */
    harness_key(h, "/");
    harness_type(h, "needle one\r");
    harness_wait_text(h, "row 1 of a long story");
    harness_key(h, "Escape");
    harness_key(h, "/");
    harness_type(h, "row 30000 of\r");
    harness_wait_text(h, "row 29999 of a long story");
    harness_key(h, "/");
    harness_type(h, "no such thing\r");
    harness_wait_text(h, "is not there");
    harness_key(h, "Escape");
    harness_wait_gone(h, "is not there");
    /* The beginning and the end; older parts come as one scrolls. */
    harness_key(h, "g");
    harness_wait_text(h, "row 1 of a long story");
    harness_key(h, "G");
    harness_wait_text(h, "it goes on");
    harness_keys(h, "b b b");
    harness_wait_gone(h, "it goes on");
    harness_wait_text(h, "standing still");
    harness_key(h, "F");
    harness_wait_text(h, "it goes on");
    assert_null(strstr(harness_title(h), "evil"));
    harness_key(h, "q");
    harness_wait_gone(h, "standing still");
    world_leave(h);
}

/* A shell keeps no file: its scrollback and screen are its log. */
static void test_log_of_a_shell(void **state)
{
    struct harness *h = *state;

    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "for i in $(seq 1 200); do echo number $i.; done\r");
    harness_wait_text(h, "number 200.");
    harness_keys(h, "C-] l");
    harness_wait_text(h, "api > shell: log");
    harness_wait_text(h, "number 200.");
    harness_key(h, "g");
    harness_wait_text(h, "number 1.");
    harness_key(h, "q");
    harness_wait_gone(h, "shell: log");
    world_leave_session(h);
}

/* What has this program begins many tasks. */
static void run_verb(struct harness *h, const char *const *args)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    int rc = harness_run(h, args, &out);

    if (rc != 0) {
        fail_msg("exit %d: %s", rc, out.buf);
    }
}

/* The panel below the list: keys there are for tasks, a failure is told with why, small screens have none, and fifty
 * tasks take no more than a third. */
static void test_panel(void **state)
{
    struct harness *h = *state;
    int col, head, first;

    run_verb(h, (const char *const[]){"start", "api", NULL});
    for (int i = 0; i < 12; i++) {
        MT_CLEANUP(xfree) char *name = xasprintf("keeper-%02d", i);
        run_verb(
            h, (const char *const[]){"task", "run", "-s", "api", "--name", name, "-c", "echo 日本語; sleep 600", NULL});
    }
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "1-10 of 12");
    assert_true(harness_find(h, "1-10 of 12", &col, &head));
    assert_int_equal(head, 24);
    harness_key(h, "Tab");
    harness_wait_text(h, "s stop  r restart  l log");
    harness_wait_text(h, "api › keeper-00"); /* it is what the right side shows */
    harness_key(h, "G");
    harness_wait_text(h, "3-12 of 12");
    harness_wait_text(h, "api › keeper-11");
    harness_key(h, "l");
    harness_wait_text(h, "api > keeper-11: log");
    harness_wait_text(h, "日本語");
    harness_key(h, "q");
    harness_wait_gone(h, "keeper-11: log");
    harness_key(h, "s");
    harness_wait_text(h, "Stop keeper-11 in api?");
    harness_key(h, "y");
    harness_wait_text(h, "stopped");
    harness_key(h, "d");
    harness_wait_text(h, "of 11");
    harness_key(h, "Escape"); /* the list has the keys again */
    harness_wait_text(h, "n new");
    /* One fails while somebody looks elsewhere. */
    run_verb(h, (const char *const[]){"task", "run", "-s", "api", "--name", "bad", "-c", "echo no such module; exit 7",
                                      NULL});
    harness_wait_text(h, "task api/bad failed: exited 7: no such module");
    harness_wait_text(h, "a goes there");
    harness_wait_text(h, "1 needs you");
    harness_key(h, "a");
    harness_wait_text(h, "exited 7");
    harness_key(h, "Escape");
    harness_wait_text(h, "Enter open");
    /* The view of all of them, at every size. */
    harness_key(h, "b");
    harness_wait_text(h, "Tasks  12");
    harness_key(h, "/");
    harness_type(h, "failed");
    harness_wait_text(h, "1 of 12");
    harness_wait_gone(h, "keeper-03");
    harness_key(h, "Escape");
    harness_wait_text(h, "keeper-03");
    harness_resize(h, 40, 12);
    harness_wait_text(h, "Operations");
    harness_wait_text(h, "of 12");
    harness_resize(h, 80, 24);
    harness_wait_text(h, "workspace  task");
    harness_key(h, "q");
    harness_wait_gone(h, "Operations");
    assert_true(harness_find(h, "Tasks", &col, &first));
    assert_true(first >= 24 - 1 - 22 / 3);
    harness_resize(h, 60, 13); /* no room for it */
    harness_wait_gone(h, "Tasks");
    harness_resize(h, 120, 36);
    harness_wait_text(h, "of 12");
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_operations, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_operation_of_another_process, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_task_of_the_project, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_command_that_is_restarted, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_log, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_log_of_a_shell, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_panel, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
