/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/grid.h"
#include "term/scrollback.h"
#include "term/select.h"
#include "term/vt.h"

static struct vt *make(int cols, int rows)
{
    return vt_new(
        &(struct vt_opts){.cols = cols, .rows = rows, .scrollback_lines = 4000000, .scrollback_bytes = 256u << 20});
}

static void feed(struct vt *vt, const char *s)
{
    vt_feed(vt, s, strlen(s));
}

/* A reproducible sequence. */
static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

/* Appends a row's text; a wrapped row is cut where it was never written. */
static void add_row(struct strbuf *out, const struct vt *vt, const struct cell *cells, int cols, bool wrapped)
{
    while (wrapped && cols > 0 && cells[cols - 1].ch == 0 && cells[cols - 1].width == 1) {
        cols--;
    }
    select_cells(out, cells, 0, cols, vt_clusters(vt), !wrapped);
    if (!wrapped) {
        strbuf_addch(out, '\n');
    }
}

/* No wide character is in pieces. */
static void check_row(const struct cell *cells, int cols)
{
    for (int col = 0; col < cols; col++) {
        bool after_wide = col > 0 && cells[col - 1].width == 2;
        assert_true((cells[col].width == 0) == after_wide);
        assert_false(cells[col].width == 2 && col + 1 == cols);
    }
}

/* All there is, rows joined by the wrap flag, without blank lines at the end. */
static void text_of(struct vt *vt, struct strbuf *out)
{
    static struct cell cells[GRID_MAX];
    int cols = vt_cols(vt);
    strbuf_clear(out);
    for (size_t i = vt_history_count(vt); i > 0; i--) {
        bool wrapped = false;
        assert_true(vt_history_line(vt, i - 1, cells, cols, &wrapped) >= 0);
        assert_true(wrapped == vt_history_is_wrapped(vt, i - 1));
        check_row(cells, cols);
        add_row(out, vt, cells, cols, wrapped);
    }
    for (int row = 0; row < vt_rows(vt); row++) {
        bool wrapped = false;
        const struct cell *c = vt_row(vt, row, &wrapped);
        check_row(c, cols);
        add_row(out, vt, c, cols, wrapped);
    }
    while (out->len > 0 && out->buf[out->len - 1] == '\n') {
        strbuf_truncate(out, out->len - 1);
    }
}

static void assert_text(struct vt *vt, const char *want)
{
    struct strbuf got = STRBUF_INIT;
    text_of(vt, &got);
    assert_string_equal(got.buf, want);
    strbuf_release(&got);
}

/* The screen alone, rows joined by '/'. */
static void assert_screen(struct vt *vt, const char *want)
{
    struct strbuf got = STRBUF_INIT;
    for (int row = 0; row < vt_rows(vt); row++) {
        strbuf_addstr(&got, row > 0 ? "/" : "");
        select_cells(&got, vt_row(vt, row, NULL), 0, vt_cols(vt), vt_clusters(vt), true);
    }
    while (got.len > 0 && got.buf[got.len - 1] == '/') {
        strbuf_truncate(&got, got.len - 1);
    }
    assert_string_equal(got.buf, want);
    strbuf_release(&got);
}

static void assert_cursor(const struct vt *vt, int row, int col)
{
    assert_int_equal(vt_cursor(vt).row, row);
    assert_int_equal(vt_cursor(vt).col, col);
}

static void test_wraps_and_joins(void **state)
{
    (void)state;
    struct vt *vt = make(10, 5);
    feed(vt, "one\r\nabcdefghijKLM\r\nlast ");
    assert_cursor(vt, 3, 5);
    vt_resize(vt, 5, 5);
    assert_screen(vt, "one/abcde/fghij/KLM/last");
    assert_cursor(vt, 4, 4); /* behind the space, where a wrap waits */
    feed(vt, "x");
    assert_screen(vt, "abcde/fghij/KLM/last/x");
    vt_resize(vt, 20, 5);
    assert_screen(vt, "one/abcdefghijKLM/last x");
    assert_cursor(vt, 2, 6);
    vt_resize(vt, 7, 5);
    assert_screen(vt, "one/abcdefg/hijKLM/last x");
    vt_free(vt);
}

