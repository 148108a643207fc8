/* SPDX-License-Identifier: Apache-2.0 */
/* The client of sessions in Apple's containers, over a `container` that only stands for the real one: what stands in
 * its argv and what does not, whose exit code is whose, the terminal before, meanwhile and afterwards. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/container/container.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/unit/temphome.h"

#define DEADLINE_MS 20000

/* Notes its arguments, and leaves behind the container what is to be run, without the shell that leaves the pid. */
#define INSIDE                                                                                                         \
    "echo \"$*\" >>\"$D/calls\"; verb=$1; tty=no; user=none; shift\n"                                                  \
    "[ $verb = inspect ] && { echo '[{\"configuration\":{\"labels\":{\"muthr.user\":\"501:20\"}}}]'; exit 0; }\n"      \
    "while [ \"$1\" != box ]; do [ \"$1\" = --tty ] && tty=yes; [ \"$1\" = --user ] && user=$2; shift; done; shift "   \
    "5\n"

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
    unsetenv("MUTHR_ENTER_ENV_SECRET");
    unsetenv("MUTHR_ENTER_ENV_HOME");
    temphome_close(&home);
    return 0;
}

static void fake(const char *rest)
{
    MT_CLEANUP(xfree) char *text = xasprintf("#!/bin/bash\n" INSIDE "%s", rest);
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "bin/container");
    (void)unlink(path); /* the one before may be on its way to run still: it cannot be written then */
    temphome_write(&home, "bin/container", text);
    assert_int_equal(chmod(path, 0755), 0);
}

static char *calls(void)
{
    struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "calls");
    fs_read(path, 65536, &text, NULL);
    unlink(path);
    return strbuf_detach(&text, NULL);
}

/* Runs the client without a terminal to its end. Returns its exit code. */
static int enter(const char *const *args, struct strbuf *out)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    int p[2], status = 0;
    char buf[512];
    strvec_push(&argv, "container-enter");
    strvec_pushv(&argv, args);
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm((unsigned)(patience(DEADLINE_MS) / 1000));
        dup2(p[1], 1);
        dup2(p[1], 2);
        close(p[0]);
        close(p[1]);
        _exit(container_enter_main((int)argv.len, argv.v));
    }
    close(p[1]);
    for (ssize_t n; (n = read(p[0], buf, sizeof(buf))) > 0;) {
        strbuf_add(out, buf, (size_t)n);
    }
    close(p[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_arguments(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    setenv("MUTHR_ENTER_ENV_SECRET", "hush", 1);
    setenv("MUTHR_ENTER_ENV_HOME", "/home/muthr", 1);
    fake("echo \"user $user secret $SECRET\"; exec \"$@\"\n");
    const char *const args[] = {"--cwd", "/workspace", "--ask-user", "--no-tty", "box",
                                "--",    "sh",         "-c",         "exit 7",   NULL};
    assert_int_equal(enter(args, &out), 7);
    assert_non_null(strstr(out.buf, "user 501:20 secret hush"));
    MT_CLEANUP(xfree) char *said = calls();
    assert_non_null(strstr(said, "inspect box\n"));
    /* By name, never by value; what the command itself looks at by value. All of it in front of the container. */
    const char *exec = strstr(said, "exec --interactive ");
    assert_non_null(exec);
    assert_non_null(strstr(exec, " --env SECRET "));
    assert_non_null(strstr(exec, " --env HOME=/home/muthr "));
    assert_non_null(strstr(exec, " --workdir /workspace --user 501:20 box sh -c "));
    assert_null(strstr(said, "hush"));
    assert_null(strstr(said, "--tty"));
}

/* Waits for the call that ends what a client which was killed left inside, and forgets it. */
static void expect_second_call(void)
{
    uint64_t limit = clock_mono_ms() + patience(DEADLINE_MS);
    MT_CLEANUP(strbuf) struct strbuf said = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "calls");
    const char *first = NULL;
    while (!first || !strstr(first, "\nexec --")) {
        if (clock_mono_ms() > limit) {
            fail_msg("no second call in: %s", said.buf);
        }
        usleep(5000);
        strbuf_clear(&said);
        fs_read(path, 65536, &said, NULL);
        first = strstr(said.buf, "exec --interactive");
    }
    unlink(path);
}

static void test_whose_failure(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int code;
    } cases[] = {
        /* the program's own */
        {"echo 'Error: something not found' >&2; exit 1", 1},
        {"echo 'Error: 5' >&2; exit 3", 3},
        {"exit 125", 125},
        {"kill -TERM $$", 128 + SIGTERM},
        /* the command's, of both styles */
        {"echo 'Error: failed to exec process (cause: \"unknown: \\\"failed to find target executable nope\\\"\")' "
         ">&2; exit 1",
         127},
        {"echo 'Error: internalError: \"failed to exec process internalError: \\\"failed to find target executable "
         "nope\\\"\"' >&2; exit 1",
         127},
        {"echo 'Error: invalidState: \"container box is not running\"' >&2; exit 1", 125},
        {"echo 'Error: container box is not running' >&2; exit 1", 125},
        {"echo 'Error: container box is not running (cause: \"invalidState\")' >&2; exit 1", 125},
        {"echo 'Error: interrupted: \"XPC connection error: Connection invalid\"' >&2; exit 1", 125},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
        const char *const args[] = {"--no-tty", "--user", "501:20", "box", "--", "nope", NULL};
        fake(cases[i].script);
        assert_int_equal(enter(args, &out), cases[i].code);
        if (cases[i].code == 128 + SIGTERM) { /* then what was begun inside is ended by a second call, later */
            expect_second_call();
            continue;
        }
        MT_CLEANUP(xfree) char *said = calls();
        const char *first = strstr(said, "exec --interactive");
        assert_non_null(first);
        assert_null(strstr(first, "\nexec --")); /* never run a second time */
    }
}

