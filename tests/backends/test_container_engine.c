/* SPDX-License-Identifier: Apache-2.0 */
/* The real program and its engine over the backend `container`, against the stand-in at three versions: every plan, and
 * what may go wrong in the middle of each. At the end a table of backend, version, plan and outcome. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "core/engine/engine.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/standin_rig.h"
#include "tests/backends/verb_rig.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/skip.h"

#define DEMO "muthr-demo"
#define READY "localhost/muthr-ready:latest"
#define MANIFESTS ".config/muthr/sandbox.d/container/manifests/"

#define VERSIONS 3 /* standin_versions */

static const char *version; /* of the plan that runs */
static char *shipped;       /* MUTHR_TUI_DATA as it was */

/* --- small words --- */

/* A profile's manifest, over the image that needs nothing installed. */
static void manifest_of(const char *name, const char *image, const char *rest)
{
    char *path = xasprintf(MANIFESTS "%s.yaml", name), *text = xasprintf("name: %s\nimage: %s\n%s", name, image, rest);
    home_write(path, text);
    free(path);
    free(text);
}

static void manifest(const char *name, const char *rest)
{
    manifest_of(name, READY, rest);
}

static bool at_least(int major, int minor)
{
    int v[2] = {0};
    sscanf(version, "%d.%d", &v[0], &v[1]);
    return v[0] > major || (v[0] == major && v[1] >= minor);
}

static void expect_state(const char *want)
{
    char *is = standin_state(DEMO);
    if (strcmp(is, want) != 0) {
        fail_msg("the container is \"%s\", not \"%s\"", is, want);
    }
    free(is);
}

/* A program runs inside. */
static void expect_alive(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", "demo", "-c", "echo alive");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "alive\n");
    ran_release(&r);
    expect_state("running");
}

/* How often a command was called since standin_forget_calls. */
static int called(const char *command)
{
    char *all = standin_calls(), *word = xasprintf("[\"%s\"", command);
    int n = 0;
    for (const char *p = strstr(all, word); p; p = strstr(p + 1, word)) {
        n++;
    }
    free(all);
    free(word);
    return n;
}

/* What the container was made with, from `inspect`. json_free. */
static struct json *inspected(void)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    standin_run(&r, "inspect", DEMO);
    struct json *all = json_parse(r.out.buf, r.out.len, NULL);
    standin_ran_release(&r);
    assert_non_null(json_first(all));
    return all;
}

static int64_t cpus_of_demo(void)
{
    struct json *all = inspected();
    int64_t n = json_get_int(json_get(json_get(json_first(all), "configuration"), "resources"), "cpus", -1);
    json_free(all);
    return n;
}

/* --- plans --- */

static void plan_ensure_from_none(void)
{
    verb_expect(0, "start");
    expect_state("running");
    expect_status(DEMO, "running");
    expect_alive();
}

static void plan_ensure_from_stopped(void)
{
    verb_expect(0, "start");
    verb_expect(0, "stop");
    expect_state("stopped");
    standin_forget_calls();
    verb_expect(0, "start");
    assert_int_equal(called("create"), 0);
    expect_alive();
}

static void plan_ensure_running(void)
{
    verb_expect(0, "start");
    standin_forget_calls();
    verb_expect(0, "start");
    assert_int_equal(called("create") + called("start") + called("stop") + called("delete"), 0);
    expect_alive();
}

static void plan_drifted_stopped(void)
{
    manifest("base", "resources:\n  cpus: 2\n");
    verb_expect(0, "start");
    assert_int_equal(cpus_of_demo(), 2);
    verb_expect(0, "stop");
    manifest("base", "resources:\n  cpus: 3\n");
    verb_expect(0, "start");
    assert_int_equal(cpus_of_demo(), 3);
    expect_alive();
}

