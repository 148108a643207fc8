/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/xmalloc.h"

/* Parses a C string that must be good. */
static struct json *good(const char *text)
{
    struct error err = ERROR_INIT;
    struct json *j = json_parse(text, strlen(text), &err);
    if (!j) {
        fail_msg("%s: %s", text, err.msg);
    }
    return j;
}

/* Parses bytes that must be refused at `offset`. */
static void bad(const char *text, size_t len, size_t offset)
{
    struct error err = ERROR_INIT;
    char where[32];
    struct json *j = json_parse(text, len, &err);
    if (j) {
        json_free(j);
        fail_msg("accepted: %s", text);
    }
    assert_int_equal(err.code, ERROR_PARSE);
    (void)str_format(where, sizeof(where), "byte %zu:", offset);
    if (!strstr(err.msg, where)) {
        fail_msg("%s: expected %s, got: %s", text, where, err.msg);
    }
}

static void test_getters(void **state)
{
    (void)state;
    struct json *j = good(" {\"s\":\"x\",\"S\":\"other\",\"i\":-12,\"f\":1.75,\"t\":true,\"n\":null,\"o\":{\"k\":1},"
                          "\"a\":[\"p\",2,\"q\"]}\n ");
    assert_string_equal(json_get_string(j, "s", "-"), "x");
    assert_string_equal(json_get_string(j, "S", "-"), "other");
    assert_string_equal(json_get_string(j, "i", "-"), "-");
    assert_string_equal(json_get_string(j, "missing", "-"), "-");
    assert_null(json_get_string(j, "n", NULL));
    assert_true(json_get_int(j, "i", 0) == -12);
    assert_true(json_get_int(j, "f", 0) == 1);
    assert_true(json_get_int(j, "s", 77) == 77);
    assert_true(json_get_double(j, "f", 0) > 1.74 && json_get_double(j, "f", 0) < 1.76);
    assert_true(json_get_bool(j, "t", false));
    assert_true(json_get_bool(j, "s", true));
    assert_false(json_get_bool(j, "n", false));
    assert_true(json_is_object(json_get(j, "o")));
    assert_null(json_get(json_get(j, "a"), "k"));
    struct strvec v = STRVEC_INIT;
    json_get_strings(j, "a", &v);
    json_get_strings(j, "s", &v);
    assert_int_equal(v.len, 2);
    assert_string_equal(v.v[1], "q");
    strvec_release(&v);
    json_free(j);
}

static void test_null_tree(void **state)
{
    (void)state;
    assert_null(json_get(NULL, "x"));
    assert_string_equal(json_get_string(NULL, "x", "d"), "d");
    assert_true(json_get_int(NULL, "x", 3) == 3);
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_key(NULL));
    assert_null(json_string(NULL));
    assert_true(json_number(NULL) >= 0 && json_number(NULL) <= 0);
    json_free(NULL);
}

static void test_iteration(void **state)
{
    (void)state;
    struct json *j = good("{\"a\":1,\"b\":2,\"c\":[]}");
    struct strbuf keys = STRBUF_INIT;
    for (const struct json *c = json_first(j); c; c = json_next(c)) {
        strbuf_addstr(&keys, json_key(c));
    }
    assert_string_equal(keys.buf, "abc");
    assert_null(json_first(json_get(j, "c")));
    assert_null(json_first(json_get(j, "a")));
    strbuf_release(&keys);
    json_free(j);
}

static void test_int_range(void **state)
{
    (void)state;
    struct json *j =
        good("{\"big\":1e300,\"edge\":9223372036854775808,\"low\":-9223372036854775808,\"exact\":9007199254740991}");
    assert_true(json_get_int(j, "big", -1) == -1);
    assert_true(json_get_int(j, "edge", -1) == -1);
    assert_true(json_get_int(j, "low", 0) == INT64_MIN);
    assert_true(json_get_int(j, "exact", 0) == 9007199254740991);
    json_free(j);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } CASES[] = {
        {"", 0},
        {"   ", 3},
        {"{", 1},
        {"[1,]", 3},
        {"[1 2]", 3},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{a:1}", 1},
        {"{\"a\":1,}", 7},
        {"01", 1},
        {"-", 1},
        {"1.", 2},
        {"1e", 2},
        {"+1", 0},
        {".5", 0},
        {"nul", 0},
        {"True", 0},
        {"\"abc", 4},
        {"\"a\nb\"", 2},
        {"\"\\x\"", 2},
        {"\"\\u12g4\"", 5},
        {"\"\\u0000\"", 7},
        {"\"\\ud800\"", 7},
        {"\"\\udc00\"", 7},
        {"\"\\ud800\\u0041\"", 13},
        {"1 1", 2},
        {"{} x", 3},
        {"\xEF\xBB\xBF{}", 0},
        {"\"\xff\"", 1},
        {"\"\xED\xA0\x80\"", 1},
        {"[1]]", 3},
        {"'a'", 0},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        bad(CASES[i].text, strlen(CASES[i].text), CASES[i].offset);
    }
    bad("{\"a\":1}\0", 8, 7);
    bad("\"a\0b\"", 5, 2);
    /* Never past the given length. */
    bad("[1,2]", 4, 4);
    bad("true", 3, 0);
}

