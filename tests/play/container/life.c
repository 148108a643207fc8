/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/play/container/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

int do_start(const struct given *g)
{
    const char *id = g->args.v[0];
    bool attach = given_has(g, "--attach") || given_has(g, "--interactive");
    container_must_exist(id);
    if (attach && container_life(id, NULL) == LIFE_RUNNING) {
        fail("invalidArgument", "attach is currently unsupported on already running containers");
    }
    if (attach) {
        fail("unsupported", "the stand-in starts detached only");
    }
    keeper_start(id);
    strbuf_addf(&st.out, "%s\n", id);
    return 0;
}

/* The names given, or all with --all. */
static void chosen(const struct given *g, const char *conflict, struct strvec *out)
{
    if (g->args.len == 0 && !given_has(g, "--all")) {
        fail("invalidArgument", "no containers specified and --all not supplied");
    }
    if (g->args.len > 0 && given_has(g, "--all")) {
        fail("invalidArgument", "explicitly supplied container %s conflict with the --all flag", conflict);
    }
    if (given_has(g, "--all")) {
        container_ids(out);
    } else {
        strvec_pushv(out, (const char *const *)g->args.v);
    }
}

/* A name that is not there, in the words of the version. */
static void no_such(const char *id, struct strbuf *wrong)
{
    strbuf_addstr(wrong, wrong->len ? "\n" : "");
    if (since(1, 0, 0)) {
        strbuf_addf(wrong, "container not found: %s", id);
    } else if (since(0, 10, 0)) {
        strbuf_addf(wrong, "container with ID %s not found", id);
    } else {
        strbuf_addf(wrong, "Error: No such container: %s", id);
    }
}

/* Ends with what went wrong, if anything did. */
static int ended(const struct strbuf *wrong)
{
    if (wrong->len && since(0, 10, 0)) {
        fail("internalError", "%s", wrong->buf);
    }
    if (wrong->len) {
        fprintf(stderr, "%s\n", wrong->buf);
        return 1;
    }
    return 0;
}

int do_stop(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    struct strbuf wrong = STRBUF_INIT;
    int number = signal_number(given_value(g, "--signal", "SIGTERM"));
    chosen(g, "IDs", &ids);
    if (number < 0) {
        fail("invalidArgument", "invalid signal: %s", given_value(g, "--signal", ""));
    }
    for (size_t i = 0; i < ids.len; i++) {
        if (!container_exists(ids.v[i])) {
            no_such(ids.v[i], &wrong);
            continue;
        }
        keeper_stop(ids.v[i], number, strtol(given_value(g, "--time", "5"), NULL, 10) * 1000);
        strbuf_addf(&st.out, "%s\n", ids.v[i]);
    }
    return ended(&wrong);
}

int do_kill(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    struct strbuf wrong = STRBUF_INIT;
    int number = signal_number(given_value(g, "--signal", "KILL"));
    chosen(g, "IDs", &ids);
    if (number < 0) {
        fail("invalidArgument", "invalid signal: %s", given_value(g, "--signal", ""));
    }
    for (size_t i = 0; i < ids.len; i++) {
        pid_t init = container_exists(ids.v[i]) ? container_init(ids.v[i]) : 0;
        if (!container_exists(ids.v[i])) {
            no_such(ids.v[i], &wrong);
        } else if (init == 0) {
            strbuf_addf(&wrong, "%scontainer %s is not running", wrong.len ? "\n" : "", ids.v[i]);
        } else if (number == SIGKILL) {
            keeper_stop(ids.v[i], SIGKILL, 0);
            strbuf_addf(&st.out, "%s\n", ids.v[i]);
        } else {
            kill(init, number);
            strbuf_addf(&st.out, "%s\n", ids.v[i]);
        }
    }
    return ended(&wrong);
}

int do_delete(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    struct strbuf wrong = STRBUF_INIT;
    bool force = given_has(g, "--force");
    chosen(g, "ID(s)", &ids);
    for (size_t i = 0; i < ids.len; i++) {
        const char *id = ids.v[i];
        enum life life = container_exists(id) ? container_life(id, NULL) : LIFE_STOPPED;
        if (!container_exists(id)) {
            no_such(id, &wrong);
            continue;
        }
        if (life == LIFE_STOPPING || life == LIFE_STARTING || (life == LIFE_RUNNING && !force)) {
            strbuf_addf(&wrong, "%scontainer %s is %s and can not be deleted", wrong.len ? "\n" : "", id,
                        life_name(life));
            continue;
        }
        if (life == LIFE_RUNNING) {
            keeper_stop(id, SIGKILL, 5000);
        }
        store_lock();
        container_remove(id);
        store_unlock();
        strbuf_addf(&st.out, "%s\n", id);
    }
    return ended(&wrong);
}

int do_prune(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    (void)g;
    container_ids(&ids);
    for (size_t i = 0; i < ids.len; i++) {
        if (container_life(ids.v[i], NULL) == LIFE_STOPPED) {
            container_remove(ids.v[i]);
            strbuf_addf(&st.out, "%s\n", ids.v[i]);
        }
    }
    strbuf_addstr(&st.out, "Reclaimed Zero KB in disk space\n");
    return 0;
}

