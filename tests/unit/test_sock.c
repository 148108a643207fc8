/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/sock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/skip.h"

struct end {
    struct sock *sock;
    int frames, drains, closes, last_type;
    size_t bytes;
    unsigned sum;
    struct error err;
    int passed; /* the last descriptor that came */
    bool echo, pause_each, close_on_frame;
};

struct world {
    struct loop *loop;
    char *dir, *path;
    struct sock_server *server;
    struct end a, b; /* a: the server's side, b: the client's */
    int clients;
};

static void on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
    struct end *e = arg;
    e->frames++;
    e->bytes += len;
    e->last_type = type;
    if (type == 2) {
        e->passed = sock_take_fd(e->sock);
    }
    for (size_t i = 0; i < len; i++) {
        e->sum = e->sum * 31 + data[i];
    }
    if (e->echo) {
        sock_send(e->sock, type, data, len);
    }
    if (e->pause_each) {
        sock_pause(e->sock, true);
    }
    if (e->close_on_frame) {
        sock_close(e->sock);
        e->sock = NULL;
    }
}

static void on_drain(void *arg)
{
    struct end *e = arg;
    e->drains++;
}

static void on_close(void *arg, const struct error *err)
{
    struct end *e = arg;
    e->closes++;
    e->err = *err;
    sock_close(e->sock);
    e->sock = NULL;
}

static const struct sock_events EVENTS = {.on_frame = on_frame, .on_drain = on_drain, .on_close = on_close};

static void on_client(void *arg, struct sock *client)
{
    struct world *w = arg;
    w->clients++;
    w->a.sock = client;
    sock_set_events(client, &EVENTS, &w->a);
}

/* A server, without a client yet. */
static void open_world(struct world *w)
{
    struct error err = ERROR_INIT;
    *w = (struct world){.loop = loop_new(), .dir = io_mkdir()};
    w->path = path_join(w->dir, "s");
    if (sock_listen(&w->server, w->loop, w->path, on_client, w, &err) != 0) {
        fail_msg("%s", err.msg);
    }
}

