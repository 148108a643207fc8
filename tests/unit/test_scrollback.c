/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "term/grid.h"
#include "term/scrollback.h"

/* Pushes an ASCII line. */
static void push(struct scrollback *sb, const char *s, bool wrapped)
{
    struct cell cells[256];
    int n = (int)strlen(s);
    for (int i = 0; i < n; i++) {
        cells[i] = (struct cell){.ch = (uint8_t)s[i], .width = 1};
    }
    scrollback_push(sb, cells, n, 256, (struct row_info){.wrapped = wrapped}, NULL);
}

static void assert_line(struct scrollback *sb, size_t index, const char *want)
{
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(scrollback_text(sb, index, &text, NULL), 0);
    assert_string_equal(text.buf, want);
    strbuf_release(&text);
}

static void test_order(void **state)
{
    (void)state;
    struct scrollback *sb = scrollback_new(3, 0);
    struct row_info info = {0};
    push(sb, "one   ", false);
    push(sb, "two", true);
    push(sb, "", false);
    push(sb, "four", false);
    assert_int_equal(scrollback_count(sb), 3);
    assert_int_equal(scrollback_total(sb), 4);
    assert_line(sb, 0, "four");
    assert_line(sb, 1, "");
    assert_line(sb, 2, "two");
    assert_int_equal(scrollback_text(sb, 3, NULL, NULL), -1);
    struct cell out[5];
    assert_int_equal(scrollback_get(sb, 2, out, 5, &info, NULL), 3);
    assert_true(info.wrapped);
    assert_int_equal(scrollback_pop(sb, out, 2, &info, NULL), 2);
    assert_int_equal(out[1].ch, 'o');
    assert_int_equal(scrollback_count(sb), 2);
    push(sb, "again", false);
    assert_line(sb, 0, "again");
    assert_line(sb, 2, "two");
    scrollback_clear(sb);
    assert_int_equal(scrollback_pop(sb, out, 2, NULL, NULL), -1);
    push(sb, "after", false);
    assert_line(sb, 0, "after");
    scrollback_free(sb);
}

/* Styles, wide characters, clusters, and widths that differ from the table's come back as they were. */
static void test_round_trip(void **state)
{
    (void)state;
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct scrollback *sb = scrollback_new(10, 0);
    struct cell in[12], out[12];
    cell_fill(in, 12, CELL_BLANK);
    in[0] = (struct cell){.ch = 'a', .width = 1, .fg = cell_indexed(1), .attrs = CELL_BOLD};
    in[1] = (struct cell){.ch = 0x4f60, .width = 2, .bg = cell_rgb(1, 2, 3)};
    in[2] = (struct cell){.width = 0, .bg = cell_rgb(1, 2, 3)};
    in[3] = (struct cell){.ch = cluster_intern(&t, "e\xcc\x81", 3), .width = 1};
    in[4] = (struct cell){.ch = cluster_intern(&t, "\xe2\x9d\xa4\xef\xb8\x8f", 6), .width = 2};
    in[5] = (struct cell){.width = 0};
    in[6] = (struct cell){.ch = 0x4f60, .width = 1}; /* against the table */
    in[7] = (struct cell){.ch = 0xe9, .width = 2};
    in[8] = (struct cell){.width = 0};
    in[9] = (struct cell){.ch = ' ', .width = 1, .attrs = CELL_UL_CURLY << CELL_UL_SHIFT};
    scrollback_push(sb, in, 12, 12, (struct row_info){.wrapped = true}, &t);
    assert_int_equal(scrollback_get(sb, 0, out, 12, NULL, &t), 10);
    for (int i = 0; i < 12; i++) {
        assert_true(cell_equal(&in[i], &out[i]));
    }
    assert_int_equal(scrollback_get(sb, 0, out, 2, NULL, &t), 2); /* a wide one that is cut is left out */
    assert_int_equal(out[1].width, 1);
    scrollback_free(sb);
    cluster_table_release(&t);
}

