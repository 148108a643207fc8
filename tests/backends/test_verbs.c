/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/verb_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/patience.h"

/* Every verb as a child process with real sandboxes: exit codes (O2), what goes where (O1), names and places (N), bad
 * input. */

/* --- output and exit codes --- */

static void test_answers(void **state)
{
    static const struct verb_how full = {.full_stdout = true}, closed = {.close_stdout = true},
                                 broken = {.broken_stdout = true};
    static const char *const verbs[] = {"ls",       "start",     "stop",     "delete", "shell", "attach",
                                        "sessions", "provision", "profiles", "doctor", "config"};
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "--version");
    ran_expect(&r, 0);
    assert_int_equal(strncmp(r.out.buf, "muthr-tui ", 10), 0);
    verb_run(&r, "--help");
    ran_expect(&r, 0);
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        expect_text(&r.out, verbs[i]);
        struct ran h = RAN_INIT;
        verb_run(&h, verbs[i], "--help");
        ran_expect(&h, 0);
        expect_text(&h.out, "Usage: muthr-tui ");
        assert_int_equal(h.err.len, 0);
        ran_release(&h);
    }
    verb_run(&r, "nosuch");
    ran_expect(&r, 64);
    assert_int_equal(r.out.len, 0);
    expect_text(&r.err, "unknown verb 'nosuch'");
    verb_expect(64, "help", "nosuch");
    verb_expect(64, "ls", "--bogus");
    verb_expect(64, "ls", "--output");
    verb_expect(64, "ls", "--output", "xml");
    verb_expect(64, "ls", "name");
    verb_expect(64, "ls", "--all=1");
    verb_expect(64, "shell", "--timeout", "0", "-c", "true");
    verb_expect(64, "shell", "--timeout", "4294967297", "-c", "true");
    verb_expect(64, "shell", "--timeout", "1x", "-c", "true");
    verb_expect(64, "shell", "-c", "true", "--", "true");
    verb_expect(64, "--bogus");
    verb_run_with(&r, &full, "--version");
    ran_expect(&r, 1);
    expect_text(&r.err, "No space left");
    verb_run_with(&r, &full, "ls", "-o", "json");
    ran_expect(&r, 1);
    verb_run_with(&r, &closed, "ls", "-o", "json");
    ran_expect(&r, 1);
    verb_run_with(&r, &closed, "doctor");
    ran_expect(&r, 1);
    verb_run_with(&r, &broken, "ls", "--all");
    ran_expect(&r, 1);
    assert_int_equal(r.err.len, 0); /* a reader that went away needs no words */
    ran_release(&r);
}

/* With --output json stdout is JSON, whatever happens. */
static void test_json_always(void **state)
{
    static const struct {
        int code;
        const char *args[8];
    } cases[] = {
        {0, {"ls", "-o", "json"}},
        {0, {"ls", "--all", "-o", "json"}},
        {0, {"sessions", "-o", "json"}},
        {0, {"profiles", "-o", "json"}},
        {0, {"config", "show", "-o", "json"}},
        {0, {"config", "show", "-o", "ndjson"}},
        {64, {"config", "nothing", "-o", "json"}},
        {66, {"start", "nosuch", "-o", "json"}},
        {66, {"start", "nosuch", "-o", "ndjson"}},
        {64, {"start", "muthr-services", "-o", "json"}},
        {64, {"start", "demo", "--net", "bogus", "-o", "json"}},
        {64, {"start", "demo", "--profile", "../x", "-o", "json"}},
        {66, {"start", "demo", "--profile", "nosuch", "-o", "json"}},
        {64, {"start", "demo", "--env", "a-b=1", "-o", "json"}},
        {64, {"start", "demo", "--env", "A=x\ny", "--output=json"}},
        {77, {"delete", "demo", "-o", "json"}},
        {0, {"stop", "demo", "-o", "json"}},
        {0, {"delete", "demo", "--yes", "-o", "json"}},
        {0, {"delete", "nosuch", "-o", "json"}},
    };
    struct ran r = RAN_INIT;
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        verb_run_how(&r, NULL, cases[i].args);
        ran_expect(&r, cases[i].code);
        if (!strcmp(cases[i].args[0], "stop") || strcmp(cases[i].args[0], "ls") || cases[i].code) {
            assert_true(r.out.len > 0);
        }
        struct json *j = ran_json(&r);
        if (json_is_object(j) && cases[i].code != 0) {
            assert_true(strlen(json_get_string(j, "error", "")) > 0);
            assert_int_equal(json_get_int(j, "exit", 0), cases[i].code);
        }
        json_free(j);
    }
    verb_run(&r, "doctor", "-o", "json");
    ran_expect(&r, 0);
    struct json *j = ran_json(&r);
    assert_true(json_is_array(j));
    json_free(j);
    ran_release(&r);
}

