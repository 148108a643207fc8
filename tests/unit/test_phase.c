/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/phase.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static void feed(struct phase *p, const char *text)
{
    phase_feed(p, text, strlen(text));
}

static void test_lines(void **state)
{
    (void)state;
    struct phase p;
    phase_init(&p);
    feed(&p, "[PROC] inst");
    assert_string_equal(p.phase, "");
    feed(&p, "alling\nplain\n");
    assert_string_equal(p.phase, "[PROC] installing");
    assert_string_equal(p.last, "plain");
    feed(&p, "  \x1b[1;31m[ERR]\x1b[0m broke \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\r\n\n   \n");
    assert_string_equal(p.phase, "[ERR] broke link");
    assert_string_equal(p.failure, "[ERR] broke link");
    feed(&p, "not [PROC] at the start\n[ OK ] fine\rprogress 10%\rprogress 20%\n[INFO] i\n[WARN] w");
    assert_string_equal(p.phase, "[INFO] i");
    assert_int_equal(p.count, 4);
    phase_end(&p);
    assert_string_equal(p.phase, "[WARN] w");
    assert_string_equal(p.failure, "[ERR] broke link");
}

static void test_hostile(void **state)
{
    (void)state;
    struct phase p;
    phase_init(&p);
    feed(&p, "\x1b]0;a title that never ends [PROC] no\n[PROC] yes\n"); /* must not eat the log */
    assert_string_equal(p.phase, "[PROC] yes");
    for (int i = 0; i < 100000; i++) {
        phase_feed(&p, "\xff\x80\0x", 4);
    }
    feed(&p, "\n[PROC] \xff\xe2\x80\xae after\n");
    assert_true(utf8_is_valid(p.phase, strlen(p.phase)));
    assert_memory_equal(p.phase, "[PROC] ", 7);
    unsigned seed = 7;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1103515245u + 12345u;
        char c = (char)(seed >> 16);
        phase_feed(&p, &c, 1);
    }
    assert_true(utf8_is_valid(p.last, strlen(p.last)));
}

static void test_growing_file(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct phase p;
    phase_init(&p);
    MT_CLEANUP(xfree) char *path = path_join(t.dir, "log");
    assert_false(phase_read(&p, path)); /* not there yet */
    temphome_write(&t, "log", "[PROC] a\n");
    assert_false(phase_read(&p, path));
    assert_string_equal(p.phase, "[PROC] a");
    assert_int_equal(fs_append(path, "[PROC] b\n", 9, 0600, NULL), 0);
    phase_read(&p, path);
    assert_string_equal(p.phase, "[PROC] b");
    assert_int_equal(p.count, 2);               /* nothing read twice */
    temphome_write(&t, "log", "x\n[ OK ] c\n"); /* rotated: shorter than what was read */
    while (phase_read(&p, path)) {
    }
    assert_string_equal(p.phase, "[ OK ] c");
    struct strbuf big = STRBUF_INIT;
    while (big.len < (5u << 20)) {
        strbuf_addstr(&big, "[PROC] flood flood flood flood flood flood flood flood flood\n");
    }
    strbuf_addstr(&big, "[ OK ] end\n");
    assert_int_equal(fs_append(path, big.buf, big.len, 0600, NULL), 0);
    strbuf_release(&big);
    int reads = 1;
    while (phase_read(&p, path)) {
        reads++;
    }
    assert_true(reads <= 3); /* a backlog is not read, only its end */
    assert_string_equal(p.phase, "[ OK ] end");
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_growing_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
