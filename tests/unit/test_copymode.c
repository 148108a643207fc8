/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/utf8.h"
#include "tui/copymode.h"

#define FIRST 100
#define LINES 7
#define COLS 20
/* 4 goes on in 5. */
static const char *const text[LINES] = {"one two  three",      "",           "   four",  "five-six 好x",
                                        "aaaa bbb /usr/li/ab", "c/dd.c eee", "six seven"};
static struct cell cells[LINES][COLS];

static int setup(void **state)
{
    (void)state;
    for (int n = 0; n < LINES; n++) {
        const char *s = text[n];
        size_t left = strlen(s);
        cell_fill(cells[n], COLS, CELL_BLANK);
        for (int col = 0; left > 0; col++) {
            uint32_t cp;
            size_t len = utf8_decode(s, left, &cp);
            cells[n][col] = (struct cell){.ch = cp, .width = (uint8_t)utf8_width(cp)};
            if (cells[n][col].width == 2) {
                cells[n][++col] = (struct cell){.width = 0};
            }
            s += len;
            left -= len;
        }
    }
    cells[4][COLS - 1] = (struct cell){.ch = '_', .width = 1};
    return 0;
}

/* Lines 100..106 hold the text above; others are not loaded. */
static bool row(const void *arg, uint64_t line, struct copy_row *out)
{
    (void)arg;
    *out = (struct copy_row){0};
    if (line < FIRST || line >= FIRST + LINES) {
        return false;
    }
    *out = (struct copy_row){.cells = cells[line - FIRST], .count = COLS, .wrapped = line == FIRST + 4};
    return true;
}

#define AT(l, co) (assert_int_equal(c.line, FIRST + (l)), assert_int_equal(c.col, (co)))

static void begin(struct copymode *c, int line, int col)
{
    copymode_begin(c, COLS, 10, FIRST, FIRST + LINES, FIRST + (uint64_t)line, col);
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
    copymode_horizontal(&c, -100, row, NULL);
    assert_int_equal(c.col, 0);
    copymode_scroll(&c, 3);
    assert_int_equal(c.top, 1198);
    assert_int_equal(c.line, 1200);
    copymode_scroll(&c, 30);
    assert_int_equal(c.line, 1228);
    copymode_in_view(&c, 2);
    assert_int_equal(c.line, c.top + 9);
    copymode_in_view(&c, 0);
    assert_int_equal(c.line, c.top);
    copymode_in_view(&c, 1);
    assert_int_equal(c.line, c.top + 4);
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
    copymode_in_view(&c, 2);
    assert_int_equal(c.line, 2); /* no row below the last line */
    copymode_begin(&c, COLS, 10, 0, 500, 20, 0);
    copymode_goto(&c, 20, 0);
    copymode_select(&c, COPY_CHARS);
    copymode_limits(&c, COLS, 4, 300, 800);
    assert_int_equal(c.line, 300);
    assert_int_equal(c.anchor_line, 300);
    assert_int_equal(c.top, 300);
    copymode_limits(&c, 0, 0, 300, 300); /* nothing at all */
    assert_int_equal(c.line, 300);
    assert_int_equal(c.col, 0);
}

/* Words as vi has them, over line ends, both ways; a line that is not loaded stops the search where it was. */
static void test_words(void **state)
{
    (void)state;
    struct copymode c;
    copymode_begin(&c, COLS, 10, FIRST - 5, FIRST + LINES, FIRST, 0);
    copymode_word(&c, 1, false, row, NULL);
    AT(0, 4);
    copymode_word(&c, 1, false, row, NULL);
    AT(0, 9);
    copymode_word(&c, 1, false, row, NULL);
    AT(2, 3);
    copymode_word(&c, -1, false, row, NULL);
    AT(0, 9);
    copymode_line_end(&c, row, NULL);
    AT(0, 13);
    copymode_goto(&c, FIRST, 0);
    copymode_word(&c, -1, false, row, NULL);
    AT(0, 0);
    copymode_goto(&c, FIRST + 3, 0); /* five - six, then a wide character */
    copymode_word(&c, 1, false, row, NULL);
    AT(3, 4);
    copymode_word(&c, 1, false, row, NULL);
    AT(3, 5);
    copymode_word(&c, 1, false, row, NULL);
    AT(3, 9);
    copymode_word(&c, 1, true, row, NULL);
    AT(3, 11);
    copymode_goto(&c, FIRST, 0);
    copymode_word(&c, 1, true, row, NULL);
    AT(0, 2);
    copymode_word(&c, 1, true, row, NULL);
    AT(0, 6);
    copymode_goto(&c, FIRST + 4, 17); /* "ab" and "_" go on as "c" in the next row: one word */
    copymode_word(&c, 1, true, row, NULL);
    AT(5, 0);
    copymode_word(&c, -1, false, row, NULL);
    AT(4, 17);
    copymode_goto(&c, FIRST + 6, 4);
    copymode_word(&c, 1, false, row, NULL); /* the last word stays */
    AT(6, 4);
}

