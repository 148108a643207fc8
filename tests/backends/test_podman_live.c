/* SPDX-License-Identifier: Apache-2.0 */
/* The live half of the podman backend on real podman: changes made behind our back, figures, output, networks and what
 * is read back of the isolation. */
#include "tests/backends/podman_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/podman/podman.h"
#include "core/io/loop.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

#define LABELS "--label", "muthr.managed=true"

static struct loop *loop;
static struct paths paths;
static struct backend *be;

/* --- the loop, calls and reports --- */

static struct strbuf reports; /* one line each: a name, or "*" */

static void on_change(void *arg, const char *name)
{
    (void)arg;
    strbuf_addf(&reports, "%s\n", name ? name : "*");
}

static bool reported(const void *name)
{
    const char *p = strstr(reports.buf, name);
    return p && (p == reports.buf || p[-1] == '\n') && p[strlen(name)] == '\n';
}

static void on_tick(void *arg)
{
    (void)arg;
}

/* Turns the loop until cond(arg) or the deadline. */
static bool turn_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t end = clock_mono_ms() + timeout_ms;
    struct timer *tick = timer_new(loop, on_tick, NULL);
    timer_repeat(tick, 5); /* so that a turn ends */
    bool ok;
    while (!(ok = cond(arg)) && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    timer_close(tick);
    return ok;
}

static bool never(const void *arg)
{
    (void)arg;
    return false;
}

struct running {
    struct backend_call call;
    struct error err;
    bool done;
    struct strbuf text;
};

static void on_done(struct backend_call *call, const struct error *err)
{
    struct running *c = call->arg;
    c->done = true;
    c->err = err ? *err : ERROR_INIT;
}

static void on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    struct running *c = call->arg;
    strbuf_addstr(&c->text, is_stderr ? "E:" : "O:");
    strbuf_add(&c->text, line, len);
    strbuf_addch(&c->text, '\n');
}

static bool is_done(const void *arg)
{
    return ((const struct running *)arg)->done;
}

static void begin(struct running *c, enum backend_verb verb, const char *name)
{
    c->call.verb = verb;
    c->call.name = name;
    c->call.done = on_done;
    c->call.on_line = on_line;
    c->call.arg = c;
    c->done = false;
    c->text = STRBUF_INIT;
    podman_backend.submit(be, &c->call);
}

static enum error_code finish(struct running *c)
{
    if (!turn_until(is_done, c, 60000)) {
        fail_msg("a call did not end");
    }
    return c->err.code;
}

static void release(struct running *c)
{
    backend_call_release(&c->call);
    strbuf_release(&c->text);
}

static enum error_code run(struct running *c, enum backend_verb verb, const char *name)
{
    begin(c, verb, name);
    return finish(c);
}

static int setup(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    reports = STRBUF_INIT;
    if (pod_open() < 0 || paths_init(&paths, pod.program, &err) < 0) {
        return -1;
    }
    loop = loop_new();
    be = podman_backend.open(&(struct backend_env){.loop = loop, .paths = &paths}, &err);
    return be ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    podman_backend.close(be);
    loop_run(loop);
    int left = loop_free(loop);
    paths_release(&paths);
    strbuf_release(&reports);
    return pod_close() < 0 || left != 0 ? -1 : 0;
}

/* --- changes --- */

/* Waits until the stream is attached: its settling look has come. */
static void watch_begin(void)
{
    strbuf_clear(&reports);
    podman_backend.watch(be, on_change, NULL);
    assert_true(turn_until(reported, "*", 10000));
    turn_until(never, NULL, 300);
    strbuf_clear(&reports);
}

static void watch_end(void)
{
    podman_backend.watch(be, NULL, NULL);
    turn_until(never, NULL, 50);
}

/* Does it with podman itself, and measures from the end of the command to the report. */
#define expect_report(word, ...)                                                                                       \
    do {                                                                                                               \
        strbuf_clear(&reports);                                                                                        \
        pod_do(__VA_ARGS__);                                                                                           \
        uint64_t start_ = clock_mono_ms();                                                                             \
        if (!turn_until(reported, (word), 3000)) {                                                                     \
            fail_msg("not reported: %s; but: %s", (word), reports.buf);                                                \
        }                                                                                                              \
        uint64_t took_ = clock_mono_ms() - start_;                                                                     \
        print_message("%s %s: %d ms\n", ((const char *const[]){__VA_ARGS__})[0], (word), (int)took_);                  \
        assert_true(took_ < 1500);                                                                                     \
    } while (0)

