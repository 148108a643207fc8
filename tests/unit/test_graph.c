/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/graph.h"

static void expect(const float *v, size_t n, int rows, int row, bool ascii, const char *want)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    graph_row(v, n, 8, rows, row, ascii, &got);
    assert_string_equal(got.buf, want);
}

static void test_rows(void **state)
{
    static const float v[] = {-1, -1, 0, 0, 1, 4, 8, 8, 5, -1};
    (void)state;
    expect(v, 10, 2, 0, false, "   ⣿⡀");
    expect(v, 10, 2, 1, false, " ⣀⣸⣿⡇");
    expect(v, 10, 2, 0, true, "   #.");
    expect(v, 10, 2, 1, true, " .###");
    expect(v, 3, 1, 0, false, " ⡀"); /* an odd one stands alone */
    expect(v, 0, 1, 0, false, "");
}

static void test_scale(void **state)
{
    static const float v[] = {-1, 3, 38.2f, -1};
    (void)state;
    assert_true(graph_top(v, 4, 10) == 50);
    assert_true(graph_top(v, 2, 10) == 10);
    assert_true(graph_top(v, 0, 1) == 1);
    assert_true(graph_last(v, 4, 4) > 38);
    assert_true(graph_last(v, 4, 1) < 0);
    assert_true(graph_last(v, 0, 1) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_scale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
