/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/select.h"
#include "term/vt.h"
#include "tests/valgrind.h"

/* Floods that have killed terminals: nothing dies, nothing grows, and `reset` brings a usable screen back. */

#define PIECE 65536

/* Under a sanitizer or valgrind everything takes an order of magnitude longer: floods are shorter. */
static size_t scaled(size_t n)
{
#if defined(__SANITIZE_ADDRESS__)
    return n / 4;
#else
    return on_valgrind() ? n / 40 : n;
#endif
}

struct sink {
    size_t answered;
};

static void on_output(const char *bytes, size_t len, void *arg)
{
    (void)bytes;
    ((struct sink *)arg)->answered += len;
}

static struct vt *terminal(struct sink *sink)
{
    static const struct vt_callbacks callbacks = {.output = on_output};
    return vt_new(&(struct vt_opts){.cols = 80,
                                    .rows = 24,
                                    .scrollback_lines = 1000,
                                    .scrollback_bytes = 1u << 20,
                                    .callbacks = &callbacks,
                                    .arg = sink});
}

/* Bytes in use; 0 where the C library does not tell. */
static size_t used(void)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
#else
    return 0;
#endif
}

/* What no flood may break: RIS, a word, its place, one answer. */
static void assert_usable(struct vt *vt, struct sink *sink)
{
    static const char reset[] = "\033\\\030\033c\033[3Jok";
    MT_CLEANUP(strbuf) struct strbuf row = STRBUF_INIT;
    vt_feed(vt, reset, sizeof(reset) - 1);
    select_cells(&row, vt_row(vt, 0, NULL), 0, vt_cols(vt), vt_clusters(vt), true);
    assert_string_equal(row.buf, "ok");
    struct vt_cursor c = vt_cursor(vt);
    assert_int_equal(c.row, 0);
    assert_int_equal(c.col, 2);
    assert_true(c.visible);
    assert_false(vt_is_alt(vt) || vt_is_reversed(vt) || vt_is_held(vt, UINT64_MAX - 1));
    assert_int_equal(vt_history_count(vt), 0);
    size_t before = sink->answered;
    vt_feed(vt, "\033[5n", 4);
    assert_int_equal(sink->answered - before, 4);
}

