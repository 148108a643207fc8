/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
    assert_true(attention_input(&a, ATTENTION_KEY_TEXT, 5000));
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
        attention_input(&a, ATTENTION_KEY_TEXT, t);
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

/* A command that took long and ended by itself is told until somebody looks or types; others are not. */
static void test_long_command(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_input(&a, ATTENTION_KEY_ENTER, 1500);
    attention_mark(&a, 'C', -1, 2000);
    output_for(&a, 2000, 14000);
    assert_true(attention_mark(&a, 'D', 2, 14000));
    assert_int_equal(a.state, ATTENTION_FAILED);
    assert_true(attention_wants_person(&a));
    assert_false(attention_mark(&a, 'A', -1, 14001));
    attention_output(&a, 14002); /* the prompt */
    attention_line(&a, "$ ", 15500);
    assert_int_equal(a.state, ATTENTION_FAILED);
    assert_true(attention_seen(&a, 17000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    /* Success waits for nobody, but says so. */
    attention_mark(&a, 'C', -1, 20000);
    assert_true(attention_mark(&a, 'D', 0, 31000));
    assert_int_equal(a.state, ATTENTION_DONE);
    assert_false(attention_wants_person(&a));
    assert_true(attention_input(&a, ATTENTION_KEY_TEXT, 32000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    /* Ended by a key, or short: nothing. */
    attention_mark(&a, 'C', -1, 40000);
    attention_input(&a, ATTENTION_KEY_TEXT, 59000);
    attention_mark(&a, 'D', 130, 59010);
    assert_int_equal(a.state, ATTENTION_IDLE);
    attention_mark(&a, 'C', -1, 70000);
    attention_mark(&a, 'D', 1, 75000);
    assert_int_equal(a.state, ATTENTION_IDLE);
    /* A bell that it rang stands. */
    attention_mark(&a, 'C', -1, 80000);
    attention_bell(&a, 95000);
    attention_mark(&a, 'D', 0, 99000);
    assert_int_equal(a.state, ATTENTION_BELL);
    /* The end of the shell itself comes last. */
    attention_seen(&a, 99500);
    attention_mark(&a, 'C', -1, 100000);
    attention_mark(&a, 'D', 1, 120000);
    attention_exit(&a, 0, 121000);
    assert_int_equal(a.state, ATTENTION_DONE);
    assert_false(attention_seen(&a, 122000) && a.state != ATTENTION_DONE);
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
    /* The question of a program that has ended waits for nobody. */
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    attention_looks(&a, true, 1000);
    attention_output(&a, 2000);
    assert_true(attention_look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 2600));
    assert_string_equal(a.text, "Proceed?");
    attention_exit(&a, 0, 3000);
    assert_int_equal(a.state, ATTENTION_DONE);
    assert_string_equal(a.text, "");
}

/* A program that stops at a question waits, also in a shell, until something is typed. */
static void test_question(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_input(&a, ATTENTION_KEY_ENTER, 2000);
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
    assert_true(attention_input(&a, ATTENTION_KEY_TEXT, 9000));
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

/* What the screen says, at the time at which it is looked at. */
static bool look(struct attention *a, enum attention_verdict verdict, const char *text, uint64_t at)
{
    assert_true(attention_look_due(a, at));
    return attention_look(a, verdict, text, at);
}

/* Half a second of quiet, or two seconds of drawing; nothing while nothing happens. */
static void test_look_is_due(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    attention_looks(&a, true, 1000);
    assert_int_equal(attention_deadline(&a), 0);
    attention_output(&a, 2000);
    assert_int_equal(attention_deadline(&a), 2500);
    attention_output(&a, 2400);
    assert_false(attention_look_due(&a, 2500));
    assert_int_equal(attention_deadline(&a), 2900);
    output_for(&a, 2500, 4000);
    assert_int_equal(attention_deadline(&a), 4000); /* it does not come to rest */
    assert_true(look(&a, ATTENTION_SAYS_IDLE, "done", 4000));
    assert_int_equal(a.state, ATTENTION_IDLE); /* it was only starting: no work, no turn that is over */
    assert_int_equal(attention_deadline(&a), 0);
    attention_looks(&a, true, 9000); /* other rules */
    assert_int_equal(attention_deadline(&a), 9500);
    attention_looks(&a, false, 9100);
    assert_int_equal(attention_deadline(&a), 0);
}

/* An agent's turn: it works for minutes without a word, asks once however often it is drawn, is answered, ends. */
static void test_turn(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    attention_looks(&a, true, 1000);
    attention_input(&a, ATTENTION_KEY_ENTER, 1900);
    attention_output(&a, 2000);
    assert_true(look(&a, ATTENTION_SAYS_WORKING, "", 2500));
    assert_int_equal(a.state, ATTENTION_WORKING);
    assert_int_equal(attention_deadline(&a), 0); /* it says so: quiet is no question */
    assert_false(attention_tick(&a, 600000));
    attention_output(&a, 700000);
    assert_true(look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 700500));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_string_equal(a.text, "Proceed?");
    assert_int_equal(a.since_ms, 700500);
    assert_false(attention_bell(&a, 700600)); /* it rings for what was told */
    assert_false(attention_notify(&a, "", "I need you", 700700));
    for (uint64_t t = 701000; t < 720000; t += 100) { /* a clock beside the question */
        assert_false(attention_output(&a, t));
        if (attention_look_due(&a, t)) {
            assert_false(attention_look(&a, ATTENTION_SAYS_WAITING, "Proceed?", t));
        }
    }
    assert_true(attention_seen(&a, 721000));
    assert_false(attention_input(&a, ATTENTION_KEY_MOVE, 722000));
    attention_output(&a, 722010);
    assert_false(look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 722600));
    assert_true(a.seen); /* moving about in the answers is none */
    assert_true(attention_input(&a, ATTENTION_KEY_TEXT, 723000));
    assert_int_equal(a.state, ATTENTION_IDLE);
    attention_output(&a, 723010);
    assert_true(look(&a, ATTENTION_SAYS_WORKING, "", 723600));
    attention_output(&a, 730000);
    assert_true(look(&a, ATTENTION_SAYS_IDLE, "its turn is over", 730500));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_string_equal(a.text, "its turn is over");
    assert_true(attention_input(&a, ATTENTION_KEY_TEXT, 740000)); /* the next prompt is typed */
    attention_output(&a, 740010);
    assert_false(look(&a, ATTENTION_SAYS_IDLE, "its turn is over", 740600));
    assert_int_equal(a.state, ATTENTION_IDLE);
}

/* A key that was no answer: the question still stands, and calls again. */
static void test_key_that_is_no_answer(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    attention_looks(&a, true, 1000);
    attention_output(&a, 2000);
    assert_true(look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 2500));
    assert_true(attention_input(&a, ATTENTION_KEY_TEXT, 3000));
    assert_int_equal(attention_deadline(&a), 3500); /* also when nothing was drawn */
    assert_true(look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 3500));
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_int_equal(attention_deadline(&a), 0);
    attention_output(&a, 5000);
    assert_true(look(&a, ATTENTION_SAYS_NOTHING, "", 5500)); /* it went away by itself */
    assert_int_equal(a.state, ATTENTION_IDLE);
}

