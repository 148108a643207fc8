/* SPDX-License-Identifier: Apache-2.0 */
/* send, screen, wait and watch: scripts that drive real sessions. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/backends/verb_rig.h"

#define BASE ".config/muthr/sandbox.d/container/manifests/base.yaml"
#define BIG_BYTES (10u << 20)

/* A running sandbox; what is started in it reads a terminal. */
static int drive_setup(void **state)
{
    if (verb_setup(state) != 0) {
        return -1;
    }
    home_write(BASE, "security: {network: none}\n");
    verb_expect(0, "start", "demo", "--quiet");
    return 0;
}

/* Starts a session (command NULL: a shell) and tells its id. free(). */
static char *session_new(const char *command)
{
    struct ran r = RAN_INIT;

    if (command != NULL) {
        verb_run(&r, "shell", "demo", "--session", "-c", command);
    } else {
        verb_run(&r, "shell", "demo", "--session");
    }
    ran_expect(&r, 0);
    r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
    char *id = xstrdup(r.out.buf);
    ran_release(&r);
    return id;
}

/* What `screen` prints. free(). */
static char *screen_of(const char *id)
{
    struct ran r = RAN_INIT;

    verb_run(&r, "screen", id);
    ran_expect(&r, 0);
    char *text = xstrdup(r.out.buf);
    ran_release(&r);
    return text;
}

struct shows {
    const char *id, *text;
};

static bool screen_shows(const void *arg)
{
    const struct shows *s = arg;
    MT_CLEANUP(xfree) char *text = screen_of(s->id);

    return strstr(text, s->text) != NULL;
}

#define expect_screen(session, what)                                                                                   \
    do {                                                                                                               \
        const struct shows shows_ = {(session), (what)};                                                               \
        if (!verb_until(screen_shows, &shows_, RIG_DEADLINE_MS)) {                                                     \
            MT_CLEANUP(xfree) char *text_ = screen_of(session);                                                        \
            fail_msg("'%s' is not on the screen: %s", shows_.text, text_);                                             \
        }                                                                                                              \
    } while (0)

/* The one object that a verb printed. */
static struct json *told(struct ran *r, const char *verb, const char *id)
{
    verb_run(r, verb, id, "-o", "ndjson");
    ran_expect(r, 0);
    return ran_json(r);
}

/* --- send and screen --- */

static void test_typing(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *id = session_new(NULL);

    verb_expect(0, "wait", id, "--state", "ready", "--timeout", "30");
    verb_expect(0, "send", id, "echo", "six times seven: $((6*7))", "--enter");
    expect_screen(id, "six times seven: 42");
    /* The beginning of the id is enough, and keys are keys. */
    MT_CLEANUP(xfree) char *some = xstrndup(id, strlen(id) - 1);
    verb_expect(0, "send", some, "sleep 7703", "--enter");
    expect_screen(id, "sleep 7703");
    verb_expect(0, "send", id, "--key", "C-c");
    expect_screen(id, "^C");
    verb_expect(0, "send", id, "--", "--no-option", "-"); /* behind -- all is text */
    expect_screen(id, "--no-option -");
    verb_expect(0, "send", id, "--key", "C-u");
    verb_expect(0, "send", id, "printf '\\033[1;31mr%sd\\033[0m\\n' e", "--enter");
    expect_screen(id, "\nred\n");
    verb_run(&r, "screen", id, "--ansi");
    expect_text(&r.out, "\033[0;1;38:5:1mred\033[0m\n");
    verb_run(&r, "send", id, "x", "--key", "Nosuchkey");
    ran_expect(&r, 64);
    verb_run(&r, "send", id);
    ran_expect(&r, 64);
    verb_run(&r, "send", "nosuch", "x");
    ran_expect(&r, 66);
    ran_release(&r);
}

