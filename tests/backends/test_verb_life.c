/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs do with real sandboxes from start to delete: names and places (N), profiles and their provisioning (S,
 * P), networks, what is pruned, and what an interruption leaves. */
#include "tests/backends/verb_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/patience.h"

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

/* Two roots have a project of one name, and so one sandbox: what it has inside is told, not what is looked for. */
static void test_name_of_two_roots(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write("alt/demo/file", "");
    verb_expect(0, "start", "--net", "none");
    char *alt = path_join(vr.home, "alt"), *real = path_join(vr.src, "demo");
    verb_run(&r, "ls", "--root", alt, "-o", "json");
    struct json *list = ran_json(&r);
    assert_string_equal(json_get_string(json_first(list), "mount", ""), real);
    json_free(list);
    verb_run(&r, "ls", "--root", alt);
    expect_text(&r.err, "muthr-demo: has the folder of another project of this name: ");
    verb_run(&r, "shell", "--root", alt, "demo", "-c", "touch /workspace/strange");
    ran_expect(&r, 1);
    MT_CLEANUP(xfree) char *strange = path_join(real, "strange");
    assert_false(fs_exists(strange));
    expect_text(&r.err, "muthr-demo: has the folder of another project of this name: ");
    verb_run(&r, "delete", "--yes", "--root", alt, "demo");
    ran_expect(&r, 1);
    expect_text(&r.err, "is the sandbox of the project of this name in ");
    verb_expect(1, "stop", "--root", alt, "demo");
    expect_status("muthr-demo", "running");
    verb_expect(0, "stop");
    verb_expect(1, "start", "--root", alt, "demo");
    verb_expect(0, "delete", "--yes");
    verb_expect(0, "start", "--net", "none", "--root", alt, "demo"); /* free again */
    verb_expect(0, "delete", "--yes", "--root", alt, "demo");
    free(alt);
    free(real);
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
        cmocka_unit_test_setup_teardown(test_life, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_name_of_two_roots, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_other_root, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_profile_mount, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_prune, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_names, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_network, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_provision, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_interrupt, verb_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
