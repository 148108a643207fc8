/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "tui/surface.h"

/* The row as UTF-8, right halves left out. */
static void row_text(const struct surface *s, int y, struct strbuf *out)
{
    strbuf_clear(out);
    for (int x = 0; x < s->cols; x++) {
        const struct cell *c = &s->cells[y * s->cols + x];
        char small[8];
        size_t len = 0;
        if (c->width == 0) {
            continue;
        }
        const char *text = cluster_text(s->clusters, c->ch, small, &len);
        strbuf_add(out, text, len);
    }
}

/* Every wide character has its right half, every right half its left one. */
static void assert_paired(const struct surface *s)
{
    for (int y = 0; y < s->rows; y++) {
        for (int x = 0; x < s->cols; x++) {
            const struct cell *c = &s->cells[y * s->cols + x];
            assert_true(c->width <= 2);
            if (c->width == 2) {
                assert_true(x + 1 < s->cols);
                assert_int_equal(c[1].width, 0);
            }
            if (c->width == 0) {
                assert_true(x > 0);
                assert_int_equal(c[-1].width, 2);
            }
        }
    }
}

#define ASSERT_ROW(s, y, want)                                                                                         \
    do {                                                                                                               \
        struct strbuf row_ = STRBUF_INIT;                                                                              \
        row_text((s), (y), &row_);                                                                                     \
        assert_string_equal(row_.buf, (want));                                                                         \
        strbuf_release(&row_);                                                                                         \
    } while (0)

static void test_text_fits_and_is_cut(void **state)
{
    struct surface s;
    struct style st = {0};

    (void)state;
    surface_init(&s, 10, 3);
    assert_int_equal(surface_text(&s, 0, 0, -1, st, "hello"), 5);
    ASSERT_ROW(&s, 0, "hello     ");
    assert_int_equal(surface_text(&s, 0, 0, 4, st, "hello"), 4);
    ASSERT_ROW(&s, 0, "hel…o     ");
    assert_int_equal(surface_text(&s, 6, 1, -1, st, "workspace"), 4);
    ASSERT_ROW(&s, 1, "      wor…");
    assert_int_equal(surface_text(&s, 0, 0, 0, st, "x"), 0);
    assert_int_equal(surface_text(&s, 10, 0, -1, st, "x"), 0);
    assert_int_equal(surface_text_right(&s, 10, 2, -1, st, "end"), 7);
    ASSERT_ROW(&s, 2, "       end");
    surface_release(&s);
}

static void test_text_is_sanitised(void **state)
{
    struct surface s;

    (void)state;
    surface_init(&s, 12, 1);
    surface_text(&s, 0, 0, -1, (struct style){0}, "a\033[2Jb\nc\x80");
    for (int x = 0; x < s.cols; x++) {
        assert_true(s.cells[x].ch == 0 || s.cells[x].ch >= 0x20);
    }
    ASSERT_ROW(&s, 0, "a\xEF\xBF\xBD[2Jb c\xEF\xBF\xBD   ");
    surface_release(&s);
}

static void test_wide_at_edges(void **state)
{
    struct surface s;
    struct style st = {0};

    (void)state;
    surface_init(&s, 6, 2);
    surface_text(&s, 0, 0, -1, st, "日本語");
    ASSERT_ROW(&s, 0, "日本語");
    assert_paired(&s);
    /* Writing over one half takes the other away. */
    surface_text(&s, 1, 0, 1, st, "x");
    ASSERT_ROW(&s, 0, " x本語");
    assert_paired(&s);
    surface_text(&s, 4, 0, 1, st, "y");
    ASSERT_ROW(&s, 0, " x本y ");
    assert_paired(&s);
    surface_fill(&s, (struct rect){3, 0, 1, 1}, st);
    assert_paired(&s);
    /* A clip that cuts one in half leaves blanks. */
    struct rect old = surface_clip(&s, (struct rect){0, 1, 3, 1});
    surface_text(&s, 0, 1, -1, st, "a日本");
    surface_unclip(&s, old);
    assert_paired(&s);
    assert_int_equal(s.cells[6 + 3].ch, 0);
    old = surface_clip(&s, (struct rect){1, 1, 5, 1});
    surface_text(&s, 0, 1, -1, st, "日");
    surface_unclip(&s, old);
    assert_paired(&s);
    surface_release(&s);
}

static void test_ascii_mode(void **state)
{
    struct surface s;

    (void)state;
    surface_init(&s, 12, 3);
    s.ascii = true;
    surface_text(&s, 0, 0, -1, (struct style){0}, "a → b 日…é");
    for (int i = 0; i < 12; i++) {
        assert_true(s.cells[i].ch < 0x80);
    }
    ASSERT_ROW(&s, 0, "a > b ??~?  ");
    surface_frame(&s, (struct rect){0, 1, 4, 2}, (struct style){0}, NULL, (struct style){0});
    ASSERT_ROW(&s, 1, "+--+        ");
    surface_release(&s);
}

