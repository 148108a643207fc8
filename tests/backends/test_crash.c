/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/verb_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/patience.h"

/* Things die, fill up and go missing under the program: what runs goes on, what is told is true, and `start` works
 * again. */

#define SLOW                                                                                                           \
    "echo '[PROC] one'\necho x >>/workspace/started\n"                                                                 \
    "while [ ! -e /workspace/go ]; do sleep 0.05; done\necho '[ OK ] two'\necho x >>/workspace/ended\n"

/* A file below the home holds exactly this. */
static void expect_file(const char *relative, const char *want)
{
    char *text = home_read(relative);
    assert_string_equal(text, want);
    free(text);
}

static void expect_shell(const char *sandbox)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", sandbox, "-c", "echo alive");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "alive\n");
    ran_release(&r);
}

/* How many sessions of this kind and status there are; *host gets the last one's host. */
static int sessions_of(const char *kind, bool live, pid_t *host)
{
    struct ran r = RAN_INIT;
    int n = 0;
    verb_run(&r, "sessions", "-o", "json");
    struct json *list = ran_json(&r);
    for (const struct json *row = json_first(list); row; row = json_next(row)) {
        const char *status = json_get_string(row, "status", "");
        bool lives = strcmp(status, "idle") == 0 || strcmp(status, "working") == 0 || strcmp(status, "starting") == 0;
        if (strcmp(json_get_string(row, "kind", ""), kind) == 0 && lives == live) {
            n++;
            if (host) {
                *host = (pid_t)json_get_int(row, "host_pid", 0);
            }
        }
    }
    json_free(list);
    ran_release(&r);
    return n;
}

/* --- the one who asked dies --- */

/* kill -9 of the verb in the middle of a script: the run goes on, and the next start takes it up. */
static void killed_while_provisioning(const char *verb, bool end_first)
{
    profile_write("slow", SLOW);
    if (strcmp(verb, "provision") == 0) {
        verb_expect(0, "start", "--net", "shared", "--no-provision", "--profile", "slow");
    }
    pid_t pid = verb_begin(verb, "--profile", "slow", "--net", "shared");
    assert_true(verb_until(src_exists, "demo/started", 20000));
    kill(pid, SIGKILL);
    assert_int_equal(verb_wait(pid, 5000), 128 + SIGKILL);
    assert_int_equal(sessions_of("provision", true, NULL), 1);
    assert_false(home_exists(".cache/muthr/muthr-demo-profiles"));
    if (end_first) { /* nobody was there when it ended */
        home_write("src/demo/go", "");
        assert_true(verb_until(src_exists, "demo/ended", 20000));
        verb_expect(0, "start", "--profile", "slow");
    } else {
        pid = verb_begin("start", "--profile", "slow");
        assert_false(verb_until(pid_is_gone, &pid, 300)); /* it waits for the script */
        home_write("src/demo/go", "");
        assert_int_equal(verb_wait(pid, 20000), 0);
    }
    expect_file("src/demo/started", "x\n"); /* not run a second time */
    expect_file("src/demo/ended", "x\n");
    expect_file(".cache/muthr/muthr-demo-profiles", "slow\n");
    expect_status("muthr-demo", "running");
    verb_expect(0, "provision");
    expect_file("src/demo/started", "x\n");
}

static void test_killed_start(void **state)
{
    (void)state;
    killed_while_provisioning("start", false);
}

static void test_killed_start_ended(void **state)
{
    (void)state;
    killed_while_provisioning("start", true);
}

static void test_killed_provision(void **state)
{
    (void)state;
    killed_while_provisioning("provision", false);
}

/* Killed at any moment of a start, the next one works. */
static void test_killed_anywhere(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        pid_t pid = verb_begin("start", "--net", "none");
        nanosleep(&(struct timespec){.tv_nsec = 8000000L * i}, NULL); /* the moments themselves are the test */
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        struct ran r = RAN_INIT;
        verb_run(&r, "start", "--net", "none");
        ran_expect(&r, 0);
        ran_release(&r);
        expect_shell("demo");
        verb_expect(0, "delete", "--yes", "--force");
        expect_status("muthr-demo", "");
    }
}

/* --- parts of a running sandbox die --- */

static bool demo_is_down(const void *arg)
{
    char *status = sandbox_status("muthr-demo");
    bool down = strcmp(status, "running") != 0;
    (void)arg;
    free(status);
    return down;
}

/* Kills the process, sees that this is told, and starts again. */
static void kill_and_restart(pid_t pid)
{
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    assert_true(verb_until(demo_is_down, NULL, 5000));
    verb_expect(0, "start");
    expect_status("muthr-demo", "running");
    expect_shell("demo");
}