/* --- places --- */

static void test_context(void **state)
{
    struct ran r = RAN_INIT;
    struct verb_how at = {.cwd = vr.src};
    (void)state;
    verb_run_with(&r, &at, "start");
    ran_expect(&r, 64);
    expect_text(&r.err, vr.src);
    at.cwd = "/";
    verb_run_with(&r, &at, "shell", "-c", "true");
    ran_expect(&r, 64);
    expect_text(&r.err, vr.src);
    home_write(".config/muthr/x", "");
    char *config = path_join(vr.home, ".config/muthr");
    at.cwd = config;
    static const char *const verbs[] = {"start", "shell", "stop", "delete", "provision"};
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        verb_run_with(&r, &at, verbs[i]);
        ran_expect(&r, 64);
    }
    free(config);
    ran_release(&r);
}

static void test_roots(void **state)
{
    static const struct {
        const char *root, *text;
        int code;
    } cases[] = {{"/", "root of the file system", 64},
                 {"/home", "/home", 64},
                 {"~", "home directory", 64},
                 {"/usr", "outside the home directory", 64},
                 {"~/nope", "mkdir -p", 66},
                 {"~/file", "file", 64},
                 {"~/loop", "", 64},
                 {"~/dangling", "link", 66}};
    struct ran r = RAN_INIT;
    (void)state;
    home_write("file", "x");
    char *loop = path_join(vr.home, "loop"), *dangling = path_join(vr.home, "dangling");
    assert_int_equal(symlink(loop, loop), 0);
    assert_int_equal(symlink("nowhere", dangling), 0);
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        verb_run(&r, "start", "demo", "--root", cases[i].root);
        expect_text(&r.err, cases[i].text);
        if (cases[i].code == 66) {
            ran_expect(&r, 66);
        } else {
            assert_true(r.code == 64 || r.code == 66 || r.code == 1);
            assert_true(r.code == cases[i].code || strstr(cases[i].root, "loop"));
        }
        verb_run(&r, "ls", "--root", cases[i].root, "-o", "json");
        assert_true(r.code != 0);
        json_free(ran_json(&r));
    }
    char *real = path_join(vr.home, "elsewhere/p");
    assert_int_equal(fs_mkdirs(real, 0755, NULL), 0);
    verb_run(&r, "ls", "--all", "-o", "json", "--root", "~/elsewhere");
    ran_expect(&r, 0);
    expect_text(&r.out, "\"muthr-p\"");
    free(real);
    free(loop);
    free(dangling);
    ran_release(&r);
}

/* doctor's exit code says what its lines say; a key bound to nothing is one of them. */
static void test_doctor(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "doctor");
    verb_run(&r, "doctor", "--root", "~/nowhere");
    ran_expect(&r, 1);
    expect_text(&r.out, "bad   workspace root");
    home_write(".config/muthr/muthr.toml", "[tui.keys.list]\n\"x\" = \"sandbox.stp\"\n");
    verb_run(&r, "doctor");
    ran_expect(&r, 1);
    expect_text(&r.out, "muthr.toml:2: there is no command \"sandbox.stp\"; did you mean \"sandbox.stop\"?");
    home_write(".config/muthr/muthr.toml", "[tui]\ntheme = \"nosuch\"\n");
    verb_run(&r, "doctor");
    ran_expect(&r, 1);
    expect_text(&r.out, "bad   theme             there is no theme \"nosuch\"; there are: default");
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"docker\"\nprofile = \"nosuch\"\n");
    verb_run(&r, "doctor"); /* nothing could be started with these */
    ran_expect(&r, 1);
    expect_text(&r.out, "bad   config            sandbox.backend: there is no backend \"docker\" here");
    expect_text(&r.out, "-> Set one of auto, bwrap");
    expect_text(&r.out, "bad   config            sandbox.profile: profile nosuch has no script");
    assert_null(strstr(r.out.buf, "ok    config"));
    home_write(".config/muthr/muthr.toml", "[sandbox]\nnosuch = 1\n");
    verb_run(&r, "doctor"); /* said once, where the rest is */
    ran_expect(&r, 0);
    expect_text(&r.out, "warn  config            ");
    expect_text(&r.out, "muthr.toml:2:1: sandbox.nosuch: there is no such setting");
    assert_null(strstr(r.err.buf, "sandbox.nosuch"));
    verb_run(&r, "config", "show");
    const char *said = strstr(r.err.buf, "sandbox.nosuch");
    assert_non_null(said);
    assert_null(strstr(said + 1, "sandbox.nosuch"));
    ran_release(&r);
}

