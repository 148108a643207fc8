/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/copymode.h"

static const char *const text[] = {"one two  three", "", "   four", "five", "six seven"};
#define FIRST 100
#define COLS 20

/* Lines 100..104 hold the text above; others are not loaded. */
static const struct cell *row(void *arg, uint64_t line, int *count)
{
    struct cell *cells = arg;
    if (line < FIRST || line >= FIRST + 5) {
        return NULL;
    }
    const char *s = text[line - FIRST];
    for (int i = 0; i < COLS; i++) {
        cells[i] = (struct cell){.width = 1, .ch = *s ? (unsigned char)*s++ : 0};
    }
    *count = COLS;
    return cells;
}

/* Moves stop at what exists, and the view follows. */
static void test_moves(void **state)
{
    (void)state;
    struct copymode c;
    copymode_begin(&c, COLS, 10, 1000, 1500, 1499, 3);
    assert_int_equal(c.top, 1490);
    copymode_vertical(&c, 5);
    assert_int_equal(c.line, 1499);
    copymode_page(&c, -10);
    assert_int_equal(c.line, 1489);
    assert_int_equal(c.top, 1480);
    copymode_vertical(&c, -100000);
    assert_int_equal(c.line, 1000);
    assert_int_equal(c.top, 1000);
    copymode_goto(&c, 1200, 99);
    assert_int_equal(c.top, 1195);
    assert_int_equal(c.col, COLS - 1);
    copymode_horizontal(&c, -100);
    assert_int_equal(c.col, 0);
    copymode_scroll(&c, 3);
    assert_int_equal(c.top, 1198);
    assert_int_equal(c.line, 1200);
    copymode_scroll(&c, 30);
    assert_int_equal(c.line, 1228);
}

/* Fewer lines than rows, and old lines dropped under the cursor. */
static void test_limits(void **state)
{
    (void)state;
    struct copymode c;
    copymode_begin(&c, COLS, 10, 0, 3, 2, 0);
    assert_int_equal(c.top, 0);
    copymode_vertical(&c, 50);
    assert_int_equal(c.line, 2);
    copymode_begin(&c, COLS, 10, 0, 500, 20, 0);
    copymode_goto(&c, 20, 0);
    copymode_select(&c, false);
    copymode_limits(&c, COLS, 4, 300, 800);
    assert_int_equal(c.line, 300);
    assert_int_equal(c.anchor_line, 300);
    assert_int_equal(c.top, 300);
    copymode_limits(&c, 0, 0, 300, 300); /* nothing at all */
    assert_int_equal(c.line, 300);
    assert_int_equal(c.col, 0);
}

/* Words over line ends, both ways; a line that is not loaded stops the search where it was. */
static void test_words(void **state)
{
    (void)state;
    struct cell cells[COLS];
    struct copymode c;
    copymode_begin(&c, COLS, 10, FIRST - 5, FIRST + 5, FIRST, 0);
    copymode_word(&c, 1, row, cells);
    assert_int_equal(c.col, 4);
    copymode_word(&c, 1, row, cells);
    assert_int_equal(c.col, 9);
    copymode_word(&c, 1, row, cells);
    assert_int_equal(c.line, FIRST + 2);
    assert_int_equal(c.col, 3);
    copymode_word(&c, -1, row, cells);
    assert_int_equal(c.line, FIRST);
    assert_int_equal(c.col, 9);
    copymode_line_end(&c, row, cells);
    assert_int_equal(c.col, 13);
    copymode_goto(&c, FIRST, 0);
    copymode_word(&c, -1, row, cells);
    assert_int_equal(c.line, FIRST);
    copymode_goto(&c, FIRST + 4, 4);
    copymode_word(&c, 1, row, cells); /* the last word stays */
    assert_int_equal(c.col, 4);
}

/* Selections read the same whichever end the cursor is at. */
static void test_select(void **state)
{
    (void)state;
    struct copymode c;
    copymode_begin(&c, COLS, 10, 0, 100, 50, 5);
    assert_false(copymode_is_selected(&c, 50, 5));
    copymode_select(&c, false);
    assert_true(copymode_is_selected(&c, 50, 5));
    copymode_vertical(&c, -1);
    copymode_horizontal(&c, 3);
    assert_true(copymode_is_selected(&c, 49, 8));
    assert_false(copymode_is_selected(&c, 49, 7));
    assert_true(copymode_is_selected(&c, 50, 0));
    assert_false(copymode_is_selected(&c, 50, 6));
    copymode_select(&c, true);
    assert_true(copymode_is_selected(&c, 49, 0));
    assert_true(copymode_is_selected(&c, 50, 19));
    copymode_select(&c, true);
    assert_false(c.selecting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
