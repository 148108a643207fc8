/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "tui/wrap.h"

/* The lines, joined with bars. */
static const char *lines(const char *text, int cols)
{
    static char out[256];
    struct strbuf line = STRBUF_INIT, all = STRBUF_INIT;
    while (wrap_next(&text, cols, &line) >= 0) {
        strbuf_addf(&all, "%s|", line.buf);
    }
    str_copy(out, sizeof(out), all.buf);
    strbuf_release(&line);
    strbuf_release(&all);
    return out;
}

static void test_wrap(void **state)
{
    (void)state;
    assert_string_equal(lines("", 10), "");
    assert_string_equal(lines("short", 10), "short|");
    assert_string_equal(lines("one two three", 7), "one two|three|");
    assert_string_equal(lines("one two three", 8), "one two|three|");
    assert_string_equal(lines("a\n\nb", 8), "a||b|");
    assert_string_equal(lines("abcdefghij kl", 4), "abcd|efgh|ij|kl|");
    assert_string_equal(lines("日本語", 4), "日本|語|");
    assert_string_equal(lines("日本", 1), "日|本|"); /* narrower than one character: moves on all the same */
    assert_int_equal(wrap_count("one two three", 7), 2);
}

/* Names keep their column: what is wrapped stands below what it goes on from. */
static void test_hanging(void **state)
{
    (void)state;
    static const char *const want[] = {"Goes:   the", "        sandbox", "        session", "",
                                       "plain words", "wrapped"};
    MT_CLEANUP(strvec) struct strvec out = STRVEC_INIT;
    wrap_hanging("Goes:   the sandbox\n        session\n\nplain words wrapped", 16, &out);
    assert_int_equal(out.len, MT_ARRAY_LEN(want));
    for (size_t i = 0; i < out.len; i++) {
        assert_string_equal(out.v[i], want[i]);
    }
    /* A word that does not fit is cut where it stands, not below an empty value. */
    MT_CLEANUP(strvec) struct strvec path = STRVEC_INIT;
    wrap_hanging("folder  /a/long/path/of/it", 16, &path);
    assert_string_equal(path.v[0], "folder  /a/long/");
    assert_string_equal(path.v[1], "        path/of/");
    assert_string_equal(path.v[2], "        it");
    /* Hardly any room: no hanging, nothing lost, an end. */
    MT_CLEANUP(strvec) struct strvec slim = STRVEC_INIT;
    wrap_hanging("folder  /a", 4, &slim);
    assert_true(slim.len >= 3);
}

static void test_phrases(void **state)
{
    static const struct {
        const char *text;
        int cols;
        const char *want;
    } cases[] = {
        {"not here: get it (a command), or not", 80, "not here: get it (a command), or not"},
        {"not here: get it (a command), or not", 30, "not here: get it (a command)"},
        {"not here: get it (a command), or not", 27, "not here: get it"},
        {"not here: get it (a command), or not", 8, "not here"},
        {"not here: get it", 7, "not"}, /* no phrase fits: a word */
        {"10:30 is a time", 12, "10:30 is a"},
        {"nothing", 3, "not"}, /* no word either */
        {"\xe4\xb8\xad\xe6\x96\x87, x", 4, "\xe4\xb8\xad\xe6\x96\x87"},
        {"\xf0\x9f\x98\x80, x", 2, "\xf0\x9f\x98\x80"},
        {"", 5, ""},
    };
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        wrap_phrases(cases[i].text, cases[i].cols, &line);
        assert_string_equal(line.buf, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_hanging),
        cmocka_unit_test(test_phrases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
