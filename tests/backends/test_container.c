/* SPDX-License-Identifier: Apache-2.0 */
/* The container backend over the strict stand-in (tests/play/container): life in every generation, what is looked up
 * and what is not believed, changes, races, a service that goes away in the middle of each step, a command that hangs.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/container/container.h"
#include "backends/container/life.h"
#include "backends/container/watch.h"
#include "core/io/loop.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/backends/standin_rig.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/skip.h"

#define IMAGE "localhost/muthr-mini:latest"
#define BOX "muthr-demo"

static const char *const versions[] = {"0.6.0", "0.12.3", "1.2.2"};

static char base[64];
static struct loop *loop;
static struct paths paths;
static struct backend *be;
static char *workspace, *path_before;
static struct strbuf lines, changes;
static struct error last;
static bool done;

/* --- the world --- */

static void on_done(struct backend_call *call, const struct error *err)
{
    (void)call;
    done = true;
    last = err ? *err : ERROR_INIT;
}

static void on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    (void)call;
    (void)is_stderr;
    strbuf_add(&lines, line, len);
    strbuf_addch(&lines, '\n');
}

static void on_change(void *arg, const char *name)
{
    (void)arg;
    strbuf_addf(&changes, "%s\n", name ? name : "*");
}

static void on_tick(void *arg)
{
    (void)arg;
}

static bool is_done(const void *arg)
{
    (void)arg;
    return done;
}

static bool turn_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms)
{
    uint64_t end = clock_mono_ms() + patience(timeout_ms);
    struct timer *tick = timer_new(loop, on_tick, NULL);
    timer_repeat(tick, 5);
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

static void open_backend(const char *version)
{
    struct error err = ERROR_INIT;
    standin_version(version);
    loop = loop_new();
    assert_int_equal(paths_init(&paths, NULL, &err), 0);
    struct backend_env env = {.loop = loop, .paths = &paths};
    be = container_backend.open(&env, &err);
    assert_non_null(be);
}

static bool loop_is_empty(const void *arg)
{
    (void)arg;
    return !loop_turn(loop, false);
}

static void close_backend(void)
{
    container_backend.close(be);
    uint64_t end = clock_mono_ms() + patience(5000);
    while (!loop_is_empty(NULL) && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    loop_free(loop);
    paths_release(&paths);
}

static int setup(void **state)
{
    static const char *const places[][2] = {{"HOME", "home"},
                                            {"XDG_STATE_HOME", "state"},
                                            {"XDG_CONFIG_HOME", "cfg"},
                                            {"XDG_CACHE_HOME", "cache"},
                                            {"XDG_RUNTIME_DIR", "run"}};
    (void)state;
    str_copy(base, sizeof(base), "/tmp/ctr-test.XXXXXX");
    if (!mkdtemp(base)) {
        return -1;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(places); i++) {
        char *dir = path_join(base, places[i][1]);
        fs_mkdirs(dir, 0700, NULL);
        setenv(places[i][0], dir, 1);
        free(dir);
    }
    workspace = path_join(base, "home/src/demo");
    fs_mkdirs(workspace, 0755, NULL);
    path_before = xstrdup(getenv("PATH"));
    lines = changes = STRBUF_INIT;
    ctr_watch_pace = (struct ctr_pace){.fast_ms = 50, .lasts_ms = 200, .slow_ms = 150};
    ctr_life_patience =
        (struct ctr_patience){.stop_slack_ms = 1000, .settle_ms = 8000, .again_ms = 30, .log_look_ms = 50};
    standin_open(base, "1.2.2");
    return 0;
}

/* Runs `container ARGS` as anybody else would. Returns its exit code. */
static int outside(const char *const *args)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    standin_run_argv(&r, NULL, args);
    int code = r.code;
    standin_ran_release(&r);
    return code;
}
#define OUTSIDE(...) outside((const char *const[]){__VA_ARGS__, NULL})

/* How often this stands in the stand-in's list of calls. */
static size_t calls(const char *word)
{
    char *text = standin_calls();
    size_t count = 0;
    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
        count++;
    }
    free(text);
    return count;
}