static void test_changes_are_reported(void **state)
{
    (void)state;
    pod_do("network", "create", "muthr-w-net");
    watch_begin();
    expect_report("muthr-w", "create", "--name", "muthr-w", "--init", "--network", "muthr-w-net", LABELS, POD_MINI,
                  "sleep", "1000");
    expect_report("muthr-w", "start", "muthr-w");
    expect_report("muthr-w", "network", "disconnect", "muthr-w-net", "muthr-w");
    expect_report("muthr-w", "network", "connect", "muthr-w-net", "muthr-w");
    expect_report("muthr-w", "stop", "-t", "0", "muthr-w");
    expect_report("*", "rename", "muthr-w", "muthr-v");
    expect_report("muthr-v", "rm", "-f", "muthr-v");

    /* Neither other people's containers nor sessions. */
    strbuf_clear(&reports);
    pod_do("run", "-d", "--init", "--name", "foreign", POD_MINI, "sleep", "1000");
    pod_do("exec", "foreign", "true");
    pod_do("rm", "-f", "-t", "0", "foreign");
    turn_until(never, NULL, 600);
    assert_string_equal(reports.buf, "");
    watch_end();
    pod_do("network", "rm", "muthr-w-net");
}

static bool stream_is_there(const void *not_pid)
{
    pid_t pid = pod_process("events", "--format");
    return pid > 0 && pid != *(const pid_t *)not_pid;
}

static void test_killed_stream_comes_back(void **state)
{
    (void)state;
    watch_begin();
    pid_t first = pod_process("events", "--format");
    assert_true(first > 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    /* At once a look at all, soon a new stream that reports again. */
    assert_true(turn_until(reported, "*", 1000));
    assert_true(turn_until(stream_is_there, &first, 3000));
    strbuf_clear(&reports);
    assert_true(turn_until(reported, "*", 3000));
    expect_report("muthr-k", "create", "--name", "muthr-k", LABELS, POD_MINI, "true");
    expect_report("muthr-k", "rm", "muthr-k");
    watch_end();
    assert_int_equal(pod_process("events", "--format"), 0);
}

static bool named_or_all(const void *name)
{
    return reported(name) || reported("*");
}

/* A log of events that is turned over all the time loses and repeats lines: nothing may be missed all the same. */
static void test_log_rotation(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf changed = STRBUF_INIT;
    (void)state;
    char *path = path_join(pod.base, "containers.conf");
    assert_int_equal(fs_read(path, 1u << 16, &text, NULL), 0);
    const char *engine = strstr(text.buf, "[engine]\n");
    assert_non_null(engine);
    strbuf_add(&changed, text.buf, (size_t)(engine - text.buf) + 9);
    strbuf_addstr(&changed, "events_logfile_max_size=\"2000\"\n");
    strbuf_addstr(&changed, engine + 9);
    assert_int_equal(fs_write_atomic(path, changed.buf, changed.len, 0644, NULL), 0);
    watch_begin();
    for (int i = 0; i < 8; i++) {
        pod_do("create", "--name", "muthr-r", LABELS, POD_MINI, "true");
        pod_do("rm", "muthr-r");
    }
    assert_true(turn_until(reported, "*", 3000)); /* it was turned over, and that was seen */
    turn_until(never, NULL, 1500);
    for (int i = 0; i < 4; i++) {
        strbuf_clear(&reports);
        pod_do("create", "--name", "muthr-r", LABELS, POD_MINI, "true");
        if (!turn_until(named_or_all, "muthr-r", 1000)) {
            fail_msg("lost: creation %d", i);
        }
        pod_do("rm", "muthr-r");
    }
    watch_end();
    assert_int_equal(fs_write_atomic(path, text.buf, text.len, 0644, NULL), 0);
    free(path);
}

static bool no_stream(const void *arg)
{
    (void)arg;
    return pod_process("stats", "--no-reset") == 0;
}

/* --- figures --- */

static void test_stats(void **state)
{
    struct running c = {0};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-s", "--memory", "64m", LABELS, POD_MINI, "sh", "-c",
           "while :; do :; done");
    uint64_t start = clock_mono_ms();
    assert_int_equal(run(&c, BACKEND_STATS, "muthr-s"), ERROR_NONE);
    print_message("first figures after %d ms\n", (int)(clock_mono_ms() - start));
    struct sandbox_stats first = c.call.stats;
    assert_int_equal(first.memory_limit_bytes, 64 << 20);
    assert_in_range(first.memory_bytes, 1, 64 << 20);
    assert_in_range(first.procs, 2, 10);
    pid_t stream = pod_process("stats", "--no-reset");
    assert_true(stream > 0);
    /* The same stream answers on, and the time goes up. */
    start = clock_mono_ms();
    do {
        turn_until(never, NULL, 200);
        assert_int_equal(run(&c, BACKEND_STATS, "muthr-s"), ERROR_NONE);
    } while (c.call.stats.cpu_ns <= first.cpu_ns && clock_mono_ms() - start < 8000);
    assert_true(c.call.stats.cpu_ns > first.cpu_ns + 100000000u);
    assert_int_equal(pod_process("stats", "--no-reset"), stream);
    /* One that does not run has none, and says so. */
    assert_int_equal(run(&c, BACKEND_STATS, "muthr-none"), ERROR_UNAVAILABLE);
    assert_non_null(strstr(c.err.msg, "muthr-none"));
    pod_do("rm", "-f", "-t", "0", "muthr-s");
    /* Nobody asks any more: the stream ends. */
    assert_true(turn_until(no_stream, NULL, 15000));
    release(&c);
}