static void plan_drifted_running(void)
{
    struct ran r = RAN_INIT;
    manifest("base", "resources:\n  cpus: 2\n");
    verb_expect(0, "start");
    manifest("base", "resources:\n  cpus: 3\n");
    verb_run(&r, "start");
    ran_expect(&r, 0);
    assert_int_equal(cpus_of_demo(), 2); /* never under the person's feet */
    verb_expect(0, "start", "--recreate");
    assert_int_equal(cpus_of_demo(), 3);
    expect_alive();
    ran_release(&r);
}

static void plan_provision(void)
{
    profile_write("mine", "echo '[PROC] one'\necho x >>/workspace/ran\necho '[ OK ] two'\n");
    manifest("mine", "");
    verb_expect(0, "start", "--profile", "mine");
    verb_expect(0, "provision");
    char *ran = home_read("src/demo/ran");
    assert_string_equal(ran, "x\n"); /* the same revision: once */
    free(ran);
    expect_state("running");
}

static void plan_provision_failing(void)
{
    struct ran r = RAN_INIT;
    profile_write("mine", "echo '[PROC] one'\nexit 9\n");
    manifest("mine", "");
    verb_run(&r, "start", "--profile", "mine");
    ran_expect(&r, 1);
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"provisioned\": false");
    expect_text(&r.out, "failed (exit 9)");
    profile_write("mine", "echo '[ OK ] now'\n");
    verb_expect(0, "start", "--profile", "mine");
    expect_alive();
    ran_release(&r);
}

/* Networks of the running container; -1: it does not run. */
static int networks_of_demo(void)
{
    struct json *all = inspected();
    const struct json *c = json_first(all), *status = json_get(c, "status");
    const struct json *list = json_is_object(status) ? json_get(status, "networks") : json_get(c, "networks");
    const char *state = json_is_object(status) ? json_get_string(status, "state", "") : json_string(status);
    int n = strcmp(state, "running") == 0 ? 0 : -1;
    for (const struct json *one = json_first(list); one && n >= 0; one = json_next(one)) {
        n++;
    }
    json_free(all);
    return n;
}

/* Provisioned with a network, and then without one: really, or not at all. */
static void plan_seal(void)
{
    struct ran r = RAN_INIT;
    profile_write("cut", "grep -q eth0 /proc/net/dev || test -s /etc/resolv.conf || exit 8\necho made >/root/made\n");
    manifest("cut", "security:\n  network: none\n");
    verb_run(&r, "start", "--profile", "cut");
    if (at_least(0, 10)) {
        ran_expect(&r, 0);
        assert_int_equal(networks_of_demo(), 0);
        verb_run(&r, "shell", "demo", "-c", "grep -c : /proc/net/dev; ls /var/lib/muthr | head -n 1");
        ran_expect(&r, 0);
        assert_true(strncmp(r.out.buf, "1\n", 2) == 0); /* the loopback */
        verb_expect(0, "stop");
        verb_expect(0, "start", "--profile", "cut");
        assert_int_equal(networks_of_demo(), 0);
    } else {
        assert_int_not_equal(r.code, 0); /* nothing can be made of a container before `export`: refused */
        char *is = standin_state(DEMO);
        assert_true(strcmp(is, "running") != 0 || networks_of_demo() == 0);
        free(is);
    }
    ran_release(&r);
}

static void plan_golden(void)
{
    struct ran r = RAN_INIT;
    profile_write("mine", "echo made >/var/lib/made\n");
    manifest("mine", "");
    verb_run(&r, "image", "build", "--profile", "mine", "demo");
    if (!at_least(0, 10)) {
        assert_int_not_equal(r.code, 0);
        expect_text(&r.err, "container 0.7.1 cannot make an image of a sandbox");
        ran_release(&r);
        return;
    }
    ran_expect(&r, 0);
    verb_run(&r, "shell", "other", "--profile", "mine", "-c", "cat /var/lib/made");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "made\n");
    char *calls = standin_calls();
    assert_non_null(strstr(calls, "localhost/muthr-profile-mine"));
    free(calls);
    ran_release(&r);
}