static void test_nesting(void **state)
{
    (void)state;
    struct strbuf sb = STRBUF_INIT;
    for (int i = 0; i < 100; i++) {
        strbuf_addch(&sb, '[');
    }
    for (int i = 0; i < 100; i++) {
        strbuf_addch(&sb, ']');
    }
    json_free(good(sb.buf));
    strbuf_clear(&sb);
    for (int i = 0; i < 100000; i++) {
        strbuf_addch(&sb, '[');
    }
    bad(sb.buf, sb.len, 100);
    strbuf_release(&sb);
}

static void test_build_and_write(void **state)
{
    (void)state;
    struct json *j = json_new_object();
    struct strvec v = STRVEC_INIT;
    struct strbuf out = STRBUF_INIT;
    strvec_pushl(&v, "p", "q", NULL);
    json_set_string(j, "s", "a\"b\\c\n\t\x01\x7f\xff\xC3\xA9");
    json_set_string(j, "z", NULL);
    json_set_int(j, "i", -5);
    json_set_double(j, "d", 0.1);
    json_set_bool(j, "b", true);
    json_set_strings(j, "v", &v);
    json_set(j, "e", json_new_object());
    json_set_int(j, "i", 6);
    json_write(j, false, &out);
    assert_string_equal(
        out.buf,
        "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xEF\xBF\xBD\xC3\xA9\",\"z\":null,\"i\":6,\"d\":0.1,\"b\":true,"
        "\"v\":[\"p\",\"q\"],\"e\":{}}");
    struct json *back = good(out.buf);
    assert_string_equal(json_get_string(back, "s", ""), "a\"b\\c\n\t\x01\x7f\xEF\xBF\xBD\xC3\xA9");
    json_free(back);
    json_free(j);
    strbuf_release(&out);
    strvec_release(&v);
}

static void test_pretty(void **state)
{
    (void)state;
    struct json *j = good("{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":[]}");
    struct strbuf out = STRBUF_INIT;
    json_write(j, true, &out);
    assert_string_equal(out.buf,
                        "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}\n");
    strbuf_release(&out);
    json_free(j);
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "0", "-1", "1.5", "1e+100", "123456789012", "0.1", "-2.5e-10", "9007199254740991"};
    struct strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < MT_ARRAY_LEN(TEXTS); i++) {
        struct json *j = good(TEXTS[i]);
        strbuf_clear(&out);
        json_write(j, false, &out);
        assert_string_equal(out.buf, TEXTS[i]);
        json_free(j);
    }
    struct json *a = json_new_object();
    json_set_double(a, "inf", 1e308 * 10);
    strbuf_clear(&out);
    json_write(a, false, &out);
    assert_string_equal(out.buf, "{\"inf\":null}");
    json_free(a);
    strbuf_release(&out);
}

static void test_load(void **state)
{
    (void)state;
    char dir[] = "/tmp/mt-json-XXXXXX";
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(dir));
    MT_CLEANUP(xfree) char *path = xasprintf("%s/f.json", dir);
    assert_null(json_load(path, 0, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(fs_write_atomic(path, "{\"a\":", 5, 0600, &err), 0);
    assert_null(json_load(path, 0, &err));
    assert_int_equal(err.code, ERROR_PARSE);
    assert_non_null(strstr(err.msg, path));
    assert_int_equal(fs_write_atomic(path, "{\"a\":1}", 7, 0600, &err), 0);
    assert_null(json_load(path, 6, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    struct json *j = json_load(path, 7, &err);
    assert_true(json_get_int(j, "a", 0) == 1);
    json_free(j);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_getters),         cmocka_unit_test(test_null_tree),
        cmocka_unit_test(test_iteration),       cmocka_unit_test(test_int_range),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_build_and_write), cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