/* The bell rings, then the question is found: one call, with the question's text. A notification is
 * not replaced by the end of the turn it tells of. */
static void test_bell_before_the_question(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_AGENT, 1000);
    attention_looks(&a, true, 1000);
    attention_output(&a, 2000);
    assert_false(attention_bell(&a, 2000));
    assert_int_equal(a.state, ATTENTION_IDLE); /* until it is known what for */
    assert_true(look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 2500));
    assert_int_equal(a.state, ATTENTION_WAITING);
    attention_input(&a, ATTENTION_KEY_ENTER, 3000);
    attention_output(&a, 3100);
    attention_look(&a, ATTENTION_SAYS_WORKING, "", 3600);
    assert_true(attention_notify(&a, "", "Built 3 files", 4000));
    attention_output(&a, 4000);
    assert_false(look(&a, ATTENTION_SAYS_IDLE, "its turn is over", 4500));
    assert_int_equal(a.state, ATTENTION_NOTIFY);
    assert_string_equal(a.text, "Built 3 files");
    assert_false(attention_bell(&a, 4600));
    attention_input(&a, ATTENTION_KEY_ENTER, 4700);
    assert_false(attention_bell(&a, 4800)); /* no output, and yet it is told */
    assert_int_equal(attention_deadline(&a), 5300);
    assert_true(look(&a, ATTENTION_SAYS_WORKING, "", 5300));
    assert_int_equal(a.state, ATTENTION_BELL);
    attention_exit(&a, 0, 5400);
    assert_false(attention_look(&a, ATTENTION_SAYS_WAITING, "Proceed?", 5500));
    assert_int_equal(a.state, ATTENTION_DONE);
}

