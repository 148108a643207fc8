/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "term/vt.h"
#include "tui/render.h"

static const struct render_caps full_caps = {
    .depth = COLOR_TRUE, .bce = true, .ech = true, .cha = true, .underline_styles = true, .cursor_style = true};

static uint32_t seed;

/* A small generator of our own: the same pictures on every machine. */
static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static uint32_t random_color(void)
{
    switch (rnd(4)) {
    case 0:
        return cell_indexed(rnd(256));
    case 1:
        return cell_rgb(rnd(256), rnd(256), rnd(256));
    default:
        return CELL_COLOR_DEFAULT;
    }
}

/* Random text, colours, wide characters, clusters and blanks in random places. */
static void scribble(struct surface *s, unsigned strokes)
{
    static const char *const words[] = {
        "hello", "日本語", "e\xCC\x81t\xC3\xA9", "─────", "x", "  ", "👩‍💻 ok", "a日b本c", "🇩🇪🇫🇷", "│"};

    for (unsigned i = 0; i < strokes; i++) {
        struct style st = {random_color(), random_color(), 0};
        int x = (int)rnd((uint32_t)s->cols), y = (int)rnd((uint32_t)s->rows);
        if (rnd(2)) {
            st.attrs = (uint16_t)(rnd(256) & ~(uint32_t)CELL_BLINK);
            st.attrs |= (uint16_t)(rnd(6) << CELL_UL_SHIFT);
        }
        if (rnd(5) == 0) {
            surface_fill(s, (struct rect){x, y, (int)rnd(30), (int)rnd(4)}, st);
        } else {
            surface_text(s, x, y, -1, st, words[rnd(10)]);
        }
    }
    s->cursor.x = (int)rnd((uint32_t)s->cols);
    s->cursor.y = (int)rnd((uint32_t)s->rows);
    s->cursor.visible = rnd(2);
}

/* Asserts that a terminal shows what the surface says. */
static void assert_shown(const struct vt *vt, const struct surface *s)
{
    for (int y = 0; y < s->rows; y++) {
        const struct cell *row = vt_row(vt, y, NULL);
        for (int x = 0; x < s->cols; x++) {
            const struct cell *want = &s->cells[y * s->cols + x], *got = &row[x];
            char a[8], b[8];
            uint16_t mask = (uint16_t) ~(CELL_PROTECTED);
            if (want->width == 0) {
                continue;
            }
            const char *wt = cluster_text(s->clusters, want->ch, a, NULL),
                       *gt = cluster_text(vt_clusters(vt), got->ch, b, NULL);
            bool blank = strcmp(wt, " ") == 0;
            if (strcmp(wt, gt) != 0 || got->bg != want->bg) {
                fail_msg("row %d column %d: \"%s\" bg %x wanted, \"%s\" bg %x shown", y, x, wt, want->bg, gt, got->bg);
            }
            if (blank && !(want->attrs & CELL_REVERSE)) {
                mask = CELL_REVERSE | CELL_UL_MASK | CELL_STRIKE | CELL_OVERLINE;
            }
            if ((got->attrs & mask) != (want->attrs & mask)) {
                fail_msg("row %d column %d: attributes %x wanted, %x shown", y, x, want->attrs, got->attrs);
            }
            if (!blank && got->fg != want->fg) {
                fail_msg("row %d column %d: fg %x wanted, %x shown", y, x, want->fg, got->fg);
            }
        }
    }
    struct vt_cursor c = vt_cursor(vt);
    assert_int_equal(c.visible, s->cursor.visible);
    if (c.visible) {
        assert_int_equal(c.col, s->cursor.x);
        assert_int_equal(c.row, s->cursor.y);
    }
}

/* A terminal as screen.c sets it up. */
static struct vt *open_vt(int cols, int rows)
{
    struct vt *vt = vt_new(&(struct vt_opts){.cols = cols, .rows = rows, .scrollback_lines = VT_NO_SCROLLBACK});

    vt_feed(vt, "\033[?7l", 5);
    return vt;
}

