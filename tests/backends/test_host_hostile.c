/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and cockpits among clients, sockets and directories that are not as they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "term/proto.h"
#include "term/session_dir.h"
#include "tests/backends/host_rig.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/skip.h"

static struct rig rig;
static struct rig_client a;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (a.s != NULL) {
        rig_client_close(&a);
    }
    rig_close(&rig);
    return 0;
}

/* Starts a shell and looks at it. */
static const char *shell(void)
{
    const char *id = rig_start(&a, NULL);

    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_expect(&a, id, "PROMPT>");
    return id;
}

/* --- clients --- */

static int raw_connect(const char *id)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char *path = session_dir_socket(rig.dir, id);
    int fd = self_socket(AF_UNIX, SOCK_STREAM, false);

    assert_int_equal(str_copy(sa.sun_path, sizeof(sa.sun_path), path), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    free(path);
    return fd;
}

/* Sends what the socket takes. */
static void raw_send(int fd, uint8_t type, const void *data, size_t len)
{
    struct strbuf b = STRBUF_INIT;

    wire_put(&b, len + 1, 4);
    wire_put(&b, type, 1);
    strbuf_add(&b, data, len);
    (void)!send(fd, b.buf, b.len, MSG_NOSIGNAL);
    strbuf_release(&b);
}

static void raw_hello(int fd)
{
    struct strbuf b = STRBUF_INIT;

    proto_put_hello(&b, "test");
    raw_send(fd, PROTO_HELLO, b.buf, b.len);
    strbuf_release(&b);
}

/* All but DISMISS, KILL, SIGNAL, INPUT, which are allowed to do something. */
static bool is_harmless(uint8_t type)
{
    return type != PROTO_DISMISS && type != PROTO_KILL && type != PROTO_SIGNAL && type != PROTO_INPUT;
}

static void test_garbage(void **state)
{
    const char *id = shell();
    uint32_t seed = 7;

    (void)state;
    for (int round = 0; round < 60; round++) {
        int fd = raw_connect(id);
        uint8_t junk[3000];

        for (size_t i = 0; i < sizeof(junk); i++) {
            seed = seed * 1664525u + 1013904223u;
            junk[i] = (uint8_t)(seed >> 24);
        }
        if (round % 3 == 0) {
            (void)!send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
        } else if (round % 3 == 1) {
            raw_hello(fd);
        }
        for (int k = 0; k < 20 && round % 3 != 0; k++) {
            if (is_harmless(junk[k] % 40)) {
                raw_send(fd, junk[k] % 40, junk + k, junk[100 + k] % 40);
            }
        }
        rig_turn(&rig, 5);
        close(fd);
    }
    sessions_view(a.s, id, 80, 24, NULL);
    rig_type(&a, id, "\025echo fine=$((5+5))\r");
    rig_expect(&a, id, "fine=10");
}

/* One that asks and asks and never reads: bounded memory, and the others do not notice. */
static void test_client_that_does_not_read(void **state)
{
    const char *id = shell();
    int fd = raw_connect(id), pid = sessions_find(a.s, id)->host_pid;
    struct strbuf b = STRBUF_INIT;
    struct proto_history h = {.id = 1, .first = 0, .count = 100000, .cols = 200};
    long before;

    (void)state;
    rig_type(&a, id, "seq 1 9000; echo fil''led\r");
    rig_expect(&a, id, "filled");
    before = rig_proc_status(pid, "VmRSS:");
    raw_hello(fd);
    proto_put_size(&b, (struct proto_size){80, 24});
    raw_send(fd, PROTO_VIEW, b.buf, b.len);
    strbuf_clear(&b);
    proto_put_history(&b, &h);
    for (int round = 0; round < 50; round++) {
        for (int k = 0; k < 200; k++) {
            raw_send(fd, PROTO_HISTORY, b.buf, b.len);
        }
        rig_turn(&rig, 10);
    }
    rig_type(&a, id, "yes | head -n 100000; echo en''ough\r");
    rig_expect(&a, id, "enough");
    print_message("host memory with a client that does not read: %ld -> %ld KiB\n", before,
                  rig_proc_status(pid, "VmRSS:"));
    assert_true(rig_proc_status(pid, "VmRSS:") < before + 64 * 1024);
    close(fd);
    strbuf_release(&b);
    rig_type(&a, id, "echo good=$((6+6))\r");
    rig_expect(&a, id, "good=12");
}