static void test_screen(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree)
    char *id = session_new("printf '\\033]2;a title\\007'; seq 100; printf 'Overwrite? [y/N] '; read x; exit 3");

    verb_expect(0, "wait", id, "--state", "blocked", "--timeout", "30");
    verb_run(&r, "screen", id);
    assert_true(strncmp(r.out.buf, "78\n79\n", 6) == 0);
    assert_non_null(strstr(r.out.buf, "100\nOverwrite? [y/N]\n"));
    verb_run(&r, "screen", id, "--history", "7");
    assert_true(strncmp(r.out.buf, "71\n72\n", 6) == 0);
    verb_run(&r, "screen", id, "--history", "100000");
    assert_true(strncmp(r.out.buf, "1\n2\n3\n", 6) == 0);
    verb_run(&r, "screen", id, "--history", "some");
    ran_expect(&r, 64);
    struct json *j = told(&r, "screen", id);
    assert_int_equal(json_get_int(json_get(j, "size"), "cols", 0), 80);
    assert_int_equal(json_get_int(json_get(j, "size"), "rows", 0), 24);
    assert_int_equal(json_get_int(json_get(j, "cursor"), "row", -1), 23);
    assert_int_equal(json_get_int(json_get(j, "cursor"), "col", -1), 17);
    assert_string_equal(json_get_string(j, "title", ""), "a title");
    assert_string_equal(json_get_string(j, "state", ""), "running");
    assert_string_equal(json_get_string(j, "attention_text", ""), "Overwrite? [y/N]");
    assert_string_equal(json_string(json_first(json_get(j, "rows"))), "78");
    /* Nobody has looked: the person is still called, and the terminal has the size it had. */
    assert_false(json_get_bool(j, "attention_seen", true));
    assert_true(json_get_bool(j, "needs_you", false));
    json_free(j);
    verb_expect(0, "send", id, "n", "--enter");
    verb_run(&r, "wait", id, "--state", "exited", "--timeout", "30");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "exited 3\n");
    expect_screen(id, "Overwrite? [y/N] n"); /* the last screen */
    verb_run(&r, "send", id, "too late", "-o", "json");
    ran_expect(&r, 1);
    expect_text(&r.err, "has ended (exited 3)");
    expect_text(&r.out, "\"error\"");
    ran_release(&r);
}

/* A program is told of a paste when it asked to be. */
static void test_paste(void **state)
{
    static const struct verb_how input = {.input = "two\nlines"};
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *id = session_new("stty raw -echo; printf '\\033[?2004hgo'; head -c 21 | od -An -c -w21");

    expect_screen(id, "go");
    verb_run_with(&r, &input, "send", id, "--paste", "-");
    ran_expect(&r, 0);
    expect_screen(id, "033   [   2   0   0   ~   t   w   o  \\r   l   i   n   e   s 033   [   2   0");
    ran_release(&r);
}

/* --- send: a lot --- */

/* Ten megabytes, each byte different from its neighbours. free(). */
static char *big_new(void)
{
    char *big = xcalloc(1, BIG_BYTES);
    uint32_t x = 2463534242u;

    for (size_t i = 0; i < BIG_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        big[i] = (char)x;
    }
    return big;
}

static bool size_is_big(const void *relative)
{
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s", vr.src, (const char *)relative);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;

    if (fd >= 0) {
        close(fd);
    }
    return size == BIG_BYTES;
}

static void test_ten_megabytes(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *big = big_new();
    MT_CLEANUP(xfree) char *got = xcalloc(1, BIG_BYTES);
    struct verb_how how = {.input = big, .input_len = BIG_BYTES};
    MT_CLEANUP(xfree) char *id = session_new("stty raw -echo; echo go; head -c 10485760 >big; exec sleep 7703");

    expect_screen(id, "go");
    verb_run_with(&r, &how, "send", id, "-", "-o", "ndjson");
    ran_expect(&r, 0);
    expect_text(&r.out, "\"taken\":10485760");
    assert_true(verb_until(size_is_big, "demo/big", RIG_DEADLINE_MS));
    MT_CLEANUP(xfree) char *path = xasprintf("%s/demo/big", vr.src);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, got, BIG_BYTES), BIG_BYTES);
    close(fd);
    assert_memory_equal(got, big, BIG_BYTES);
    /* Now nobody reads: what was taken is told, and it is not all. */
    verb_run_with(&r, &how, "send", id, "--timeout", "1", "-");
    ran_expect(&r, 124);
    expect_text(&r.err, "does not read: ");
    ran_release(&r);
}

/* A program that ends in the middle: what nobody took is not told as taken. */
static void test_end_in_between(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *big = big_new();
    struct verb_how how = {.input = big, .input_len = BIG_BYTES};
    MT_CLEANUP(xfree) char *id = session_new("stty raw -echo; echo go; head -c 100000 >/dev/null; sleep 1; exit 5");

    expect_screen(id, "go");
    verb_run_with(&r, &how, "send", id, "-");
    ran_expect(&r, 1);
    expect_text(&r.err, "has ended (exited 5)");
    ran_release(&r);
}

/* --- wait --- */