static void check_random_pairs(const struct render_caps *caps, int cols, int rows, unsigned count)
{
    struct strbuf out = STRBUF_INIT;

    for (unsigned i = 0; i < count; i++) {
        struct surface shown, next;
        struct vt *vt = open_vt(cols, rows);
        seed = 77 + i;
        surface_init(&shown, 1, 1);
        surface_init(&next, cols, rows);
        if (rnd(2)) {
            surface_fill(&next, next.clip, (struct style){.bg = random_color()});
        }
        for (unsigned frame = 0; frame < 4; frame++) {
            scribble(&next, frame == 0 ? 40 : rnd(8));
            strbuf_clear(&out);
            render_frame(&out, caps, frame ? &shown : NULL, &next);
            vt_feed(vt, out.buf, out.len);
            assert_shown(vt, &next);
            render_copy(&shown, &next);
        }
        surface_release(&shown);
        surface_release(&next);
        vt_free(vt);
    }
    strbuf_release(&out);
}

static void test_random_pairs(void **state)
{
    (void)state;
    check_random_pairs(&full_caps, 60, 12, 150);
}

static void test_random_pairs_poor_terminal(void **state)
{
    struct render_caps poor = full_caps;

    (void)state;
    poor.bce = poor.ech = poor.cha = false;
    check_random_pairs(&poor, 37, 9, 80);
    check_random_pairs(&full_caps, 2, 2, 40);
}

static void test_nothing_to_say(void **state)
{
    struct surface a, b;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    surface_init(&a, 40, 5);
    surface_init(&b, 1, 1);
    surface_text(&a, 3, 1, -1, (struct style){.fg = cell_rgb(1, 2, 3)}, "日本 👩‍💻 text");
    render_copy(&b, &a);
    render_frame(&out, &full_caps, &b, &a);
    assert_int_equal(out.len, 0);
    /* Two ways to say blank are one picture. */
    b.cells[0] = (struct cell){.ch = ' ', .fg = cell_indexed(4), .attrs = CELL_BOLD, .width = 1};
    render_frame(&out, &full_caps, &b, &a);
    assert_int_equal(out.len, 0);
    surface_release(&a);
    surface_release(&b);
    strbuf_release(&out);
}

static void test_small_changes_are_small(void **state)
{
    struct surface a, b;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    surface_init(&a, 120, 40);
    surface_init(&b, 1, 1);
    surface_fill(&a, a.clip, (struct style){.bg = cell_rgb(20, 20, 20)});
    for (int y = 0; y < 40; y++) {
        surface_textf(&a, 0, y, -1, (struct style){.fg = cell_rgb(200, 200, 200), .bg = cell_rgb(20, 20, 20)},
                      "line %d", y);
    }
    render_copy(&b, &a);
    surface_text(&a, 5, 7, -1, (struct style){.fg = cell_rgb(200, 200, 200), .bg = cell_rgb(20, 20, 20)}, "X");
    render_frame(&out, &full_caps, &b, &a);
    /* Brackets 16, move 6, colours 35, one character, reset 3. */
    assert_in_range(out.len, 20, 70);
    strbuf_clear(&out);
    render_frame(&out, &full_caps, NULL, &a);
    assert_in_range(out.len, 100, 40 * 30);
    surface_release(&a);
    surface_release(&b);
    strbuf_release(&out);
}

/* A width that the terminal sees differently must not move what follows: after each such character the place is said
 * again. */
static void test_position_after_non_ascii(void **state)
{
    struct surface a;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    surface_init(&a, 20, 1);
    surface_text(&a, 0, 0, -1, (struct style){0}, "é日x");
    render_frame(&out, &full_caps, NULL, &a);
    assert_non_null(strstr(out.buf, "\xC3\xA9\033[2G"));
    assert_non_null(strstr(out.buf, "日\033[4Gx"));
    /* Nor may it stay under one that the terminal draws wider: the cell behind is drawn again, and no more than that.
     */
    struct surface b;
    surface_init(&b, 20, 1);
    surface_text(&a, 0, 0, -1, (struct style){0}, "abcd│││││efgh");
    surface_text(&b, 0, 0, -1, (struct style){0}, "a→cd│││││efgh");
    strbuf_clear(&out);
    render_frame(&out, &full_caps, &a, &b);
    assert_non_null(strstr(out.buf, "→\033[3Gc"));
    assert_null(strchr(out.buf, 'd'));
    surface_release(&b);
    surface_release(&a);
    strbuf_release(&out);
}

