/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

static void test_empty(void **state)
{
    (void)state;
    struct strbuf sb = STRBUF_INIT;
    assert_string_equal(sb.buf, "");
    strbuf_add(&sb, NULL, 0);
    strbuf_addstr(&sb, "");
    strbuf_clear(&sb);
    strbuf_truncate(&sb, 0);
    strbuf_consume(&sb, 0);
    assert_int_equal(sb.cap, 0);
    strbuf_release(&sb);
    assert_string_equal(sb.buf, "");
    char *s = strbuf_detach(&sb, NULL);
    assert_string_equal(s, "");
    free(s);
}

static void test_growth(void **state)
{
    (void)state;
    struct strbuf sb = STRBUF_INIT;
    for (int i = 0; i < 10000; i++) {
        strbuf_addch(&sb, (char)('a' + i % 26));
        assert_int_equal(sb.buf[sb.len], '\0');
    }
    assert_int_equal(sb.len, 10000);
    assert_int_equal(sb.buf[9999], 'a' + 9999 % 26);
    strbuf_add(&sb, "x\0y", 3);
    assert_int_equal(sb.len, 10003);
    assert_memory_equal(sb.buf + 10000, "x\0y", 4);
    strbuf_release(&sb);
}

static void test_format(void **state)
{
    (void)state;
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s-%d", "a", 1);
    /* Lengths around the first guess of the buffer. */
    for (int n = 0; n < 300; n++) {
        strbuf_clear(&sb);
        strbuf_addf(&sb, "%*d|", n, 7);
        assert_int_equal(sb.len, (n > 1 ? n : 1) + 1);
        assert_int_equal(sb.buf[sb.len - 1], '|');
        assert_int_equal(sb.buf[sb.len], '\0');
        strbuf_release(&sb);
    }
}

static void test_edit(void **state)
{
    (void)state;
    struct strbuf sb = STRBUF_INIT;
    strbuf_addstr(&sb, "hello world");
    strbuf_consume(&sb, 6);
    assert_string_equal(sb.buf, "world");
    strbuf_truncate(&sb, 3);
    assert_string_equal(sb.buf, "wor");
    size_t cap = sb.cap;
    strbuf_clear(&sb);
    assert_int_equal(sb.cap, cap);
    strbuf_addstr(&sb, "again");
    size_t len;
    char *s = strbuf_detach(&sb, &len);
    assert_int_equal(len, 5);
    assert_string_equal(s, "again");
    assert_int_equal(sb.len, 0);
    assert_string_equal(sb.buf, "");
    free(s);
    strbuf_addstr(&sb, "x");
    strbuf_consume(&sb, 1);
    assert_string_equal(sb.buf, "");
    strbuf_release(&sb);
}

static void test_str_format(void **state)
{
    (void)state;
    char f[4];
    assert_int_equal(str_format(f, sizeof(f), "%d", 123), 0);
    assert_string_equal(f, "123");
    assert_int_equal(str_format(f, sizeof(f), "%d", 1234), -1);
    assert_string_equal(f, "123");
}

static void test_str_copy(void **state)
{
    (void)state;
    static const char TEXT[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
    char f[16];
    for (size_t cap = 1; cap <= sizeof(f); cap++) {
        memset(f, '#', sizeof(f));
        int rc = str_copy(f, cap, TEXT);
        assert_int_equal(rc, sizeof(TEXT) <= cap ? 0 : -1);
        assert_true(strlen(f) < cap);
        assert_true(utf8_is_valid(f, strlen(f)));
        assert_true(strncmp(f, TEXT, strlen(f)) == 0);
        /* No more than one character is lost. */
        assert_true(rc == 0 || strlen(f) + 4 >= cap);
        for (size_t i = cap; i < sizeof(f); i++) {
            assert_int_equal(f[i], '#');
        }
    }
    assert_int_equal(str_copy(f, 0, "x"), -1);
    /* Bytes that are not UTF-8 do not confuse it. */
    assert_int_equal(str_copy(f, 4, "\x80\x80\x80\x80\x80"), -1);
    assert_int_equal(strlen(f), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty), cmocka_unit_test(test_growth),     cmocka_unit_test(test_format),
        cmocka_unit_test(test_edit),  cmocka_unit_test(test_str_format), cmocka_unit_test(test_str_copy),
    };
    return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
