/* SPDX-License-Identifier: Apache-2.0 */
/* The live half of the podman backend on real podman: changes made behind our back, figures, output, networks and what
 * is read back of the isolation. */
#include "tests/backends/podman_net.h"
#include "tests/backends/podman_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/podman/podman.h"
#include "core/io/loop.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

#define LABELS "--label", "muthr.managed=true", "--label", "muthr.owner=project"

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

static bool never(const void *arg)
{
    (void)arg;
    return false;
}

/* Turns the loop until cond(arg) or the deadline. */
static bool turn_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t end = clock_mono_ms() + (cond == never ? timeout_ms : patience(timeout_ms));
    struct timer *tick = timer_new(loop, on_tick, NULL);
    timer_repeat(tick, 5); /* so that a turn ends */
    bool ok;
    while (!(ok = cond(arg)) && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    timer_close(tick);
    return ok;
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
    strbuf_release(&c->text);
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

/* --- the same through a service, as on another machine --- */

static pid_t service;

static char *service_socket(void)
{
    return path_join(pod.base, "service.sock");
}

static bool service_is_up(const void *path)
{
    return fs_exists(path);
}

static void service_start(void)
{
    char *path = service_socket(), *url = xasprintf("unix://%s", path);
    unlink(path);
    service = fork();
    if (service == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execl(pod.podman, "podman", "system", "service", "--time=0", url, (char *)NULL);
        _exit(127);
    }
    assert_true(pod_until(service_is_up, path, 10000));
    free(path);
    free(url);
}

static void service_stop(void)
{
    if (service > 0) {
        kill(service, SIGTERM);
        waitpid(service, NULL, 0);
        service = 0;
    }
}

static int setup_remote(void **state)
{
    struct error err = ERROR_INIT;
    if (setup(state) < 0) {
        return -1;
    }
    podman_backend.close(be);
    service_start();
    char *path = service_socket(), *url = xasprintf("unix://%s", path);
    struct backend_target target = {.name = "there", .url = url};
    be = podman_backend.open(&(struct backend_env){.loop = loop, .paths = &paths, .target = &target}, &err);
    free(path);
    free(url);
    return be ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    podman_backend.close(be);
    loop_run(loop);
    service_stop();
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
    return reported(name) || reported("*");
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
    configure_back(before);
}

/* Without any events at all: looked at every two seconds. */
static void test_no_events(void **state)
{
    (void)state;
    char *before = configure("events_logger=\"none\"");
    strbuf_clear(&reports);
    podman_backend.watch(be, on_change, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(turn_until(reported, "*", 4000));
        strbuf_clear(&reports);
    }
    assert_int_equal(pod_process("events", "--format"), 0);
    watch_end();
    configure_back(before);
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
    } while (c.call.stats.cpu_ns <= first.cpu_ns && clock_mono_ms() - start < patience(8000));
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
    assert_true(clock_mono_ms() - start < patience(1000));
    release(&follow);
    assert_int_not_equal(run(&tail, BACKEND_LOGS, "muthr-none"), ERROR_NONE);
    release(&tail);
    release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-l");
}

/* --- networks --- */

/* A listener on all addresses of this machine, and on loopback only. */
static int listen_on(in_addr_t address, int *port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    *port = ntohs(sin.sin_port);
    return fd;
}

/* Can a program inside connect to this? */
static bool reaches(const char *container, const char *address, int port)
{
    struct pod_ran ran = POD_RAN_INIT;
    char text[16];
    str_format(text, sizeof(text), "%d", port);
    int code = pod_run(&ran, "exec", container, "nc", "-w", "2", address, text, "-e", "true");
    pod_ran_release(&ran);
    return code == 0;
}

static char *gateway_of(const char *container)
{
    return pod_text("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}", container);
}

static const struct isolation_fact *find_fact(const struct backend_call *call, const char *name)
{
    for (size_t i = 0; i < call->fact_count; i++) {
        if (strcmp(call->facts[i].name, name) == 0) {
            return &call->facts[i];
        }
    }
    fail_msg("no fact '%s'", name);
    return NULL;
}