/* One backend works: the lack of another is worth a word, and a fault only for who asked for that one. */
static void test_doctor_second_backend(void **state)
{
    struct ran r = RAN_INIT;
    MT_CLEANUP(xfree) char *path = xstrdup(getenv("PATH"));
    MT_CLEANUP(xfree) char *names = xstrdup(getenv("MUTHR_TUI_BACKENDS"));
    (void)state;
    setenv("PATH", vr.src, 1); /* no podman there */
    setenv("MUTHR_TUI_BACKENDS", "bwrap,podman", 1);
    verb_run(&r, "doctor");
    int code = r.code;
    bool warned = strstr(r.out.buf, "warn  backend podman    podman is not installed") != NULL;
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"podman\"\n");
    verb_run(&r, "doctor");
    setenv("PATH", path, 1);
    setenv("MUTHR_TUI_BACKENDS", names, 1);
    ran_expect(&r, 1);
    expect_text(&r.out, "bad   backend podman");
    assert_int_equal(code, 0);
    assert_true(warned);
    ran_release(&r);
}

static void test_config(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "config", "init");
    verb_expect(1, "config", "init"); /* never overwrites */
    verb_expect(0, "config", "show");
    home_write(".config/muthr/muthr.toml", "model = \"m\"\nserver_port = [1,\n");
    static const char *const verbs[] = {"ls", "start", "sessions", "profiles"};
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        verb_run(&r, verbs[i], "-o", "json");
        ran_expect(&r, 64);
        expect_text(&r.err, "muthr.toml:3:1: ");
        expect_text(&r.out, "muthr.toml:3:1: ");
        json_free(ran_json(&r));
    }
    verb_run(&r, "doctor"); /* looks on, with the defaults */
    ran_expect(&r, 64);
    expect_text(&r.out, "muthr.toml:3:1: ");
    assert_null(strstr(r.err.buf, "muthr.toml"));
    expect_text(&r.out, "backend bwrap");
    verb_run(&r, "config", "show", "-o", "json");
    ran_expect(&r, 64);
    json_free(ran_json(&r));
    ran_release(&r);
}

/* --- life --- */

static void expect_status(const char *sandbox, const char *want)
{
    char *status = sandbox_status(sandbox);
    assert_string_equal(status, want);
    free(status);
}

static void test_life(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write("src/demo/file", "kept");
    expect_status("muthr-demo", "");
    verb_run(&r, "start", "--net", "none");
    ran_expect(&r, 0);
    assert_int_equal(r.out.len, 0); /* messages are not data */
    expect_text(&r.err, "muthr-demo: running");
    expect_status("muthr-demo", "running");
    verb_run(&r, "ls", "-o", "json");
    struct json *list = ran_json(&r);
    const struct json *row = json_first(list);
    assert_string_equal(json_get_string(row, "name", ""), "muthr-demo");
    assert_string_equal(json_get_string(row, "backend", ""), "bwrap");
    assert_string_equal(json_get_string(row, "profile", ""), "base");
    assert_string_equal(json_get_string(row, "project", ""), "demo");
    assert_string_equal(json_get_string(row, "network", ""), "none");
    assert_int_equal(json_get_int(row, "sessions", -1), 0);
    assert_non_null(json_get(row, "mount"));
    assert_non_null(json_get(row, "image"));
    assert_non_null(json_get(row, "drift"));
    json_free(list);
    verb_expect(0, "start", "--net", "none"); /* idempotent */
    verb_expect(0, "stop");
    expect_status("muthr-demo", "stopped");
    verb_expect(0, "stop");
    verb_run(&r, "delete");
    ran_expect(&r, 77);
    expect_text(&r.err, "--yes");
    expect_status("muthr-demo", "stopped");
    verb_expect(0, "delete", "--yes");
    verb_expect(0, "delete", "--yes");
    expect_status("muthr-demo", "");
    char *kept = home_read("src/demo/file");
    assert_string_equal(kept, "kept");
    free(kept);
    ran_release(&r);
}

