/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/patience.h"
#include "tests/unit/io_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/http.h"
#include "core/util/strbuf.h"

/* A loopback server on the same loop: gives one fixed answer to each connection, at once or a byte at a time. */
struct server {
    struct loop *loop;
    struct watch *watch, *client;
    struct timer *drip;
    const char *answer;
    size_t sent;
    int fd, client_fd, port, hits;
    bool slow;
};

struct got {
    int done, status;
    size_t len;
    char body[256];
    struct error err;
};

static void drop_client(struct server *s)
{
    if (s->client_fd >= 0) {
        watch_close(s->client);
        close(s->client_fd);
        s->client_fd = -1;
    }
}

static void on_drip(void *arg)
{
    struct server *s = arg;
    if (s->client_fd < 0 || s->sent >= strlen(s->answer) ||
        send(s->client_fd, s->answer + s->sent, 1, MSG_NOSIGNAL) != 1) {
        timer_stop(s->drip);
        return;
    }
    s->sent++;
}

static void on_request(void *arg, int events)
{
    struct server *s = arg;
    char buf[2048];
    ssize_t n = recv(s->client_fd, buf, sizeof(buf), MSG_DONTWAIT);
    (void)events;
    if (n <= 0) {
        drop_client(s);
    } else if (s->slow) {
        timer_repeat(s->drip, 50);
    } else if (s->answer != NULL) {
        (void)!send(s->client_fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
        drop_client(s);
    }
}

static void on_connection(void *arg, int events)
{
    struct server *s = arg;
    (void)events;
    drop_client(s);
    s->client_fd = accept(s->fd, NULL, NULL);
    s->hits++;
    s->client = watch_new(s->loop, s->client_fd, on_request, s, NULL);
    watch_set(s->client, WATCH_READ);
}

static void serve(struct server *s, struct loop *loop, const char *answer)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    *s = (struct server){.loop = loop, .answer = answer, .client_fd = -1};
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&in, &len), 0);
    s->port = ntohs(in.sin_port);
    s->watch = watch_new(loop, s->fd, on_connection, s, NULL);
    s->drip = timer_new(loop, on_drip, s);
    watch_set(s->watch, WATCH_READ);
}

static void unserve(struct server *s)
{
    drop_client(s);
    watch_close(s->watch);
    timer_close(s->drip);
    close(s->fd);
}

static void on_done(void *arg, int status, const char *body, size_t len, const struct error *err)
{
    struct got *g = arg;
    g->done++;
    g->status = status;
    g->len = len;
    g->err = err != NULL ? *err : ERROR_INIT;
    (void)str_copy(g->body, sizeof(g->body), body);
}

static struct http_request *get(struct http_client *c, struct got *g, int port, uint64_t timeout_ms, size_t max)
{
    struct http_request *r = NULL;
    struct error err = ERROR_INIT;
    char url[64];
    *g = (struct got){0};
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/models", port);
    if (http_get(&r, c, url, &(struct http_opts){.timeout_ms = timeout_ms, .max_bytes = max}, on_done, g, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(g->done, 0);
    return r;
}

static void test_answers(void **state)
{
    struct loop *loop = loop_new();
    struct http_client *c = http_client_new(loop);
    struct server s;
    struct got g;
    (void)state;
    serve(&s, loop, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not be asked for loopback */
    get(c, &g, s.port, 3000, 1000);
    turn_until(loop, g.done, 4000);
    unsetenv("http_proxy");
    assert_int_equal(g.err.code, ERROR_NONE);
    assert_int_equal(g.status, 200);
    assert_string_equal(g.body, "hello");
    assert_int_equal(s.hits, 1); /* the look whether somebody listens was the connection of the request */
    s.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    get(c, &g, s.port, 3000, 1000);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.status, 404);
    s.hits = 0;
    s.answer = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nno";
    get(c, &g, s.port, 3000, 1000);
    turn_until(loop, g.done, 4000);
    io_turn_for(loop, 50);
    assert_int_equal(g.status, 302);
    assert_int_equal(s.hits, 1);
    http_client_close(c);
    unserve(&s);
    assert_int_equal(loop_free(loop), 0);
}

static void test_failures(void **state)
{
    struct loop *loop = loop_new();
    struct http_client *c = http_client_new(loop);
    struct server s;
    struct got g;
    struct error err = ERROR_INIT;
    uint64_t start_ms;
    int port;
    (void)state;
    serve(&s, loop, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n012345678901234567890123456789");
    get(c, &g, s.port, 3000, 29);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.err.code, ERROR_INVALID);
    assert_int_equal(g.status, 0);
    get(c, &g, s.port, 3000, 30);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.len, 30);
    s.slow = true;
    start_ms = clock_mono_ms();
    get(c, &g, s.port, 300, 1000);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.err.code, ERROR_TIMEOUT);
    assert_true(clock_mono_ms() - start_ms < patience(2000));
    s.slow = false;
    s.answer = "garbage that is no HTTP\r\n\r\n";
    get(c, &g, s.port, 3000, 1000);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.err.code, ERROR_PARSE);
    port = s.port;
    unserve(&s);
    get(c, &g, port, 3000, 1000);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.err.code, ERROR_UNAVAILABLE);
    assert_int_equal(http_get(NULL, c, "file:///etc/passwd", &(struct http_opts){.timeout_ms = 1000, .max_bytes = 1000},
                              on_done, &g, &err),
                     -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(
        http_get(NULL, c, "not a url", &(struct http_opts){.timeout_ms = 1000, .max_bytes = 1000}, on_done, &g, &err),
        -1);
    http_client_close(c);
    assert_int_equal(loop_free(loop), 0);
}

