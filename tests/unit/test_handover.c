/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/handover.h"

#if defined(__linux__)

static int master_fd;
static int pair[2], life[2];

static int setup(void **state)
{
    (void)state;
    master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    return master_fd >= 0 && handover_pair(pair) == 0 &&
                   socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, life) == 0
               ? 0
               : -1;
}

static int teardown(void **state)
{
    const int fds[] = {master_fd, pair[0], pair[1], life[0], life[1]};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        close(fds[i]);
    }
    return 0;
}

/* The lowest free descriptor: the same before and after means that nothing stayed open. */
static int lowest(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

static void test_taken(void **state)
{
    struct handover give = {.master = master_fd, .lifeline = life[1], .gone_code = 125}, got;
    (void)state;
    assert_int_equal(handover_take(pair[0], &got), 0);
    memset(give.gone_text, 'x', sizeof(give.gone_text) - 1);
    assert_int_equal(handover_give(pair[1], &give, NULL), 0);
    assert_int_equal(handover_take(pair[0], &got), 1);
    assert_true(handover_is_master(got.master));
    assert_int_equal(fcntl(got.master, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(got.lifeline, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(got.master, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(got.lifeline, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(got.gone_code, 125);
    assert_string_equal(got.gone_text, give.gone_text);
    close(got.master);
    close(got.lifeline);
    assert_int_equal(handover_take(pair[0], &got), 0);
    close(pair[1]);
    assert_int_equal(handover_take(pair[0], &got), -1);
    pair[1] = dup(pair[0]);
}

/* Each of these is not what it should be, is refused, and leaves no descriptor behind. */
static void test_refused(void **state)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), stream[2], pipes[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    char *slave_name = ptsname(master_fd);
    assert_int_equal(unlockpt(master_fd), 0);
    int slave = open(slave_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    const int masters[] = {null, stream[0], pipes[0], slave, life[0], master_fd, master_fd, master_fd};
    const int lifelines[] = {life[1], life[1], life[1], life[1], life[1], null, stream[1], master_fd};
    for (size_t i = 0; i < sizeof(masters) / sizeof(masters[0]); i++) {
        struct handover give = {.master = masters[i], .lifeline = lifelines[i]}, got;
        int before = lowest();
        assert_int_equal(handover_give(pair[1], &give, NULL), 0);
        assert_int_equal(handover_take(pair[0], &got), -1);
        assert_int_equal(lowest(), before);
    }
    const int fds[] = {null, stream[0], stream[1], pipes[0], pipes[1], slave};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        close(fds[i]);
    }
}

/* Packets that are no handover. */
static void test_garbage(void **state)
{
    struct handover got;
    char long_one[4096] = {0};
    (void)state;
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    assert_int_equal(handover_take(pair[0], &got), -1);
    assert_int_equal(send(pair[1], long_one, sizeof(long_one), 0), (ssize_t)sizeof(long_one));
    assert_int_equal(handover_take(pair[0], &got), -1);
}

static void test_offered(void **state)
{
    char text[32];
    (void)state;
    unsetenv(HANDOVER_ENV);
    assert_int_equal(handover_offered(), -1);
    static const char *const bad[] = {"wanted", "", "0", "2", "-1", "3x", "999", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv(HANDOVER_ENV, bad[i], 1);
        assert_int_equal(handover_offered(), -1);
        assert_null(getenv(HANDOVER_ENV));
    }
    snprintf(text, sizeof(text), "%d", master_fd);
    setenv(HANDOVER_ENV, text, 1);
    assert_int_equal(handover_offered(), -1);
    snprintf(text, sizeof(text), "%d", pair[1]);
    setenv(HANDOVER_ENV, text, 1);
    assert_int_equal(handover_offered(), pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_offered, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Elsewhere nothing is handed over. */
static void test_none(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(handover_pair(fds), -1);
    assert_int_equal(handover_offered(), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