/* A project that another root holds is not gone, and is not worked on from here. */
static void test_other_root(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write("elsewhere/file", "");
    verb_expect(0, "start", "--net", "none");
    verb_run(&r, "ls", "--root", "~/elsewhere");
    ran_expect(&r, 0);
    expect_text(&r.err, "belongs to no project below the workspace root");
    assert_null(strstr(r.err.buf, "gone"));
    verb_run(&r, "start", "demo", "--root", "~/elsewhere");
    ran_expect(&r, 64);
    expect_text(&r.err, "belongs to no project below this workspace root");
    verb_expect(0, "stop", "demo", "--root", "~/elsewhere");
    ran_release(&r);
}

/* S2, N5, P5: the project where the manifest says; a revision that ran is told and not run again; and a network that
 * was chosen before is told where the profile says less. */
static void test_profile_mount(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    MT_CLEANUP(xfree) char *sub = path_join(vr.src, "demo/sub");
    home_write(".config/muthr/sandbox.d/container/manifests/moved.yaml",
               "name: moved\nsecurity: {network: none}\nmounts: {workspace: /work}\n");
    home_write(".config/muthr/sandbox.d/container/provision.d/moved.sh", "pwd >\"$MUTHR_WORKSPACE_MOUNT/ran\"\n");
    home_write(".config/muthr/sandbox.d/container/provision.d/lib/x", "");
    home_write("src/demo/sub/file", "");
    verb_expect(0, "start", "-p", "moved", "--net", "shared");
    assert_true(home_exists("src/demo/ran"));
    verb_run(&r, "shell", "-c", "pwd; echo $MUTHR_WORKSPACE_MOUNT");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "/work\n/work\n");
    verb_run_with(&r, &(struct verb_how){.cwd = sub}, "shell", "-c", "pwd");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "/work/sub\n");
    verb_run(&r, "provision");
    ran_expect(&r, 0);
    expect_text(&r.err, "moved: this revision was provisioned before");
    /* S16 from outside of every project: what was provisioned with it (here on a backend that has no images). */
    const struct verb_how at_root = {.cwd = vr.src};
    verb_run_with(&r, &at_root, "image", "build", "-p", "base");
    ran_expect(&r, 64);
    expect_text(&r.err, "no running sandbox was provisioned with base");
    verb_run_with(&r, &at_root, "image", "build", "-p", "moved");
    ran_expect(&r, 69);
    expect_text(&r.err, "muthr-demo: ");
    verb_run(&r, "start");
    expect_text(&r.err, "network is shared, as was chosen for this sandbox before; its profile says none");
    ran_release(&r);
}

