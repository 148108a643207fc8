/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/naming.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static void test_sandbox_names(void **state)
{
    (void)state;
    char out[NAMING_SANDBOX_MAX];
    struct error err = ERROR_INIT;
    assert_int_equal(naming_sandbox("homepage", false, out, &err), 0);
    assert_string_equal(out, "muthr-homepage");
    assert_int_equal(naming_sandbox("a b", false, out, &err), 0);
    assert_string_equal(out, "muthr-ab-04833892"); /* FNV-1a 64 of "a b", low half, computed apart from this code */
    assert_int_equal(naming_sandbox("-rf", false, out, &err), 0);
    assert_string_equal(out, "muthr--rf");
    assert_int_equal(naming_sandbox("日本", false, out, &err), 0);
    assert_string_equal(out, "muthr-日本");
    assert_int_equal(naming_sandbox("日本x", true, out, &err), 0);
    assert_memory_equal(out, "muthr-x-", 8);
    assert_int_equal(strlen(out), 8 + 8);
    assert_int_equal(naming_sandbox("bad\xff\nname", false, out, &err), 0);
    assert_memory_equal(out, "muthr-badname-", 14);
    assert_int_equal(naming_sandbox(" .. ", false, out, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(naming_sandbox("", false, out, &err), -1);
    assert_int_equal(naming_sandbox("日本", true, out, &err), -1);
}

static void test_long_names_stay_distinct(void **state)
{
    (void)state;
    char a[256], b[256], x[NAMING_SANDBOX_MAX], y[NAMING_SANDBOX_MAX];
    memset(a, 'n', 255);
    a[255] = '\0';
    memcpy(b, a, 256);
    b[254] = 'm';
    assert_int_equal(naming_sandbox(a, false, x, NULL), 0);
    assert_int_equal(naming_sandbox(b, false, y, NULL), 0);
    assert_true(strlen(x) < NAMING_SANDBOX_MAX);
    assert_string_not_equal(x, y);
    char wide[256];
    for (int i = 0; i < 85; i++) {
        memcpy(wide + 3 * i, "語", 3);
    }
    wide[255] = '\0';
    assert_int_equal(naming_sandbox(wide, false, x, NULL), 0);
    assert_true(strlen(x) < NAMING_SANDBOX_MAX);
    assert_true(x[strlen(x) - 9] == '-');
    char exact[90];
    memset(exact, 'e', 89);
    exact[89] = '\0';
    assert_int_equal(naming_sandbox(exact, false, x, NULL), 0);
    assert_string_equal(x + 6, exact); /* 6 + 89 just fits: no hash */
}

static void expect_root(const struct temphome *t, const char *setting, enum error_code code, const char *part)
{
    struct error err = ERROR_INIT;
    char *path = NULL;
    int rc = naming_root(setting, &t->paths, &path, &err);
    assert_non_null(path);
    free(path);
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, code);
    if (strstr(err.msg, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
    }
}

static void test_roots(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct error err = ERROR_INIT;
    char *path;
    expect_root(&t, "~/src", ERROR_NOT_FOUND, "mkdir -p");
    temphome_mkdir(&t, "src");
    assert_int_equal(naming_root("~/src/", &t.paths, &path, &err), 0);
    assert_true(path_is_below(path, t.dir));
    assert_string_equal(path_base(path), "src");
    free(path);
    assert_int_equal(naming_root("src", &t.paths, &path, &err), 0); /* relative: from home */
    free(path);
    expect_root(&t, "/", ERROR_INVALID, "root of the file system");
    expect_root(&t, "//", ERROR_INVALID, "root of the file system");
    expect_root(&t, "/home", ERROR_INVALID, "everybody");
    expect_root(&t, "/Users", ERROR_INVALID, "everybody");
    expect_root(&t, "~", ERROR_INVALID, "home directory itself");
    expect_root(&t, "~/src/..", ERROR_INVALID, "home directory itself");
    expect_root(&t, "/usr", ERROR_INVALID, "outside the home");
    expect_root(&t, "/nowhere/at/all", ERROR_INVALID, "outside the home"); /* not offered for creation */
    expect_root(&t, "", ERROR_INVALID, "empty");
    temphome_write(&t, "file", "x");
    expect_root(&t, "~/file", ERROR_INVALID, "not a folder");
    char link[128];
    str_format(link, sizeof(link), "%s/dangling", t.dir);
    assert_int_equal(symlink("gone", link), 0);
    expect_root(&t, "~/dangling", ERROR_NOT_FOUND, "symbolic link to gone");
    str_format(link, sizeof(link), "%s/loop", t.dir);
    assert_int_equal(symlink("loop", link), 0);
    expect_root(&t, "~/loop", ERROR_INVALID, "back to itself");
    str_format(link, sizeof(link), "%s/escape", t.dir);
    assert_int_equal(symlink("/usr/share", link), 0);
    expect_root(&t, "~/escape", ERROR_INVALID, "leads to /usr/share");
    struct error usage = {.code = ERROR_INVALID}, missing = {.code = ERROR_NOT_FOUND},
                 down = {.code = ERROR_UNAVAILABLE};
    assert_int_equal(error_exit_code(&usage), 64);
    assert_int_equal(error_exit_code(&missing), 66);
    assert_int_equal(error_exit_code(&down), 69);
    temphome_close(&t);
}

static void test_contexts(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    temphome_mkdir(&t, "src/api/lib/deep");
    temphome_mkdir(&t, ".config/muthr/sub");
    struct error err = ERROR_INIT;
    struct naming_context c;
    char *root;
    assert_int_equal(naming_root("~/src", &t.paths, &root, &err), 0);
    MT_CLEANUP(xfree) char *deep = path_join(root, "api/lib/deep"), *top = path_join(root, "api");
    assert_int_equal(naming_context(root, deep, &t.paths, &c, &err), 0);
    assert_string_equal(c.project, "api");
    assert_string_equal(c.inner, "lib/deep");
    assert_string_equal(c.sandbox, "muthr-api");
    assert_int_equal(naming_context(root, top, &t.paths, &c, &err), 0);
    assert_string_equal(c.inner, "");
    assert_int_equal(naming_context(root, root, &t.paths, &c, &err), -1);
    assert_non_null(strstr(err.msg, root));
    assert_int_equal(error_exit_code(&err), 64);
    assert_int_equal(naming_context(root, "/usr", &t.paths, &c, &err), -1);
    assert_non_null(strstr(err.msg, root));
    MT_CLEANUP(xfree) char *config = path_join(t.paths.config, "sub");
    assert_int_equal(naming_context(root, config, &t.paths, &c, &err), 0);
    assert_true(c.reserved);
    assert_string_equal(c.sandbox, "muthr-config");
    MT_CLEANUP(xfree) char *lookalike = xasprintf("%s-other", root);
    assert_int_equal(naming_context(root, lookalike, &t.paths, &c, &err), -1); /* not below, only alike */
    free(root);
    temphome_close(&t);
}

static void test_words(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(naming_check_word("claude-code_2", "profile", &err), 0);
    const char *bad[] = {"", "a b", "../x", "a/b", "a\n", "naïve", "a.sh"};
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        assert_int_equal(naming_check_word(bad[i], "profile", &err), -1);
        assert_non_null(strstr(err.msg, "profile"));
    }
    assert_true(naming_is_infrastructure("muthr-services"));
    assert_true(naming_is_infrastructure("muthr-searxng"));
    assert_false(naming_is_infrastructure("muthr-service"));
    assert_true(naming_is_reserved("muthr-config"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox_names), cmocka_unit_test(test_long_names_stay_distinct),
        cmocka_unit_test(test_roots),         cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
