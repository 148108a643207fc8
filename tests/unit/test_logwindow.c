/* SPDX-License-Identifier: Apache-2.0 */
/* A log that is larger than what is kept of it: both ends, the way between them, searching, growing, being replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/xmalloc.h"
#include "tui/logwindow.h"

#define LINES 60000 /* of 29 bytes: more than three windows */

static char dir[] = "/tmp/muthr-logwindow-XXXXXX";
static char *path;

/* Writes lines [from, to) behind what is there. */
static void write_lines(const char *mode, int from, int to)
{
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    for (int i = from; i < to; i++) {
        fprintf(f, "line %07d of a long story\n", i);
    }
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    path = xasprintf("%s/log", dir);
    write_lines("w", 0, LINES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    rmdir(dir);
    free(path);
    return 0;
}

/* The number of the first line of a part, which is whole lines only. */
static int first_of(const struct strbuf *data)
{
    assert_true(data->len > 0 && data->len <= LOGWINDOW_BYTES);
    assert_memory_equal(data->buf, "line ", 5);
    assert_int_equal(data->buf[data->len - 1], '\n');
    return (int)strtol(data->buf + 5, NULL, 10);
}

static int last_of(const struct strbuf *data)
{
    const char *at = data->buf + data->len - 1;
    while (at > data->buf && at[-1] != '\n') {
        at--;
    }
    return (int)strtol(at + 5, NULL, 10);
}

/* From the end to the beginning and back again: no line is left out, none comes twice. */
static void test_there_and_back(void **state)
{
    struct logwindow w;
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    size_t n = 0;
    (void)state;
    logwindow_init(&w, path);
    assert_true(logwindow_tail(&w, &data));
    assert_int_equal(last_of(&data), LINES - 1);
    int first = first_of(&data), steps = 0;
    while (logwindow_back(&w, &data, &n)) {
        char before[32];
        snprintf(before, sizeof(before), "line %07d ", first);
        assert_true(n < data.len);
        assert_memory_equal(data.buf + n, before, 13);
        assert_true(first_of(&data) < first);
        first = first_of(&data);
        steps++;
    }
    assert_int_equal(first, 0);
    assert_true(steps > 3);
    int last = last_of(&data);
    while (logwindow_forward(&w, &data, &n)) {
        char next[32];
        snprintf(next, sizeof(next), "line %07d ", last + 1);
        assert_memory_equal(data.buf + n, next, 13);
        last = last_of(&data);
    }
    assert_int_equal(last, LINES - 1);
    assert_true(logwindow_head(&w, &data));
    assert_int_equal(first_of(&data), 0);
    logwindow_release(&w);
}

static void test_find(void **state)
{
    struct logwindow w;
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    (void)state;
    logwindow_init(&w, path);
    assert_true(logwindow_tail(&w, &data));
    assert_true(logwindow_find(&w, "line 0000123 ", true, &data));
    assert_non_null(strstr(data.buf, "line 0000123 "));
    assert_true(logwindow_find(&w, "line 0041000 ", false, &data));
    assert_non_null(strstr(data.buf, "line 0041000 "));
    int64_t from = w.from;
    assert_false(logwindow_find(&w, "line 0000123 ", false, &data)); /* it stands the other way */
    assert_false(logwindow_find(&w, "LINE 0000123", true, &data));   /* upper case is meant */
    assert_true(w.from == from);
    logwindow_release(&w);
}

/* What is written behind comes, whole lines only; another file in its place is told. */
static void test_growing(void **state)
{
    struct logwindow w;
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    (void)state;
    logwindow_init(&w, path);
    assert_true(logwindow_tail(&w, &data));
    assert_int_equal(logwindow_more(&w, &data), LOGWINDOW_SAME);
    write_lines("a", LINES, LINES + 2);
    assert_int_equal(logwindow_more(&w, &data), LOGWINDOW_MORE);
    assert_int_equal(first_of(&data), LINES);
    assert_int_equal(last_of(&data), LINES + 1);
    FILE *f = fopen(path, "a");
    fputs("half a li", f);
    fclose(f);
    assert_int_equal(logwindow_more(&w, &data), LOGWINDOW_SAME);
    w.over = true;
    assert_int_equal(logwindow_more(&w, &data), LOGWINDOW_MORE);
    assert_string_equal(data.buf, "half a li");
    write_lines("w", 0, 10); /* the same file, shorter */
    assert_int_equal(logwindow_more(&w, &data), LOGWINDOW_ANEW);
    unlink(path);
    assert_int_equal(logwindow_more(&w, &data), LOGWINDOW_SAME);
    assert_false(logwindow_tail(&w, &data));
    assert_int_equal(symlink("/etc/passwd", path), 0); /* a link leads nowhere */
    assert_false(logwindow_tail(&w, &data));
    logwindow_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests_name("logwindow", tests, set_up, tear_down);
}
