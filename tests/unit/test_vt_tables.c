/* SPDX-License-Identifier: Apache-2.0 */
/* What cells refer to by number, clusters and extras, where there is more of it in the scrollback than the terminal's
 * tables hold: nothing comes to stand for something else, and no text is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/grid.h"
#include "term/select.h"
#include "term/vt.h"

static struct vt *make(int cols, int rows)
{
    return vt_new(
        &(struct vt_opts){.cols = cols, .rows = rows, .scrollback_lines = 100000, .scrollback_bytes = 64u << 20});
}

/* `count` clusters, no two of them alike: letters under three marks. */
static void clusters(struct strbuf *out, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        char mark[4];
        strbuf_addch(out, (char)('a' + i % 26));
        for (unsigned k = 0, n = i / 26; k < 3; k++, n /= 48) {
            strbuf_add(out, mark, utf8_encode(0x300 + n % 48, mark));
        }
    }
}

/* All there is: lines joined where they were wrapped. */
static void text_of(struct vt *vt, struct strbuf *out)
{
    static struct cell cells[GRID_MAX];
    strbuf_clear(out);
    for (size_t n = 0, end = select_line_count(vt); n < end; n++) {
        bool wrapped = false;
        assert_int_equal(select_line(vt, n, cells, vt_cols(vt), &wrapped), 0);
        select_cells(out, cells, 0, vt_cols(vt), vt_clusters(vt), !wrapped);
        if (!wrapped) {
            strbuf_addch(out, '\n');
        }
    }
    while (out->len > 0 && out->buf[out->len - 1] == '\n') {
        strbuf_truncate(out, out->len - 1);
    }
}

static void assert_text(struct vt *vt, const struct strbuf *want)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    text_of(vt, &got);
    assert_int_equal(got.len, want->len);
    assert_true(memcmp(got.buf, want->buf, want->len) == 0);
}

/* `lines` lines of `count` clusters, fed and as they are to be read. */
static struct vt *printed(int cols, int rows, unsigned lines, unsigned count, struct strbuf *want)
{
    struct vt *vt = make(cols, rows);
    for (unsigned i = 0; i < lines; i++) {
        size_t at = want->len + (i > 0);
        strbuf_addstr(want, i > 0 ? "\n" : "");
        clusters(want, i * count, count);
        vt_feed(vt, i > 0 ? "\r\n" : "", i > 0 ? 2 : 0);
        vt_feed(vt, want->buf + at, want->len - at);
    }
    return vt;
}

/* Rows that come back from the scrollback when the screen becomes higher, and those that go there again. */
static void test_clusters_come_back(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
    struct vt *vt = printed(40, 10, 500, 30, &want);
    (void)state;
    for (int rows = 50; rows <= 170; rows += 40) {
        vt_resize(vt, 40, rows);
        assert_text(vt, &want);
    }
    vt_resize(vt, 40, 10);
    assert_text(vt, &want);
    vt_free(vt);
}

/* A line that began above the screen is wrapped anew as a whole. */
static void test_clusters_of_a_long_line(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
    struct vt *vt = printed(40, 10, 4, 3000, &want);
    (void)state;
    assert_text(vt, &want);
    vt_resize(vt, 60, 10);
    assert_text(vt, &want);
    vt_resize(vt, 31, 12);
    assert_text(vt, &want);
    vt_resize(vt, 31, 100);
    assert_text(vt, &want);
    vt_resize(vt, 90, 5);
    assert_text(vt, &want);
    vt_free(vt);
}

/* Rows of the present width are read out of much longer ones of another. */
static void test_clusters_of_wide_rows(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
    struct vt *vt = printed(1000, 3, 20, 999, &want);
    static struct cell cells[30];
    (void)state;
    vt_resize(vt, 30, 3);
    for (size_t i = 0; i < vt_history_count(vt); i++) { /* the end of each is read first */
        MT_CLEANUP(strbuf) struct strbuf row = STRBUF_INIT;
        MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
        assert_int_equal(vt_history_text(vt, i, &row, NULL), 0);
        assert_true(vt_history_line(vt, i, cells, 30, NULL) >= 0);
        select_cells(&got, cells, 0, 30, vt_clusters(vt), true);
        assert_string_equal(got.buf, row.buf);
    }
    assert_text(vt, &want);
    vt_free(vt);
}

static void print_link(struct vt *vt, int n)
{
    MT_CLEANUP(xfree) char *text = xasprintf("\r\n\033]8;;http://x/%d\033\\L%d\033]8;;\033\\", n, n);
    vt_feed(vt, text, strlen(text));
}

/* The row leads to the address that its text says. */
static void assert_link(const struct vt *vt, const struct cell *row, int cols)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char want[40];
    const struct extra *e = extra_get(vt_extras(vt), cell_extra(&row[0]));
    select_cells(&text, row, 0, cols, vt_clusters(vt), true);
    str_format(want, sizeof(want), "http://x/%s", text.buf + 1);
    assert_non_null(e);
    assert_string_equal(e->uri, want);
}

/* What is printed next leads where it is to, whatever was read of the scrollback since that was said. */
static void test_link_of_the_pen(void **state)
{
    static struct cell cells[80];
    struct vt *vt = make(80, 10);
    (void)state;
    for (int i = 0; i < 6000; i++) {
        print_link(vt, i);
    }
    vt_feed(vt, "\r\n\033]8;;http://x/7777\033\\", strlen("\r\n\033]8;;http://x/7777\033\\"));
    for (size_t i = vt_history_count(vt) - 1; i > 0; i--) {
        vt_history_line(vt, i - 1, cells, 80, NULL);
        assert_link(vt, cells, 80);
    }
    vt_feed(vt, "L7777", 5);
    assert_link(vt, vt_row(vt, 9, NULL), 80);
    vt_free(vt);
}

/* Rows that come back have their own addresses, however full the table of extras is of others that were read. */
static void test_links_come_back(void **state)
{
    static struct cell cells[80];
    (void)state;
    for (size_t read = 5700; read < 6400; read += 100) {
        struct vt *vt = make(80, 10);
        for (int i = 0; i < 6000; i++) {
            print_link(vt, i);
        }
        for (size_t i = 0; i < read; i++) {
            vt_history_line(vt, vt_history_count(vt) - 2 - i % 5000, cells, 80, NULL);
            assert_link(vt, cells, 80);
        }
        vt_resize(vt, 80, 500);
        for (int row = 0; row < 500; row++) {
            assert_link(vt, vt_row(vt, row, NULL), 80);
        }
        vt_free(vt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters_come_back),    cmocka_unit_test(test_clusters_of_a_long_line),
        cmocka_unit_test(test_clusters_of_wide_rows), cmocka_unit_test(test_link_of_the_pen),
        cmocka_unit_test(test_links_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