static void test_frame_and_title(void **state)
{
    struct surface s;

    (void)state;
    surface_init(&s, 14, 3);
    surface_frame(&s, (struct rect){0, 0, 14, 3}, (struct style){0}, "Stop", (struct style){0});
    ASSERT_ROW(&s, 0, "╭─ Stop ─────╮");
    ASSERT_ROW(&s, 1, "│            │");
    ASSERT_ROW(&s, 2, "╰────────────╯");
    surface_frame(&s, (struct rect){0, 0, 1, 1}, (struct style){0}, "x", (struct style){0});
    surface_release(&s);
}

static void test_tint(void **state)
{
    struct surface s;

    (void)state;
    surface_init(&s, 4, 1);
    surface_text(&s, 0, 0, -1, (struct style){.fg = cell_indexed(2), .attrs = CELL_BOLD}, "ab");
    surface_tint(&s, (struct rect){0, 0, 4, 1}, (struct style){SURFACE_KEEP, cell_rgb(1, 2, 3), CELL_REVERSE});
    assert_int_equal(s.cells[0].fg, cell_indexed(2));
    assert_int_equal(s.cells[0].bg, cell_rgb(1, 2, 3));
    assert_int_equal(s.cells[0].attrs, CELL_BOLD | CELL_REVERSE);
    surface_tint(&s, (struct rect){0, 0, 1, 1}, (struct style){SURFACE_KEEP, SURFACE_KEEP, CELL_REVERSE});
    assert_int_equal(s.cells[0].attrs, CELL_BOLD);
    surface_release(&s);
}

static void test_blit(void **state)
{
    struct surface s;
    struct cluster_table t;
    struct cell row[5] = {
        {.ch = 'a', .width = 1}, {.ch = 0x65E5, .width = 2}, {.width = 0}, {.ch = 0, .width = 1}, {.width = 2}};

    (void)state;
    cluster_table_init(&t);
    row[3].ch = cluster_intern(&t, "e\xCC\x81", 3);
    surface_init(&s, 6, 2);
    surface_blit(&s, 0, 0, row, 5, &t);
    ASSERT_ROW(&s, 0, "a日e\xCC\x81  ");
    assert_paired(&s);
    /* A wide character across the clip's right edge. */
    struct rect old = surface_clip(&s, (struct rect){0, 1, 2, 1});
    surface_blit(&s, 0, 1, row, 5, &t);
    surface_unclip(&s, old);
    ASSERT_ROW(&s, 1, "a     ");
    assert_paired(&s);
    /* A row that begins with a right half. */
    surface_blit(&s, 0, 1, row + 2, 3, &t);
    assert_paired(&s);
    surface_release(&s);
    cluster_table_release(&t);
}

static void test_full_cluster_table(void **state)
{
    struct surface s;

    (void)state;
    surface_init(&s, 4, 1);
    for (unsigned i = 0; i < CLUSTER_MAX_ENTRIES * 2; i++) {
        char text[16];
        size_t n = (size_t)snprintf(text, sizeof(text), "%c", 'a' + (int)(i % 26));
        n += utf8_encode(0x300 + i % 0x60, text + n);
        n += utf8_encode(0x300 + i / 0x60 % 0x60, text + n);
        text[n] = '\0';
        surface_text(&s, (int)(i % 4), 0, 1, (struct style){0}, text);
        char small[8];
        assert_string_equal(cluster_text(s.clusters, s.cells[i % 4].ch, small, NULL), text);
    }
    surface_release(&s);
}

static void test_extreme_sizes(void **state)
{
    struct surface s;

    (void)state;
    surface_init(&s, 0, -5);
    assert_int_equal(s.cols, 1);
    assert_int_equal(s.rows, 1);
    surface_frame(&s, (struct rect){-5, -5, 100, 100}, (struct style){0}, "title", (struct style){0});
    surface_text(&s, -3, 0, -1, (struct style){0}, "日本語日本語");
    surface_text(&s, 0, 7, -1, (struct style){0}, "below");
    surface_fill(&s, (struct rect){-10, -10, 1000, 1000}, (struct style){.bg = cell_indexed(3)});
    assert_int_equal(s.cells[0].bg, cell_indexed(3));
    assert_int_equal(s.base_bg, cell_indexed(3));
    surface_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_fits_and_is_cut),
        cmocka_unit_test(test_text_is_sanitised),
        cmocka_unit_test(test_wide_at_edges),
        cmocka_unit_test(test_ascii_mode),
        cmocka_unit_test(test_frame_and_title),
        cmocka_unit_test(test_tint),
        cmocka_unit_test(test_blit),
        cmocka_unit_test(test_full_cluster_table),
        cmocka_unit_test(test_extreme_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
