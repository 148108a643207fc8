/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tests/skip.h"

static void test_ring(void **state)
{
    (void)state;
    struct log_entry e;
    uint64_t before = log_problem_count();
    for (int i = 0; i < LOG_RING_SIZE * 2 + 5; i++) {
        log_info("entry %d", i);
    }
    assert_true(log_get(0, &e));
    assert_string_equal(e.text, "entry 516");
    assert_int_equal(e.level, LOG_INFO);
    assert_true(log_get(LOG_RING_SIZE - 1, &e));
    assert_string_equal(e.text, "entry 261");
    assert_false(log_get(LOG_RING_SIZE, &e));
    assert_true(log_problem_count() == before);
    log_warn("w");
    log_error("e");
    log_debug("d");
    assert_true(log_problem_count() == before + 2);
}

static void test_hostile_text(void **state)
{
    (void)state;
    struct log_entry e;
    char big[3001];
    for (size_t i = 0; i + 3 < sizeof(big); i += 3) {
        memcpy(big + i, "\xE2\x82\xAC", 4);
    }
    log_info("%s", big);
    assert_true(log_get(0, &e));
    assert_true(strlen(e.text) < sizeof(e.text) && strlen(e.text) > sizeof(e.text) - 5);
    assert_true(utf8_is_valid(e.text, strlen(e.text)));
    log_info("a\033[2Jb\nfake entry\n\n");
    assert_true(log_get(0, &e));
    assert_string_equal(e.text, "a\xEF\xBF\xBD[2Jb fake entry");
}

static void test_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/mt-log-XXXXXX";
    struct error err = ERROR_INIT;
    struct stat st;
    struct strbuf text = STRBUF_INIT;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(setenv("MUTHR_TUI_FAKE_TIME", "1795255200", 1), 0);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/log", dir);
    MT_CLEANUP(xfree) char *nowhere = xasprintf("%s/none/log", dir);
    MT_CLEANUP(xfree) char *link = xasprintf("%s/link", dir);
    assert_int_equal(fs_append(path, "old\n", 4, 0600, &err), 0);
    assert_int_equal(log_open(path, &err), 0);
    assert_int_equal(log_open(nowhere, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    /* A planted symlink is not followed. */
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(log_open(link, &err), -1);
    /* A failed open leaves the earlier file in use. */
    log_warn("kept\nline");
    assert_int_equal(log_open(NULL, &err), 0);
    log_warn("not in the file");
    assert_int_equal(fs_read(path, 4096, &text, &err), 0);
    MT_CLEANUP(xfree) char *want = xasprintf("old\n2026-11-21T10:00:00Z warning [%ld] kept line\n", (long)getpid());
    assert_string_equal(text.buf, want);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unsetenv("MUTHR_TUI_FAKE_TIME");
    strbuf_release(&text);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
}

/* Without log_to_stderr nothing is written there; with it, from the given level on. */
static void test_stderr(void **state)
{
    (void)state;
    char text[256];
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_error("silent");
    log_to_stderr(LOG_WARN);
    log_info("too low");
    log_warn("said");
    log_to_stderr((enum log_level)(LOG_ERROR + 1));
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(ends[1]);
    close(saved);
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    close(ends[0]);
    assert_string_equal(text, "muthr-tui: warning: said\n");
}

/* A full disk must not end the program. */
static void test_full(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    if (access("/dev/full", W_OK) != 0) {
        skip_because("there is no /dev/full");
    }
    assert_int_equal(log_open("/dev/full", &err), 0);
    log_warn("lost on disk, kept in the ring");
    assert_int_equal(log_open(NULL, &err), 0);
    struct log_entry e;
    assert_true(log_get(0, &e));
    assert_string_equal(e.text, "lost on disk, kept in the ring");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),   cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_file),
        cmocka_unit_test(test_stderr), cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
