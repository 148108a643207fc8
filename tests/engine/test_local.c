/* SPDX-License-Identifier: Apache-2.0 */
/* The local inference server (I4): start, stop, restart, and pid files that are not to be believed, with a program that
 * plays llama-server (tests/play). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/inference/local_job.h"
#include "core/io/listener.h"
#include "core/io/pidwatch.h"
#include "core/io/procid.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/unit/temphome.h"

#define ACTIVE ".cache/muthr/active-preset-name-llama"
#define PIDFILE ".cache/muthr/llama-server.pid"

static struct {
    struct temphome home;
    struct config config;
    char *path; /* PATH before */
    const struct local_runtime *llama;
    int port;
} t;

/* What a job came to. */
static struct result {
    int count;
    struct error err;
    struct local_done done;
    char state[32], tail[2000], note[400];
} got;

static int free_port(int *listening)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    if (listening != NULL) {
        assert_int_equal(listen(fd, 4), 0);
        *listening = fd;
    } else {
        close(fd);
    }
    return ntohs(a.sin_port);
}

static char *home_path(const char *rel)
{
    return path_join(t.home.dir, rel);
}

/* Puts the program that plays the server into <home>/bin, under its name. */
static void install_server(void)
{
    char self[1024];
    ssize_t n = self_path(self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    MT_CLEANUP(xfree) char *from = xasprintf("%s/../play/llama-server", self);
    MT_CLEANUP(xfree) char *to = home_path("bin/llama-server");
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    temphome_mkdir(&t.home, "bin");
    assert_int_equal(fs_read(from, 64u << 20, &bytes, NULL), 0);
    assert_int_equal(fs_write_atomic(to, bytes.buf, bytes.len, 0755, NULL), 0);
    assert_int_equal(chmod(to, 0755), 0);
}

static int setup(void **state)
{
    static const char *const behaviours[] = {"PLAY_LOADING_MS", "PLAY_MUTE_MS", "PLAY_EXIT", "PLAY_IGNORE_TERM",
                                             "PLAY_CHILD"};
    (void)state;
    memset(&t, 0, sizeof(t));
    for (size_t i = 0; i < MT_ARRAY_LEN(behaviours); i++) {
        unsetenv(behaviours[i]);
    }
    unsetenv("MUTHR_SERVER_PORT");
    unsetenv("MUTHR_SERVER_HOST");
    temphome_open(&t.home);
    install_server();
    t.path = xstrdup(getenv("PATH"));
    MT_CLEANUP(xfree) char *path = xasprintf("relative:%s/bin:%s", t.home.dir, t.path);
    setenv("PATH", path, 1);
    assert_int_equal(config_load(&t.config, &t.home.paths, NULL), 0);
    t.port = free_port(NULL);
    t.config.server_port = t.port;
    t.llama = local_runtime_find("llama", NULL);
    return 0;
}

static void on_done(void *arg, const struct local_done *d, const struct error *err)
{
    struct result *r = arg;
    r->count++;
    r->done = *d;
    r->err = err != NULL ? *err : ERROR_INIT;
    str_copy(r->state, sizeof(r->state), d->state);
    str_copy(r->tail, sizeof(r->tail), d->tail);
    str_copy(r->note, sizeof(r->note), d->server->note);
}

struct how {
    struct local_request req;
    bool wait, cancel;
    uint64_t ready_ms, settle_ms, grace_ms;
};

/* Runs one job to its end, on a loop of its own: whatever it started must outlive that. */
static enum error_code run_job(enum local_verb verb, const struct how *how)
{
    struct loop *loop = loop_new();
    struct http_client *http = http_client_new(loop);
    struct local_job *j;
    struct local_job_opts opts = {.loop = loop,
                                  .http = http,
                                  .paths = &t.home.paths,
                                  .config = &t.config,
                                  .verb = verb,
                                  .request = how->req,
                                  .runtime = t.llama,
                                  .wait = how->wait,
                                  .ready_ms = how->ready_ms,
                                  .settle_ms = how->settle_ms,
                                  .grace_ms = how->grace_ms,
                                  .done = on_done,
                                  .arg = &got};
    memset(&got, 0, sizeof(got));
    if (local_job_start(&j, &opts, &got.err) == 0) {
        uint64_t deadline = clock_mono_ms() + patience(20000), cancel_at = clock_mono_ms() + 400;
        assert_int_equal(got.count, 0); /* never inside the call */
        while (got.count == 0 && clock_mono_ms() < deadline) {
            loop_turn(loop, true);
            if (how->cancel && clock_mono_ms() >= cancel_at) {
                local_job_cancel(j);
                cancel_at = UINT64_MAX;
            }
        }
        assert_int_equal(got.count, 1);
    }
    http_client_close(http);
    assert_int_equal(loop_free(loop), 0);
    return got.err.code;
}
#define start_with(...) run_job(LOCAL_START, &(struct how){__VA_ARGS__})
#define stop_with(...) run_job(LOCAL_STOP, &(struct how){__VA_ARGS__})

static void expect_error(const char *text)
{
    if (strstr(got.err.msg, text) == NULL) {
        fail_msg("'%s' does not stand in: %s", text, got.err.msg);
    }
}

/* What local_look says; the note in got.note. */
static enum local_pid look(int *pid)
{
    struct local_server s;
    local_look(&s, &t.home.paths, t.llama);
    enum local_pid state = s.pid_state;
    str_copy(got.note, sizeof(got.note), s.note);
    if (pid != NULL) {
        *pid = s.pid;
    }
    local_server_release(&s);
    return state;
}

static bool there(const char *rel)
{
    MT_CLEANUP(xfree) char *path = home_path(rel);
    return fs_exists(path);
}

static void expect_text(const char *rel, const char *want)
{
    MT_CLEANUP(xfree) char *path = home_path(rel);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(path, 4096, &text, NULL), 0);
    assert_string_equal(text.buf, want);
}

