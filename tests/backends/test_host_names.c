/* SPDX-License-Identifier: Apache-2.0 */
/* What a session is called: the name that a person gives it is the host's to keep, and the program that a shell runs in
 * the foreground is known by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "term/host.h"
#include "tests/backends/host_rig.h"

static struct rig rig;
static struct rig_client a, b;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (b.s != NULL) {
        rig_client_close(&b);
        b.s = NULL;
    }
    rig_client_close(&a);
    rig_close(&rig);
    return 0;
}

struct expected {
    struct rig_client *c;
    const char *id, *text;
};

static bool has_name(void *arg)
{
    const struct expected *e = arg;
    const struct session_info *s = sessions_find(e->c->s, e->id);

    return s != NULL && strcmp(s->name, e->text) == 0;
}

static bool has_front(void *arg)
{
    const struct expected *e = arg;

    return strcmp(sessions_find(e->c->s, e->id)->front, e->text) == 0;
}

static void expect_name(struct rig_client *c, const char *id, const char *name)
{
    struct expected e = {c, id, name};

    if (!rig_wait(&rig, has_name, &e, RIG_WAIT_MS)) {
        fail_msg("it is called '%s', not '%s'", sessions_find(c->s, id)->name, name);
    }
}

static void expect_front(const char *id, const char *name)
{
    struct expected e = {&a, id, name};

    if (!rig_wait(&rig, has_front, &e, RIG_WAIT_MS)) {
        fail_msg("in front is '%s', not '%s'", sessions_find(a.s, id)->front, name);
    }
}

static void test_rename(void **state)
{
    struct error err = ERROR_INIT;
    char id[SESSION_ID_MAX], label[80], long_name[81];

    (void)state;
    str_copy(id, sizeof(id), rig_start(&a, "exec cat"));
    str_copy(label, sizeof(label), sessions_find(a.s, id)->label);
    assert_string_equal(sessions_find(a.s, id)->name, "");
    assert_int_equal(sessions_rename(a.s, id, "web server", &err), 0);
    expect_name(&a, id, "web server");
    assert_string_equal(sessions_find(a.s, id)->label, label); /* rules go by it */
    /* Every other cockpit, and one that comes when the first is gone. */
    rig_client_open(&b, &rig);
    rig_expect_count(&b, 1);
    expect_name(&b, id, "web server");
    rig_client_close(&a);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 1);
    expect_name(&a, id, "web server");
    /* Fit for the screen. */
    assert_int_equal(sessions_rename(a.s, id, "  a\033[31m\nb \302\205 ", &err), 0);
    expect_name(&b, id, "a\357\277\275[31m b \357\277\275");
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(sessions_rename(a.s, id, long_name, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    long_name[79] = '\0';
    assert_int_equal(sessions_rename(a.s, id, long_name, &err), 0);
    expect_name(&a, id, long_name);
    assert_int_equal(sessions_rename(a.s, id, "", &err), 0);
    expect_name(&a, id, "");
    assert_int_equal(sessions_rename(a.s, "nobody", "x", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

/* What is typed into a shell is named while it runs; a script by its own name, not by its interpreter's. */
static void test_front(void **state)
{
    const char *id = rig_start(&a, NULL);
    char kept[SESSION_ID_MAX], line[300];

    (void)state;
    str_copy(kept, sizeof(kept), id);
    assert_int_equal(sessions_view(a.s, kept, 80, 24, NULL), 0);
    rig_expect(&a, kept, "PROMPT>");
    assert_string_equal(sessions_find(a.s, kept)->front, "");
    rig_type(&a, kept, "sleep 7713\n");
    expect_front(kept, "sleep");
    rig_type(&a, kept, "\003");
    expect_front(kept, "");
    str_format(line, sizeof(line), "printf 'read -r x\\n' > %s/t.sh && bash %s/t.sh\n", rig.base, rig.base);
    rig_type(&a, kept, line);
    expect_front(kept, "t");
    rig_type(&a, kept, "\n");
    expect_front(kept, "");
    /* A command's session says by its label what it runs. */
    struct session_start spec = {.label = "sleep 7714", .command = "sleep 7714"};
    const char *const argv[] = {"/bin/sh", "-c", "sleep 7714; :", NULL};
    spec.argv = argv;
    assert_true(rig_start_spec(&a, &spec));
    rig_turn(&rig, 100);
    assert_string_equal(sessions_find(a.s, a.start_id)->front, "");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_rename),
        T(test_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
