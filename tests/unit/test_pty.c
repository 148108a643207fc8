/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/patience.h"
#include "tests/unit/io_support.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/proc.h"
#include "core/io/pty.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct term {
    struct pty *pty;
    struct strbuf text;
    size_t bytes, largest;
    int exits, code, signal, drains;
    bool close_on_data;
};

static void on_data(void *arg, const char *data, size_t len)
{
    struct term *t = arg;
    t->bytes += len;
    t->largest = len > t->largest ? len : t->largest;
    if (t->text.len < 65536) {
        strbuf_add(&t->text, data, len);
    }
    if (t->close_on_data && t->pty != NULL) {
        pty_close(t->pty);
        t->pty = NULL;
    }
}

static void on_exit_cb(void *arg, int code, int signum)
{
    struct term *t = arg;
    t->exits++;
    t->code = code;
    t->signal = signum;
}

static void on_drain(void *arg)
{
    struct term *t = arg;
    t->drains++;
}

/* Runs a shell line on a fresh terminal of 80x24. */
static void start(struct loop *loop, struct term *t, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct pty_opts o = {.argv = argv, .cols = 80, .rows = 24, .on_data = on_data, .on_exit = on_exit_cb, .arg = t};
    struct error err = ERROR_INIT;
    *t = (struct term){.text = STRBUF_INIT};
    if (pty_start(&t->pty, loop, &o, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(t->exits, 0);
}

/* Closes everything. */
static void finish(struct loop *loop, struct term *t)
{
    pty_close(t->pty);
    strbuf_release(&t->text);
    assert_int_equal(loop_free(loop), 0);
}

static void type(struct term *t, const char *s)
{
    assert_int_equal(pty_write(t->pty, s, strlen(s)), strlen(s));
}

static void test_output_and_exit(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    (void)state;
    start(loop, &t, "stty size; stty -a | grep -o -- '.iutf8'; tty; echo last; exit 5");
    turn_until(loop, t.exits, 5000);
    assert_int_equal(t.code, 5);
    assert_int_equal(t.signal, 0);
    assert_non_null(strstr(t.text.buf, "24 80"));
    assert_non_null(strstr(t.text.buf, "iutf8"));
    assert_null(strstr(t.text.buf, "-iutf8"));
    assert_non_null(strstr(t.text.buf, "last"));
    assert_non_null(strstr(t.text.buf, "/dev/pts/"));
    finish(loop, &t);
    loop = loop_new();
    start(loop, &t, "kill -KILL $$");
    turn_until(loop, t.exits, 5000);
    assert_int_equal(t.signal, SIGKILL);
    assert_int_equal(t.code, 128 + SIGKILL);
    finish(loop, &t);
}

static void test_clean_child(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    int stray = dup(2);
    (void)state;
    /* Not the shell's own status: while it waits for a child it may have everything blocked for a moment. */
    start(loop, &t, "echo fds: $(ls /proc/$$/fd); exec grep -E 'SigIgn|SigBlk' /proc/self/status");
    turn_until(loop, t.exits, 5000);
    assert_non_null(strstr(t.text.buf, "fds: 0 1 2")); /* 3 is the shell's pipe from ls */
    assert_null(strstr(t.text.buf, "fds: 0 1 2 3 4"));
    assert_non_null(strstr(t.text.buf, "SigBlk:\t0000000000000000"));
    /* glibc's posix_spawn, which make uses, leaves its own signals 32 and 33 ignored, and nobody can change that. */
    assert_true(strstr(t.text.buf, "SigIgn:\t0000000000000000") || strstr(t.text.buf, "SigIgn:\t0000000180000000"));
    finish(loop, &t);
    close(stray);
}

static void test_cannot_start(void **state)
{
    struct loop *loop = loop_new();
    const char *none[] = {"no-such-program-here", NULL}, *denied[] = {"/etc/passwd", NULL}, *ok[] = {"true", NULL};
    const char *rel[] = {"./no-such", NULL};
    struct pty_opts o = {.argv = none, .cols = 80, .rows = 24};
    struct pty *p = NULL;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(pty_start(&p, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    o.argv = rel;
    err = ERROR_INIT;
    assert_int_equal(pty_start(&p, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    o.argv = denied;
    assert_int_equal(pty_start(&p, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    o.argv = ok;
    o.cwd = "/nonexistent";
    assert_int_equal(pty_start(&p, loop, &o, &err), -1);
    assert_non_null(strstr(err.msg, "working directory"));
    assert_int_equal(loop_free(loop), 0);
}

static void test_resize_and_interrupt(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    struct error err = ERROR_INIT;
    (void)state;
    start(loop, &t,
          "trap 'stty size' WINCH; trap 'echo got-int; exit 3' INT; echo ready; while :; do sleep 0.05; done");
    turn_until(loop, strstr(t.text.buf, "ready"), 5000);
    assert_int_equal(pty_resize(t.pty, 101, 33, &err), 0);
    turn_until(loop, strstr(t.text.buf, "33 101"), 5000);
    assert_int_equal(pty_resize(t.pty, 0, 33, &err), -1);
    type(&t, "\003");
    turn_until(loop, t.exits, 5000);
    assert_non_null(strstr(t.text.buf, "got-int"));
    assert_int_equal(t.code, 3);
    finish(loop, &t);
}

static void test_write_queue_and_drain(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    size_t total = 3u << 20, sent = 0;
    char *big = xmalloc(total);
    (void)state;
    memset(big, 'y', total);
    start(loop, &t, "stty raw -echo; echo ready; head -c 3145728 | wc -c");
    pty_on_drain(t.pty, on_drain, &t);
    turn_until(loop, strstr(t.text.buf, "ready"), 5000);
    kill(-pty_pid(t.pty), SIGSTOP); /* nobody reads: the queue must fill up */
    sent = pty_write(t.pty, big, total);
    assert_true(sent < total);
    kill(-pty_pid(t.pty), SIGCONT);
    while (sent < total) {
        int before = t.drains;
        turn_until(loop, t.drains > before, 5000);
        sent += pty_write(t.pty, big + sent, total - sent);
    }
    turn_until(loop, t.exits, 10000);
    assert_non_null(strstr(t.text.buf, "3145728"));
    free(big);
    finish(loop, &t);
}

static void test_flood_and_pause(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    size_t before;
    (void)state;
    start(loop, &t, "stty -opost; head -c 5000000 /dev/zero | tr '\\0' z; printf END");
    turn_until(loop, t.bytes > 100000, 5000);
    pty_pause(t.pty, true);
    before = t.bytes;
    io_turn_for(loop, 100);
    assert_int_equal(t.bytes, before);
    pty_pause(t.pty, false);
    turn_until(loop, t.exits, 10000);
    assert_int_equal(t.bytes, 5000003);
    assert_true(t.largest <= 64 << 10);
    finish(loop, &t);
    /* Paused over the exit for longer than the drain time: nothing is lost. */
    loop = loop_new();
    start(loop, &t, "printf tail");
    pty_pause(t.pty, true);
    io_turn_for(loop, 600);
    assert_int_equal(t.exits, 0);
    pty_pause(t.pty, false);
    turn_until(loop, t.exits, 3000);
    assert_string_equal(t.text.buf, "tail");
    finish(loop, &t);
}

static void test_grandchild_holds_terminal(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    uint64_t start_ms = clock_mono_ms();
    (void)state;
    start(loop, &t, "trap '' HUP; sleep 5 & echo out; exit 0");
    turn_until(loop, t.exits, 3000);
    assert_true(clock_mono_ms() - start_ms < patience(2500));
    assert_non_null(strstr(t.text.buf, "out"));
    finish(loop, &t);
}

static void test_terminal_reopened(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    (void)state;
    start(loop, &t, "exec </dev/null >/dev/null 2>&1; sleep 0.4; echo back >/dev/tty; sleep 0.4");
    turn_until(loop, t.exits, 5000);
    assert_non_null(strstr(t.text.buf, "back"));
    finish(loop, &t);
}

static void test_terminate(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    uint64_t start_ms;
    (void)state;
    start(loop, &t, "echo ready; sleep 100; true");
    turn_until(loop, strstr(t.text.buf, "ready"), 5000);
    pty_terminate(t.pty);
    pty_terminate(t.pty);
    assert_int_equal(t.exits, 0);
    turn_until(loop, t.exits, 2000);
    assert_int_equal(t.signal, SIGHUP);
    finish(loop, &t);
    /* One that ignores HUP and TERM goes by KILL, after 2.5 s. */
    loop = loop_new();
    start(loop, &t, "trap '' HUP TERM; echo ready; while :; do sleep 0.1; done");
    turn_until(loop, strstr(t.text.buf, "ready"), 5000);
    start_ms = clock_mono_ms();
    pty_terminate(t.pty);
    turn_until(loop, t.exits, 6000);
    assert_int_equal(t.signal, SIGKILL);
    assert_true(clock_mono_ms() - start_ms >= 2400);
    assert_int_equal(t.exits, 1);
    finish(loop, &t);
}

static void test_close_early(void **state)
{
    struct loop *loop = loop_new();
    struct term t;
    int pid;
    (void)state;
    start(loop, &t, "while :; do echo x; sleep 0.01; done");
    pid = pty_pid(t.pty);
    t.close_on_data = true;
    turn_until(loop, t.pty == NULL, 5000);
    turn_until(loop, kill(pid, 0) != 0 && errno == ESRCH, 5000); /* HUP by the hang-up, and reaped */
    assert_int_equal(t.exits, 0);
    finish(loop, &t);
    loop = loop_new();
    start(loop, &t, "trap '' HUP; sleep 1");
    finish(loop, &t); /* the loop may go before the child does */
}

static int procs_done;
static void on_proc(void *arg, const struct proc_result *res, const struct error *err)
{
    (void)arg;
    (void)res;
    procs_done += err == NULL;
}

/* Both kinds of children on one loop, each reaped by its owner. */
static void test_beside_procs(void **state)
{
    struct loop *loop = loop_new();
    struct term t[5];
    const char *argv[] = {"true", NULL};
    struct proc_opts o = {.argv = argv, .on_done = on_proc};
    (void)state;
    procs_done = 0;
    for (int i = 0; i < 5; i++) {
        start(loop, &t[i], "exit 4");
        assert_int_equal(proc_start(NULL, loop, &o, NULL), 0);
    }
    turn_until(loop, procs_done == 5, 5000);
    for (int i = 0; i < 5; i++) {
        turn_until(loop, t[i].exits == 1, 5000);
        assert_int_equal(t[i].code, 4);
        pty_close(t[i].pty);
        strbuf_release(&t[i].text);
    }
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_output_and_exit),
                                       cmocka_unit_test(test_clean_child),
                                       cmocka_unit_test(test_cannot_start),
                                       cmocka_unit_test(test_resize_and_interrupt),
                                       cmocka_unit_test(test_write_queue_and_drain),
                                       cmocka_unit_test(test_flood_and_pause),
                                       cmocka_unit_test(test_grandchild_holds_terminal),
                                       cmocka_unit_test(test_terminal_reopened),
                                       cmocka_unit_test(test_terminate),
                                       cmocka_unit_test(test_close_early),
                                       cmocka_unit_test(test_beside_procs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
