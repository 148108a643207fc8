/* SPDX-License-Identifier: Apache-2.0 */
/* What `image inspect` says in both generations, and the Containerfile that gives an exported root its image's settings
 * back: read again here as BuildKit would read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/container/image_parse.h"
#include "core/util/compiler.h"
#include "core/util/json.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define VARIANTS                                                                                                       \
    "\"variants\":[{\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},\"config\":{\"config\":{\"User\":"  \
    "\"no\"}}},"                                                                                                       \
    "{\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},\"config\":{\"os\":\"linux\",\"config\":{\"Env\":["   \
    "\"A=amd\"]}}},"                                                                                                   \
    "{\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"},\"size\":5,\"config\":{"           \
    "\"architecture\":\"arm64\",\"config\":{\"Env\":[\"PATH=/usr/bin:/bin\",\"A=arm\"],\"Cmd\":[\"bash\"],"            \
    "\"Entrypoint\":null,\"User\":\"1000\",\"WorkingDir\":\"/srv/x\",\"Labels\":{\"a\":\"b\"},\"StopSignal\":"         \
    "\"SIGQUIT\"}}}]"

static void check_both(const struct ctr_image *img)
{
    assert_string_equal(img->name, "docker.io/library/debian:13-slim");
    assert_string_equal(img->id, DIGEST);
    assert_int_equal(img->env.len, 2);
    assert_string_equal(img->env.v[1], "A=arm");
    assert_int_equal(img->cmd.len, 1);
    assert_int_equal(img->entrypoint.len, 0);
    assert_string_equal(img->user, "1000");
    assert_string_equal(img->workdir, "/srv/x");
    assert_string_equal(img->stop_signal, "SIGQUIT");
    assert_string_equal(img->label_values.v[0], "b");
}

static int parse(const char *text, const char *arch, struct ctr_image *img, struct error *err)
{
    memset(img, 0, sizeof(*img));
    return ctr_image_parse(text, strlen(text), arch, img, err);
}

static void test_generations(void **state)
{
    (void)state;
    struct ctr_image img;
    struct error err = ERROR_INIT;
    assert_int_equal(parse("[{\"name\":\"docker.io/library/debian:13-slim\",\"index\":{\"digest\":\"sha256:" DIGEST
                           "\",\"size\":9}," VARIANTS "}]",
                           "arm64", &img, &err),
                     0);
    check_both(&img);
    ctr_image_release(&img);
    assert_int_equal(parse("[{\"id\":\"" DIGEST "\",\"configuration\":{\"name\":\"docker.io/library/debian:13-slim\","
                           "\"creationDate\":\"2026-01-01T00:00:00Z\",\"descriptor\":{\"digest\":\"sha256:" DIGEST
                           "\"}}," VARIANTS "}]",
                           "arm64", &img, &err),
                     0);
    check_both(&img);
    ctr_image_release(&img);
    assert_int_equal(parse("[{\"id\":\"" DIGEST "\",\"configuration\":{}," VARIANTS "}]", "riscv64", &img, &err), 0);
    assert_string_equal(img.env.v[0], "A=amd"); /* the first for linux */
    assert_string_equal(img.id, DIGEST);
    ctr_image_release(&img);
}

