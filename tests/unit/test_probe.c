/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/inference/probe.h"
#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "tests/patience.h"

static void expect(int status, const char *body, enum probe_state state, const char *model, uint64_t context)
{
    struct probe_result r;
    probe_parse(status, body, strlen(body), &r);
    assert_int_equal(r.state, state);
    assert_string_equal(r.model, model);
    assert_int_equal(r.context, context);
}

static void test_parse(void **state)
{
    (void)state;
    expect(200, "{\"data\":[{\"id\":\"a/b\",\"context_window\":4096},{\"id\":\"c\"}]}", PROBE_READY, "a/b", 4096);
    expect(200, "{\"data\":[{\"id\":\"m\",\"meta\":{\"n_ctx\":8192}}]}", PROBE_READY, "m", 8192);
    expect(200, "{\"data\":[{\"id\":\"m\",\"limits\":{\"context\":\"16384\"}}]}", PROBE_READY, "m", 16384);
    expect(200, "{\"data\":[{\"id\":\"m\",\"capabilities\":{\"input_token_limit\":5}}]}", PROBE_READY, "m", 5);
    expect(200, "{\"data\":[{\"id\":\"m\",\"n_ctx\":0,\"max_input_tokens\":7}]}", PROBE_READY, "m", 7);
    expect(200, "{\"data\":[{\"id\":\"m\"}],\"context_length\":9}", PROBE_READY, "m", 9);
    expect(200, "{\"data\":[{\"id\":\"m\",\"n_ctx\":-3}]}", PROBE_READY, "m", 0);
    expect(200, "{\"data\":[{\"id\":\"m\",\"n_ctx\":\"12x\"}]}", PROBE_READY, "m", 0);
    expect(200, "{\"data\":[{\"id\":\"m\",\"n_ctx\":1e300}]}", PROBE_READY, "m", 0);
    expect(200, "{\"data\":[{},{\"id\":7},{\"id\":\"late\"}]}", PROBE_READY, "late", 0);
    expect(200, "{\"data\":[]}", PROBE_UNKNOWN, "", 0);
    expect(200, "{\"data\":{\"id\":\"m\"}}", PROBE_UNKNOWN, "", 0);
    expect(200, "<html>", PROBE_UNKNOWN, "", 0);
    expect(200, "", PROBE_UNKNOWN, "", 0);
    expect(404, "{\"data\":[{\"id\":\"m\"}]}", PROBE_UNKNOWN, "", 0);
    expect(503, "", PROBE_LOADING, "", 0);
    struct probe_result r;
    const char *hostile = "{\"data\":[{\"id\":\"\\u001b[31mred\\n\"}]}";
    probe_parse(200, hostile, strlen(hostile), &r);
    assert_null(strchr(r.model, 0x1b));
    assert_null(strchr(r.model, '\n'));
}

struct result {
    int count;
    struct probe_result r;
};

static void on_done(void *arg, const struct probe_result *r)
{
    struct result *got = arg;
    got->count++;
    got->r = *r;
}

/* A listening socket on a free loopback port. */
static int listen_somewhere(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* Runs one probe; cancel: at once. */
static struct result probe_port(int port, bool cancel)
{
    struct loop *loop = loop_new();
    struct http_client *http = http_client_new(loop);
    struct result got = {0};
    struct probe *p;
    struct error err = ERROR_INIT;
    assert_int_equal(probe_start(&p, http, port, on_done, &got, &err), 0);
    assert_int_equal(got.count, 0);
    if (cancel) {
        probe_cancel(p);
    }
    while (got.count == 0) {
        loop_turn(loop, true);
    }
    http_client_close(http);
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(got.count, 1);
    return got;
}

static void test_against_servers(void **state)
{
    (void)state;
    int port, fd = listen_somewhere(&port);
    pid_t child = fork();
    if (child == 0) {
        static const char ANSWER[] =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 42\r\nConnection: close\r\n\r\n"
            "{\"data\":[{\"id\":\"org/m-1\",\"n_ctx\":\"2048\"}]}";
        char request[2048];
        int c = accept(fd, NULL, NULL);
        _exit(c >= 0 && read(c, request, sizeof(request)) > 0 && write(c, ANSWER, sizeof(ANSWER) - 1) > 0 &&
                      close(c) == 0
                  ? 0
                  : 1);
    }
    struct result got = probe_port(port, false);
    assert_int_equal(got.r.state, PROBE_READY);
    assert_string_equal(got.r.model, "org/m-1");
    assert_int_equal(got.r.context, 2048);
    assert_int_equal(waitpid(child, NULL, 0), child);
    uint64_t before = clock_mono_ms();
    got = probe_port(port, false); /* accepted by the kernel, never answered */
    assert_int_equal(got.r.state, PROBE_DOWN);
    assert_true(clock_mono_ms() - before < patience(3000));
    got = probe_port(port, true);
    assert_int_equal(got.r.state, PROBE_DOWN);
    close(fd);
    got = probe_port(port, false); /* nobody there */
    assert_int_equal(got.r.state, PROBE_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_against_servers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