static void test_wait(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *id = session_new(NULL);

    verb_run(&r, "wait", id, "--state", "ready", "--timeout", "30");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "ready\n");
    verb_run(&r, "wait", id, "--state", "blocked", "--timeout", "1");
    ran_expect(&r, 124);
    /* A command that says nothing is no prompt. */
    verb_expect(0, "send", id, "sleep 3; touch slept", "--enter");
    verb_expect(0, "wait", id, "--state", "ready", "--timeout", "30");
    assert_true(src_exists("demo/slept"));
    pid_t waits = verb_begin("wait", id, "--state", "blocked", "--output", "ndjson");
    verb_expect(0, "send", id, "read -p 'Go on? [y/N] ' x; exit 4", "--enter");
    assert_int_equal(verb_wait(waits, RIG_DEADLINE_MS), 0);
    MT_CLEANUP(xfree) char *said = verb_said("out");
    assert_non_null(strstr(said, "\"attention_text\":\"Go on? [y/N]\""));
    assert_non_null(strstr(said, "\"reached\":\"blocked\""));
    verb_run(&r, "wait", id, "--state", "ready", "--timeout", "1"); /* it asks */
    ran_expect(&r, 124);
    waits = verb_begin("wait", id, "--state", "exited", "-o", "ndjson");
    verb_expect(0, "send", id, "y", "--enter");
    assert_int_equal(verb_wait(waits, RIG_DEADLINE_MS), 0);
    MT_CLEANUP(xfree) char *end = verb_said("out");
    assert_non_null(strstr(end, "\"exit_code\":4"));
    verb_run(&r, "wait", id, "--state", "ready");
    ran_expect(&r, 1); /* never again */
    expect_text(&r.err, "ended before (exited 4)");
    verb_expect(64, "wait", id);
    verb_expect(64, "wait", id, "--state", "happy");
    verb_expect(66, "wait", "nosuch", "--state", "exited");
    ran_release(&r);
}

/* --- watch --- */

/* Is that in what the one in the background said? */
static bool was_said(const void *text)
{
    MT_CLEANUP(xfree) char *said = verb_said("out");

    return strstr(said, text) != NULL;
}

static void test_watch(void **state)
{
    (void)state;
    pid_t watch = verb_begin("watch");

    assert_true(verb_until(was_said, "{\"event\":\"snapshot_end\"}", RIG_DEADLINE_MS));
    assert_true(was_said("{\"event\":\"snapshot\",\"kind\":\"workspace\""));
    assert_true(was_said("\"name\":\"muthr-demo\",\"project\":\"demo\",\"status\":\"running\""));
    MT_CLEANUP(xfree) char *id = session_new("read x; exit 6");
    MT_CLEANUP(xfree)
    char *added =
        xasprintf("{\"event\":\"added\",\"kind\":\"session\",\"passed_over\":0,\"session\":{\"id\":\"%s\"", id);
    assert_true(verb_until(was_said, added, RIG_DEADLINE_MS));
    verb_expect(0, "send", id, "--enter");
    assert_true(verb_until(was_said, "\"state\":\"exited\"", RIG_DEADLINE_MS));
    verb_expect(0, "stop", "demo", "--quiet");
    assert_true(verb_until(was_said, "\"status\":\"stopped\"", RIG_DEADLINE_MS));
    /* What another process did, to its end. */
    assert_true(verb_until(was_said, "\"plan\":\"stop\",\"sandbox\":\"muthr-demo\",\"profile\":null,\"state\":\"done\"",
                           RIG_DEADLINE_MS));
    MT_CLEANUP(xfree) char *gone = path_join(vr.src, "other");
    assert_int_equal(rmdir(gone), 0);
    assert_true(verb_until(was_said, "{\"event\":\"removed\",\"kind\":\"workspace\"", RIG_DEADLINE_MS));
    kill(watch, SIGTERM);
    assert_int_equal(verb_wait(watch, RIG_DEADLINE_MS), 0);
    /* Killed outright it leaves nothing: verb_teardown looks. */
    watch = verb_begin("watch", "--only", "workspace");
    assert_true(verb_until(was_said, "{\"event\":\"snapshot_end\"}", RIG_DEADLINE_MS));
    assert_false(was_said("\"kind\":\"session\""));
    kill(watch, SIGKILL);
    assert_int_equal(verb_wait(watch, RIG_DEADLINE_MS), 128 + SIGKILL);
    verb_expect(64, "watch", "--only", "weather");
}

/* A reader that goes is a good end; a full disk is not. */
static void test_watch_broken(void **state)
{
    static const struct verb_how broken = {.broken_stdout = true}, full = {.full_stdout = true};
    struct ran r = RAN_INIT;
    (void)state;

    verb_run_with(&r, &broken, "watch");
    ran_expect(&r, 0);
    verb_run_with(&r, &full, "watch");
    ran_expect(&r, 1);
    expect_text(&r.err, "cannot write to stdout");
    ran_release(&r);
}

