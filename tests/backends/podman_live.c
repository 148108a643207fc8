/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_live.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/podman/podman.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_rig.h"
#include "tests/patience.h"

struct live_rig live;

void live_on_change(void *arg, const char *name)
{
    (void)arg;
    strbuf_addf(&live.reports, "%s\n", name ? name : "*");
}

bool live_reported(const void *name)
{
    const char *p = strstr(live.reports.buf, name);
    return p && (p == live.reports.buf || p[-1] == '\n') && p[strlen(name)] == '\n';
}

static void on_tick(void *arg)
{
    (void)arg;
}

bool live_never(const void *arg)
{
    (void)arg;
    return false;
}

/* Turns the loop until cond(arg) or the deadline. */
bool live_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t end = clock_mono_ms() + (cond == live_never ? timeout_ms : patience(timeout_ms));
    struct timer *tick = timer_new(live.loop, on_tick, NULL);
    timer_repeat(tick, 5); /* so that a turn ends */
    bool ok;
    while (!(ok = cond(arg)) && clock_mono_ms() < end) {
        loop_turn(live.loop, true);
    }
    timer_close(tick);
    return ok;
}

static void on_done(struct backend_call *call, const struct error *err)
{
    struct live_call *c = call->arg;
    c->done = true;
    c->err = err ? *err : ERROR_INIT;
}

static void on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    struct live_call *c = call->arg;
    strbuf_addstr(&c->text, is_stderr ? "E:" : "O:");
    strbuf_add(&c->text, line, len);
    strbuf_addch(&c->text, '\n');
}

static bool is_done(const void *arg)
{
    return ((const struct live_call *)arg)->done;
}

void live_begin(struct live_call *c, enum backend_verb verb, const char *name)
{
    c->call.verb = verb;
    c->call.name = name;
    c->call.done = on_done;
    c->call.on_line = on_line;
    c->call.arg = c;
    c->done = false;
    strbuf_release(&c->text);
    podman_backend.submit(live.be, &c->call);
}

enum error_code live_finish(struct live_call *c)
{
    if (!live_until(is_done, c, 60000)) {
        fail_msg("a call did not end");
    }
    return c->err.code;
}

void live_release(struct live_call *c)
{
    backend_call_release(&c->call);
    strbuf_release(&c->text);
}

enum error_code live_run(struct live_call *c, enum backend_verb verb, const char *name)
{
    live_begin(c, verb, name);
    return live_finish(c);
}

int live_setup(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    live.reports = STRBUF_INIT;
    if (pod_open() < 0 || paths_init(&live.paths, pod.program, &err) < 0) {
        return -1;
    }
    live.loop = loop_new();
    live.be = podman_backend.open(&(struct backend_env){.loop = live.loop, .paths = &live.paths}, &err);
    return live.be ? 0 : -1;
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

void live_service_start(void)
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

void live_service_stop(void)
{
    if (service > 0) {
        kill(service, SIGTERM);
        waitpid(service, NULL, 0);
        service = 0;
    }
}

int live_setup_remote(void **state)
{
    struct error err = ERROR_INIT;
    if (live_setup(state) < 0) {
        return -1;
    }
    podman_backend.close(live.be);
    live_service_start();
    char *path = service_socket(), *url = xasprintf("unix://%s", path);
    struct backend_target target = {.name = "there", .url = url};
    live.be =
        podman_backend.open(&(struct backend_env){.loop = live.loop, .paths = &live.paths, .target = &target}, &err);
    free(path);
    free(url);
    return live.be ? 0 : -1;
}

int live_teardown(void **state)
{
    (void)state;
    podman_backend.close(live.be);
    loop_run(live.loop);
    live_service_stop();
    int left = loop_free(live.loop);
    paths_release(&live.paths);
    strbuf_release(&live.reports);
    return pod_close() < 0 || left != 0 ? -1 : 0;
}
