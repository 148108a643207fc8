/* SPDX-License-Identifier: Apache-2.0 */
/* devcontainer.json as strangers write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/devcontainer.h"
#include "core/util/jsonc.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static void parse(struct devcontainer *d, const char *text)
{
    memset(d, 0, sizeof(*d));
    devcontainer_parse(d, text, strlen(text));
    assert_true(d->found);
}

static void test_comments_and_commas(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"{\"a\": 1, // one\n \"b\": [1, 2, /* x, */ ],\n}", "{\"a\": 1,       \n \"b\": [1, 2           ] \n}"},
        {"{\"u\": \"http://x/*y*/\", }", "{\"u\": \"http://x/*y*/\"  }"},
        {"{\"q\": \"a\\\"//b\"}", "{\"q\": \"a\\\"//b\"}"},
        {"[1,,]", "[1, ]"}, /* still wrong, and json_parse says so */
        {"// only", "       "},
        {"1/2", "1/2"},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
        assert_int_equal(jsonc_strip(CASES[i].in, strlen(CASES[i].in), &out, NULL), 0);
        assert_int_equal(out.len, strlen(CASES[i].in));
        if (i != 3) {
            assert_string_equal(out.buf, CASES[i].out);
        }
    }
    static const char *const BROKEN[] = {"/* no end", "\"no end", "\"ends with \\", "{\"a\": /*"};
    for (size_t i = 0; i < MT_ARRAY_LEN(BROKEN); i++) {
        MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
        struct error err = ERROR_INIT;
        assert_int_equal(jsonc_strip(BROKEN[i], strlen(BROKEN[i]), &out, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
    }
}

static void test_forms(void **state)
{
    (void)state;
    struct devcontainer d;
    parse(&d, "{ // mine\n\"image\": \"mcr.example/base:ubuntu\", \"postCreateCommand\": \"npm ci && make\", }");
    assert_null(d.problem);
    assert_string_equal(d.image, "mcr.example/base:ubuntu");
    assert_string_equal(d.set_up, "npm ci && make");
    assert_int_equal(d.command_count, 1);
    assert_string_equal(d.commands[0].v[0], "sh");
    assert_string_equal(d.commands[0].v[2], "npm ci && make");
    char id[65];
    memcpy(id, d.set_up_id, sizeof(id));
    devcontainer_release(&d);
    parse(&d, "{\"postCreateCommand\": [\"make\", \"all the things\"]}");
    assert_int_equal(d.commands[0].len, 2);
    assert_string_equal(d.commands[0].v[1], "all the things");
    assert_string_equal(d.set_up, "[\"make\",\"all the things\"]");
    assert_string_not_equal(d.set_up_id, id);
    devcontainer_release(&d);
    parse(&d, "{\"postCreateCommand\": {\"a\": \"one\", \"b\": [\"two\", \"2\"]}, \"features\": {}}");
    assert_int_equal(d.command_count, 2);
    assert_string_equal(d.commands[1].v[0], "two");
    assert_true(d.builds);
    devcontainer_release(&d);
    static const char *const NOTHING[] = {"{}", "{\"postCreateCommand\": \"  \"}", "{\"postCreateCommand\": {}}"};
    for (size_t i = 0; i < MT_ARRAY_LEN(NOTHING); i++) {
        parse(&d, NOTHING[i]);
        assert_null(d.problem);
        assert_null(d.set_up);
        assert_int_equal(d.command_count, 0);
        devcontainer_release(&d);
    }
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "[]",
        "null",
        "not json",
        "{\"image\": \"a b\"}",
        "{\"image\": \"-v/:/host\"}",
        "{\"image\": \"\"}",
        "{\"image\": \"x\\ny\"}",
        "{\"image\": \"x;rm -rf ~\"}",
        "{\"postCreateCommand\": 7}",
        "{\"postCreateCommand\": null}",
        "{\"postCreateCommand\": []}",
        "{\"postCreateCommand\": [\"\"]}",
        "{\"postCreateCommand\": [[\"x\"]]}",
        "{\"postCreateCommand\": [\"x\", 1]}",
        "{\"postCreateCommand\": {\"a\": {\"b\": \"c\"}}}",
        "{\"image\": \"good:1\", \"postCreateCommand\": {\"a\": 1}}",
    };
    struct devcontainer d;
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        parse(&d, BAD[i]);
        if (d.problem == NULL) {
            fail_msg("accepted: %s", BAD[i]);
        }
        assert_null(d.image);
        assert_null(d.set_up);
        assert_int_equal(d.command_count, 0);
        devcontainer_release(&d);
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addstr(&text, "{\"postCreateCommand\": \"");
    for (int i = 0; i < 5000; i++) {
        strbuf_addch(&text, 'x');
    }
    strbuf_addstr(&text, "\"}");
    parse(&d, text.buf);
    assert_non_null(strstr(d.problem, "too long"));
    devcontainer_release(&d);
    strbuf_clear(&text);
    strbuf_addstr(&text, "{\"postCreateCommand\": {");
    for (int i = 0; i < 40; i++) {
        strbuf_addf(&text, "%s\"k%d\": \"c\"", i > 0 ? "," : "", i);
    }
    strbuf_addstr(&text, "}}");
    parse(&d, text.buf);
    assert_non_null(d.problem);
    devcontainer_release(&d);
    strbuf_clear(&text);
    for (int i = 0; i < 100000; i++) {
        strbuf_addch(&text, '[');
    }
    parse(&d, text.buf);
    assert_non_null(d.problem);
    devcontainer_release(&d);
    /* what would move the cursor is not shown as it is */
    parse(&d, "{\"postCreateCommand\": \"echo \\u001b[2J\\u202e ok\"}");
    assert_non_null(d.set_up);
    assert_null(strchr(d.set_up, '\x1b'));
    devcontainer_release(&d);
}

static void test_places(void **state)
{
    (void)state;
    struct temphome t;
    struct devcontainer d;
    temphome_open(&t);
    temphome_mkdir(&t, "src/a/.devcontainer");
    temphome_write(&t, "secret", "{\"image\": \"stolen\"}");
    MT_CLEANUP(xfree) char *a = path_join(t.dir, "src/a"), *secret = path_join(t.dir, "secret");
    MT_CLEANUP(xfree) char *link = path_join(a, ".devcontainer/devcontainer.json");
    devcontainer_load(&d, a);
    assert_false(d.found);
    devcontainer_release(&d);
    assert_int_equal(symlink(secret, link), 0);
    devcontainer_load(&d, a);
    assert_true(d.found);
    assert_null(d.image);
    assert_non_null(strstr(d.problem, "out of the project"));
    devcontainer_release(&d);
    assert_int_equal(unlink(link), 0);
    temphome_write(&t, "src/a/.devcontainer.json", "{\"image\": \"second\"}");
    devcontainer_load(&d, a);
    assert_string_equal(d.image, "second");
    devcontainer_release(&d);
    temphome_write(&t, "src/a/.devcontainer/devcontainer.json", "{\"image\": \"first\"}");
    devcontainer_load(&d, a);
    assert_string_equal(d.image, "first");
    devcontainer_release(&d);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments_and_commas),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
