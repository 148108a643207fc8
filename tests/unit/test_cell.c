/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "term/cell.h"

static void test_colors(void **state)
{
    (void)state;
    assert_int_equal(CELL_COLOR_KIND(cell_indexed(7)), CELL_KIND_INDEXED);
    assert_int_equal(cell_rgb(1, 2, 3), 0x02010203);
    assert_int_equal(cell_palette_rgb(196), 0xff0000);
    assert_int_equal(cell_palette_rgb(232), 0x080808);
    assert_int_equal(cell_palette_rgb(255), 0xeeeeee);
    assert_int_equal(cell_rgb_to_256(0xff0000), 196);
    assert_int_equal(cell_rgb_to_256(0x080808), 232);
    assert_int_equal(cell_rgb_to_256(0xffffff), 231);
    for (unsigned i = 16; i < 256; i++) { /* every palette colour is its own nearest, or an equal one */
        assert_int_equal(cell_palette_rgb(cell_rgb_to_256(cell_palette_rgb(i))), cell_palette_rgb(i));
    }
}

static void test_blank(void **state)
{
    (void)state;
    struct cell c = CELL_BLANK;
    assert_true(cell_is_blank(&c));
    c.attrs = CELL_BOLD;
    assert_true(cell_is_blank(&c));
    c.attrs = CELL_REVERSE;
    assert_false(cell_is_blank(&c));
    c.attrs = 0;
    c.bg = cell_indexed(0);
    assert_false(cell_is_blank(&c));
}

static void test_cluster_intern(void **state)
{
    (void)state;
    struct cluster_table t = CLUSTER_TABLE_INIT;
    char buf[8];
    size_t len = 0;
    assert_int_equal(cluster_intern(&t, "a", 1), 'a');
    assert_int_equal(cluster_intern(&t, "é", 2), 0xe9);
    assert_int_equal(cluster_intern(&t, "", 0), 0);
    uint32_t one = cluster_intern(&t, "e\xcc\x81", 3);
    assert_true(CELL_IS_CLUSTER(one));
    assert_int_equal(cluster_intern(&t, "e\xcc\x81", 3), one);
    assert_string_equal(cluster_text(&t, one, buf, &len), "e\xcc\x81");
    assert_int_equal(len, 3);
    assert_string_equal(cluster_text(&t, 0, buf, &len), " ");
    assert_string_equal(cluster_text(&t, 0x20ac, buf, &len), "€");
    assert_string_equal(cluster_text(NULL, CELL_CLUSTER | 99, buf, &len), " ");
    assert_string_equal(cluster_text(&t, CELL_CLUSTER | 99999, buf, &len), " ");
    cluster_table_release(&t);
}

/* Bounded, and swept: what is marked keeps its id, the rest makes room. */
static void test_cluster_bound(void **state)
{
    (void)state;
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct strbuf s = STRBUF_INIT;
    uint32_t first = 0, ch = 1;
    size_t n = 0;
    for (; n < CLUSTER_MAX_ENTRIES + 10 && ch != 0; n++) {
        strbuf_clear(&s);
        strbuf_addf(&s, "k%zu\xcc\x81", n);
        ch = cluster_intern(&t, s.buf, s.len);
        first = n == 0 ? ch : first;
    }
    assert_int_equal(n, CLUSTER_MAX_ENTRIES + 1);
    assert_int_equal(cluster_intern(&t, "k0\xcc\x81", 4), first); /* a known one is found in a full table */
    cluster_mark(&t, first);
    cluster_sweep(&t);
    assert_int_equal(t.count, 1);
    assert_int_equal(cluster_intern(&t, "k0\xcc\x81", 4), first);
    assert_true(CELL_IS_CLUSTER(cluster_intern(&t, "new\xcc\x81", 5)));
    strbuf_release(&s);
    cluster_table_release(&t);
}

static void test_cluster_cut(void **state)
{
    (void)state;
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct strbuf s = STRBUF_INIT;
    char buf[8];
    size_t len = 0;
    strbuf_addch(&s, 'x');
    for (int i = 0; i < 100; i++) {
        strbuf_addstr(&s, "\xcc\x81");
    }
    cluster_text(&t, cluster_intern(&t, s.buf, s.len), buf, &len);
    assert_int_equal(len, 31); /* 1 + 15 * 2: never half a mark */
    strbuf_release(&s);
    cluster_table_release(&t);
}

/* Another bound: more than the usual, then fewer; what is there stays. */
static void test_cluster_other_bound(void **state)
{
    (void)state;
    struct cluster_table t = {.max = CLUSTER_MAX_ENTRIES * 2};
    char text[16];
    uint32_t ch = 0;
    for (int n = 0; n < CLUSTER_MAX_ENTRIES * 2; n++) {
        str_format(text, sizeof(text), "k%d\xcc\x81", n);
        ch = cluster_intern(&t, text, strlen(text));
        assert_true(CELL_IS_CLUSTER(ch));
    }
    assert_int_equal(cluster_intern(&t, "new\xcc\x81", 5), 0);
    cluster_mark(&t, ch);
    t.max = 2;
    assert_int_equal(cluster_intern(&t, text, strlen(text)), ch);
    cluster_sweep(&t);
    assert_true(CELL_IS_CLUSTER(cluster_intern(&t, "new\xcc\x81", 5)));
    assert_int_equal(cluster_intern(&t, "newer\xcc\x81", 7), 0);
    assert_string_equal(cluster_text(&t, ch, text, NULL), "k8191\xcc\x81");
    cluster_table_release(&t);
}

/* Cells that are moved into a table of their own stay what they are when the table they come from is swept. */
static void test_cluster_move(void **state)
{
    (void)state;
    struct cluster_table from = CLUSTER_TABLE_INIT, to = {.max = 1};
    struct cell kept[3] = {{.ch = 'x', .width = 1}, CELL_BLANK, CELL_BLANK};
    char buf[8];
    kept[1].ch = cluster_intern(&from, "e\xcc\x81", 3);
    kept[2].ch = cluster_intern(&from, "o\xcc\x81", 3);
    cluster_move(&to, kept, 3, &from);
    cluster_sweep(&from);
    cluster_intern(&from, "a\xcc\x81", 3);
    assert_int_equal(kept[0].ch, 'x');
    assert_string_equal(cluster_text(&to, kept[1].ch, buf, NULL), "e\xcc\x81");
    assert_int_equal(kept[2].ch, UTF8_REPLACEMENT); /* it did not fit any more */
    cluster_table_release(&from);
    cluster_table_release(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_blank),
        cmocka_unit_test(test_cluster_intern),
        cmocka_unit_test(test_cluster_bound),
        cmocka_unit_test(test_cluster_other_bound),
        cmocka_unit_test(test_cluster_move),
        cmocka_unit_test(test_cluster_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
