/* SPDX-License-Identifier: Apache-2.0 */
/* What the cockpit shows and does besides sessions: marks, the list of errors, inspect, logs, use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"
#include "tests/skip.h"

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

/* Marks: all, one dialog that lists them, progress a row each, Esc. */
static void test_marks(void **state)
{
    struct harness *h = *state;

    world_small(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "V");
    harness_wait_text(h, "3 marked");
    harness_key(h, "V");
    harness_wait_gone(h, "3 marked");
    harness_key(h, "*");
    harness_wait_text(h, "3 marked");
    harness_key(h, "Escape");
    harness_wait_gone(h, "3 marked");
    harness_keys(h, "Space Space");
    harness_wait_text(h, "2 marked");
    harness_key(h, "S");
    harness_wait_text(h, "Start 2 sandboxes?");
    assert_true(harness_has(h, "api: no sandbox"));
    assert_true(harness_has(h, "docs: no sandbox"));
    harness_key(h, "y");
    harness_wait_text(h, "2 running");
    harness_wait_gone(h, "2 marked");
    harness_wait_gone(h, "\xe2\x94\x80"); /* the bars of what is being brought up: a stop would cancel that */
    harness_keys(h, "V s");
    harness_wait_text(h, "Stop 2 sandboxes?");
    assert_true(harness_has(h, "1 more marked: nothing to do there"));
    harness_key(h, "Escape");
    harness_wait_text(h, "Left as they are");
    assert_true(harness_has(h, "2 running"));
    harness_key(h, "s");
    harness_wait_text(h, "Stop 2 sandboxes?");
    harness_key(h, "y");
    harness_wait_text(h, "0 running");
    /* A delete of several is taken back as one; what does not run says how it would. */
    harness_keys(h, "V d");
    harness_wait_text(h, "Delete 2 sandboxes?");
    harness_key(h, "y");
    harness_wait_text(h, "Deleting 2 sandboxes in ");
    harness_key(h, "u");
    harness_wait_text(h, "2 sandboxes are not deleted: all is as it was");
    harness_key(h, "r");
    harness_wait_text(h, "it does not run: S starts it");
    world_leave(h);
}