static void test_bad_answers(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{", "[{\"name\":\"x\"", "{}", "3", "[3]"};
    struct ctr_image img;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        assert_int_equal(parse(bad[i], "arm64", &img, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
        ctr_image_release(&img);
    }
    assert_int_equal(parse("[]", "arm64", &img, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    ctr_image_release(&img);
    assert_int_equal(parse("[{\"variants\":7,\"configuration\":[],\"name\":{}}]", "arm64", &img, &err), 0);
    assert_int_equal(img.env.len, 0);
    ctr_image_release(&img);
    char id[CTR_IMAGE_ID_MAX];
    ctr_image_digest("sha256:../../etc", id);
    assert_string_equal(id, "");
    ctr_image_digest(NULL, id);
    assert_string_equal(id, "");
}

/* A word as BuildKit's lexer reads it: quotes taken away; in double quotes a backslash escapes ", $ and itself. Fails
 * at anything that would be expanded. */
static char *read_word(const char **at)
{
    const char *s = *at;
    struct strbuf out = STRBUF_INIT;
    assert_int_equal(*s, '"');
    for (s++; *s != '"'; s++) {
        assert_int_not_equal(*s, '\0');
        assert_int_not_equal(*s, '\n');
        assert_int_not_equal(*s, '$');
        if (*s == '\\') {
            s++;
            assert_non_null(strchr("\"$\\", *s));
        }
        strbuf_addch(&out, *s);
    }
    *at = s + 1;
    return strbuf_detach(&out, NULL);
}

/* What stands behind "WORD " at the beginning of a line. */
static const char *line_of(const struct strbuf *file, const char *word)
{
    const char *at = strstr(file->buf, word);
    assert_non_null(at);
    assert_true(at == file->buf || at[-1] == '\n');
    return at + strlen(word);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",     "plain",       "two words  ", "a\"b",       "a'b",   "$HOME ${x:-y}", "\\",
        "a\\$", "tail\\\\\\",  "#no comment", "\ttab",      "a\\nb", "caf\xc3\xa9",   "`x`",
        "=",    "%s %d \\\"$", "<<EOF",       "# escape=`", "[1]"};
    for (size_t i = 0; i < MT_ARRAY_LEN(values); i++) {
        struct ctr_image img = {.env = STRVEC_INIT,
                                .cmd = STRVEC_INIT,
                                .entrypoint = STRVEC_INIT,
                                .label_keys = STRVEC_INIT,
                                .label_values = STRVEC_INIT};
        MT_CLEANUP(strbuf) struct strbuf file = STRBUF_INIT;
        MT_CLEANUP(strvec) struct strvec words = STRVEC_INIT;
        struct error err = ERROR_INIT;
        strvec_pushf(&img.env, "K=%s", values[i]);
        strvec_push(&img.cmd, values[i]);
        strvec_push(&img.cmd, "line\nbreak");
        strvec_push(&img.entrypoint, values[i]);
        strvec_push(&img.label_keys, values[i][0] ? values[i] : "k");
        strvec_push(&img.label_values, values[i]);
        str_copy(img.workdir, sizeof(img.workdir), values[i]);
        assert_int_equal(ctr_image_recipe(&img, "rootfs.tar", &file, NULL, &err), 0);
        assert_int_equal(strncmp(file.buf, "FROM scratch\nADD rootfs.tar /\n", 30), 0);
        const char *at = line_of(&file, "ENV K=");
        char *word = read_word(&at);
        assert_string_equal(word, values[i]);
        assert_int_equal(*at, '\n');
        free(word);
        if (values[i][0]) {
            at = line_of(&file, "WORKDIR ");
            word = read_word(&at);
            assert_string_equal(word, values[i]);
            free(word);
        }
        at = line_of(&file, "LABEL ");
        free(read_word(&at));
        assert_int_equal(*at++, '=');
        word = read_word(&at);
        assert_string_equal(word, values[i]);
        free(word);
        at = line_of(&file, "CMD ");
        struct json *list = json_parse(at, strcspn(at, "\n"), &err), *holder = json_new_object();
        assert_non_null(list);
        json_set(holder, "l", list);
        json_get_strings(holder, "l", &words);
        assert_int_equal(words.len, 2);
        assert_string_equal(words.v[0], values[i]);
        assert_string_equal(words.v[1], "line\nbreak");
        json_free(holder);
        ctr_image_release(&img);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const env[] = {"A=one\ntwo", "A=x\r", "=x", "A B=x", "$A=x", "none", "A\"=x"};
    for (size_t i = 0; i < MT_ARRAY_LEN(env); i++) {
        struct ctr_image img = {.env = STRVEC_INIT};
        MT_CLEANUP(strbuf) struct strbuf file = STRBUF_INIT;
        struct error err = ERROR_INIT;
        strvec_push(&img.env, env[i]);
        assert_int_equal(ctr_image_recipe(&img, "rootfs.tar", &file, NULL, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(err.hint);
        strvec_release(&img.env);
    }
    struct ctr_image img = {.env = STRVEC_INIT, .label_keys = STRVEC_INIT, .label_values = STRVEC_INIT};
    MT_CLEANUP(strbuf) struct strbuf file = STRBUF_INIT;
    struct error err = ERROR_INIT;
    size_t lost = 9;
    static const char *const labels[][2] = {{"muthr.managed", "true"}, {"d", "two\nlines"}, {"kept", "1"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(labels); i++) {
        strvec_push(&img.label_keys, labels[i][0]);
        strvec_push(&img.label_values, labels[i][1]);
    }
    assert_int_equal(ctr_image_recipe(&img, "rootfs.tar", &file, &lost, &err), 0);
    assert_int_equal(lost, 1);
    assert_string_equal(file.buf, "FROM scratch\nADD rootfs.tar /\nLABEL \"kept\"=\"1\"\n");
    for (int i = 0; i < 1000; i++) {
        strvec_pushf(&img.env, "VARIABLE_%d=some text", i);
    }
    assert_int_equal(ctr_image_recipe(&img, "rootfs.tar", &file, NULL, &err), -1);
    assert_non_null(strstr(err.msg, "16384"));
    strvec_release(&img.env);
    strvec_release(&img.label_keys);
    strvec_release(&img.label_values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
