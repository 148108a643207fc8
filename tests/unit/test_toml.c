/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/toml.h"
#include "core/util/xmalloc.h"

/* Parses a text that must be good. */
static struct toml *good(const char *text)
{
    struct error err = ERROR_INIT;
    struct toml *t = toml_parse(text, strlen(text), "f.toml", &err);
    if (!t) {
        fail_msg("%s\n-> %s", text, err.msg);
    }
    return t;
}

/* Walks "a.b.c" through tables; array elements by number. */
static const struct toml *at(const struct toml *t, const char *path)
{
    char part[64];
    while (t && *path) {
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof(part));
        memcpy(part, path, n);
        part[n] = '\0';
        if (t->type == TOML_ARRAY) {
            const struct toml *c = t->first;
            for (long i = strtol(part, NULL, 10); c && i > 0; i--) {
                c = c->next;
            }
            t = c;
        } else {
            t = toml_get(t, part);
        }
        path += n + (path[n] == '.');
    }
    return t;
}

static void is_string(const struct toml *root, const char *path, const char *want)
{
    const struct toml *t = at(root, path);
    if (!t || t->type != TOML_STRING || strcmp(t->string, want) != 0) {
        fail_msg("%s: %s", path, t && t->type == TOML_STRING ? t->string : "no string");
    }
}

static void is_int(const struct toml *root, const char *path, int64_t want)
{
    const struct toml *t = at(root, path);
    if (!t || t->type != TOML_INT || t->integer != want) {
        fail_msg("%s: %lld", path, t && t->type == TOML_INT ? (long long)t->integer : -999999LL);
    }
}

static void is_float(const struct toml *root, const char *path, double want)
{
    const struct toml *t = at(root, path);
    if (!t || t->type != TOML_FLOAT || !(fabs(t->number - want) <= fabs(want) * 1e-12)) {
        fail_msg("%s: %g", path, t && t->type == TOML_FLOAT ? t->number : -999999.0);
    }
}

static void test_strings(void **state)
{
    (void)state;
    struct toml *t = good("a = \"x\\ty\\\"\\\\\\u00E9\\U0001F600\"\n"
                          "b = 'C:\\n\\'\n"
                          "c = \"\"\"\nline 1\r\nline \\\n   \n  2\"\"\"\n"
                          "d = '''\nraw \\n 'q' ''x'''\n"
                          "e = \"\"\n"
                          "f = \"\"\"two \"\" quotes\"\"\"\"\"\n"
                          "g = ''''one'''\n"
                          "h = \"\"\"\"\"\"\n"
                          "i = \"# no comment\" # comment\n");
    is_string(t, "a", "x\ty\"\\\xC3\xA9\xF0\x9F\x98\x80");
    is_string(t, "b", "C:\\n\\");
    is_string(t, "c", "line 1\nline 2");
    is_string(t, "d", "raw \\n 'q' ''x");
    is_string(t, "e", "");
    is_string(t, "f", "two \"\" quotes\"\"");
    is_string(t, "g", "'one");
    is_string(t, "h", "");
    is_string(t, "i", "# no comment");
    toml_free(t);
}

static void test_numbers(void **state)
{
    (void)state;
    struct toml *t =
        good("a=0\nb=+17\nc=-9223372036854775808\nd=9_223_372_036_854_775_807\ne=0xDEAD_beef\nf=0o755\ng=0b1010\n"
             "h=1.5\ni=-0.25\nj=1e6\nk=6.5E-3\nl=1_000.5\nm=inf\nn=-inf\no=nan\np=0.0\nq=-0\nr=5e+2\ns=0e0\n");
    is_int(t, "a", 0);
    is_int(t, "b", 17);
    is_int(t, "c", INT64_MIN);
    is_int(t, "d", INT64_MAX);
    is_int(t, "e", 0xDEADBEEF);
    is_int(t, "f", 0755);
    is_int(t, "g", 10);
    is_float(t, "h", 1.5);
    is_float(t, "i", -0.25);
    is_float(t, "j", 1e6);
    is_float(t, "k", 6.5e-3);
    is_float(t, "l", 1000.5);
    assert_true(isinf(at(t, "m")->number) && at(t, "m")->number > 0);
    assert_true(isinf(at(t, "n")->number) && at(t, "n")->number < 0);
    assert_true(isnan(at(t, "o")->number));
    is_float(t, "p", 0);
    is_int(t, "q", 0);
    is_float(t, "r", 500);
    is_float(t, "s", 0);
    toml_free(t);
}