/* What went wrong stays in a list, is announced above until it was seen, and can be put away. */
static void test_errors(void **state)
{
    struct harness *h = *state;

    world_small(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nno_such_key = 1\n");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "1 new");
    harness_wait_text(h, WORLD_READY);
    harness_resize(h, 50, 12); /* a warning that does not fit says where all of it is */
    harness_wait_text(h, " E all");
    harness_resize(h, 120, 36);
    harness_wait_gone(h, " E all");
    harness_key(h, "!");
    harness_wait_text(h, "Errors and warnings");
    harness_wait_text(h, "no_such_key");
    harness_key(h, "Enter"); /* it is about no sandbox: nothing is closed */
    harness_wait_text(h, "There is no sandbox to go to");
    harness_wait_text(h, "Errors and warnings");
    harness_wait_gone(h, "1 new");
    harness_key(h, "D");
    harness_wait_text(h, "Nothing went wrong so far, or it was put away.");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Errors and warnings");
    world_leave(h);
}

/* Isolation is what the kernel says; a port can be clicked, and copied by key. */
static void test_inspect(void **state)
{
    struct harness *h = *state;
    int col, row;

    world_small(h);
    world_start(h, 120, 50, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "i");
    harness_wait_text(h, "it does not run: there is nothing to read");
    harness_key(h, "Escape");
    harness_wait_gone(h, "nothing to read");
    harness_key(h, "S");
    harness_wait_text(h, "ports       http://127.0.0.1:");
    assert_non_null(strstr(harness_bytes(h)->buf, "\033]8;;http://127.0.0.1:"));
    assert_true(harness_find(h, "http://", &col, &row));
    harness_click(h, col + 3, row);
    harness_wait_text(h, "Copied http://127.0.0.1:");
    harness_key(h, "i");
    harness_wait_text(h, "no-new-privileges  yes");
    harness_wait_text(h, "seccomp");
    harness_resize(h, 40, 12);
    harness_wait_text(h, "Sandbox");
    harness_key(h, "/");
    harness_type(h, "seccomp\r");
    harness_wait_text(h, "seccomp");
    harness_keys(h, "n N G g q");
    harness_wait_gone(h, "Sandbox");
    harness_resize(h, 120, 36);
    world_leave(h);
}

/* What changes while it is looked at is shown. */
static void test_inspect_follows(void **state)
{
    struct harness *h = *state;
    static const char *const stop[] = {"stop", "api", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    world_small(h);
    world_start(h, 120, 50, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "S");
    harness_wait_text(h, "1 running");
    harness_key(h, "i");
    harness_wait_text(h, "no-new-privileges");
    assert_int_equal(harness_run(h, stop, &out), 0);
    harness_wait_text(h, "it does not run: there is nothing to read");
    harness_key(h, "q");
    harness_wait_gone(h, "nothing to read");
    world_leave(h);
}

/* Use is read while it is in sight: columns where there is room, a graph in the card. */
static void test_use(void **state)
{
    struct harness *h = *state;

    world_small(h);
    world_start(h, 200, 50, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    world_open_shell(h); /* a sandbox in which nothing runs uses nothing */
    harness_keys(h, "C-] w g");
    harness_wait_text(h, "of one processor"); /* two samples gave a figure */
    harness_wait_text(h, "cpu      memory");
    harness_wait_gone(h, "api                         running");
    harness_resize(h, 120, 36);
    harness_wait_gone(h, "cpu      memory");
    harness_wait_text(h, "of one processor");
    harness_key(h, "G");
    harness_wait_gone(h, "of one processor");
    world_leave(h);
}

/* The output of the main process and the log of the last provision run in one view, with search. */
static void test_logs(void **state)
{
    struct harness *h = *state;

    world_small(h);
    harness_write(
        h, ".config/muthr/sandbox.d/container/provision.d/talk.sh",
        "i=0\nwhile [ $i -lt 60 ]; do i=$((i+1)); echo \"part $i of 60\"; done\nprintf '\\033[31mred\\033[0m\\n'\n");
    harness_write(h, ".config/muthr/muthr.toml", "[sandbox]\nprofile = \"talk\"\n");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "L");
    harness_wait_text(h, "output of its main process");
    harness_wait_text(h, "start it first"); /* what cannot be read is said */
    harness_key(h, "q");
    harness_wait_gone(h, "output of its main process");
    harness_key(h, "S");
    harness_wait_text(h, "1 running");
    harness_wait_text(h, "ports  ");
    harness_key(h, "l");
    harness_wait_text(h, "part 60 of 60");
    harness_wait_text(h, "following");
    harness_key(h, "g");
    harness_wait_text(h, "part 1 of 60");
    harness_wait_text(h, "standing still");
    harness_key(h, "/");
    harness_type(h, "part 5\r");
    harness_wait_text(h, "part 5 of 60");
    harness_keys(h, "n n");
    harness_wait_text(h, "part 51 of 60");
    harness_keys(h, "F");
    harness_wait_text(h, "part 60 of 60");
    harness_key(h, "Tab");
    harness_wait_text(h, "output of its main process");
    harness_wait_gone(h, "part 60 of 60");
    harness_key(h, "Tab");
    harness_wait_text(h, "part 60 of 60");
    harness_resize(h, 40, 12);
    harness_wait_text(h, "part 60 of 60");
    harness_key(h, "q");
    harness_wait_gone(h, "part 60 of 60");
    world_leave(h);
}

/* What a repository wants to run is shown as it is written, and asked for until it was answered for good. */
static void test_consent(void **state)
{
    struct harness *h = *state;

    world_small(h);
    harness_write(h, "src/api/.devcontainer/devcontainer.json",
                  "{\"postCreateCommand\": \"touch /workspace/.set-up && echo \\u001b[31mred\"}\n");
    harness_write(h, "src/docs/.devcontainer.json", "{\"postCreateCommand\": \"touch /workspace/.never\"}\n");
    harness_write(h, "src/homepage/.devcontainer.json", "{\"postCreateCommand\": \"touch /workspace/.always\"}\n");
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nundo_seconds = 0\n");
    MT_CLEANUP(xfree) char *always = path_join(harness_home(h), "src/homepage/.always");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "S");
    harness_wait_text(h, "run the project's set-up command?");
    assert_true(harness_has(h, "touch /workspace/.set-up && echo"));
    harness_key(h, "Escape");
    harness_wait_text(h, "Not started");
    assert_true(harness_has(h, "0 running"));
    harness_key(h, "S");
    harness_wait_text(h, "run the project's set-up command?");
    harness_key(h, "y");
    harness_wait_text(h, "1 running");
    world_wait_file(h, "src/api/.set-up");
    harness_key(h, "j");
    harness_wait_text(h, "muthr-docs");
    harness_key(h, "S");
    harness_wait_text(h, "touch /workspace/.never");
    harness_wait_text(h, ".devcontainer.json in the project"); /* where it comes from */
    harness_key(h, "v");
    harness_wait_text(h, "2 running");
    harness_key(h, "s");
    harness_wait_text(h, "1 running");
    harness_key(h, "j");
    harness_wait_text(h, "muthr-homepage");
    harness_key(h, "S");
    harness_wait_text(h, "touch /workspace/.always");
    harness_key(h, "a");
    harness_wait_text(h, "2 running");
    world_wait_file(h, "src/homepage/.always");
    harness_keys(h, "d y"); /* a sandbox that is made anew is another one: still not asked for */
    harness_wait_text(h, "homepage: the sandbox is deleted");
    assert_int_equal(unlink(always), 0);
    harness_key(h, "S");
    world_wait_file(h, "src/homepage/.always");
    harness_wait_text(h, "2 running");
    harness_keys(h, "s k");
    harness_wait_text(h, "1 running");
    world_leave(h);
    world_start(h, 120, 36, NULL, NULL); /* remembered */
    harness_wait_text(h, "1 running");
    harness_key(h, "j");
    harness_wait_text(h, "muthr-docs");
    harness_key(h, "S");
    harness_wait_text(h, "2 running");
    world_leave(h);
    MT_CLEANUP(xfree) char *never = path_join(harness_home(h), "src/docs/.never");
    assert_false(fs_exists(never));
}

/* What runs a sandbox: what each backend gives, or why it cannot be used; a choice is a start. */
static void test_backends(void **state)
{
    struct harness *h = *state;
    const char *path = getenv("PATH");
    MT_CLEANUP(xfree) char *program = path_join(harness_home(h), "bin/podman");
    MT_CLEANUP(xfree) char *e_path = xasprintf("PATH=%s/bin:%s", harness_home(h), path ? path : "/usr/bin:/bin");
    const char *env[] = {e_path, "MUTHR_TUI_BACKENDS=bwrap,podman", NULL};

    world_small(h);
    harness_write(h, "bin/podman", "#!/bin/sh\necho 'Error: the storage is on fire' >&2; exit 125\n");
    assert_int_equal(chmod(program, 0755), 0);
    world_start(h, 120, 36, NULL, env);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "B");
    harness_wait_text(h, "What runs api?");
    harness_wait_text(h, "processes, walled in");
    harness_wait_text(h, "cannot be used: the storage is on fire");
    harness_keys(h, "j Enter");
    harness_wait_gone(h, "What runs api?");
    harness_wait_text(h, "podman cannot be used: the storage is on fire");
    assert_true(harness_has(h, "0 running"));
    harness_keys(h, "B Enter");
    harness_wait_text(h, "api is up");
    harness_key(h, "B");
    harness_wait_text(h, "has it");
    harness_wait_text(h, "It has a sandbox already");
    harness_key(h, "Escape");
    harness_wait_gone(h, "has it");
    world_leave(h);
}

