/* SPDX-License-Identifier: Apache-2.0 */
/* A host starts its task again as the policy says, and as a person says: one terminal, one log, one set of viewers for
 * all runs. Hosts are real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"
#include "tests/portable.h"
#include "tests/skip.h"

static struct rig rig;
static struct rig_client a, b;

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
    if (b.s != NULL) {
        rig_client_close(&b);
    }
    rig_client_close(&a);
    rig_close(&rig);
    return 0;
}

/* Starts `sh -c script` as a task in the rig's folder. */
static const char *start_task(const char *script, const struct task_policy *policy, const char *log)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct session_start start = {
        .kind = SESSION_TASK, .argv = argv, .task = policy, .cwd = rig.base, .log_path = log, .label = "a task"};

    if (!rig_start_spec(&a, &start)) {
        fail_msg("start: %s", a.start_err.msg);
    }
    return a.start_id;
}

static const struct session_info *info(const char *id)
{
    const struct session_info *i = sessions_find(a.s, id);

    assert_non_null(i);
    return i;
}

struct wanted {
    const char *id;
    uint32_t restarts;
    enum { RUNS, WAITS, ENDED } how;
};

static bool is_so(void *arg)
{
    const struct wanted *w = arg;
    const struct session_info *i = sessions_find(a.s, w->id);

    if (i == NULL || i->task.restarts < w->restarts) {
        return false;
    }
    if (w->how == ENDED) {
        return i->state == SESSION_EXITED;
    }
    return i->state == SESSION_RUNNING && (i->task.next_wall_ms != 0) == (w->how == WAITS);
}

/* Waits until it has been started again so often, and is as wanted. */
static void expect(const char *id, uint32_t restarts, int how)
{
    struct wanted w = {.id = id, .restarts = restarts, .how = how};

    if (!rig_wait(&rig, is_so, &w, RIG_WAIT_MS)) {
        const struct session_info *i = info(id);
        fail_msg("%u restarts, state %d, next %llu", i->task.restarts, i->state,
                 (unsigned long long)i->task.next_wall_ms);
    }
}

static void test_crash_loop(void **state)
{
    struct task_policy policy = {.restart = TASK_RESTART_ON_FAILURE, .most_restarts = 2};
    struct strbuf text = STRBUF_INIT;
    char log[128];

    (void)state;
    str_format(log, sizeof(log), "%s/task.log", rig.base);
    /* It leaves the terminal in a strange state each time. */
    const char *id = start_task(
        "echo run >>runs; printf '\\033[?1049h\\033[?25l\\033[5;9r\\033[?1l'; echo boom; printf '\\033[31'; exit 3",
        &policy, log);
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    expect(id, 0, WAITS);
    const struct session_info *i = info(id);
    assert_int_equal(i->pid, 0);
    assert_int_equal(i->task.last_code, 3);
    assert_int_equal(i->attention, ATTENTION_FAILED);
    assert_string_equal(i->attention_text, "exited 3: boom");
    rig_expect(&a, id, "-- exited 3 after 0.0 s; starts again in 1.0 s --");
    uint64_t since = i->attention_since_ms;
    sessions_attended(a.s, id);
    expect(id, 1, WAITS);
    assert_int_equal(info(id)->attention, ATTENTION_NONE); /* once, not each time */
    rig_expect(&a, id, "starts again in 2.0 s");
    expect(id, 2, ENDED);
    i = info(id);
    assert_int_equal(i->exit_code, 3);
    assert_int_equal(i->task.restarts, 2);
    assert_int_equal(i->attention, ATTENTION_FAILED); /* given up: that is news */
    assert_true(i->attention_since_ms > since && !i->attention_seen);
    assert_non_null(strstr(i->attention_text, "given up after 2 restarts, exited 3: boom"));
    rig_expect(&a, id, "given up after 2 restarts --");
    const struct session_screen *s = sessions_screen(a.s, id);
    assert_true(!s->alt_screen && s->cursor_visible);
    assert_int_equal(fs_read(log, 1u << 20, &text, NULL), 0);
    size_t lines = 0;
    for (const char *p = text.buf; (p = strstr(p, "-- exited 3")) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 3);
    strbuf_release(&text);
}

static void test_kill_while_it_waits(void **state)
{
    struct task_policy policy = {.restart = TASK_RESTART_ALWAYS};

    (void)state;
    const char *id = start_task("echo x >>runs; exit 0", &policy, NULL);
    expect(id, 0, WAITS);
    assert_int_equal(info(id)->attention, ATTENTION_NONE); /* that it ends is its business */
    sessions_dismiss(a.s, id);                             /* refused: it has not ended */
    sessions_kill(a.s, id);
    expect(id, 0, ENDED);
    assert_int_equal(info(id)->attention, ATTENTION_FINISHED);
    rig_turn(&rig, 1200); /* longer than it would have waited */
    assert_int_equal(info(id)->task.restarts, 0);
    assert_int_equal(info(id)->state, SESSION_EXITED);
    sessions_dismiss(a.s, id);
    rig_expect_removed(&a, id);
}