static void expect_network(const char *name, enum net_policy wanted, enum isolation_verdict verdict, const char *word)
{
    struct running c = {0};
    struct sandbox_spec spec = {.net = wanted, .net_after = wanted};
    c.call.spec = &spec;
    assert_int_equal(run(&c, BACKEND_ISOLATION, name), ERROR_NONE);
    const struct isolation_fact *f = find_fact(&c.call, "network");
    if (f->verdict != verdict || !strstr(f->actual, word)) {
        fail_msg("network: %s (%d)", f->actual, (int)f->verdict);
    }
    release(&c);
}

/* The host as seen from inside, by inspect and by the list, which keeps what it read. */
static void expect_gateway(const char *name, enum net_policy net, const char *gateway)
{
    static const enum backend_verb verbs[] = {BACKEND_INSPECT, BACKEND_LIST, BACKEND_LIST};
    for (size_t i = 0; i < MT_ARRAY_LEN(verbs); i++) {
        struct running c = {0};
        assert_int_equal(run(&c, verbs[i], verbs[i] == BACKEND_INSPECT ? name : NULL), ERROR_NONE);
        assert_int_equal(c.call.info_count, 1);
        assert_string_equal(c.call.infos[0].gateway, gateway);
        assert_true(c.call.infos[0].net_known);
        assert_int_equal(c.call.infos[0].net, net);
        release(&c);
    }
}

static void expect_ok(struct running *c, enum backend_verb verb, const char *name)
{
    if (run(c, verb, name) != ERROR_NONE) {
        fail_msg("verb %d: %s", (int)verb, c->err.msg);
    }
}

static void test_seal_cuts(void **state)
{
    int port, fd = listen_on(INADDR_ANY, &port);
    struct running c = {0};
    (void)state;
    pod_do("network", "create", LABELS, "muthr-net-n");
    pod_do("run", "-d", "--init", "--name", "muthr-n", "--network", "muthr-net-n", LABELS, "--label",
           "muthr.network=muthr-net-n", POD_MINI, "sleep", "1000");
    char *gateway = gateway_of("muthr-n");
    assert_true(reaches("muthr-n", gateway, port));
    expect_gateway("muthr-n", NET_FULL, gateway);
    assert_true(reaches("muthr-n", POD_UPLINK_ADDRESS, port));
    expect_network("muthr-n", NET_NONE, ISOLATION_WEAKER, "eth0");

    uint64_t start = clock_mono_ms();
    c.call.net = NET_MODEL;
    if (run(&c, BACKEND_SEAL, "muthr-n") != ERROR_NONE) {
        fail_msg("%s", c.err.msg);
    }
    print_message("to model: %d ms\n", (int)(clock_mono_ms() - start));
    assert_false(reaches("muthr-n", gateway, port));
    assert_false(reaches("muthr-n", POD_UPLINK_ADDRESS, port));
    char *model = gateway_of("muthr-n");
    assert_string_not_equal(model, gateway);
    assert_true(reaches("muthr-n", model, port)); /* where the inference server is */
    expect_network("muthr-n", NET_MODEL, ISOLATION_OK, "no route out");
    expect_gateway("muthr-n", NET_MODEL, model);
    expect_network("muthr-n", NET_NONE, ISOLATION_WEAKER, "no route out");
    assert_int_equal(run(&c, BACKEND_SEAL, "muthr-n"), ERROR_NONE); /* again: nothing to do */

    start = clock_mono_ms();
    c.call.net = NET_NONE;
    if (run(&c, BACKEND_SEAL, "muthr-n") != ERROR_NONE) {
        fail_msg("%s", c.err.msg);
    }
    print_message("to none: %d ms\n", (int)(clock_mono_ms() - start));
    assert_false(reaches("muthr-n", model, port));
    char *left = pod_text("exec", "muthr-n", "ls", "/sys/class/net");
    assert_string_equal(left, "lo");
    free(left);
    expect_network("muthr-n", NET_NONE, ISOLATION_OK, "loopback");
    expect_gateway("muthr-n", NET_NONE, "");
    pod_do("restart", "-t", "0", "muthr-n");
    expect_network("muthr-n", NET_NONE, ISOLATION_OK, "loopback"); /* it stays cut */
    for (int net = NET_NONE; net <= NET_FULL; net++) {             /* until somebody starts it with a network again */
        pod_do("stop", "-t", "0", "muthr-n");
        c.call.net = (enum net_policy)net;
        expect_ok(&c, BACKEND_START, "muthr-n");
        assert_int_equal(reaches("muthr-n", gateway, port), net == NET_FULL);
    }
    c.call.net = NET_NONE;
    expect_ok(&c, BACKEND_SEAL, "muthr-n");
    expect_network("muthr-n", NET_NONE, ISOLATION_OK, "loopback");
    pod_do("rm", "-f", "-t", "0", "muthr-n");
    pod_do("network", "rm", "muthr-net-n", "muthr-model-n");
    free(gateway);
    free(model);
    close(fd);
    release(&c);
}

