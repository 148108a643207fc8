/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "tui/layout.h"

static bool overlaps(struct rect a, struct rect b)
{
    struct rect both = rect_intersect(a, b);

    return both.w > 0 && both.h > 0;
}

/* At every size: all parts inside, none over another, and together they cover everything. */
static void test_every_size(void **state)
{
    (void)state;
    for (int cols = 0; cols < 260; cols += cols < 110 ? 1 : 17) {
        for (int rows = 0; rows < 70; rows += rows < 30 ? 1 : 9) {
            for (int flags = 0; flags < 4; flags++) {
                for (int width = -10; width < 300; width += 44) {
                    struct layout l;
                    struct layout_in in = {cols, rows, width, (flags & 1) != 0, (flags & 2) != 0, 0};
                    layout_compute(&l, &in);
                    struct rect parts[] = {l.top, l.list, l.divider, l.main_title, l.main, l.bottom};
                    int area = 0;
                    assert_int_equal(l.too_small, cols < LAYOUT_MIN_COLS || rows < LAYOUT_MIN_ROWS);
                    for (size_t i = 0; i < MT_ARRAY_LEN(parts); i++) {
                        area += parts[i].w * parts[i].h;
                        assert_true(parts[i].w >= 0 && parts[i].h >= 0);
                        assert_true(parts[i].x >= 0 && parts[i].x + parts[i].w <= cols);
                        assert_true(parts[i].y >= 0 && parts[i].y + parts[i].h <= rows);
                        for (size_t j = 0; j < i; j++) {
                            assert_false(overlaps(parts[i], parts[j]));
                        }
                    }
                    assert_int_equal(area, l.too_small ? 0 : cols * rows);
                }
            }
        }
    }
}

static void test_modes(void **state)
{
    struct layout l;

    (void)state;
    layout_compute(&l, &(struct layout_in){120, 36, 34, false, false, 0});
    assert_true(l.side_by_side);
    assert_int_equal(l.list.w, 34);
    assert_int_equal(l.main.w, 85);
    assert_int_equal(l.main.h, 33);
    /* Left to itself the list grows with the screen, to a point. */
    layout_compute(&l, &(struct layout_in){120, 36, 0, false, false, 0});
    assert_int_equal(l.list.w, 34);
    layout_compute(&l, &(struct layout_in){160, 36, 0, false, false, 0});
    assert_int_equal(l.list.w, 41);
    layout_compute(&l, &(struct layout_in){200, 50, 0, false, false, 0});
    assert_int_equal(l.list.w, 48);
    layout_compute(&l, &(struct layout_in){300, 50, 0, false, false, 0});
    assert_int_equal(l.list.w, 48);
    layout_compute(&l, &(struct layout_in){120, 36, 34, true, false, 0});
    assert_false(l.side_by_side);
    assert_int_equal(l.main.w, 120);
    assert_int_equal(l.list.w, 0);
    layout_compute(&l, &(struct layout_in){80, 24, 34, false, false, 0});
    assert_int_equal(l.list.w, 80);
    assert_int_equal(l.main.w, 0);
    layout_compute(&l, &(struct layout_in){80, 24, 34, false, true, 0});
    assert_int_equal(l.main.w, 80);
    assert_int_equal(l.main.h, 21);
    assert_int_equal(l.list.w, 0);
    /* The divider can be dragged only as far as both sides stay usable. */
    layout_compute(&l, &(struct layout_in){100, 24, 500, false, false, 0});
    assert_in_range(l.list.w, 24, 50);
    layout_compute(&l, &(struct layout_in){100, 24, 1, false, false, 0});
    assert_int_equal(l.list.w, 24);
}

/* The panel of tasks: what it needs up to a third of the list, and nothing of a short one. */
static void test_tasks(void **state)
{
    struct layout l;

    (void)state;
    layout_compute(&l, &(struct layout_in){120, 36, 34, false, false, 2});
    assert_int_equal(l.tasks.h, 3);
    assert_int_equal(l.list.h, 31);
    assert_int_equal(l.tasks.y, l.list.y + l.list.h);
    assert_int_equal(l.tasks.w, l.list.w);
    layout_compute(&l, &(struct layout_in){120, 36, 34, false, false, 50});
    assert_int_equal(l.tasks.h, 34 / 3);
    assert_int_equal(l.list.h + l.tasks.h, 34);
    layout_compute(&l, &(struct layout_in){80, 24, 34, false, false, 50});
    assert_int_equal(l.tasks.h, 22 / 3);
    layout_compute(&l, &(struct layout_in){40, 12, 34, false, false, 50});
    assert_int_equal(l.tasks.h, 0);
    layout_compute(&l, &(struct layout_in){80, 24, 34, false, true, 50}); /* the session has the screen */
    assert_int_equal(l.tasks.h, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_size), cmocka_unit_test(test_modes),
                                       cmocka_unit_test(test_tasks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
