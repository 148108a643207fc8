/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/bwrap_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/bwrap/bwrap.h"
#include "core/io/handover.h"
#include "core/io/proc.h"
#include "core/io/pty.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

/* Programs inside, by pipe and by terminal, through the same client that sessions use. */

#define BOX "muthr-enter"

static int setup(void **state)
{
    if (fixture_setup(state) < 0) {
        return -1;
    }
    sandbox_up(BOX, NET_NONE, 0, 200);
    return 0;
}

/* Number of processes inside whose command line holds the mark. */
static int count_inside(const char *mark)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    /* The bracket keeps the counting shell itself out. */
    char *script =
        xasprintf("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^[%c]%s$'", mark[0], mark + 1);
    sandbox_sh(BOX, &out, script);
    free(script);
    return (int)strtol(out.buf, NULL, 10);
}

static bool is_gone_inside(void *arg)
{
    return count_inside(arg) == 0;
}

static bool is_there_inside(void *arg)
{
    return count_inside(arg) > 0;
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(sandbox_sh(BOX, NULL, "exit 0"), 0);
    assert_int_equal(sandbox_sh(BOX, NULL, "exit 7"), 7);
    assert_int_equal(sandbox_sh(BOX, NULL, "kill -TERM $$"), 143);
    assert_int_equal(sandbox_sh(BOX, NULL, "kill -KILL $$"), 137);
    const char *const missing[] = {"/no/such/program", NULL}, *const folder[] = {"/usr", NULL},
                      *const yes[] = {"true", NULL};
    struct backend_call call = {.verb = BACKEND_EXEC, .name = BOX, .argv = missing};
    assert_int_equal(call_run(&call), ERROR_EXIT);
    assert_int_equal(call.exit_code, 127);
    assert_int_equal(fx_error.sys, 127);
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = BOX, .argv = folder};
    assert_int_equal(call_run(&call), ERROR_EXIT);
    assert_int_equal(call.exit_code, 126);
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = BOX, .argv = yes, .cwd = "/no/such/folder"};
    assert_int_equal(call_run(&call), ERROR_EXIT);
    assert_int_equal(call.exit_code, 126);
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = "muthr-none", .argv = yes};
    assert_int_equal(call_run(&call), ERROR_UNAVAILABLE);
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = BOX, .argv = NULL};
    assert_int_equal(call_run(&call), ERROR_INVALID);
}

static void read_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    strbuf_addf(call->arg, "%d:%.*s;", is_stderr, (int)len, line);
}

static void on_simple_done(struct backend_call *call, const struct error *err)
{
    (void)err;
    strbuf_addstr(call->arg, "done");
}

static bool says_done(void *arg)
{
    return strstr(((struct strbuf *)arg)->buf, "done") != NULL;
}

static void test_environment_folder_input(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    const char *const argv[] = {"sh", "-c",
                                "echo \"$SECRET_VALUE|$TERM|$PWD\"; echo oops >&2; cat; tr '\\0' ' ' < "
                                "/proc/self/cmdline; env | grep -c MUTHR_ENTER",
                                NULL};
    const char *const env[] = {"SECRET_VALUE=a=b c", "TERM=dumb", NULL}, *const bad[] = {"A B=c", NULL};
    struct backend_call call = {.verb = BACKEND_EXEC,
                                .name = BOX,
                                .argv = argv,
                                .env = env,
                                .cwd = "/usr/lib",
                                .input = "in\n",
                                .input_len = 3,
                                .on_line = read_line,
                                .done = on_simple_done,
                                .arg = &out};
    bwrap_backend.submit(fx.be, &call);
    assert_true(wait_for(says_done, &out, DEADLINE_MS));
    assert_non_null(strstr(out.buf, "0:a=b c|dumb|/usr/lib;"));
    assert_non_null(strstr(out.buf, "1:oops;"));
    assert_non_null(strstr(out.buf, "0:in;"));
    assert_null(strstr(out.buf, "muthr-tui"));
    strbuf_release(&out);
    call = (struct backend_call){.verb = BACKEND_EXEC, .name = BOX, .argv = argv, .env = bad};
    assert_int_equal(call_run(&call), ERROR_INVALID);
    /* Values must not be readable by others through the client's command line. */
    struct strvec argv_out = STRVEC_INIT, env_out = STRVEC_INIT;
    struct exec_spec spec = {.sandbox = BOX, .argv = argv, .env = env, .cwd = "/", .tty = true};
    assert_int_equal(bwrap_backend.exec_argv(fx.be, &spec, &argv_out, &env_out, NULL), 0);
    for (size_t i = 0; i < argv_out.len; i++) {
        assert_null(strstr(argv_out.v[i], "a=b c"));
    }
    assert_string_equal(strvec_getenv(&env_out, "MUTHR_ENTER_ENV_SECRET_VALUE"), "a=b c");
    strvec_release(&argv_out);
    strvec_release(&env_out);
}

