/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/utf8.h"

static void test_decode_good(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp += cp < 0x3000 ? 1 : 37) {
        char enc[4];
        uint32_t back;
        bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        size_t n = utf8_encode(cp, enc);
        assert_int_equal(utf8_decode(enc, n, &back), n);
        assert_int_equal(back, surrogate ? UTF8_REPLACEMENT : cp);
        assert_true(utf8_is_valid(enc, n));
        /* Cut short: one malformed prefix of all that is there. */
        for (size_t cut = 1; cut < n; cut++) {
            assert_int_equal(utf8_decode(enc, cut, &back), cut);
            assert_int_equal(back, UTF8_REPLACEMENT);
            assert_false(utf8_is_valid(enc, cut));
        }
    }
    char enc[4];
    assert_int_equal(utf8_encode(0x110000, enc), 3);
    assert_memory_equal(enc, "\xEF\xBF\xBD", 3);
}

/* The maximal-prefix rule (Unicode 3.9, "substitution of maximal subparts"): table 3-8 and its neighbours. */
static void test_decode_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t used;
    } CASES[] = {
        {"\x80", 1},
        {"\xBF\xBF", 1},
        {"\xC0\x80", 1},
        {"\xC1\xBF", 1},
        {"\xC3(", 1},
        {"\xE0\x80\x80", 1},
        {"\xE0\xA0", 2},
        {"\xED\xA0\x80", 1},
        {"\xE2\x82(", 2},
        {"\xF0\x80\x80\x80", 1},
        {"\xF0\x9F\x98", 3},
        {"\xF4\x90\x80\x80", 1},
        {"\xF5\x80\x80\x80", 1},
        {"\xFF\xFE", 1},
        {"\xF1\x80\x80(", 3},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        uint32_t cp = 0;
        assert_int_equal(utf8_decode(CASES[i].text, strlen(CASES[i].text), &cp), CASES[i].used);
        assert_int_equal(cp, UTF8_REPLACEMENT);
        assert_false(utf8_is_valid(CASES[i].text, strlen(CASES[i].text)));
    }
    uint32_t cp;
    assert_int_equal(utf8_decode("x", 0, &cp), 0);
    assert_true(utf8_is_valid("", 0));
    assert_true(utf8_is_valid("\xEF\xBF\xBD", 3));
}

static void test_width(void **state)
{
    (void)state;
    static const uint32_t ZERO[] = {0,      7,      0x7F,    0x9B,   0x300,  0x200B, 0x200D,  0xFE0F,
                                    0x20DD, 0x1160, 0xE0100, 0x202E, 0xFEFF, 0x2028, 0x110000};
    static const uint32_t ONE[] = {'a',    0xAD,   0xE9,    0x3B1,  0x5D0,   0x2500, 0x2026,
                                   0xFF71, 0xE000, 0x1F1E6, 0x2764, 0x1F321, 0x378,  0x0903};
    static const uint32_t TWO[] = {0x1100,  0x3042,  0x4E2D, 0xAC00, 0xFF21,  0x1F600, 0x20000,
                                   0x2EBF0, 0x31350, 0x2FFC, 0x31EF, 0x1FAE8, 0x231A,  0x3000};
    for (size_t i = 0; i < MT_ARRAY_LEN(ZERO); i++) {
        assert_int_equal(utf8_width(ZERO[i]), 0);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(ONE); i++) {
        assert_int_equal(utf8_width(ONE[i]), 1);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(TWO); i++) {
        assert_int_equal(utf8_width(TWO[i]), 2);
    }
}

static void test_alnum(void **state)
{
    (void)state;
    static const uint32_t YES[] = {'a',    'Z',   '0',  0xE9,   0x3B1,  0x416,   0x4E2D,
                                   0x3042, 0x661, 0xBD, 0x2160, 0xAC00, 0x2EBF0, 0xAA};
    static const uint32_t NO[] = {' ', '-', '_', '.', '/', '\n', 0, 0x2014, 0x1F600, 0x300, 0x20AC, 0xFFFD, 0x110000};
    for (size_t i = 0; i < MT_ARRAY_LEN(YES); i++) {
        assert_true(utf8_is_alnum(YES[i]));
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(NO); i++) {
        assert_false(utf8_is_alnum(NO[i]));
    }
}

static void test_cluster(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        int columns;
    } CASES[] = {
        {"ab", 1, 1},
        {"e\xCC\x81x", 3, 1},                                     /* e + acute */
        {"\xE4\xB8\xAD\xE6\x96\x87", 3, 2},                       /* two ideographs */
        {"\xE2\x9D\xA4", 3, 1},                                   /* heart, text */
        {"\xE2\x9D\xA4\xEF\xB8\x8F!", 6, 2},                      /* heart + VS16 */
        {"a\xEF\xB8\x8F", 4, 1},                                  /* VS16 behind a letter does nothing */
        {"1\xEF\xB8\x8F\xE2\x83\xA3x", 7, 2},                     /* keycap */
        {"\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD+", 8, 2},              /* thumb + skin tone */
        {"\xF0\x9F\x8F\xBDx", 4, 2},                              /* lone skin tone */
        {"x\xF0\x9F\x8F\xBD", 1, 1},                              /* not behind a letter */
        {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBBx", 11, 2}, /* woman + ZWJ + computer */
        {"\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA\xF0\x9F\x87\xAB\xF0\x9F\x87\xB7", 8, 2},   /* DE, then FR */
        {"\xF0\x9F\x87\xA9x", 4, 1},                                                  /* half a flag */
        {"\xF0\x9F\x8F\xB4\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xBF.", 16, 2}, /* tag flag */
        {"\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", 9, 2},                               /* Hangul from jamo */
        {"a\xE2\x80\x8D\xF0\x9F\x92\xBB", 4, 1}, /* ZWJ behind a letter joins nothing */
        {"\xCC\x81x", 2, 0},                     /* accent without a base */
        {"\x1B\xCC\x81", 1, 0},                  /* a control stands alone */
        {"\xFFx", 1, 1},
        {"\xE2\x80\xA8x", 3, 0},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        int columns = -1;
        size_t n = utf8_cluster(CASES[i].text, strlen(CASES[i].text), &columns);
        if (n != CASES[i].bytes || columns != CASES[i].columns) {
            fail_msg("case %zu: %zu bytes, %d columns", i, n, columns);
        }
    }
    int columns;
    assert_int_equal(utf8_cluster("", 0, &columns), 0);
    assert_int_equal(columns, 0);
    assert_int_equal(utf8_cluster("e\xCC\x81x", 4, NULL), 3); /* who wants only the bytes */
    assert_int_equal(utf8_columns("a\xE4\xB8\xAD\xE2\x9D\xA4\xEF\xB8\x8F"
                                  "e\xCC\x81",
                                  14),
                     6);
}

