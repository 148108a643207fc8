/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"

struct seen {
    int events, calls, signum;
    char name[64];
};

static void on_ready(void *arg, int events)
{
    struct seen *s = arg;
    s->events |= events;
    s->calls++;
}

static void on_dir(void *arg, const char *name)
{
    struct seen *s = arg;
    if (name != NULL && strcmp(name, "b") == 0) {
        s->calls++;
    }
}

static void on_signal(void *arg, int signum)
{
    struct seen *s = arg;
    s->signum = signum;
    s->calls++;
}

static void test_read_write_hangup_pause(void **state)
{
    struct loop *loop = loop_new();
    struct seen s = {0};
    struct watch *w;
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    w = watch_new(loop, fds[0], on_ready, &s, NULL);
    assert_non_null(w);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0); /* the owner's flags are left alone */
    assert_false(loop_turn(loop, false));
    watch_set(w, WATCH_WRITE);
    turn_until(loop, s.events & WATCH_WRITE, 2000);
    assert_int_equal(s.events, WATCH_WRITE);
    watch_set(w, 0);
    s = (struct seen){0};
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_turn(loop, false);
    assert_int_equal(s.calls, 0);
    watch_set(w, WATCH_READ);
    turn_until(loop, s.events & WATCH_READ, 2000);
    watch_set(w, WATCH_HANGUP);
    close(fds[1]);
    turn_until(loop, s.events & WATCH_HANGUP, 2000);
    watch_close(w);
    close(fds[0]);
    assert_int_equal(loop_free(loop), 0);
}

static void test_cannot_watch(void **state)
{
    struct loop *loop = loop_new();
    struct error err = ERROR_INIT;
    char *dir = io_mkdir(), *path = path_join(dir, "f");
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    struct seen s = {0};
    (void)state;
    assert_null(watch_new(loop, fd, on_ready, &s, &err));
    assert_true(err.code != ERROR_NONE);
    close(fd);
    err = ERROR_INIT;
    assert_null(watch_new(loop, -1, on_ready, &s, &err));
    assert_true(err.code != ERROR_NONE);
    err = ERROR_INIT;
    assert_null(dirwatch_new(loop, path, on_dir, &s, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    err = ERROR_INIT;
    assert_null(dirwatch_new(loop, "/nonexistent/x", on_dir, &s, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    free(path);
    io_rmdir(dir);
    assert_int_equal(loop_free(loop), 0);
}

static void test_directory(void **state)
{
    struct loop *loop = loop_new();
    struct seen s = {0};
    char *dir = io_mkdir(), *a = path_join(dir, "a"), *b = path_join(dir, "b");
    struct dirwatch *d;
    (void)state;
    assert_int_equal(fs_write_atomic(a, "1", 1, 0600, NULL), 0);
    d = dirwatch_new(loop, dir, on_dir, &s, NULL);
    assert_non_null(d);
    assert_int_equal(rename(a, b), 0);
    turn_until(loop, s.calls > 0, 3000);
    io_turn_for(loop, 30);
    s.calls = 0;
    assert_int_equal(unlink(b), 0);
    turn_until(loop, s.calls > 0, 3000);
    dirwatch_close(d);
    dirwatch_close(NULL);
    free(a);
    free(b);
    io_rmdir(dir);
    assert_int_equal(loop_free(loop), 0);
}

static void test_signal(void **state)
{
    struct loop *loop = loop_new();
    struct seen s = {0}, t = {0};
    struct signal_watch *w = signal_watch_new(loop, SIGUSR1, on_signal, &s, NULL);
    struct signal_watch *x = signal_watch_new(loop, SIGUSR1, on_signal, &t, NULL);
    struct error err = ERROR_INIT;
    (void)state;
    assert_non_null(w);
    assert_null(signal_watch_new(loop, SIGKILL, on_signal, &s, &err));
    assert_true(err.code != ERROR_NONE);
    raise(SIGUSR1);
    assert_int_equal(s.calls, 0);
    turn_until(loop, s.calls == 1 && t.calls == 1, 2000);
    assert_int_equal(s.signum, SIGUSR1);
    signal_watch_close(w);
    signal_watch_close(x);
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read_write_hangup_pause),
                                       cmocka_unit_test(test_cannot_watch), cmocka_unit_test(test_directory),
                                       cmocka_unit_test(test_signal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