static void test_killed_parts(void **state)
{
    (void)state;
    verb_expect(0, "start", "--net", "none");
    home_write("src/demo/kept", "x");
    verb_expect(0, "shell", "-c", "echo mine >~/mine");
    kill_and_restart(verb_process("muthr-tui", "shim"));
    /* An ordinary user's sandbox is bwrap with process 1 below it, like root's. */
    kill_and_restart(verb_process("bwrap", "--args"));
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", "-c", "cat ~/mine kept"); /* the private home has outlived it */
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "mine\nx");
    ran_release(&r);
    pid_t init = verb_process("/run/muthr/init", NULL);
    if (init > 0) {
        kill_and_restart(init);
    } else {
        assert_false(vr.as_root); /* root sees every process */
    }
}

static bool no_live_shell(const void *arg)
{
    (void)arg;
    return sessions_of("shell", true, NULL) == 0;
}

static void test_killed_host(void **state)
{
    pid_t host = 0;
    (void)state;
    verb_expect(0, "start", "--net", "none");
    verb_expect(0, "shell", "--session", "-c", "sleep 7710");
    assert_int_equal(sessions_of("shell", true, &host), 1);
    assert_true(host > 1);
    kill(host, SIGKILL);
    assert_true(verb_until(no_live_shell, NULL, 5000)); /* lost or gone, never "idle" */
    expect_status("muthr-demo", "running");
    verb_expect(0, "shell", "--session", "-c", "sleep 7711");
    assert_int_equal(sessions_of("shell", true, NULL), 1);
}

/* --- several at once --- */

static void test_two_starts(void **state)
{
    pid_t pids[4];
    (void)state;
    profile_write("slow", SLOW);
    for (size_t i = 0; i < 2; i++) {
        pids[i] = verb_begin("start", "--profile", "slow", "--net", "shared");
    }
    assert_true(verb_until(src_exists, "demo/started", 20000));
    /* Another sandbox is not held up by it. */
    verb_expect(0, "start", "other", "--net", "none");
    home_write("src/demo/go", "");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(verb_wait(pids[i], 25000), 0);
    }
    expect_file("src/demo/started", "x\n");
    expect_file(".cache/muthr/muthr-demo-profiles", "slow\n");
    verb_expect(0, "delete", "--yes", "--force", "demo", "other");
    static const char *const names[] = {"demo", "demo", "other", "a b"};
    for (size_t i = 0; i < 4; i++) {
        pids[i] = verb_begin("start", "--net", "none", names[i], "--profile", "base");
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(verb_wait(pids[i], 25000), 0);
    }
    for (size_t i = 1; i < 4; i++) {
        expect_shell(names[i]);
    }
}

/* --- scripts that misbehave --- */

static void test_script_fails(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    profile_write("bad", "echo '[PROC] one'\necho 'E: no such \033]0;title\007\033[2Jpackage'\nexit 7\n");
    verb_run(&r, "start", "--profile", "bad", "--net", "shared");
    ran_expect(&r, 1);
    expect_text(&r.err, "7");
    expect_text(&r.err, "attach "); /* where its screen is */
    assert_null(memchr(r.err.buf, '\033', r.err.len));
    assert_null(memchr(r.err.buf, '\007', r.err.len));
    assert_false(home_exists(".cache/muthr/muthr-demo-profiles"));
    verb_run(&r, "start", "--profile", "bad", "--net", "shared", "-o", "json");
    ran_expect(&r, 1);
    struct json *j = ran_json(&r);
    assert_string_equal(json_get_string(json_first(j), "state", ""), "failed");
    json_free(j);
    profile_write("bad", "echo '[ OK ] mended'\n");
    verb_expect(0, "start", "--profile", "bad", "--net", "shared");
    expect_file(".cache/muthr/muthr-demo-profiles", "bad\n");
    ran_release(&r);
}

/* Phases go to our stderr: nothing in them reaches the terminal as a command. */
static void test_script_escapes(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    profile_write("esc",
                  "printf '[INFO] a\\033[2J\\033]52;c;eA==\\007\\302\\233b\\r\\n'\nprintf '\\033P%%*s' 100000 x\n"
                  "printf '\\033\\\\\\n[ OK ] fine\\n'\n");
    verb_run(&r, "start", "--profile", "esc", "--net", "shared");
    ran_expect(&r, 0);
    assert_null(memchr(r.err.buf, '\033', r.err.len));
    assert_null(memmem(r.err.buf, r.err.len, "\302\233", 2));
    verb_run(&r, "start", "--profile", "esc", "--again", "-o", "ndjson");
    ran_expect(&r, 0);
    assert_null(memchr(r.out.buf, '\033', r.out.len));
    ran_release(&r);
}

/* A hundred megabytes. The way of the bytes is the same for an ordinary user and under a sanitizer: there a tenth is
 * enough to find what is wrong with it. */