/* A line that was erased to its end in a colour (CSI K) keeps it, behind plain text and behind styled text. */
static void test_coloured_tail(void **state)
{
    (void)state;
    for (int styled = 0; styled < 2; styled++) {
        struct scrollback *sb = scrollback_new(10, 0);
        struct cell in[10], out[10];
        scrollback_set_width(sb, 10);
        cell_fill(in, 10, (struct cell){.width = 1, .bg = cell_indexed(4)});
        in[0] = (struct cell){.ch = 'a', .width = 1, .attrs = styled ? CELL_BOLD : 0};
        in[1] = (struct cell){.ch = 'b', .width = 1};
        scrollback_push(sb, in, 10, 10, (struct row_info){.wrapped = false}, NULL);
        (void)scrollback_get(sb, 0, out, 10, NULL, NULL);
        for (int i = 0; i < 10; i++) {
            assert_true(cell_equal(&in[i], &out[i]));
        }
        scrollback_free(sb);
    }
}

static void test_byte_cap(void **state)
{
    (void)state;
    const size_t cap = 4 * SCROLLBACK_BLOCK_BYTES;
    struct scrollback *sb = scrollback_new(1000000, cap);
    char line[101];
    memset(line, 'x', 100);
    line[100] = '\0';
    for (int i = 0; i < 20000; i++) {
        push(sb, line, false);
    }
    assert_true(scrollback_bytes(sb) < cap + 100000);
    assert_true(scrollback_count(sb) > 1500 && scrollback_count(sb) < 3000);
    assert_line(sb, scrollback_count(sb) - 1, line);
    struct cell out[100];
    while (scrollback_pop(sb, out, 100, NULL, NULL) >= 0) {
        assert_int_equal(out[99].ch, 'x');
    }
    assert_int_equal(scrollback_count(sb), 0);
    scrollback_free(sb);
}

static void test_memory_of_default(void **state)
{
    (void)state;
    struct scrollback *sb = scrollback_new(SCROLLBACK_DEFAULT_LINES, 0);
    char line[101];
    memset(line, 'y', 100);
    line[100] = '\0';
    for (int i = 0; i < 30000; i++) {
        push(sb, line, false);
    }
    assert_int_equal(scrollback_count(sb), SCROLLBACK_DEFAULT_LINES);
    assert_true(scrollback_bytes(sb) < 1500000);
    scrollback_free(sb);
}

/* The widest line of the largest clusters in ever changing styles: cut, never out of its block. */
static void test_huge_line(void **state)
{
    (void)state;
    static struct cell in[GRID_MAX], out[GRID_MAX];
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct scrollback *sb = scrollback_new(100, 0);
    char text[CLUSTER_MAX_BYTES];
    for (int i = 0; i < GRID_MAX; i++) {
        memset(text, 'a', sizeof(text));
        text[0] = (char)('A' + i % 26);
        text[1] = (char)('A' + i / 26);
        in[i] = (struct cell){.ch = cluster_intern(&t, text, sizeof(text)),
                              .width = 1,
                              .fg = cell_rgb(255, (unsigned)i, 1),
                              .bg = cell_rgb(255, 254, (unsigned)i),
                              .attrs = 0x7ff};
    }
    for (int n = 0; n < 50; n++) {
        scrollback_push(sb, in, GRID_MAX, GRID_MAX, (struct row_info){0}, &t);
    }
    int kept = scrollback_get(sb, 49, out, GRID_MAX, NULL, &t);
    assert_true(kept > 300);
    for (int i = 0; i < kept; i++) {
        assert_true(cell_equal(&in[i], &out[i]));
    }
    scrollback_free(sb);
    cluster_table_release(&t);
}

static void test_none(void **state)
{
    (void)state;
    struct scrollback *sb = scrollback_new(0, 0);
    push(sb, "gone", false);
    assert_int_equal(scrollback_count(sb), 0);
    scrollback_free(sb);
    scrollback_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_round_trip), cmocka_unit_test(test_coloured_tail),
        cmocka_unit_test(test_byte_cap), cmocka_unit_test(test_huge_line),  cmocka_unit_test(test_memory_of_default),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