static void plan_stop(void)
{
    verb_expect(0, "start");
    uint64_t began = clock_mono_ms();
    verb_expect(0, "stop");
    assert_in_range(clock_mono_ms() - began, 0, patience(4000)); /* its first process ends at the signal */
    expect_state("stopped");
    verb_expect(0, "stop");
}

static void plan_delete(void)
{
    verb_expect(0, "start");
    verb_expect(0, "delete", "--yes", "demo");
    expect_state("");
    expect_status(DEMO, "");
    assert_true(src_exists("demo"));
}

static void plan_recreate(void)
{
    verb_expect(0, "start");
    standin_forget_calls();
    manifest("base", "resources:\n  memory: 300Mi\n");
    verb_expect(0, "start", "--recreate");
    assert_int_equal(called("create"), 1);
    expect_alive();
}

/* What `stopping` lasts, a deletion waits for. */
static void plan_slow_shutdown(void)
{
    standin_file("shutdown_ms", "700");
    verb_expect(0, "start");
    verb_expect(0, "delete", "--yes", "demo");
    expect_state("");
}

/* --- in the middle of a step --- */

/* Commands that do something, in the order of a start from nothing. */
static const char *const acting[] = {"image.pull", "create", "start", "exec"};

/* The image is not here yet, so that a start fetches it. */
static void from_nothing(void)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    verb_expect(0, "delete", "--yes", "--force", "demo");
    standin_run(&r, "image", "delete", "--force", "debian:13-slim");
    standin_ran_release(&r);
    standin_file("faults", NULL);
    standin_forget_calls();
}

static bool called_now(const void *command)
{
    return called(command) > 0;
}

/* The word as it stands in the calls: the first word of the command. */
static const char *first_word(const char *command)
{
    return strcmp(command, "image.pull") == 0 ? "image\",\"pull" : command;
}

/* Starts in the background, and waits until this command has been called and hangs. */
static pid_t start_until(const char *command)
{
    char *fault = xasprintf("%s 0 hang", command);
    from_nothing();
    standin_fault(fault);
    free(fault);
    pid_t pid = verb_begin("start");
    if (!verb_until(called_now, first_word(command), 20000)) {
        char *said = verb_said("err");
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        fail_msg("%s was not called: %s", command, said);
    }
    return pid;
}

static void plan_cancel_at_each_step(void)
{
    manifest_of("base", "debian:13-slim", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(acting); i++) {
        pid_t pid = start_until(acting[i]);
        uint64_t began = clock_mono_ms();
        kill(pid, SIGINT);
        assert_int_equal(verb_wait(pid, 15000), 1);
        uint64_t ms = clock_mono_ms() - began;
        print_message("  cancelled in %-11s after %4d ms\n", acting[i], (int)ms);
        if (ms > patience(4000)) {
            fail_msg("cancelling %s took %d ms", acting[i], (int)ms);
        }
        char *is = sandbox_status(DEMO);
        assert_true(strcmp(is, "creating") != 0 && strcmp(is, "provisioning") != 0);
        free(is);
    }
    expect_alive();
}

static void plan_killed_at_each_step(void)
{
    manifest_of("base", "debian:13-slim", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(acting); i++) {
        pid_t pid = start_until(acting[i]);
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        struct ran r = RAN_INIT;
        uint64_t began = clock_mono_ms();
        verb_run(&r, "start");
        print_message("  killed in %-11s up again after %4d ms\n", acting[i], (int)(clock_mono_ms() - began));
        if (r.code != 0) {
            fail_msg("after a kill in %s: %s", acting[i], r.err.buf);
        }
        ran_release(&r);
    }
    expect_alive();
}

/* The service goes down before a command's work, and when it is done and nothing was said. What the verb then says is
 * that, and once the service is up the next start brings it all up. */