static void test_kinds_of_keys(void **state)
{
    static const struct {
        const char *bytes;
        enum attention_key key;
    } cases[] = {
        {"y", ATTENTION_KEY_TEXT},         {"\033", ATTENTION_KEY_TEXT},
        {"\r", ATTENTION_KEY_ENTER},       {"\033[B\r", ATTENTION_KEY_ENTER},
        {"\033[A", ATTENTION_KEY_MOVE},    {"\033OB", ATTENTION_KEY_MOVE},
        {"\033[6~", ATTENTION_KEY_MOVE},   {"\033[1;5C", ATTENTION_KEY_MOVE},
        {"\033[I", ATTENTION_KEY_MOVE},    {"\033[<35;4;5M", ATTENTION_KEY_MOVE},
        {"\033[M !!", ATTENTION_KEY_MOVE}, {"\033[13u", ATTENTION_KEY_ENTER},
        {"\033[27u", ATTENTION_KEY_TEXT},  {"\033[200~yes\033[201~", ATTENTION_KEY_TEXT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(attention_key_of(cases[i].bytes, strlen(cases[i].bytes)), cases[i].key);
    }
    assert_int_equal(attention_key_of("", 0), ATTENTION_KEY_TEXT);
}

/* A program that is started again when it fails. */
static void test_runs(void **state)
{
    (void)state;
    struct attention a;
    attention_init(&a, ATTENTION_RULES_SHELL, 1000);
    attention_line(&a, "Continue? [y/N] ", 1500);
    assert_int_equal(a.state, ATTENTION_WAITING);
    assert_true(attention_fail(&a, "exit 1: no", 2000));
    assert_string_equal(a.text, "exit 1: no");
    attention_begin(&a, true, 3000);
    assert_int_equal(a.state, ATTENTION_FAILED);
    assert_int_equal(a.since_ms, 2000);
    assert_string_equal(a.text, "exit 1: no");
    assert_false(a.asking); /* nobody asks any more */
    output_for(&a, 3000, 9000);
    assert_int_equal(a.state, ATTENTION_FAILED); /* until somebody has looked */
    assert_true(attention_seen(&a, 9100));
    assert_int_not_equal(a.state, ATTENTION_FAILED);
    attention_begin(&a, true, 9200);
    assert_int_equal(a.state, ATTENTION_IDLE);
    attention_exit(&a, 1, 9300);
    attention_say(&a, "given up");
    assert_true(a.ended && a.state == ATTENTION_FAILED && !a.seen);
    assert_string_equal(a.text, "given up");
    attention_begin(&a, false, 9400); /* by hand: it lives again */
    assert_true(!a.ended && a.state == ATTENTION_IDLE && a.text[0] == '\0');
    assert_true(attention_bell(&a, 9500));
    attention_begin(&a, true, 9600);
    assert_int_equal(a.state, ATTENTION_BELL); /* that was for a person, and is not answered */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_is_due),
        cmocka_unit_test(test_turn),
        cmocka_unit_test(test_key_that_is_no_answer),
        cmocka_unit_test(test_bell_before_the_question),
        cmocka_unit_test(test_kinds_of_keys),
        cmocka_unit_test(test_agent_works_and_waits),
        cmocka_unit_test(test_shell_goes_idle),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_bell_and_notify),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_long_command),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_bell_at_a_question),
        cmocka_unit_test(test_question_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
