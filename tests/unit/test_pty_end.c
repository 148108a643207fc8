/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a program: whatever its terminal, its owner and the machine are doing when it ends, they come. */
#include "tests/patience.h"
#include "tests/unit/io_support.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "core/io/pty.h"
#include "core/util/strbuf.h"

struct term {
    struct pty *pty;
    struct timer *resume;
    struct strbuf text;
    int exits, code;
    unsigned nap_ms;  /* the machine is busy: so long for each piece */
    unsigned hold_ms; /* the owner reads no more for so long after each piece */
};

#if defined(__linux__)
/* Linux looks whether there is something to read, then whether the other side has been closed. Armed, the next read
 * that finds nothing types a line in between, on which the program writes and goes: once in some ten thousand ends of
 * programs it does so by itself. */
static bool race_armed;
static int races;

ssize_t raced_read(int fd, void *buf, size_t count) __asm__("read"); /* in place of the C library's, inlined or not */

ssize_t raced_read(int fd, void *buf, size_t count)
{
    ssize_t n = syscall(SYS_read, fd, buf, count);

    if (n < 0 && errno == EAGAIN && race_armed && isatty(fd)) {
        struct pollfd p = {.fd = fd};

        race_armed = false;
        assert_int_equal(write(fd, "\n", 1), 1);
        assert_int_equal(poll(&p, 1, (int)patience(5000)), 1);
        assert_true((p.revents & POLLHUP) != 0);
        races++;
        errno = EIO;
    }
    return n;
}
#endif

static void on_data(void *arg, const char *data, size_t len)
{
    struct term *t = arg;

    strbuf_add(&t->text, data, len);
    if (t->nap_ms > 0) {
        usleep(t->nap_ms * 1000);
    }
    if (t->hold_ms > 0) {
        pty_pause(t->pty, true);
        timer_start(t->resume, t->hold_ms);
    }
}

static void on_resume(void *arg)
{
    struct term *t = arg;

    pty_pause(t->pty, false);
}

static void on_exit_cb(void *arg, int code, int signum)
{
    struct term *t = arg;

    (void)signum;
    timer_stop(t->resume);
    t->exits++;
    t->code = code;
}

/* Runs a shell line. */
static void start(struct loop *loop, struct term *t, const char *script, size_t budget)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct pty_opts o = {.argv = argv,
                         .cols = 80,
                         .rows = 24,
                         .on_data = on_data,
                         .on_exit = on_exit_cb,
                         .arg = t,
                         .read_budget_bytes = budget};
    struct error err = ERROR_INIT;

    t->resume = timer_new(loop, on_resume, t);
    if (pty_start(&t->pty, loop, &o, &err) != 0) {
        fail_msg("%s", err.msg);
    }
}

static void finish(struct loop *loop, struct term *t)
{
    pty_close(t->pty);
    timer_close(t->resume);
    strbuf_release(&t->text);
    assert_int_equal(loop_free(loop), 0);
}

#if defined(__linux__)
/* It ends while it is looked whether it has said something. */
static void test_gone_between_two_looks(void **state)
{
    struct loop *loop = loop_new();
    struct term t = {.text = STRBUF_INIT};

    (void)state;
    races = 0;
    start(loop, &t, "stty -echo; echo ready; read line; echo last; read line; echo words; exit 3", 0);
    turn_until(loop, strstr(t.text.buf, "ready"), 5000);
    io_turn_for(loop, 50);
    race_armed = true;
    assert_int_equal(pty_write(t.pty, "\n", 1), 1);
    turn_until(loop, t.exits, 5000);
    race_armed = false;
    assert_int_equal(races, 1);
    assert_int_equal(t.code, 3);
    assert_string_equal(t.text.buf, "ready\r\nlast\r\nwords\r\n");
    finish(loop, &t);
}
#endif

/* It had closed its terminal, and opens it again for its last words. */
static void test_last_words_after_a_pause(void **state)
{
    struct loop *loop = loop_new();
    struct term t = {.text = STRBUF_INIT};

    (void)state;
    start(loop, &t, "exec </dev/null >/dev/null 2>&1; sleep 0.1; echo last words >/dev/tty; exit 3", 0);
    turn_until(loop, t.exits, 5000);
    assert_string_equal(t.text.buf, "last words\r\n");
    assert_int_equal(t.code, 3);
    finish(loop, &t);
}

/* Eight thousand bytes, then the end; somebody else keeps the terminal open, as long as there is one. */
#define LONG_TALE                                                                                                      \
    "trap '' HUP; stty -opost; while stty size <&2 >/dev/null; do sleep 0.1; done &"                                   \
    "head -c 8000 /dev/zero | tr '\\0' z; printf END; exit 3"

/* What was written is read to its end, in however small pieces and however late. */
static void test_busy_machine(void **state)
{
    struct loop *loop = loop_new();
    struct term t = {.text = STRBUF_INIT, .nap_ms = 100};

    (void)state;
    start(loop, &t, LONG_TALE, 1000);
    turn_until(loop, t.exits, 10000);
    assert_int_equal(t.text.len, 8003);
    assert_int_equal(t.code, 3);
    finish(loop, &t);
}

/* So it is when the owner holds the output back. */
static void test_held_back(void **state)
{
    struct loop *loop = loop_new();
    struct term t = {.text = STRBUF_INIT, .nap_ms = 300, .hold_ms = 20};

    (void)state;
    start(loop, &t, LONG_TALE, 1000);
    turn_until(loop, t.exits, 20000);
    assert_int_equal(t.text.len, 8003);
    assert_int_equal(t.code, 3);
    finish(loop, &t);
}

/* But one that goes on for ever in the background is not waited for, held back or not. */
static void test_endless_background(void **state)
{
    (void)state;
    for (unsigned hold = 0; hold < 2; hold++) {
        struct loop *loop = loop_new();
        struct term t = {.text = STRBUF_INIT, .hold_ms = hold};

        start(loop, &t, "trap '' HUP; yes & echo $! >&2; sleep 0.1; exit 3", 0);
        turn_until(loop, t.exits, 10000);
        assert_int_equal(t.code, 3);
        finish(loop, &t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if defined(__linux__)
        cmocka_unit_test(test_gone_between_two_looks),
#endif
        cmocka_unit_test(test_last_words_after_a_pause),
        cmocka_unit_test(test_busy_machine),
        cmocka_unit_test(test_held_back),
        cmocka_unit_test(test_endless_background),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