/* --- output --- */

static bool has_text(const void *arg)
{
    const struct running *c = arg;
    return strstr(c->text.buf, "O:turn 2") != NULL;
}

static void test_logs(void **state)
{
    struct running c = {0}, tail = {0};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-l", LABELS, POD_MINI, "sh", "-c",
           "n=$(cat /n 2>/dev/null || echo 0); n=$((n+1)); echo $n >/n; echo \"turn $n\"; echo \"oops $n\" >&2; "
           "sleep 1000");
    c.call.tail = -1;
    c.call.follow = true;
    begin(&c, BACKEND_LOGS, "muthr-l");
    pod_do("restart", "-t", "0", "muthr-l");
    if (!turn_until(has_text, &c, 15000)) {
        fail_msg("the second turn is missing: %s", c.text.buf);
    }
    pod_do("stop", "-t", "0", "muthr-l");
    assert_int_equal(finish(&c), ERROR_NONE); /* ends with it */
    /* Each line once, the streams told apart. */
    static const char *const lines[] = {"O:turn 1\n", "E:oops 1\n", "O:turn 2\n", "E:oops 2\n"};
    size_t length = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(lines); i++) {
        if (!strstr(c.text.buf, lines[i])) {
            fail_msg("%s is missing in: %s", lines[i], c.text.buf);
        }
        length += strlen(lines[i]);
    }
    assert_int_equal(c.text.len, length);

    tail.call.tail = 1;
    assert_int_equal(run(&tail, BACKEND_LOGS, "muthr-l"), ERROR_NONE);
    assert_non_null(strstr(tail.text.buf, "2\n"));
    assert_null(strstr(tail.text.buf, " 1\n"));
    release(&tail);

    /* Followed and cancelled. */
    struct running follow = {.call = {.tail = 0, .follow = true}};
    pod_do("start", "muthr-l");
    begin(&follow, BACKEND_LOGS, "muthr-l");
    turn_until(never, NULL, 300);
    uint64_t start = clock_mono_ms();
    podman_backend.cancel(be, &follow.call);
    assert_int_equal(finish(&follow), ERROR_CANCELED);
    assert_true(clock_mono_ms() - start < 1000);
    release(&follow);
    assert_int_not_equal(run(&tail, BACKEND_LOGS, "muthr-none"), ERROR_NONE);
    release(&tail);
    release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-l");
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_are_reported),
        cmocka_unit_test(test_killed_stream_comes_back),
        cmocka_unit_test(test_log_rotation),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_logs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
    return pod_main(run_group);
}