static void plan_service_down_at_each_step(void)
{
    static const char *const how[] = {"down", "lost"};
    struct ran r = RAN_INIT;
    manifest_of("base", "debian:13-slim", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(acting); i++) {
        for (size_t k = 0; k < MT_ARRAY_LEN(how); k++) {
            if (k == 1 && strcmp(acting[i], "exec") == 0) {
                continue; /* its work is that of a program inside: there is no answer to lose */
            }
            char *fault = xasprintf("%s 0 %s", acting[i], how[k]);
            from_nothing();
            standin_fault(fault);
            verb_run(&r, "start");
            bool done = standin_faults_done();
            if (r.code == 0 || !done || !(strstr(r.err.buf, "service") || strstr(r.err.buf, "system start"))) {
                fail_msg("%s: exit %d, fired: %d, said: %.800s", fault, r.code, (int)done, r.err.buf);
            }
            verb_run(&r, "ls", "-o", "json"); /* no service is not "no containers" */
            standin_file("down", NULL);
            verb_run(&r, "start");
            if (r.code != 0) {
                fail_msg("after %s: %.800s", fault, r.err.buf);
            }
            free(fault);
        }
    }
    expect_alive();
    ran_release(&r);
}

static void plan_two_at_once(void)
{
    standin_forget_calls();
    pid_t one = verb_begin("start"), two = verb_begin("start");
    assert_int_equal(verb_wait(one, RIG_DEADLINE_MS), 0);
    assert_int_equal(verb_wait(two, RIG_DEADLINE_MS), 0);
    assert_int_equal(called("create"), 1);
    expect_alive();
}

/* --- what answers badly --- */

static void plan_half_answers(void)
{
    struct ran r = RAN_INIT;
    verb_expect(0, "start");
    standin_fault("list 0 cut!");
    verb_run(&r, "ls", "-o", "json");
    assert_null(strstr(r.out.buf, "\"status\": \"none\""));
    standin_file("faults", NULL);
    standin_fault("inspect 0 cut!");
    standin_forget_calls();
    verb_run(&r, "start");
    assert_int_equal(called("create") + called("delete"), 0); /* half an answer is no "there is none" */
    standin_file("faults", NULL);
    expect_alive();
    ran_release(&r);
}

/* A container of that name that is not ours is never touched. */
static void plan_foreign(void)
{
    struct standin_ran s = STANDIN_RAN_INIT;
    struct ran r = RAN_INIT;
    standin_run(&s, "create", "--name", DEMO, READY, "sleep", "60");
    assert_int_equal(s.code, 0);
    standin_forget_calls();
    verb_run(&r, "start");
    assert_int_not_equal(r.code, 0);
    verb_run(&r, "delete", "--yes", "--force", "demo");
    assert_int_equal(called("start") + called("delete") + called("stop") + called("rm"), 0);
    expect_state("stopped");
    standin_run(&s, "delete", DEMO);
    standin_ran_release(&s);
    ran_release(&r);
}

/* --- inside --- */

/* A terminal of our own, on which a verb runs. */
static pid_t on_terminal(int *master, const char *const *args)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    struct strvec argv = STRVEC_INIT;
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0);
    ioctl(*master, TIOCSWINSZ, &size);
    fcntl(*master, F_SETFD, FD_CLOEXEC);
    const char *name = ptsname(*master);
    strvec_push(&argv, getenv("MT_TEST_PROGRAM"));
    strvec_pushv(&argv, args);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int slave = open(name, O_RDWR);
        ioctl(slave, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++) {
            dup2(slave, fd);
        }
        char *cwd = path_join(vr.src, "demo");
        if (chdir(cwd) == 0) {
            execv(argv.v[0], argv.v);
        }
        _exit(99);
    }
    strvec_release(&argv);
    return pid;
}

/* Reads what comes until the text stands in it. `poke` is written every 50 ms meanwhile. */
static bool comes(int master, struct strbuf *all, const char *text, const char *poke)
{
    uint64_t deadline = clock_mono_ms() + patience(15000);
    while (!strstr(all->buf, text) && clock_mono_ms() < deadline) {
        struct pollfd p = {.fd = master, .events = POLLIN};
        char buf[4096];
        int n = poll(&p, 1, 50);
        ssize_t got = n > 0 ? read(master, buf, sizeof(buf)) : 0;
        if (n > 0 && got <= 0) {
            break;
        }
        strbuf_add(all, buf, (size_t)got);
        if (n == 0 && *poke && write(master, poke, strlen(poke)) < 0) {
            break;
        }
    }
    return strstr(all->buf, text) != NULL;
}

