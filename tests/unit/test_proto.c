/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/proto.h"

#define COLS 20

static const uint8_t *bytes(const struct strbuf *b)
{
    return (const uint8_t *)b->buf;
}

/* A row through the wire; returns the payload's length. */
static size_t round_trip(const struct cell *in, int cols, struct cell *out, struct cluster_table *from,
                         struct cluster_table *to)
{
    struct strbuf b = STRBUF_INIT;
    struct wire_reader r;
    struct error err = ERROR_INIT;
    int index;
    bool wrapped;
    size_t len;

    proto_put_row(&b, 7, true, in, cols, from);
    len = b.len;
    r = wire_reader(bytes(&b), b.len);
    assert_int_equal(proto_get_row(&r, &index, &wrapped, out, cols, to, &err), 0);
    assert_int_equal(index, 7);
    assert_true(wrapped);
    assert_ptr_equal(r.p, r.end);
    strbuf_release(&b);
    return len;
}

static void put_text(struct cell *cells, int at, const char *s)
{
    for (; *s != '\0'; s++, at++) {
        cells[at].ch = (uint8_t)*s;
    }
}

static void test_row_text(void **state)
{
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct cell in[COLS], out[COLS];

    (void)state;
    cell_fill(in, COLS, CELL_BLANK);
    put_text(in, 0, "hello world");
    in[11].ch = 0xe9;
    in[12] = (struct cell){.ch = 0x6f22, .width = 2};
    in[13].width = 0;
    for (int i = 2; i < 5; i++) {
        in[i].fg = cell_rgb(1, 2, 3);
        in[i].bg = cell_indexed(200);
        in[i].attrs = CELL_BOLD | CELL_UL_CURLY << CELL_UL_SHIFT;
        in[i].link = 9;
    }
    round_trip(in, COLS, out, &t, &t);
    assert_memory_equal(in, out, sizeof(in));
}

static void test_row_blank_is_small(void **state)
{
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct cell in[PROTO_MAX_COLS], out[PROTO_MAX_COLS];

    (void)state;
    cell_fill(in, PROTO_MAX_COLS, CELL_BLANK);
    assert_true(round_trip(in, PROTO_MAX_COLS, out, &t, &t) <= 9);
    assert_memory_equal(in, out, sizeof(in));
    cell_fill(in, PROTO_MAX_COLS, (struct cell){.width = 1, .bg = cell_indexed(4)});
    assert_true(round_trip(in, PROTO_MAX_COLS, out, &t, &t) < 40);
    assert_memory_equal(in, out, sizeof(in));
    cell_fill(in, PROTO_MAX_COLS, (struct cell){.width = 1, .ch = ' ', .attrs = CELL_REVERSE});
    assert_true(round_trip(in, PROTO_MAX_COLS, out, &t, &t) < 40);
    assert_memory_equal(in, out, sizeof(in));
}

static void test_row_clusters(void **state)
{
    static const char FAMILY[] = "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", ACCENT[] = "e\xcc\x81";
    struct cluster_table from = CLUSTER_TABLE_INIT, to = CLUSTER_TABLE_INIT;
    struct cell in[COLS], out[COLS];
    char tmp[8];

    (void)state;
    cell_fill(in, COLS, CELL_BLANK);
    cluster_intern(&from, "x\xcc\x82", 3); /* ids differ on the two sides */
    in[0].ch = cluster_intern(&from, ACCENT, sizeof(ACCENT) - 1);
    in[1] = (struct cell){.ch = cluster_intern(&from, FAMILY, sizeof(FAMILY) - 1), .width = 2};
    in[2].width = 0;
    round_trip(in, COLS, out, &from, &to);
    assert_string_equal(cluster_text(&to, out[0].ch, tmp, NULL), ACCENT);
    assert_string_equal(cluster_text(&to, out[1].ch, tmp, NULL), FAMILY);
    assert_int_equal(out[1].width, 2);
    assert_int_equal(out[2].width, 0);
    cluster_table_release(&from);
    cluster_table_release(&to);
}

