/* SPDX-License-Identifier: Apache-2.0 */
/* Progress out of podman's own words; the samples are podman 4.3.1's on a terminal of 160 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/podman/pull_parse.h"
#include "core/util/strbuf.h"

static const char FIRST[] = "Trying to pull 127.0.0.1:5000/big:1...\r\nGetting image source signatures\r\n"
                            "Copying blob 4e24a79d983e [====>--------] 4.0MiB / 28.0MiB\r\n"
                            "Copying blob 56e475810e1c .                        \r\n"
                            "Copying blob b123f5dc6c25 [=======>-----] 14.0MiB / 28.0MiB\r\n"
                            "Copying blob c4fa61bc306f [=============] 183.0b / 183.0b\r\n";
static const char SECOND[] = "\033[4A\033[JCopying blob 4e24a79d983e [====>---] 7.0MiB / 28.0MiB\r\n"
                             "Copying blob 56e475810e1c skipped: already exists  \r\n"
                             "Copying blob b123f5dc6c25 done  \r\n"
                             "Copying blob c4fa61bc306f done  \r\n";

static void feed(struct pull_parse *p, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) { /* whatever the blocks are */
        pull_parse_feed(p, text + i, 1);
    }
}

static void test_pull(void **state)
{
    (void)state;
    struct pull_parse p;
    char text[200];
    pull_parse_init(&p);
    assert_int_equal(pull_parse_progress(&p, text, sizeof(text)), -1);
    feed(&p, FIRST);
    assert_int_equal(pull_parse_progress(&p, text, sizeof(text)), -1); /* one layer's size is not known yet */
    assert_string_equal(text, "layer 1 of 4, 18.0 of at least 56.0 MiB");
    feed(&p, SECOND);
    assert_int_equal(pull_parse_progress(&p, text, sizeof(text)), 62); /* (7 + 28) / 56 */
    assert_string_equal(text, "layer 4 of 4, 35.0 of 56.0 MiB");
    feed(&p, "\033[4A\033[JCopying blob 4e24a79d983e done\r\nWriting manifest to image destination\r\n");
    assert_int_equal(pull_parse_progress(&p, text, sizeof(text)), 100);
    feed(&p, "Error: initializing source: manifest unknown: manifest unknown\r\n");
    assert_string_equal(p.error, "initializing source: manifest unknown: manifest unknown");
}

static void test_pull_hostile(void **state)
{
    (void)state;
    struct pull_parse p;
    char text[200];
    pull_parse_init(&p);
    unsigned seed = 7;
    for (int i = 0; i < 200000; i++) {
        char c = (char)(seed = seed * 1103515245u + 12345u);
        pull_parse_feed(&p, &c, 1);
    }
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    for (int i = 0; i < 1000; i++) { /* more layers than there is room for, odd sizes */
        strbuf_clear(&line);
        strbuf_addf(&line, "\nCopying blob %012x [>] 1e308GiB / -5MiB\nCopying blob %012x [>] / / /\n", i, i);
        feed(&p, line.buf);
    }
    feed(&p, "Copying blob \nCopying blob zzz done\nCopying blob sha256:abcdef done\n");
    int percent = pull_parse_progress(&p, text, sizeof(text));
    assert_in_range(percent + 1, 0, 101);
    assert_int_equal(p.count, PULL_LAYERS_MAX);
}

static void test_build(void **state)
{
    (void)state;
    int percent, step, steps;
    const char *what;
    assert_true(build_parse_step("STEP 1/5: FROM x", &percent, &step, &steps, &what));
    assert_int_equal(percent, 0);
    assert_string_equal(what, "FROM x");
    assert_true(build_parse_step("STEP 4/5: RUN echo a: b", &percent, &step, &steps, &what));
    assert_int_equal(percent, 60);
    assert_string_equal(what, "RUN echo a: b");
    assert_true(build_parse_step("[2/2] STEP 2/4: COPY a b", &percent, &step, &steps, &what));
    assert_int_equal(percent, 62);
    assert_int_equal(step, 2);
    static const char *const others[] = {"",           "STEP",          "STEP 0/5: x",         "STEP 6/5: x",
                                         "STEP 1/0:",  " STEP 1/5: x",  "[1/2] STEP 1: x",     "[0/0] STEP 1/1: x",
                                         "[x] STEP 1", "STEP -1/-5: x", "[3/2] STEP 1/1: FROM"};
    for (size_t i = 0; i < MT_ARRAY_LEN(others); i++) {
        assert_false(build_parse_step(others[i], &percent, &step, &steps, &what));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pull),
        cmocka_unit_test(test_pull_hostile),
        cmocka_unit_test(test_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