static bool has_lost(void *arg)
{
    const struct session_info *i = sessions_find(a.s, arg);

    return i != NULL && i->log_lost >= 6;
}

/* What could not be written to its log is told, with the reason; it runs on. */
static void test_full_disk(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        skip_because("there is no /dev/full here");
    }
    const char *id = start_task("echo hello; exec sleep 1000", NULL, "/dev/full");
    assert_true(rig_wait(&rig, has_lost, (void *)(uintptr_t)id, RIG_WAIT_MS));
    assert_string_equal(info(id)->log_problem, strerror(ENOSPC));
    assert_int_equal(info(id)->state, SESSION_RUNNING);
    sessions_kill(a.s, id);
    expect(id, 0, ENDED);
}

static void test_kill_while_it_runs(void **state)
{
    struct task_policy policy = {.restart = TASK_RESTART_ALWAYS};

    (void)state;
    const char *id = start_task("exec sleep 1000", &policy, NULL);
    int pid = info(id)->pid;
    sessions_kill(a.s, id);
    expect(id, 0, ENDED);
    assert_true(rig_wait_gone(&rig, pid));
    assert_int_equal(info(id)->task.last_signal, SIGHUP);
}

static void test_restart_by_hand(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    const char *id = start_task("echo run >>runs; cat; exit 4", NULL, NULL);
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    int first = info(id)->pid;
    assert_int_equal(sessions_restart(a.s, id, &err), 0); /* while it runs */
    expect(id, 1, RUNS);
    assert_true(rig_wait_gone(&rig, first));
    assert_int_not_equal(info(id)->pid, first);
    rig_type(&a, id, "hello\n"); /* the new run has the terminal */
    rig_expect(&a, id, "hello\nhello");
    rig_type(&a, id, "\x04");
    expect(id, 1, ENDED);
    assert_int_equal(info(id)->exit_code, 4);
    assert_int_equal(info(id)->attention, ATTENTION_FAILED);
    assert_int_equal(sessions_restart(a.s, id, &err), 0); /* when it has ended */
    expect(id, 2, RUNS);
    assert_int_equal(info(id)->attention, ATTENTION_NONE);
    assert_int_equal(info(id)->exit_code, 0);
    rig_type(&a, id, "again\n");
    rig_expect(&a, id, "again\nagain");
    sessions_kill(a.s, id);
    expect(id, 2, ENDED);
    assert_int_equal(sessions_restart(a.s, "nobody", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void on_taken(void *arg, size_t left)
{
    *(size_t *)arg = left;
}

static bool is_taken(void *arg)
{
    return *(size_t *)arg == 0;
}

/* A script that sends to a task which waits is read by the next run. */
static void test_input_while_it_waits(void **state)
{
    struct task_policy policy = {.restart = TASK_RESTART_ALWAYS};
    size_t left = 5;

    (void)state;
    const char *id =
        start_task("[ -e ran ] || { echo x >ran; exit 0; }; stty -echo; read x; echo got $x; cat", &policy, NULL);
    expect(id, 0, WAITS);
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    assert_int_equal(sessions_on_taken(a.s, id, on_taken, &left, NULL), 0);
    rig_type(&a, id, "text\n");
    rig_turn(&rig, 100);
    assert_int_equal(left, 5); /* nobody has it yet */
    assert_true(rig_wait(&rig, is_taken, &left, RIG_WAIT_MS));
    rig_expect(&a, id, "got text");
    assert_int_equal(sessions_on_taken(a.s, id, NULL, NULL, NULL), 0);
}

/* A machine that is shut down ends hosts that wait, too. */
static void test_host_ended_while_it_waits(void **state)
{
    struct task_policy policy = {.restart = TASK_RESTART_ALWAYS};

    (void)state;
    const char *id = start_task("exit 0", &policy, NULL);
    expect(id, 0, WAITS);
    int host = info(id)->host_pid;
    kill(host, SIGTERM);
    rig_expect_removed(&a, id);
    assert_true(rig_wait_gone(&rig, host));
}

static void test_only_tasks(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    const char *id = rig_start(&a, "exec sleep 1000");
    assert_int_equal(sessions_restart(a.s, id, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
}

static bool is_ready(void *arg)
{
    const struct session_info *i = sessions_find(a.s, arg);

    return i != NULL && i->task.ready == TASK_READY_YES;
}

static bool is_not_ready(void *arg)
{
    const struct session_info *i = sessions_find(a.s, arg);

    return i != NULL && i->task.ready == TASK_READY_NOT_YET;
}

static void test_ready_by_a_line(void **state)
{
    struct task_policy policy = {.ready_match = "^ready in [0-9]+ ms$"};

    (void)state;
    const char *id = start_task(
        "stty -echo; echo 'not ready in 5 ms'; read x; printf '\\033[32mrea'; read x; printf 'dy\\033[0m in 7 ms'; "
        "read x; echo; cat",
        &policy, NULL);
    MT_CLEANUP(xfree) char *mine = xstrdup(id);
    assert_int_equal(info(id)->task.ready, TASK_READY_NOT_YET);
    rig_type(&a, id, "\n");
    rig_turn(&rig, 300);
    assert_int_equal(info(id)->task.ready, TASK_READY_NOT_YET);
    rig_type(&a, id, "\n"); /* it need not end its line */
    assert_true(rig_wait(&rig, is_ready, mine, RIG_WAIT_MS));
    assert_true(info(id)->task.ready_wall_ms >= info(id)->task.run_wall_ms);
    assert_int_equal(sessions_restart(a.s, id, NULL), 0);
    assert_true(rig_wait(&rig, is_not_ready, mine, RIG_WAIT_MS));
    expect(id, 1, RUNS);
    assert_int_equal(info(id)->task.ready, TASK_READY_NOT_YET);
    assert_int_equal(info(id)->task.ready_wall_ms, 0);
    for (int i = 0; i < 3; i++) {
        rig_type(&a, id, "\n");
    }
    assert_true(rig_wait(&rig, is_ready, mine, RIG_WAIT_MS));
}

/* A task of a hundred thousand lines that are costly to match: it is not held up, and its last line is looked at. */
static void test_ready_in_a_flood(void **state)
{
    struct task_policy policy = {.ready_match = "(a|aa|b)*(a|b)*(a|aa)*c$"};

    (void)state;
    const char *id = start_task(
        "yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab | head -n 100000; echo abc; cat", &policy, NULL);
    MT_CLEANUP(xfree) char *mine = xstrdup(id);
    assert_true(rig_wait(&rig, is_ready, mine, RIG_WAIT_MS));
}

/* A port that nobody listens on now. */
static uint16_t free_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&in, len) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    close(fd);
    return ntohs(in.sin_port);
}

/* The program of test_ready_by_a_port: listens at the first line of input, says so, and ends at the second. */
static int listen_main(const char *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    while (getchar() != '\n') {
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(fd, 1) != 0) {
        perror("listen");
        return 1;
    }
    printf("at http://localhost:%s/\n", port);
    fflush(stdout);
    while (getchar() != '\n') {
    }
    return 0;
}

static void test_ready_by_a_port(void **state)
{
    uint16_t port = free_port();
    struct task_policy policy = {.ready_port = port, .restart = TASK_RESTART_ALWAYS};
    static const char *const ENV[] = {"MUTHR_SESSION=", NULL};
    char self[256], number[16];
    ssize_t n = self_path(self, sizeof(self) - 1);
    const char *const argv[] = {self, "listen", number, NULL};
    struct session_start start = {.kind = SESSION_TASK, .argv = argv, .env = ENV, .task = &policy};

    (void)state;
    assert_true(n > 0);
    self[n] = '\0';
    str_format(number, sizeof(number), "%u", port);
    assert_true(rig_start_spec(&a, &start));
    const char *id = a.start_id;
    MT_CLEANUP(xfree) char *mine = xstrdup(id);
    rig_turn(&rig, 400);
    assert_int_equal(info(id)->task.ready, TASK_READY_NOT_YET);
    assert_int_equal(info(id)->task.port_count, 0);
    rig_type(&a, id, "\n");
    assert_true(rig_wait(&rig, is_ready, mine, RIG_WAIT_MS));
    assert_int_equal(info(id)->task.port_count, 1);
    assert_int_equal(info(id)->task.ports[0], port);
    rig_type(&a, id, "\n");
    expect(id, 0, WAITS);
    assert_int_equal(info(id)->task.ready, TASK_READY_NOT_YET);
    assert_int_equal(info(id)->task.port_count, 0);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "listen") == 0) {
        return listen_main(argv[2]);
    }
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_crash_loop),
        T(test_kill_while_it_waits),
        T(test_kill_while_it_runs),
        T(test_restart_by_hand),
        T(test_input_while_it_waits),
        T(test_host_ended_while_it_waits),
        T(test_only_tasks),
        T(test_ready_by_a_line),
        T(test_ready_in_a_flood),
        T(test_ready_by_a_port),
        T(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