/* What arrives must be drawable whatever was sent: control characters, halves of wide cells. */
static void test_row_is_made_drawable(void **state)
{
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct cell in[COLS], out[COLS];

    (void)state;
    cell_fill(in, COLS, CELL_BLANK);
    in[0].ch = 0x9b;
    in[1].ch = 0x7f;
    in[2] = (struct cell){.ch = 'w', .width = 2}; /* no right half */
    in[4].width = 0;                              /* alone */
    in[5].ch = 27;
    in[COLS - 1] = (struct cell){.ch = 'w', .width = 2};
    round_trip(in, COLS, out, &t, &t);
    assert_int_equal(out[0].ch, UTF8_REPLACEMENT);
    assert_int_equal(out[1].ch, UTF8_REPLACEMENT);
    assert_int_equal(out[2].width, 1);
    assert_int_equal(out[4].width, 1);
    assert_int_equal(out[5].ch, ' ');
    assert_int_equal(out[COLS - 1].width, 1);
}

/* A table that is full must not lose text altogether. */
static void test_row_full_cluster_table(void **state)
{
    struct cluster_table from = CLUSTER_TABLE_INIT, to = CLUSTER_TABLE_INIT;
    struct cell in[COLS], out[COLS];

    (void)state;
    for (unsigned i = 0; to.count < CLUSTER_MAX_ENTRIES; i++) {
        char text[8] = "a";
        size_t n = 1 + utf8_encode(0x300 + i % 0x60, text + 1);

        n += utf8_encode(0x300 + i / 0x60, text + n);
        assert_true(cluster_intern(&to, text, n) != 0);
    }
    cell_fill(in, COLS, CELL_BLANK);
    in[0].ch = cluster_intern(&from, "q\xcc\x81\xcc\x82\xcc\x83", 7);
    round_trip(in, COLS, out, &from, &to);
    assert_int_equal(out[0].ch, 'q');
    cluster_table_release(&from);
    cluster_table_release(&to);
}

static void test_row_every_cut_fails(void **state)
{
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct cell in[COLS], out[COLS];
    struct strbuf b = STRBUF_INIT;

    (void)state;
    cell_fill(in, COLS, CELL_BLANK);
    put_text(in, 0, "some text");
    in[3].fg = cell_indexed(1);
    proto_put_row(&b, 0, false, in, COLS, &t);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *copy = xmalloc(len + 1); /* exactly as long: ASan sees a read past it */
        struct wire_reader r;
        struct error err = ERROR_INIT;
        int index;
        bool wrapped;

        memcpy(copy, b.buf, len);
        copy = xrealloc(copy, len > 0 ? len : 1);
        r = wire_reader(copy, len);
        assert_int_equal(proto_get_row(&r, &index, &wrapped, out, COLS, &t, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
        free(copy);
    }
    strbuf_release(&b);
}

/* A row for a wider screen than the reader's is refused, not cut. */
static void test_row_too_wide(void **state)
{
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct cell in[COLS], out[COLS];
    struct strbuf b = STRBUF_INIT;
    struct wire_reader r;
    int index;
    bool wrapped;

    (void)state;
    cell_fill(in, COLS, (struct cell){.ch = 'x', .width = 1});
    proto_put_row(&b, 0, false, in, COLS, &t);
    r = wire_reader(bytes(&b), b.len);
    assert_int_equal(proto_get_row(&r, &index, &wrapped, out, COLS - 1, &t, NULL), -1);
    strbuf_release(&b);
}

static struct proto_screen sample_screen(void)
{
    return (struct proto_screen){
        .cols = 120,
        .rows = 36,
        .cursor_col = 119,
        .cursor_row = 35,
        .cursor_visible = true,
        .cursor_styled = true,
        .cursor_shape = 2,
        .reversed = true,
        .modes = {.app_cursor = true,
                  .bracketed = true,
                  .alt_scroll = true,
                  .mouse = MOUSE_DRAG,
                  .mouse_enc = MOUSE_ENC_SGR,
                  .kitty = 5,
                  .modify_other = 2},
        .history_lines = 10000,
        .history_first = 0x1234567890ull,
    };
}

static void test_screen(void **state)
{
    struct proto_screen in = sample_screen(), out;
    struct strbuf b = STRBUF_INIT;
    struct wire_reader rows;
    uint32_t count;
    size_t at;

    (void)state;
    at = proto_put_screen(&b, &in);
    proto_end_rows(&b, at, 3);
    assert_int_equal(proto_get_screen(bytes(&b), b.len, &out, &rows, &count, NULL), 0);
    assert_int_equal(count, 3);
    assert_ptr_equal(rows.p, rows.end);
    assert_int_equal(out.cols, in.cols);
    assert_int_equal(out.cursor_col, in.cursor_col);
    assert_int_equal(out.cursor_shape, in.cursor_shape);
    assert_true(out.cursor_visible && out.cursor_styled && out.reversed && !out.cursor_blink);
    assert_memory_equal(&out.modes, &in.modes, sizeof(in.modes));
    assert_true(out.history_lines == in.history_lines && out.history_first == in.history_first);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(proto_get_screen(bytes(&b), len, &out, &rows, &count, NULL), -1);
    }
    strbuf_release(&b);
}