static void test_seal_fails_closed(void **state)
{
    struct running c = {0};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-h", "--network", "host", LABELS, "--label", "muthr.network=host",
           POD_MINI, "sleep", "1000");
    pod_do("run", "-d", "--init", "--name", "muthr-f", POD_MINI, "sleep", "1000");
    c.call.net = NET_NONE;
    assert_int_equal(run(&c, BACKEND_SEAL, "muthr-h"), ERROR_DENIED);
    assert_non_null(strstr(c.err.msg, "cannot be cut"));
    assert_int_equal(run(&c, BACKEND_SEAL, "muthr-f"), ERROR_DENIED); /* not ours */
    assert_int_equal(run(&c, BACKEND_SEAL, "muthr-none"), ERROR_NOT_FOUND);
    c.call.net = NET_FULL;
    assert_int_equal(run(&c, BACKEND_SEAL, "muthr-h"), ERROR_INVALID);
    expect_network("muthr-h", NET_NONE, ISOLATION_WEAKER, "host's own");
    /* Somebody else's network of that name is not used. */
    pod_do("network", "create", "muthr-model-m");
    pod_do("network", "create", "muthr-net-m");
    pod_do("run", "-d", "--init", "--name", "muthr-m", "--network", "muthr-net-m", LABELS, "--label",
           "muthr.network=muthr-net-m", POD_MINI, "sleep", "1000");
    c.call.net = NET_MODEL;
    assert_int_equal(run(&c, BACKEND_SEAL, "muthr-m"), ERROR_DENIED);
    assert_non_null(strstr(c.err.msg, "muthr-model-m"));
    pod_do("rm", "-f", "-t", "0", "muthr-h", "muthr-f", "muthr-m");
    pod_do("network", "rm", "muthr-model-m", "muthr-net-m");
    release(&c);
}

/* --- isolation --- */

static void expect_fact(const struct backend_call *call, const char *name, enum isolation_verdict verdict,
                        const char *word)
{
    const struct isolation_fact *f = find_fact(call, name);
    if (f->verdict != verdict || !strstr(f->actual, word)) {
        fail_msg("%s: %s (%d), not %s (%d)", name, f->actual, (int)f->verdict, word, (int)verdict);
    }
}