/* --- bytes through pipes --- */

#define BLOB_LEN (3u << 20)

struct piped {
    bool done, equal;
    size_t got;
    const unsigned char *want;
};

static void on_piped_data(void *arg, enum proc_stream stream, const char *data, size_t len)
{
    struct piped *p = arg;
    if (stream == PROC_STDOUT) {
        p->equal = p->equal && p->got + len <= BLOB_LEN && memcmp(p->want + p->got, data, len) == 0;
        p->got += len;
    }
}

static void on_piped_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct piped *p = arg;
    p->done = true;
    p->equal = p->equal && !err && res->exit_code == 0;
}

static bool is_piped(void *arg)
{
    return ((struct piped *)arg)->done;
}

static void test_binary_through_pipes(void **state)
{
    (void)state;
    unsigned char *blob = xmalloc(BLOB_LEN);
    uint32_t x = 1;
    for (size_t i = 0; i < BLOB_LEN; i++) {
        x = x * 1664525u + 1013904223u;
        blob[i] = (unsigned char)(x >> 24);
    }
    struct piped p = {.equal = true, .want = blob};
    const char *const argv[] = {fx.paths.executable, "enter", BOX, "--no-tty", "--", "cat", NULL};
    struct proc_opts opts = {.argv = argv,
                             .input = blob,
                             .input_len = BLOB_LEN,
                             .on_data = on_piped_data,
                             .on_done = on_piped_done,
                             .arg = &p};
    assert_int_equal(proc_start(NULL, fx.loop, &opts, NULL), 0);
    assert_true(wait_for(is_piped, &p, DEADLINE_MS));
    assert_int_equal(p.got, BLOB_LEN);
    assert_true(p.equal);
    free(blob);
}

/* --- terminals --- */

struct session {
    struct pty *pty;
    struct strbuf out;
    const char *want;
    bool exited;
    int code;
};

static void on_pty_data(void *arg, const char *data, size_t len)
{
    strbuf_add(&((struct session *)arg)->out, data, len);
}

static void on_pty_exit(void *arg, int code, int signum)
{
    struct session *s = arg;
    (void)signum;
    s->exited = true;
    s->code = code;
}

static bool has_exited(void *arg)
{
    return ((struct session *)arg)->exited;
}

static bool has_output(void *arg)
{
    struct session *s = arg;
    return strstr(s->out.buf, s->want) != NULL;
}

/* The client hands the sandbox's terminal over, as a host wants it, or carries the bytes, as for a shell. */
enum way { HANDED_OVER, RELAYED, WAYS };

static void session_open(struct session *s, enum way way, const char *script)
{
    extern char **environ;
    struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    const char *const inner[] = {"bash", "-c", script, NULL};
    struct exec_spec spec = {.sandbox = BOX, .argv = inner, .cwd = "/workspace", .tty = true};
    *s = (struct session){.out = STRBUF_INIT};
    strvec_pushv(&env, (const char *const *)environ);
    assert_int_equal(bwrap_backend.exec_argv(fx.be, &spec, &argv, &env, NULL), 0);
    assert_string_equal(strvec_getenv(&env, HANDOVER_ENV), HANDOVER_WANTED);
    if (way == RELAYED) {
        strvec_setenv(&env, HANDOVER_ENV, "3"); /* said by nobody who has a socket there */
    }
    struct pty_opts opts = {.argv = (const char *const *)argv.v,
                            .env = (const char *const *)env.v,
                            .cols = 91,
                            .rows = 31,
                            .on_data = on_pty_data,
                            .on_exit = on_pty_exit,
                            .arg = s};
    assert_int_equal(pty_start(&s->pty, fx.loop, &opts, NULL), 0);
    strvec_release(&argv);
    strvec_release(&env);
}

