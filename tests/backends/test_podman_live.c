/* SPDX-License-Identifier: Apache-2.0 */
/* The live half of the podman backend on real podman: changes made behind our back, figures and output; here, and
 * through a service that goes and comes back. */
#include "tests/backends/podman_live.h"
#include "tests/backends/podman_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/podman/podman.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

/* Waits until the stream is attached: its settling look has come. */
static void watch_begin(void)
{
    strbuf_clear(&live.reports);
    podman_backend.watch(live.be, live_on_change, NULL);
    assert_true(live_until(live_reported, "*", 10000));
    live_until(live_never, NULL, 300);
    strbuf_clear(&live.reports);
}

static void watch_end(void)
{
    podman_backend.watch(live.be, NULL, NULL);
    live_until(live_never, NULL, 50);
}

/* Does it with podman itself, and measures from the end of the command to the report. */
#define expect_report(word, ...)                                                                                       \
    do {                                                                                                               \
        strbuf_clear(&live.reports);                                                                                   \
        pod_do(__VA_ARGS__);                                                                                           \
        uint64_t start_ = clock_mono_ms();                                                                             \
        if (!live_until(live_reported, (word), 3000)) {                                                                \
            fail_msg("not reported: %s; but: %s", (word), live.reports.buf);                                           \
        }                                                                                                              \
        uint64_t took_ = clock_mono_ms() - start_;                                                                     \
        print_message("%s %s: %d ms\n", ((const char *const[]){__VA_ARGS__})[0], (word), (int)took_);                  \
        assert_true(took_ < patience(1500));                                                                           \
    } while (0)

static void test_changes_are_reported(void **state)
{
    (void)state;
    pod_do("network", "create", "muthr-w-net");
    watch_begin();
    expect_report("muthr-w", "create", "--name", "muthr-w", "--init", "--network", "muthr-w-net", LABELS, POD_MINI,
                  "sleep", "1000");
    expect_report("muthr-w", "start", "muthr-w");
    expect_report("*", "network", "disconnect", "muthr-w-net", "muthr-w");
    expect_report("*", "network", "connect", "muthr-w-net", "muthr-w");
    expect_report("muthr-w", "stop", "-t", "0", "muthr-w");
    expect_report("*", "rename", "muthr-w", "muthr-v");
    expect_report("muthr-v", "rm", "-f", "muthr-v");

    /* Neither other people's containers nor sessions. */
    strbuf_clear(&live.reports);
    pod_do("run", "-d", "--init", "--name", "foreign", POD_MINI, "sleep", "1000");
    pod_do("exec", "foreign", "true");
    pod_do("rm", "-f", "-t", "0", "foreign");
    live_until(live_never, NULL, 600);
    assert_string_equal(live.reports.buf, "");
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
    /* At once a look at all, soon a new stream that live.reports again. */
    assert_true(live_until(live_reported, "*", 1000));
    assert_true(live_until(stream_is_there, &first, 3000));
    strbuf_clear(&live.reports);
    assert_true(live_until(live_reported, "*", 3000));
    expect_report("muthr-k", "create", "--name", "muthr-k", LABELS, POD_MINI, "true");
    expect_report("muthr-k", "rm", "muthr-k");
    watch_end();
    assert_int_equal(pod_process("events", "--format"), 0);
}

/* Sets an option of podman's [engine] for this world; returns the configuration as it was. */
static char *configure(const char *line)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf changed = STRBUF_INIT;
    size_t key = strcspn(line, "=") + 1;
    char *path = path_join(pod.base, "containers.conf");
    assert_int_equal(fs_read(path, 1u << 16, &text, NULL), 0);
    for (const char *p = text.buf; *p;) {
        size_t n = strcspn(p, "\n") + 1;
        if (strncmp(p, line, key) != 0) {
            strbuf_add(&changed, p, MT_MIN(n, strlen(p)));
        }
        if (strncmp(p, "[engine]", 8) == 0) {
            strbuf_addf(&changed, "%s\n", line);
        }
        p += MT_MIN(n, strlen(p));
    }
    assert_int_equal(fs_write_atomic(path, changed.buf, changed.len, 0644, NULL), 0);
    free(path);
    return strbuf_detach(&text, NULL);
}

static void configure_back(char *before)
{
    char *path = path_join(pod.base, "containers.conf");
    assert_int_equal(fs_write_atomic(path, before, strlen(before), 0644, NULL), 0);
    free(path);
    free(before);
}

static bool named_or_all(const void *name)
{
    return live_reported(name) || live_reported("*");
}

/* A log of events that is turned over all the time loses and repeats lines: nothing may be missed all the same. */
static void test_log_rotation(void **state)
{
    (void)state;
    char *before = configure("events_logfile_max_size=\"2000\"");
    watch_begin();
    for (int i = 0; i < 8; i++) {
        pod_do("create", "--name", "muthr-r", LABELS, POD_MINI, "true");
        pod_do("rm", "muthr-r");
    }
    assert_true(live_until(live_reported, "*", 3000)); /* it was turned over, and that was seen */
    live_until(live_never, NULL, 1500);
    for (int i = 0; i < 4; i++) {
        strbuf_clear(&live.reports);
        pod_do("create", "--name", "muthr-r", LABELS, POD_MINI, "true");
        if (!live_until(named_or_all, "muthr-r", 1000)) {
            fail_msg("lost: creation %d", i);
        }
        pod_do("rm", "muthr-r");
    }
    watch_end();
    configure_back(before);
}

