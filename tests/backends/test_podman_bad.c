/* SPDX-License-Identifier: Apache-2.0 */
/* A podman that is missing, broken, silent or talks nonsense, containers of others, labels that are wrong: verbs end in
 * time, say what is the matter, tell nothing that is not true and touch nothing that is not ours. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"

#define IN_TIME_MS 15000

/* Beside a backend that works. */
static int bad_setup(void **state)
{
    int rc = home_setup(state);
    setenv("MUTHR_TUI_BACKENDS", "bwrap,podman", 1);
    return rc;
}

/* --- a podman that does not do its work --- */

/* Every verb meets it; `start` fails, and its message holds `text`. */
static void meet(const char *script, const char *text)
{
    struct ran r = RAN_INIT;
    pod_stand_in("podman", script);
    home_timed_run(&r, IN_TIME_MS, "start");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, text);
    home_timed_run(&r, IN_TIME_MS, "ls", "-o", "json");
    assert_int_equal(r.code, 69); /* what podman has is not in it, and that is said */
    json_free(ran_json(&r));
    expect_text(&r.err, "podman cannot be listed");
    home_timed_run(&r, IN_TIME_MS, "doctor");
    expect_text(&r.out, text);
    home_expect_plain(&r.out);
    pod_stand_in("podman", NULL);
    verb_expect(0, "ls"); /* nothing of it stays */
    ran_release(&r);
}

static void test_missing(void **state)
{
    struct ran r = RAN_INIT;
    char *path = xstrdup(getenv("PATH")), *empty = path_join(pod.base, "empty");
    (void)state;
    assert_int_equal(fs_mkdirs(empty, 0755, NULL), 0);
    setenv("PATH", empty, 1);
    home_timed_run(&r, IN_TIME_MS, "start");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, "podman");
    expect_text(&r.err, "install");
    home_timed_run(&r, IN_TIME_MS, "doctor");
    expect_text(&r.out, "podman");
    setenv("PATH", path, 1);
    verb_expect(0, "ls");
    free(path);
    free(empty);
    ran_release(&r);
}

static void test_garbage(void **state)
{
    (void)state;
    meet("#!/bin/sh\n# Stands for a podman that answers nonsense to everything, and says that all went well.\n"
         "head -c 3000 /dev/urandom; printf '[{\"Names\":\"\\033[2J\",\"State\":7}]'\n",
         "no JSON");
}

static void test_broken_storage(void **state)
{
    (void)state;
    meet("#!/bin/sh\n# Stands for a podman whose storage is broken.\n"
         "[ \"$1\" = --version ] && { echo 'podman version 4.3.1'; exit 0; }\n"
         "echo 'Error: configure storage: \"/var/lib/containers\" is \033[31mbroken\033[0m' >&2; exit 125\n",
         "configure storage");
}

static void test_too_old(void **state)
{
    (void)state;
    meet("#!/bin/sh\n# Stands for a podman of long ago.\n"
         "case \"$*\" in\n"
         "*info*) printf '{\"host\":{},\"version\":{\"APIVersion\":\"1\",\"Version\":\"1.6.4\"}}\\n' ;;\n"
         "*) echo 'podman version 1.6.4' ;;\n"
         "esac\n",
         "1.6.4 is too old");
}

static void test_no_subuid(void **state)
{
    (void)state;
    meet("#!/bin/sh\n# Stands for the podman of a user who has no subordinate ids.\n"
         "case \"$*\" in\n"
         "*info*) echo '{\"host\":{\"security\":{\"rootless\":true},\"cgroupVersion\":\"v2\",\"idMappings\":"
         "{\"uidmap\":[{\"container_id\":0,\"host_id\":1000,\"size\":1}]}},\"version\":{\"Version\":\"4.3.1\"}}' ;;\n"
         "*) echo 'Error: cannot find UID/GID for user me: no subuid ranges found for user \"me\" in /etc/subuid' >&2\n"
         "   exit 125 ;;\n"
         "esac\n",
         "subordinate ids");
}

/* Answers, but only after a minute: verbs give up with a reason long before, here after a second. */
static void test_late(void **state)
{
    (void)state;
    setenv("MUTHR_TUI_PODMAN_SECONDS", "1", 1);
    meet("#!/bin/sh\n# Stands for a podman that hangs: it would answer after a minute.\nsleep 60\n",
         "podman does not answer");
    unsetenv("MUTHR_TUI_PODMAN_SECONDS");
}

