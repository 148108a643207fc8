/* SPDX-License-Identifier: Apache-2.0 */
/* A host that is stopped keeps its socket open: it is known once something was asked of it, and forgotten when it goes
 * on. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/util/clock.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"

static struct rig rig;
static struct rig_client a;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_client_close(&a);
    rig_close(&rig);
    return 0;
}

static bool is_silent(void *arg)
{
    return sessions_find(a.s, arg)->silent_since_ms != 0;
}

static bool answers(void *arg)
{
    return sessions_find(a.s, arg)->silent_since_ms == 0;
}

/* Types until it is known. What the host had said before it was stopped, and what was still on its way, counts as an
 * answer: then the next key is the one that brings none. */
static void expect_silence(char *id, const char *text)
{
    bool silent = false;

    for (int i = 0; i < 4 && !silent; i++) {
        rig_type(&a, id, text);
        silent = rig_wait(&rig, is_silent, id, RIG_WAIT_MS / 2);
    }
    assert_true(silent);
}

/* Beside it, in the same client, a program that reads nothing and says nothing: keys bring nothing from it either, but
 * its host answers all the same. */
static void test_stopped(void **state)
{
    char id[SESSION_ID_MAX], quiet[SESSION_ID_MAX];

    (void)state;
    str_copy(id, sizeof(id), rig_start(&a, "exec cat"));
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_type(&a, id, "before\n");
    rig_expect(&a, id, "before\nbefore");
    str_copy(quiet, sizeof(quiet), rig_start(&a, "stty -echo; echo ready; exec sleep 1000"));
    assert_int_equal(sessions_view(a.s, quiet, 80, 24, NULL), 0);
    rig_expect(&a, quiet, "ready");
    int host = sessions_find(a.s, id)->host_pid;
    for (int round = 0; round < 2; round++) {
        uint64_t from = clock_wall_ms();
        assert_int_equal(kill(host, SIGSTOP), 0);
        rig_type(&a, quiet, "nothing\n"); /* sooner than what is typed for the other, and known sooner */
        int changed = a.changed;
        expect_silence(id, round == 0 ? "one\n" : "two\n");
        assert_in_range(sessions_find(a.s, id)->silent_since_ms, from - 1, clock_wall_ms() - 3000);
        assert_true(a.changed > changed); /* who shows it is told */
        assert_true(answers(quiet));
        changed = a.changed;
        assert_int_equal(kill(host, SIGCONT), 0);
        assert_true(rig_wait(&rig, answers, id, RIG_WAIT_MS));
        assert_true(a.changed > changed);
        rig_expect(&a, id, round == 0 ? "one\none" : "two\ntwo");
    }
    rig_turn(&rig, 1000); /* more than the 5 s that are known for a silence, by the clock and not by the other */
    assert_true(answers(quiet));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