/* Without any events at all: looked at every two seconds. */
static void test_no_events(void **state)
{
    (void)state;
    char *before = configure("events_logger=\"none\"");
    strbuf_clear(&live.reports);
    podman_backend.watch(live.be, live_on_change, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(live_until(live_reported, "*", 4000));
        strbuf_clear(&live.reports);
    }
    assert_int_equal(pod_process("events", "--format"), 0);
    watch_end();
    configure_back(before);
}

static uint64_t stats_asked_ms; /* when figures were asked for the last time */

static bool no_stream(const void *arg)
{
    (void)arg;
    return pod_process("stats", "--no-reset") == 0;
}

/* --- figures --- */

static void test_stats(void **state)
{
    struct live_call c = {0};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-s", "--memory", "64m", LABELS, POD_MINI, "sh", "-c",
           "while :; do :; done");
    uint64_t start = clock_mono_ms();
    assert_int_equal(live_run(&c, BACKEND_STATS, "muthr-s"), ERROR_NONE);
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
        live_until(live_never, NULL, 200);
        assert_int_equal(live_run(&c, BACKEND_STATS, "muthr-s"), ERROR_NONE);
    } while (c.call.stats.cpu_ns <= first.cpu_ns && clock_mono_ms() - start < patience(8000));
    assert_true(c.call.stats.cpu_ns > first.cpu_ns + 100000000u);
    assert_int_equal(pod_process("stats", "--no-reset"), stream);
    /* One that does not run has none, and says so. */
    assert_int_equal(live_run(&c, BACKEND_STATS, "muthr-none"), ERROR_UNAVAILABLE);
    assert_non_null(strstr(c.err.msg, "muthr-none"));
    pod_do("rm", "-f", "-t", "0", "muthr-s");
    stats_asked_ms = clock_mono_ms();
    live_release(&c);
}

/* Nobody asks any more: the stream ends. The tests between that one and this take most of the time that it needs. */
static void test_stats_end(void **state)
{
    (void)state;
    assert_true(stats_asked_ms > 0);
    assert_true(live_until(no_stream, NULL, 15000));
    assert_true(clock_mono_ms() - stats_asked_ms >= 5000); /* it was kept for a while */
}

/* --- output --- */

static bool has_text(const void *arg)
{
    const struct live_call *c = arg;
    return strstr(c->text.buf, "O:turn 2") != NULL;
}

static void test_logs(void **state)
{
    struct live_call c = {0}, tail = {0};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-l", LABELS, POD_MINI, "sh", "-c",
           "n=$(cat /n 2>/dev/null || echo 0); n=$((n+1)); echo $n >/n; echo \"turn $n\"; echo \"oops $n\" >&2; "
           "sleep 1000");
    c.call.tail = -1;
    c.call.follow = true;
    live_begin(&c, BACKEND_LOGS, "muthr-l");
    pod_do("restart", "-t", "0", "muthr-l");
    if (!live_until(has_text, &c, 15000)) {
        fail_msg("the second turn is missing: %s", c.text.buf);
    }
    pod_do("stop", "-t", "0", "muthr-l");
    assert_int_equal(live_finish(&c), ERROR_NONE); /* ends with it */
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
    assert_int_equal(live_run(&tail, BACKEND_LOGS, "muthr-l"), ERROR_NONE);
    assert_non_null(strstr(tail.text.buf, "2\n"));
    assert_null(strstr(tail.text.buf, " 1\n"));
    live_release(&tail);

    /* Followed and cancelled. */
    struct live_call follow = {.call = {.tail = 0, .follow = true}};
    pod_do("start", "muthr-l");
    live_begin(&follow, BACKEND_LOGS, "muthr-l");
    live_until(live_never, NULL, 300);
    uint64_t start = clock_mono_ms();
    podman_backend.cancel(live.be, &follow.call);
    assert_int_equal(live_finish(&follow), ERROR_CANCELED);
    assert_true(clock_mono_ms() - start < patience(1000));
    live_release(&follow);
    assert_int_not_equal(live_run(&tail, BACKEND_LOGS, "muthr-none"), ERROR_NONE);
    live_release(&tail);
    live_release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-l");
}

/* The service goes and comes back: both are noticed, and what happened meanwhile is looked at. */
static void test_service_comes_back(void **state)
{
    (void)state;
    watch_begin();
    live_service_stop();
    assert_true(live_until(live_reported, "*", 5000));
    pod_do("create", "--name", "muthr-z", LABELS, POD_MINI, "true");
    live_service_start();
    pid_t none = 0;
    assert_true(live_until(stream_is_there, &none, 10000));
    strbuf_clear(&live.reports);
    assert_true(live_until(live_reported, "*", 10000));
    live_until(live_never, NULL, 1500);
    expect_report("muthr-z", "rm", "muthr-z");
    watch_end();
}

static int run_group(void)
{
    const struct CMUnitTest remote[] = {
        cmocka_unit_test(test_service_comes_back),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_changes_are_reported),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_stats_end),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_changes_are_reported),
        cmocka_unit_test(test_killed_stream_comes_back),
        cmocka_unit_test(test_log_rotation),
        cmocka_unit_test(test_no_events),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_stats_end),
    };
    int failed = cmocka_run_group_tests(tests, live_setup, live_teardown);
    return failed + cmocka_run_group_tests(remote, live_setup_remote, live_teardown);
}

int main(void)
{
    return pod_main(run_group);
}
