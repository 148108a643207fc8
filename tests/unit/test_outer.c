/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tui/outer.h"

static unsigned reply(struct outer *o, const char *s)
{
    return outer_reply(o, s, strlen(s));
}

static void test_colors(void **state)
{
    struct outer o = {0};
    (void)state;
    assert_int_equal(reply(&o, "\033]11;rgb:1e1e/2d2d/ffff\033\\"), OUTER_COLORS);
    assert_true(o.bg_known && !o.fg_known);
    assert_int_equal(o.bg, 0x1e2dff);
    assert_int_equal(reply(&o, "\033]11;rgb:1e1e/2d2d/ffff\007"), 0); /* the same again */
    assert_int_equal(reply(&o, "\033]10;rgb:f/80/fff\007"), OUTER_COLORS);
    assert_int_equal(o.fg, 0xff80ff);
    assert_int_equal(reply(&o, "\033]10;rgba:0000/ffff/0000/8080\033\\"), OUTER_COLORS);
    assert_int_equal(o.fg, 0x00ff00);
    assert_int_equal(reply(&o, "\033]4;15;rgb:ffff/0000/8080\033\\"), OUTER_COLORS);
    assert_int_equal(reply(&o, "\033]4;15;rgb:ffff/0000/8080\033\\"), 0);
    assert_int_equal(reply(&o, "\033]4;16;rgb:ffff/0000/8080\033\\"), 0);
    assert_int_equal(reply(&o, "\033]4;;rgb:ffff/0000/8080\033\\"), 0);
    assert_int_equal(o.palette[15], 0x1ff0080);
    assert_int_equal(reply(&o, "\033]12;rgb:1/2/3\007"), OUTER_COLORS);
    assert_int_equal(o.cursor, 0x1112233);
}

static void test_keyboard(void **state)
{
    struct outer o = {0};
    (void)state;
    assert_int_equal(reply(&o, "\033[?0u"), OUTER_KEYS);
    assert_true(o.kitty && !o.answered);
    assert_int_equal(reply(&o, "\033[?62;22c"), OUTER_KEYS);
    assert_true(o.answered);
    assert_int_equal(reply(&o, "\033[?997;2n"), OUTER_ASK_COLORS);
    assert_int_equal(reply(&o, "\033P>|foot(1.16)\033\\"), 0);
    assert_false(o.modify);
    assert_int_equal(reply(&o, "\033P>|XTerm(390)\033\\"), 0);
    assert_true(o.modify);
}

static void test_underlines(void **state)
{
    struct outer o = {0};
    (void)state;
    assert_int_equal(reply(&o, "\033P1$r0;4m\033\\"), 0); /* xterm: a plain one is what it made of it */
    assert_int_equal(reply(&o, "\033P0$r\033\\"), 0);
    assert_false(o.ul_styles || o.ul_color);
    assert_int_equal(reply(&o, "\033P1$r0;4:3m\033\\"), OUTER_UNDERLINES);
    assert_true(o.ul_styles && !o.ul_color);
    assert_int_equal(reply(&o, "\033P1$r0;4:3;58:2::1:2:3m\033\\"), OUTER_UNDERLINES);
    assert_true(o.ul_color);
    assert_int_equal(reply(&o, "\033P1$r0;4:3;58:2::1:2:3m\033\\"), 0);
    o = (struct outer){0};
    assert_int_equal(reply(&o, "\033P1$r14:3;158:2m\033\\"), 0);
    assert_int_equal(reply(&o, "\033P1$r4:3"), 0);
}

static void test_nonsense(void **state)
{
    static const char *const bad[] = {"",
                                      "\033",
                                      "\033]",
                                      "\033]10;\007",
                                      "\033]11;?",
                                      "\033]11;rgb:",
                                      "\033]11;rgb:1/2",
                                      "\033]11;rgb:g/g/g\007",
                                      "\033]11;rgb:1/2/\007",
                                      "\033[?25n",
                                      "\033[5;5R",
                                      "\033P>|x\033\\",
                                      "\033[u",
                                      "\033[c"};
    struct outer o = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(reply(&o, bad[i]), 0);
    }
    assert_false(o.fg_known || o.bg_known || o.kitty || o.answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_colors), cmocka_unit_test(test_keyboard),
                                       cmocka_unit_test(test_underlines), cmocka_unit_test(test_nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