/* Every row is as vt.h promises: wide characters whole, extras known. */
static void assert_sound(struct vt *vt)
{
    for (int row = 0; row < vt_rows(vt); row++) {
        const struct cell *cells = vt_row(vt, row, NULL);
        for (int col = 0; col < vt_cols(vt); col++) {
            assert_true(cells[col].width <= 2);
            if (cells[col].width == 2) {
                assert_true(col + 1 < vt_cols(vt) && cells[col + 1].width == 0);
            } else if (cells[col].width == 0) {
                assert_true(col > 0 && cells[col - 1].width == 2);
            }
            uint16_t id = cell_extra(&cells[col]);
            assert_true(id == 0 || extra_get(vt_extras(vt), id) != NULL);
        }
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Random bytes, with sizes changing on the way. */
static void flood(struct vt *vt, size_t bytes, int resizes, uint32_t seed)
{
    char *piece = xmalloc(PIECE);
    size_t step = resizes > 0 ? bytes / (size_t)resizes : bytes;
    for (size_t at = 0, since = 0; at < bytes;) {
        size_t n = MT_MIN((size_t)PIECE, MT_MIN(bytes - at, step));
        for (size_t i = 0; i < n; i += 4) {
            uint32_t r = next_random(&seed);
            memcpy(piece + i, &r, MT_MIN((size_t)4, n - i));
        }
        vt_feed(vt, piece, n);
        at += n;
        since += n;
        if (resizes > 0 && since >= step) {
            uint32_t r = next_random(&seed);
            since = 0;
            vt_resize(vt, 1 + (int)(r % 200), 1 + (int)(r >> 8) % 60);
            assert_sound(vt);
        }
    }
    free(piece);
}

static void test_random_bytes(void **state)
{
    struct sink sink = {0};
    struct vt *vt = terminal(&sink);
    (void)state;
    flood(vt, 4u << 20, 0, 7); /* tables and scrollback are full now */
    size_t before = used();
    flood(vt, scaled(50u << 20), 0, 77);
    assert_sound(vt);
    assert_true(used() <= before + (1u << 20));
    assert_usable(vt, &sink);
    vt_free(vt);
}

static void test_resizes_in_a_flood(void **state)
{
    struct sink sink = {0};
    struct vt *vt = terminal(&sink);
    (void)state;
    flood(vt, scaled(2u << 20), 1000, 5);
    vt_resize(vt, 200, 60); /* the largest of them */
    vt_resize(vt, 80, 24);
    size_t before = used();
    flood(vt, scaled(4u << 20), 1000, 55);
    vt_resize(vt, 200, 60);
    vt_resize(vt, 80, 24);
    assert_true(used() <= before + (4u << 20));
    assert_usable(vt, &sink);
    vt_free(vt);
}

/* Feeds `unit` so many times, between a beginning and an end. */
static void repeat(struct vt *vt, const char *begin, const char *unit, size_t count, const char *end)
{
    MT_CLEANUP(strbuf) struct strbuf piece = STRBUF_INIT;
    size_t per = PIECE / strlen(unit);
    for (size_t i = 0; i < per; i++) {
        strbuf_addstr(&piece, unit);
    }
    vt_feed(vt, begin, strlen(begin));
    for (; count >= per; count -= per) {
        vt_feed(vt, piece.buf, piece.len);
    }
    vt_feed(vt, piece.buf, count * strlen(unit));
    vt_feed(vt, end, strlen(end));
}

/* Everything whose length somebody outside decides. */
static void test_long_things(void **state)
{
    static const struct {
        const char *name, *begin, *unit;
        size_t count;
        const char *end;
    } cases[] = {
        {"200,000 parameters", "\033[", "1;", 200000, "m"},
        {"200,000 sub-parameters", "\033[38", ":2", 200000, "m"},
        {"parameters of 200,000 digits", "\033[", "9", 200000, "C"},
        {"200,000 intermediates", "\033[", "!", 200000, "p"},
        {"200,000 intermediates of an ESC", "\033", "(", 200000, "0"},
        {"8 MB OSC", "\033]0;", "0123456789abcdef", 524288, "\007"},
        {"8 MB clipboard", "\033]52;c;", "QUJDQUJDQUJDQUJD", 524288, "\007"},
        {"8 MB DCS without an end", "\033Pq", "~~~~~~~~~~~~~~~~", 524288, ""},
        {"8 MB APC without an end", "\033_G", "AAAAAAAAAAAAAAAA", 524288, ""},
        {"tmux's pass-through without an end", "\033Ptmux;", "\033\033[m", 500000, ""},
        {"a million combining marks", "a", "\xcc\x81", 1000000, ""},
        {"a million joiners", "\xf0\x9f\x91\xa8", "\xe2\x80\x8d", 1000000, ""},
        {"300,000 people of one family", "\xf0\x9f\x91\xa8", "\xe2\x80\x8d\xf0\x9f\x91\xa9", 300000, ""},
        {"a million flags' halves", "", "\xf0\x9f\x87\xa9", 1000000, ""},
        {"a million saved titles", "\033]0;x\007", "\033[22;0t", 1000000, ""},
        {"a million pushed keyboards", "", "\033[>1u", 1000000, ""},
        {"100,000 REPs of the most", "x", "\033[65535b", 20000, ""},
        {"a million questions", "", "\033[c\033[6n", 200000, ""},
        {"screens back and forth", "", "\033[?1049h\033[?1049l", 100000, ""},
        {"margins and scrolling", "", "\033[2;3r\033[65535S\033[65535T\033[r", 100000, ""},
        {"palettes", "", "\033]4;1;#123456\007\033]104\007", 100000, ""},
        {"tab stops", "", "\033[?5W\t\033H", 20000, ""},
    };
    struct sink sink = {0};
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        struct vt *vt = terminal(&sink);
        size_t before = used();
        vt_allow_clipboard(vt, true);
        repeat(vt, cases[i].begin, cases[i].unit, scaled(cases[i].count), cases[i].end);
        assert_sound(vt);
        size_t after = used();
        if (after > before + (3u << 20)) {
            fail_msg("%s: %zu bytes more than before", cases[i].name, after - before);
        }
        assert_usable(vt, &sink);
        vt_free(vt);
    }
}

/* Addresses, underline colours and clusters that are all different: tables are bounded, and what is on the screen is
 * right. */
static void test_endless_tables(void **state)
{
    struct sink sink = {0};
    struct vt *vt = terminal(&sink);
    (void)state;
    for (int i = 0; i < (int)scaled(40000); i++) {
        MT_CLEANUP(strbuf) struct strbuf s = STRBUF_INIT;
        strbuf_addf(&s, "\033]8;;http://h/%d\033\\\033[4;58:2::%d:%d:%dmx\xcc%c\xcc%c", i, i & 255, i >> 8 & 255, 7,
                    0x80 + i % 64, 0x80 + i / 64 % 64);
        vt_feed(vt, s.buf, s.len);
    }
    assert_sound(vt);
    const struct extra *e = extra_get(vt_extras(vt), cell_extra(&vt_row(vt, 0, NULL)[0]));
    assert_non_null(e);
    assert_non_null(e->uri);
    assert_true(vt_extras(vt)->count <= EXTRA_MAX && vt_extras(vt)->bytes <= EXTRA_BYTES_MAX);
    /* More than 255 on one screen. */
    vt_feed(vt, "\033c", 2);
    for (int i = 0; i < 80 * 24 - 1; i++) {
        MT_CLEANUP(strbuf) struct strbuf s = STRBUF_INIT;
        strbuf_addf(&s, "\033]8;;http://h/%d\033\\x", i);
        vt_feed(vt, s.buf, s.len);
    }
    for (int i = 0; i < 80 * 24 - 1; i++) {
        MT_CLEANUP(strbuf) struct strbuf s = STRBUF_INIT;
        strbuf_addf(&s, "http://h/%d", i);
        e = extra_get(vt_extras(vt), cell_extra(&vt_row(vt, i / 80, NULL)[i % 80]));
        assert_non_null(e);
        assert_string_equal(e->uri, s.buf);
    }
    assert_usable(vt, &sink);
    vt_free(vt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_resizes_in_a_flood),
        cmocka_unit_test(test_long_things),
        cmocka_unit_test(test_endless_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