static void plan_shell_with_resize(void)
{
    struct strbuf all = STRBUF_INIT;
    struct winsize size = {.ws_row = 40, .ws_col = 101};
    int master;
    verb_expect(0, "start");
    pid_t pid =
        on_terminal(&master, (const char *const[]){"shell", "-c",
                                                   "while stty size; do read x; [ \"$x\" = q ] && exit 6; done", NULL});
    if (!comes(master, &all, "24 80", "\r")) {
        fail_msg("no size came: %s", all.buf);
    }
    ioctl(master, TIOCSWINSZ, &size);
    if (!comes(master, &all, "40 101", "\r")) {
        fail_msg("the new size did not come: %s", all.buf);
    }
    assert_null(strstr(all.buf, "\r\r\n")); /* made into CR LF once, by the terminal inside */
    assert_int_equal(write(master, "q\r", 2), 2);
    comes(master, &all, "what never comes", ""); /* until it hangs up */
    assert_int_equal(verb_wait(pid, 10000), 6);
    close(master);
    strbuf_release(&all);
}

static void plan_task(void)
{
    struct ran r = RAN_INIT;
    verb_expect(4, "task", "run", "--name", "four", "-c", "echo from $PWD; exit 4", "--wait", "--timeout", "30");
    verb_run(&r, "task", "logs", "four");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "from /workspace\n");
    verb_expect(0, "task", "run", "--name", "long", "-c", "exec sleep 7850", "--quiet");
    verb_expect(0, "task", "stop", "long");
    ran_release(&r);
}

static void plan_port_clash(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    struct ran r = RAN_INIT;
    int fd = self_socket(AF_INET, SOCK_STREAM, false);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    char *ports = xasprintf("ports:\n  - \"%d:8080\"\n", ntohs(in.sin_port)), lost[60], has[60];
    str_format(lost, sizeof(lost), "port in use, not published: %d/tcp", ntohs(in.sin_port));
    str_format(has, sizeof(has), "\"host\": %d", ntohs(in.sin_port));
    manifest("base", ports);
    verb_run(&r, "start"); /* S12: without that port, and says so */
    ran_expect(&r, 0);
    expect_text(&r.err, lost);
    expect_state("running");
    close(fd);
    verb_expect(0, "stop");
    verb_expect(0, "start"); /* it is free again: made anew with it */
    verb_run(&r, "ls", "--output", "json");
    ran_expect(&r, 0);
    expect_text(&r.out, has);
    free(ports);
    ran_release(&r);
}

/* --- S8, with minutes of some milliseconds: an engine in this process --- */

struct inside {
    struct loop *loop;
    bool ready, closed;
};

static int no_session(void *arg, const struct session_spec *spec,
                      void (*done)(void *arg, const char *id, const struct error *err), void *done_arg,
                      struct error *err)
{
    (void)arg, (void)spec, (void)done, (void)done_arg;
    return error_set(err, ERROR_UNAVAILABLE, "no sessions in this test");
}

static const struct session_info *find_none(void *arg, const char *id)
{
    (void)arg, (void)id;
    return NULL;
}

static const struct session_info *find_no_tag(void *arg, const char *sandbox, enum session_kind kind, const char *tag)
{
    (void)arg, (void)sandbox, (void)kind, (void)tag;
    return NULL;
}

static void ignore_id(void *arg, const char *id)
{
    (void)arg, (void)id;
}

static void on_ready(void *arg)
{
    struct inside *in = arg;
    in->ready = true;
}

static void on_closed(void *arg)
{
    struct inside *in = arg;
    in->closed = true;
}