static void session_expect(struct session *s, const char *text)
{
    s->want = text;
    if (!wait_for(has_output, s, 10000)) {
        fail_msg("no '%s' in '%s'", text, s->out.buf);
    }
}

static int session_end(struct session *s)
{
    assert_true(wait_for(has_exited, s, 10000));
    pty_close(s->pty);
    strbuf_release(&s->out);
    return s->code;
}

/* Is the program on the terminal the one inside, with nobody between? */
static bool is_program(void *arg)
{
    struct session *s = arg;
    char path[64], name[32] = "";
    str_format(path, sizeof(path), "/proc/%d/comm", pty_pid(s->pty));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, name, sizeof(name) - 1) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return n > 0 && strcmp(name, "bash\n") == 0;
}

static void terminal(enum way way)
{
    struct session s;
    /* No $(...) where the signal may come: bash 5.2 runs the trap while it parses the substitution, and takes the rest
     * of that for the trap's text ("bash: trap: line 2: unexpected EOF"). */
    session_open(&s, way,
                 "trap 'w=1; echo winch' WINCH; tty; stty size; until [ -n \"$w\" ]; do sleep 0.02; done; "
                 "stty size; read x; echo got $x; read y; exit 9");
    session_expect(&s, "/dev/pts/");
    session_expect(&s, "31 91");
    assert_int_equal(is_program(&s), way == HANDED_OVER);
    assert_int_equal(pty_resize(s.pty, 132, 43, NULL), 0);
    session_expect(&s, "winch");
    session_expect(&s, "43 132");
    pty_write(s.pty, "typed\r", 6);
    session_expect(&s, "got typed");
    pty_write(s.pty, "\r", 1);
    assert_int_equal(session_end(&s), 9);
}

/* What is typed, and a size that is set, before the program is there reach it all the same. */
static void early(enum way way)
{
    struct session s;
    session_open(&s, way, "read x; stty size; echo got $x; exit 5");
    pty_write(s.pty, "at once\r", 8);
    assert_int_equal(pty_resize(s.pty, 70, 20, NULL), 0);
    session_expect(&s, "20 70");
    session_expect(&s, "got at once");
    assert_int_equal(session_end(&s), 5);
}

static void control_c(enum way way)
{
    struct session s;
    session_open(&s, way, "echo ready; exec sleep 100");
    session_expect(&s, "ready");
    pty_write(s.pty, "\x03", 1);
    assert_int_equal(session_end(&s), 130);
    session_open(&s, way, "sh -c 'kill -TERM $$'; echo $?; exit 0");
    session_expect(&s, "143");
    assert_int_equal(session_end(&s), 0);
    session_open(&s, way, "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.05; done");
    session_expect(&s, "ready");
    pty_signal(s.pty, SIGINT);
    session_expect(&s, "interrupted");
    assert_int_equal(session_end(&s), 3);
}

static void flood_is_whole(enum way way)
{
    struct session s;
    session_open(&s, way, "seq 1 200000; echo the-end");
    session_expect(&s, "the-end");
    session_expect(&s, "\n199999\r\n200000\r\n");
    assert_int_equal(session_end(&s), 0);
}

/* The sandbox is killed under it: the sandbox is there again afterwards. */
static void sandbox_dies(enum way way)
{
    struct session s;
    session_open(&s, way, "echo ready; sleep 100");
    session_expect(&s, "ready");
    int pid = sandbox_inspect(BOX).pid;
    assert_int_equal(kill(pid, SIGKILL), 0);
    session_expect(&s, "muthr-tui: sandbox went away");
    assert_int_equal(session_end(&s), 125);
    assert_true(wait_for(process_is_gone, &pid, 5000));
    call_must(BACKEND_STOP, BOX);
    call_must(BACKEND_START, BOX);
    assert_int_equal(sandbox_sh(BOX, NULL, "true"), 0);
}

static void no_such_program(enum way way)
{
    struct session s;
    session_open(&s, way, "exec /no/such/program");
    assert_int_equal(session_end(&s), 127);
}

static void both(void (*test)(enum way way))
{
    for (int way = 0; way < WAYS; way++) {
        test((enum way)way);
    }
}

static void test_terminal(void **state)
{
    (void)state;
    both(terminal);
}