/* Waits for the end of a process; reaps it when it is a child of ours. */
static bool ends(int pid)
{
    uint64_t deadline = clock_mono_ms() + patience(5000);
    while (!pid_has_ended(pid) && clock_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    bool ended = pid_has_ended(pid);
    (void)waitpid(pid, NULL, WNOHANG);
    return ended;
}

static int teardown(void **state)
{
    int pid, left = 0;
    (void)state;
    if (look(&pid) == LOCAL_RUNS) { /* a test has failed */
        kill(pid, SIGKILL);
        left = ends(pid) ? 0 : -1;
    }
    setenv("PATH", t.path, 1);
    free(t.path);
    config_release(&t.config);
    temphome_close(&t.home);
    return left;
}

static void test_life(void **state)
{
    int pid;
    (void)state;
    assert_int_equal(look(NULL), LOCAL_NONE);
    assert_int_equal(stop_with(0), ERROR_NONE); /* stopping a stopped one is success */
    assert_false(got.done.stopped);
    assert_int_equal(start_with(.req = {.model = "org/m:Q4"}, .wait = true), ERROR_NONE);
    assert_true(got.done.started);
    assert_string_equal(got.state, "ready");
    assert_int_equal(look(&pid), LOCAL_RUNS);
    assert_int_equal(getsid(pid), pid);
    expect_text(ACTIVE, "org/m:Q4\n");
    assert_int_equal(start_with(0), ERROR_NONE);
    assert_true(got.done.already);
    assert_int_equal(got.done.pid, pid);
    assert_int_equal(start_with(.req = {.model = "org/m:Q4"}, .wait = true), ERROR_NONE);
    assert_true(got.done.already);
    assert_int_equal(start_with(.req = {.model = "other"}), ERROR_BUSY);
    expect_error("llama-server runs already, with org/m:Q4");
    /* A restart without words is the same server again. */
    assert_int_equal(run_job(LOCAL_RESTART, &(struct how){.wait = true}), ERROR_NONE);
    assert_true(got.done.stopped && got.done.started && !got.done.killed);
    assert_int_not_equal(got.done.pid, pid);
    assert_true(ends(pid));
    assert_int_equal(look(&pid), LOCAL_RUNS);
    /* Somebody removed its pid file: our record still knows it. */
    MT_CLEANUP(xfree) char *file = home_path(PIDFILE);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(look(NULL), LOCAL_RUNS);
    assert_non_null(strstr(got.note, "is gone or broken"));
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_true(got.done.stopped && !got.done.killed);
    assert_true(ends(pid));
    assert_int_equal(look(NULL), LOCAL_NONE);
    assert_false(there(PIDFILE));
    assert_false(there(".local/state/muthr/llama-server.json"));
}

static void test_stubborn(void **state)
{
    int pid;
    (void)state;
    setenv("PLAY_IGNORE_TERM", "1", 1);
    setenv("PLAY_CHILD", "1", 1);
    assert_int_equal(start_with(.req = {.model = "m"}), ERROR_NONE);
    assert_int_equal(look(&pid), LOCAL_RUNS);
    uint64_t began = clock_mono_ms();
    assert_int_equal(stop_with(.grace_ms = 300), ERROR_NONE);
    assert_true(got.done.killed);
    assert_true(clock_mono_ms() - began >= 300);
    assert_true(ends(pid));
    uint64_t deadline = clock_mono_ms() + patience(5000);
    while (kill(-pid, 0) == 0 && clock_mono_ms() < deadline) {
        (void)waitpid(-pid, NULL, WNOHANG);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_not_equal(kill(-pid, 0), 0); /* its child too */
}

/* A process that has ended, as the pid file's. */
static void test_stale(void **state)
{
    int pid = fork();
    (void)state;
    if (pid == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    char text[32];
    str_format(text, sizeof(text), "%d\n", pid);
    temphome_write(&t.home, PIDFILE, text);
    assert_int_equal(look(NULL), LOCAL_STALE);
    assert_true(there(PIDFILE)); /* a look changes nothing */
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_non_null(strstr(got.note, "is stale"));
    assert_false(there(PIDFILE));
    temphome_write(&t.home, PIDFILE, "twelve\n");
    assert_int_equal(look(NULL), LOCAL_BROKEN);
    assert_int_equal(start_with(.req = {.model = "m"}), ERROR_NONE);
    assert_true(there(PIDFILE ".broken-1"));
    assert_int_equal(look(NULL), LOCAL_RUNS);
    assert_int_equal(stop_with(0), ERROR_NONE);
}

/* Numbers that belong to somebody else now. */
static void test_foreign(void **state)
{
    char text[32], port[16];
    (void)state;
    str_format(text, sizeof(text), "%d\n", (int)getpid());
    temphome_write(&t.home, PIDFILE, text);
    assert_int_equal(look(NULL), LOCAL_FOREIGN);
    assert_non_null(strstr(got.note, "which is another program now: "));
    assert_int_equal(stop_with(0), ERROR_NONE); /* we live on */
    assert_false(got.done.stopped);
    assert_false(there(PIDFILE));
    /* Started by the other tool: known by its program, unless it is younger than its pid file. */
    MT_CLEANUP(xfree) char *program = home_path("bin/llama-server");
    str_format(port, sizeof(port), "%d", t.port);
    int pid = fork();
    if (pid == 0) {
        setsid();
        close(1);
        execl(program, program, "--model", "cli/m", "--host", "127.0.0.1", "--port", port, (char *)NULL);
        _exit(99);
    }
    struct procid id = {0};
    uint64_t deadline = clock_mono_ms() + patience(5000);
    while ((procid_read(pid, &id, NULL) < 0 || strcmp(id.name, "llama-server") != 0) && clock_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_string_equal(id.name, "llama-server");
    str_format(text, sizeof(text), "%d", pid);
    temphome_write(&t.home, PIDFILE, text);
    assert_int_equal(look(NULL), LOCAL_RUNS);
    MT_CLEANUP(xfree) char *file = home_path(PIDFILE);
    struct timespec old[2] = {{.tv_sec = time(NULL) - 86400}, {.tv_sec = time(NULL) - 86400}};
    assert_int_equal(utimensat(AT_FDCWD, file, old, 0), 0);
    assert_int_equal(look(NULL), LOCAL_FOREIGN);
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_int_equal(kill(pid, 0), 0);
    assert_false(pid_has_ended(pid));
    /* The same number in our record, but born at another time. */
    temphome_write(&t.home, PIDFILE, text);
    MT_CLEANUP(xfree) char *record = xasprintf("{\"pid\": %d, \"birth\": \"another/1\"}", pid);
    temphome_write(&t.home, ".local/state/muthr/llama-server.json", record);
    assert_int_equal(look(NULL), LOCAL_FOREIGN);
    record[1] = ' '; /* broken: no record at all */
    temphome_write(&t.home, ".local/state/muthr/llama-server.json", record);
    assert_int_equal(look(NULL), LOCAL_RUNS);
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_true(got.done.stopped);
    assert_true(ends(pid));
}

static void test_port_in_use(void **state)
{
    int fd;
    char who[60];
    (void)state;
    t.config.server_port = free_port(&fd);
    assert_int_equal(start_with(.req = {.model = "m"}), ERROR_BUSY);
    expect_error(" is in use by ");
    str_format(who, sizeof(who), "(process %d) on 127.0.0.1", (int)getpid());
    expect_error(who);
    assert_false(there(PIDFILE));
    assert_false(there(".cache/muthr/llama-server.log")); /* told before anything was started */
    close(fd);
}

static void test_exits_at_once(void **state)
{
    (void)state;
    temphome_write(&t.home, ACTIVE, "before\n");
    setenv("PLAY_EXIT", "3", 1);
    assert_int_equal(start_with(.req = {.model = "org/m"}, .wait = true), ERROR_EXIT);
    expect_error("llama-server ended at once, exit 3: ");
    expect_error("error: failed to load model 'org/m'");
    assert_null(strchr(got.err.msg, '\033'));
    assert_non_null(strstr(got.tail, "loading org/m\n"));
    assert_false(there(PIDFILE));
    expect_text(ACTIVE, "before\n");
    assert_int_equal(look(NULL), LOCAL_NONE);
    setenv("PLAY_EXIT", "0", 1);
    assert_int_equal(start_with(.req = {.model = "m2"}), ERROR_EXIT);
    expect_error("ended at once, without an error");
    assert_null(strstr(got.tail, "org/m")); /* lines of this run only */
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(start_with(.req = {.model = "m;touch x"}), ERROR_INVALID);
    expect_error("may hold only");
    assert_int_equal(start_with(.req = {.model = "--help"}), ERROR_INVALID);
    assert_int_equal(start_with(.req = {.model = ""}), ERROR_INVALID);
    assert_int_equal(start_with(.req = {.model = "m", .host = "-x"}), ERROR_INVALID);
    assert_int_equal(start_with(.req = {.model = "m", .runtime = "vllm"}), ERROR_INVALID);
    assert_int_equal(start_with(.req = {.preset = "none"}), ERROR_NOT_FOUND);
    assert_int_equal(start_with(0), ERROR_NOT_FOUND);
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(start_with(.req = {.model = "m"}), ERROR_UNAVAILABLE);
    expect_error("llama-server is not on PATH");
    assert_non_null(strstr(got.err.hint, "install llama.cpp"));
    assert_false(there(PIDFILE));
}

static void test_waiting(void **state)
{
    int pid;
    (void)state;
    setenv("PLAY_LOADING_MS", "60000", 1);
    assert_int_equal(start_with(.req = {.model = "m"}, .wait = true, .ready_ms = 500), ERROR_TIMEOUT);
    expect_error("is not ready after");
    assert_int_equal(look(&pid), LOCAL_RUNS); /* it runs on */
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_int_equal(start_with(.req = {.model = "m"}, .wait = true, .cancel = true), ERROR_CANCELED);
    assert_int_equal(look(NULL), LOCAL_RUNS);
    assert_int_equal(stop_with(0), ERROR_NONE);
    setenv("PLAY_LOADING_MS", "700", 1);
    assert_int_equal(start_with(.req = {.model = "m"}), ERROR_NONE); /* without --wait: it answers */
    assert_string_equal(got.state, "loading");
    assert_int_equal(start_with(.wait = true), ERROR_NONE); /* the same one, now ready */
    assert_true(got.done.already);
    assert_string_equal(got.state, "ready");
    assert_int_equal(stop_with(0), ERROR_NONE);
    setenv("PLAY_MUTE_MS", "60000", 1);
    assert_int_equal(start_with(.req = {.model = "m"}, .settle_ms = 300), ERROR_NONE);
    assert_string_equal(got.state, "down");
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_true(got.done.stopped);
}

static void test_preset(void **state)
{
    char text[100], out[160];
    (void)state;
    str_format(text, sizeof(text), "model = org/fast\nruntime = llama\nhost = 0.0.0.0\nport = %d\n", free_port(NULL));
    temphome_write(&t.home, ".config/muthr/provider.d/fast.ini", text);
    assert_int_equal(start_with(.req = {.preset = "fast"}, .wait = true), ERROR_NONE);
    assert_string_equal(got.state, "ready");
    expect_text(ACTIVE, "fast\n");
    local_exposure("127.0.0.1", strtol(strstr(text, "port = ") + 7, NULL, 10), out); /* as it really listens */
    assert_string_equal(out, "0.0.0.0");
    assert_int_equal(stop_with(0), ERROR_NONE);
    assert_int_equal(start_with(.wait = true), ERROR_NONE); /* the last one again */
    expect_text(ACTIVE, "fast\n");
    assert_int_equal(stop_with(0), ERROR_NONE);
    temphome_write(&t.home, ".config/muthr/provider.d/more/fast.ini", "model = x\n");
    assert_int_equal(start_with(.req = {.preset = "fast"}), ERROR_INVALID);
    expect_error("fast.ini and more/fast.ini");
    assert_int_equal(start_with(0), ERROR_INVALID); /* nor silently because it was the last one */
    assert_true(listener_is_local("127.0.0.1"));
    assert_false(listener_is_local("0.0.0.0"));
    assert_false(listener_is_local("192.0.2.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stubborn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exits_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preset, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