static void test_script_floods(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    int bytes = 10000000;
#else
    int bytes = vr.as_root ? 100000000 : 10000000;
#endif
    MT_CLEANUP(xfree)
    char *script = xasprintf("yes 'a line of a hundred megabytes of output' | head -c %d\n"
                             "echo '[ OK ] over'\necho x >/workspace/ended\n",
                             bytes);
    profile_write("flood", script);
    pid_t pid = verb_begin("start", "--profile", "flood", "--net", "shared");
    assert_int_equal(verb_wait(pid, 60000), 0);
    assert_true(src_exists("demo/ended"));
    expect_file(".cache/muthr/muthr-demo-profiles", "flood\n");
}

static void test_script_hangs(void **state)
{
    (void)state;
    profile_write("hang", "trap '' TERM INT HUP\necho x >/workspace/started\nwhile :; do sleep 7712; done\n");
    pid_t pid = verb_begin("start", "--profile", "hang", "--net", "shared");
    assert_true(verb_until(src_exists, "demo/started", 20000));
    uint64_t asked = clock_mono_ms();
    kill(pid, SIGINT);
    assert_int_equal(verb_wait(pid, 10000), 1);
    /* X4: HUP, TERM, and KILL after 2 s; and a moment for the machine. */
    assert_in_range(clock_mono_ms() - asked, 0, patience(4000));
    assert_int_equal(sessions_of("provision", true, NULL), 0);
    assert_false(home_exists(".cache/muthr/muthr-demo-profiles"));
    char *status = sandbox_status("muthr-demo");
    assert_true(strcmp(status, "creating") != 0 && strcmp(status, "provisioning") != 0);
    free(status);
    verb_expect(0, "start", "--net", "none", "--profile", "base");
    expect_shell("demo");
}

/* --- the ground goes away --- */

static void test_broken_state(void **state)
{
    static const char *const files[] = {".local/state/muthr/records/muthr-demo.json",
                                        ".local/state/muthr/ops/muthr-other.json",
                                        ".local/state/muthr/records/muthr-a.json"};
    static const char *const texts[] = {"", "{\"pid\": 1, \"sandb", "[[[[", "\xff\xfe{}"};
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start", "--net", "none");
    for (size_t t = 0; t < MT_ARRAY_LEN(texts); t++) {
        for (size_t i = 0; i < MT_ARRAY_LEN(files); i++) {
            home_write(files[i], texts[t]);
        }
        expect_status("muthr-demo", "running");
        verb_run(&r, "start", "--net", "none");
        ran_expect(&r, 0);
        expect_shell("demo");
    }
    verb_expect(0, "delete", "--yes");
    ran_release(&r);
}

/* The sandbox's own files cut in half, one after the other, while it is stopped and while it runs. */
static void test_truncated_sandbox(void **state)
{
    static const char *const files[] = {"config.json", "run/status.json", "name", "sandbox.args"};
    (void)state;
    home_write(".config/muthr/muthr.toml",
               "[sandbox]\nnetwork = \"none\"\n"); /* not by --net: that alone would update it */
    for (size_t i = 0; i < 2 * MT_ARRAY_LEN(files); i++) {
        bool runs = i % 2 == 1;
        struct ran r = RAN_INIT;
        char *path = xasprintf("%s/.local/state/muthr/sandboxes/muthr-demo/%s", vr.home, files[i / 2]);
        struct stat sb;
        verb_expect(0, "start");
        if (!runs) {
            verb_expect(0, "stop");
        }
        if (stat(path, &sb) == 0) { /* some are only there while it runs */
            assert_int_equal(truncate(path, sb.st_size / 2), 0);
        } else {
            assert_true(i > 1);
        }
        verb_run(&r, "ls", "-o", "json");
        ran_expect(&r, 0);
        json_free(ran_json(&r));
        if (runs) {
            expect_status("muthr-demo", "running");
        }
        verb_run(&r, "start");
        if (r.code != 0) {
            fail_msg("%s cut %s: %s", files[i / 2], runs ? "while running" : "while stopped", r.err.buf);
        }
        expect_shell("demo");
        verb_expect(0, "delete", "--yes", "--force");
        expect_status("muthr-demo", "");
        free(path);
        ran_release(&r);
    }
}