/* S7, S15 and which backend: what a person is told, and what goes. */
static void test_prune(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    verb_expect(0, "prune"); /* nothing to do needs no answer */
    verb_expect(0, "start", "demo", "other", "--net", "none", "--backend", "bwrap");
    verb_expect(69, "start", "a b", "--backend", "nothing");
    verb_expect(64, "start", "demo", "--backend", "other");
    verb_run(&r, "start", "demo@nohost");
    ran_expect(&r, 66);
    expect_text(&r.err, "and no host nohost is configured");
    verb_run(&r, "start", "nowhere");
    ran_expect(&r, 66);
    assert_null(strstr(r.err.buf, "host"));
    verb_expect(64, "image");
    verb_expect(64, "image", "build", "demo");
    MT_CLEANUP(xfree) char *record = xasprintf("%s/.cache/muthr/muthr-demo-profiles", vr.home);
    assert_int_equal(unlink(record), 0);
    verb_run(&r, "prune"); /* it runs: none of prune's business */
    ran_expect(&r, 0);
    assert_null(strstr(r.err.buf, "muthr-demo"));
    verb_expect(0, "stop", "demo", "other");
    verb_run(&r, "prune");
    ran_expect(&r, 77);
    assert_non_null(strstr(r.err.buf, "muthr-demo"));
    assert_null(strstr(r.err.buf, "muthr-other"));
    verb_run(&r, "prune", "--yes", "-o", "json");
    ran_expect(&r, 0);
    assert_non_null(strstr(r.out.buf, "muthr-demo"));
    verb_run(&r, "ls");
    assert_null(strstr(r.out.buf, "muthr-demo"));
    assert_non_null(strstr(r.out.buf, "muthr-other"));
    verb_expect(0, "delete", "other", "--yes");
    ran_release(&r);
}

static void test_names(void **state)
{
    char *wide = path_join(vr.src, "\u754c"), *newline = path_join(vr.src, "new\nline"),
         *dash = path_join(vr.src, "-dash"), long_name[256];
    struct ran r = RAN_INIT;
    (void)state;
    memset(long_name, 'x', 255);
    long_name[255] = '\0';
    char *longest = path_join(vr.src, long_name);
    const char *const dirs[] = {wide, newline, dash, longest};
    for (size_t i = 0; i < MT_ARRAY_LEN(dirs); i++) {
        assert_int_equal(fs_mkdirs(dirs[i], 0755, NULL), 0);
    }
    verb_expect(0, "start", "--net", "none", "a b", "\u754c", "new\nline", "./../-dash", long_name);
    verb_run(&r, "ls", "-o", "ndjson");
    ran_expect(&r, 0);
    int rows = 0;
    for (char *line = r.out.buf, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        struct json *j = json_parse(line, (size_t)(end - line), NULL);
        assert_non_null(j);
        assert_string_equal(json_get_string(j, "status", ""), "running");
        json_free(j);
        rows++;
    }
    assert_int_equal(rows, 5);
    expect_text(&r.out, "\"muthr-ab-04833892\"");
    verb_run(&r, "ls"); /* one line per row, whatever the name */
    int lines = 0;
    for (const char *p = r.out.buf; *p; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 6);
    verb_run(&r, "shell", "muthr-ab-04833892", "-c", "echo $MUTHR_WORKSPACE_MOUNT; pwd");
    ran_expect(&r, 0);
    verb_expect(0, "stop", "--all");
    verb_run(&r, "delete", "--yes", "--", "-dash", "a b");
    ran_expect(&r, 0);
    free(wide);
    free(newline);
    free(dash);
    free(longest);
    ran_release(&r);
}

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

/* The isolated network is there, or it is said why not and what else there is. */
static void test_network(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "start", "--net", "full");
    if (r.code != 0) {
        ran_expect(&r, 69);
        expect_text(&r.err, "no isolated network here: ");
        expect_text(&r.err, "--net shared");
    }
    verb_run(&r, "start", "other", "--net", "shared");
    ran_expect(&r, 0);
    expect_text(&r.err, "shared with the host"); /* never silently */
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"network\": \"shared\"");
    ran_release(&r);
}

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
    verb_expect(66, "attach", "nosuch");
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
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

static void test_provision(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    profile_write("mine", "echo '[PROC] one'\necho x >>/workspace/ran\necho '[ OK ] two'\n");
    verb_run(&r, "profiles", "-o", "json");
    expect_text(&r.out, "\"mine\"");
    verb_run(&r, "start", "--profile", "mine", "--net", "shared");
    ran_expect(&r, 0);
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"profile\": \"mine\"");
    char *recorded = home_read(".cache/muthr/muthr-demo-profiles");
    assert_string_equal(recorded, "mine\n");
    free(recorded);
    verb_expect(0, "provision"); /* the same revision: skipped */
    char *ran = home_read("src/demo/ran");
    assert_string_equal(ran, "x\n");
    free(ran);
    verb_expect(0, "provision", "--again");
    ran = home_read("src/demo/ran");
    assert_string_equal(ran, "x\nx\n");
    free(ran);
    recorded = home_read(".cache/muthr/muthr-demo-profiles");
    assert_string_equal(recorded, "mine\n");
    free(recorded);
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"provisioned\": true");
    profile_write("mine", "exit 9\n"); /* a failure is remembered, for the list too */
    verb_expect(1, "provision");
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"status\": \"running\"");
    expect_text(&r.out, "\"provisioned\": false");
    expect_text(&r.out, "\"reason\": \"provisioning with mine failed (exit 9)\"");
    verb_run(&r, "ls");
    expect_text(&r.err, "provisioning with mine failed (exit 9)");
    ran_release(&r);
}

