/* SPDX-License-Identifier: Apache-2.0 */
/* The way to another machine, over a real sshd on the loopback with keys and configuration of this test's own. What
 * listens at the far end is a socket of this test; podman itself is test_podman_hosts.c's. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/podman/forward.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/skip.h"
#include "tests/unit/temphome.h"

static struct {
    struct temphome home;
    struct loop *loop;
    pid_t sshd;
    int port, listener;
    char *far_socket;
    int told;
    struct error last;
} t;

/* Runs a shell line; the test fails with it. */
static void run(const char *line)
{
    int rc = system(line); // NOLINT(cert-env33-c)
    assert_int_equal(rc, 0);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = self_socket(AF_UNIX, SOCK_STREAM, false);
    str_copy(addr.sun_path, sizeof(addr.sun_path), path);
    (void)unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* A port of the loopback that nobody has now. */
static int free_port(void)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    int fd = self_socket(AF_INET, SOCK_STREAM, false);
    assert_int_equal(listen(fd, 1), 0); /* an unbound one gets a free port */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    const unsigned char *p = (const unsigned char *)&addr;
    return p[2] << 8 | p[3];
}

/* Nobody asks a terminal; the private configuration comes in by an `ssh` that stands in front of the real one. */
static void write_ssh(const char *known_hosts)
{
    MT_CLEANUP(strbuf) struct strbuf cfg = STRBUF_INIT;
    strbuf_addf(&cfg,
                "Host far\n HostName 127.0.0.1\n Port %d\n User %s\n IdentityFile %s/id\n UserKnownHostsFile %s/%s\n"
                " GlobalKnownHostsFile /dev/null\n StrictHostKeyChecking yes\n IdentitiesOnly yes\n"
                "Host closed\n HostName 127.0.0.1\n Port 1\n",
                t.port, getuid() == 0 ? "root" : getenv("USER"), t.home.dir, t.home.dir, known_hosts);
    temphome_write(&t.home, "cfg", cfg.buf);
}

/* One attempt, on a port that was free a moment ago; false when somebody else has it by now. */
static bool try_sshd(void)
{
    MT_CLEANUP(strbuf) struct strbuf cfg = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(t.home.dir, "sshd_config");
    t.port = free_port();
    strbuf_addf(&cfg,
                "Port %d\nListenAddress 127.0.0.1\nHostKey %s/hostkey\nAuthorizedKeysFile %s/id.pub\nStrictModes no\n"
                "PidFile none\nUsePAM no\nPermitRootLogin yes\nLogLevel ERROR\n",
                t.port, t.home.dir, t.home.dir);
    temphome_write(&t.home, "sshd_config", cfg.buf);
    t.sshd = fork();
    assert_true(t.sshd >= 0);
    if (t.sshd == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 2);
        execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", path, (char *)NULL);
        _exit(127);
    }
    MT_CLEANUP(xfree)
    char *scan = xasprintf("ssh-keyscan -T 2 -p %d -t ed25519 127.0.0.1 >%s/known 2>/dev/null && test -s %s/known",
                           t.port, t.home.dir, t.home.dir);
    uint64_t deadline = clock_mono_ms() + patience(20000);
    while (clock_mono_ms() < deadline) { /* until it accepts connections */
        if (waitpid(t.sshd, NULL, WNOHANG) == t.sshd) {
            return false;
        }
        if (system(scan) == 0) { // NOLINT(cert-env33-c)
            return true;
        }
        usleep(20000);
    }
    kill(t.sshd, SIGTERM);
    waitpid(t.sshd, NULL, 0);
    return false;
}