/* No byte that could command the terminal comes from a cell. */
static void test_hostile_cells(void **state)
{
    struct surface a;
    struct strbuf out = STRBUF_INIT;
    static const uint32_t bad[] = {0x1b, 7, 0x9b, 0x7f, 10, 0x202e, 0xD800, 0x7fffffff, CELL_CLUSTER | 12345};

    (void)state;
    surface_init(&a, 9, 1);
    for (int i = 0; i < 9; i++) {
        a.cells[i].ch = bad[i];
    }
    a.cells[8].ch = cluster_intern(a.clusters, "a\xE2\x80\xAE", 4);
    a.cells[0].width = 0;
    a.cells[7].width = 2;
    render_frame(&out, &full_caps, NULL, &a);
    for (size_t i = 0; i < out.len; i++) {
        unsigned char c = (unsigned char)out.buf[i];
        assert_true(c >= 0x20 || c == 0x1b);
        assert_true(c != 0x7f);
        if (c == 0x1b) {
            assert_int_equal(out.buf[i + 1], '[');
        }
    }
    assert_null(strstr(out.buf, "\xE2\x80\xAE"));
    assert_true(utf8_is_valid(out.buf, out.len));
    surface_release(&a);
    strbuf_release(&out);
}

static void test_colours_for_poorer_terminals(void **state)
{
    (void)state;
    uint32_t ground = cell_rgb(0x16, 0x18, 0x1d), selection = cell_rgb(0x2b, 0x33, 0x42);
    struct style st = color_reduce(COLOR_256, (struct style){cell_rgb(255, 0, 0), ground, 0}, ground);
    assert_int_equal(st.fg, cell_indexed(196));
    assert_in_range(st.bg & 0xff, 233, 236);
    assert_int_equal(color_to_256(0xffffff), 231);
    assert_int_equal(color_to_256(0x808080), 244);
    assert_int_equal(color_to_256(0x000000), 16);
    /* 16: the ground becomes the terminal's own, a selection stays visible, text on it readable. */
    st = color_reduce(COLOR_16, (struct style){cell_rgb(0xc5, 0xca, 0xd3), ground, 0}, ground);
    assert_int_equal(st.bg, CELL_COLOR_DEFAULT);
    st = color_reduce(COLOR_16, (struct style){cell_rgb(0x94, 0x9c, 0xac), selection, 0}, ground);
    assert_int_not_equal(st.bg, CELL_COLOR_DEFAULT);
    assert_int_not_equal(st.bg, st.fg);
    st = color_reduce(COLOR_16, (struct style){cell_rgb(0xe5, 0x60, 0x60), ground, 0}, ground);
    assert_true((st.fg & 0xff) == 1 || (st.fg & 0xff) == 9);
    /* Mono: no colour at all, the selection is reversed. */
    st = color_reduce(COLOR_MONO, (struct style){cell_rgb(1, 2, 3), selection, CELL_BOLD}, ground);
    assert_int_equal(st.fg, CELL_COLOR_DEFAULT);
    assert_int_equal(st.bg, CELL_COLOR_DEFAULT);
    assert_int_equal(st.attrs, CELL_BOLD | CELL_REVERSE);
    st = color_reduce(COLOR_MONO, (struct style){cell_rgb(1, 2, 3), ground, 0}, ground);
    assert_int_equal(st.attrs, 0);
    assert_in_range(color_contrast(0xffffff, 0x000000), 2090, 2100);
    assert_int_equal(color_contrast(0x123456, 0x123456), 100);
}

static void test_mono_has_no_colour_codes(void **state)
{
    struct surface a;
    struct strbuf out = STRBUF_INIT;
    struct render_caps mono = full_caps;

    (void)state;
    mono.depth = COLOR_MONO;
    surface_init(&a, 60, 12);
    seed = 5;
    scribble(&a, 60);
    render_frame(&out, &mono, NULL, &a);
    assert_null(strstr(out.buf, "38;"));
    assert_null(strstr(out.buf, "48;"));
    surface_release(&a);
    strbuf_release(&out);
}