static void test_too_many_clients(void **state)
{
    const char *id = shell();
    int fds[60];

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(fds); i++) {
        fds[i] = raw_connect(id);
        rig_turn(&rig, 1);
    }
    rig_type(&a, id, "echo ok=$((7+7))\r");
    rig_expect(&a, id, "ok=14");
    for (size_t i = 0; i < MT_ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    rig_type(&a, id, "echo and=$((8+8))\r");
    rig_expect(&a, id, "and=16");
}

/* --- sockets --- */

/* Leaves a bound socket file; listening (the descriptor is returned) or dead (-1). */
static int leave_socket(const char *name, bool listening)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = self_socket(AF_UNIX, SOCK_STREAM, false);

    str_format(sa.sun_path, sizeof(sa.sun_path), "%s/%s.sock", rig.dir, name);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    if (listening) {
        assert_int_equal(listen(fd, 5), 0);
        return fd;
    }
    close(fd);
    return -1;
}

static void test_dead_socket_is_swept(void **state)
{
    char *path = session_dir_socket(rig.dir, "dead-shell-1"), *other = path_join(rig.dir, "note.sock");

    (void)state;
    rig_expect_count(&a, 0);
    leave_socket("dead-shell-1", false);
    assert_int_equal(fs_append(other, "x", 1, 0600, NULL), 0); /* no socket: not ours to remove */
    assert_true(rig_wait_path(&rig, path, false));
    assert_true(fs_exists(other));
    assert_int_equal(a.added, 0);
    free(path);
    free(other);
}

static void test_foreign_socket(void **state)
{
    char *path = session_dir_socket(rig.dir, "foreign-shell-1");
    uint64_t problems;
    int fd;

    (void)state;
    if (geteuid() != 0) {
        free(path);
        skip_because("only root can give a file away");
    }
    rig_client_close(&a);
    fd = leave_socket("foreign-shell-1", true);
    assert_int_equal(chown(path, 12345, 12345), 0);
    problems = log_problem_count();
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 0);
    assert_int_equal(log_problem_count(), problems + 1); /* said once */
    rig_start(&a, "sleep 100");                          /* scans again */
    assert_int_equal(log_problem_count(), problems + 1);
    assert_int_equal(sessions_count(a.s), 1);
    assert_true(fs_exists(path));
    close(fd);
    unlink(path);
    free(path);
}

static bool is_connected(void *arg)
{
    return accept(*(int *)arg, NULL, NULL) >= 0;
}

/* More wait for a host than it lets wait, as it is stopped or late: once it goes on it is found, and no trouble told.
 */
static void test_busy_socket(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char *path = session_dir_socket(rig.dir, "demo-shell-busy");
    int fd = self_socket(AF_UNIX, SOCK_STREAM, true), waiting[16], count = 0;

    (void)state;
    assert_int_equal(str_copy(sa.sun_path, sizeof(sa.sun_path), path), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (bool room = true; room; count += room ? 1 : 0) {
        assert_true(count < (int)MT_ARRAY_LEN(waiting));
        waiting[count] = self_socket(AF_UNIX, SOCK_STREAM, true);
        room = connect(waiting[count], (struct sockaddr *)&sa, sizeof(sa)) == 0;
    }
    close(waiting[count]);
    rig_turn(&rig, 300); /* the cockpit has tried */
    while (count > 0) {
        int one = accept(fd, NULL, NULL);

        assert_true(one >= 0);
        close(one);
        close(waiting[--count]);
    }
    assert_int_equal(accept(fd, NULL, NULL), -1); /* it was none of those */
    assert_true(rig_wait(&rig, is_connected, &fd, RIG_WAIT_MS));
    close(fd);
    unlink(path);
    free(path);
}

/* One that listens, and says nothing: the scan does not wait for it. */
static void test_silent_socket(void **state)
{
    uint64_t start = clock_mono_ms();
    int fd;

    (void)state;
    rig_client_close(&a);
    fd = leave_socket("silent-shell-1", true);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 0);
    assert_true(clock_mono_ms() - start >= 900 && clock_mono_ms() - start < patience(5000));
    close(fd);
}