/* It was well when it was looked at, and what it said is still known; then it goes bad while a sandbox runs. */
static void test_goes_bad(void **state)
{
    static const char *const BAD[][2] = {
        {"echo 'Error: configure storage: broken' >&2; exit 125", "configure storage"},
        {"echo '[[[}'", "no JSON"},
        {"kill -9 $$", "podman"},
        {"sleep 60", "does not answer"},
    };
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *bad = path_join(pod.base, "bad"), *script = NULL;
    script = xasprintf("#!/bin/sh\n# Stands for a podman that goes bad: what %s says is done first.\n"
                       "[ ! -e %s ] || . %s\nexec %s \"$@\"\n",
                       bad, bad, bad, pod.podman);
    pod_stand_in("podman", script);
    verb_expect(0, "start");
    pid_t inside = pod_pid("muthr-demo");
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        home_expect_status("muthr-demo", "running");
        assert_int_equal(fs_write_atomic(bad, BAD[i][0], strlen(BAD[i][0]), 0644, NULL), 0);
        if (strcmp(BAD[i][1], "does not answer") == 0) { /* the others need no bound, however busy the machine is */
            setenv("MUTHR_TUI_PODMAN_SECONDS", "1", 1);
        }
        home_timed_run(&r, IN_TIME_MS, "ls", "-o", "json");
        assert_int_equal(r.code, 69);
        expect_text(&r.err, "podman cannot be listed");
        expect_text(&r.err, BAD[i][1]);
        home_timed_run(&r, IN_TIME_MS, "start");
        assert_int_equal(r.code, 69);
        expect_text(&r.err, BAD[i][1]);
        unlink(bad);
        unsetenv("MUTHR_TUI_PODMAN_SECONDS");
    }
    home_expect_status("muthr-demo", "running");
    assert_int_equal(pod_pid("muthr-demo"), inside);
    home_expect_shell("demo");
    ran_release(&r);
}

/* The list is cut off in the middle: a sandbox that runs is not called gone, and is not created again. */
static void test_killed_in_its_answer(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start");
    pid_t inside = pod_pid("muthr-demo");
    setenv("REAL", pod.podman, 1);
    pod_stand_in("podman", "#!/bin/sh\n# Stands for a podman that is killed in the middle of telling which containers "
                           "there are.\n"
                           "case \" $* \" in *' ps '*) \"$REAL\" \"$@\" | head -c 200; kill -9 $$ ;; esac\n"
                           "exec \"$REAL\" \"$@\"\n");
    home_timed_run(&r, IN_TIME_MS, "ls", "-o", "json");
    if (r.code == 0) { /* only when it is in it */
        expect_text(&r.out, "\"muthr-demo\"");
    } else {
        assert_int_equal(r.code, 69);
        expect_text(&r.err, "podman cannot be listed");
        json_free(ran_json(&r));
    }
    home_timed_run(&r, IN_TIME_MS, "start");
    pod_stand_in("podman", NULL);
    home_expect_status("muthr-demo", "running");
    assert_int_equal(pod_pid("muthr-demo"), inside);
    home_expect_shell("demo");
    ran_release(&r);
}

/* podman start that looks for a process which is gone already: it is asked once more, and no more than that. */
static void test_lost_race(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    setenv("REAL", pod.podman, 1);
    setenv("TIMES", pod.base, 1);
    pod_stand_in(
        "podman",
        "#!/bin/sh\n# Stands for a podman that loses its race at the first start of each try.\n"
        "case \" $* \" in *' start '*) echo x >>\"$TIMES/starts\"\n"
        "[ \"$(wc -l <\"$TIMES/starts\")\" != 1 ] || {\n"
        "echo 'Error: unable to start container 01: read /proc/4242/cgroup: no such process' >&2; exit 125; }\n"
        ";; esac\nexec \"$REAL\" \"$@\"\n");
    home_timed_run(&r, IN_TIME_MS, "start");
    ran_expect(&r, 0);
    home_expect_status("muthr-demo", "running");
    MT_CLEANUP(strbuf) struct strbuf starts = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(pod.base, "starts");
    assert_int_equal(fs_read(path, 100, &starts, NULL), 0);
    assert_string_equal(starts.buf, "x\nx\n");
    ran_release(&r);
}

/* A podman that says nonsense of one container fails the verb as a runtime that is not to be had does, not as a wrong
 * word of the person; a broken manifest stays that. */