static void start_sshd(void)
{
    for (int i = 0; i < 5; i++) {
        if (try_sshd()) {
            return;
        }
    }
    fail_msg("sshd does not come up");
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    if (access("/usr/sbin/sshd", X_OK) != 0) {
        return 0; /* each test says so */
    }
    temphome_open(&t.home);
    t.loop = loop_new();
    MT_CLEANUP(xfree)
    char *keys =
        xasprintf("mkdir -p /run/sshd; cd %s && ssh-keygen -q -t ed25519 -N '' -f hostkey && "
                  "ssh-keygen -q -t ed25519 -N '' -f id && ssh-keygen -q -t ed25519 -N '' -f other && mkdir bin",
                  t.home.dir);
    run(keys);
    MT_CLEANUP(xfree) char *shim = xasprintf("#!/bin/sh\nexec /usr/bin/ssh -F %s/cfg \"$@\"\n", t.home.dir);
    temphome_write(&t.home, "bin/ssh", shim);
    MT_CLEANUP(xfree) char *bin = path_join(t.home.dir, "bin/ssh");
    assert_int_equal(chmod(bin, 0755), 0);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/bin:%s", t.home.dir, getenv("PATH"));
    setenv("PATH", path, 1);
    start_sshd();
    write_ssh("known");
    t.far_socket = path_join(t.home.dir, "far.sock");
    t.listener = listen_unix(t.far_socket);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (t.loop == NULL) {
        return 0;
    }
    /* the master is nobody's child: it is asked to go */
    MT_CLEANUP(xfree)
    char *stop =
        xasprintf("for c in %s/hosts/*.ctl; do [ -S \"$c\" ] && ssh -S \"$c\" -O exit far 2>/dev/null; done; true",
                  t.home.paths.runtime);
    run(stop);
    kill(t.sshd, SIGTERM);
    waitpid(t.sshd, NULL, 0);
    close(t.listener);
    free(t.far_socket);
    assert_int_equal(loop_free(t.loop), 0);
    temphome_close(&t.home);
    return 0;
}

static void need_sshd(void)
{
    if (t.loop == NULL) {
        skip_because("there is no sshd (openssh-server) on this machine");
    }
}

static void on_up(void *arg, const struct error *err)
{
    (void)arg;
    t.told++;
    t.last = err != NULL ? *err : ERROR_INIT;
}

static struct forward *make(const char *name, const char *url)
{
    struct error err = ERROR_INIT;
    struct backend_target target = {.name = name, .url = url};
    struct forward *f = forward_new(t.loop, &t.home.paths, &target, &err);
    assert_non_null(f);
    return f;
}

static void wait_told(int count)
{
    for (int i = 0; t.told < count && i < 10000; i++) {
        loop_turn(t.loop, true);
    }
    assert_int_equal(t.told, count);
}