static void test_cursor_in_the_middle(void **state)
{
    (void)state;
    struct vt *vt = make(10, 6);
    feed(vt, "0123456789abcdefghij\r\nend\033[1;5H\0337\033[2;4H");
    vt_resize(vt, 4, 6);
    assert_screen(vt, "0123/4567/89ab/cdef/ghij/end");
    assert_cursor(vt, 3, 1); /* 'd' */
    feed(vt, "D\0338");
    assert_cursor(vt, 1, 0); /* '4' */
    feed(vt, "F");
    vt_resize(vt, 10, 6);
    assert_screen(vt, "0123F56789/abcDefghij/end");
    vt_free(vt);
}

static void test_wide_and_clusters(void **state)
{
    (void)state;
    struct vt *vt = make(8, 4);
    feed(vt, "a\xe4\xbd\xa0\xe5\xa5\xbd\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9z");
    assert_screen(vt, "a\xe4\xbd\xa0\xe5\xa5\xbd\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9z");
    vt_resize(vt, 4, 4);
    assert_screen(vt, "a\xe4\xbd\xa0/\xe5\xa5\xbd\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9/z");
    vt_resize(vt, 2, 6);
    vt_resize(vt, 3, 6);
    vt_resize(vt, 8, 4);
    assert_screen(vt, "a\xe4\xbd\xa0\xe5\xa5\xbd\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9z");
    vt_free(vt);
}

/* A background up to the margin goes up to the new margin. */
static void test_tails(void **state)
{
    (void)state;
    struct vt *vt = make(10, 4);
    feed(vt, "\033[44mbar\033[K\033[m\r\nplain");
    vt_resize(vt, 20, 4);
    assert_int_equal(vt_row(vt, 0, NULL)[19].bg, cell_indexed(4));
    assert_int_equal(vt_row(vt, 1, NULL)[19].bg, CELL_COLOR_DEFAULT);
    vt_resize(vt, 5, 4);
    assert_screen(vt, "bar/plain");
    feed(vt, "\r\n\n\n\n\n\n"); /* and in the scrollback */
    vt_resize(vt, 12, 4);
    struct cell line[12];
    size_t n = vt_history_count(vt);
    assert_int_equal(vt_history_line(vt, n - 1, line, 12, NULL), 12);
    assert_int_equal(line[11].bg, cell_indexed(4));
    assert_int_equal(line[0].ch, 'b');
    vt_free(vt);
}

static void test_alternate_screen(void **state)
{
    (void)state;
    struct vt *vt = make(10, 3);
    feed(vt, "abcdefghijKLM\033[?1049h\033[H0123456789");
    vt_resize(vt, 5, 3);
    assert_screen(vt, "01234"); /* not wrapped: its program draws it again */
    feed(vt, "\033[?1049l");
    assert_screen(vt, "abcde/fghij/KLM");
    assert_cursor(vt, 2, 3);
    vt_free(vt);
}

