/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/pidwatch.h"

static void on_end(void *arg)
{
    ++*(int *)arg;
}

static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);
    return pid;
}

/* Told once, of the one that ended, before anybody reaps it. */
static void test_end_is_told_once(void **state)
{
    struct loop *loop = loop_new();
    pid_t a = sleeper(), b = sleeper();
    int ended_a = 0, ended_b = 0;
    (void)state;
    struct pidwatch *wa = pidwatch_new(loop, a, on_end, &ended_a, NULL);
    struct pidwatch *wb = pidwatch_new(loop, b, on_end, &ended_b, NULL);
    assert_non_null(wa);
    assert_non_null(wb);
    assert_true(loop_turn(loop, false));
    assert_int_equal(ended_a + ended_b, 0);
    kill(a, SIGKILL);
    turn_until(loop, ended_a, 5000);
    io_turn_for(loop, 50);
    assert_int_equal(ended_a, 1);
    assert_int_equal(ended_b, 0);
    pidwatch_close(wa);
    pidwatch_close(wb);
    pidwatch_close(NULL);
    kill(b, SIGKILL);
    assert_int_equal(waitpid(a, NULL, 0), a);
    assert_int_equal(waitpid(b, NULL, 0), b);
    assert_int_equal(ended_b, 0);
    assert_int_equal(loop_free(loop), 0);
}

/* One that has ended already: told as well while it is not reaped, and refused afterwards. */
static void test_ended_before(void **state)
{
    struct loop *loop = loop_new();
    struct error err = ERROR_INIT;
    pid_t pid = sleeper();
    siginfo_t si;
    int ended = 0;
    (void)state;
    kill(pid, SIGKILL);
    assert_false(pid_has_ended(getpid()));
    assert_true(pid_has_ended(0));
    assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
    assert_true(pid_has_ended(pid));
    struct pidwatch *w = pidwatch_new(loop, pid, on_end, &ended, &err);
    if (w != NULL) {
        turn_until(loop, ended, 5000);
        pidwatch_close(w);
    } else {
        assert_int_equal(err.code, ERROR_NOT_FOUND); /* without pidfd only the living are seen */
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    err = ERROR_INIT;
    assert_null(pidwatch_new(loop, pid, on_end, &ended, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(pid_has_ended(pid));
    err = ERROR_INIT;
    assert_null(pidwatch_new(loop, 0, on_end, &ended, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_end_is_told_once), cmocka_unit_test(test_ended_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
