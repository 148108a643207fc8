/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/lockfile.h"
#include "core/util/fs.h"
#include "core/util/paths.h"

struct want {
    struct lockfile *lock;
    int done, waits, holder;
    bool held;
    struct error err;
};

static void on_done(void *arg, const struct error *err)
{
    struct want *w = arg;
    w->done++;
    w->held = err == NULL;
    w->err = err != NULL ? *err : ERROR_INIT;
}

static void on_wait(void *arg, int holder)
{
    struct want *w = arg;
    w->waits++;
    w->holder = holder;
}

static void ask(struct want *w, struct loop *loop, enum lockfile_kind kind, const char *path, uint64_t timeout_ms)
{
    *w = (struct want){0};
    assert_int_equal(lockfile_acquire(&w->lock, loop, kind, path, timeout_ms, on_wait, on_done, w, NULL), 0);
    assert_int_equal(w->done + w->waits, 0);
}

/* A process that has ended and was reaped: its pid is nobody's. */
static int dead_pid(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return (int)pid;
}

static void put_pid(const char *path, int pid)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%d", pid);
    assert_int_equal(fs_write_atomic(path, text, (size_t)n, 0600, NULL), 0);
}

/* Two objects of one process, both kinds: one after the other, and the loser's going does not free the winner's. */
static void exclude_each_other(enum lockfile_kind kind)
{
    struct loop *loop = loop_new();
    char *dir = io_mkdir(), *path = path_join(dir, "lock");
    struct want a, b, c;
    pid_t pid;
    int status;

    ask(&a, loop, kind, path, 1000);
    turn_until(loop, a.done, 2000);
    assert_true(a.held);
    ask(&b, loop, kind, path, 5000);
    ask(&c, loop, kind, path, 300);
    turn_until(loop, b.waits && c.done, 3000);
    assert_int_equal(b.holder, (int)getpid());
    assert_false(c.held);
    assert_int_equal(c.err.code, ERROR_TIMEOUT);
    lockfile_release(c.lock);
    assert_int_equal(b.done, 0);
    if (kind == LOCKFILE_ADVISORY) { /* the kernel still shows our lock to others */
        pid = fork();
        if (pid == 0) {
            struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
            int fd = open(path, O_RDWR);
            _exit(fcntl(fd, F_SETLK, &fl) == 0 ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    lockfile_release(a.lock);
    turn_until(loop, b.done, 3000);
    assert_true(b.held);
    lockfile_release(b.lock);
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(fs_exists(path), kind == LOCKFILE_ADVISORY);
    free(path);
    io_rmdir(dir);
}

static void test_exclude_each_other(void **state)
{
    (void)state;
    exclude_each_other(LOCKFILE_PID);
    exclude_each_other(LOCKFILE_ADVISORY);
}

static void test_pid_file(void **state)
{
    struct loop *loop = loop_new();
    char *dir = io_mkdir(), *path = path_join(dir, "lock");
    struct strbuf text = STRBUF_INIT;
    struct strvec names = STRVEC_INIT;
    struct want a;
    (void)state;
    /* Taken over from the dead, and from a dead one that had our own number. */
    put_pid(path, dead_pid());
    ask(&a, loop, LOCKFILE_PID, path, 1000);
    turn_until(loop, a.done, 2000);
    assert_true(a.held);
    assert_int_equal(fs_read(path, 100, &text, NULL), 0);
    assert_int_equal(strtol(text.buf, NULL, 10), (long)getpid());
    lockfile_release(a.lock);
    put_pid(path, (int)getpid());
    ask(&a, loop, LOCKFILE_PID, path, 1000);
    turn_until(loop, a.done, 2000);
    assert_true(a.held);
    lockfile_release(a.lock);
    /* The living keep it, and are named. */
    put_pid(path, (int)getppid());
    ask(&a, loop, LOCKFILE_PID, path, 250);
    turn_until(loop, a.done, 2000);
    assert_int_equal(a.err.code, ERROR_TIMEOUT);
    assert_int_equal(a.waits, 1);
    assert_int_equal(a.holder, (int)getppid());
    lockfile_release(a.lock);
    assert_true(fs_exists(path));
    /* A release must not remove what has become another's. */
    assert_int_equal(unlink(path), 0);
    ask(&a, loop, LOCKFILE_PID, path, 250);
    turn_until(loop, a.held, 2000);
    put_pid(path, (int)getppid());
    lockfile_release(a.lock);
    assert_true(fs_exists(path));
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(fs_list(dir, &names, NULL), 0);
    assert_int_equal(names.len, 1); /* no temporary left */
    strvec_release(&names);
    strbuf_release(&text);
    free(path);
    io_rmdir(dir);
}

static void test_broken_pid_file(void **state)
{
    struct loop *loop = loop_new();
    char *dir = io_mkdir(), *path = path_join(dir, "lock");
    struct want a;
    (void)state;
    /* Empty and fresh: its maker may be about to write. */
    assert_int_equal(fs_write_atomic(path, "", 0, 0600, NULL), 0);
    ask(&a, loop, LOCKFILE_PID, path, 10000);
    turn_until(loop, a.waits, 2000);
    assert_int_equal(a.done, 0);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{.tv_sec = 1000}, {.tv_sec = 1000}}, 0), 0);
    turn_until(loop, a.done, 3000);
    assert_true(a.held);
    lockfile_release(a.lock);
    assert_int_equal(loop_free(loop), 0);
    free(path);
    io_rmdir(dir);
}