/* A host that speaks nonsense is left alone after a few tries, without a storm of connections. */
static void test_nonsense_host(void **state)
{
    int fd, clients = 0;

    (void)state;
    rig_client_close(&a);
    fd = leave_socket("nonsense-shell-1", true);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rig_client_open(&a, &rig);
    for (int n = 0; n < 150; n++) {
        int c = accept(fd, NULL, NULL);

        if (c >= 0) {
            clients++;
            (void)!send(c, "\5\0\0\0\2{}{}", 9, MSG_NOSIGNAL);
            rig_turn(&rig, 5);
            close(c);
        }
        rig_turn(&rig, 10);
    }
    assert_in_range(clients, 1, 3);
    assert_int_equal(sessions_count(a.s), 0);
    close(fd);
}

/* Someone cleans the directory: the host binds its name again, and a new cockpit finds it. */
static void test_socket_deleted(void **state)
{
    struct rig_client b;
    const char *id = shell();
    char *path = session_dir_socket(rig.dir, id);
    struct stat st;

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_true(rig_wait_path(&rig, path, true));
    rig_client_open(&b, &rig);
    rig_expect_count(&b, 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    rig_type(&a, id, "echo same=$((4+5))\r"); /* who was attached did not notice */
    rig_expect(&a, id, "same=9");
    rig_client_close(&b);
    free(path);
}

/* --- directories --- */

static void test_directory_mode(void **state)
{
    struct stat st;

    (void)state;
    rig_client_close(&a);
    assert_int_equal(chmod(rig.dir, 0755), 0);
    rig_client_open(&a, &rig);
    assert_int_equal(stat(rig.dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_directory_unusable(void **state)
{
    static const struct sessions_events NONE;
    char *file = path_join(rig.base, "file"), *below = path_join(file, "x"), *link = path_join(rig.base, "link");
    struct sessions *s = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(fs_append(file, "x", 1, 0600, NULL), 0);
    assert_int_equal(symlink(rig.dir, link), 0);
    assert_int_equal(sessions_open(&s, rig.loop, file, &NONE, NULL, &err), -1);
    assert_int_equal(sessions_open(&s, rig.loop, below, &NONE, NULL, &err), -1);
    assert_int_equal(sessions_open(&s, rig.loop, link, &NONE, NULL, &err), -1); /* may be turned elsewhere */
    assert_true(err.msg[0] != '\0');
    free(file);
    free(below);
    free(link);
}

static void test_directory_deleted(void **state)
{
    struct rig_client b;
    const char *id = shell();
    char *path = session_dir_socket(rig.dir, id);
    int rc = -1;

    (void)state;
    /* The host may put its socket back between two steps of the removal, which then finds the folder not empty. */
    for (uint64_t end = clock_mono_ms() + patience(10000); rc != 0 && clock_mono_ms() < end;) {
        rc = fs_remove_tree(rig.dir, NULL);
    }
    assert_int_equal(rc, 0);
    assert_true(rig_wait_path(&rig, path, true));
    rig_client_open(&b, &rig);
    rig_expect_count(&b, 1);
    assert_non_null(sessions_find(b.s, id));
    rig_client_close(&b);
    free(path);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_garbage),
        T(test_client_that_does_not_read),
        T(test_too_many_clients),
        T(test_dead_socket_is_swept),
        T(test_foreign_socket),
        T(test_silent_socket),
        T(test_busy_socket),
        T(test_nonsense_host),
        T(test_socket_deleted),
        T(test_directory_mode),
        T(test_directory_unusable),
        T(test_directory_deleted),
    };

    return cmocka_run_group_tests_name("host_hostile", tests, NULL, NULL);
}