static void test_isolation(void **state)
{
    char mount[] = "/workspace", data[] = "/data", ro[] = "/ro";
    struct mount_spec mounts[] = {{.source = pod.home, .target = data, .read_only = true},
                                  {.source = pod.home, .target = ro, .read_only = true}};
    struct sandbox_spec spec = {.net = NET_FULL,
                                .net_after = NET_FULL,
                                .workspace = pod.home,
                                .workspace_mount = mount,
                                .memory_bytes = 64u << 20,
                                .pids = 50,
                                .cpus = 0.5,
                                .mounts = mounts,
                                .mount_count = 2};
    struct running c = {.call = {.spec = &spec}};
    (void)state;
    char *workspace = xasprintf("%s:/workspace", pod.home), *data_mount = xasprintf("%s:/data", pod.base),
         *ro_mount = xasprintf("%s:/ro:ro", pod.home);
    pod_do("run", "-d", "--init", "--name", "muthr-i", LABELS, "-v", workspace, "-v", ro_mount, "--memory", "64m",
           "--pids-limit", "50", "--cpus", "0.5", "--read-only", "--cap-drop", "ALL", "--user", "1000:1000",
           "--security-opt", "no-new-privileges", "-p", "127.0.0.1::8080", POD_MINI, "sleep", "1000");
    assert_int_equal(run(&c, BACKEND_ISOLATION, "muthr-i"), ERROR_NONE);
    for (size_t i = 0; i < c.call.fact_count; i++) {
        print_message("%-26s %d %s\n", c.call.facts[i].name, (int)c.call.facts[i].verdict, c.call.facts[i].actual);
    }
    expect_fact(&c.call, "network", ISOLATION_OK, "eth0");
    expect_fact(&c.call, "user", ISOLATION_OK, "uid 1000");
    expect_fact(&c.call, "capabilities", ISOLATION_OK, "none");
    expect_fact(&c.call, "seccomp", ISOLATION_OK, "filter");
    expect_fact(&c.call, "no-new-privileges", ISOLATION_OK, "yes");
    expect_fact(&c.call, "processes", ISOLATION_OK, "its own");
    expect_fact(&c.call, "root filesystem", ISOLATION_OK, "read-only");
    expect_fact(&c.call, "mount /workspace", ISOLATION_OK, pod.home);
    expect_fact(&c.call, "mount /ro", ISOLATION_OK, "read-only");
    expect_fact(&c.call, "memory limit", ISOLATION_OK, "64 MiB (cgroup)");
    expect_fact(&c.call, "process limit", ISOLATION_OK, "50 (cgroup)");
    expect_fact(&c.call, "cpu limit", ISOLATION_OK, "0.5 (cgroup)");
    expect_fact(&c.call, "privileged", ISOLATION_OK, "no");
    expect_fact(&c.call, "devices", ISOLATION_OK, "none");
    expect_fact(&c.call, "published ports", ISOLATION_OK, "-> 8080/tcp");
    expect_fact(&c.call, "image", ISOLATION_INFO, POD_MINI);
    release(&c);

    /* The same wishes, and a container that keeps none of them. */
    pod_do("run", "-d", "--name", "muthr-p", LABELS, "-v", workspace, "-v", data_mount, "--privileged", "--network",
           "host", "--security-opt", "seccomp=unconfined", "--pid", "host", POD_MINI, "sleep", "1000");
    assert_int_equal(run(&c, BACKEND_ISOLATION, "muthr-p"), ERROR_NONE);
    expect_fact(&c.call, "network", ISOLATION_WEAKER, "host's own");
    expect_fact(&c.call, "user", ISOLATION_WEAKER, "uid 0");
    expect_fact(&c.call, "capabilities", ISOLATION_WEAKER, "");
    expect_fact(&c.call, "seccomp", ISOLATION_WEAKER, "off");
    expect_fact(&c.call, "no-new-privileges", ISOLATION_WEAKER, "no");
    expect_fact(&c.call, "processes", ISOLATION_WEAKER, "host");
    expect_fact(&c.call, "root filesystem", ISOLATION_WEAKER, "writable");
    expect_fact(&c.call, "mount /data", ISOLATION_WEAKER, "not the folder");
    expect_fact(&c.call, "memory limit", ISOLATION_WEAKER, "none");
    expect_fact(&c.call, "cpu limit", ISOLATION_WEAKER, "none");
    expect_fact(&c.call, "privileged", ISOLATION_WEAKER, "yes");
    release(&c);
    pod_do("stop", "-t", "0", "muthr-i");
    assert_int_equal(run(&c, BACKEND_ISOLATION, "muthr-i"), ERROR_UNAVAILABLE);
    release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-i", "muthr-p");
    free(workspace);
    free(data_mount);
    free(ro_mount);
}

/* --- the whole life by the backend's own verbs --- */

static char *networks_of_ours(void)
{
    return pod_text("network", "ls", "--filter", "label=muthr.managed=true", "--format", "{{.Name}}");
}

/* A profile that is sealed after provisioning: every fact is as wanted, and nothing of it is left afterwards. */
static void whole_life(enum net_policy after, const char *networks)
{
    char name[] = "muthr-life", project[] = "life", mount[] = "/workspace", profile[] = "base", hash[] = "h",
         image[] = POD_MINI;
    struct sandbox_spec spec = {.name = name,
                                .project = project,
                                .workspace_mount = mount,
                                .profile = profile,
                                .config_hash = hash,
                                .image = image,
                                .net = NET_FULL,
                                .net_after = after,
                                .memory_bytes = 128u << 20,
                                .pids = 64,
                                .cpus = 1};
    struct running c = {0};
    spec.workspace = path_join(pod.home, "life");
    assert_int_equal(fs_mkdirs(spec.workspace, 0755, NULL), 0);
    c.call.spec = &spec;
    expect_ok(&c, BACKEND_CREATE, NULL);
    expect_ok(&c, BACKEND_START, name);
    c.call.net = after;
    expect_ok(&c, BACKEND_SEAL, name);
    char *there = networks_of_ours();
    assert_string_equal(there, networks);
    free(there);
    expect_ok(&c, BACKEND_ISOLATION, name);
    for (size_t i = 0; i < c.call.fact_count; i++) {
        const struct isolation_fact *f = &c.call.facts[i];
        bool root = strcmp(f->name, "user") == 0; /* this test runs as root, and so does what it starts */
        if (f->verdict != ISOLATION_OK && f->verdict != ISOLATION_INFO && !root) {
            fail_msg("%s: %s", f->name, f->actual);
        }
    }
    release(&c);
    c = (struct running){.call = {.spec = &spec}};
    expect_ok(&c, BACKEND_STATS, name);
    c.call.force = true;
    expect_ok(&c, BACKEND_DELETE, name);
    there = networks_of_ours();
    assert_string_equal(there, "");
    free(there);
    release(&c);
    free(spec.workspace);
}

