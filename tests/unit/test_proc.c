/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/patience.h"
#include "tests/unit/io_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/proc.h"
#include "core/util/xmalloc.h"
#include "tests/valgrind.h"

struct run {
    int done, lines, exit_code, signal;
    size_t bytes, longest;
    bool failed, timed_out, canceled;
    struct error err;
    struct strbuf out, tail, text;
};

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct run *r = arg;
    r->done++;
    r->exit_code = res->exit_code;
    r->signal = res->signal;
    r->timed_out = res->timed_out;
    r->canceled = res->canceled;
    r->failed = err != NULL;
    r->err = err != NULL ? *err : ERROR_INIT;
    strbuf_add(&r->out, res->out->buf, res->out->len);
    strbuf_add(&r->tail, res->err_tail->buf, res->err_tail->len);
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct run *r = arg;
    r->lines++;
    r->bytes += len;
    r->longest = len > r->longest ? len : r->longest;
    assert_int_equal(line[len], '\0');
    if (r->text.len < 4096) {
        strbuf_addf(&r->text, "%s%.100s|", stream == PROC_STDERR ? "!" : "", line);
    }
}

static void on_data(void *arg, enum proc_stream stream, const char *data, size_t len)
{
    struct run *r = arg;
    (void)stream;
    (void)data;
    r->bytes += len;
}

static void run_init(struct run *r)
{
    *r = (struct run){.out = STRBUF_INIT, .tail = STRBUF_INIT, .text = STRBUF_INIT};
}

static void run_release(struct run *r)
{
    strbuf_release(&r->out);
    strbuf_release(&r->tail);
    strbuf_release(&r->text);
}