static void test_fit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns;
        bool ascii;
        const char *want;
        int used;
    } CASES[] = {
        {"hello", 5, false, "hello", 5},
        {"hello", 4, false, "hel\xE2\x80\xA6", 4},
        {"hello", 4, true, "hel~", 4},
        {"hello", 1, false, "h", 1},
        {"hello", 0, false, "", 0},
        {"hello", -3, false, "", 0},
        {"", 5, false, "", 0},
        {"\xE4\xB8\xAD\xE6\x96\x87", 4, false, "\xE4\xB8\xAD\xE6\x96\x87", 4},
        {"\xE4\xB8\xAD\xE6\x96\x87", 3, false, "\xE4\xB8\xAD\xE2\x80\xA6", 3},
        {"\xE4\xB8\xAD\xE6\x96\x87", 2, false, "\xE2\x80\xA6", 1},
        {"\xE4\xB8\xAD", 1, false, "", 0},
        {"ae\xCC\x81z", 3, false, "ae\xCC\x81z", 3},
        {"ae\xCC\x81zz", 3, true, "ae\xCC\x81~", 3},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct strbuf sb = STRBUF_INIT;
        int used = utf8_fit(&sb, CASES[i].text, CASES[i].columns, CASES[i].ascii);
        assert_string_equal(sb.buf, CASES[i].want);
        assert_int_equal(used, CASES[i].used);
        strbuf_release(&sb);
    }
}

static void test_sanitize(void **state)
{
    (void)state;
#define BAD "\xEF\xBF\xBD"
    static const struct {
        const char *text, *line, *text_kept;
    } CASES[] = {
        {"plain \xC3\xA9 \xF0\x9F\x98\x80", "plain \xC3\xA9 \xF0\x9F\x98\x80", "plain \xC3\xA9 \xF0\x9F\x98\x80"},
        {"a\nb\tc\r", "a b c" BAD, "a\nb\tc" BAD},
        {"\x1B]0;x\x07", BAD "]0;x" BAD, BAD "]0;x" BAD},
        {"\x7F\xC2\x9B"
         "1m",
         BAD BAD "1m", BAD BAD "1m"},
        {"\xE2\x80\xAE"
         "evil\xE2\x80\xA8\xE2\x81\xA6",
         BAD "evil" BAD BAD, BAD "evil" BAD BAD},
        {"\xFF\xC3(\xE2\x82", BAD BAD "(" BAD, BAD BAD "(" BAD},
        {"\xEF\xBF\xBD", BAD, BAD},
        {"", "", ""},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
        utf8_sanitize(&a, CASES[i].text, strlen(CASES[i].text), false);
        utf8_sanitize(&b, CASES[i].text, strlen(CASES[i].text), true);
        assert_string_equal(a.buf, CASES[i].line);
        assert_string_equal(b.buf, CASES[i].text_kept);
        strbuf_release(&a);
        strbuf_release(&b);
    }
    struct strbuf sb = STRBUF_INIT;
    utf8_sanitize(&sb, "a\0b", 3, false);
    assert_string_equal(sb.buf, "a" BAD "b");
    strbuf_release(&sb);
}

/* Random bytes: valid output, no control characters, all input consumed. */
static void test_random(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 3000; round++) {
        char raw[64];
        struct strbuf sb = STRBUF_INIT, fit = STRBUF_INIT;
        size_t len = (size_t)round % sizeof(raw);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525u + 1013904223u;
            raw[i] = (char)(seed >> 24);
        }
        utf8_sanitize(&sb, raw, len, false);
        assert_true(utf8_is_valid(sb.buf, sb.len));
        for (size_t i = 0; i < sb.len; i++) {
            assert_true((unsigned char)sb.buf[i] >= 0x20 && sb.buf[i] != 0x7F);
        }
        int want = round % 30;
        int used = utf8_fit(&fit, sb.buf, want, false);
        assert_true(used <= want);
        assert_int_equal(utf8_columns(fit.buf, fit.len), used);
        strbuf_release(&sb);
        strbuf_release(&fit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_good), cmocka_unit_test(test_decode_bad), cmocka_unit_test(test_width),
        cmocka_unit_test(test_alnum),       cmocka_unit_test(test_cluster),    cmocka_unit_test(test_fit),
        cmocka_unit_test(test_sanitize),    cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
