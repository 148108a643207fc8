/* SPDX-License-Identifier: Apache-2.0 */
/* The rig itself: a world that works, does not see others, and leaves nothing behind however its process ends. */
#include "tests/backends/podman_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_sweep.h"

static int setup(void **state)
{
    (void)state;
    return pod_open();
}

static int teardown(void **state)
{
    (void)state;
    return pod_close();
}

/* A container with network that a second one reaches by its gateway's address space; state, pids, removal. */
static void a_container_lives_and_ends(void **state)
{
    char subnet[32];
    (void)state;
    uint64_t start = clock_mono_ms();
    pod_do("run", "-d", "--init", "--pull=never", "--name", "web", POD_MINI, "sleep", "1000");
    print_message("run -d: %d ms\n", (int)(clock_mono_ms() - start));
    assert_true(pod_is("web", "running"));
    assert_true(pod_pid("web") > 1 && pod_conmon("web") > 1);
    assert_int_equal(pod_process("conmon", "web"), pod_conmon("web"));
    char *address = pod_text("exec", "web", "ip", "-4", "addr", "show", "eth0");
    str_format(subnet, sizeof(subnet), "10.232.%d.", pod.number);
    assert_non_null(strstr(address, subnet));
    free(address);
    char *all = pod_text("ps", "-a", "--format", "{{.Names}}");
    assert_string_equal(all, "web"); /* nobody else's */
    free(all);
    pod_do("rm", "-f", "-t", "0", "web");
    pod_expect("web", "", 5000);
}

/* Networks that a test makes get addresses of this world only. */
static void networks_have_addresses_of_their_own(void **state)
{
    char subnet[32];
    (void)state;
    pod_do("network", "create", "more");
    char *text = pod_text("network", "inspect", "more");
    str_format(subnet, sizeof(subnet), "\"10.233.%d.", pod.number);
    assert_non_null(strstr(text, subnet));
    free(text);
    pod_do("network", "rm", "more");
}

static void the_ready_image_has_a_shell(void **state)
{
    (void)state;
    assert_int_equal(pod_ready(), 0);
    char *text = pod_text("run", "--rm", "-u", "muthr", "--network=none", POD_READY, "bash", "-lc",
                          "cat /var/lib/muthr/container-baseline-v2; id -un; pwd");
    assert_string_equal(text, "2\nmuthr\n/workspace");
    free(text);
}

static void a_stand_in_is_found_first(void **state)
{
    struct pod_ran r = POD_RAN_INIT;
    (void)state;
    pod_stand_in("podman", "#!/bin/sh\n# Stands for a podman that is broken.\nexit 42\n");
    assert_int_equal(pod_run_argv(&r, (const char *const[]){"podman", "ps", NULL}, 5000), 42);
    assert_int_equal(pod_run(&r, "ps"), 0); /* by hand: the real one */
    pod_stand_in("podman", NULL);
    assert_int_equal(pod_run_argv(&r, (const char *const[]){"podman", "ps", NULL}, 5000), 0);
    pod_ran_release(&r);
}

static bool folder_is_gone(const void *arg)
{
    return !fs_exists(arg);
}

static bool has_ended(const void *arg)
{
    return kill(*(const pid_t *)arg, 0) < 0 && errno == ESRCH;
}

/* A test process with a running container, killed: its watcher ends the container and removes the world. */
static void a_killed_test_leaves_nothing(void **state)
{
    int p[2];
    struct {
        char base[64];
        pid_t inside, conmon;
        unsigned bridge;
    } theirs = {0};
    (void)state;
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct pod_ran r = POD_RAN_INIT;
        if (pod_open() < 0 || pod_run(&r, "run", "-d", "--name", "left", POD_MINI, "sleep", "1000") != 0) {
            _exit(1);
        }
        str_copy(theirs.base, sizeof(theirs.base), pod.base);
        theirs.bridge = if_nametoindex(pod.network); /* in a network namespace that goes with its processes */
        theirs.inside = pod_pid("left");
        theirs.conmon = pod_conmon("left");
        if (write(p[1], &theirs, sizeof(theirs)) != sizeof(theirs)) {
            _exit(1);
        }
        pause();
    }
    close(p[1]);
    assert_int_equal(read(p[0], &theirs, sizeof(theirs)), sizeof(theirs));
    close(p[0]);
    assert_string_not_equal(theirs.base, pod.base);
    assert_true(theirs.bridge > 0 && theirs.inside > 1 && theirs.conmon > 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(pod_until(folder_is_gone, theirs.base, 30000));
    assert_true(pod_until(has_ended, &theirs.inside, 5000));
    assert_true(pod_until(has_ended, &theirs.conmon, 5000));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_lives_and_ends),   cmocka_unit_test(networks_have_addresses_of_their_own),
        cmocka_unit_test(the_ready_image_has_a_shell),  cmocka_unit_test(a_stand_in_is_found_first),
        cmocka_unit_test(a_killed_test_leaves_nothing),
    };
    return cmocka_run_group_tests_name("podman rig", tests, setup, teardown);
}

int main(void)
{
    return pod_main(run);
}