static int teardown(void **state)
{
    (void)state;
    unsetenv("CONTAINER_STANDIN_SHUTDOWN_MS");
    unsetenv("MUTHR_TUI_CONTAINER_SECONDS");
    standin_file("down", NULL);
    standin_file("faults", NULL);
    standin_end_hung();
    standin_close();
    setenv("PATH", path_before, 1);
    fs_remove_tree(base, NULL);
    strbuf_release(&lines);
    strbuf_release(&changes);
    free(path_before);
    free(workspace);
    return 0;
}

/* --- calls --- */

static void begin(struct backend_call *c, enum backend_verb verb, const char *name)
{
    c->verb = verb;
    c->name = name;
    c->done = on_done;
    c->on_line = on_line;
    done = false;
    strbuf_clear(&lines);
    container_backend.submit(be, c);
    assert_false(done);
}

static enum error_code run(struct backend_call *c, enum backend_verb verb, const char *name)
{
    begin(c, verb, name);
    if (!turn_until(is_done, NULL, 30000)) {
        fail_msg("verb %d did not end", verb);
    }
    return last.code;
}

static enum error_code verb(enum backend_verb v, const char *name)
{
    struct backend_call c = {.grace_ms = 10000};
    enum error_code code = run(&c, v, name);
    backend_call_release(&c);
    return code;
}

static void must(enum backend_verb v, const char *name)
{
    if (verb(v, name) != ERROR_NONE) {
        fail_msg("verb %d: %s", v, last.msg);
    }
}

static enum error_code create_with(struct port_spec *ports, size_t port_count)
{
    char name[] = BOX, project[] = "demo", mount[] = "/workspace", profile[] = "base", image[] = IMAGE, hash[] = "01";
    struct sandbox_spec s = {.name = name,
                             .project = project,
                             .workspace = workspace,
                             .workspace_mount = mount,
                             .profile = profile,
                             .image = image,
                             .config_hash = hash,
                             .net = NET_FULL,
                             .net_after = NET_FULL,
                             .pids = 512,
                             .ports = ports,
                             .port_count = port_count,
                             .writable_root = true};
    struct backend_call c = {.spec = &s};
    enum error_code code = run(&c, BACKEND_CREATE, NULL);
    backend_call_release(&c);
    return code;
}

static void create(void)
{
    if (create_with(NULL, 0) != ERROR_NONE) {
        fail_msg("create: %s", last.msg);
    }
}

static struct sandbox_info inspect(const char *name)
{
    struct backend_call c = {0};
    if (run(&c, BACKEND_INSPECT, name) != ERROR_NONE) {
        fail_msg("inspect: %s", last.msg);
    }
    assert_int_equal(c.info_count, 1);
    struct sandbox_info info = c.infos[0];
    backend_call_release(&c);
    return info;
}

/* What is asked gets two seconds only, and the fault is in place; or neither. */
static void impatient(const char *fault)
{
    standin_file("faults", fault);
    if (fault) {
        setenv("MUTHR_TUI_CONTAINER_SECONDS", "2", 1);
    } else {
        unsetenv("MUTHR_TUI_CONTAINER_SECONDS");
    }
}

/* --- tests --- */