/* At a shell's prompt the line with the cursor is the shell's to draw: as many blank rows as it had. */
static void test_prompt(void **state)
{
    (void)state;
    struct vt *vt = make(10, 6);
    feed(vt, "output\r\n\033]133;D;0\007\033]133;A\007> \033]133;B\007a command");
    assert_cursor(vt, 2, 1);
    vt_resize(vt, 6, 6);
    assert_screen(vt, "output");
    assert_cursor(vt, 2, 1);
    assert_true((vt_row_marks(vt, 1) & GRID_MARK_PROMPT) != 0);
    feed(vt, "\r\033[A\033[J> a command\r\n\033]133;C\007said something");
    assert_screen(vt, "output/> a co/mmand/said s/omethi/ng");
    vt_resize(vt, 20, 6); /* no prompt: nothing is blanked */
    assert_text(vt, "output\n> a command\nsaid something");
    feed(vt, "\r\n\033]133;A\007> run\r\nand its output"); /* a shell that does not say when the command runs */
    vt_resize(vt, 7, 6);
    vt_resize(vt, 20, 6);
    assert_text(vt, "output\n> a command\nsaid something\n> run\nand its output");
    vt_free(vt);
    vt = make(20, 6);
    feed(vt, "output\r\n> a command\r\nsaid something\r\n\033]133;A;redraw=0\007> no");
    vt_resize(vt, 3, 6);
    assert_text(vt, "output\n> a command\nsaid something\n> no");
    vt_free(vt);
}

static void test_marks(void **state)
{
    (void)state;
    struct vt *vt = make(10, 3);
    feed(vt, "before before\r\n\033]133;A\007$ ls -l a b c d\r\n\033]133;C\007list\r\n\033]133;D;0\007\r\nx\r\ny\r\nz");
    for (int cols = 3; cols < 40; cols += 5) {
        int prompts = 0, outputs = 0;
        vt_resize(vt, cols, 3);
        for (size_t i = 0; i < vt_history_count(vt); i++) {
            struct strbuf text = STRBUF_INIT;
            vt_history_text(vt, i, &text, NULL);
            unsigned marks = vt_history_marks(vt, i);
            if ((marks & GRID_MARK_PROMPT) != 0) {
                assert_int_equal(text.buf[0], '$');
                prompts++;
            }
            if ((marks & GRID_MARK_OUTPUT) != 0) {
                assert_int_equal(text.buf[0], 'l');
                outputs++;
            }
            strbuf_release(&text);
        }
        assert_int_equal(prompts, 1);
        assert_int_equal(outputs, 1);
    }
    vt_free(vt);
}

/* Addresses and underline colours come back from the scrollback, whatever the width. */
static void test_links(void **state)
{
    (void)state;
    struct vt *vt = make(20, 3);
    struct cell line[40];
    feed(vt, "see \033]8;;https://example.org/a\033\\the link\033]8;;\033\\ \033[4;58:2::1:2:3mul\033[m\r\n\n\n\n\n");
    for (int cols = 20; cols >= 6; cols -= 7) {
        int linked = 0, colored = 0;
        vt_resize(vt, cols, 3);
        for (size_t i = 0; i < vt_history_count(vt); i++) {
            vt_history_line(vt, i, line, cols, NULL);
            for (int col = 0; col < cols; col++) {
                const struct extra *e = extra_get(vt_extras(vt), cell_extra(&line[col]));
                linked += e != NULL && e->uri != NULL && strcmp(e->uri, "https://example.org/a") == 0;
                colored += e != NULL && e->uri == NULL && e->ul == cell_rgb(1, 2, 3);
            }
        }
        assert_int_equal(linked, 8);
        assert_int_equal(colored, 2);
    }
    vt_free(vt);
}

/* What is erased does not go on from the line before. */
static void test_erased_is_no_continuation(void **state)
{
    (void)state;
    struct vt *vt = make(5, 2);
    feed(vt, "abcdefghijklmno\033[2J\033[Hnew");
    vt_resize(vt, 20, 2);
    assert_text(vt, "abcde\nnew");
    vt_free(vt);
}

