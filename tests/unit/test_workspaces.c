/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/workspaces.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/unit/temphome.h"

static const struct workspace *named(const struct workspace *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

static void test_strange_children(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    char longest[256], rel[300];
    memset(longest, 'x', 255);
    longest[255] = '\0';
    const char *names[] = {"plain",   "with space", "new\nline", "-dash",  "日本語",
                           "bad\xff", "...",        "services",  "config", "==="};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        str_format(rel, sizeof(rel), "src/%s", names[i]);
        temphome_mkdir(&t, rel);
    }
    str_format(rel, sizeof(rel), "src/%s", longest);
    temphome_mkdir(&t, rel);
    temphome_write(&t, "src/a file", "x");
    MT_CLEANUP(xfree) char *root = path_join(t.dir, "src");
    MT_CLEANUP(xfree)
    char *dangling = path_join(root, "dangling"), *loop = path_join(root, "loop"), *good = path_join(root, "good");
    assert_int_equal(symlink("nowhere", dangling), 0);
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(symlink("plain", good), 0);
    struct workspace *list;
    size_t n;
    struct error err = ERROR_INIT;
    assert_int_equal(workspaces_scan(root, &list, &n, &err), 0);
    assert_int_equal(n, MT_ARRAY_LEN(names) - 1 /* "..." is hidden */ + 1 + 3);
    assert_null(named(list, n, "a file"));
    assert_string_equal(named(list, n, "plain")->sandbox, "muthr-plain");
    assert_string_equal(named(list, n, "-dash")->sandbox, "muthr--dash");
    const struct workspace *nl = named(list, n, "new\nline");
    assert_null(strchr(nl->shown, '\n'));
    assert_null(strchr(nl->sandbox, '\n'));
    const struct workspace *bad = named(list, n, "bad\xff");
    assert_true(utf8_is_valid(bad->shown, strlen(bad->shown)));
    assert_non_null(strstr(bad->name_error, "not UTF-8"));
    assert_string_equal(bad->sandbox, "");
    assert_int_equal(strlen(named(list, n, longest)->name), 255);
    assert_string_equal(named(list, n, "===")->sandbox, "");
    assert_true(named(list, n, "===")->name_error[0] != '\0');
    assert_string_equal(named(list, n, "services")->sandbox, "");
    assert_true(named(list, n, "config")->reserved);
    assert_non_null(strstr(named(list, n, "dangling")->name_error, "does not exist"));
    assert_non_null(strstr(named(list, n, "loop")->name_error, "itself"));
    assert_string_equal(named(list, n, "good")->sandbox, "muthr-good");
    free(list);
    temphome_close(&t);
}

static void test_same_sandbox_name(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    temphome_mkdir(&t, "src/a b");
    temphome_mkdir(&t, "src/ab-04833892"); /* made to look like the other's */
    MT_CLEANUP(xfree) char *root = path_join(t.dir, "src");
    struct workspace *list;
    size_t n;
    assert_int_equal(workspaces_scan(root, &list, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal((list[0].sandbox[0] != '\0') + (list[1].sandbox[0] != '\0'), 1);
    free(list);
    temphome_close(&t);
}

static void test_many_are_fast(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    char rel[64];
    for (int i = 0; i < 400; i++) {
        str_format(rel, sizeof(rel), "src/project-%d", i);
        temphome_mkdir(&t, rel);
    }
    MT_CLEANUP(xfree) char *root = path_join(t.dir, "src");
    struct workspace *list;
    size_t n;
    uint64_t before = clock_mono_ms();
    assert_int_equal(workspaces_scan(root, &list, &n, NULL), 0);
    assert_int_equal(n, 400);
    assert_true(clock_mono_ms() - before <
                patience(2000)); /* a few ms; generous for a loaded machine under a sanitizer */
    free(list);
    temphome_close(&t);
}

static void test_unreadable_root(void **state)
{
    (void)state;
    struct workspace *list;
    size_t n;
    struct error err = ERROR_INIT;
    assert_int_equal(workspaces_scan("/nonexistent/root", &list, &n, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_null(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strange_children),
        cmocka_unit_test(test_same_sandbox_name),
        cmocka_unit_test(test_many_are_fast),
        cmocka_unit_test(test_unreadable_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