static void one_life(const char *version)
{
    bool counts = strcmp(version, "0.6.0") != 0;
    struct backend_call probe = {0}, list = {0}, stats = {0}, facts = {0};
    open_backend(version);
    assert_int_equal(run(&probe, BACKEND_PROBE, NULL), ERROR_NONE);
    assert_string_equal(probe.probe.reason, "");
    assert_true(probe.probe.usable);
    assert_string_equal(probe.probe.version, version);
    assert_int_equal((probe.probe.caps & BACKEND_CAP_STATS) != 0, counts);
    assert_int_equal(inspect(BOX).state, SANDBOX_NONE);
    assert_int_equal(verb(BACKEND_START, BOX), ERROR_NOT_FOUND);
    create();
    assert_int_equal(create_with(NULL, 0), ERROR_EXISTS);
    assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
    must(BACKEND_START, BOX);
    must(BACKEND_START, BOX);
    struct sandbox_info i = inspect(BOX);
    assert_int_equal(i.state, SANDBOX_RUNNING);
    assert_string_equal(i.profile, "base");
    assert_string_equal(i.workspace, workspace);
    assert_int_equal(i.net, NET_FULL);
    assert_string_equal(i.gateway, "192.168.64.1");
    assert_int_equal(strstr(i.limits, "pids 512 (per user)") != NULL, counts);
    assert_int_equal(i.started_wall_ms != 0, counts); /* 0.6 does not tell */
    assert_int_equal(run(&list, BACKEND_LIST, NULL), ERROR_NONE);
    assert_int_equal(list.info_count, 1);
    assert_string_equal(list.infos[0].name, BOX);
    backend_call_release(&list);
    assert_int_equal(run(&stats, BACKEND_STATS, BOX), counts ? ERROR_NONE : ERROR_INVALID);
    assert_int_equal(stats.stats.procs > 0, counts);
    assert_int_equal(run(&facts, BACKEND_ISOLATION, BOX), ERROR_NONE);
    assert_true(facts.fact_count > 8);
    backend_call_release(&facts);
    uint64_t before = clock_mono_ms();
    must(BACKEND_STOP, BOX); /* the main process ends at once: the grace of ten seconds is not waited for */
    assert_true(clock_mono_ms() - before < patience(4000));
    must(BACKEND_STOP, BOX);
    assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
    assert_int_equal(verb(BACKEND_ISOLATION, BOX), ERROR_UNAVAILABLE);
    must(BACKEND_START, BOX);
    must(BACKEND_DELETE, BOX); /* stops first */
    assert_int_equal(inspect(BOX).state, SANDBOX_NONE);
    must(BACKEND_DELETE, BOX);
    must(BACKEND_STOP, BOX);
    assert_true(fs_is_dir(workspace));
    close_backend();
}

static bool home_is_there(void)
{
    char *path = xasprintf("%s/volumes/" BOX "-home", standin_root());
    bool there = fs_is_dir(path);
    free(path);
    return there;
}

/* The home outlives a container that is made anew, and goes with one that is deleted. */
static void test_home(void **state)
{
    (void)state;
    struct backend_call again = {.force = true, .keep_home = true};
    open_backend("1.2.2");
    create();
    must(BACKEND_START, BOX);
    assert_int_equal(OUTSIDE("exec", BOX, "sh", "-c", "echo mine >/home/muthr/note"), 0);
    assert_int_equal(run(&again, BACKEND_DELETE, BOX), ERROR_NONE);
    assert_true(home_is_there());
    create();
    must(BACKEND_START, BOX);
    assert_int_equal(OUTSIDE("exec", BOX, "grep", "-q", "mine", "/home/muthr/note"), 0);
    standin_file("faults", "volume.delete 0 error internalError volume '" BOX "-home' is currently in use\n");
    assert_int_equal(verb(BACKEND_DELETE, BOX), ERROR_BUSY);
    assert_int_equal(inspect(BOX).state, SANDBOX_NONE);
    assert_true(home_is_there());
    must(BACKEND_DELETE, BOX); /* what was left */
    assert_false(home_is_there());
    close_backend();
}

/* Something else that is not there is not this container: what exists keeps its home. */
static void test_not_found_of_others(void **state)
{
    (void)state;
    static const char *const faults[] = {"inspect 0 error internalError failed to load bundle: file '/v/" BOX
                                         "/config.json' does not exist\n",
                                         "inspect 0 error notFound plugin for container-runtime-linux not found\n",
                                         "delete 0 error notFound plugin for container-runtime-linux not found\n",
                                         "delete 0 error internalError mount source path '/x' does not exist\n"};
    open_backend("1.2.2");
    create();
    for (size_t i = 0; i < MT_ARRAY_LEN(faults); i++) {
        standin_file("faults", faults[i]);
        if (verb(BACKEND_DELETE, BOX) == ERROR_NONE || !home_is_there()) {
            fail_msg("taken for gone: %s", faults[i]);
        }
        assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
    }
    must(BACKEND_DELETE, BOX);
    close_backend();
}

static void test_life(void **state)
{
    (void)state;
    assert_int_equal(chown(workspace, geteuid() == 0 ? 1000 : geteuid(), geteuid() == 0 ? 1000 : getegid()), 0);
    for (size_t i = 0; i < MT_ARRAY_LEN(versions); i++) {
        one_life(versions[i]);
    }
}