/* What is written at our end arrives over there. */
static void expect_through(const char *socket_path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char got[8] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    str_copy(addr.sun_path, sizeof(addr.sun_path), socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(write(fd, "hello", 5), 5);
    for (;;) { /* a knock before may have left an empty connection in the queue */
        struct timeval limit = {.tv_sec = 20};
        setsockopt(t.listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        int peer = accept(t.listener, NULL, NULL);
        assert_true(peer >= 0);
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        ssize_t n = read(peer, got, sizeof(got));
        close(peer);
        if (n > 0) {
            break;
        }
    }
    assert_memory_equal(got, "hello", 5);
    close(fd);
}

static void test_up_and_through(void **state)
{
    (void)state;
    need_sshd();
    MT_CLEANUP(xfree) char *url = xasprintf("ssh://far%s", t.far_socket);
    struct forward *a = make("far", url), *b = make("far", url); /* two cockpits */
    assert_string_equal(forward_socket(a), forward_socket(b));
    t.told = 0;
    forward_up(a, on_up, &t);
    forward_up(b, on_up, &t);
    forward_up(a, on_up, &t);
    assert_int_equal(t.told, 0);
    wait_told(3);
    assert_int_equal(t.last.code, ERROR_NONE);
    expect_through(forward_socket(a));
    forward_free(a);
    forward_free(b);
    loop_turn(t.loop, false);
    struct forward *c = make("far", url); /* the connection belongs to nobody: it is still there */
    forward_up(c, on_up, &t);
    wait_told(4);
    assert_int_equal(t.last.code, ERROR_NONE);
    expect_through(forward_socket(c));
    MT_CLEANUP(xfree)
    char *stop = xasprintf("ssh -S %s/hosts/far.ctl -O exit far 2>/dev/null", t.home.paths.runtime);
    run(stop); /* the link is cut */
    forward_up(c, on_up, &t);
    wait_told(5);
    assert_int_equal(t.last.code, ERROR_NONE);
    expect_through(forward_socket(c));
    forward_free(c);
}

static void test_folders(void **state)
{
    (void)state;
    need_sshd();
    MT_CLEANUP(xfree) char *url = xasprintf("ssh://far%s", t.far_socket);
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf input = STRBUF_INIT, got = STRBUF_INIT;
    temphome_mkdir(&t.home, "it's here/one");
    temphome_mkdir(&t.home, "it's here/two words");
    temphome_write(&t.home, "it's here/file", "no folder");
    MT_CLEANUP(xfree) char *root = path_join(t.home.dir, "it's here");
    struct forward *f = make("far", url);
    t.told = 0;
    forward_up(f, on_up, &t);
    wait_told(1);
    forward_list_argv(f, root, &argv, &input);
    temphome_write(&t.home, "script", input.buf);
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    for (size_t i = 0; i < argv.len; i++) {
        strbuf_addf(&line, "'%s' ", argv.v[i]);
    }
    strbuf_addf(&line, "<%s/script >%s/listed", t.home.dir, t.home.dir);
    run(line.buf);
    MT_CLEANUP(xfree) char *listed = path_join(t.home.dir, "listed");
    assert_int_equal(fs_read(listed, 1000, &got, NULL), 0);
    assert_string_equal(got.buf, "one\ntwo words\n");
    forward_free(f);
}

/* Each with words that say what to do. */
static void expect_refusal(const char *name, const char *url, const char *says, const char *hint)
{
    struct forward *f = make(name, url);
    t.told = 0;
    forward_up(f, on_up, &t);
    wait_told(1);
    assert_int_equal(t.last.code, ERROR_UNAVAILABLE);
    if (strstr(t.last.msg, says) == NULL || t.last.hint == NULL || strstr(t.last.hint, hint) == NULL) {
        fail_msg("'%s' (%s) lacks '%s' or '%s'", t.last.msg, t.last.hint, says, hint);
    }
    forward_free(f);
    loop_turn(t.loop, false);
}

static void test_refusals(void **state)
{
    (void)state;
    need_sshd();
    struct error err = ERROR_INIT;
    expect_refusal("closed", "ssh://closed/x.sock", "Connection refused", "sshd");
    expect_refusal("nosuch", "ssh://no-such-host.invalid/x.sock", "resolve", "[[hosts]]");
    expect_refusal("local", "unix:///nowhere/podman.sock", "nobody answers", "podman system service");
    write_ssh("nobody-known");
    expect_refusal("strange", "ssh://far/x.sock", "Host key verification failed", "once by hand");
    write_ssh("known");
    MT_CLEANUP(xfree) char *swap = xasprintf("cd %s && mv id mine && cp other id", t.home.dir);
    run(swap);
    expect_refusal("denied", "ssh://far/x.sock", "Permission denied", "agent");
    MT_CLEANUP(xfree) char *back = xasprintf("cd %s && mv mine id", t.home.dir);
    run(back);
    struct backend_target bad = {.name = "bad", .url = "ssh://-oProxyCommand=x/y"};
    assert_null(forward_new(t.loop, &t.home.paths, &bad, &err));
    bad.url = "http://far/";
    assert_null(forward_new(t.loop, &t.home.paths, &bad, &err));
}

static void test_cancel(void **state)
{
    (void)state;
    need_sshd();
    MT_CLEANUP(xfree) char *url = xasprintf("ssh://far%s", t.far_socket);
    struct forward *f = make("far-again", url);
    t.told = 0;
    forward_up(f, on_up, &t);
    forward_cancel(f, &t);
    wait_told(1);
    assert_int_equal(t.last.code, ERROR_CANCELED);
    forward_free(f);
    while (loop_turn(t.loop, true)) { /* what was in flight ends */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up_and_through),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
