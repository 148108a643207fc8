/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of tasks: their names, what is swept, and their text made plain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include "core/engine/task_log.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"
#include "tui/plainlog.h"

#define DIR ".local/state/muthr/tasks/muthr-shop/"

static struct temphome th;

static int setup(void **state)
{
    (void)state;
    temphome_open(&th);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temphome_close(&th);
    return 0;
}

/* The log of a run that began then. */
static void put(const char *name, unsigned long long began)
{
    MT_CLEANUP(xfree) char *rel = xasprintf(DIR "%s.%llu.log", name, began);
    MT_CLEANUP(xfree) char *path = path_join(th.dir, rel);
    temphome_write(&th, rel, "said\n");
    task_log_note(path, name, name, "x");
}

static bool there(const char *rel)
{
    MT_CLEANUP(xfree) char *full = xasprintf("%s/" DIR "%s", th.dir, rel);
    return fs_exists(full);
}

static void test_sweep(void **state)
{
    (void)state;
    char path[512];
    struct task_log *list;
    MT_CLEANUP(strvec) struct strvec live = STRVEC_INIT;
    for (unsigned i = 1; i <= 8; i++) {
        put("web", i);
        put("web.2", i);
    }
    temphome_write(&th, DIR "notes.txt", "not ours");
    temphome_write(&th, DIR "x.log", "nor this");
    MT_CLEANUP(xfree) char *oldest = xasprintf("%s/" DIR "web.1.log", th.dir);
    MT_CLEANUP(xfree) char *aged = xasprintf("%s/" DIR "web.2.8.log", th.dir);
    const struct utimbuf then = {.actime = 1000, .modtime = (time_t)(clock_wall_ms() / 1000) - 31 * 86400};
    assert_int_equal(utime(aged, &then), 0);
    strvec_push(&live, oldest);
    assert_int_equal(task_log_new(&th.paths, "muthr-shop", "web", &live, path, sizeof(path), NULL), 0);
    assert_false(fs_exists(path));
    /* With the new one there are five; the oldest lives. */
    assert_true(there("web.1.log") && there("web.1.json"));
    assert_false(there("web.2.log") || there("web.2.json") || there("web.4.log"));
    assert_true(there("web.5.log") && there("web.8.log"));
    /* Another name that begins like it: only what is old goes. */
    assert_true(there("web.2.1.log"));
    assert_false(there("web.2.8.log"));
    assert_true(there("notes.txt") && there("x.log"));
    size_t count = task_logs_list(&th.paths, "muthr-shop", &list);
    assert_int_equal(count, 5 + 7);
    assert_int_equal(list[0].began_wall_ms, 8);
    assert_string_equal(list[0].name, "web");
    assert_string_equal(list[0].session, "web");
    task_logs_free(list, count);
    count = task_logs_list(&th.paths, NULL, &list);
    assert_int_equal(count, 12);
    task_logs_free(list, count);
    assert_int_equal(task_logs_list(&th.paths, "muthr-none", &list), 0);
    task_logs_free(list, 0);
}

/* So many of all names. */
static void test_many(void **state)
{
    (void)state;
    char path[512];
    struct task_log *list;
    MT_CLEANUP(strvec) struct strvec live = STRVEC_INIT;
    for (unsigned i = 1; i <= TASK_LOGS_MAX + 10; i++) {
        char name[16];
        str_format(name, sizeof(name), "t%u", i);
        put(name, i);
    }
    assert_int_equal(task_log_new(&th.paths, "muthr-shop", "new", &live, path, sizeof(path), NULL), 0);
    size_t count = task_logs_list(&th.paths, "muthr-shop", &list);
    assert_int_equal(count, TASK_LOGS_MAX - 1);
    assert_string_equal(list[0].name, "t110");
    task_logs_free(list, count);
}

static void add_line(void *arg, const char *line, size_t len)
{
    strbuf_add(arg, line, len);
    strbuf_addch(arg, '|');
}

static void test_plain(void **state)
{
    static const struct {
        const char *raw, *plain;
    } CASES[] = {
        {"one\r\ntwo\nthree", "one|two|three|"},
        {"\033[1;31mred\033[0m\033]0;title\007 \033P1$q\033\\x\n", "red x|"},
        {"10%\r20%\r30%\n", "30%|"},
        {"10%\r\033[K20%", "20%|"},
        {"ab\bc\td\a\n", "ac\td|"},
        {"\xc3\xa9\b\xc3\xb6\n", "\xc3\xb6|"},
        {"\xff\xfe bad\n", "\xef\xbf\xbd\xef\xbf\xbd bad|"},
        {"x\xe2\x80\xaey\n", "x\xef\xbf\xbdy|"}, /* a change of direction */
        {"\n\n", "||"},
        {"no end \033[", "no end |"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
        struct plainlog p;
        plainlog_init(&p, add_line, &out);
        for (const char *c = CASES[i].raw; *c != '\0'; c++) {
            plainlog_feed(&p, c, 1); /* however it is cut */
        }
        plainlog_end(&p);
        plainlog_release(&p);
        assert_string_equal(out.buf, CASES[i].plain);
    }
    /* A line without an end is bounded. */
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    struct plainlog p;
    plainlog_init(&p, add_line, &out);
    for (int i = 0; i < 3000; i++) {
        plainlog_feed(&p, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 64);
    }
    assert_true(p.line.len < PLAINLOG_LINE_MAX);
    assert_non_null(strchr(out.buf, '|'));
    plainlog_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