static void test_keys(void **state)
{
    (void)state;
    struct toml *t = good(
        "bare_key-1 = 1\n1234 = 2\n\"quoted key\" = 3\n'a.b' = 4\n\"\" = 5\nx . y.\"z z\" = 6\nx.q = 7\n3.14 = 8\n");
    is_int(t, "bare_key-1", 1);
    is_int(t, "1234", 2);
    is_int(t, "quoted key", 3);
    assert_true(toml_get(t, "a.b")->integer == 4);
    assert_true(toml_get(t, "")->integer == 5);
    is_int(t, "x.y.z z", 6);
    is_int(t, "x.q", 7);
    is_int(t, "3.14", 8);
    assert_null(toml_get(t, "none"));
    assert_null(toml_get(toml_get(t, "1234"), "x"));
    assert_null(toml_get(NULL, "x"));
    toml_free(t);
}

static void test_arrays(void **state)
{
    (void)state;
    struct toml *t = good(
        "a = []\nb = [1, 'two', [3.0], {k = true}, ]\nc = [ # first\n  1, # one\n\n  2\n  # end\n]\nd = [[],[[]]]\n");
    assert_null(at(t, "a")->first);
    is_int(t, "b.0", 1);
    is_string(t, "b.1", "two");
    is_float(t, "b.2.0", 3);
    assert_true(at(t, "b.3.k")->boolean);
    assert_null(at(t, "b.4"));
    is_int(t, "c.1", 2);
    assert_null(at(t, "b.0")->key);
    assert_int_equal(at(t, "d.1.0")->type, TOML_ARRAY);
    toml_free(t);
}

static void test_tables(void **state)
{
    (void)state;
    struct toml *t =
        good("top = 1\n[a]\nx = 1\n[a.b.c]\ny = 2\n[ a . b ]\nz = 3\n[\"q.q\"]\n[e]\nf.g = 4\n[e.f.h]\ni = 5\n"
             "[inl]\np = { x = 1, y.z = 2, w = {} }\n");
    is_int(t, "top", 1);
    is_int(t, "a.x", 1);
    is_int(t, "a.b.c.y", 2);
    is_int(t, "a.b.z", 3);
    assert_non_null(toml_get(t, "q.q"));
    is_int(t, "e.f.g", 4);
    is_int(t, "e.f.h.i", 5);
    is_int(t, "inl.p.y.z", 2);
    assert_true(at(t, "inl.p")->is_inline);
    assert_int_equal(at(t, "inl.p.w")->type, TOML_TABLE);
    toml_free(t);
}

static void test_arrays_of_tables(void **state)
{
    (void)state;
    struct toml *t = good("[[rule]]\nname = 'a'\n[rule.sub]\nk = 1\n[[rule.part]]\nn = 1\n[[rule.part]]\nn = "
                          "2\n[[rule]]\n[[rule]]\nname = 'c'\n");
    assert_true(at(t, "rule")->is_array_of_tables);
    is_string(t, "rule.0.name", "a");
    is_int(t, "rule.0.sub.k", 1);
    is_int(t, "rule.0.part.1.n", 2);
    assert_null(at(t, "rule.1.name"));
    is_string(t, "rule.2.name", "c");
    assert_null(at(t, "rule.3"));
    toml_free(t);
}

static void test_positions(void **state)
{
    (void)state;
    struct toml *t = good("\xEF\xBB\xBF# head\r\n\r\n  k\t= 'v'\n[ t ]\n\"\xC3\xA9\" = [1,\n  2]\n");
    const struct toml *k = at(t, "k");
    assert_int_equal(k->key_line, 3);
    assert_int_equal(k->key_col, 3);
    assert_int_equal(k->line, 3);
    assert_int_equal(k->col, 7);
    assert_int_equal(at(t, "t")->line, 4);
    assert_int_equal(at(t, "t")->col, 1);
    /* Columns count characters, not bytes. */
    assert_int_equal(at(t, "t.\xC3\xA9")->col, 7);
    assert_int_equal(at(t, "t.\xC3\xA9.1")->line, 6);
    assert_int_equal(at(t, "t.\xC3\xA9.1")->col, 3);
    toml_free(t);
}