static void test_lines(void **state)
{
    (void)state;
    struct copymode c;
    begin(&c, 2, 9);
    copymode_line_text(&c, row, NULL);
    AT(2, 3);
    begin(&c, 1, 7);
    copymode_line_text(&c, row, NULL);
    AT(1, 0);
    copymode_line_end(&c, row, NULL);
    AT(1, 0);
    begin(&c, 4, 0);
    copymode_paragraph(&c, -1, row, NULL);
    AT(1, 0);
    copymode_paragraph(&c, -1, row, NULL);
    AT(0, 0);
    copymode_paragraph(&c, 1, row, NULL);
    AT(1, 0);
    copymode_paragraph(&c, 1, row, NULL);
    AT(6, 0);
    /* A wide character is one step, and its right half no place to be. */
    begin(&c, 3, 8);
    copymode_horizontal(&c, 1, row, NULL);
    AT(3, 9);
    copymode_horizontal(&c, 1, row, NULL);
    AT(3, 11);
    copymode_horizontal(&c, -1, row, NULL);
    AT(3, 9);
}

static void test_find(void **state)
{
    (void)state;
    struct copymode c;
    begin(&c, 0, 0);
    assert_true(copymode_find(&c, 'f', 't', row, NULL));
    AT(0, 4);
    assert_true(copymode_find(&c, 'f', 't', row, NULL));
    AT(0, 9);
    assert_false(copymode_find(&c, 'f', 't', row, NULL));
    AT(0, 9);
    assert_true(copymode_find(&c, 'T', 'o', row, NULL));
    AT(0, 7);
    assert_true(copymode_find(&c, 't', 'e', row, NULL));
    AT(0, 11);
    assert_true(copymode_find(&c, 'F', 'o', row, NULL));
    AT(0, 6);
}

static struct copymode sel;
static uint64_t a, b;
static int ca, cb;
#define RANGE(l1, c1, l2, c2)                                                                                          \
    (assert_true(copymode_range(&sel, row, NULL, &a, &ca, &b, &cb)), assert_int_equal(a, FIRST + (l1)),                \
     assert_int_equal(ca, (c1)), assert_int_equal(b, FIRST + (l2)), assert_int_equal(cb, (c2)))

/* Selections read the same whichever end the cursor is at. */
static void test_select(void **state)
{
    (void)state;
    begin(&sel, 2, 5);
    assert_false(copymode_range(&sel, row, NULL, &a, &ca, &b, &cb));
    copymode_select(&sel, COPY_CHARS);
    RANGE(2, 5, 2, 5);
    copymode_goto(&sel, FIRST, 8);
    RANGE(0, 8, 2, 5);
    copymode_select(&sel, COPY_BLOCK); /* changes the kind, keeps the place */
    RANGE(0, 5, 2, 8);
    copymode_other_end(&sel);
    assert_int_equal(sel.line, FIRST + 2);
    assert_int_equal(sel.col, 5);
    RANGE(0, 5, 2, 8);
    copymode_select(&sel, COPY_LINES);
    RANGE(0, 0, 2, COLS - 1);
    copymode_select(&sel, COPY_LINES);
    assert_false(sel.selecting);
    begin(&sel, 5, 3); /* a soft-wrapped line is one */
    copymode_select(&sel, COPY_LINES);
    RANGE(4, 0, 5, COLS - 1);
    begin(&sel, 4, 3);
    copymode_select(&sel, COPY_LINES);
    RANGE(4, 0, 5, COLS - 1);
}

static void test_select_word(void **state)
{
    (void)state;
    begin(&sel, 5, 2); /* "/usr/li/ab_" and "c/dd.c" over the edge */
    copymode_select_word(&sel, row, NULL);
    RANGE(4, 9, 5, 5);
    begin(&sel, 4, 12);
    copymode_select_word(&sel, row, NULL);
    RANGE(4, 9, 5, 5);
    begin(&sel, 3, 10); /* on the right half of a wide character */
    copymode_select_word(&sel, row, NULL);
    RANGE(3, 9, 3, 11);
    begin(&sel, 2, 1); /* a blank */
    copymode_select_word(&sel, row, NULL);
    RANGE(2, 1, 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),       cmocka_unit_test(test_limits), cmocka_unit_test(test_words),
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_find),   cmocka_unit_test(test_select),
        cmocka_unit_test(test_select_word),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