/* Writes now what is kept back. */
static void flush(void)
{
    for (size_t at = 0; at < st.out.len;) {
        ssize_t n = write(STDOUT_FILENO, st.out.buf + at, st.out.len - at);
        if (n <= 0 && errno != EINTR) {
            _exit(1);
        }
        at += n > 0 ? (size_t)n : 0;
    }
    strbuf_clear(&st.out);
}

/* The last `n` lines that are not empty. */
static void add_last_lines(const struct strbuf *log, long n)
{
    struct strvec lines = STRVEC_INIT;
    for (const char *p = log->buf; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        if (*p != '\n') {
            strvec_pushf(&lines, "%.*s", (int)strcspn(p, "\n"), p);
        }
    }
    size_t first = n >= 0 && (size_t)n < lines.len ? lines.len - (size_t)n : 0;
    for (size_t i = first; i < lines.len && n > 0; i++) {
        strbuf_addf(&st.out, "%s\n", lines.v[i]);
    }
    strvec_release(&lines);
}

/* New lines until it is killed; a log that has been truncated is read from its beginning. It never ends by itself. */
static MT_NORETURN void follow(const char *path, off_t at)
{
    for (;;) {
        char buf[16384];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
        at = size < at ? size : at;
        ssize_t n = fd >= 0 && size > at ? pread(fd, buf, sizeof(buf), at) : 0;
        if (fd >= 0) {
            close(fd);
        }
        if (n > 0) {
            strbuf_add(&st.out, buf, (size_t)n);
            at += n;
            flush();
        } else {
            sleep_ms(20);
        }
    }
}

int do_logs(const struct given *g)
{
    const char *id = g->args.v[0], *n = given_value(g, "-n", NULL);
    struct strbuf log = STRBUF_INIT;
    if (!container_exists(id)) {
        fail_because("internalError", "notFound", "container with ID not found",
                     "failed to open container logs: container %s not found", id);
    }
    char *path = container_path(id, given_has(g, "--boot") ? "boot.log" : "stdio.log");
    if (fs_exists(path) && fs_read(path, 64 << 20, &log, NULL) < 0) {
        fail("internalError", "failed to open container logs");
    }
    if (n) {
        add_last_lines(&log, strtol(n, NULL, 10));
    } else {
        if (!utf8_is_valid(log.buf, log.len)) {
            fail("internalError", "failed to convert container logs to utf8");
        }
        size_t end = log.len;
        while (end > 0 && log.buf[end - 1] == '\n') {
            end--;
        }
        const char *p = log.buf + strspn(log.buf, "\n");
        strbuf_addf(&st.out, "%.*s\n", (int)(end > (size_t)(p - log.buf) ? end - (size_t)(p - log.buf) : 0), p);
    }
    if (given_has(g, "--follow")) {
        flush();
        follow(path, (off_t)log.len);
    }
    free(path);
    return 0;
}

/* One container's entry of stats; false: it does not run. */
static bool add_stats(const char *id, struct json *all)
{
    struct json *o, *config;
    uint64_t cpu, memory, processes;
    pid_t init = container_life(id, NULL) == LIFE_RUNNING ? container_init(id) : 0;
    if (init == 0) {
        return false;
    }
    config = container_config(id);
    place_usage(init, &cpu, &memory, &processes);
    o = json_new_object();
    json_set_int(o, "blockReadBytes", 0);
    json_set_int(o, "blockWriteBytes", 0);
    json_set_int(o, "cpuUsageUsec", (int64_t)cpu);
    json_set_string(o, "id", id);
    json_set_int(o, "memoryLimitBytes", json_get_int(json_get(config, "resources"), "memoryInBytes", 0));
    json_set_int(o, "memoryUsageBytes", (int64_t)memory);
    json_set_int(o, "networkRxBytes", 0);
    json_set_int(o, "networkTxBytes", 0);
    json_set_int(o, "numProcesses", (int64_t)processes);
    json_append(all, o);
    json_free(config);
    return true;
}

int do_stats(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    struct json *all = json_new_array();
    if (strcmp(given_value(g, "--format", "table"), "json") != 0 && !given_has(g, "--no-stream")) {
        fail("unsupported", "the stand-in has no table that redraws itself");
    }
    for (size_t i = 0; i < g->args.len; i++) {
        container_must_exist(g->args.v[i]);
        strvec_push(&ids, g->args.v[i]);
    }
    if (g->args.len == 0) {
        container_ids(&ids);
    }
    sleep_ms(setting("STATS_MS", "stats_ms", 2000));
    for (size_t i = 0; i < ids.len; i++) {
        add_stats(ids.v[i], all);
    }
    if (strcmp(given_value(g, "--format", "table"), "json") == 0) {
        show_json(all, &st.out);
        strbuf_addch(&st.out, '\n');
    } else {
        strbuf_addstr(&st.out, "Container ID  Cpu %  Memory Usage  Net Rx/Tx  Block I/O  Pids\n");
    }
    return 0;
}