static void test_whole_life_none(void **state)
{
    (void)state;
    whole_life(NET_NONE, "muthr-net-life");
}

static void test_whole_life_model(void **state)
{
    (void)state;
    whole_life(NET_MODEL, "muthr-model-life\nmuthr-net-life");
}

/* The service goes and comes back: both are noticed, and what happened meanwhile is looked at. */
static void test_service_comes_back(void **state)
{
    (void)state;
    watch_begin();
    service_stop();
    assert_true(turn_until(reported, "*", 5000));
    pod_do("create", "--name", "muthr-z", LABELS, POD_MINI, "true");
    service_start();
    pid_t none = 0;
    assert_true(turn_until(stream_is_there, &none, 10000));
    strbuf_clear(&reports);
    assert_true(turn_until(reported, "*", 10000));
    turn_until(never, NULL, 1500);
    expect_report("muthr-z", "rm", "muthr-z");
    watch_end();
}

/* The kernel over there is asked by a program inside, which is told; limits are podman's word. */
static void test_remote_isolation(void **state)
{
    struct sandbox_spec spec = {.net = NET_NONE, .net_after = NET_NONE, .pids = 50};
    struct running c = {.call = {.spec = &spec}};
    (void)state;
    pod_do("run", "-d", "--init", "--name", "muthr-i", LABELS, "--network", "none", "--pids-limit", "50", "--read-only",
           "--cap-drop", "ALL", "--user", "1000:1000", "--security-opt", "no-new-privileges", POD_MINI, "sleep",
           "1000");
    assert_int_equal(run(&c, BACKEND_ISOLATION, "muthr-i"), ERROR_NONE);
    for (size_t i = 0; i < c.call.fact_count; i++) {
        print_message("%-26s %d %s\n", c.call.facts[i].name, (int)c.call.facts[i].verdict, c.call.facts[i].actual);
    }
    expect_fact(&c.call, "network", ISOLATION_OK, "loopback");
    expect_fact(&c.call, "user", ISOLATION_OK, "uid 1000");
    expect_fact(&c.call, "capabilities", ISOLATION_OK, "none");
    expect_fact(&c.call, "seccomp", ISOLATION_OK, "filter");
    expect_fact(&c.call, "no-new-privileges", ISOLATION_OK, "yes");
    expect_fact(&c.call, "root filesystem", ISOLATION_OK, "read-only");
    expect_fact(&c.call, "process limit", ISOLATION_UNKNOWN, "50");
    expect_fact(&c.call, "read by", ISOLATION_INFO, "inside");
    release(&c);
    pod_do("rm", "-f", "-t", "0", "muthr-i");
}

static int run_group(void)
{
    const struct CMUnitTest remote[] = {
        cmocka_unit_test(test_changes_are_reported),
        cmocka_unit_test(test_service_comes_back),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_seal_cuts),
        cmocka_unit_test(test_seal_fails_closed),
        cmocka_unit_test(test_remote_isolation),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_are_reported),
        cmocka_unit_test(test_killed_stream_comes_back),
        cmocka_unit_test(test_log_rotation),
        cmocka_unit_test(test_no_events),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_seal_cuts),
        cmocka_unit_test(test_seal_fails_closed),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_whole_life_none),
        cmocka_unit_test(test_whole_life_model),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    return failed + cmocka_run_group_tests(remote, setup_remote, teardown);
}

int main(void)
{
    return pod_main(run_group);
}