/* --- on a terminal --- */

struct terminal {
    int master, slave;
    pid_t pid;
    struct termios before; /* as it was before the client had it */
    struct strbuf out;
};

/* The client on a terminal of its own, as the host has it. */
static void terminal_open(struct terminal *t)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    static const char *const args[] = {"container-enter", "--user", "501:20", "box", "--", "bash", "-l", NULL};
    t->out = STRBUF_INIT;
    t->master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(t->master >= 0 && grantpt(t->master) == 0 && unlockpt(t->master) == 0);
    t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY);
    assert_true(t->slave >= 0);
    ioctl(t->master, TIOCSWINSZ, &size);
    assert_int_equal(tcgetattr(t->slave, &t->before), 0);
    t->pid = fork();
    if (t->pid == 0) {
        alarm((unsigned)(patience(DEADLINE_MS) / 1000));
        setsid();
        ioctl(t->slave, TIOCSCTTY, 0);
        for (int fd = 0; fd <= 2; fd++) {
            dup2(t->slave, fd);
        }
        close(t->slave);
        close(t->master);
        _exit(container_enter_main(7, (char **)(uintptr_t)args));
    }
    fcntl(t->master, F_SETFL, O_NONBLOCK);
}

/* Reads until the text was seen. */
static void terminal_until(struct terminal *t, const char *text)
{
    uint64_t limit = clock_mono_ms() + patience(DEADLINE_MS);
    while (!strstr(t->out.buf, text)) {
        char buf[512];
        ssize_t n = read(t->master, buf, sizeof(buf));
        if (n > 0) {
            strbuf_add(&t->out, buf, (size_t)n);
        } else {
            usleep(5000);
        }
        if (clock_mono_ms() > limit) {
            fail_msg("no '%s' in: %s", text, t->out.buf);
        }
    }
}

static int terminal_close(struct terminal *t)
{
    int status = 0;
    assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
    close(t->slave);
    close(t->master);
    strbuf_release(&t->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the real command does to its terminal: raw, but for OPOST, which it turns on. The line ends that come from
 * inside are complete, so that nothing may be added to them. */
#define RAW "stty raw -echo opost\n"

static void test_line_ends(void **state)
{
    (void)state;
    struct terminal t;
    struct termios after;
    fake(RAW "[ $tty = yes ] || exit 9; printf 'one\\ntwo\\r\\nthree|'; stty -a | grep -ow opost; exit 4\n");
    terminal_open(&t);
    terminal_until(&t, "three|");
    assert_non_null(strstr(t.out.buf, "one\ntwo\r\nthree|"));
    assert_null(strstr(t.out.buf, "one\r"));
    terminal_until(&t, "opost");
    /* sane again when it is over, whatever the command left */
    int status = 0;
    assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
    assert_int_equal(WEXITSTATUS(status), 4);
    assert_int_equal(tcgetattr(t.slave, &after), 0);
    assert_true(t.before.c_oflag == after.c_oflag && t.before.c_lflag == after.c_lflag &&
                t.before.c_iflag == after.c_iflag);
    assert_true((after.c_oflag & ONLCR) != 0);
    close(t.slave);
    close(t.master);
    strbuf_release(&t.out);
}

/* The size of our terminal is that of the command's: it is told of a change as of a keyboard's. */
static void test_resize(void **state)
{
    (void)state;
    struct terminal t;
    struct winsize size = {.ws_row = 50, .ws_col = 132};
    fake("sleep 60 & trap 'kill $!; stty size; exit 5' WINCH; " RAW "stty size; wait\n");
    terminal_open(&t);
    terminal_until(&t, "24 80");
    assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
    terminal_until(&t, "50 132");
    assert_int_equal(terminal_close(&t), 5);
}

/* A program that cannot be begun is told with the terminal's line ends; nothing is tried again. */
static void test_told(void **state)
{
    (void)state;
    struct terminal t;
    fake(RAW "echo 'Error: failed to exec process (cause: \"unknown: \\\"failed to find target executable bash\\\"\")' "
             ">&2; exit 1\n");
    terminal_open(&t);
    terminal_until(&t, "the image has no such program\r");
    assert_int_equal(terminal_close(&t), 127);
    MT_CLEANUP(xfree) char *said = calls();
    assert_null(strstr(said, "\nexec --"));
}

/* A command that catches SIGTERM and goes on, as the real one does on a terminal: the end is made inside, and it is not
 * waited for long. */
static void test_ended(void **state)
{
    (void)state;
    struct terminal t;
    fake("[ $tty = yes ] || { echo ended >\"$D/ended\"; exit 0; }\n" RAW
         "trap '' TERM INT; printf 'up|'; while [ ! -e \"$D/ended\" ]; do read -t 0.05 <> <(:); done; exit 0\n");
    terminal_open(&t);
    terminal_until(&t, "up|");
    kill(t.pid, SIGTERM);
    assert_int_equal(terminal_close(&t), 128 + SIGTERM);
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "ended");
    assert_true(fs_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_line_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resize, setup, teardown),
        cmocka_unit_test_setup_teardown(test_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ended, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
