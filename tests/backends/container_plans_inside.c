/* SPDX-License-Identifier: Apache-2.0 */
/* Programs inside, their terminal, and the idle stop (S8). */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "core/engine/engine.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/container_plans.h"
#include "tests/patience.h"

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

void plan_shell_with_resize(void)
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

struct shown {
    const char *session, *text;
};

/* Has the session's screen this text? */
static bool screen_shows(const void *arg)
{
    const struct shown *s = arg;
    struct ran r = RAN_INIT;
    verb_run(&r, "screen", s->session);
    bool does = strstr(r.out.buf, s->text) != NULL;
    ran_release(&r);
    return does;
}

/* On a terminal of a host's, which goes on without us. */
void plan_session(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", "--session", "-c", "echo here; read x; echo got $x; sleep 7860");
    ran_expect(&r, 0);
    char *id = xstrndup(r.out.buf, strcspn(r.out.buf, "\n"));
    const struct shown first = {id, "here"}, then = {id, "got word"};
    assert_true(verb_until(screen_shows, &first, 15000));
    verb_expect(0, "send", "--enter", id, "word");
    if (!verb_until(screen_shows, &then, 15000)) {
        verb_run(&r, "screen", id);
        fail_msg("the screen: %s", r.out.buf);
    }
    verb_expect(0, "stop");
    verb_run(&r, "sessions", "-o", "json");
    struct json *list = ran_json(&r);
    assert_null(json_first(list)); /* it ended with its sandbox */
    json_free(list);
    free(id);
    ran_release(&r);
}

void plan_task(void)
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

void plan_idle_stop(void)
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