static void test_empty(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"", "\n", "# only", "\r\n \t\r\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < MT_ARRAY_LEN(TEXTS); i++) {
        struct toml *t = good(TEXTS[i]);
        assert_null(t->first);
        assert_int_equal(t->type, TOML_TABLE);
        toml_free(t);
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* the start of the message */
    } CASES[] = {
        {"a", "f.toml:1:2: '=' is missing"},
        {"a =", "f.toml:1:4: a value is missing"},
        {"a = \n", "f.toml:1:5: a value is missing"},
        {"= 1", "f.toml:1:1: a key is missing"},
        {"a. = 1", "f.toml:1:4: a key is missing"},
        {"\xC3\xA9 = 1", "f.toml:1:1: a key is missing"},
        {"\"\"\"k\"\"\" = 1", "f.toml:1:1: a key cannot be"},
        {"a = 1 b = 2", "f.toml:1:7: something follows"},
        {"a = 1\na = 2", "f.toml:2:1: the key 'a' is set already (line 1)"},
        {"a.b = 1\na.b.c = 2", "f.toml:2:3: 'b' is an integer already"},
        {"a = {b=1}\na.c = 1", "f.toml:2:1: the inline table 'a' (line 1) cannot be extended"},
        {"a = {b=1}\n[a.c]", "f.toml:2:2: the inline table"},
        {"a = {b=1, b=2}", "f.toml:1:11: the key 'b' is set already"},
        {"a = {b=1,}", "f.toml:1:10: a key is missing"},
        {"a = {b=1", "f.toml:1:9: ',' or '}' is missing"},
        {"a = {b=1\n}", "f.toml:1:9: ',' or '}' is missing"},
        {"[a]\n[a]", "f.toml:2:2: 'a' is a table already (line 1)"},
        {"a = 1\n[a]", "f.toml:2:2: 'a' is set already"},
        {"[a]\nb.c = 1\n[a.b]", "f.toml:3:4: 'b' is a table already"},
        {"[a.b]\n[a]\nb.c = 1", "f.toml:3:1: the table 'b' is defined already"},
        {"[[a]]\n[a]", "f.toml:2:2: 'a' is set already"},
        {"[a]\n[[a]]", "f.toml:2:3: 'a' is a table already"},
        {"a = []\n[[a]]", "f.toml:2:3: 'a' is set already"},
        {"a = [{}]\n[a.b]", "f.toml:2:2: 'a' is an array already"},
        {"[a", "f.toml:1:3: ']' is missing"},
        {"[[a]", "f.toml:1:5: ']]' is missing"},
        {"[ [a]]", "f.toml:1:3: a key is missing"},
        {"[]", "f.toml:1:2: a key is missing"},
        {"[a] x = 1", "f.toml:1:5: something follows"},
        {"a = [1 2]", "f.toml:1:8: ',' or ']' is missing"},
        {"a = [1,,2]", "f.toml:1:8: a value is missing"},
        {"a = [1,\n2", "f.toml:2:2: the file ends inside an array"},
        {"a = \"x", "f.toml:1:5: the string is not closed"},
        {"a = \"x\n\"", "f.toml:1:5: the string is not closed"},
        {"\n a = '''x''", "f.toml:2:6: the string is not closed"},
        {"a = \"\\q\"", "f.toml:1:6: unknown escape"},
        {"a = \"\\e\"", "f.toml:1:6: unknown escape"},
        {"a = \"\\u12\"", "f.toml:1:6: \\u needs 4"},
        {"a = \"\\U0000004\"", "f.toml:1:6: \\U needs 8"},
        {"a = \"\\uD800\"", "f.toml:1:6: not a character"},
        {"a = \"\\u0000\"", "f.toml:1:6: not a character"},
        {"a = \"\\U00110000\"", "f.toml:1:6: not a character"},
        {"a = \"\x01\"", "f.toml:1:6: a control character"},
        {"a = 1 # \x7f", "f.toml:1:9: a control character"},
        {"a = 1\rb = 2", "f.toml:1:6: a carriage return"},
        {"a = '\xff'", "f.toml:1:6: not UTF-8"},
        {"a = '\xC0\x80'", "f.toml:1:6: not UTF-8"},
        {"a = 01", "f.toml:1:5: '01' is not a value"},
        {"a = -01", "f.toml:1:5: '-01' is not a value"},
        {"a = 1__0", "f.toml:1:5: '1__0' is not a value"},
        {"a = _1", "f.toml:1:5: '_1' is not a value"},
        {"a = 1_", "f.toml:1:5: '1_' is not a value"},
        {"a = 0x", "f.toml:1:5: '0x' is not a value"},
        {"a = 0xg", "f.toml:1:5: '0xg' is not a value"},
        {"a = +0x1", "f.toml:1:5: '+0x1' is not a value"},
        {"a = 0o8", "f.toml:1:5: '0o8' is not a value"},
        {"a = 0b2", "f.toml:1:5: '0b2' is not a value"},
        {"a = .5", "f.toml:1:5: '.5' is not a value"},
        {"a = 5.", "f.toml:1:5: '5.' is not a value"},
        {"a = 5.e1", "f.toml:1:5: '5.e1' is not a value"},
        {"a = 1e", "f.toml:1:5: '1e' is not a value"},
        {"a = 03.5", "f.toml:1:5: '03.5' is not a value"},
        {"a = 9223372036854775808", "f.toml:1:5: the integer 9223372036854775808 is too large"},
        {"a = 0xFFFFFFFFFFFFFFFF", "f.toml:1:5: the integer"},
        {"a = True", "f.toml:1:5: 'True' is not a value"},
        {"a = yes", "f.toml:1:5: 'yes' is not a value"},
        {"a = infinity", "f.toml:1:5: 'infinity' is not"},
        {"a = 2026-11-21", "f.toml:1:5: dates and times are not supported"},
        {"a = 2026-11-21T10:00:00Z", "f.toml:1:5: dates and times"},
        {"a = 10:00:00", "f.toml:1:5: dates and times"},
        {"ok = 1\n\n[t]\n  b = nope", "f.toml:4:7: 'nope' is not a value"},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct error err = ERROR_INIT;
        struct toml *t = toml_parse(CASES[i].text, strlen(CASES[i].text), "f.toml", &err);
        if (t) {
            toml_free(t);
            fail_msg("accepted: %s", CASES[i].text);
        }
        assert_int_equal(err.code, ERROR_PARSE);
        if (strncmp(err.msg, CASES[i].want, strlen(CASES[i].want)) != 0) {
            fail_msg("%s\n-> %s\nwanted: %s", CASES[i].text, err.msg, CASES[i].want);
        }
    }
    assert_null(toml_parse("a = '\0'", 7, "f.toml", NULL));
    /* Never past the given length. */
    struct toml *t = toml_parse("a = 123", 5, "f.toml", NULL);
    is_int(t, "a", 1);
    toml_free(t);
}

