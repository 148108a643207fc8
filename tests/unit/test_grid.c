/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "term/grid.h"

/* Writes text into a row, one cell a byte. */
static void write_row(struct grid *g, int row, const char *s)
{
    for (int col = 0; s[col] != '\0'; col++) {
        grid_put(g, row, col, (struct cell){.ch = (uint8_t)s[col], .width = 1});
    }
}

/* Compares a row with text; '.' is a cell that was never written, '<' a right half. */
static void assert_row(const struct grid *g, int row, const char *want)
{
    char got[64] = "";
    const struct cell *cells = grid_cells(g, row);
    for (int col = 0; col < g->cols; col++) {
        got[col] = cells[col].width == 0 ? '<'
                   : cells[col].ch == 0  ? '.'
                   : cells[col].ch < 128 ? (char)cells[col].ch
                                         : 'W';
    }
    assert_string_equal(got, want);
}

static struct grid sample(void)
{
    struct grid g;
    grid_init(&g, 4, 5);
    write_row(&g, 0, "aaaa");
    write_row(&g, 1, "bbbb");
    write_row(&g, 2, "cccc");
    write_row(&g, 3, "dddd");
    write_row(&g, 4, "eeee");
    return g;
}

static void test_scroll_full(void **state)
{
    (void)state;
    struct grid g = sample();
    const struct cell *second = grid_cells(&g, 1);
    grid_scroll(&g, 0, 0, 5, 4, 1, 0, CELL_BLANK);
    assert_ptr_equal(grid_cells(&g, 0), second); /* a pointer move, no copy */
    assert_row(&g, 0, "bbbb");
    assert_row(&g, 4, "....");
    grid_scroll(&g, 1, 0, 4, 4, -2, 0, CELL_BLANK);
    assert_row(&g, 0, "bbbb");
    assert_row(&g, 1, "....");
    assert_row(&g, 2, "....");
    assert_row(&g, 3, "cccc");
    grid_scroll(&g, 0, 0, 5, 4, 99, 0, CELL_BLANK);
    assert_row(&g, 3, "....");
    grid_release(&g);
}

static void test_scroll_part(void **state)
{
    (void)state;
    struct grid g = sample();
    grid_scroll(&g, 0, 1, 5, 3, 1, 0, CELL_BLANK);
    assert_row(&g, 0, "abba");
    assert_row(&g, 4, "e..e");
    grid_scroll(&g, 0, 0, 5, 4, 0, 1, CELL_BLANK);
    assert_row(&g, 0, "bba.");
    grid_scroll(&g, 0, 0, 5, 4, 0, -2, CELL_BLANK);
    assert_row(&g, 0, "..bb");
    grid_release(&g);
}

static void test_bounds(void **state)
{
    (void)state;
    struct grid g = sample();
    grid_put(&g, -1, 0, CELL_BLANK);
    grid_put(&g, 5, 0, CELL_BLANK);
    grid_put(&g, 0, 4, CELL_BLANK);
    grid_put(&g, 0, -1, CELL_BLANK);
    grid_fill(&g, -5, -5, 99, 0, CELL_BLANK, false);
    grid_fill(&g, 3, 3, 1, 1, CELL_BLANK, false);
    grid_scroll(&g, 4, 3, 1, 1, 1, 1, CELL_BLANK);
    grid_scroll(&g, -3, -3, 99, 99, 1000000, -1000000, CELL_BLANK);
    grid_shift(&g, 99, 0, 4, 1, CELL_BLANK);
    grid_shift(&g, 0, 99, -4, 1, CELL_BLANK);
    grid_set_wrapped(&g, 99, true);
    assert_null(grid_cells(&g, 5));
    assert_null(grid_edit(&g, -1));
    assert_false(grid_is_wrapped(&g, 99));
    grid_release(&g);
}

static void test_wide(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 6, 2);
    struct cell wide = {.ch = 0x4f60, .width = 2};
    grid_put(&g, 0, 1, wide);
    grid_put(&g, 0, 3, wide);
    assert_row(&g, 0, ".W<W<.");
    grid_put(&g, 0, 2, wide); /* cuts both */
    assert_row(&g, 0, "..W<..");
    grid_put(&g, 0, 3, (struct cell){.ch = 'x', .width = 1});
    assert_row(&g, 0, "...x..");
    grid_put(&g, 0, 5, wide); /* no room for the right half */
    assert_row(&g, 0, "...x..");
    grid_put(&g, 1, 0, wide);
    grid_put(&g, 1, 2, wide);
    grid_fill(&g, 1, 1, 2, 3, CELL_BLANK, false);
    assert_row(&g, 1, "......");
    grid_put(&g, 1, 4, wide);
    grid_shift(&g, 1, 0, 6, 1, CELL_BLANK); /* the right half would fall off */
    assert_row(&g, 1, "......");
    grid_release(&g);
}

static void test_selective(void **state)
{
    (void)state;
    struct grid g = sample();
    grid_put(&g, 0, 1, (struct cell){.ch = 'P', .width = 1, .attrs = CELL_PROTECTED});
    grid_fill(&g, 0, 0, 1, 4, CELL_BLANK, true);
    assert_row(&g, 0, ".P..");
    grid_fill(&g, 0, 0, 1, 4, CELL_BLANK, false);
    assert_row(&g, 0, "....");
    grid_release(&g);
}

static void test_resize(void **state)
{
    (void)state;
    struct grid g = sample();
    grid_set_wrapped(&g, 4, true);
    grid_resize(&g, 2, 3, 1, 0, CELL_BLANK);
    assert_row(&g, 0, "bb");
    assert_row(&g, 2, "dd");
    grid_resize(&g, 4, 5, 0, 1, CELL_BLANK); /* hidden columns come back */
    assert_row(&g, 0, "....");
    assert_row(&g, 1, "bbbb");
    assert_row(&g, 3, "dddd");
    assert_row(&g, 4, "....");
    assert_false(grid_is_wrapped(&g, 4));
    grid_resize(&g, 2, 5, 0, 0, CELL_BLANK);
    grid_fill(&g, 1, 0, 2, 2, CELL_BLANK, false); /* erased to the edge: the hidden part goes too */
    grid_resize(&g, 4, 5, 0, 0, CELL_BLANK);
    assert_row(&g, 1, "....");
    grid_resize(&g, 100000, -3, 0, 0, CELL_BLANK);
    assert_int_equal(g.cols, GRID_MAX);
    assert_int_equal(g.rows, 1);
    grid_release(&g);
}

static void test_damage(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 3, 130);
    assert_int_equal(grid_take_damage(&g, 0), 0);
    for (int row = 1; row < 130; row++) {
        assert_int_equal(grid_take_damage(&g, row), row);
    }
    assert_false(grid_has_damage(&g));
    write_row(&g, 64, "x");
    write_row(&g, 129, "x");
    assert_true(grid_has_damage(&g));
    assert_int_equal(grid_take_damage(&g, 0), 64);
    assert_int_equal(grid_take_damage(&g, 65), 129);
    assert_int_equal(grid_take_damage(&g, 0), -1);
    grid_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scroll_full), cmocka_unit_test(test_scroll_part), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_wide),        cmocka_unit_test(test_selective),   cmocka_unit_test(test_resize),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
