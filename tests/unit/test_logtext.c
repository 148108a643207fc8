/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tui/logtext.h"

/* Checks that `in` gives exactly these lines. */
static void check(const char *in, size_t len, const char *const *want)
{
    struct strvec out = STRVEC_INIT;
    logtext_lines(in, len, &out);
    size_t n = 0;
    for (; want[n]; n++) {
        assert_true(n < out.len);
        assert_string_equal(out.v[n], want[n]);
    }
    assert_int_equal(out.len, n);
    strvec_release(&out);
}
#define CHECK(in, ...) check(in, sizeof(in) - 1, (const char *const[]){__VA_ARGS__, NULL})

static void test_plain(void **state)
{
    (void)state;
    CHECK("one\r\ntwo\n\nfour", "one", "two", "", "four");
    CHECK("10%\r50%\r100%\ndone\n", "100%", "done");
    CHECK("abc\b\bx\n", "ax");
}

static void test_sequences(void **state)
{
    (void)state;
    CHECK("\033[1;32mok\033[0m \033]0;title\007end\n", "ok end");
    CHECK("a\033]8;;http://x\033\\link\033]8;;\033\\b\n", "alinkb");
    CHECK("a\033(Bb\033=c\n", "abc");
    CHECK("a\033[", "a");
    CHECK("a\033]never ends\n", "a");
    CHECK("\x01\x02z\xff\n", "z\xEF\xBF\xBD");
}

/* A line without end does not grow without bound. */
static void test_long(void **state)
{
    (void)state;
    static char data[100000];
    memset(data, 'x', sizeof(data));
    struct strvec out = STRVEC_INIT;
    logtext_lines(data, sizeof(data), &out);
    assert_int_equal(out.len, 1);
    assert_int_equal(strlen(out.v[0]), 4000);
    strvec_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
