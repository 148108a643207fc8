/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/bwrap_fixture.h"
#include "tests/skip.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/preflight.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* The probe of the network helpers, with stand-ins first in the search path: ones that hang, fail, or go away. */

static struct preflight_features features;
static char *bin, *old_path;

static int setup(void **state)
{
    if (fixture_setup(state) < 0 || preflight_features_load(&features, NULL) < 0) {
        return -1;
    }
    bin = path_join(fx.base, "bin");
    old_path = xstrdup(getenv("PATH"));
    char *path = xasprintf("%s:%s", bin, old_path);
    setenv("PATH", path, 1);
    free(path);
    return fs_mkdirs(bin, 0755, NULL);
}

static int teardown(void **state)
{
    setenv("PATH", old_path, 1);
    free(old_path);
    free(bin);
    return fixture_teardown(state);
}

/* A program that a helper's name leads to. */
static void stand_in(const char *name, const char *script)
{
    char *path = path_join(bin, name), *text = xasprintf("#!/bin/sh\nhere='%s'\n%s", fx.base, script);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0700, NULL), 0);
    free(text);
    free(path);
}

static void remove_stand_in(const char *name)
{
    char *path = path_join(bin, name);
    unlink(path);
    free(path);
}

/* A number that a stand-in wrote; 0: not yet. */
static int number(const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *path = path_join(fx.base, name);
    int n = fs_read(path, 64, &text, NULL) == 0 ? (int)strtol(text.buf, NULL, 10) : 0;
    free(path);
    return n;
}

/* Says who it is, whom it should serve (pasta's last argument is /proc/PID/ns/net), and hangs, with a child. */
static const char hangs[] = "sleep 600 &\n"
                            "for last; do :; done\n"
                            "target=${last#/proc/}\n"
                            "echo 'an ordinary word'\n"
                            "echo $! >$here/child\n"
                            "echo ${target%%/*} >$here/target\n"
                            "echo $$ >$here/hanging\n"
                            "wait\n";
/* After a hanging one: is there still a sandbox to serve? */
static const char fails[] = "kill -0 \"$(cat $here/target)\" || exit 4\necho 'cannot do this' >&2\nexit 3\n";

static void forget(void)
{
    static const char *const names[] = {"child", "target", "hanging"};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        char *path = path_join(fx.base, names[i]);
        unlink(path);
        free(path);
    }
}

static void assert_all_gone(void)
{
    int pids[] = {number("hanging"), number("child"), number("target")};
    for (size_t i = 0; i < MT_ARRAY_LEN(pids); i++) {
        assert_true(pids[i] > 1);
        assert_true(wait_for(process_is_gone, &pids[i], 5000));
    }
}

static void test_what_became_of_each_is_told(void **state)
{
    (void)state;
    static const enum net_helper both[] = {NET_HELPER_PASTA, NET_HELPER_SLIRP};
    char why[320];
    forget();
    stand_in("pasta", hangs);
    stand_in("slirp4netns", fails);
    assert_false(preflight_try_helpers(&features, both, 2, 1500, why, sizeof(why)));
    assert_string_equal(why, "pasta did not answer within 1.5 s; slirp4netns ended with exit code 3: cannot do this");
    assert_all_gone();
    stand_in("slirp4netns", "echo 'Starting slirp'\nexit 0\n");
    assert_false(preflight_try_helpers(&features, both + 1, 1, 1500, why, sizeof(why)));
    assert_string_equal(why, "slirp4netns ended by itself");
    stand_in("slirp4netns", "kill -9 $$\n");
    assert_false(preflight_try_helpers(&features, both + 1, 1, 1500, why, sizeof(why)));
    assert_string_equal(why, "slirp4netns was ended by signal 9");
    remove_stand_in("slirp4netns");
}

/* While bwrap still sets the network namespace up, a helper in it makes bwrap fail, and then waits for nobody: it comes
 * when something runs inside. */