/* A line as a program may print it, and its text. */
static void random_line(unsigned *seed, struct strbuf *bytes, struct strbuf *text)
{
    static const char *const glyph[] = {
        "a", "b", "7", " x", "\xe4\xbd\xa0", "\xc3\xa9", "e\xcc\x81", "\xf0\x9f\x98\x80", "\xe2\x9d\xa4\xef\xb8\x8f",
        "_"};
    static const char *const style[] = {"\033[1m", "\033[m", "\033[44m", "\033[38;5;9m", "\033[4m", "\033[0m"};
    unsigned n = next(seed) % 8 == 0 ? next(seed) % 700 : next(seed) % 90;
    for (unsigned i = 0; i < n; i++) {
        const char *g = glyph[next(seed) % MT_ARRAY_LEN(glyph)];
        if (next(seed) % 20 == 0) {
            strbuf_addstr(bytes, style[next(seed) % MT_ARRAY_LEN(style)]);
        }
        strbuf_addstr(bytes, g);
        strbuf_addstr(text, g);
    }
    strbuf_addstr(bytes, "\033[m\r\n.");
    strbuf_addstr(text, "\n.");
}

/* Whatever the sizes in between, and whatever is printed between them, all lines are there, each whole. */
static void test_no_line_is_lost(void **state)
{
    (void)state;
    struct strbuf want = STRBUF_INIT, bytes = STRBUF_INIT, got = STRBUF_INIT;
    for (unsigned round = 0; round < 4; round++) {
        unsigned seed = 77 + round;
        struct vt *vt = make(80, 24);
        strbuf_clear(&want);
        for (int i = 0; i < 1000; i++) {
            if (next(&seed) % 3 == 0) {
                strbuf_clear(&bytes);
                random_line(&seed, &bytes, &want);
                vt_feed(vt, bytes.buf, bytes.len);
            }
            int cols = round == 0 ? 2 + i % 7 : 2 + (int)(next(&seed) % 150);
            vt_resize(vt, cols, 2 + (int)(next(&seed) % 50));
            if (i % 50 == 0 || i == 999) {
                text_of(vt, &got);
                assert_string_equal(got.buf, want.buf);
            }
        }
        vt_free(vt);
    }
    strbuf_release(&want);
    strbuf_release(&bytes);
    strbuf_release(&got);
}

/* A line that is never ended, longer than anything that is wrapped in one piece. */
static void test_endless_line(void **state)
{
    (void)state;
    struct vt *vt = make(40, 10);
    struct strbuf want = STRBUF_INIT;
    for (int i = 0; i < 20000; i++) {
        char word[16];
        str_format(word, sizeof(word), "%d,", i);
        feed(vt, word);
        strbuf_addstr(&want, word);
    }
    for (int cols = 20; cols < 200; cols += 33) {
        vt_resize(vt, cols, 10);
        assert_text(vt, want.buf);
    }
    strbuf_release(&want);
    vt_free(vt);
}

/* The oldest lines go while older widths are still in there; numbers stay right. */
static void test_full_scrollback(void **state)
{
    (void)state;
    struct vt *vt = vt_new(&(struct vt_opts){.cols = 30, .rows = 5, .scrollback_lines = 1000});
    struct cell cells[100];
    unsigned seed = 5;
    int line = 0;
    for (int i = 0; i < 300; i++) {
        for (unsigned n = next(&seed) % 40; n > 0; n--) {
            char text[100];
            str_format(text, sizeof(text), "%06d and what follows it to the end\r\n", line++);
            feed(vt, text);
        }
        if (i % 3 == 0) {
            vt_resize(vt, 10 + (int)(next(&seed) % 80), 5);
        }
        size_t count = vt_history_count(vt);
        assert_true(vt_history_total(vt) >= count);
        assert_true(count == 0 || vt_history_line(vt, count - 1, cells, 100, NULL) >= 0);
        assert_int_equal(vt_history_line(vt, count, cells, 100, NULL), -1);
        size_t guess = vt_history_estimate(vt);
        assert_int_equal(guess, count);
    }
    /* Every line is there, in order, from the oldest whole one on. */
    struct strbuf got = STRBUF_INIT;
    text_of(vt, &got);
    const char *p = strchr(got.buf, '\n') + 1;
    int first = (int)strtol(p, NULL, 10);
    assert_true(line - first > 300);
    for (int n = first; n < line; n++) {
        char text[100];
        str_format(text, sizeof(text), "%06d and what follows it to the end", n);
        assert_int_equal(strncmp(p, text, strlen(text)), 0);
        p += strlen(text) + 1;
    }
    strbuf_release(&got);
    vt_free(vt);
}