/* Turns the loop until cond or the deadline. */
static bool turn_until(struct inside *in, bool (*cond)(struct inside *in))
{
    uint64_t deadline = clock_mono_ms() + patience(15000);
    bool is;
    while (!(is = cond(in)) && clock_mono_ms() < deadline) {
        loop_turn(in->loop, false);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return is;
}

static bool is_ready(struct inside *in)
{
    return in->ready;
}

static bool is_closed(struct inside *in)
{
    return in->closed;
}

static bool is_stopped(struct inside *in)
{
    char *is = standin_state(DEMO);
    bool stopped = strcmp(is, "stopped") == 0;
    (void)in;
    free(is);
    return stopped;
}

static void plan_idle_stop(void)
{
    struct inside in = {.loop = loop_new()};
    struct config config;
    struct paths paths;
    struct error err = ERROR_INIT;
    verb_expect(0, "start");
    standin_forget_calls();
    assert_int_equal(paths_init(&paths, getenv("MT_TEST_PROGRAM"), &err), 0);
    assert_int_equal(config_load(&config, &paths, &err), 0);
    config.server_port = 1; /* nobody listens there */
    config.idle_stop_minutes = 2;
    struct bus *bus = bus_new();
    struct model *model = model_new(bus);
    struct engine_opts opts = {.loop = in.loop,
                               .paths = &paths,
                               .config = &config,
                               .model = model,
                               .bus = bus,
                               .registry = backend_registry,
                               .idle_stop = true,
                               .minute_ms = 150};
    opts.port = (struct session_port){.start = no_session,
                                      .find = find_none,
                                      .find_tagged = find_no_tag,
                                      .kill = ignore_id,
                                      .dismiss = ignore_id,
                                      .attended = ignore_id};
    struct engine *engine = engine_new(&opts, &err);
    assert_non_null(engine);
    engine_on_ready(engine, on_ready, &in);
    bool ready = turn_until(&in, is_ready), stopped = turn_until(&in, is_stopped);
    engine_close(engine, false, on_closed, &in);
    assert_true(turn_until(&in, is_closed));
    model_free(model);
    bus_free(bus);
    config_release(&config);
    paths_release(&paths);
    loop_turn(in.loop, false);
    loop_free(in.loop);
    assert_true(ready && stopped);
    assert_int_equal(called("stop"), 1);
}

/* --- all of it --- */

struct plan {
    const char *name;
    void (*run)(void);
};

static const struct plan plans[] = {
    {"ensure, from none", plan_ensure_from_none},
    {"ensure, from stopped", plan_ensure_from_stopped},
    {"ensure, running", plan_ensure_running},
    {"ensure, drifted and stopped", plan_drifted_stopped},
    {"ensure, drifted and running", plan_drifted_running},
    {"provision", plan_provision},
    {"provision, failing", plan_provision_failing},
    {"seal", plan_seal},
    {"golden image", plan_golden},
    {"stop", plan_stop},
    {"delete", plan_delete},
    {"delete, slow to shut down", plan_slow_shutdown},
    {"re-create", plan_recreate},
    {"cancel at each step", plan_cancel_at_each_step},
    {"kill -9 at each step, repair", plan_killed_at_each_step},
    {"service down at each step", plan_service_down_at_each_step},
    {"two verbs at once", plan_two_at_once},
    {"half answers", plan_half_answers},
    {"a container not ours", plan_foreign},
    {"a port that is taken", plan_port_clash},
    {"shell on a terminal, resized", plan_shell_with_resize},
    {"task", plan_task},
    {"idle stop", plan_idle_stop},
};

struct cell {
    const char *version;
    const struct plan *plan;
    char outcome[8]; /* "": not wanted */
};
/* Row by version, in memory that the processes share: each version is gone through by one of its own. */
static struct cell (*cells)[MT_ARRAY_LEN(plans)];

static int set_up(void **state)
{
    const struct cell *c = *state;
    if (standin_unusable() || verb_setup(state) < 0) {
        return standin_unusable() ? 0 : -1;
    }
    version = c->version;
    standin_open(vr.base, version);
    if (shipped) {
        setenv("MUTHR_TUI_DATA", shipped, 1);
    } else {
        unsetenv("MUTHR_TUI_DATA");
    }
    setenv("MUTHR_TUI_BACKENDS", "container", 1);
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"container\"\nprofile = \"base\"\n");
    manifest("base", "");
    return 0;
}

