/* SPDX-License-Identifier: Apache-2.0 */
/* Real podman and real bwrap in one home at the same time: each sandbox on its own, one backend away while the other's
 * work goes on, and two sandboxes of one name. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"

static char *usual_path, *poor_path; /* the second has all programs but podman */

/* A folder with links to what PATH has, but one. */
static void make_poor_path(void)
{
    poor_path = path_join(pod.base, "poor");
    usual_path = xstrdup(getenv("PATH"));
    assert_int_equal(fs_mkdirs(poor_path, 0755, NULL), 0);
    MT_CLEANUP(xfree) char *dirs = xstrdup(usual_path);
    char *rest = NULL;
    for (char *dir = strtok_r(dirs, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest)) {
        DIR *d = opendir(dir);
        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
            MT_CLEANUP(xfree) char *from = path_join(dir, e->d_name), *to = path_join(poor_path, e->d_name);
            if (e->d_name[0] != '.' && strcmp(e->d_name, "podman") != 0) {
                int made = symlink(from, to); /* the first of a name is the one that PATH finds */
                assert_true(made == 0 || errno == EEXIST);
            }
        }
        if (d) {
            closedir(d);
        }
    }
}

static int both_setup(void **state)
{
    int rc = home_setup(state);
    setenv("MUTHR_TUI_BACKENDS", "podman,bwrap", 1);
    home_write(".config/muthr/muthr.toml", "[sandbox]\nprofile = \"base\"\n");
    home_write(".config/muthr/sandbox.d/container/manifests/plain.yaml", "name: plain\nbackend: bwrap\n");
    home_write(".config/muthr/sandbox.d/container/provision.d/plain.sh", "echo \"[PROC] nothing\"\n");
    home_write(".config/muthr/sandbox.d/container/manifests/heavy.yaml",
               "name: heavy\nbackend: podman\nimage: " POD_READY "\n");
    home_write(".config/muthr/sandbox.d/container/provision.d/heavy.sh", "echo \"[PROC] nothing\"\n");
    if (rc == 0 && !poor_path) {
        make_poor_path();
    }
    return rc;
}

static void podman_is_away(bool away)
{
    setenv("PATH", away ? poor_path : usual_path, 1);
}

/* A member of a sandbox's row in `ls`; "" when there is none. free(). */
static char *fact_of(const char *sandbox, const char *key)
{
    struct ran r = RAN_INIT;
    char *value = NULL;
    verb_run(&r, "ls", "-o", "json");
    struct json *list = ran_json(&r);
    for (const struct json *row = json_first(list); row && !value; row = json_next(row)) {
        if (strcmp(json_get_string(row, "name", ""), sandbox) == 0) {
            value = xstrdup(json_get_string(row, key, ""));
        }
    }
    json_free(list);
    ran_release(&r);
    return value ? value : xstrdup("");
}

static void expect_fact(const char *sandbox, const char *key, const char *want)
{
    MT_CLEANUP(xfree) char *value = fact_of(sandbox, key);
    assert_string_equal(value, want);
}

/* One of each; works at the same time. */
static void bring_up_both(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "start", "demo");
    ran_expect(&r, 0);
    verb_run(&r, "start", "other", "--profile", "plain");
    ran_expect(&r, 0);
    ran_release(&r);
    expect_fact("muthr-demo", "backend", "podman");
    expect_fact("muthr-demo", "backend_why", "the first that works here; bwrap works too");
    expect_fact("muthr-other", "backend", "bwrap");
    expect_fact("muthr-other", "backend_why", "its profile names it");
}

static void test_side_by_side(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    bring_up_both();
    home_expect_shell("demo");
    home_expect_shell("other");
    home_write(".config/muthr/muthr.toml", "[sandbox]\nprofile = \"base\"\nbackend = \"bwrap\"\n");
    verb_expect(0, "stop", "demo"); /* they stay where they are, whatever is configured by now */
    verb_expect(0, "start", "demo");
    expect_fact("muthr-demo", "backend", "podman");
    verb_run(&r, "start", "demo", "--backend", "bwrap");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "exists already, run by podman");
    verb_expect(0, "stop", "--all", "--backend", "bwrap");
    home_expect_status("muthr-demo", "running");
    home_expect_status("muthr-other", "stopped");
    verb_run(&r, "doctor");
    expect_text(&r.out, "go to bwrap: sandbox.backend names it");
    verb_expect(0, "delete", "--yes", "demo", "other");
    ran_release(&r);
}

