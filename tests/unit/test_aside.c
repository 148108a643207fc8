/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/io/aside.h"
#include "core/util/strbuf.h"

static int ends[2];

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as the loop does */
    return aside_open(ends);
}

static int teardown(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* Notes, each in brackets. */
static void gather(void *arg, const char *data, size_t len)
{
    struct strbuf *b = arg;

    strbuf_addch(b, '[');
    strbuf_add(b, data, len);
    strbuf_addch(b, ']');
}

static void test_in_order(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;

    (void)state;
    aside_take(ends[0], gather, &got);
    assert_int_equal(got.len, 0); /* and it did not wait */
    assert_true(aside_put(ends[1], "a", 1));
    assert_true(aside_put(ends[1], "\033[A", 3));
    aside_take(ends[0], gather, &got);
    assert_string_equal(got.buf, "[a][\033[A]");
    assert_true(aside_put(ends[1], "b", 1));
    aside_take(ends[0], gather, &got);
    assert_string_equal(got.buf, "[a][\033[A][b]");
}

static void test_bounds(void **state)
{
    char note[ASIDE_MAX + 1];
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;

    (void)state;
    memset(note, 'x', sizeof(note));
    assert_false(aside_put(ends[1], note, 0));
    assert_false(aside_put(ends[1], note, ASIDE_MAX + 1));
    assert_true(aside_put(ends[1], note, ASIDE_MAX));
    aside_take(ends[0], gather, &got);
    assert_int_equal(got.len, ASIDE_MAX + 2);
}

/* More than one read takes: every note comes whole, and a full pipe takes none instead of a part. */
static void test_full(void **state)
{
    char note[ASIDE_MAX];
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    size_t put = 0, at = 0;

    (void)state;
    for (;;) {
        size_t len = 1 + put * 37 % ASIDE_MAX;

        memset(note, 'a' + (int)(put % 26), len);
        if (!aside_put(ends[1], note, len)) {
            break;
        }
        put++;
    }
    assert_true(put > 40);
    aside_take(ends[0], gather, &got);
    for (size_t i = 0; i < put; i++) {
        size_t len = 1 + i * 37 % ASIDE_MAX;

        assert_true(at + len + 2 <= got.len);
        assert_int_equal(got.buf[at], '[');
        for (size_t k = 1; k <= len; k++) {
            assert_int_equal(got.buf[at + k], 'a' + (int)(i % 26));
        }
        at += len + 2;
    }
    assert_int_equal(at, got.len);
    assert_true(aside_put(ends[1], "again", 5));
}

static void test_other_end_gone(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;

    (void)state;
    assert_true(aside_put(ends[1], "last", 4));
    close(ends[1]);
    ends[1] = -1;
    aside_take(ends[0], gather, &got);
    assert_string_equal(got.buf, "[last]");
    aside_take(ends[0], gather, &got);
    assert_string_equal(got.buf, "[last]");
    assert_int_equal(aside_open(ends), 0);
    close(ends[0]);
    ends[0] = -1;
    assert_false(aside_put(ends[1], "x", 1));
}

/* What a socket brought is looked at before it is trusted not to stop who writes to it. */
static void test_what_it_is(void **state)
{
    int null = open("/dev/null", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    (void)state;
    assert_true(aside_is_writable(ends[1]));
    assert_false(aside_is_writable(ends[0]));
    assert_false(aside_is_writable(null));
    assert_false(aside_is_writable(-1));
    assert_int_equal(fcntl(ends[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(ends[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_false(aside_is_writable(ends[1]));
    close(null);
}

/* Leaves another note for each that is taken, as somebody might who means no good. */
static void answer_with_another(void *arg, const char *data, size_t len)
{
    size_t *count = arg;

    ++*count;
    assert_true(*count < 100000);
    (void)aside_put(ends[1], data, len);
}

/* Notes that never end must not keep the host from everything else. */
static void test_ends(void **state)
{
    size_t count = 0;
    char note[100] = "";

    (void)state;
    for (int i = 0; i < 300; i++) {
        assert_true(aside_put(ends[1], note, sizeof(note)));
    }
    aside_take(ends[0], answer_with_another, &count);
    assert_true(count >= 300);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_in_order), T(test_bounds), T(test_full), T(test_ends), T(test_other_end_gone), T(test_what_it_is),
    };

    return cmocka_run_group_tests_name("aside", tests, NULL, NULL);
}
