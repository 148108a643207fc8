/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "term/select.h"

static struct vt *terminal(const char *text)
{
    struct vt *vt = vt_new(&(struct vt_opts){.cols = 10, .rows = 3});
    vt_feed(vt, text, strlen(text));
    return vt;
}

static void assert_text(struct vt *vt, struct select_pos a, struct select_pos b, bool block, const char *want)
{
    struct strbuf out = STRBUF_INIT;
    select_text(vt, a, b, block, &out);
    assert_string_equal(out.buf, want);
    strbuf_release(&out);
}

#define POS(l, c) ((struct select_pos){l, c})

static void test_text(void **state)
{
    (void)state;
    /* Lines: 0 "one", 1-2 "a long line" wrapped, 3 "你好 x", 4 "", 5 "end" */
    struct vt *vt = terminal("one\r\na long line\r\n你好 x\r\n\r\nend");
    assert_int_equal(select_line_count(vt), 6);
    assert_int_equal(vt_history_count(vt), 3);
    assert_text(vt, POS(0, 0), POS(5, 9), false, "one\na long line\n你好 x\n\nend");
    assert_text(vt, POS(5, 9), POS(0, 0), false, "one\na long line\n你好 x\n\nend");
    assert_text(vt, POS(1, 2), POS(2, 0), false, "long line");
    assert_text(vt, POS(3, 1), POS(3, 2), false, "你好");
    assert_text(vt, POS(0, 1), POS(2, 0), true, "on\na\ne");
    assert_text(vt, POS(5, 0), POS(99, 99), false, "end");
    assert_text(vt, POS(99, 0), POS(100, 0), false, "");
    assert_text(vt, POS(3, -5), POS(3, 50), false, "你好 x");
    vt_free(vt);
}

/* A space at the end of a wrapped row is text; blanks at the end of others are not. */
static void test_wrapped_space(void **state)
{
    (void)state;
    struct vt *vt = terminal("123456789 next   \r\nx   \r\n\r\n\r\n");
    assert_text(vt, POS(0, 0), POS(2, 9), false, "123456789 next\nx");
    vt_free(vt);
    vt = terminal("123456789你\r\n"); /* the wide one did not fit: the hole is no space */
    assert_text(vt, POS(0, 0), POS(1, 9), false, "123456789你");
    vt_free(vt);
}

static void test_word(void **state)
{
    (void)state;
    struct vt *vt = terminal("a /b/c.d: x");
    struct select_pos from, to;
    select_word(vt, POS(0, 4), &from, &to);
    assert_int_equal(from.col, 2);
    assert_int_equal(to.col, 8);
    select_word(vt, POS(0, 1), &from, &to);
    assert_int_equal(from.col, 1);
    assert_int_equal(to.col, 1);
    select_word(vt, POS(77, 1), &from, &to);
    select_word(vt, POS(0, -1), &from, &to);
    select_word(vt, POS(0, 1000), &from, &to);
    vt_free(vt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_wrapped_space),
        cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