static void test_cancel_and_close(void **state)
{
    struct loop *loop = loop_new();
    struct http_client *c = http_client_new(loop);
    struct server s;
    struct got g, h;
    struct http_request *r;
    (void)state;
    serve(&s, loop, NULL); /* never answers */
    r = get(c, &g, s.port, 0, 1000);
    turn_until(loop, s.hits == 1, 2000);
    http_cancel(r);
    http_cancel(r);
    assert_int_equal(g.done, 0);
    turn_until(loop, g.done == 1, 2000);
    assert_int_equal(g.err.code, ERROR_CANCELED);
    get(c, &h, s.port, 0, 1000);
    turn_until(loop, s.hits == 2, 2000);
    http_client_close(c);
    assert_int_equal(h.done, 0);
    turn_until(loop, h.done == 1, 2000);
    assert_int_equal(h.err.code, ERROR_CANCELED);
    unserve(&s);
    assert_int_equal(loop_free(loop), 0);
}

/* Is a library of this name mapped into this process? */
static bool is_mapped(const char *name)
{
    bool found = false;
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        found = found || strstr(line, name) != NULL;
    }
    if (f != NULL) {
        fclose(f);
    }
    return found;
}

/* Where nobody listens, the answer comes without libcurl, later than the call, also to a client that is closed. */
static void test_nobody_listens(void **state)
{
    struct loop *loop = loop_new();
    struct http_client *c = http_client_new(loop);
    struct server s;
    struct got g, h;
    (void)state;
    serve(&s, loop, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    unserve(&s);
    get(c, &g, s.port, 3000, 1000);
    turn_until(loop, g.done, 4000);
    assert_int_equal(g.err.code, ERROR_UNAVAILABLE);
    assert_int_equal(g.status, 0);
    assert_false(is_mapped("libcurl"));
    get(c, &h, s.port, 3000, 1000);
    http_client_close(c);
    assert_int_equal(h.done, 0);
    turn_until(loop, h.done, 4000);
    assert_int_equal(h.err.code, ERROR_UNAVAILABLE);
    assert_int_equal(g.done, 1);
    assert_int_equal(loop_free(loop), 0);
}

/* A client that is never asked loads nothing and closes. */
static void test_unused(void **state)
{
    struct loop *loop = loop_new();
    (void)state;
    http_client_close(http_client_new(loop));
    assert_int_equal(loop_free(loop), 0);
}

#if defined(__linux__)
#define WITHOUT "MUTHR_TEST_WITHOUT_LIBCURL"

/* The child of test_no_library: exit code 0 when the answer was UNAVAILABLE, twice, and all could be closed. */
static int ask_without(void)
{
    struct loop *loop = loop_new();
    struct http_client *c = http_client_new(loop);
    struct got g = {0};
    int bad = 0;
    for (int i = 0; i < 2; i++) {
        struct error err = ERROR_INIT;
        bad |= http_get(NULL, c, "http://localhost:1/", &(struct http_opts){.timeout_ms = 1000, .max_bytes = 1000},
                        on_done, &g, &err) != -1;
        bad |= err.code != ERROR_UNAVAILABLE || strstr(err.msg, "cannot load libcurl") == NULL;
    }
    http_client_close(c);
    return loop_free(loop) != 0 || bad || g.done != 0;
}

/* Files that are no libraries stand first in the loader's path: nothing else may fail for it. */
static void test_no_library(void **state)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    char dir[] = "/tmp/mt-http.XXXXXX", path[64];
    int status = -1;
    (void)state;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs("no library\n", f);
        fclose(f);
    }
    pid_t pid = fork();
    if (pid == 0) {
        setenv("LD_LIBRARY_PATH", dir, 1);
        setenv(WITHOUT, "1", 1);
        /* Not /proc/self/exe: under valgrind that is valgrind. */
        execl(program_invocation_name, "test_http", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    assert_int_equal(status, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_listens), /* first: no other has loaded the library yet */
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_cancel_and_close),
        cmocka_unit_test(test_unused),
#if defined(__linux__)
        cmocka_unit_test(test_no_library),
#endif
    };
#if defined(__linux__)
    if (getenv(WITHOUT) != NULL) {
        return ask_without();
    }
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