static void test_cancel_and_failure(void **state)
{
    struct loop *loop = loop_new();
    char *dir = io_mkdir(), *path = path_join(dir, "lock");
    struct want a, b;
    (void)state;
    put_pid(path, (int)getppid());
    ask(&a, loop, LOCKFILE_PID, path, 60000);
    turn_until(loop, a.waits, 2000);
    lockfile_release(a.lock);
    assert_int_equal(a.done, 0);
    turn_until(loop, a.done == 1, 2000);
    assert_int_equal(a.err.code, ERROR_CANCELED);
    for (int kind = LOCKFILE_PID; kind <= LOCKFILE_ADVISORY; kind++) {
        ask(&b, loop, (enum lockfile_kind)kind, "/nonexistent/dir/lock", 1000);
        turn_until(loop, b.done, 2000);
        assert_int_equal(b.err.code, ERROR_NOT_FOUND);
        lockfile_release(b.lock);
    }
    assert_int_equal(loop_free(loop), 0);
    free(path);
    io_rmdir(dir);
}

static void test_advisory_of_another_process(void **state)
{
    struct loop *loop = loop_new();
    char *dir = io_mkdir(), *path = path_join(dir, "lock");
    int ready[2];
    char byte;
    struct want a;
    pid_t pid;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        if (fcntl(fd, F_SETLK, &fl) == 0) {
            (void)!write(ready[1], "x", 1);
        }
        for (;;) {
            pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    ask(&a, loop, LOCKFILE_ADVISORY, path, 10000);
    turn_until(loop, a.waits, 2000);
    assert_int_equal(a.holder, (int)pid);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    turn_until(loop, a.done, 2000);
    assert_true(a.held);
    lockfile_release(a.lock);
    assert_int_equal(loop_free(loop), 0);
    close(ready[0]);
    close(ready[1]);
    free(path);
    io_rmdir(dir);
}

/* One try without waiting: held, told who holds it, and free again. */
static void try_without_waiting(enum lockfile_kind kind)
{
    struct loop *loop = loop_new();
    char *dir = io_mkdir(), *path = path_join(dir, "lock");
    struct lockfile *a = NULL, *b = NULL;
    struct error err = ERROR_INIT;
    int holder = 0;

    assert_int_equal(lockfile_try(&a, loop, kind, path, &holder, &err), 0);
    assert_non_null(a);
    assert_int_equal(lockfile_try(&b, loop, kind, path, &holder, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(holder, (int)getpid());
    assert_null(b);
    lockfile_release(a);
    assert_int_equal(lockfile_try(&b, loop, kind, path, NULL, NULL), 0);
    lockfile_release(b);
    err = ERROR_INIT;
    assert_int_equal(lockfile_try(&b, loop, kind, "/no/such/folder/lock", &holder, &err), -1);
    assert_int_equal(err.sys, ENOENT);
    assert_int_equal(loop_free(loop), 0);
    free(path);
    io_rmdir(dir);
}

static void test_try(void **state)
{
    (void)state;
    try_without_waiting(LOCKFILE_PID);
    try_without_waiting(LOCKFILE_ADVISORY);
}

/* Eight processes see one dead holder at once, again and again: never two inside. The guard is a folder that only one
 * can make. */
static void test_takeover_race(void **state)
{
    char *dir = io_mkdir(), *path = path_join(dir, "lock"), *guard = path_join(dir, "guard");
    pid_t kids[8];
    int status;
    (void)state;
    for (int round = 0; round < 5; round++) {
        put_pid(path, dead_pid());
        for (int i = 0; i < 8; i++) {
            kids[i] = fork();
            if (kids[i] == 0) {
                struct loop *loop = loop_new();
                struct want a = {0};
                lockfile_acquire(&a.lock, loop, LOCKFILE_PID, path, 8000, NULL, on_done, &a, NULL);
                while (!a.done) {
                    loop_turn(loop, true);
                }
                if (!a.held || mkdir(guard, 0700) != 0) {
                    _exit(1);
                }
                usleep(2000);
                if (rmdir(guard) != 0) {
                    _exit(2);
                }
                lockfile_release(a.lock);
                _exit(0);
            }
        }
        for (int i = 0; i < 8; i++) {
            assert_int_equal(waitpid(kids[i], &status, 0), kids[i]);
            assert_int_equal(status, 0);
        }
    }
    free(guard);
    free(path);
    io_rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exclude_each_other),
                                       cmocka_unit_test(test_pid_file),
                                       cmocka_unit_test(test_broken_pid_file),
                                       cmocka_unit_test(test_cancel_and_failure),
                                       cmocka_unit_test(test_advisory_of_another_process),
                                       cmocka_unit_test(test_takeover_race),
                                       cmocka_unit_test(test_try)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