/* A profile that names the other backend moves nothing, and the words say how: they are done as they stand there. */
static void test_profile_of_the_other(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start", "other", "--profile", "plain");
    verb_run(&r, "start", "other", "--profile", "heavy");
    ran_expect(&r, 0);
    expect_text(&r.err, "the profile heavy wants podman, the sandbox is bwrap's: delete it first to move it "
                        "(`muthr-tui delete other`, then `muthr-tui start other --profile heavy`)");
    expect_fact("muthr-other", "backend", "bwrap");
    verb_run(&r, "start", "other", "-o", "json");
    expect_text(&r.out, "the profile heavy wants podman");
    podman_is_away(true);
    verb_run(&r, "start", "other");
    ran_expect(&r, 0);
    expect_text(&r.err, "the profile heavy wants podman, which cannot be used here: podman is not installed; it stays "
                        "with bwrap");
    podman_is_away(false);
    verb_expect(0, "delete", "other", "--yes");
    verb_run(&r, "start", "other", "--profile", "heavy");
    ran_expect(&r, 0);
    assert_null(strstr(r.err.buf, "wants podman"));
    expect_fact("muthr-other", "backend", "podman");
    verb_expect(0, "delete", "--yes", "other");
    ran_release(&r);
}

static void test_one_is_away(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    bring_up_both();
    podman_is_away(true);
    home_expect_status("muthr-demo", "unknown");
    home_expect_status("muthr-other", "running");
    verb_run(&r, "ls");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, "the sandboxes of podman cannot be listed: podman is not installed");
    verb_run(&r, "start", "demo");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, "muthr-demo is run by podman, and backend podman cannot be used: podman is not installed");
    verb_run(&r, "doctor");
    assert_int_equal(r.code, 1);
    expect_text(&r.out, "1 sandbox of it cannot be seen");
    expect_text(&r.out, "it would be better than bwrap for images, the network \"model\", published ports");
    expect_text(&r.out, "go to bwrap: the only one that works here");
    home_expect_shell("other");
    verb_expect(0, "stop", "other");
    verb_expect(0, "start", "other");
    podman_is_away(false);
    home_expect_status("muthr-demo", "running");
    home_expect_shell("demo");
    home_expect_shell("other");
    verb_expect(0, "delete", "--yes", "demo", "other");
    ran_release(&r);
}

static void test_two_of_one_name(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start", "demo");
    podman_is_away(true);
    verb_run(&r, "start", "demo", "--backend", "bwrap"); /* a person insists */
    ran_expect(&r, 0);
    expect_fact("muthr-demo", "backend", "bwrap");
    podman_is_away(false);
    expect_fact("muthr-demo", "status", "unknown");
    expect_fact("muthr-demo", "other_backend", "bwrap");
    static const char *const verbs[][5] = {
        {"stop", "demo"}, {"start", "demo"}, {"delete", "--yes", "demo"}, {"shell", "demo", "-c", "echo alive"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        verb_run_how(&r, NULL, verbs[i]);
        assert_int_not_equal(r.code, 0);
        expect_text(&r.err, "two sandboxes are called muthr-demo, one of podman and one of bwrap");
    }
    verb_run(&r, "doctor");
    expect_text(&r.out, "muthr-tui delete demo --backend podman");
    assert_true(pod_is("muthr-demo", "running")); /* neither was touched */
    verb_expect(0, "delete", "--yes", "demo", "--backend", "podman");
    assert_true(pod_is("muthr-demo", ""));
    home_expect_status("muthr-demo", "running");
    expect_fact("muthr-demo", "backend", "bwrap");
    home_expect_shell("demo");
    verb_expect(0, "delete", "--yes", "demo");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_side_by_side, both_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_profile_of_the_other, both_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_one_is_away, both_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_two_of_one_name, both_setup, home_teardown),
    };
    int rc = cmocka_run_group_tests_name("podman and bwrap at once", tests, home_open, home_close);
    free(usual_path);
    free(poor_path);
    return rc;
}

int main(void)
{
    return pod_main(run);
}