/* n times `what`. */
static void repeat(struct strbuf *sb, const char *what, int n)
{
    for (int i = 0; i < n; i++) {
        strbuf_addstr(sb, what);
    }
}

static void test_nesting(void **state)
{
    (void)state;
    static const char *const OPEN[] = {"[", "{a=", "a.", ""};
    for (size_t i = 0; i < 3; i++) {
        for (int deep = 0; deep < 2; deep++) {
            struct strbuf sb = STRBUF_INIT;
            struct error err = ERROR_INIT;
            int n = deep ? 50000 : 31;
            strbuf_addstr(&sb, i == 2 ? "" : "k = ");
            repeat(&sb, OPEN[i], n);
            strbuf_addstr(&sb, i == 0 ? "" : i == 1 ? "1" : "z = 1");
            repeat(&sb, i == 0 ? "]" : i == 1 ? "}" : "", n);
            struct toml *t = toml_parse(sb.buf, sb.len, "f.toml", &err);
            assert_true(deep ? !t : t != NULL);
            if (deep) {
                assert_non_null(strstr(err.msg, "nested too deeply"));
            }
            toml_free(t);
            strbuf_release(&sb);
        }
    }
}

static void test_load(void **state)
{
    (void)state;
    char dir[] = "/tmp/mt-toml-XXXXXX";
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(dir));
    MT_CLEANUP(xfree) char *path = xasprintf("%s/c.toml", dir);
    assert_null(toml_load(path, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(fs_write_atomic(path, "a = !\n", 6, 0600, &err), 0);
    assert_null(toml_load(path, &err));
    MT_CLEANUP(xfree) char *want = xasprintf("%s:1:5: ", path);
    assert_non_null(strstr(err.msg, want));
    assert_int_equal(fs_write_atomic(path, "a = 'x'\n", 8, 0600, &err), 0);
    struct toml *t = toml_load(path, &err);
    is_string(t, "a", "x");
    toml_free(t);
    assert_null(toml_load(dir, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),   cmocka_unit_test(test_numbers), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_arrays),    cmocka_unit_test(test_tables),  cmocka_unit_test(test_arrays_of_tables),
        cmocka_unit_test(test_positions), cmocka_unit_test(test_empty),   cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nesting),   cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
