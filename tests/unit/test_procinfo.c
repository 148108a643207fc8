/* SPDX-License-Identifier: Apache-2.0 */
/* What the system tells of a process: the same questions on every platform. */
#include "tests/unit/io_support.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/pidwatch.h"
#include "core/io/procinfo.h"
#include "core/util/clock.h"

/* A child of ours with these arguments, leader of its group, that ends when its input does. */
static pid_t start(int *input)
{
    int p[2];
    assert_int_equal(fd_pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char name[] = "a name", opt[] = "-c", script[] = "read x; exit 3";
        char *argv[] = {name, opt, script, NULL};
        char env[] = "MARK=procinfo", *envp[] = {env, NULL};
        setpgid(0, 0);
        dup2(p[0], 0);
        execve("/bin/sh", argv, envp);
        _exit(127);
    }
    close(p[0]);
    *input = p[1];
    return pid;
}

static bool has(const int *pids, size_t n, int pid)
{
    for (size_t i = 0; i < n; i++) {
        if (pids[i] == pid) {
            return true;
        }
    }
    return false;
}

static void test_a_child(void **state)
{
    static const char want[] = "a name\0-c\0read x; exit 3";
    char args[200], name[64];
    int input, some[64];
    static int all[20000];
    siginfo_t si;

    (void)state;
    pid_t pid = start(&input);
    uint64_t until = clock_mono_ms() + 5000;
    do { /* until it is what it is to be */
        usleep(2000);
    } while ((procinfo_args(pid, args, sizeof(args)) != sizeof(want) || strcmp(args, "a name") != 0) &&
             clock_mono_ms() < until);
    assert_memory_equal(args, want, sizeof(want));
    assert_int_equal(procinfo_args(pid, args, 4), 3); /* what fits */
    assert_string_equal(args, "a n");
    procinfo_name(pid, name, sizeof(name));
    assert_true(name[0] != '\0' && strchr(name, '/') == NULL);
    assert_int_equal(procinfo_group(pid), pid);
    assert_false(procinfo_is_zombie(pid));
    assert_true(procinfo_start(pid) >= procinfo_start(getpid()) && procinfo_start(getpid()) > 0);
    assert_int_equal(procinfo_start(pid), procinfo_start(pid));
    assert_true(has(some, procinfo_children(getpid(), some, 64), pid));
    assert_int_equal(procinfo_children(getpid(), some, 0), 0);
    assert_true(has(all, procinfo_all(all, 20000), pid));
    assert_false(procinfo_has_env(pid, "MARK=procinf"));
#if defined(__linux__)
    assert_true(procinfo_has_env(pid, "MARK=procinfo"));
#endif
    close(input);
    assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
    assert_true(procinfo_is_zombie(pid));
    assert_true(pid_has_ended(pid));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(has(some, procinfo_children(getpid(), some, 64), pid));
}

static void test_nobody(void **state)
{
    char text[64] = "x", boot[PROCINFO_BOOT_MAX], again[PROCINFO_BOOT_MAX];
    int some[4];

    (void)state;
    for (int pid = -1; pid <= 0; pid++) {
        assert_int_equal(procinfo_start(pid), 0);
        assert_int_equal(procinfo_group(pid), 0);
        assert_int_equal(procinfo_args(pid, text, sizeof(text)), 0);
        assert_string_equal(text, "");
        procinfo_name(pid, text, sizeof(text));
        assert_string_equal(text, "");
    }
    assert_int_equal(procinfo_children(-1, some, 4), 0);
    assert_false(procinfo_has_env(-1, "MARK=procinfo"));
    procinfo_boot(boot);
    procinfo_boot(again);
    assert_int_equal(strlen(boot), 36);
    assert_string_equal(boot, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_child), cmocka_unit_test(test_nobody)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