static void test_helper_comes_when_the_sandbox_is_up(void **state)
{
    (void)state;
    static const enum net_helper pasta[] = {NET_HELPER_PASTA};
    char why[320];
    stand_in("pasta", "for last; do :; done\n"
                      "target=${last#/proc/}\n"
                      "target=${target%%/*}\n"
                      "[ -n \"$(cat /proc/$target/task/$target/children)\" ] && exit 6\n"
                      "exit 5\n");
    for (int i = 0; i < 5; i++) {
        assert_false(preflight_try_helpers(&features, pasta, 1, 1500, why, sizeof(why)));
        assert_string_equal(why, "pasta ended with exit code 6");
    }
}

/* A sandbox that ends before it is up is told at once, with its last words. */
static void test_sandbox_that_ends_is_told(void **state)
{
    (void)state;
    static const enum net_helper pasta[] = {NET_HELPER_PASTA};
    struct preflight_features broken = features;
    char why[320];
    stand_in("pasta", hangs);
    stand_in("bwrap", "sleep 60 >/dev/null 2>&1 7>&- &\n"
                      "echo \"{\\\"child-pid\\\": $!}\" >&7\n"
                      "echo 'bwrap: loopback: it failed' >&2\n"
                      "exit 1\n");
    str_format(broken.path, sizeof(broken.path), "%s/bwrap", bin);
    assert_false(preflight_try_helpers(&broken, pasta, 1, 1500, why, sizeof(why)));
    assert_string_equal(why, "the sandbox to try it in ended: bwrap: loopback: it failed");
    remove_stand_in("bwrap");
}

/* A pasta that hangs leaves slirp4netns a sandbox to serve. */
static void test_slow_first_helper_leaves_the_second_its_chance(void **state)
{
    (void)state;
    static const enum net_helper both[] = {NET_HELPER_PASTA, NET_HELPER_SLIRP};
    enum net_helper here[2];
    char why[320] = "";
    bool has_slirp = false;
    size_t count = net_candidates(here);
    for (size_t i = 0; i < count; i++) {
        has_slirp = has_slirp || here[i] == NET_HELPER_SLIRP;
    }
    if (!has_slirp || !net_tun_usable(why, sizeof(why))) {
        skip_because("slirp4netns cannot work here: %s", why);
    }
    forget();
    stand_in("pasta", hangs);
    if (!preflight_try_helpers(&features, both, 2, 3000, why, sizeof(why))) {
        fail_msg("%s", why);
    }
    assert_string_equal(why, "");
    assert_all_gone();
}

static bool is_hanging(void *arg)
{
    (void)arg;
    return number("hanging") > 1;
}

/* Whoever probes is killed in the midst of it: nothing of the throw-away sandbox stays. */
static void test_killed_probe_leaves_nothing(void **state)
{
    (void)state;
    static const enum net_helper one[] = {NET_HELPER_PASTA};
    char why[320];
    forget();
    stand_in("pasta", hangs);
    pid_t pid = fork();
    if (pid == 0) {
        preflight_try_helpers(&features, one, 1, 60000, why, sizeof(why));
        _exit(0);
    }
    assert_true(wait_for(is_hanging, NULL, 10000));
    int target = number("target"), helper = number("hanging"), child = number("child");
    assert_false(process_is_gone(&target));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(wait_for(process_is_gone, &target, 5000));
    assert_true(wait_for(process_is_gone, &helper, 5000));
    kill(child, SIGKILL); /* the stand-in's own; the real ones have none */
}

/* Without access to /dev/net/tun a user's helpers cannot come up; root's run is the one where they do. */
static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_became_of_each_is_told),
        cmocka_unit_test(test_helper_comes_when_the_sandbox_is_up),
        cmocka_unit_test(test_sandbox_that_ends_is_told),
        cmocka_unit_test(test_killed_probe_leaves_nothing),
        cmocka_unit_test(test_slow_first_helper_leaves_the_second_its_chance),
    };
    const struct CMUnitTest without_tun[] = {tests[0], tests[1], tests[2], tests[3]};
    if (geteuid() != 0 && access("/dev/net/tun", R_OK | W_OK) != 0) {
        return cmocka_run_group_tests_name("bwrap probe", without_tun, setup, teardown);
    }
    return cmocka_run_group_tests_name("bwrap probe", tests, setup, teardown);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