/* Runs a script with $M, in the project folder. */
static pid_t script_begin(const char *script, const char *argument)
{
    pid_t pid = fork();

    if (pid == 0) {
        setenv("M", getenv("MT_TEST_PROGRAM"), 1);
        if (chdir(vr.src) < 0) {
            _exit(98);
        }
        execl("/bin/sh", "sh", "-c", script, "script", argument, (char *)NULL);
        _exit(99);
    }
    return pid;
}

/* Five lines that answer every question with y. */
static void test_script(void **state)
{
    static const char *const SCRIPT = "\"$M\" watch --only session | while read -r line; do\n"
                                      "  case $line in *'\"blocked\":true'*) ;; *) continue ;; esac\n"
                                      "  id=${line#*'\"id\":\"'}; id=${id%%'\"'*}\n"
                                      "  \"$M\" send \"$id\" y --enter\n"
                                      "done\n";
    struct ran r = RAN_INIT;
    (void)state;
    pid_t script = script_begin(SCRIPT, "");
    MT_CLEANUP(xfree)
    char *one =
        session_new("printf 'Delete it? [y/N] '; read a; printf 'Really? [y/N] '; read b; echo \"$a$b\" >said; exit 7");

    verb_run(&r, "wait", one, "--state", "exited", "--timeout", "30");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "exited 7\n");
    MT_CLEANUP(xfree) char *said = home_read("src/demo/said");
    assert_string_equal(said, "yy\n");
    pid_t watch = verb_process("muthr-tui", "watch");
    assert_true(watch > 0);
    kill(watch, SIGTERM);
    assert_int_equal(verb_wait(script, RIG_DEADLINE_MS), 0);
    ran_release(&r);
}

/* `watch` into a pipe of one page, which holds little; the end to read from. */
static pid_t watch_begin_narrow(int *fd)
{
    int p[2];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_true(fcntl(p[0], F_SETPIPE_SZ, 4096) >= 4096);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(p[1], 1);
        if (chdir(vr.src) < 0) {
            _exit(98);
        }
        execl(getenv("MT_TEST_PROGRAM"), "muthr-tui", "watch", "--only", "session", (char *)NULL);
        _exit(99);
    }
    close(p[1]);
    *fd = p[0];
    return pid;
}

struct reading {
    int fd;
    struct strbuf heard;
    size_t sessions;
};

/* Reads on; did it hear of the end of every session? */
static bool heard_ends(const void *arg)
{
    struct reading *in = *(struct reading *const *)arg;
    char buf[4096];
    ssize_t n = 0;
    size_t ended = 0;

    while (poll(&(struct pollfd){.fd = in->fd, .events = POLLIN}, 1, 0) > 0 &&
           (n = read(in->fd, buf, sizeof(buf))) > 0) {
        strbuf_add(&in->heard, buf, (size_t)n);
    }
    for (const char *p = in->heard.buf; (p = strstr(p, "\"state\":\"exited\"")) != NULL; p++) {
        ended++;
    }
    return ended == in->sessions;
}

/* A reader that stands still: what changes meanwhile is told once, as it is then. */
static void test_slow_reader(void **state)
{
    (void)state;
    char *ids[8];
    struct reading in = {.heard = STRBUF_INIT, .sessions = MT_ARRAY_LEN(ids)}, *reads = &in;
    pid_t watch = watch_begin_narrow(&in.fd);

    /* More than the pipe holds: sessions each with a long title that it sets again and again. */
    for (size_t i = 0; i < MT_ARRAY_LEN(ids); i++) {
        ids[i] = session_new("for i in $(seq 5); do printf '\\033]2;%0150d\\007' $i; sleep 0.6; done; echo x >>ends");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(ids); i++) {
        verb_expect(0, "wait", ids[i], "--state", "exited", "--timeout", "60");
        free(ids[i]);
    }
    assert_true(verb_until(heard_ends, &reads, RIG_DEADLINE_MS)); /* the newest state of each */
    size_t lines = 0, over = 0;
    for (const char *p = in.heard.buf; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    for (const char *p = in.heard.buf; (p = strstr(p, "\"passed_over\":")) != NULL; p++) {
        over += strtoul(p + strlen("\"passed_over\":"), NULL, 10);
    }
    print_message("  %zu lines, %zu passed over\n", lines, over);
    assert_true(over > 0);
    assert_true(lines < 100);
    kill(watch, SIGTERM);
    assert_int_equal(verb_wait(watch, RIG_DEADLINE_MS), 0);
    close(in.fd);
    strbuf_release(&in.heard);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_typing, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_screen, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_paste, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_ten_megabytes, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_end_in_between, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_wait, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_watch, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_watch_broken, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_script, drive_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_slow_reader, drive_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
