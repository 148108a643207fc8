/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "term/attention.h"

/* Output every 100 ms from `from` to `to`. */
static void output_for(struct attention *a, uint64_t from, uint64_t to)
{
    for (uint64_t t = from; t <= to; t += 100) {
        attention_output(a, t);
    }
}

static void test_agent_works_and_waits(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    assert_int_equal(attention_deadline(&a), 0);
    output_for(&a, 1000, 2400);
    assert_int_equal(a.state, ATTENTION_IDLE); /* a short burst is no work */
    assert_true(attention_output(&a, 2500));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_int_equal(attention_deadline(&a), 3500); /* a look for a question first */
    assert_false(attention_line_due(&a, 3499));
    assert_true(attention_line_due(&a, 3500));
    assert_false(attention_line(&a, "~ $ ", 3500));
    assert_int_equal(attention_deadline(&a), 4500);
    assert_false(attention_tick(&a, 4499));
    assert_true(attention_tick(&a, 4500));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_true(attention_wants_person(&a));
    assert_int_equal(attention_deadline(&a), 0);
    assert_true(attention_input(&a, false, 5000));
    assert_int_equal(a.state, ATTENTION_IDLE);
}

static void test_shell_goes_idle(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    output_for(&a, 1000, 3000);
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_false(attention_line(&a, "", 4000));
    assert_true(attention_tick(&a, 9000));
    assert_int_equal(a.state, ATTENTION_IDLE);
}

/* Typing for a long time is not work: every output is an echo. */
static void test_echo(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    for (uint64_t t = 1000; t < 20000; t += 200) {
        attention_input(&a, false, t);
        attention_output(&a, t + 5);
    }
    assert_int_equal(a.state, ATTENTION_IDLE);
}

static void test_bell_and_notify(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    assert_true(attention_bell(&a, 2000));
    assert_false(attention_bell(&a, 2001));
    output_for(&a, 2000, 6000); /* output does not take it away */
    assert_int_equal(a.state, ATTENTION_BELL);
    assert_true(attention_notify(&a, "Claude", "needs you", 6500));
    assert_string_equal(a.text, "Claude: needs you");
    assert_false(attention_notify(&a, "Claude", "needs you", 6600));
    assert_true(attention_notify(&a, "", "other", 6700));
    assert_false(attention_bell(&a, 6800));
    assert_true(attention_seen(&a, 7000));
    assert_int_equal(a.state, ATTENTION_WORKING); /* it still is */
    assert_string_equal(a.text, "");
    attention_bell(&a, 20000);
    assert_true(attention_seen(&a, 30000));
    assert_int_equal(a.state, ATTENTION_WAITING); /* quiet since then: an agent waits on, but it was seen */
    assert_true(a.seen);
    assert_false(attention_seen(&a, 30001));
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_bell(&a, 20000);
    assert_true(attention_seen(&a, 30000));
    assert_int_equal(a.state, ATTENTION_IDLE);
}

static void test_progress(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    assert_true(attention_progress(&a, 1, 10, 2000));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_int_equal(attention_deadline(&a), 0); /* silence is fine while progress is reported */
    assert_false(attention_progress(&a, 1, 10, 3000));
    assert_true(attention_progress(&a, 1, 20, 3000));
    assert_true(attention_progress(&a, 3, 0, 3000));
    assert_int_equal(a.progress_percent, -1);
    assert_true(attention_progress(&a, 0, 0, 4000));
    assert_int_equal(a.state, ATTENTION_WAITING);
}