/* A newer host has longer heads: what is unknown is passed over. */
static void test_screen_of_a_newer_host(void **state)
{
    struct proto_screen in = sample_screen(), out;
    struct strbuf b = STRBUF_INIT, longer = STRBUF_INIT;
    struct wire_reader rows;
    uint32_t count;
    size_t head;

    (void)state;
    proto_put_screen(&b, &in);
    head = b.len - 4;
    strbuf_add(&longer, b.buf, head);
    strbuf_addstr(&longer, "new fields");
    wire_patch(&longer, 0, head - 2 + 10, 2);
    wire_put(&longer, 1, 4);
    strbuf_addstr(&longer, "rows");
    assert_int_equal(proto_get_screen(bytes(&longer), longer.len, &out, &rows, &count, NULL), 0);
    assert_int_equal(out.cols, 120);
    assert_int_equal(count, 1);
    assert_memory_equal(rows.p, "rows", 4);
    strbuf_release(&b);
    strbuf_release(&longer);
}

static void test_screen_out_of_range(void **state)
{
    struct proto_screen in = sample_screen(), out;
    struct wire_reader rows;
    uint32_t count;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct strbuf b = STRBUF_INIT;
        size_t at;

        in = sample_screen();
        in.cols = i == 0 ? 0 : i == 1 ? PROTO_MAX_COLS + 1 : 80;
        in.rows = i == 2 ? 0 : 24;
        in.modes.mouse = i == 3 ? 77 : 0;
        at = proto_put_screen(&b, &in);
        proto_end_rows(&b, at, i == 4 ? 25 : 0); /* more rows than there are */
        assert_int_equal(proto_get_screen(bytes(&b), b.len, &out, &rows, &count, NULL), -1);
        strbuf_release(&b);
    }
}

static void test_cursor_is_clamped(void **state)
{
    struct proto_screen in = sample_screen(), out;
    struct strbuf b = STRBUF_INIT;
    struct wire_reader rows;
    uint32_t count;

    (void)state;
    in.cursor_col = 5000;
    in.cursor_row = 60000;
    proto_put_screen(&b, &in);
    assert_int_equal(proto_get_screen(bytes(&b), b.len, &out, &rows, &count, NULL), 0);
    assert_int_equal(out.cursor_col, 119);
    assert_int_equal(out.cursor_row, 35);
    strbuf_release(&b);
}

static void test_hello(void **state)
{
    struct strbuf b = STRBUF_INIT;
    struct proto_hello h;

    (void)state;
    proto_put_hello(&b, "1.2.3");
    assert_int_equal(proto_get_hello(bytes(&b), b.len, &h, NULL), 0);
    assert_string_equal(h.program, "1.2.3");
    assert_int_equal(proto_common_version(&h), PROTO_VERSION_MAX);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(proto_get_hello(bytes(&b), len, &h, NULL), -1);
    }
    strbuf_release(&b);
    assert_int_equal(proto_common_version(&(struct proto_hello){.min = 1, .max = 900}), PROTO_VERSION_MAX);
    assert_int_equal(proto_common_version(&(struct proto_hello){.min = 800, .max = 900}), 0);
}

static void test_hello_from_anyone(void **state)
{
    static const uint8_t ESCAPES[] = {1, 0, 1, 0, 4, 27, '[', '2', 'J'}, BACKWARDS[] = {5, 0, 1, 0, 0},
                         ZERO[] = {0, 0, 1, 0, 0};
    struct proto_hello h;

    (void)state;
    assert_int_equal(proto_get_hello(ESCAPES, sizeof(ESCAPES), &h, NULL), 0);
    assert_null(strchr(h.program, 27));
    assert_int_equal(proto_get_hello(BACKWARDS, sizeof(BACKWARDS), &h, NULL), -1);
    assert_int_equal(proto_get_hello(ZERO, sizeof(ZERO), &h, NULL), -1);
}