static void check_probe(const char *version, const char *reason, const char *fix)
{
    struct backend_call c = {0};
    open_backend(version);
    assert_int_equal(run(&c, BACKEND_PROBE, NULL), ERROR_NONE);
    assert_false(c.probe.usable);
    assert_non_null(strstr(c.probe.reason, reason));
    assert_non_null(strstr(c.probe.fix, fix));
    close_backend();
}

/* Each reason why it cannot be used is its own. */
static void test_probe(void **state)
{
    (void)state;
    check_probe("0.5.0", "container 0.5.0 is too old: 0.6 or newer is needed", "update");
    standin_file("down", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(versions); i++) {
        check_probe(versions[i], "its service is not running", "backend start container");
    }
    assert_int_equal(calls("\"start\""), 0); /* offered, not done */
    standin_file("down", NULL);
    setenv("MUTHR_TUI_CONTAINER_SECONDS", "1", 1);
    standin_file("faults", "system.version 0 hang!\nsystem.status 0 hang!\n");
    check_probe("1.2.2", "does not answer", "container system stop");
    char *ours = xstrdup(getenv("PATH"));
    setenv("PATH", path_before, 1);
    check_probe("1.2.2", "container", "");
    setenv("PATH", ours, 1);
    free(ours);
}

/* What has our name and not our labels is seen, and never touched. */
static void test_foreign(void **state)
{
    (void)state;
    struct backend_call list = {0};
    open_backend("1.2.2");
    assert_int_equal(OUTSIDE("create", "--name", BOX, IMAGE, "sleep", "1000"), 0);
    assert_int_equal(OUTSIDE("start", BOX), 0);
    assert_int_equal(create_with(NULL, 0), ERROR_DENIED);
    assert_int_equal(verb(BACKEND_START, BOX), ERROR_DENIED);
    assert_int_equal(verb(BACKEND_STOP, BOX), ERROR_DENIED);
    struct backend_call del = {.force = true};
    assert_int_equal(run(&del, BACKEND_DELETE, BOX), ERROR_DENIED);
    assert_true(inspect(BOX).foreign);
    assert_int_equal(run(&list, BACKEND_LIST, NULL), ERROR_NONE);
    assert_int_equal(list.info_count, 0);
    assert_int_equal(calls("[\"stop\""), 0);
    assert_int_equal(calls("[\"delete\""), 0);
    close_backend();
}

/* A list that is not whole, or that does not come, is never an empty one. */
static void test_bad_answers(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        enum error_code code;
    } bad[] = {{"list 0 cut\n", ERROR_ANSWER},   {"list 0 die\n", ERROR_EXIT},
               {"list 0 exit 1\n", ERROR_EXIT},  {"list 0 timeout\n", ERROR_TIMEOUT},
               {"list 0 hang\n", ERROR_TIMEOUT}, {"list 0 down\n", ERROR_UNAVAILABLE}};
    for (size_t v = 0; v < MT_ARRAY_LEN(versions); v++) {
        open_backend(versions[v]);
        create();
        for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
            struct backend_call c = {0};
            if (v > 0 && strstr(bad[i].fault, "hang")) {
                continue; /* the same everywhere, and its deadline takes time */
            }
            impatient(bad[i].fault);
            if (run(&c, BACKEND_LIST, NULL) != bad[i].code) {
                fail_msg("%s: %s (%s)", bad[i].fault, error_code_name(last.code), last.msg);
            }
            assert_int_equal(c.info_count, 0);
            backend_call_release(&c);
        }
        assert_string_equal(last.hint, "start its service: muthr-tui backend start container");
        standin_file("down", NULL);
        impatient(NULL);
        must(BACKEND_DELETE, BOX);
        close_backend();
    }
}

static void check_down(const char *fault, enum backend_verb v)
{
    standin_file("faults", fault);
    enum error_code code = v == BACKEND_CREATE ? create_with(NULL, 0) : verb(v, BOX);
    if (code != ERROR_UNAVAILABLE || !last.hint || !strstr(last.hint, "backend start container")) {
        fail_msg("%s: %s (%s)", fault, error_code_name(code), last.msg);
    }
    standin_file("down", NULL);
}

