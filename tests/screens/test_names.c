/* SPDX-License-Identifier: Apache-2.0 */
/* What sessions are called in the list: the program that a shell runs, and the name that a person gave. And an
 * interrupt that does not go by what is typed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "tests/screens/world.h"

static void test_names(void **state)
{
    struct harness *h = *state;

    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "sleep 7721\r");
    harness_wait_text(h, "shell  sleep");
    harness_keys(h, "C-] N");
    harness_wait_text(h, "Enter ok, empty");
    harness_type(h, "my");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Enter ok, empty");
    harness_keys(h, "C-] N");
    harness_wait_text(h, "Enter ok, empty");
    harness_type(h, "web server\r");
    harness_wait_text(h, "1 \302\267 web server  sleep");
    harness_wait_text(h, "api \342\200\272 web server");
    /* A cockpit that comes later knows it from the host. */
    harness_signal(h, SIGKILL);
    assert_int_equal(harness_wait_exit(h), 128 + SIGKILL);
    world_start(h, 80, 24, NULL, NULL);
    harness_wait_text(h, "web server  sleep");
    harness_keys(h, "j N");
    harness_wait_text(h, "name: web server");
    harness_keys(h, "C-u Enter");
    harness_wait_text(h, "shell  sleep");
    world_leave(h);
}

/* Ctrl-C lies behind what nobody reads: the signal by the host does not, and it ends the program only. */
static void test_interrupt(void **state)
{
    struct harness *h = *state;

    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "sleep 7722; echo ended''by=$?\r");
    harness_wait_text(h, "shell  sleep");
    harness_keys(h, "C-] C-c");
    harness_wait_text(h, "interrupt signal");
    harness_wait_gone(h, "shell  sleep");
    harness_type(h, "echo still$((1+1))here\r");
    harness_wait_text(h, "still2here");
    world_leave_session(h);
}

/* And where it lies behind a paste, that is said, with the way out. */
static void test_interrupt_behind_a_paste(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    for (int i = 0; i < 4000; i++) {
        strbuf_addf(&text, "# a line of text that a shell passes over, number %d\n", i);
    }
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "sleep 7723\r");
    harness_wait_text(h, "shell  sleep");
    harness_paste(h, text.buf, text.len);
    harness_wait_text(h, "passes over");
    harness_settle(h);
    harness_key(h, "C-c");
    harness_wait_text(h, "C-] C-c interrupts it");
    harness_keys(h, "C-] C-c");
    harness_wait_gone(h, "shell  sleep"); /* what was pasted is the shell's now */
    world_leave_session(h);
}

/* A host that is stopped: said in its pane and its row, and nothing else stands still. */
static void test_not_answering(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    static const char *const list[] = {"sessions", "-o", "json", NULL};
    static const int sizes[][2] = {{120, 36}, {80, 24}, {40, 12}};

    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    assert_int_equal(harness_run(h, list, &out), 0);
    const char *at = strstr(out.buf, "\"host_pid\": ");
    assert_non_null(at);
    pid_t host = (pid_t)strtol(at + strlen("\"host_pid\": "), NULL, 10);
    assert_true(host > 1);
    assert_int_equal(kill(host, SIGSTOP), 0);
    harness_type(h, "echo typed''meanwhile\r");
    harness_wait_text(h, "Not answering since");
    harness_wait_text(h, "no answer ");
    for (size_t i = 0; i < MT_ARRAY_LEN(sizes); i++) {
        harness_resize(h, sizes[i][0], sizes[i][1]);
        harness_wait_text(h, "Not answering since");
    }
    harness_keys(h, "C-] w");
    harness_wait_text(h, "no answer ");
    harness_resize(h, 120, 36);
    assert_int_equal(kill(host, SIGCONT), 0);
    harness_wait_gone(h, "no answer ");
    harness_wait_gone(h, "Not answering");
    harness_wait_text(h, "typedmeanwhile");
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_interrupt, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_interrupt_behind_a_paste, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_not_answering, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
