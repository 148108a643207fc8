/* SPDX-License-Identifier: Apache-2.0 */
/* Programs in sandboxes by the verbs (X2): what they get and give, how they end, and the sessions that outlive the
 * verb. */
#include "tests/backends/verb_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/patience.h"
#include "tests/portable.h"

/* X2 */
static void test_shell(void **state)
{
    struct ran r = RAN_INIT;
    struct verb_how how = {0};
    (void)state;
    verb_expect(0, "start", "--net", "none");
    verb_run(&r, "shell", "--no-tty", "-c", "echo out; echo err >&2; exit 3");
    ran_expect(&r, 3);
    assert_string_equal(r.out.buf, "out\n");
    assert_string_equal(r.err.buf, "err\n");
    verb_run(&r, "shell", "--", "printf", "%s|", "a b", "c'd", "$HOME", "");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "a b|c'd|$HOME||");
    verb_expect(127, "shell", "--", "no-such-program");
    verb_expect(126, "shell", "--", "/etc/passwd");
    verb_expect(137, "shell", "-c", "kill -9 $$");
    verb_run(&r, "shell", "--env", "FOO=b a r", "-c", "echo \"$FOO\"");
    assert_string_equal(r.out.buf, "b a r\n");
    verb_run(&r, "shell", "--cwd", "/usr", "-c", "pwd");
    assert_string_equal(r.out.buf, "/usr\n");
    verb_run(&r, "shell", "--cwd", "/nowhere", "-c", "pwd");
    assert_true(r.code != 0);
    /* input, more than any pipe holds, there and back */
    size_t n = 3000000;
    char *big = xmalloc(n);
    memset(big, 'z', n);
    how.input = big;
    how.input_len = n;
    verb_run_with(&r, &how, "shell", "-c", "cat");
    ran_expect(&r, 0);
    assert_int_equal(r.out.len, n);
    verb_run_with(&r, &how, "shell", "-c", "head -c 1");
    ran_expect(&r, 0);
    assert_int_equal(r.out.len, 1);
    free(big);
    how = (struct verb_how){.close_stdin = true};
    verb_run_with(&r, &how, "shell", "-c", "echo still");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "still\n");
    how = (struct verb_how){.broken_stdout = true};
    verb_run_with(&r, &how, "shell", "-c", "yes");
    ran_expect(&r, 128 + SIGPIPE); /* yes | true ends */
    /* the matching folder (N5) */
    char *deep = path_join(vr.src, "demo/x/y z");
    assert_int_equal(fs_mkdirs(deep, 0755, NULL), 0);
    how = (struct verb_how){.cwd = deep};
    verb_run_with(&r, &how, "shell", "-c", "pwd");
    assert_string_equal(r.out.buf, "/workspace/x/y z\n");
    free(deep);
    ran_release(&r);
}

static bool no_sleeper(const void *seconds)
{
    return verb_process("sleep", seconds) == 0;
}

static bool sleeper(const void *seconds)
{
    return verb_process("sleep", seconds) != 0;
}

static void test_shell_ends(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start", "--net", "none");
    uint64_t started = clock_mono_ms();
    verb_run(&r, "shell", "--timeout", "1", "-c", "trap '' TERM; sleep 7701; sleep 7701");
    ran_expect(&r, 124);
    assert_in_range(clock_mono_ms() - started, 900, patience(9000));
    verb_run(&r, "shell", "--timeout", "20", "-c", "exit 5");
    ran_expect(&r, 5);
    static const int signals[] = {SIGTERM, SIGHUP};
    for (size_t i = 0; i < MT_ARRAY_LEN(signals); i++) {
        pid_t pid = i == 0 ? verb_begin("shell", "-c", "sleep 7702")
                           : verb_begin("shell", "--timeout", "60", "-c", "sleep 7702");
        if (vr.as_root) { /* an ordinary user does not see into sandboxes */
            assert_true(verb_until(sleeper, "7702", 10000));
        } else {
            assert_true(verb_until(sleeper, "7702", 10000) || kill(pid, 0) == 0);
        }
        kill(pid, signals[i]);
        assert_int_equal(verb_wait(pid, 5000), 128 + signals[i]);
        assert_true(verb_until(no_sleeper, "7702", 5000));
    }
    assert_true(verb_until(no_sleeper, "7701", 5000));
    ran_release(&r);
}

/* A shell brings its sandbox up. */
static void test_shell_starts(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "shell", "other", "--net", "none", "-c", "echo up");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "up\n");
    expect_status("muthr-other", "running");
    verb_run(&r, "shell", "demo", "--profile", "nosuch", "-c", "true");
    ran_expect(&r, 66);
    expect_text(&r.err, "nosuch.sh");
    ran_release(&r);
}

/* --- sessions --- */

static void test_sessions(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "sessions");
    ran_expect(&r, 0);
    assert_int_equal(r.out.len, 0);
    verb_expect(0, "start", "--net", "none");
    verb_run(&r, "shell", "--session", "-c", "sleep 7703");
    ran_expect(&r, 0);
    char *id = xstrndup(r.out.buf, strcspn(r.out.buf, "\n"));
    assert_true(strlen(id) > 0);
    verb_run(&r, "sessions", "-o", "json");
    struct json *list = ran_json(&r);
    const struct json *row = json_first(list);
    assert_string_equal(json_get_string(row, "id", ""), id);
    assert_string_equal(json_get_string(row, "sandbox", ""), "muthr-demo");
    assert_string_equal(json_get_string(row, "kind", ""), "shell");
    json_free(list);
    verb_run(&r, "sessions");
    expect_text(&r.out, id);
    expect_text(&r.out, "SANDBOX");
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"sessions\": 1");
    verb_expect(64, "attach");
    verb_run(&r, "attach", "nosuch");
    ran_expect(&r, 66);
    expect_text(&r.err, "There are:");
    expect_text(&r.err, id);
    verb_run(&r, "attach", id); /* no terminal */
    ran_expect(&r, 64);
    assert_true(r.err.len > 0);
    verb_expect(0, "stop");
    verb_run(&r, "sessions", "-o", "json"); /* what ended with the sandbox needs nobody */
    list = ran_json(&r);
    assert_null(json_first(list));
    json_free(list);
    free(id);
    ran_release(&r);
}

/* A socket among the sessions' that is somebody else's is told, and left where it is. */
static void test_foreign_socket(void **state)
{
    struct ran r = RAN_INIT;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = self_socket(AF_UNIX, SOCK_STREAM, false);
    (void)state;
    verb_expect(0, "sessions"); /* the folder is there */
    str_format(at.sun_path, sizeof(at.sun_path), "%s/run/muthr/sessions/demo-shell-abc.sock", vr.base);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(lchown(at.sun_path, 4242, 4242), 0);
    for (int i = 0; i < 2; i++) {
        verb_run(&r, "sessions", "-o", "json");
        ran_expect(&r, 0);
        json_free(ran_json(&r));
        expect_text(&r.err, "session demo-shell-abc cannot be shown: ");
        expect_text(&r.err, "belongs to an unknown user (uid 4242)\n  it is not ours: remove it as its owner");
    }
    assert_int_equal(access(at.sun_path, F_OK), 0);
    close(fd);
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shell, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_shell_ends, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_shell_starts, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_sessions, verb_setup, verb_teardown),
    };
    /* It gives a file away. */
    const struct CMUnitTest for_root[] = {
        cmocka_unit_test_setup_teardown(test_foreign_socket, verb_setup, verb_teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (geteuid() == 0 ? cmocka_run_group_tests(for_root, NULL, NULL) : 0);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
