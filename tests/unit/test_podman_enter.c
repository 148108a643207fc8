/* SPDX-License-Identifier: Apache-2.0 */
/* The relay of sessions in containers, over a `podman` that only stands for the real one: what it does when podman
 * cannot give a terminal (X3), and when podman itself is killed (X4). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/podman/podman.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/unit/temphome.h"

#define DEADLINE_MS 20000

/* Runs what stands behind the container's name as a program inside would be run: with its pid file here, in a session
 * of its own. */
#define INSIDE                                                                                                         \
    "log() { echo \"$*\" >>\"$D/calls\"; }\n"                                                                          \
    "log \"$*\"; tty=no; shift\n"                                                                                      \
    "while [ \"$1\" != box ]; do [ \"$1\" = --tty ] && tty=yes; shift; done; shift\n"

static struct temphome home;

static int setup(void **state)
{
    (void)state;
    temphome_open(&home);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/bin:%s", home.dir, getenv("PATH"));
    setenv("PATH", path, 1);
    setenv("D", home.dir, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temphome_close(&home);
    return 0;
}

static void fake_podman(const char *rest)
{
    MT_CLEANUP(xfree) char *text = xasprintf("#!/bin/bash\n" INSIDE "%s", rest);
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "bin/podman");
    temphome_write(&home, "bin/podman", text);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Runs the relay to its end; everything that it and the program say goes to `out`. Returns its exit code. */
static int relay(const char *const *command, struct strbuf *out)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    int p[2], status = 0;
    char buf[512];
    strvec_pushl(&argv, "podman-enter", "--user", "1000:1000", "box", "--", NULL);
    strvec_pushv(&argv, command);
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm((unsigned)(patience(DEADLINE_MS) / 1000));
        dup2(p[1], 1);
        dup2(p[1], 2);
        close(p[0]);
        close(p[1]);
        _exit(podman_enter_main((int)argv.len, argv.v));
    }
    close(p[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (ssize_t n; (n = read(p[0], buf, sizeof(buf))) > 0;) {
        strbuf_add(out, buf, (size_t)n);
    }
    close(p[0]);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t calls(void)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "calls");
    size_t n = 0;
    fs_read(path, 65536, &text, NULL);
    for (const char *c = text.buf; (c = strchr(c, '\n')) != NULL; c++) {
        n++;
    }
    return n;
}

static void test_no_terminal(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    fake_podman("[ $tty = yes ] && { echo 'Error: runc: console socket: no such device' >&2; exit 126; }\n"
                "[ \"$3\" = : ] || shift 4\n exec \"$@\"\n"); /* without the script that leaves the pid */
    const char *const command[] = {"sh", "-c", "echo all is well; exit 3", NULL};
    assert_int_equal(relay(command, &out), 3);
    assert_non_null(strstr(out.buf, "going on without one"));
    assert_non_null(strstr(out.buf, "all is well"));
    assert_int_equal(calls(), 3); /* with a terminal, the look, without one: once */
}

/* A sandbox that is not fine, and a program that fails by itself, are told as they are. */
static void test_no_second_try(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    const char *const command[] = {"bash", "-l", NULL};
    fake_podman("echo 'Error: can only create exec sessions on running containers: container state improper' >&2\n"
                "exit 255\n");
    assert_int_equal(relay(command, &out), 125);
    assert_null(strstr(out.buf, "going on"));
    assert_int_equal(calls(), 2);
    fake_podman("exit 7\n");
    assert_int_equal(relay(command, &out), 7);
    assert_int_equal(calls(), 3);
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0;
}

static void test_client_killed(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT, text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "inner");
    /* The program goes on when its client is gone; the second call ends it by its pid file, as inside. */
    fake_podman("if [ $tty = yes ]; then\n"
                "  setsid bash -c 'trap \"\" HUP TERM; echo $$ >\"$D/inner.new\"; mv \"$D/inner.new\" \"$D/inner\"; "
                "while :; do read -t 1 <> <(:); done' >/dev/null 2>&1 </dev/null &\n"
                "  until [ -s \"$D/inner\" ]; do :; done; kill -9 $$\n"
                "fi\n"
                "set -- \"$1\" \"$2\" \"$3\" \"$D/inner\" \"$5\"; exec \"$@\" >/dev/null 2>&1\n");
    const char *const command[] = {"bash", "-l", NULL};
    assert_int_equal(relay(command, &out), 128 + SIGKILL);
    assert_int_equal(fs_read(path, 64, &text, NULL), 0);
    pid_t inner = (pid_t)strtol(text.buf, NULL, 10);
    assert_true(inner > 1);
    uint64_t limit = clock_mono_ms() + patience(DEADLINE_MS);
    while (!is_gone(inner) && clock_mono_ms() < limit) {
        usleep(20000); /* HUP, TERM a second later, KILL two seconds later */
    }
    bool gone = is_gone(inner);
    if (!gone) {
        kill(inner, SIGKILL);
    }
    assert_true(gone);
}

/* Killed by force itself, the relay leaves nothing running inside either. */
static void test_relay_killed(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "inner");
    fake_podman("if [ $tty = yes ]; then\n"
                "  setsid bash -c 'trap \"\" HUP TERM; echo $$ >\"$D/inner.new\"; mv \"$D/inner.new\" \"$D/inner\"; "
                "while :; do read -t 1 <> <(:); done' >/dev/null 2>&1 </dev/null\n"
                "  exit 0\n"
                "fi\n"
                "set -- \"$1\" \"$2\" \"$3\" \"$D/inner\" \"$5\"; exec \"$@\" >/dev/null 2>&1\n");
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    strvec_pushl(&argv, "podman-enter", "--user", "1000:1000", "box", "--", "bash", "-l", NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(podman_enter_main((int)argv.len, argv.v));
    }
    uint64_t limit = clock_mono_ms() + patience(DEADLINE_MS);
    while (!fs_exists(path) && clock_mono_ms() < limit) {
        usleep(20000);
    }
    assert_int_equal(fs_read(path, 64, &text, NULL), 0);
    pid_t inner = (pid_t)strtol(text.buf, NULL, 10);
    assert_true(inner > 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (!is_gone(inner) && clock_mono_ms() < limit) {
        usleep(20000);
    }
    bool gone = is_gone(inner);
    if (!gone) {
        kill(inner, SIGKILL);
    }
    assert_true(gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_terminal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_second_try, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relay_killed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