static void test_nonsense_of_one(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    setenv("MUTHR_TUI_BACKENDS", "podman", 1);
    verb_expect(0, "start");
    setenv("REAL", pod.podman, 1);
    pod_stand_in("podman", "#!/bin/sh\n# Stands for a podman whose answer breaks off.\n"
                           "case \" $* \" in *' inspect '*) printf '[{\"Na'; exit 0 ;; esac\nexec \"$REAL\" \"$@\"\n");
    static const char *const verbs[][4] = {{"stop"}, {"start", "--recreate"}, {"delete", "--yes"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        home_timed(&r, IN_TIME_MS, verbs[i]);
        ran_expect(&r, 69);
        expect_text(&r.err, "JSON, byte");
    }
    pod_stand_in("podman", NULL);
    home_expect_status("muthr-demo", "running");
    home_write(".config/muthr/sandbox.d/container/manifests/base.yaml", "name: [base\n");
    verb_expect(64, "start");
    verb_expect(0, "delete", "--yes");
    ran_release(&r);
}

/* --- not ours --- */

/* A container that only has our name: no verb touches it, and each says why. */
static void test_foreign(void **state)
{
    static const char *const verbs[][4] = {
        {"start"}, {"stop"}, {"delete", "--yes", "--force"}, {"start", "--recreate"}};
    struct ran r = RAN_INIT;
    (void)state;
    pod_do("run", "-d", "--init", "--network=none", "--name", "muthr-demo", "--label", "muthr.managed=true", POD_MINI,
           "sleep", "7714");
    char *id = pod_text("inspect", "--format", "{{.Id}} {{.State.Pid}} {{.State.StartedAt}}", "muthr-demo");
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        home_timed(&r, IN_TIME_MS, verbs[i]);
        assert_int_not_equal(r.code, 0);
        expect_text(&r.err, "muthr-demo");
        expect_text(&r.err, "left alone");
        char *now = pod_text("inspect", "--format", "{{.Id}} {{.State.Pid}} {{.State.StartedAt}}", "muthr-demo");
        assert_string_equal(now, id);
        free(now);
    }
    home_timed_run(&r, IN_TIME_MS, "shell", "-c", "echo inside");
    assert_int_not_equal(r.code, 0);
    assert_null(strstr(r.out.buf, "inside"));
    pod_do("rm", "-f", "-t", "0", "muthr-demo");
    verb_expect(0, "start");
    home_expect_shell("demo");
    free(id);
    ran_release(&r);
}

/* Labels of others and, with our two, of somebody who forged them. */
static void test_odd_labels(void **state)
{
    struct ran r = RAN_INIT;
    static char long_label[60000] = "long=";
    (void)state;
    memset(long_label + 5, 'x', sizeof(long_label) - 6);
    pod_do("create", "--name", "odd", "--label", "a=b,c=d\"'\\", "--label", "empty=", "--label", "\033[2J=\033]0;t\a",
           "--label", "new\nline=\r\n\t", "--label", "\xe2\x80\xae=\xf0\x9f\x92\xa9", "--label", long_label, POD_MINI,
           "sleep", "1");
    pod_do("create", "--name", "muthr-forged", "--label", "muthr.managed=true", "--label", "muthr.owner=project",
           "--label", "muthr.project=../../etc/\033[31m\nx", "--label", "muthr.profile=../../x", "--label",
           "muthr.config-hash=\"'{}", "--label", "muthr.backend=?", POD_MINI, "sleep", "1");
    home_timed_run(&r, IN_TIME_MS, "ls");
    ran_expect(&r, 0);
    home_expect_plain(&r.out);
    assert_null(strstr(r.out.buf, "odd"));
    home_timed_run(&r, IN_TIME_MS, "ls", "-o", "json");
    ran_expect(&r, 0);
    json_free(ran_json(&r));
    home_expect_plain(&r.out);
    verb_expect(0, "start");
    home_expect_shell("demo");
    pod_do("rm", "-f", "-t", "0", "odd", "muthr-forged");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_missing, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_garbage, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_broken_storage, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_too_old, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_no_subuid, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_goes_bad, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_late, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_lost_race, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_killed_in_its_answer, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_nonsense_of_one, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_foreign, bad_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_odd_labels, bad_setup, home_teardown),
    };
    return cmocka_run_group_tests_name("podman, bad input", tests, home_open, home_close);
}

int main(void)
{
    return pod_main(run);
}
