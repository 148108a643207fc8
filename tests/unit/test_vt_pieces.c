/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "term/vt.h"

/* The terminal takes text, parameters and characters in runs where it can. What comes in one piece must leave the same
 * screen and the same scrollback as what comes byte by byte, where no run is longer than one. */

#define COLS 23
#define ROWS 7
#define STREAMS 400

/* What programs write, with wide characters where narrow ones overwrite them, and the other way round. */
static const char *const PARTS[] = {
    "a",
    "hello world",
    "你好",
    "世",
    "é",
    "e\xcc\x81",
    "😀",
    "🇩🇪",
    "\r",
    "\r\n",
    "\n",
    "\b",
    "\t",
    "\033[3;5H",
    "\033[1;1H",
    "\033[K",
    "\033[1K",
    "\033[2J",
    "\033[31m",
    "\033[m",
    "\033[1;44m",
    "\033[2C",
    "\033[3D",
    "\033[A",
    "\033[B",
    "\033[4h",
    "\033[4l",
    "\033[?7l",
    "\033[?7h",
    "\033[3X",
    "\033[2P",
    "\033[2@",
    "\033[L",
    "\033[M",
    "\033[2;5r",
    "\033[r",
    "\033[5b",
    "\033(0q\033(B",
    "\xe4\xbd",
    "\xff",
    "0123456789",
    "─│┼",
    "日本語テキスト",
    "\033[?1049h",
    "\033[?1049l",
    "\033[38;2;1;2;3m",
    "\033D",
    "\033M",
    "01234567890123456789012345678901234567890123456789",
};

static uint32_t seed;

/* xorshift: the same streams everywhere. */
static uint32_t next(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

static struct vt *feed(const struct strbuf *data, size_t piece)
{
    struct vt *vt = vt_new(&(struct vt_opts){.cols = COLS, .rows = ROWS, .scrollback_lines = 50});

    for (size_t at = 0; at < data->len; at += piece) {
        vt_feed(vt, data->buf + at, MT_MIN(piece, data->len - at));
    }
    return vt;
}

/* Same text, colours and attributes; clusters by their text, for their ids depend on what came before. */
static void assert_same_row(struct vt *a, struct vt *b, int row)
{
    bool wrapped_a = false, wrapped_b = false;
    const struct cell *ca = vt_row(a, row, &wrapped_a), *cb = vt_row(b, row, &wrapped_b);

    assert_int_equal(wrapped_a, wrapped_b);
    for (int col = 0; col < COLS; col++) {
        char buf_a[8], buf_b[8];
        size_t len_a = 0, len_b = 0;
        const char *text_a = cluster_text(vt_clusters(a), ca[col].ch, buf_a, &len_a);
        const char *text_b = cluster_text(vt_clusters(b), cb[col].ch, buf_b, &len_b);

        assert_int_equal(len_a, len_b);
        assert_memory_equal(text_a, text_b, len_a);
        assert_int_equal(ca[col].width, cb[col].width);
        assert_int_equal(ca[col].fg, cb[col].fg);
        assert_int_equal(ca[col].bg, cb[col].bg);
        assert_int_equal(ca[col].attrs, cb[col].attrs);
    }
}

/* Every wide character has its right half, and no half stands alone. */
static void assert_whole(struct vt *vt, int row)
{
    const struct cell *cells = vt_row(vt, row, NULL);

    for (int col = 0; col < COLS; col++) {
        bool after_wide = col > 0 && cells[col - 1].width == 2;

        assert_int_equal(cells[col].width == 0, after_wide);
    }
}

static void assert_same(struct vt *a, struct vt *b)
{
    assert_int_equal(vt_cursor(a).row, vt_cursor(b).row);
    assert_int_equal(vt_cursor(a).col, vt_cursor(b).col);
    for (int row = 0; row < ROWS; row++) {
        assert_whole(a, row);
        assert_same_row(a, b, row);
    }
    assert_int_equal(vt_history_count(a), vt_history_count(b));
    for (size_t i = 0; i < vt_history_count(a); i++) {
        MT_CLEANUP(strbuf) struct strbuf text_a = STRBUF_INIT, text_b = STRBUF_INIT;

        vt_history_text(a, i, &text_a, NULL);
        vt_history_text(b, i, &text_b, NULL);
        assert_string_equal(text_a.buf, text_b.buf);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= STREAMS; i++) {
        MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;

        seed = i * 2654435761u;
        for (int k = 0; k < 120; k++) {
            strbuf_addstr(&data, PARTS[next(MT_ARRAY_LEN(PARTS))]);
        }
        struct vt *whole = feed(&data, data.len), *bytes = feed(&data, 1), *some = feed(&data, 1 + next(40));
        assert_same(whole, bytes);
        assert_same(whole, some);
        vt_free(whole);
        vt_free(bytes);
        vt_free(some);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