static void test_small_messages(void **state)
{
    struct proto_history hist = {.id = 5, .first = 1ull << 40, .count = 300, .cols = 80}, hist2;
    struct proto_search s = {.id = 6,
                             .from = 99,
                             .from_col = 4,
                             .backward = true,
                             .needle = "n\xc3\xa9"
                                       "edle"},
                        s2;
    struct proto_found f = {.id = 7,
                            .found = true,
                            .line = 12345,
                            .col = 6,
                            .len = 3,
                            .more = true,
                            .wrapped = true,
                            .end_line = 12346,
                            .end_col = 2,
                            .total = 1000,
                            .index = 17,
                            .capped = true},
                       f2;
    struct proto_size size;
    struct strbuf b = STRBUF_INIT;
    enum error_code code;
    char text[64];
    uint32_t n;
    bool on;

    (void)state;
    proto_put_history(&b, &hist);
    assert_int_equal(proto_get_history(bytes(&b), b.len, &hist2, NULL), 0);
    assert_true(hist2.id == 5 && hist2.first == 1ull << 40 && hist2.count == 300 && hist2.cols == 80);
    assert_int_equal(proto_get_history(bytes(&b), b.len - 1, &hist2, NULL), -1);
    strbuf_clear(&b);
    proto_put_search(&b, &s);
    assert_int_equal(proto_get_search(bytes(&b), b.len, &s2, NULL), 0);
    assert_string_equal(s2.needle, s.needle);
    assert_true(s2.id == 6 && s2.from == 99 && s2.from_col == 4 && s2.backward);
    assert_int_equal(proto_get_search(bytes(&b), b.len - 2, &s2, NULL), 0); /* of an older cockpit */
    assert_true(s2.kind == 0 && !s2.here && !s2.count);
    assert_int_equal(proto_get_search(bytes(&b), b.len - 3, &s2, NULL), -1);
    strbuf_clear(&b);
    s.kind = 2;
    s.here = s.count = true;
    s.needle[0] = '\0';
    proto_put_search(&b, &s);
    assert_int_equal(proto_get_search(bytes(&b), b.len, &s2, NULL), 0);
    assert_true(s2.kind == 2 && s2.here && s2.count && s2.needle[0] == '\0');
    strbuf_clear(&b);
    proto_put_found(&b, &f);
    assert_int_equal(proto_get_found(bytes(&b), b.len, &f2, NULL), 0);
    assert_true(f2.id == 7 && f2.found && f2.line == 12345 && f2.col == 6 && f2.len == 3);
    assert_true(f2.end_line == 12346 && f2.end_col == 2 && f2.total == 1000 && f2.index == 17);
    assert_true(f2.more && f2.wrapped && f2.capped && !f2.dropped);
    assert_int_equal(proto_get_found(bytes(&b), b.len - 19, &f2, NULL), 0); /* of an older host */
    assert_true(f2.end_line == 12345 && f2.end_col == 9 && f2.total == 0 && !f2.more && !f2.capped);
    strbuf_clear(&b);
    proto_put_size(&b, (struct proto_size){80, 24});
    assert_int_equal(proto_get_size(bytes(&b), b.len, &size, NULL), 0);
    assert_true(size.cols == 80 && size.rows == 24);
    strbuf_clear(&b);
    proto_put_size(&b, (struct proto_size){0, 24});
    assert_int_equal(proto_get_size(bytes(&b), b.len, &size, NULL), -1);
    strbuf_clear(&b);
    proto_put_error(&b, ERROR_BUSY, "wait\033[m");
    assert_int_equal(proto_get_error(bytes(&b), b.len, &code, text, sizeof(text), NULL), 0);
    assert_int_equal(code, ERROR_BUSY);
    assert_null(strchr(text, 27));
    strbuf_clear(&b);
    proto_put_u32(&b, 0xfffefdfcu);
    assert_int_equal(proto_get_u32(bytes(&b), b.len, &n, NULL), 0);
    assert_true(n == 0xfffefdfcu);
    assert_int_equal(proto_get_u32(bytes(&b), 3, &n, NULL), -1);
    assert_int_equal(proto_get_bool(NULL, 0, &on, NULL), -1);
    strbuf_release(&b);
}