/* The guess becomes exact, a little with every look, and a resize does not look at the whole scrollback. */
static void test_estimate(void **state)
{
    (void)state;
    struct vt *vt = make(80, 24);
    for (int i = 0; i < 20000; i++) {
        feed(vt, i % 2 ? "short\r\n" : "a line that is longer than forty columns, so that it must be wrapped\r\n");
    }
    assert_int_equal(vt_history_estimate(vt), 20001 - 24);
    vt_resize(vt, 40, 24);
    size_t guess = vt_history_estimate(vt);
    assert_true(guess > 29000 && guess < 31000);
    for (int i = 0; i < 30; i++) {
        guess = vt_history_estimate(vt);
    }
    assert_int_equal(guess, vt_history_count(vt));
    vt_free(vt);
}

/* The text from a point on. */
static void text_at(struct vt *vt, struct vt_point p, char *out, int n)
{
    static struct cell cells[GRID_MAX];
    size_t line = (size_t)(p.line - (vt_history_total(vt) - vt_history_count(vt)));
    struct strbuf text = STRBUF_INIT;
    bool wrapped = true;
    for (int from = p.col; wrapped && (int)text.len < n; from = 0, line++) {
        assert_int_equal(select_line(vt, line, cells, vt_cols(vt), &wrapped), 0);
        select_cells(&text, cells, from, vt_cols(vt), vt_clusters(vt), false);
    }
    str_format(out, (size_t)n + 1, "%.*s", n, text.buf);
    for (size_t len = strlen(out); len > 0 && out[len - 1] == ' '; len--) { /* how many end a line is the width's */
        out[len - 1] = '\0';
    }
    strbuf_release(&text);
}

/* Places that are looked at stay with their text, in the scrollback and on the screen. */
static void test_points(void **state)
{
    (void)state;
    struct vt *vt = make(50, 10);
    struct vt_point points[40];
    char want[40][10], got[10];
    unsigned seed = 3;
    for (int i = 0; i < 3000; i++) {
        char text[80];
        str_format(text, sizeof(text), "%05d the words of line %05d, %s%05d\r\n", i, i, i % 3 ? "" : "more of it ", i);
        feed(vt, text);
    }
    feed(vt, "and the last one of them all, which is so long that it is wrapped and goes on where no row ends");
    for (int round = 0; round < 60; round++) {
        uint64_t first = vt_history_total(vt) - vt_history_count(vt);
        size_t lines = select_line_count(vt) - 10;
        for (size_t i = 0; i < MT_ARRAY_LEN(points); i++) {
            size_t back = i < 20 ? next(&seed) % 30 : next(&seed) % lines;
            points[i] = (struct vt_point){first + lines - 1 - MT_MIN(back, lines - 1), 0};
            text_at(vt, points[i], want[i], 5);
        }
        int cols = 9 + (int)(next(&seed) % 90), rows = 2 + (int)(next(&seed) % 30); /* in this order, by any compiler */
        vt_resize_keep(vt, cols, rows, points, MT_ARRAY_LEN(points));
        for (size_t i = 0; i < MT_ARRAY_LEN(points); i++) {
            text_at(vt, points[i], got, 5);
            assert_string_equal(got, want[i]);
        }
    }
    vt_free(vt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wraps_and_joins),
        cmocka_unit_test(test_cursor_in_the_middle),
        cmocka_unit_test(test_wide_and_clusters),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_alternate_screen),
        cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_erased_is_no_continuation),
        cmocka_unit_test(test_no_line_is_lost),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_full_scrollback),
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
