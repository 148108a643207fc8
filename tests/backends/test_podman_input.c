/* SPDX-License-Identifier: Apache-2.0 */
/* What people and repositories write that cannot be, on real podman: names that meet after reduction, images that are
 * nowhere, manifests, mounts, environments and Containerfiles. Verbs end in time, say what is wrong and where, leave
 * nothing behind, and work again as soon as it is put right. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine/naming.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"

#define BASE ".config/muthr/sandbox.d/container/manifests/base.yaml"
#define CONTAINERFILE ".config/muthr/sandbox.d/container/images/base/Containerfile"
#define GOOD "name: base\nimage: " POD_READY "\n"

/* `start` fails in time, with this in its message, and leaves no container. */
static void refused(const char *what, const char *text)
{
    struct ran r = RAN_INIT;
    home_timed_run(&r, 10000, "start");
    if (r.code == 0) {
        fail_msg("%s: it was started", what);
    }
    expect_text(&r.err, text);
    char *names = home_containers();
    assert_string_equal(names, "");
    free(names);
    ran_release(&r);
}

/* All is well as soon as it is put right. */
static void works(void)
{
    home_write(BASE, GOOD);
    verb_expect(0, "start");
    home_expect_shell("demo");
}

/* --- names --- */

static void make_project(const char *name)
{
    MT_CLEANUP(xfree) char *dir = path_join(vr.src, name);
    assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
}

/* podman's names are ASCII: what is left of one project's name is just what another one is called. */
static void test_names_collide(void **state)
{
    static const char ACCENTED[] = "\xc3\xa9"
                                   "1";
    char reduced[NAMING_SANDBOX_MAX];
    const char *plain = reduced + strlen("muthr-");
    struct ran r = RAN_INIT;
    (void)state;
    assert_int_equal(naming_sandbox(ACCENTED, true, reduced, NULL), 0);
    make_project(ACCENTED);
    make_project(plain);
    verb_expect(0, "start", ACCENTED);
    char *before = pod_text("inspect", "--format", "{{.Id}} {{.State.Pid}}", reduced);
    home_timed_run(&r, 10000, "start", plain);
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, ACCENTED); /* whose it is */
    home_timed_run(&r, 10000, "shell", plain, "-c", "echo inside");
    assert_int_not_equal(r.code, 0);
    assert_null(strstr(r.out.buf, "inside"));
    home_timed_run(&r, 10000, "delete", "--yes", "--force", plain);
    char *after = pod_text("inspect", "--format", "{{.Id}} {{.State.Pid}}", reduced);
    assert_string_equal(after, before);
    home_expect_shell(ACCENTED);
    verb_expect(0, "delete", "--yes", "--force", ACCENTED);
    verb_expect(0, "start", plain);
    home_expect_shell(plain);
    /* The same with what every runtime reduces: of two folders with one name the first has it. */
    assert_int_equal(naming_sandbox("a b", true, reduced, NULL), 0);
    make_project(plain);
    home_timed_run(&r, 10000, "start", "a b");
    int first = r.code;
    home_timed_run(&r, 10000, "start", plain);
    assert_int_not_equal(first == 0, r.code == 0);
    free(before);
    free(after);
    ran_release(&r);
}

/* A folder whose name means something to whoever builds podman's command line. */
static void test_odd_project(void **state)
{
    static const char NAME[] = "we:ird,ro=\"x\" 'y' $(id)";
    struct ran r = RAN_INIT;
    (void)state;
    make_project(NAME);
    MT_CLEANUP(xfree) char *file = xasprintf("src/%s/here", NAME);
    home_write(file, "yes\n");
    verb_expect(0, "start", NAME);
    verb_run(&r, "shell", NAME, "-c", "cat here; echo back >there");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "yes\n");
    MT_CLEANUP(xfree) char *there = xasprintf("src/%s/there", NAME);
    assert_true(home_exists(there));
    ran_release(&r);
}

/* --- images --- */

/* Registries that cannot be reached: test_podman_image. */
static void test_no_image(void **state)
{
    static const char *const images[] = {"localhost/muthr-is-not-there:latest", "Not A Reference!"};
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(images); i++) {
        MT_CLEANUP(xfree) char *manifest = xasprintf("name: base\nimage: \"%s\"\n", images[i]);
        home_write(BASE, manifest);
        refused(images[i], strchr(images[i], ' ') ? "not a reference" : images[i]);
    }
    works();
}

/* --- manifests --- */

/* Ten megabytes of it; aliases that mean a billion; neither is read to its end. */
static char *large_text(bool aliases)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addstr(&text, GOOD);
    if (!aliases) {
        for (int i = 0; i < 280000; i++) {
            strbuf_addstr(&text, "# a comment that makes the file large\n");
        }
        return strbuf_detach(&text, NULL);
    }
    strbuf_addstr(&text, "a: &a [x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c < 'm'; c++) {
        strbuf_addf(&text, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1, c - 1,
                    c - 1, c - 1, c - 1);
    }
    return strbuf_detach(&text, NULL);
}

