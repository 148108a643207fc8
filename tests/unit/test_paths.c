/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

static char g_dir[64];

static int setup(void **state)
{
    (void)state;
    (void)str_format(g_dir, sizeof(g_dir), "/tmp/mt-paths-XXXXXX");
    if (!mkdtemp(g_dir)) {
        return -1;
    }
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("MUTHR_TUI_DATA");
    return setenv("HOME", g_dir, 1);
}

static int teardown(void **state)
{
    (void)state;
    return fs_remove_tree(g_dir, NULL);
}

/* Checks and frees an owned string. */
static void owned(char *got, const char *want)
{
    assert_string_equal(got, want);
    free(got);
}

static void test_arithmetic(void **state)
{
    (void)state;
    owned(path_join("/a", "b"), "/a/b");
    owned(path_join("/a/", "/b"), "/a/b");
    owned(path_join("/", "b"), "/b");
    owned(path_join("///", "b"), "/b");
    owned(path_join("a", ""), "a");
    owned(path_join("a/", ""), "a");
    owned(path_join("", "b"), "b");
    owned(path_expand("~", "/h"), "/h");
    owned(path_expand("~/x y", "/h"), "/h/x y");
    owned(path_expand("~user/x", "/h"), "~user/x");
    owned(path_expand("/a/~", "/h"), "/a/~");
    owned(path_tilde("/h/u/x", "/h/u"), "~/x");
    owned(path_tilde("/h/u", "/h/u/"), "~");
    owned(path_tilde("/h/user", "/h/u"), "/h/user");
    owned(path_tilde("/x", "/"), "/x");
    assert_string_equal(path_base("/a/b"), "b");
    assert_string_equal(path_base("b"), "b");
    assert_string_equal(path_base("/a/"), "");
}

static void test_below(void **state)
{
    (void)state;
    assert_true(path_is_below("/a", "/a"));
    assert_true(path_is_below("/a/b/c", "/a"));
    assert_true(path_is_below("/a/b", "/a/"));
    assert_true(path_is_below("/a", "/"));
    assert_false(path_is_below("/ab", "/a"));
    assert_false(path_is_below("/", "/a"));
    assert_false(path_is_below("/b/a", "/a"));
}

static void test_real(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *loop = path_join(g_dir, "loop");
    MT_CLEANUP(xfree) char *link = path_join(g_dir, "link");
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(symlink(".", link), 0);
    assert_null(path_real(loop, &err));
    assert_non_null(strstr(err.msg, "symlink loop"));
    MT_CLEANUP(xfree) char *real = path_real(g_dir, &err);
    MT_CLEANUP(xfree) char *through = path_real(link, &err);
    assert_string_equal(real, through);
    assert_null(path_real("/nonexistent/x", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_defaults(void **state)
{
    (void)state;
    struct paths p;
    struct error err = ERROR_INIT;
    setenv("XDG_CONFIG_HOME", "relative/is/ignored", 1);
    setenv("XDG_CACHE_HOME", "/not/looked/at", 1);
    assert_int_equal(paths_init(&p, "muthr-tui", &err), 0);
    assert_string_equal(p.home, g_dir);
    owned(path_tilde(p.config, g_dir), "~/.config/muthr");
    owned(path_tilde(p.state, g_dir), "~/.local/state/muthr");
    owned(path_tilde(p.cache, g_dir), "~/.cache/muthr");
    assert_true(p.executable[0] == '/');
    assert_non_null(strstr(p.executable, "test_paths"));
    MT_CLEANUP(xfree) char *want = xasprintf("/tmp/muthr-%lu", (unsigned long)geteuid());
    assert_string_equal(p.runtime, want);
    assert_non_null(p.data);
    /* Creates nothing. */
    assert_false(fs_exists(p.config));
    assert_false(fs_exists(p.state));
    paths_release(&p);
    assert_null(p.home);
    paths_release(&p);
}

static void test_variables(void **state)
{
    (void)state;
    struct paths p;
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *run = path_join(g_dir, "run");
    assert_int_equal(mkdir(run, 0700), 0);
    setenv("XDG_CONFIG_HOME", "/c", 1);
    setenv("XDG_STATE_HOME", "/s/", 1);
    setenv("XDG_RUNTIME_DIR", run, 1);
    setenv("MUTHR_TUI_DATA", "/d", 1);
    assert_int_equal(paths_init(&p, "x", &err), 0);
    assert_string_equal(p.config, "/c/muthr");
    assert_string_equal(p.state, "/s/muthr");
    assert_string_equal(p.data, "/d");
    assert_true(path_is_below(p.runtime, run));
    assert_int_equal(paths_make_runtime(&p, &err), 0);
    assert_int_equal(paths_make_runtime(&p, &err), 0);
    struct stat st;
    assert_int_equal(stat(p.runtime, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(chmod(p.runtime, 0750), 0);
    assert_int_equal(paths_make_runtime(&p, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(err.hint);
    /* A file or a planted symlink in its place. */
    assert_int_equal(rmdir(p.runtime), 0);
    assert_int_equal(symlink("/tmp", p.runtime), 0);
    assert_int_equal(paths_make_runtime(&p, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    if (geteuid() == 0) {
        assert_int_equal(unlink(p.runtime), 0);
        assert_int_equal(mkdir(p.runtime, 0700), 0);
        assert_int_equal(chown(p.runtime, 65534, 65534), 0);
        assert_int_equal(paths_make_runtime(&p, &err), -1);
        assert_int_equal(err.code, ERROR_DENIED);
        assert_non_null(strstr(err.msg, "65534"));
    }
    paths_release(&p);
    /* A runtime folder that others can enter is not used. */
    assert_int_equal(chmod(run, 0755), 0);
    assert_int_equal(paths_init(&p, "x", &err), 0);
    assert_false(path_is_below(p.runtime, run));
    paths_release(&p);
}

static void test_home(void **state)
{
    (void)state;
    struct paths p;
    struct error err = ERROR_INIT;
    setenv("HOME", "not/absolute", 1);
    if (paths_init(&p, "x", &err) == 0) {
        /* From the password database. */
        assert_true(p.home[0] == '/');
    } else {
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        assert_non_null(err.hint);
    }
    paths_release(&p);
    setenv("HOME", "/h//", 1);
    assert_int_equal(paths_init(&p, "x", &err), 0);
    assert_string_equal(p.home, "/h");
    paths_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_below),
        cmocka_unit_test_setup_teardown(test_real, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_home, setup, teardown),
    };
    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
