/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls;
static struct loop *the_loop;

static void count(void *arg)
{
    (void)arg;
    calls++;
}

/* Defers itself: each call must be a turn of its own. */
static void again(void *arg)
{
    (void)arg;
    if (++calls < 5) {
        loop_defer(the_loop, again, NULL);
    }
}

static void test_defer_is_later(void **state)
{
    struct loop *loop = loop_new();
    (void)state;
    calls = 0;
    loop_defer(loop, count, NULL);
    assert_int_equal(calls, 0);
    loop_run(loop);
    assert_int_equal(calls, 1);
    assert_int_equal(loop_free(loop), 0);
}

static void test_defer_from_defer_is_next_turn(void **state)
{
    (void)state;
    the_loop = loop_new();
    calls = 0;
    loop_defer(the_loop, again, NULL);
    for (int i = 1; i <= 5; i++) {
        loop_turn(the_loop, false);
        assert_int_equal(calls, i);
    }
    assert_int_equal(loop_free(the_loop), 0);
}

static void test_free_runs_pending(void **state)
{
    struct loop *loop = loop_new();
    (void)state;
    calls = 0;
    loop_defer(loop, count, NULL);
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(loop_free(NULL), 0);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void test_stop(void **state)
{
    struct loop *loop = loop_new();
    struct timer *forever = timer_new(loop, count, NULL);
    (void)state;
    timer_repeat(forever, 10000);
    loop_defer(loop, stop, loop);
    loop_run(loop);
    timer_close(forever);
    assert_int_equal(loop_free(loop), 0);
}

/* A leftover is told: in debug builds by an abort, else by the count. In a child, since both end badly. */
static void test_leftover(void **state)
{
    int status;
    pid_t pid = fork();
    (void)state;
    if (pid == 0) {
        struct loop *loop = loop_new();
        struct timer *t = timer_new(loop, count, NULL);
        signal(SIGABRT, SIG_DFL);
        (void)!freopen("/dev/null", "w", stderr);
        timer_start(t, 1000);
        _exit(loop_free(loop) == 1 ? 9 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
#if defined(MT_DEBUG) && MT_DEBUG
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defer_is_later), cmocka_unit_test(test_defer_from_defer_is_next_turn),
        cmocka_unit_test(test_free_runs_pending), cmocka_unit_test(test_stop), cmocka_unit_test(test_leftover)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
