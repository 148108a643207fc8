/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a session come on every screen that shows it, whatever cockpits and host are doing when it ends.
 * END_ROUNDS=N does each N times: what is lost once in a while is not lost in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "core/util/xmalloc.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"

#define LAST "echo la''st words; exit 3\r"

static struct rig rig;
static struct rig_client a, b;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    rig_client_open(&b, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_client_close(&a);
    rig_client_close(&b);
    rig_close(&rig);
    return 0;
}

static int rounds(void)
{
    const char *given = getenv("END_ROUNDS");

    return given != NULL ? (int)strtol(given, NULL, 10) : 1;
}

static void take(struct rig_client *c, const char *id)
{
    uint64_t bits[16];

    sessions_take_frame(c->s, id, bits, MT_ARRAY_LEN(bits));
}

/* It has ended, and both of its last lines are there. */
static void expect_end(struct rig_client *c, const char *id)
{
    rig_expect_state(c, id, SESSION_EXITED);
    assert_int_equal(sessions_find(c->s, id)->exit_code, 3);
    rig_expect(c, id, "\nlast words\nexit\n");
}

static void finish(const char *id)
{
    sessions_dismiss(a.s, id);
    rig_expect_removed(&a, id);
}

static void test_plain(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);

        rig_type(&a, id, LAST);
        expect_end(&a, id);
        finish(id);
    }
}

static bool has_new_frame(void *arg)
{
    return a.frames > *(int *)arg;
}

/* The cockpit has not painted its last frame by then. */
static void test_credit_is_held_back(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);

        int before = a.frames;

        a.greedy = false;
        rig_type(&a, id, "echo more\r");
        assert_true(rig_wait(&rig, has_new_frame, &before, RIG_WAIT_MS)); /* it is not taken: the last one for now */
        rig_type(&a, id, LAST);
        rig_expect_state(&a, id, SESSION_EXITED);
        a.greedy = true;
        take(&a, id);
        expect_end(&a, id);
        finish(id);
    }
}

/* Another size is asked for at the same moment, before and after. */
static void test_resized(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);

        assert_int_equal(sessions_view(a.s, id, 60, 20, NULL), 0);
        rig_type(&a, id, LAST);
        assert_int_equal(sessions_view(a.s, id, 70, 22, NULL), 0);
        rig_turn(&rig, i % 20);
        assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
        expect_end(&a, id);
        finish(id);
    }
}

/* It is looked away from and at again. */
static void test_looked_away(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);

        rig_type(&a, id, LAST);
        rig_turn(&rig, i % 10);
        sessions_unview(a.s, id);
        rig_turn(&rig, i % 7);
        assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
        sessions_unview(a.s, id);
        assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
        expect_end(&a, id);
        finish(id);
    }
}

/* Somebody else looks at it, too, and does not take frames for a while. */
static void test_two_look(void **state)
{
    char id[SESSION_ID_MAX];

    (void)state;
    for (int i = 0; i < rounds(); i++) {
        str_copy(id, sizeof(id), rig_shell(&a));
        rig_expect_count(&b, 1);
        b.greedy = false;
        assert_int_equal(sessions_view(b.s, id, 80, 24, NULL), 0);
        rig_expect(&b, id, "PROMPT>");
        rig_type(&a, id, LAST);
        expect_end(&a, id);
        b.greedy = true;
        take(&b, id);
        expect_end(&b, id);
        finish(id);
        rig_expect_removed(&b, id);
    }
}

/* The host stands still while its program ends, and hears of output, end and death at once. */
static void test_host_stands_still(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);
        int host = sessions_find(a.s, id)->host_pid, shell = sessions_find(a.s, id)->pid;

        rig_type(&a, id, "echo on''e\r"); /* from here on keys go to the terminal itself */
        rig_expect(&a, id, "one");
        rig_turn(&rig, 50);
        assert_int_equal(kill(host, SIGSTOP), 0);
        rig_type(&a, id, LAST);
        if (i % 2 == 0) {
            assert_true(rig_wait_gone(&rig, shell));
            rig_turn(&rig, 300);
        } else {
            rig_turn(&rig, i % 10);
        }
        assert_int_equal(kill(host, SIGCONT), 0);
        expect_end(&a, id);
        finish(id);
    }
}

/* A child that it leaves behind keeps the terminal open. */
static void test_terminal_is_held(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);

        rig_type(&a, id, "(trap '' HUP; while stty size <&2; do sleep 0.1; done >/dev/null) &\r");
        rig_expect(&a, id, "[1]");
        rig_type(&a, id, LAST);
        expect_end(&a, id);
        finish(id);
    }
}

/* The last words stand behind a flood. */
static void test_after_a_flood(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(); i++) {
        const char *id = rig_shell(&a);

        rig_type(&a, id, "seq 50000; " LAST);
        expect_end(&a, id);
        finish(id);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_plain),    T(test_credit_is_held_back), T(test_resized),          T(test_looked_away),
        T(test_two_look), T(test_host_stands_still),   T(test_terminal_is_held), T(test_after_a_flood),
    };

    return cmocka_run_group_tests_name("host_end", tests, NULL, NULL);
}