static void test_typed_early(void **state)
{
    (void)state;
    both(early);
}

static void test_control_c(void **state)
{
    (void)state;
    both(control_c);
    both(no_such_program);
}

static void test_flood_is_whole(void **state)
{
    (void)state;
    both(flood_is_whole);
}

static void test_session_ends_with_the_sandbox(void **state)
{
    (void)state;
    both(sandbox_dies);
}

/* Opens a session that is deaf to polite signals, with a job in a group of its own. */
static void open_deaf(struct session *s, enum way way)
{
    char mark[] = "9871";
    session_open(s, way, "trap '' HUP TERM; set -m; sleep 9871 & echo ready; while :; do sleep 9871; done");
    session_expect(s, "ready");
    assert_true(wait_for(is_there_inside, mark, 5000));
}

static void expect_gone(uint64_t since_ms)
{
    char mark[] = "9871";
    assert_true(wait_for(is_gone_inside, mark, 6000));
    assert_true(clock_mono_ms() - since_ms < patience(5000));
}

static void test_client_death_ends_the_session(void **state)
{
    (void)state;
    static const int signals[] = {SIGHUP, SIGKILL};
    for (size_t i = 0; i < MT_ARRAY_LEN(signals); i++) {
        struct session s;
        open_deaf(&s, RELAYED);
        uint64_t before = clock_mono_ms();
        kill(pty_pid(s.pty), signals[i]);
        session_end(&s);
        expect_gone(before);
    }
}

/* X4: ended by a person, or by the end of the host (which closes what it holds). */
static void test_ending(void **state)
{
    (void)state;
    struct session s;
    open_deaf(&s, HANDED_OVER);
    uint64_t before = clock_mono_ms();
    pty_terminate(s.pty);
    assert_int_equal(session_end(&s), 129);
    expect_gone(before);
    open_deaf(&s, HANDED_OVER);
    before = clock_mono_ms();
    pty_close(s.pty);
    strbuf_release(&s.out);
    expect_gone(before);
    session_open(&s, HANDED_OVER, "echo ready; sleep 100; :");
    session_expect(&s, "ready");
    assert_true(is_program(&s));
    kill(pty_pid(s.pty), SIGKILL);
    assert_int_equal(session_end(&s), 137);
}

/* A shell that waits for what follows an ESC takes its first HUP for nothing. */
static void test_stop_behind_an_escape(void **state)
{
    (void)state;
    struct session s;
    session_open(&s, HANDED_OVER, "exec bash --norc -i");
    pty_write(s.pty, "echo al''ive\r", 13);
    session_expect(&s, "alive\r\n");
    pty_write(s.pty, "muthr\033", 6);
    session_expect(&s, "muthr");
    uint64_t before = clock_mono_ms();
    struct backend_call call = {.verb = BACKEND_STOP, .name = BOX, .grace_ms = 60000};
    assert_int_equal(call_run(&call), ERROR_NONE);
    assert_true(clock_mono_ms() - before < patience(5000));
    session_end(&s);
    call_must(BACKEND_START, BOX);
}

static void test_hidden_arguments(void **state)
{
    (void)state;
    /* Neither bwrap's nor the init's command line shows a path of the host. */
    int pid = sandbox_inspect(BOX).pid, pids[2] = {pid, parent_of(pid)};
    for (int i = 0; i < 2; i++) {
        char path[64], text[4096];
        str_format(path, sizeof(path), "/proc/%d/cmdline", pids[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        assert_true(n > 0);
        for (ssize_t k = 0; k < n; k++) {
            text[k] = text[k] ? text[k] : ' ';
        }
        text[n] = '\0';
        assert_null(strstr(text, fx.base));
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_environment_folder_input),
        cmocka_unit_test(test_binary_through_pipes),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_typed_early),
        cmocka_unit_test(test_control_c),
        cmocka_unit_test(test_flood_is_whole),
        cmocka_unit_test(test_client_death_ends_the_session),
        cmocka_unit_test(test_ending),
        cmocka_unit_test(test_session_ends_with_the_sandbox),
        cmocka_unit_test(test_stop_behind_an_escape),
        cmocka_unit_test(test_hidden_arguments),
    };
    return cmocka_run_group_tests_name("bwrap enter", tests, setup, fixture_teardown);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