/* Starts a shell line with the given options. */
static struct proc *start(struct loop *loop, struct run *r, struct proc_opts o, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct proc *p = NULL;
    struct error err = ERROR_INIT;
    o.argv = argv;
    o.on_done = on_done;
    o.arg = r;
    if (proc_start(&p, loop, &o, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(r->done, 0);
    return p;
}

/* Starts and runs to its end; the caller releases the run. */
static void run(struct run *r, struct proc_opts o, const char *script)
{
    struct loop *loop = loop_new();
    run_init(r);
    start(loop, r, o, script);
    loop_run(loop);
    assert_int_equal(r->done, 1);
    assert_int_equal(loop_free(loop), 0);
}

static void test_output_and_codes(void **state)
{
    struct run r;
    (void)state;
    run(&r, (struct proc_opts){.capture_max_bytes = 5, .on_line = on_line},
        "printf 'a\\nbb\\n\\nlast'; echo e >/dev/stderr");
    assert_false(r.failed);
    assert_string_equal(r.out.buf, "a\nbb\n");
    assert_non_null(strstr(r.text.buf, "a|bb||"));
    assert_non_null(strstr(r.text.buf, "!e|"));
    assert_non_null(strstr(r.text.buf, "last|"));
    assert_string_equal(r.tail.buf, "e\n");
    run_release(&r);
    run(&r, (struct proc_opts){0}, "exit 7");
    assert_true(r.failed && r.exit_code == 7 && r.err.code == ERROR_EXIT && r.err.sys == 7);
    run_release(&r);
    run(&r, (struct proc_opts){0}, "kill -SEGV $$");
    assert_true(r.failed && r.signal == SIGSEGV && r.err.sys == 128 + SIGSEGV);
    run_release(&r);
}

static void test_input_env_cwd(void **state)
{
    struct run r;
    size_t len = 3u << 20;
    char *big = xmalloc(len);
    const char *env[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};
    (void)state;
    memset(big, 'x', len);
    run(&r, (struct proc_opts){.input = big, .input_len = len, .capture_max_bytes = 100}, "wc -c");
    assert_int_equal(strtol(r.out.buf, NULL, 10), (long)len);
    run_release(&r);
    /* A child that does not read its input is no failure of ours. */
    run(&r, (struct proc_opts){.input = big, .input_len = len}, "exit 0");
    assert_false(r.failed);
    run_release(&r);
    run(&r, (struct proc_opts){.input = "", .capture_max_bytes = 100}, "cat; echo end");
    assert_string_equal(r.out.buf, "end\n");
    run_release(&r);
    run(&r, (struct proc_opts){.capture_max_bytes = 100, .env = env, .cwd = "/usr"}, "cat; echo $ONLY $HOME; pwd");
    assert_string_equal(r.out.buf, "this\n/usr\n");
    run_release(&r);
    free(big);
}

static void test_cannot_start(void **state)
{
    struct loop *loop = loop_new();
    const char *none[] = {"/nonexistent/program", NULL}, *noexec[] = {"/etc/passwd", NULL}, *ok[] = {"true", NULL};
    const char *empty[] = {NULL};
    struct error err = ERROR_INIT;
    struct run r;
    struct proc_opts o = {.argv = none, .on_done = on_done, .arg = &r};
    (void)state;
    run_init(&r);
    assert_int_equal(proc_start(NULL, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    o.argv = noexec;
    assert_int_equal(proc_start(NULL, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    o.argv = ok;
    o.cwd = "/nonexistent";
    assert_int_equal(proc_start(NULL, loop, &o, &err), -1);
    assert_non_null(strstr(err.msg, "working directory"));
    o.cwd = NULL;
    o.argv = empty;
    assert_int_equal(proc_start(NULL, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    loop_run(loop);
    assert_int_equal(r.done, 0);
    assert_int_equal(loop_free(loop), 0);
}

static void test_long_lines_and_tail(void **state)
{
    struct run r;
    (void)state;
    run(&r, (struct proc_opts){.on_line = on_line},
        "head -c 200000 /dev/zero | tr '\\0' a; echo; head -c 20000 /dev/zero | tr '\\0' b >&2; printf '\\033[1mX' "
        ">&2");
    assert_int_equal(r.bytes, 200000 + 20000 + 5);
    assert_int_equal(r.longest, 64 << 10);
    assert_true(r.tail.len >= 4090 && r.tail.len <= 4100);
    assert_null(strchr(r.tail.buf, '\033'));
    run_release(&r);
}

static void test_100_mb(void **state)
{
    struct run r;
    (void)state;
    run(&r, (struct proc_opts){.on_data = on_data, .capture_max_bytes = 1000}, "head -c 100000000 /dev/zero");
    assert_int_equal(r.bytes, 100000000);
    assert_int_equal(r.out.len, 1000);
    run_release(&r);
}

static void test_timeout_kills_group(void **state)
{
    struct run r;
    uint64_t start_ms = clock_mono_ms();
    (void)state;
    /* The leader and its child ignore TERM: KILL must end both. */
    run(&r, (struct proc_opts){.timeout_ms = 100, .kill_grace_ms = 100, .capture_max_bytes = 100},
        "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $!; wait");
    assert_true(r.timed_out && r.err.code == ERROR_TIMEOUT);
    assert_true(clock_mono_ms() - start_ms < patience(5000));
    {
        pid_t grandchild = (pid_t)strtol(r.out.buf, NULL, 10);
        uint64_t end = clock_mono_ms() + patience(2000);
        char path[64], text[512] = "";
        assert_true(grandchild > 1);
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
        while (kill(grandchild, 0) == 0 && clock_mono_ms() < end) {
            int fd = open(path, O_RDONLY);
            ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
            text[n > 0 ? n : 0] = '\0';
            if (fd >= 0) {
                close(fd);
            }
            if (strstr(text, ") Z ") != NULL) { /* no init here to reap it: dead all the same */
                break;
            }
        }
        assert_true(kill(grandchild, 0) != 0 || strstr(text, ") Z ") != NULL);
    }
    run_release(&r);
}

static void test_cancel(void **state)
{
    struct loop *loop = loop_new();
    struct run r;
    struct proc *p;
    uint64_t start_ms = clock_mono_ms();
    (void)state;
    run_init(&r);
    p = start(loop, &r, (struct proc_opts){0}, "sleep 100; true");
    assert_true(proc_pid(p) > 1);
    proc_kill(p);
    proc_kill(p);
    assert_int_equal(r.done, 0);
    loop_run(loop);
    assert_true(r.done == 1 && r.canceled && r.err.code == ERROR_CANCELED);
    assert_true(clock_mono_ms() - start_ms < patience(1500));
    run_release(&r);
    assert_int_equal(loop_free(loop), 0);
}

static void test_grandchild_holds_pipe(void **state)
{
    struct run r;
    uint64_t start_ms = clock_mono_ms();
    (void)state;
    run(&r, (struct proc_opts){.capture_max_bytes = 100}, "echo before; sleep 3 &");
    assert_false(r.failed);
    assert_string_equal(r.out.buf, "before\n");
    assert_true(clock_mono_ms() - start_ms < patience(2000));
    run_release(&r);
}

static void test_descriptors_and_signals(void **state)
{
    struct run r;
    int stray = dup(2), fds[2], give[3];
    (void)state;
    assert_true(stray >= 0); /* on purpose without CLOEXEC: it must not get through */
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "gift\n", 5), 5);
    close(fds[1]);
    give[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    give[1] = fds[0];
    give[2] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    run(&r, (struct proc_opts){.inherit_fds = give, .inherit_fd_count = 3, .capture_max_bytes = 1000},
        "cat <&4; ls /proc/self/fd | tr '\\n' ' '; grep -E 'SigIgn|SigBlk' /proc/self/status");
    assert_non_null(strstr(r.out.buf, "gift\n"));
    assert_non_null(strstr(r.out.buf, "0 1 2 3 4 5 6 ")); /* 6 is ls reading the folder */
    assert_null(strstr(r.out.buf, " 7 "));
    assert_non_null(strstr(r.out.buf, "SigBlk:\t0000000000000000"));
    /* glibc's posix_spawn, which make uses, leaves its own signals 32 and 33 ignored, and nobody can change that. */
    assert_true(strstr(r.out.buf, "SigIgn:\t0000000000000000") || strstr(r.out.buf, "SigIgn:\t0000000180000000"));
    run_release(&r);
    close(stray);
    for (int i = 0; i < 3; i++) {
        close(give[i]);
    }
}

/* A failed exec is seen although the descriptors given would land on libuv's own error pipe. */
static void test_exec_fails_with_many_descriptors(void **state)
{
    struct loop *loop = loop_new();
    const char *argv[] = {"/nonexistent/program", NULL};
    int fds[40];
    struct error err = ERROR_INIT;
    struct proc_opts o = {.argv = argv, .inherit_fds = fds, .inherit_fd_count = 40};
    (void)state;
    for (int i = 0; i < 40; i++) {
        fds[i] = 2;
    }
    assert_int_equal(proc_start(NULL, loop, &o, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(loop_free(loop), 0);
}

static void test_detached_is_let_go(void **state)
{
    struct loop *loop = loop_new();
    struct run r;
    struct proc *p;
    int pid;
    (void)state;
    run_init(&r);
    p = start(loop, &r, (struct proc_opts){.detached = true}, "sleep 30");
    pid = proc_pid(p);
    assert_int_equal(getsid(pid), pid);
    proc_kill(p);
    turn_until(loop, r.done == 1, 2000);
    assert_int_equal(r.err.code, ERROR_CANCELED);
    assert_int_equal(kill(pid, 0), 0);
    kill(-pid, SIGKILL);
    turn_until(loop, kill(pid, 0) != 0 && errno == ESRCH, 3000); /* reaped although nobody owns it */
    run_release(&r);
    assert_int_equal(loop_free(loop), 0);
    /* And one that still runs when the loop goes. */
    loop = loop_new();
    run_init(&r);
    p = start(loop, &r, (struct proc_opts){.detached = true}, "sleep 30");
    pid = proc_pid(p);
    proc_kill(p);
    turn_until(loop, r.done == 1, 2000);
    run_release(&r);
    assert_int_equal(loop_free(loop), 0);
    kill(-pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Few files become enough, for children too; who has more keeps them. */
static void test_limit_of_files(void **state)
{
    struct rlimit before, now;
    struct loop *loop = loop_new();
    struct run r;
    const char *argv[] = {"/bin/sh", "-c", "ulimit -n", NULL};
    struct proc_opts o = {.argv = argv, .on_done = on_done, .on_line = on_line, .arg = &r};
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(before.rlim_max >= 300);
    now = (struct rlimit){.rlim_cur = 256, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    fd_raise_limit(300);
    fd_raise_limit(128);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, 300);
    run_init(&r);
    assert_int_equal(proc_start(NULL, loop, &o, NULL), 0);
    loop_run(loop);
    if (!on_valgrind()) { /* it has told us of a limit that only we have */
        assert_string_equal(r.text.buf, "300|");
    }
    run_release(&r);
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_1000_short(void **state)
{
    struct loop *loop = loop_new();
    struct run r;
    const char *argv[] = {"/bin/true", NULL};
    struct proc_opts o = {.argv = argv, .on_done = on_done, .arg = &r};
    int n = on_valgrind() ? 50 : 1000;
    (void)state;
    run_init(&r);
    for (int i = 0; i < n; i++) {
        assert_int_equal(proc_start(NULL, loop, &o, NULL), 0);
        if (i % 50 == 49) {
            loop_run(loop);
        }
    }
    loop_run(loop);
    assert_int_equal(r.done, n);
    run_release(&r);
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_output_and_codes),
                                       cmocka_unit_test(test_input_env_cwd),
                                       cmocka_unit_test(test_cannot_start),
                                       cmocka_unit_test(test_long_lines_and_tail),
                                       cmocka_unit_test(test_100_mb),
                                       cmocka_unit_test(test_timeout_kills_group),
                                       cmocka_unit_test(test_cancel),
                                       cmocka_unit_test(test_grandchild_holds_pipe),
                                       cmocka_unit_test(test_descriptors_and_signals),
                                       cmocka_unit_test(test_exec_fails_with_many_descriptors),
                                       cmocka_unit_test(test_detached_is_let_go),
                                       cmocka_unit_test(test_limit_of_files),
                                       cmocka_unit_test(test_1000_short)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
