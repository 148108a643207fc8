/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