static int tear_down(void **state)
{
    struct ran r = RAN_INIT;
    if (standin_unusable()) {
        return 0;
    }
    standin_file("down", NULL);
    standin_file("faults", NULL);
    verb_run(&r, "delete", "--yes", "--force", "demo");
    verb_run(&r, "delete", "--yes", "--force", "other");
    ran_release(&r);
    standin_close();
    return verb_teardown(state);
}

static void run_plan(void **state)
{
    struct cell *c = *state;
    if (standin_unusable()) {
        str_copy(c->outcome, sizeof(c->outcome), "skipped");
        skip_because("%s", standin_unusable());
    }
    str_copy(c->outcome, sizeof(c->outcome), "FAILED");
    c->plan->run();
    str_copy(c->outcome, sizeof(c->outcome), "passed");
}

/* build/MODE/tests/backends/test_x -> build/MODE/muthr-tui, unless the environment names one. */
static void find_program(void)
{
    char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    for (int i = 0; i < 3; i++) {
        while (n > 0 && self[--n] != '/') {
        }
    }
    self[n > 0 ? n : 0] = '\0';
    char *program = xasprintf("%s/muthr-tui", self);
    setenv("MT_TEST_PROGRAM", program, 0);
    free(program);
}

/* One version's plans, those that the arguments choose: a version or a part of a plan's name. */
static int run_version(size_t v, int argc, char **argv)
{
    struct CMUnitTest tests[MT_ARRAY_LEN(plans)];
    size_t n = 0;
    for (size_t p = 0; p < MT_ARRAY_LEN(plans); p++) {
        struct cell *c = &cells[v][p];
        bool wanted = true;
        *c = (struct cell){.version = standin_versions[v], .plan = &plans[p]};
        for (int i = 1; i < argc; i++) {
            wanted = wanted && (strcmp(argv[i], c->version) == 0 || strstr(c->plan->name, argv[i]));
        }
        if (wanted) {
            tests[n++] = (struct CMUnitTest){.name = xasprintf("container %s: %s", c->version, c->plan->name),
                                             .test_func = run_plan,
                                             .setup_func = set_up,
                                             .teardown_func = tear_down,
                                             .initial_state = c};
        }
    }
    return n > 0 ? _cmocka_run_group_tests("container", tests, n, NULL, NULL) : 0;
}

/* Prints what a version's process said. */
static void print_file(int fd)
{
    char buf[65536];
    ssize_t n;
    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        fwrite(buf, 1, (size_t)n, stdout);
    }
    close(fd);
}

static void print_table(void)
{
    printf("\nbackend    version  plan                           outcome\n");
    for (size_t v = 0; standin_versions[v]; v++) {
        for (size_t p = 0; p < MT_ARRAY_LEN(plans); p++) {
            if (cells[v][p].outcome[0]) {
                printf("container  %-7s  %-29s  %s\n", standin_versions[v], plans[p].name, cells[v][p].outcome);
            }
        }
    }
}

int main(int argc, char **argv)
{
    pid_t pids[VERSIONS];
    FILE *said[VERSIONS];
    int failed = 0, status;
    shipped = xstrdup_null(getenv("MUTHR_TUI_DATA"));
    find_program();
    cells = mmap(NULL, VERSIONS * sizeof(*cells), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t v = 0; v < VERSIONS; v++) {
        said[v] = tmpfile();
        pids[v] = fork();
        if (pids[v] == 0) {
            dup2(fileno(said[v]), 1);
            dup2(fileno(said[v]), 2);
            exit(run_version(v, argc, argv) != 0);
        }
    }
    for (size_t v = 0; v < VERSIONS; v++) {
        failed |= waitpid(pids[v], &status, 0) != pids[v] || status != 0;
        print_file(fileno(said[v]));
    }
    print_table();
    free(shipped);
    return failed;
}