/* The service goes away before the work, or when it is done and not yet answered: a clear error, and the same verb
 * again goes on from what there is. */
static void test_service_stops(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(versions); i++) {
        open_backend(versions[i]);
        check_down("inspect 0 down\n", BACKEND_CREATE);
        check_down("create 0 down\n", BACKEND_CREATE);
        check_down("create 0 lost\n", BACKEND_CREATE);
        assert_int_equal(create_with(NULL, 0), ERROR_EXISTS);
        assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
        check_down("start 0 down\n", BACKEND_START);
        assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
        check_down("start 0 lost\n", BACKEND_START);
        must(BACKEND_START, BOX);
        check_down("inspect 0 down\n", BACKEND_START);
        check_down("stop 0 down\n", BACKEND_STOP);
        assert_int_equal(inspect(BOX).state, SANDBOX_RUNNING);
        check_down("stop 0 lost\n", BACKEND_STOP);
        must(BACKEND_STOP, BOX);
        check_down("delete 0 down\n", BACKEND_DELETE);
        assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
        check_down("delete 0 lost\n", BACKEND_DELETE);
        must(BACKEND_DELETE, BOX);
        assert_int_equal(inspect(BOX).state, SANDBOX_NONE);
        close_backend();
    }
}

/* A command that never ends is ended by its deadline; what it was to do is looked up. */
static void test_hangs(void **state)
{
    (void)state;
    struct backend_call soon = {.grace_ms = 100};
    open_backend("1.2.2");
    impatient("create 0 hang\n");
    assert_int_equal(create_with(NULL, 0), ERROR_TIMEOUT);
    impatient(NULL);
    create();
    impatient("start 0 hang\n");
    assert_int_equal(verb(BACKEND_START, BOX), ERROR_TIMEOUT);
    impatient(NULL);
    must(BACKEND_START, BOX);
    standin_file("faults", "stop 0 hang\n"); /* then it is killed */
    assert_int_equal(run(&soon, BACKEND_STOP, BOX), ERROR_NONE);
    assert_int_equal(calls("[\"kill\""), 1);
    assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED);
    impatient("delete 0 hang\n");
    assert_int_equal(verb(BACKEND_DELETE, BOX), ERROR_TIMEOUT);
    impatient(NULL);
    must(BACKEND_DELETE, BOX);
    close_backend();
}

/* Somebody else's stop goes on for a while: nothing can be started or deleted meanwhile, so that is waited for. */
static void test_stopping(void **state)
{
    (void)state;
    setenv("CONTAINER_STANDIN_SHUTDOWN_MS", "600", 1);
    open_backend("1.2.2");
    create();
    must(BACKEND_START, BOX);
    for (int round = 0; round < 2; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(OUTSIDE("stop", BOX));
        }
        uint64_t end = clock_mono_ms() + patience(5000);
        while (strcmp(inspect(BOX).reason, "stopping") != 0 && clock_mono_ms() < end) {
        }
        assert_true(inspect(BOX).halted);
        must(round == 0 ? BACKEND_START : BACKEND_DELETE, BOX);
        assert_int_equal(inspect(BOX).state, round == 0 ? SANDBOX_RUNNING : SANDBOX_NONE);
        waitpid(pid, NULL, 0);
    }
    close_backend();
}

/* Gone, or started, between the look and the deed. */
static void test_races(void **state)
{
    (void)state;
    open_backend("0.12.3");
    standin_file("faults", "create 0 error exists container already exists: " BOX "\n");
    assert_int_equal(create_with(NULL, 0), ERROR_EXISTS);
    create();
    standin_file("faults", "delete 0 error notFound container with ID " BOX " not found\n");
    must(BACKEND_DELETE, BOX); /* N/A is success */
    must(BACKEND_DELETE, BOX); /* it was there all the same, and goes now */
    assert_int_equal(inspect(BOX).state, SANDBOX_NONE);
    create();
    must(BACKEND_START, BOX);
    standin_file("faults", "stop 0 error notFound container with ID " BOX " not found\n");
    must(BACKEND_STOP, BOX);
    assert_int_equal(inspect(BOX).state, SANDBOX_STOPPED); /* that it is gone was not believed */
    must(BACKEND_START, BOX);
    standin_file("faults",
                 "stop 0 error invalidState container " BOX " is not running\nkill 0 error internalError what\n");
    must(BACKEND_STOP, BOX); /* neither was that, and the second try to kill is another look away */
    must(BACKEND_DELETE, BOX);
    close_backend();
}

