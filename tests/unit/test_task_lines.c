/* SPDX-License-Identifier: Apache-2.0 */
/* Raw output as lines, addresses in them, and the ports of a real process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/ports.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "term/hostenv.h"
#include "term/task_lines.h"
#include "tests/portable.h"

static void on_line(void *arg, const char *text, size_t len)
{
    struct strbuf *out = arg;

    assert_true(len > 0 && len <= TASK_LINE_MAX);
    strbuf_addch(out, '<');
    strbuf_add(out, text, len);
    strbuf_addch(out, '>');
}

static void test_lines(void **state)
{
    static const struct {
        const char *raw, *lines, *rest;
    } ROWS[] = {
        {"a\nb\r\n\n\nc", "<a><b>", "c"},
        {"10%\r20%\rdone\n", "<10%><20%><done>", ""},
        {"\033[1;31mred\033[0m text\n", "<red text>", ""},
        {"\033]0;a title\007x\033]8;;http://h\033\\link\033]8;;\033\\\n", "<xlink>", ""},
        {"\033P1$r\ndata\033\\y\n", "<y>", ""},
        {"one\033[5;1Htwo\033[Kthree\n", "<one><twothree>", ""},
        {"a\033[3Cb\033(Bc\n", "<a bc>", ""},
        {"ab\bc\t\x01\x7f|\n", "<ac |>", ""},
        {"na\xc3\xafve\b\b\b\n", "<na>", ""},
        {"x\033[31", "", "x"},
        {"\033[3\n1mz\n", "<z>", ""},
        {"\033[12\030q\n", "<q>", ""},
        {"a\033Eb\033cc\n", "<a><b><c>", ""},
    };

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(ROWS); i++) {
        for (size_t piece = 1; piece <= 16; piece += 15) { /* in any pieces */
            MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
            struct task_lines l;
            task_lines_init(&l);
            for (size_t at = 0; at < strlen(ROWS[i].raw); at += piece) {
                task_lines_feed(&l, ROWS[i].raw + at, MT_MIN(piece, strlen(ROWS[i].raw) - at), on_line, &got);
            }
            assert_string_equal(got.buf, ROWS[i].lines);
            assert_int_equal(l.len, strlen(ROWS[i].rest));
            assert_memory_equal(l.text, ROWS[i].rest, l.len);
        }
    }
}

static void test_bounds(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct task_lines l;
    char block[4096];

    (void)state;
    memset(block, 'x', sizeof(block));
    task_lines_init(&l);
    task_lines_feed(&l, block, sizeof(block), on_line, &got);
    task_lines_feed(&l, "\n", 1, on_line, &got);
    assert_int_equal(got.len, TASK_LINE_MAX + 2);
    strbuf_clear(&got);
    task_lines_feed(&l, "\033]0;", 4, on_line, &got); /* a title that does not end */
    for (int i = 0; i < 32; i++) {
        task_lines_feed(&l, block, sizeof(block), on_line, &got);
    }
    task_lines_feed(&l, "\nready\n", 7, on_line, &got);
    assert_non_null(strstr(got.buf, "<ready>"));
}