/* Random bytes into every decoder: never out of bounds, never endless; what comes out of a row is whole. */
static void test_random_bytes(void **state)
{
    uint32_t seed = 12345;
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct cell cells[COLS];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t len;
        uint8_t *data;
        struct wire_reader r;
        struct proto_screen s;
        uint32_t count;
        int index;
        bool wrapped;

        seed = seed * 1664525u + 1013904223u;
        len = seed >> 16 & 63;
        data = xmalloc(len > 0 ? len : 1);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525u + 1013904223u;
            data[i] = (uint8_t)(seed >> 28 < 9 ? seed >> 26 & 7 : seed >> 20);
        }
        if (len >= 9) {
            data[0] = (uint8_t)(len - 4); /* get past the first check now and then */
            data[1] = data[2] = data[3] = data[8] = 0;
        }
        r = wire_reader(data, len);
        if (proto_get_row(&r, &index, &wrapped, cells, COLS, &t, NULL) == 0) {
            for (int i = 0; i < COLS; i++) {
                assert_true(cells[i].width != 2 || (i + 1 < COLS && cells[i + 1].width == 0));
            }
        }
        proto_get_screen(data, len, &s, &r, &count, NULL);
        free(data);
    }
    cluster_table_release(&t);
}

/* Addresses and underline colours: the new ones only, by their ids, nothing that could leave a control sequence. */
static void test_extras(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    struct extra_table a = {0}, b = {0};
    bool full = false;

    (void)state;
    assert_false(proto_put_extras(&out, &a, 0));
    uint16_t one = extra_intern(&a, "http://one/", 0, &full), two = extra_intern(&a, NULL, cell_rgb(1, 2, 3), &full);
    uint32_t told = a.serial;
    uint16_t three = extra_intern(&a, "http://evil/\033]0;x", cell_indexed(7), &full);
    assert_true(proto_put_extras(&out, &a, 0));
    assert_int_equal(proto_get_extras((const uint8_t *)out.buf, out.len, &b, NULL), 0);
    assert_string_equal(extra_get(&b, one)->uri, "http://one/");
    assert_int_equal(extra_get(&b, two)->ul, cell_rgb(1, 2, 3));
    assert_null(extra_get(&b, two)->uri);
    assert_null(extra_get(&b, three)->uri);
    assert_int_equal(extra_get(&b, three)->ul, cell_indexed(7));
    for (size_t cut = 1; cut < out.len; cut++) {
        struct extra_table c = {0};
        proto_get_extras((const uint8_t *)out.buf, cut, &c, NULL);
        extra_table_release(&c);
    }
    assert_int_equal(proto_get_extras((const uint8_t *)out.buf, 5, &b, NULL), -1);
    strbuf_clear(&out);
    assert_true(proto_put_extras(&out, &a, told));
    assert_true(out.len < 40);
    assert_false(proto_put_extras(&out, &a, a.serial));
    extra_table_release(&a);
    extra_table_release(&b);
}

/* A cockpit of before tells no palette. */
static void test_outer(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    struct proto_outer in = {.fg = 0x123456, .bg = 0xfedcba, .cursor = 1, .kitty = 31, .clipboard = true}, got;

    (void)state;
    in.palette[0] = 0x1000000;
    in.palette[15] = 0x1ffffff;
    proto_put_outer(&out, &in);
    assert_int_equal(proto_get_outer((const uint8_t *)out.buf, out.len, &got, NULL), 0);
    assert_int_equal(got.fg, in.fg);
    assert_int_equal(got.bg, in.bg);
    assert_int_equal(got.cursor, in.cursor);
    assert_int_equal(got.kitty, in.kitty);
    assert_true(got.clipboard);
    assert_memory_equal(in.palette, got.palette, sizeof(in.palette));
    assert_int_equal(proto_get_outer((const uint8_t *)out.buf, 14, &got, NULL), 0);
    assert_int_equal(got.palette[15], 0);
    assert_int_equal(got.kitty, 31);
    assert_int_equal(proto_get_outer((const uint8_t *)out.buf, 13, &got, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extras),
        cmocka_unit_test(test_outer),
        cmocka_unit_test(test_row_text),
        cmocka_unit_test(test_row_blank_is_small),
        cmocka_unit_test(test_row_clusters),
        cmocka_unit_test(test_row_is_made_drawable),
        cmocka_unit_test(test_row_full_cluster_table),
        cmocka_unit_test(test_row_every_cut_fails),
        cmocka_unit_test(test_row_too_wide),
        cmocka_unit_test(test_screen),
        cmocka_unit_test(test_screen_of_a_newer_host),
        cmocka_unit_test(test_screen_out_of_range),
        cmocka_unit_test(test_cursor_is_clamped),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_hello_from_anyone),
        cmocka_unit_test(test_small_messages),
        cmocka_unit_test(test_random_bytes),
    };

    return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
