/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include "core/io/pace.h"

#if defined(__linux__)

#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static struct attr now(void)
{
    struct attr a = {.size = sizeof(a)};

    assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
    return a;
}

/* Runs a part of a test in a process of its own, whose scheduling may be changed. */
static void apart(void (*fn)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define CHECK(is)                                                                                                      \
    do {                                                                                                               \
        if (!(is)) {                                                                                                   \
            print_error("%s:%d: %s\n", __FILE__, __LINE__, #is);                                                       \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* There and back, again and again, without privileges. */
static void there_and_back(void)
{
    struct attr plain = now();

    CHECK(plain.policy == SCHED_OTHER);
    CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0);
    if (getuid() == 0) {
        CHECK(setuid(65534) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pace_set(PACE_PROMPT);
        CHECK(now().policy == SCHED_OTHER);
        CHECK(plain.runtime == 0 || now().runtime < plain.runtime); /* 0: a kernel without slices of one's own */
        pace_set(PACE_BULK);
        CHECK(now().policy == SCHED_BATCH);
        CHECK(plain.runtime == 0 || now().runtime == plain.runtime);
        CHECK(now().nice == 3);
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    apart(there_and_back);
}

static uint64_t default_runtime;

static void child_is_plain(void)
{
    CHECK(now().policy == SCHED_OTHER);
    CHECK(now().runtime == default_runtime);
    CHECK(now().flags == 0);
}

static void prompt_parent(void)
{
    int status;

    default_runtime = now().runtime;
    pace_set(PACE_PROMPT);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child_is_plain();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* What the cockpit starts has the scheduling that it would have without us. */
static void test_children_are_plain(void **state)
{
    (void)state;
    apart(prompt_parent);
}

static void keep_choice(void)
{
    struct sched_param none = {0};

    CHECK(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
    pace_set(PACE_PROMPT);
    CHECK(now().policy == SCHED_BATCH);
    CHECK(sched_setscheduler(0, SCHED_IDLE, &none) == 0);
    pace_set(PACE_PROMPT);
    pace_set(PACE_BULK);
    CHECK(now().policy == SCHED_IDLE);
}

/* Somebody has started us under another policy: that counts. */
static void test_choice_of_others(void **state)
{
    (void)state;
    apart(keep_choice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_children_are_plain),
        cmocka_unit_test(test_choice_of_others),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}

#else

/* Elsewhere it does nothing, and may be called. */
static void test_nothing(void **state)
{
    (void)state;
    pace_set(PACE_PROMPT);
    pace_set(PACE_BULK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing)};

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}

#endif