static void test_marks(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    assert_true(attention_mark(&a, 'C', -1, 2000));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_true(attention_mark(&a, 'D', 1, 3000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    assert_false(attention_mark(&a, 'A', -1, 3000));
}

static void test_exit(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    assert_true(attention_exit(&a, 137, 2000));
    assert_int_equal(a.state, ATTENTION_FAILED);
    assert_true(attention_wants_person(&a));
    assert_false(attention_bell(&a, 3000));
    assert_false(attention_notify(&a, "a", "b", 3000));
    output_for(&a, 3000, 9000);
    assert_int_equal(a.state, ATTENTION_FAILED);
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_exit(&a, 0, 2000);
    assert_string_equal(attention_name(a.state), "done");
    assert_false(attention_wants_person(&a));
}

/* A program that stops at a question waits, also in a shell, until something is typed. */
static void test_question(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_input(&a, true, 2000);
    attention_output(&a, 2005); /* right after Enter: not an echo */
    assert_int_equal(attention_deadline(&a), 3005);
    assert_true(attention_line(&a, "Continue? [y/N] ", 3005));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_string_equal(a.text, "Continue? [y/N] ");
    assert_int_equal(attention_deadline(&a), 0);
    assert_true(attention_seen(&a, 4000)); /* looking is not answering */
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_true(a.seen);
    assert_false(attention_seen(&a, 4001));
    attention_output(&a, 5000); /* drawn again, as after a resize */
    assert_false(attention_line(&a, "Continue? [y/N] ", 6000));
    assert_true(a.seen);
    attention_output(&a, 7000);
    assert_true(attention_line(&a, "Really? ", 8000)); /* another question */
    assert_false(a.seen);
    assert_true(attention_input(&a, false, 9000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    attention_output(&a, 9005); /* the echo of the answer */
    assert_int_equal(attention_deadline(&a), 0);
    attention_output(&a, 12000);
    assert_true(attention_line(&a, "Password:", 13000));
    attention_output(&a, 14000);
    assert_true(attention_line(&a, "workspace $ ", 15000)); /* it gave up */
    assert_int_equal(a.state, ATTENTION_IDLE);
    assert_string_equal(a.text, "");
}

/* A bell rings before the question: seen, it still waits. */
static void test_bell_at_a_question(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_bell(&a, 2000);
    attention_output(&a, 2000);
    assert_false(attention_line(&a, "Overwrite? ", 3000));
    assert_int_equal(a.state, ATTENTION_BELL);
    assert_true(attention_seen(&a, 4000));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_true(a.seen);
    assert_string_equal(a.text, "Overwrite? ");
}

static void test_question_lines(void **state)
{
    static const char *const yes[] = {
        "Continue? [y/N] ",
        "Do you want to continue? [Y/n] ",
        "Proceed (y/n)? ",
        "Proceed ([y]/n)? ",
        "Proceed (yes/no): ",
        "Delete it [y,n,q]",
        "Is this OK? (yes) ",
        "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
        "rm: remove regular file 'x'? ",
        "What is your name?",
        "Password:",
        "[sudo] password for me: ",
        "Enter passphrase for key '/home/me/.ssh/id_ed25519': ",
        "Username for 'https://example.org': ",
        "Verification code: ",
        "localhost login: ",
        "Press enter to continue",
        "Press ENTER or type command to continue",
        "Press any key to continue . . . ",
        "-- press <Enter>",
        "Continue?",
    };
    static const char *const no[] = {
        "",
        " ",
        "?",
        "workspace $ ",
        "me@host:~/why? $ ",
        "root@host:/# ",
        "host% ",
        "> ",
        ">>> ",
        "(gdb) ",
        "fish ~/src> ",
        "press enter $",
        "Compiling foo (3/7)",
        "Compiling [=====/     ]",
        "Downloading: ",
        "done.",
        "error: no such file (see y)",
        "Note:",
        "100%",
        "] ",
        ")",
        "[]",
        "(/)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (!attention_is_question(yes[i])) {
            fail_msg("no question: %s", yes[i]);
        }
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (attention_is_question(no[i])) {
            fail_msg("a question: %s", no[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_works_and_waits),
        cmocka_unit_test(test_shell_goes_idle),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_bell_and_notify),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_bell_at_a_question),
        cmocka_unit_test(test_question_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