static void test_addresses(void **state)
{
    static const struct {
        const char *line;
        int port;
    } ROWS[] = {
        {"Local: http://localhost:3000/", 3000},
        {"  > https://127.0.0.1:8443", 8443},
        {"Serving HTTP on 0.0.0.0 port 8000 (http://0.0.0.0:8000/) ...", 8000},
        {"http://[::1]:5173/ http://10.0.0.2:5173/", 5173},
        {"http://[::]:9", 9},
        {"http://localhost/", 80},
        {"https://localhost", 443},
        {"see http://example.com/http://localhost:81", 81},
        {"http://localhost.evil.example:3000", 0},
        {"http://localhost:70000", 0},
        {"http://localhost:", 0},
        {"http://localhost:99999999999999999999", 0},
        {"http://10.1.2.3:3000", 0},
        {"http://", 0},
        {"hhhttp:/", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(ROWS); i++) {
        assert_int_equal(task_lines_port(ROWS[i].line, strlen(ROWS[i].line)), ROWS[i].port);
    }
}

static void test_mark(void **state)
{
    static const char *const BASE[] = {"MUTHR_SESSION=outer", "HOME=/h", NULL};
    static const char *const ADD[] = {"X_MUTHR_SESSION=", "MUTHR_SESSION=", "MY_MUTHR_SESSION=mine",
                                      "NOMUTHR_SESSION=", NULL};
    struct strvec env = STRVEC_INIT;

    (void)state;
    hostenv_build(&env, BASE, NULL);
    assert_null(strvec_getenv(&env, "MUTHR_SESSION")); /* of a session that we were started in */
    strvec_clear(&env);
    hostenv_build(&env, BASE, ADD);
    hostenv_mark(&env, "web-task-1");
    assert_string_equal(strvec_getenv(&env, "X_MUTHR_SESSION"), "web-task-1");
    assert_string_equal(strvec_getenv(&env, "MUTHR_SESSION"), "web-task-1");
    assert_string_equal(strvec_getenv(&env, "MY_MUTHR_SESSION"), "mine");
    assert_string_equal(strvec_getenv(&env, "NOMUTHR_SESSION"), "");
    strvec_release(&env);
}

/* A socket of ours that listens on a port that the system chooses. */
static int listen_somewhere(int family, uint16_t *port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    socklen_t len = family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);
    int fd = self_socket(family, SOCK_STREAM, false);

    memset(&a, 0, sizeof(a));
    a.any.sa_family = (sa_family_t)family;
    if (fd < 0 || bind(fd, &a.any, len) != 0 || listen(fd, 1) != 0 || getsockname(fd, &a.any, &len) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
    return fd;
}

/* `sh` that waits for the end of its input, with a descriptor of ours, in an environment. */
static pid_t start_holder(int fd, const char *mark, int *input)
{
    int p[2];
    assert_int_equal(fd_pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char name[] = "sh", opt[] = "-c", script[] = "read x; :";
        char *argv[] = {name, opt, script, NULL}, *env[] = {strdup(mark), NULL};
        dup2(p[0], 0);
        if (fd >= 0) {
            dup2(fd, 30);
        }
        close(p[1]);
        execve("/bin/sh", argv, env);
        _exit(127);
    }
    close(p[0]);
    *input = p[1];
    return pid;
}

static void test_ports(void **state)
{
    uint16_t one = 0, two = 0, ours = 0, found[8];
    int input[3];

    (void)state;
    assert_true(ports_known());
    int a = listen_somewhere(AF_INET, &one), b = listen_somewhere(AF_INET6, &two), c = listen_somewhere(AF_INET, &ours);
    assert_true(a >= 0 && c >= 0);
#if defined(__APPLE__)
    /* The environment of /bin/sh is not to be seen there: by the number only. */
    pid_t only = start_holder(a, "MUTHR_SESSION=ports-1", &input[0]);
    for (int tries = 0; tries < 500 && ports_of("MUTHR_SESSION=none", (int)only, found, MT_ARRAY_LEN(found)) != 1;
         tries++) {
        usleep(10000);
    }
    assert_int_equal(ports_of("MUTHR_SESSION=none", (int)only, found, MT_ARRAY_LEN(found)), 1);
    assert_int_equal(found[0], one);
    close(input[0]);
    waitpid(only, NULL, 0);
    (void)two;
    (void)ours;
#else
    pid_t first = start_holder(a, "MUTHR_SESSION=ports-1", &input[0]);
    pid_t second = start_holder(b, "MUTHR_SESSION=ports-1", &input[1]);
    pid_t third = start_holder(c, "MUTHR_SESSION=ports-10", &input[2]);
    size_t n = 0, want = b >= 0 ? 2 : 1, third_has = 0;
    for (int tries = 0; tries < 500 && (n != want || third_has != 1);
         tries++) { /* until they are what they are to be */
        usleep(10000);
        third_has = ports_of("MUTHR_SESSION=none", (int)third, found, MT_ARRAY_LEN(found)); /* by its number */
        n = ports_of("MUTHR_SESSION=ports-1", 0, found, MT_ARRAY_LEN(found));
    }
    assert_int_equal(third_has, 1);
    assert_int_equal(n, want);
    assert_int_equal(found[0], want == 1 ? one : MT_MIN(one, two));
    assert_true(want == 1 || found[1] == MT_MAX(one, two));
    assert_int_equal(ports_of("MUTHR_SESSION=ports-1", 0, found, 1), 1); /* the lowest, where there is little room */
    assert_int_equal(ports_of("MUTHR_SESSION=ports", 0, found, MT_ARRAY_LEN(found)), 0);
    assert_int_equal(ports_of("MUTHR_SESSION=none", (int)third, found, MT_ARRAY_LEN(found)), 1);
    assert_int_equal(found[0], ours);
    const pid_t pids[] = {first, second, third};
    for (int i = 0; i < 3; i++) {
        close(input[i]);
        waitpid(pids[i], NULL, 0);
    }
#endif
    close(a);
    close(b);
    close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_bounds), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_mark),  cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