static void connect_b(struct world *w)
{
    struct error err = ERROR_INIT;
    if (sock_connect(&w->b.sock, w->loop, w->path, &EVENTS, &w->b, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    turn_until(w->loop, w->clients == 1, 2000);
}

static void close_world(struct world *w)
{
    sock_close(w->a.sock);
    sock_close(w->b.sock);
    sock_server_close(w->server);
    assert_int_equal(loop_free(w->loop), 0);
    assert_false(fs_exists(w->path));
    free(w->path);
    io_rmdir(w->dir);
}

/* A plain descriptor to the server, for bytes that no sock would send. */
static int raw_connect(const struct world *w)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(snprintf(un.sun_path, sizeof(un.sun_path), "%s", w->path), (int)strlen(w->path));
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

static void test_round_trip(void **state)
{
    struct world w;
    struct stat st;
    (void)state;
    open_world(&w);
    assert_int_equal(stat(w.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    connect_b(&w);
    w.a.echo = true;
    assert_int_equal(sock_send(w.b.sock, 7, "hello", 5), 0);
    assert_int_equal(w.b.drains, 0);
    sock_send(w.b.sock, 200, NULL, 0);
    turn_until(w.loop, w.b.frames == 2 && w.b.drains > 0, 2000);
    assert_int_equal(w.b.bytes, 5);
    assert_int_equal(w.b.last_type, 200);
    close_world(&w);
}

/* A descriptor comes with its frame to who wants any, and nothing stays open elsewhere. */
static void test_descriptor(void **state)
{
    struct world w;
    int pipes[2];
    char byte = 0;
    (void)state;
    open_world(&w);
    connect_b(&w);
    turn_until(w.loop, w.a.sock != NULL, 2000);
    for (int round = 0; round < 2; round++) {
        int frames = w.b.frames;
        assert_int_equal(pipe(pipes), 0);
        sock_send(w.a.sock, 1, "before", 6);
        assert_int_equal(sock_send_fd(w.a.sock, 2, "with", 4, pipes[1]), 0);
        sock_send(w.a.sock, 3, "behind", 6);
        close(pipes[1]);
        turn_until(w.loop, w.b.frames == frames + 3, 2000);
        if (round == 0) {
            assert_int_equal(read(pipes[0], &byte, 1), 0); /* not asked for: closed already */
            sock_accept_fds(w.b.sock);
        } else {
            assert_true(w.b.passed > 2);
            assert_int_equal(fcntl(w.b.passed, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
            assert_int_equal(write(w.b.passed, "x", 1), 1);
            assert_int_equal(read(pipes[0], &byte, 1), 1);
            close(w.b.passed);
        }
        close(pipes[0]);
    }
    close_world(&w);
}

static void test_large_and_many(void **state)
{
    struct world w;
    size_t len = SOCK_FRAME_MAX - 1;
    char *big = xmalloc(len);
    (void)state;
    for (size_t i = 0; i < len; i++) {
        big[i] = (char)(i * 7 + i / 251);
    }
    open_world(&w);
    connect_b(&w);
    w.a.echo = true;
    assert_true(sock_send(w.b.sock, 1, big, len) > 0);
    for (int i = 0; i < 2000; i++) {
        sock_send(w.b.sock, 2, big, 100);
    }
    turn_until(w.loop, w.b.frames == 2001, 20000);
    assert_int_equal(w.b.bytes, len + 200000);
    assert_int_equal(w.a.sum, w.b.sum);
    turn_until(w.loop, w.b.drains > 0, 2000);
    /* One byte more is refused at the sender. */
    sock_send(w.b.sock, 1, big, len + 1);
    turn_until(w.loop, w.b.closes == 1 && w.a.closes == 1, 2000);
    assert_int_equal(w.b.err.code, ERROR_INVALID);
    free(big);
    close_world(&w);
}

static void test_pieces_and_hostile(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum error_code code;
    } bad[] = {
        {"\0\0\0\0", 4, ERROR_PARSE},           /* no type */
        {"\xff\xff\xff\xff\1", 5, ERROR_PARSE}, /* 4 GiB */
        {"\1\0\x40\0\1", 5, ERROR_PARSE},       /* one above the limit */
        {"\5\0\0\0\1ab", 7, ERROR_UNAVAILABLE}, /* ends in the middle */
        {"\5\0", 2, ERROR_UNAVAILABLE},         {"", 0, ERROR_UNAVAILABLE},
    };
    struct world w;
    int fd;
    (void)state;
    open_world(&w);
    fd = raw_connect(&w);
    turn_until(w.loop, w.clients == 1, 2000);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(write(fd, &"\4\0\0\0\x09xyz"[i], 1), 1);
        loop_turn(w.loop, false);
    }
    turn_until(w.loop, w.a.frames == 1, 2000);
    assert_int_equal(w.a.last_type, 9);
    assert_int_equal(w.a.bytes, 3);
    close(fd);
    turn_until(w.loop, w.a.closes == 1, 2000);
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        w.clients = 0;
        w.a = (struct end){0};
        fd = raw_connect(&w);
        turn_until(w.loop, w.clients == 1, 2000);
        assert_int_equal(write(fd, bad[i].bytes, bad[i].len), (ssize_t)bad[i].len);
        if (bad[i].code == ERROR_UNAVAILABLE) {
            close(fd);
        }
        turn_until(w.loop, w.a.closes == 1, 2000);
        assert_int_equal(w.a.err.code, bad[i].code);
        assert_int_equal(w.a.frames, 0);
        if (bad[i].code != ERROR_UNAVAILABLE) {
            close(fd);
        }
    }
    close_world(&w);
}

static void test_pause(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    connect_b(&w);
    w.a.pause_each = true;
    for (int i = 0; i < 5; i++) {
        sock_send(w.b.sock, 1, "x", 1);
    }
    for (int i = 1; i <= 5; i++) {
        turn_until(w.loop, w.a.frames == i, 2000);
        io_turn_for(w.loop, 20);
        assert_int_equal(w.a.frames, i);
        sock_pause(w.a.sock, false);
        assert_int_equal(w.a.frames, i); /* never inside the call */
    }
    close_world(&w);
}

static void test_slow_reader_is_cut(void **state)
{
    struct world w;
    char *block = xcalloc(1, 1 << 20);
    size_t queued = 0, most = 0;
    (void)state;
    open_world(&w);
    connect_b(&w);
    sock_pause(w.a.sock, true);
    for (int i = 0; i < 40; i++) {
        queued = sock_send(w.b.sock, 1, block, 1 << 20);
        most = queued > most ? queued : most;
    }
    assert_true(most <= 16u << 20);
    assert_int_equal(queued, 0);
    assert_int_equal(w.b.closes, 0);
    turn_until(w.loop, w.b.closes == 1, 2000);
    assert_non_null(strstr(w.b.err.msg, "does not read"));
    free(block);
    close_world(&w);
}

/* A child's end: valgrind would replace an exit status by its own, a signal it leaves. */
static void end_child(bool ok)
{
    if (ok) {
        kill(getpid(), SIGKILL);
    }
    _exit(1);
}

static void assert_child_ok(int status)
{
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_close_flushes(void **state)
{
    struct world w;
    char *block = xcalloc(1, 1 << 20);
    (void)state;
    open_world(&w);
    connect_b(&w);
    for (int i = 0; i < 3; i++) {
        sock_send(w.b.sock, 1, block, 1 << 18);
    }
    assert_true(sock_queued(w.b.sock) > 0);
    sock_close(w.b.sock);
    w.b.sock = NULL;
    turn_until(w.loop, w.a.closes == 1, 3000);
    assert_int_equal(w.a.frames, 3);
    /* To one who does not read: bounded. */
    w.clients = 0;
    connect_b(&w);
    sock_pause(w.a.sock, true);
    sock_send(w.b.sock, 1, block, 1 << 20);
    sock_close(w.b.sock);
    w.b.sock = NULL;
    free(block);
    close_world(&w);
}

/* What the peer said before it went is heard, even when our own write meets the closed end first. */
static void test_last_words(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    connect_b(&w);
    sock_send(w.b.sock, 3, "bye", 3);
    sock_close(w.b.sock);
    w.b.sock = NULL;
    for (int i = 0; i < 20; i++) {
        sock_send(w.a.sock, 1, "x", 1);
    }
    turn_until(w.loop, w.a.closes == 1, 2000);
    assert_int_equal(w.a.frames, 1);
    assert_int_equal(w.a.last_type, 3);
    w.clients = 0;
    connect_b(&w);
    w.a.close_on_frame = true;
    sock_send(w.b.sock, 3, "a", 1);
    sock_send(w.b.sock, 3, "b", 1);
    turn_until(w.loop, w.b.closes == 1, 2000);
    assert_int_equal(w.a.frames, 2);
    close_world(&w);
}

static void test_addresses(void **state)
{
    struct world w;
    struct sock_server *second = NULL;
    struct sock *s = NULL;
    struct error err = ERROR_INIT;
    char *other;
    int fd, status;
    pid_t pid;
    (void)state;
    open_world(&w);
    assert_int_equal(sock_listen(&second, w.loop, w.path, on_client, &w, &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    other = path_join(w.dir, "none");
    assert_int_equal(sock_connect(&s, w.loop, other, &EVENTS, &w.b, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(fs_write_atomic(other, "file", 4, 0600, NULL), 0);
    assert_int_equal(sock_listen(&second, w.loop, other, on_client, &w, &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_true(fs_exists(other));
    assert_int_equal(unlink(other), 0);
    /* A dead process's socket. */
    pid = fork();
    if (pid == 0) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", other);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        end_child(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(fd, 1) == 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_child_ok(status);
    assert_int_equal(sock_connect(&s, w.loop, other, &EVENTS, &w.b, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_int_equal(sock_listen(&second, w.loop, other, on_client, &w, &err), 0);
    sock_server_close(second);
    assert_false(fs_exists(other));
    /* Another uid's (only root can make one). */
    if (geteuid() == 0) {
        assert_int_equal(sock_listen(&second, w.loop, other, on_client, &w, &err), 0);
        assert_int_equal(chown(other, 12345, 12345), 0);
        assert_int_equal(sock_connect(&s, w.loop, other, &EVENTS, &w.b, &err), -1);
        assert_int_equal(err.code, ERROR_DENIED);
        assert_non_null(strstr(err.msg, "12345"));
        sock_server_close(second);
    }
    free(other);
    close_world(&w);
}

/* A peer of another uid gets nothing read, nothing sent (only root can play both). */
static void test_foreign_peer(void **state)
{
    struct world w;
    pid_t pid;
    int status = -1;
    bool gone = false;
    (void)state;
    if (geteuid() != 0) {
        skip_because("only root can play two users");
    }
    open_world(&w);
    assert_int_equal(chmod(w.path, 0666), 0);
    assert_int_equal(chmod(w.dir, 0755), 0);
    pid = fork();
    if (pid == 0) {
        char byte;
        int fd;
        if (setuid(12345) != 0) {
            end_child(false);
        }
        fd = raw_connect(&w);
        (void)!write(fd, "\1\0\0\0\1", 5);
        end_child(read(fd, &byte, 1) <= 0);
    }
    turn_until(w.loop, gone || (gone = waitpid(pid, &status, WNOHANG) == pid), 5000);
    assert_child_ok(status);
    assert_int_equal(w.clients, 0);
    close_world(&w);
}

static void test_long_path(void **state)
{
#if defined(__linux__)
    struct world w = {.loop = loop_new(), .dir = io_mkdir()};
    char name[201];
    char *deep;
    struct error err = ERROR_INIT;
    (void)state;
    memset(name, 'd', 200);
    name[200] = '\0';
    deep = path_join(w.dir, name);
    assert_int_equal(fs_mkdirs(deep, 0700, NULL), 0);
    w.path = path_join(deep, "s");
    assert_int_equal(sock_listen(&w.server, w.loop, w.path, on_client, &w, &err), 0);
    connect_b(&w);
    w.a.echo = true;
    sock_send(w.b.sock, 5, "x", 1);
    turn_until(w.loop, w.b.frames == 1, 2000);
    free(deep);
    close_world(&w);
#else
    (void)state;
    skip_because("Linux only");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_large_and_many),
                                       cmocka_unit_test(test_pieces_and_hostile), cmocka_unit_test(test_pause),
                                       cmocka_unit_test(test_slow_reader_is_cut), cmocka_unit_test(test_close_flushes),
                                       cmocka_unit_test(test_last_words),         cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_foreign_peer),       cmocka_unit_test(test_long_path),
                                       cmocka_unit_test(test_descriptor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