static void test_manifests(void **state)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {
        {"{{ this is: not [yaml\n", "base.yaml:1:"},
        {"\x89PNG\r\n\x1a\n\xff\xfe\x80", "base.yaml:1:"},
        {GOOD "resources:\n  cpus: 0\n", "base.yaml:4:9: cpus"},
        {GOOD "resources:\n  memory: 12 parsecs\n", "base.yaml:4:11: memory"},
        {GOOD "resources: {memory: 1}\n", "base.yaml:3:"},
        {GOOD "security:\n  network: shared\n", "base.yaml:4:"},
        {GOOD "mounts: ['~/src/../../etc:/x']\n", "without .."},
        {GOOD "mounts: ['~/src:/x:/y']\n", "only ro or rw"},
        {GOOD "mounts: ['~/src:/proc/self']\n", "folder of the system"},
        {GOOD "ports: [70000]\n", "is not a port"},
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        home_write(BASE, CASES[i].text);
        refused(CASES[i].text, CASES[i].says);
    }
    for (int i = 0; i < 2; i++) {
        MT_CLEANUP(xfree) char *text = large_text(i == 1);
        home_write(BASE, text);
        refused(i == 0 ? "10 MB" : "aliases", "base.yaml");
    }
    works();
}

/* A source that is not there and one that a link leads elsewhere: left out, said, and everything else works. */
static void test_mounts(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    make_project("shared");
    home_write("src/shared/file", "shared\n");
    home_write("secret/key", "secret\n");
    MT_CLEANUP(xfree) char *link = path_join(vr.src, "link"), *secret = path_join(vr.home, "secret");
    assert_int_equal(symlink(secret, link), 0);
    home_write(BASE, GOOD "mounts:\n  - ~/src/shared:/shared:ro\n  - ~/src/link:/led\n  - ~/src/link/key:/key\n"
                          "  - ~/src/nowhere:/nowhere\n");
    home_timed_run(&r, 10000, "start");
    ran_expect(&r, 0);
    expect_text(&r.err, "~/src/link is left out");
    expect_text(&r.err, "~/src/link/key is left out");
    expect_text(&r.err, "~/src/nowhere is left out");
    verb_run(&r, "shell", "-c", "cat /shared/file; ls -d /led /key /nowhere 2>/dev/null; echo x >/shared/file; true");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "shared\n");
    ran_release(&r);
}

/* --- environment --- */

static void deep_stack(void)
{
    struct rlimit l = {.rlim_cur = 256u << 20, .rlim_max = RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &l); /* a quarter of it is what arguments may take, but 6 MB at most */
}

/* `env` inside, with so many variables of ours. */
static void many_variables(struct ran *r, int count)
{
    static const struct verb_how deep = {.prepare = deep_stack};
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushl(&args, "shell", "-c", "env | grep -c ^V[0-9]", NULL);
    for (int i = 0; i < count; i++) {
        strvec_push(&args, "--env");
        strvec_pushf(&args, "V%d=x", i);
    }
    uint64_t start = clock_mono_ms();
    verb_run_how(r, &deep, (const char *const *)args.v);
    int ms = (int)(clock_mono_ms() - start);
    print_message("  %d variables: code %d after %d ms: %.*s\n", count, r->code, ms, (int)strcspn(r->err.buf, "\n"),
                  r->err.buf);
    assert_in_range(ms, 0, 10000);
}

/* Sixty-four thousand variables are refused with words, thousands arrive, and so does a value as long as one may be. */
static void test_environment(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(0, "start");
    many_variables(&r, 65536);
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "more than 4096 variables");
    many_variables(&r, 4096);
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "4096\n");
    MT_CLEANUP(xfree) char *value = xcalloc(120001, 1), *pair = NULL;
    memset(value, 'x', 120000);
    pair = xasprintf("LONG=%s", value);
    verb_run(&r, "shell", "--env", pair, "-c", "echo ${#LONG}");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "120000\n");
    verb_run(&r, "shell", "--env", "LINE=a\nb", "-c", "true");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "LINE");
    home_expect_shell("demo");
    ran_release(&r);
}

/* --- Containerfile --- */

static void test_containerfile_fails(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(BASE, "name: base\n");
    home_write(CONTAINERFILE, "FROM " POD_READY "\nRUN true\nRUN echo out of luck >&2; exit 7\nRUN true\n");
    home_timed_run(&r, 20000, "start");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "exit 7");
    char *names = home_containers();
    assert_string_equal(names, ""); /* neither a sandbox nor a build container */
    free(names);
    home_write(CONTAINERFILE, "FROM " POD_READY "\nRUN true\nRUN echo in luck >/etc/luck\n");
    verb_expect(0, "start");
    verb_run(&r, "shell", "-c", "cat /etc/luck");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "in luck\n");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_collide, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_odd_project, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_no_image, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_manifests, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_mounts, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_environment, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_containerfile_fails, home_setup, home_teardown),
    };
    return cmocka_run_group_tests_name("podman, input that cannot be", tests, home_open, home_close);
}

int main(void)
{
    return pod_main(run);
}