static void test_cancel(void **state)
{
    (void)state;
    struct backend_call c = {.spec = NULL};
    char name[] = BOX, project[] = "demo", mount[] = "/workspace", profile[] = "base", image[] = IMAGE;
    struct sandbox_spec s = {.name = name,
                             .project = project,
                             .workspace = workspace,
                             .workspace_mount = mount,
                             .profile = profile,
                             .image = image,
                             .net = NET_FULL};
    open_backend("1.2.2");
    standin_file("faults", "create 0 stuck\n"); /* it is made, and the command does not end */
    c.spec = &s;
    begin(&c, BACKEND_CREATE, NULL);
    uint64_t end = clock_mono_ms() + patience(5000);
    char *there = xasprintf("%s/containers/" BOX, standin_root());
    while (!fs_exists(there) && clock_mono_ms() < end) {
        loop_turn(loop, false);
    }
    assert_true(fs_exists(there));
    uint64_t before = clock_mono_ms();
    container_backend.cancel(be, &c);
    assert_true(turn_until(is_done, NULL, 5000));
    assert_int_equal(last.code, ERROR_CANCELED);
    assert_true(clock_mono_ms() - before < patience(1000));
    end = clock_mono_ms() + patience(5000);
    while (fs_exists(there) && clock_mono_ms() < end) { /* no half-made sandbox is left */
        turn_until(never, NULL, 20);
    }
    assert_false(fs_exists(there));
    free(there);
    close_backend();
}

static bool has_change(const void *arg)
{
    return strstr(changes.buf, arg) != NULL;
}

static void await(const char *what)
{
    if (!turn_until(has_change, what, 10000)) {
        fail_msg("no change %s in: %s", what, changes.buf);
    }
    strbuf_clear(&changes);
}

/* Changes made by others are found by looking; a service that is down is told once, and once when it is back. */
static void test_watch(void **state)
{
    (void)state;
    open_backend("1.2.2");
    container_backend.watch(be, on_change, NULL);
    await("*\n"); /* the first look */
    assert_int_equal(OUTSIDE("create", "--name", "muthr-other", "--label", "muthr.managed=true", "--label",
                             "muthr.owner=project", IMAGE, "sleep", "1000"),
                     0);
    await("muthr-other\n");
    assert_int_equal(OUTSIDE("start", "muthr-other"), 0);
    await("muthr-other\n");
    assert_int_equal(OUTSIDE("delete", "--force", "muthr-other"), 0);
    await("muthr-other\n");
    standin_file("down", "");
    await("*\n");
    turn_until(never, NULL, 500);
    assert_string_equal(changes.buf, "");
    standin_file("down", NULL);
    await("*\n");
    turn_until(never, NULL, 300);
    assert_string_equal(changes.buf, ""); /* nothing changed, nothing is said */
    container_backend.watch(be, NULL, NULL);
    turn_until(never, NULL, 200); /* the one in flight */
    size_t before = calls("[\"list\"");
    turn_until(never, NULL, 400);
    assert_int_equal(calls("[\"list\""), before); /* nobody listens, nobody looks */
    close_backend();
}

static unsigned answers;

static void on_stats(struct backend_call *call, const struct error *err)
{
    (void)call;
    answers += err == NULL;
    done = answers == 3;
}

/* Three questions at a time are one command. */
static void test_stats(void **state)
{
    (void)state;
    struct backend_call c[3] = {{0}, {0}, {0}};
    open_backend("1.2.2");
    create();
    must(BACKEND_START, BOX);
    must(BACKEND_STATS, BOX);
    size_t before = calls("[\"stats\"");
    answers = 0;
    done = false;
    for (size_t i = 0; i < 3; i++) {
        c[i].verb = BACKEND_STATS;
        c[i].name = BOX;
        c[i].done = on_stats;
        container_backend.submit(be, &c[i]);
    }
    assert_true(turn_until(is_done, NULL, 10000));
    assert_int_equal(calls("[\"stats\"") - before, 1);
    assert_true(c[2].stats.cpu_ns >= c[0].stats.cpu_ns);
    must(BACKEND_STOP, BOX);
    assert_int_equal(verb(BACKEND_STATS, BOX), ERROR_UNAVAILABLE);
    standin_file("faults", "stats 0 cut\n");
    assert_int_equal(verb(BACKEND_STATS, BOX), ERROR_ANSWER);
    close_backend();
}

