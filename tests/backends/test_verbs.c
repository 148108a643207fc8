/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb as a child process: exit codes (O2), what goes where (O1), bad input, places that are none, configuration,
 * and what is said where no sandbox can be made. */
#include "tests/backends/verb_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"

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

/* --- configuration --- */

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
    expect_text(&r.out, "bad   theme              there is no theme \"nosuch\"; there are: default");
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"docker\"\nprofile = \"nosuch\"\n");
    verb_run(&r, "doctor"); /* nothing could be started with these */
    ran_expect(&r, 1);
    expect_text(&r.out, "bad   config             sandbox.backend: there is no backend \"docker\" here");
    expect_text(&r.out, "-> Set one of auto, bwrap");
    expect_text(&r.out, "bad   config             sandbox.profile: profile nosuch has no script");
    assert_null(strstr(r.out.buf, "ok    config"));
    home_write(".config/muthr/muthr.toml", "[sandbox]\nnosuch = 1\n");
    verb_run(&r, "doctor"); /* said once, where the rest is */
    ran_expect(&r, 0);
    expect_text(&r.out, "warn  config             ");
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
    bool warned = strstr(r.out.buf, "warn  backend podman     podman is not installed") != NULL;
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

/* How often the network was tried, which each probe of bwrap does once. */
static int count_tries(void)
{
    MT_CLEANUP(xfree) char *log = home_read("tries");
    int n = 0;
    for (const char *p = log; *p; p++) {
        n += *p == '\n';
    }
    return n;
}

/* A helper of the network that writes down that it was called, and does its work. */
static void write_helper(const char *name, const char *remark)
{
    MT_CLEANUP(xfree)
    char *path = path_join(vr.home, "bin"), *file = path_join(path, name), *rel = path_join("bin", name);
    MT_CLEANUP(xfree)
    char *text = xasprintf("#!/bin/sh\n# %s\n[ \"$1\" = --version ] || echo x >> %s/tries\nexec /usr/bin/%s \"$@\"\n",
                           remark, vr.home, name);
    home_write(rel, text);
    assert_int_equal(chmod(file, 0755), 0);
}

/* That bwrap works is remembered from one verb to the next, until what it hangs on changes, a start fails, or doctor
 * wants to know. */
static void test_probe_is_kept(void **state)
{
    struct ran r = RAN_INIT;
    MT_CLEANUP(xfree) char *path = xstrdup(getenv("PATH"));
    MT_CLEANUP(xfree) char *mine = xasprintf("%s/bin:%s", vr.home, path);
    (void)state;
    write_helper("slirp4netns", "one");
    write_helper("pasta", "one");
    setenv("PATH", mine, 1);
    verb_expect(0, "ls");
    int first = count_tries();
    bool works = home_exists(".local/state/muthr/probe-bwrap"); /* nothing is kept where something is missing */
    verb_expect(0, "ls");
    verb_expect(0, "ls", "--all");
    int kept = count_tries();
    verb_run(&r, "doctor");
    int doubted = count_tries();
    bool whole = strstr(r.out.buf, "ok      network full") != NULL;
    write_helper("slirp4netns", "and another one");
    write_helper("pasta", "and another one");
    verb_expect(0, "ls");
    int changed = count_tries();
    home_write(".local/state/muthr/probe-bwrap", "nonsense\n{}");
    verb_expect(0, "ls");
    int broken = count_tries();
    setenv("PATH", path, 1);
    ran_release(&r);
    assert_int_equal(works, whole);
    if (works) {
        assert_true(first > 0);
        assert_int_equal(kept, first);
        assert_true(doubted > kept);
        assert_true(changed > doubted);
        assert_true(broken > changed);
    }
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

/* --- a machine without a backend --- */

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

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_json_always, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_context, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_roots, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_doctor, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_doctor_second_backend, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_probe_is_kept, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_config, verb_setup, verb_teardown),
    };
    /* It hides bwrap in a mount namespace. */
    const struct CMUnitTest for_root[] = {
        cmocka_unit_test_setup_teardown(test_no_backend, verb_setup, verb_teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (geteuid() == 0 ? cmocka_run_group_tests(for_root, NULL, NULL) : 0);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
