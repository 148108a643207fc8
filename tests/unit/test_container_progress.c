/* SPDX-License-Identifier: Apache-2.0 */
/* What Apple's `container` says of a pull and of a build, as it was published: lines, a spinner redrawn in place, other
 * locales, and hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/container/progress.h"
#include "core/util/compiler.h"

static int after(const char *bytes, char *text)
{
    struct ctr_progress p;
    ctr_progress_init(&p);
    ctr_progress_feed(&p, bytes, strlen(bytes));
    return ctr_progress_show(&p, text, 200);
}

static void feed(struct ctr_progress *p, const char *bytes)
{
    ctr_progress_feed(p, bytes, strlen(bytes));
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
        int percent;
    } cases[] = {
        {"", "", -1},
        {"[0/2] [0s]\n", "", -1},
        {"[1/2] Fetching image [0s]\n", "Fetching image", -1},
        {"[1/2] Fetching image (2 of 17 blobs) [3s]\n", "Fetching image (2 of 17 blobs)", -1},
        {"[1/2] Fetching image 7% (4 of 44 blobs, 65.0/944.7 MB, 4.7 MB/s) [11s]\n",
         "Fetching image (4 of 44 blobs, 65.0/944.7 MB, 4.7 MB/s)", 3},
        {"[1/2] Fetching image 45% (3 of 8 blobs, 12,3/27,1 MB, 4,8 MB/s) [7s]\n",
         "Fetching image (3 of 8 blobs, 12,3/27,1 MB, 4,8 MB/s)", 22},
        {"[1/2] Fetching image 99% (1 234 of 1 234 blobs, 1\xe2\x80\xaf"
         "012,5 MB) [1m 7s]\n",
         "Fetching image (1 234 of 1 234 blobs, 1\xe2\x80\xaf"
         "012,5 MB)",
         49},
        {"[2/2] Unpacking image for platform linux/arm64/v8 0% [8s]\n", "Unpacking image for platform linux/arm64/v8",
         50},
        {"[2/2] Unpacking image for platform linux/arm64/v8 [8s]\n", "Unpacking image for platform linux/arm64/v8", 50},
        {"[2/2] Unpacking image for platform linux/arm64/v8 100% (440 entries, 3.9 MB) [11s]\n",
         "Unpacking image for platform linux/arm64/v8 (440 entries, 3.9 MB)", 100},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        char text[200];
        int percent = after(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(percent, cases[i].percent);
    }
}

static void test_terminal(void **state)
{
    (void)state;
    char text[200];
    /* hidden cursor, a spinner, the rest of the line cleared behind it, again and again */
    assert_int_equal(after("\033[?25l\r\342\240\213 [1/2] Fetching image 10% (1 of 8 blobs) [1s]\033[K"
                           "\r\342\240\231 [1/2] Fetching image 60% (5 of 8 blobs) [2s]\033[K",
                           text),
                     30);
    assert_string_equal(text, "Fetching image (5 of 8 blobs)");
    /* 0.6 clears first */
    assert_int_equal(after("\r\033[K\342\240\213 [1/2] Fetching image 80% [1s]\r\033[K", text), 40);
    assert_string_equal(text, "Fetching image");
    /* what is half here is not shown yet */
    assert_int_equal(after("[1/2] Fetching image 10% [1s]\n[1/2] Fetching ima", text), 5);
}

static void test_pieces(void **state)
{
    (void)state;
    static const char bytes[] = "\033[?25l\r\342\240\213 [1/2] Fetching image 10% (1 of 8 blobs) [1s]\033[K\r"
                                "[2/2] Unpacking image 50% [9s]\nError: cannot: \"x\"\n";
    struct ctr_progress p;
    char text[200];
    ctr_progress_init(&p);
    for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
        ctr_progress_feed(&p, bytes + i, 1);
    }
    assert_int_equal(ctr_progress_show(&p, text, sizeof(text)), 75);
    assert_string_equal(p.error, "cannot: \"x\"");
}

static void test_hostile(void **state)
{
    (void)state;
    struct ctr_progress p;
    char text[200], flood[4096];
    memset(flood, '9', sizeof(flood));
    ctr_progress_init(&p);
    ctr_progress_feed(&p, flood, sizeof(flood));
    feed(&p, "%\n[99999999999999999999/2] x 5%\n[3/2] x 5%\n[ 1/2] x\n[-1/2] y\n[1/0] z\n");
    assert_int_equal(ctr_progress_show(&p, text, sizeof(text)), -1);
    feed(&p, "[1/2] a\x01\x7f"
             "b 400% 5 % [1s]\n");
    assert_int_equal(ctr_progress_show(&p, text, sizeof(text)), -1);
    assert_null(strchr(text, '\x7f'));
}

static void test_build(void **state)
{
    (void)state;
    struct ctr_build b;
    char text[200];
    ctr_build_init(&b);
    ctr_build_show(&b, text, sizeof(text));
    assert_string_equal(text, "starting the builder");
    assert_false(ctr_build_line(&b, "#1 [internal] load build definition from Dockerfile"));
    assert_false(ctr_build_line(&b, "#1 transferring dockerfile: 120B done"));
    assert_true(ctr_build_line(&b, "#5 [linux/arm64 1/4] FROM docker.io/library/debian:13-slim@sha256:ab12"));
    assert_int_equal(b.percent, 0);
    assert_false(ctr_build_line(&b, "#5 CACHED"));
    assert_true(ctr_build_line(&b, "#6 [linux/arm64/v8 builder 3/4] RUN apt-get update"));
    assert_int_equal(b.percent, 50);
    assert_true(ctr_build_line(&b, "#6 0.214 Get:1 http://mirror.example trixie InRelease"));
    ctr_build_show(&b, text, sizeof(text));
    assert_string_equal(text, "step 3 of 4: RUN apt-get update  Get:1 http://mirror.example trixie InRelease");
    assert_false(ctr_build_line(&b, "#6 DONE 3.2s"));
    assert_true(ctr_build_line(&b, "#7 [2/4] COPY a [b] 1/2] /"));
    assert_int_equal(b.percent, 50); /* another stage: it does not go back */
    assert_string_equal(b.what, "COPY a [b] 1/2] /");
    assert_false(
        ctr_build_line(&b, "#7 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1"));
    assert_string_equal(b.failed, "COPY a [b] 1/2] /");
    assert_string_equal(b.reason, "process \"/bin/sh -c false\" did not complete successfully: exit code: 1");
    assert_false(ctr_build_line(&b, "Error: Build: something else"));
    assert_string_equal(b.reason, "process \"/bin/sh -c false\" did not complete successfully: exit code: 1");
    assert_false(ctr_build_line(&b, "#"));
    assert_false(ctr_build_line(&b, "#x"));
    assert_false(ctr_build_line(&b, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_terminal), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