/* The child sees no bwrap: its own mount namespace has something else there. */
static void hide_bwrap(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("/dev/null", "/usr/bin/bwrap", NULL, MS_BIND, NULL) < 0) {
        _exit(97);
    }
    setenv("PATH", "/nonexistent", 1);
}

/* bwrap is there and refuses. */
static void break_bwrap(void)
{
    char *fake = path_join(vr.base, "fake-bwrap"), *real = path_join(vr.base, "real-bwrap");
    char *text = xasprintf("#!/bin/sh\ncase $1 in --help | --version) exec %s \"$@\" ;; esac\n"
                           "echo 'bwrap: No permissions to create new namespace' >&2\nexit 1\n",
                           real);
    int fd = open(real, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    if (fd < 0 || close(fd) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("/usr/bin/bwrap", real, NULL, MS_BIND, NULL) < 0 ||
        fs_write_atomic(fake, text, strlen(text), 0755, NULL) < 0 ||
        mount(fake, "/usr/bin/bwrap", NULL, MS_BIND, NULL) < 0) {
        _exit(97);
    }
}

static void test_no_backend(void **state)
{
    struct verb_how hidden = {.prepare = hide_bwrap}, broken = {.prepare = break_bwrap};
    struct ran r = RAN_INIT;
    (void)state;
    const struct verb_how *hows[] = {&hidden, &broken};
    for (size_t i = 0; i < MT_ARRAY_LEN(hows); i++) {
        verb_run_with(&r, hows[i], "doctor");
        ran_expect(&r, 69);
        expect_text(&r.out, "bad   backend bwrap");
        expect_text(&r.out, "-> "); /* and what to do */
        expect_text(&r.out, i == 0 ? "bubblewrap (bwrap) is not installed" : "namespace");
        verb_run_with(&r, hows[i], "start", "-o", "json");
        ran_expect(&r, 69);
        json_free(ran_json(&r));
        verb_run_with(&r, hows[i], "ls", "-o", "json");
        ran_expect(&r, 69); /* it cannot know */
        json_free(ran_json(&r));
    }
    ran_release(&r);
}

/* Ctrl-C before anything was made: nothing is left of it. */
static void test_interrupt(void **state)
{
    (void)state;
    profile_write("waits", "echo x >/workspace/started\nwhile [ ! -e /workspace/go ]; do sleep 0.05; done\n");
    pid_t pid = verb_begin("start", "--profile", "waits", "--net", "shared");
    assert_true(verb_until(src_exists, "demo/started", 20000));
    uint64_t asked = clock_mono_ms();
    kill(pid, SIGINT);
    assert_int_equal(verb_wait(pid, 8000), 1);
    assert_in_range(clock_mono_ms() - asked, 0, patience(3500));
    char *status = sandbox_status("muthr-demo");
    assert_true(strcmp(status, "provisioning") != 0 && strcmp(status, "creating") != 0);
    free(status);
    assert_false(home_exists(".cache/muthr/muthr-demo-profiles"));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_json_always, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_context, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_roots, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_config, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_doctor, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_doctor_second_backend, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_life, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_other_root, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_profile_mount, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_prune, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_names, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_shell, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_shell_ends, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_shell_starts, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_network, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_sessions, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_provision, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_interrupt, verb_setup, verb_teardown),
    };
    /* One hides bwrap in a mount namespace, one gives a file away. */
    const struct CMUnitTest for_root[] = {
        cmocka_unit_test_setup_teardown(test_no_backend, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_socket, verb_setup, verb_teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (geteuid() == 0 ? cmocka_run_group_tests(for_root, NULL, NULL) : 0);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