static bool has_line(const void *arg)
{
    return strstr(lines.buf, arg) != NULL;
}

/* `logs --follow` never ends by itself: it is ended when the container stops. */
static void test_logs(void **state)
{
    (void)state;
    struct backend_call c = {.tail = -1, .follow = true}, tail = {.tail = 1}, bad = {.tail = -1};
    open_backend("1.2.2");
    assert_int_equal(OUTSIDE("create", "--name", BOX, "--label", "muthr.managed=true", "--label", "muthr.owner=project",
                             IMAGE, "sh", "-c",
                             "echo one; echo two; trap 'exit 0' TERM; while :; do sleep 100 & wait $!; done"),
                     0);
    must(BACKEND_START, BOX);
    begin(&c, BACKEND_LOGS, BOX);
    assert_true(turn_until(has_line, "two\n", 5000));
    assert_false(done);
    assert_int_equal(OUTSIDE("stop", BOX), 0);
    assert_true(turn_until(is_done, NULL, 10000));
    assert_int_equal(last.code, ERROR_NONE);
    assert_int_equal(run(&tail, BACKEND_LOGS, BOX), ERROR_NONE);
    assert_string_equal(lines.buf, "two\n");
    char *log = xasprintf("%s/containers/" BOX "/stdio.log", standin_root());
    assert_int_equal(fs_write_atomic(log, "good\n\xff\xfe\nlast\n", 13, 0600, NULL), 0);
    free(log);
    assert_int_equal(run(&bad, BACKEND_LOGS, BOX), ERROR_NONE); /* not UTF-8: the last lines at least */
    assert_non_null(strstr(lines.buf, "last\n"));
    close_backend();
}

/* A port of this machine that somebody listens on. */
static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (const void *)&in, sizeof(in)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (void *)&in, &len), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

/* A port in use is left out, any free one is chosen; one that is taken later shows at the start, and by its number. */
static void test_port(void **state)
{
    (void)state;
    struct port_spec ports[2] = {{.host_port = 0, .container_port = 80}, {.container_port = 81}};
    char text[60];
    int fd = listen_somewhere(&ports[0].host_port);
    open_backend("1.2.2");
    assert_int_equal(create_with(ports, 2), ERROR_NONE);
    must(BACKEND_START, BOX);
    struct sandbox_info i = inspect(BOX);
    str_format(text, sizeof(text), "port in use, not published: %u/tcp", ports[0].host_port);
    assert_non_null(strstr(i.warning, text));
    assert_int_equal(i.port_count, 1);
    assert_int_equal(i.ports[0].container_port, 81);
    assert_true(i.ports[0].host_port > 1023);
    must(BACKEND_DELETE, BOX);
    close(fd);
    assert_int_equal(create_with(ports, 1), ERROR_NONE);
    fd = listen_somewhere(&ports[0].host_port);
    assert_int_equal(verb(BACKEND_START, BOX), ERROR_BUSY);
    str_format(text, sizeof(text), "host port %u is in use", ports[0].host_port);
    assert_string_equal(last.msg, text);
    close(fd);
    must(BACKEND_START, BOX);
    i = inspect(BOX);
    assert_int_equal(i.port_count, 1);
    assert_int_equal(i.ports[0].host_port, ports[0].host_port);
    close_backend();
}

static void test_unusable(void **state)
{
    (void)state;
    skip_because("%s", standin_unusable());
}

int main(void)
{
    const struct CMUnitTest none[] = {cmocka_unit_test(test_unusable)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_found_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_service_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopping, setup, teardown),
        cmocka_unit_test_setup_teardown(test_races, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port, setup, teardown),
    };
    return standin_unusable() ? cmocka_run_group_tests(none, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