static void test_readonly_state(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start", "other", "--net", "none");
    char *dir = path_join(vr.home, ".local/state/muthr");
    assert_int_equal(chmod(dir, 0500), 0);
    static const char *const inner[] = {"records", "ops", "locks", "sandboxes"};
    for (size_t i = 0; i < MT_ARRAY_LEN(inner); i++) {
        char *path = path_join(dir, inner[i]);
        chmod(path, 0500);
        free(path);
    }
    verb_run(&r, "start", "demo", "--net", "none");
    assert_int_equal(r.code, 1);
    expect_text(&r.err, ".local/state/muthr");
    expect_text(&r.err, "ermission denied");
    expect_status("muthr-other", "running"); /* what is there is still told */
    verb_run(&r, "doctor");
    expect_text(&r.out, "bad   state");
    for (size_t i = 0; i < MT_ARRAY_LEN(inner); i++) {
        char *path = path_join(dir, inner[i]);
        chmod(path, 0700);
        free(path);
    }
    chmod(dir, 0700);
    verb_expect(0, "start", "demo", "--net", "none");
    free(dir);
    ran_release(&r);
}

/* Pages that fill_state leaves. */
static int room;

/* In the child: the state folder is a small file system, and full but for some pages. */
static void fill_state(void)
{
    char *dir = path_join(vr.home, ".local/state/muthr"), *fill = path_join(dir, "fill");
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700") < 0) {
        _exit(97);
    }
    int fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char page[4096];
    off_t len = 0;
    while (write(fd, page, sizeof(page)) > 0) {
        len += (off_t)sizeof(page);
    }
    if (ftruncate(fd, len - (off_t)sizeof(page) * room) < 0) {
        _exit(97);
    }
    close(fd);
}

static void test_full_state(void **state)
{
    struct verb_how full = {.prepare = fill_state};
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "ls"); /* the folders are there */
    home_write(".local/state/muthr/x", "");
    /* Whatever file is the first that does not fit, this is the reason that is told. */
    for (room = 0; room < 14; room++) {
        verb_run_with(&r, &full, "start", "--net", "none");
        assert_int_equal(r.code, 1);
        expect_text(&r.err, "No space left");
    }
    room = 0;
    verb_run_with(&r, &full, "ls", "-o", "json");
    json_free(ran_json(&r));
    verb_expect(0, "start", "--net", "none");
    expect_shell("demo");
    ran_release(&r);
}

static void test_project_goes(void **state)
{
    struct ran r = RAN_INIT;
    char *dir = path_join(vr.src, "demo"), *aside = path_join(vr.src, "aside");
    struct verb_how how = {.cwd = vr.home};
    (void)state;
    verb_expect(0, "start", "--net", "none");
    home_write("src/demo/first", "1");
    /* replaced: the sandbox keeps the folder it was given, and says nothing else */
    assert_int_equal(rename(dir, aside), 0);
    assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
    home_write("src/demo/second", "2");
    verb_run_with(&r, &how, "ls", "-o", "json");
    ran_expect(&r, 0);
    expect_text(&r.out, "\"muthr-demo\"");
    verb_run_with(&r, &how, "start", "demo", "--net", "none");
    ran_expect(&r, 0);
    verb_run_with(&r, &how, "shell", "demo", "-c", "ls");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "first\n");
    verb_run_with(&r, &how, "start", "demo", "--net", "none", "--recreate");
    ran_expect(&r, 0);
    verb_run_with(&r, &how, "shell", "demo", "-c", "ls");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "second\n");
    verb_run_with(&r, &how, "stop", "demo");
    ran_expect(&r, 0);
    verb_run_with(&r, &how, "start", "demo", "--net", "none");
    ran_expect(&r, 0);
    verb_run_with(&r, &how, "shell", "demo", "-c", "ls");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "second\n");
    /* deleted: it can be stopped and deleted, not started */
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
    verb_run_with(&r, &how, "ls", "-o", "json");
    expect_text(&r.out, "\"muthr-demo\"");
    verb_run_with(&r, &how, "stop", "demo");
    ran_expect(&r, 0);
    verb_run_with(&r, &how, "start", "demo");
    ran_expect(&r, 66);
    expect_text(&r.err, "gone");
    assert_false(src_exists("demo"));
    verb_run_with(&r, &how, "delete", "--yes", "demo");
    ran_expect(&r, 0);
    expect_file("src/aside/first", "1");
    free(dir);
    free(aside);
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_start, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_killed_start_ended, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_killed_provision, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_killed_anywhere, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_killed_parts, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_killed_host, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_two_starts, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_script_fails, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_script_escapes, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_script_floods, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_script_hangs, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_broken_state, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_truncated_sandbox, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_project_goes, verb_setup, verb_teardown),
    };
    /* Nothing is read-only for root; only root can mount. */
    const struct CMUnitTest for_root[] = {
        cmocka_unit_test_setup_teardown(test_full_state, verb_setup, verb_teardown),
    };
    const struct CMUnitTest not_for_root[] = {
        cmocka_unit_test_setup_teardown(test_readonly_state, verb_setup, verb_teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (geteuid() == 0 ? cmocka_run_group_tests(for_root, NULL, NULL)
                                    : cmocka_run_group_tests(not_for_root, NULL, NULL));
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