/* The colour of an underline goes out in the form that others skip, ends, and is not said where it cannot be seen. */
static void test_underline_color(void **state)
{
    struct surface a, b;
    struct render_caps caps = full_caps;
    struct extra_table extras = {0};
    bool full = false;
    struct cell row[3] = {{.ch = 'x', .attrs = CELL_UL_CURLY << CELL_UL_SHIFT, .width = 1},
                          {.ch = 'y', .attrs = CELL_UL_SINGLE << CELL_UL_SHIFT, .width = 1},
                          {.ch = 'z', .width = 1}};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    (void)state;
    caps.underline_color = true;
    surface_init(&a, 4, 1);
    surface_init(&b, 4, 1);
    cell_set_extra(&row[0], extra_intern(&extras, NULL, cell_rgb(1, 2, 3), &full));
    cell_set_extra(&row[2], extra_intern(&extras, NULL, cell_indexed(9), &full));
    surface_blit_extras(&b, 0, 0, row, 3, NULL, &extras);
    render_frame(&out, &caps, &a, &b);
    assert_non_null(strstr(out.buf, "4:3;58:2::1:2:3mx"));
    const char *behind = strchr(out.buf, 'x'); /* underlined in the text's colour, and not at all */
    assert_non_null(behind);
    assert_null(strstr(behind, "58:"));
    render_copy(&a, &b);
    strbuf_clear(&out);
    render_frame(&out, &caps, &a, &b);
    assert_int_equal(out.len, 0);
    caps.underline_color = false;
    strbuf_clear(&out);
    render_frame(&out, &caps, NULL, &b);
    assert_null(strstr(out.buf, "58:"));
    surface_release(&a);
    surface_release(&b);
    extra_table_release(&extras);
}

/* Cells that lead somewhere: said once for a run of them, ended, and only to terminals that know it. */
static void test_links(void **state)
{
    struct surface a, b;
    struct render_caps caps = full_caps;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    (void)state;
    caps.hyperlinks = true;
    surface_init(&a, 20, 2);
    surface_init(&b, 20, 2);
    surface_text(&b, 2, 0, -1, (struct style){0}, "see here now");
    surface_link(&b, (struct rect){6, 0, 4, 1}, "http://127.0.0.1:80");
    surface_link(&b, (struct rect){0, 1, 4, 1}, "http://bad\033]0;x"); /* not taken */
    assert_int_equal(b.extras.count, 1);
    assert_string_equal(surface_link_at(&b, 7, 0), "http://127.0.0.1:80");
    assert_null(surface_link_at(&b, 5, 0));
    assert_null(surface_link_at(&b, 0, 1));
    assert_null(surface_link_at(&b, 99, 0));
    render_frame(&out, &caps, &a, &b);
    const char *at = strstr(out.buf, "\033]8;;http://127.0.0.1:80\033\\here");
    assert_non_null(at);
    assert_non_null(strstr(at, "\033]8;;\033\\now"));
    assert_null(strstr(strstr(at, "here"), "127.0.0.1"));
    render_copy(&a, &b);
    strbuf_clear(&out);
    render_frame(&out, &caps, &a, &b);
    assert_int_equal(out.len, 0);
    surface_links_clear(&b); /* the same id, another address: drawn again */
    surface_link(&b, (struct rect){6, 0, 4, 1}, "http://127.0.0.1:81");
    render_frame(&out, &caps, &a, &b);
    assert_non_null(strstr(out.buf, "\033]8;;http://127.0.0.1:81\033\\here"));
    strbuf_clear(&out);
    caps.hyperlinks = false;
    render_frame(&out, &caps, NULL, &b);
    assert_null(strstr(out.buf, "\033]8"));
    surface_release(&a);
    surface_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_underline_color),
        cmocka_unit_test(test_random_pairs),
        cmocka_unit_test(test_random_pairs_poor_terminal),
        cmocka_unit_test(test_nothing_to_say),
        cmocka_unit_test(test_small_changes_are_small),
        cmocka_unit_test(test_position_after_non_ascii),
        cmocka_unit_test(test_hostile_cells),
        cmocka_unit_test(test_colours_for_poorer_terminals),
        cmocka_unit_test(test_mono_has_no_colour_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