/* A confirmed delete can be taken back for a while, by key and by leaving; then it is done. */
static void test_undo(void **state)
{
    struct harness *h = *state;

    world_small(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nundo_seconds = 30\n");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_keys(h, "S");
    harness_wait_text(h, "api is up"); /* a delete before that cancels the start, and there is nothing to go back to */
    harness_key(h, "d");
    harness_wait_text(h, "Delete api?");
    harness_key(h, "y");
    harness_wait_text(h, "Deleting api in ");
    harness_wait_text(h, "u undo");
    assert_true(harness_has(h, "1 running"));
    harness_key(h, "u");
    harness_wait_text(h, "api is not deleted: all is as it was");
    harness_wait_gone(h, "Deleting api in ");
    assert_true(harness_has(h, "1 running"));
    harness_key(h, "d");
    harness_wait_text(h, "Delete api?");
    harness_key(h, "y");
    harness_wait_text(h, "Deleting api in ");
    harness_key(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    harness_wait_text(h, "nothing was deleted: leaving took the delete back");
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nundo_seconds = 1\n");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "1 running"); /* it is still there */
    harness_key(h, "d");
    harness_wait_text(h, "Delete api?");
    harness_key(h, "y");
    harness_wait_text(h, "0 running");
    harness_wait_text(h, "the sandbox is deleted");
    world_leave(h);
}

/* What B offers, at any size: each row says what it is, or that it cannot be used, and ends with a whole word. */
static void test_backends_at_sizes(void **state)
{
#ifdef __APPLE__
    (void)state;
    skip_because("Apple's container may be here");
#else
    struct harness *h = *state;
    static const char *const env[] = {"MUTHR_TUI_BACKENDS=bwrap,container,seatbelt", NULL};
    static const struct {
        int cols, rows;
        const char *has[3];
    } at[] = {
        {80,
         24,
         {"this machine's programs ", "cannot be used: Apple's container runs on macOS ",
          "seatbelt   cannot be used "}},
        {40, 12, {"bwrap      processes ", "container  cannot be used ", "seatbelt   cannot be used "}},
    };

    world_small(h);
    for (size_t i = 0; i < MT_ARRAY_LEN(at); i++) {
        world_start(h, at[i].cols, at[i].rows, NULL, env);
        harness_wait_text(h, "no sandbox");
        harness_key(h, "B");
        for (size_t k = 0; k < 3; k++) {
            harness_wait_text(h, at[i].has[k]);
        }
        assert_false(harness_has(h, "\xe2\x80\xa6")); /* cut nowhere */
        harness_key(h, "Escape");
        world_leave(h);
    }
#endif
}

/* An overlay workspace: what was changed waits, and is applied or forgotten file by file. */
static void test_changes(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    world_small(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nundo_seconds = 0\n");
    harness_write(h, "src/api/edit", "one\n");
    harness_write(h, ".config/muthr/sandbox.d/container/manifests/base.yaml",
                  "backend: bwrap\nsecurity: {network: none, workspace_mode: overlay}\n");
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "echo two >edit; echo new >fresh; echo x >ours; mkfifo pipe; mkdir .vscode; echo {} "
                    ">.vscode/tasks.json; clear; echo do''ne\r");
    harness_wait_text(h, "done");
    world_read(h, "src/api/edit", &text);
    assert_string_equal(text.buf, "one\n");
    harness_keys(h, "C-] w g");
    harness_wait_text(h, "wait until they are applied: C shows them");
    harness_key(h, "C");
    harness_wait_text(h, "api: changes that wait");
    harness_wait_text(h, "M edit");
    harness_wait_text(h, "A fresh");
    harness_wait_text(h, "risky");
    /* What the person made meanwhile is never overwritten: told before anything is stopped. */
    harness_write(h, "src/api/ours", "mine\n");
    harness_key(h, "r");
    harness_wait_text(h, "conflict: new in the project meanwhile");
    harness_keys(h, "g j j j a");
    harness_wait_text(h, "Nothing is applied: 1 in conflict");
    harness_keys(h, "A");
    harness_wait_text(h, "apply 2 changes?");
    harness_wait_text(h, "3 more are held back");
    harness_wait_text(h, "1 session ends");
    harness_key(h, "Escape");
    harness_wait_text(h, "Left as they are");
    harness_key(h, "A");
    harness_wait_text(h, "held back");
    harness_key(h, "y");
    harness_wait_gone(h, "M edit");
    harness_wait_text(h, "2 applied, 3 held back");
    harness_wait_text(h, "tasks.json");
    world_read(h, "src/api/edit", &text);
    assert_string_equal(text.buf, "two\n");
    harness_key(h, "q");
    harness_wait_gone(h, "changes that wait");
    harness_key(h, "d"); /* a delete would lose them: said at once */
    harness_wait_text(h, "3 changes that were not applied: C shows them");
    harness_key(h, "y");
    harness_key(h, "Escape");
    harness_wait_text(h, "Not deleted");
    harness_key(h, "C");
    harness_wait_text(h, "tasks.json");
    harness_keys(h, "D");
    harness_wait_text(h, "What was done there is lost.");
    harness_key(h, "y");
    harness_wait_text(h, "Nothing differs from the project folder.");
    harness_key(h, "q");
    harness_wait_gone(h, "Nothing differs");
    MT_CLEANUP(xfree) char *held = path_join(harness_home(h), "src/api/.vscode");
    assert_false(fs_exists(held));
    world_open_shell(h);
    harness_type(h, "echo more >more; clear; echo ag''ain\r");
    harness_wait_text(h, "again");
    harness_keys(h, "C-] w g d");
    harness_wait_text(h, "1 change that was not applied: C shows it");
    harness_key(h, "f");
    harness_wait_text(h, "the sandbox is deleted");
    MT_CLEANUP(xfree) char *more = path_join(harness_home(h), "src/api/more");
    assert_false(fs_exists(more));
    world_leave(h);
}

/* A machine that cannot be reached is a group with its reason; everything else works as ever. */
static void test_hosts(void **state)
{
    struct harness *h = *state;

    world_small(h);
    harness_write(h, ".config/muthr/muthr.toml",
                  "[[hosts]]\nname = \"gpu1\"\nurl = \"unix:///nonexistent/podman.sock\"\n");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY); /* the first workspace is selected, not the heading above it */
    harness_wait_text(h, "this machine");
    harness_wait_text(h, "gpu1");
    harness_wait_text(h, "retry in ");
    harness_wait_text(h, "host gpu1: ");
    harness_key(h, "R");
    harness_wait_text(h, "Looking again: host gpu1: ");
    harness_key(h, "G");
    harness_wait_text(h, "muthr-homepage");
    harness_key(h, "g");
    harness_wait_text(h, "muthr-api");
    harness_key(h, "S");
    harness_wait_text(h, "1 running");
    harness_resize(h, 40, 12);
    harness_wait_text(h, "this machine");
    harness_resize(h, 120, 36);
    world_leave(h);
}

/* What the log says of a machine comes with the advice that its group has. */
static void test_host_advice(void **state)
{
    struct harness *h = *state;

    if (access("/usr/bin/ssh", X_OK) != 0) {
        skip_because("there is no ssh");
    }
    world_small(h);
    harness_write(h, ".config/muthr/muthr.toml",
                  "[[hosts]]\nname = \"gpu1\"\nurl = \"ssh://nobody@127.0.0.1:1/run/podman.sock\"\n");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_wait_text(h, "retry in ");
    harness_key(h, "E");
    harness_wait_text(h, "host gpu1: ssh to ");
    harness_wait_text(h, "> is sshd running there?");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Errors and warnings");
    world_leave(h);
}

/* A list that comes back into sight shows as much as fits, whatever was scrolled away meanwhile. */
static void test_list_comes_back(void **state)
{
    struct harness *h = *state;
    int col, row;

    world_small(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "G");
    harness_wait_text(h, "muthr-homepage");
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    harness_resize(h, 80, 24);
    harness_wait_gone(h, "docs");
    harness_keys(h, "C-] w");
    harness_wait_text(h, " Workspaces");
    assert_true(harness_find(h, "api", &col, &row)); /* at once, not when the next news come */
    assert_int_equal(row, 2);
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inspect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inspect_follows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_logs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host_advice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_undo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_backends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_backends_at_sizes, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
