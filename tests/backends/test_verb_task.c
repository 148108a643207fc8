/* SPDX-License-Identifier: Apache-2.0 */
/* task: the real program, real sandboxes, and projects that want more than they may. */
#include "tests/backends/verb_rig.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/skip.h"

#define CONFIG ".config/muthr/muthr.toml"

static int task_setup(void **state)
{
    if (verb_setup(state) != 0) {
        return -1;
    }
    home_write(".config/muthr/sandbox.d/container/manifests/base.yaml", "security: {network: none}\n");
    return 0;
}

/* Runs, expects success, and tells the first line of stdout: the session. free(). */
static char *begin_argv(const char *const *args)
{
    struct ran r = RAN_INIT;
    verb_run_how(&r, NULL, args);
    ran_expect(&r, 0);
    char *id = xstrndup(r.out.buf, strcspn(r.out.buf, "\n"));
    ran_release(&r);
    return id;
}
#define begin(...) begin_argv((const char *const[]){"task", "run", __VA_ARGS__, "--quiet", NULL})

/* The task of that name as `task ls` tells it; NULL when it is not listed. json_free(*list). */
static const struct json *listed(const char *name, struct json **list)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "task", "ls", "-o", "json");
    ran_expect(&r, 0);
    *list = ran_json(&r);
    ran_release(&r);
    for (const struct json *t = json_first(*list); t != NULL; t = json_next(t)) {
        if (strcmp(json_get_string(t, "name", ""), name) == 0) {
            return t;
        }
    }
    return NULL;
}

struct told {
    const char *name, *state;
};

static bool state_is(const void *arg)
{
    const struct told *told = arg;
    struct json *list;
    const struct json *t = listed(told->name, &list);
    bool is = strcmp(json_get_string(json_get(t, "task"), "state", ""), told->state) == 0;
    json_free(list);
    return is;
}

static void expect_state(const char *name, const char *state)
{
    const struct told told = {name, state};
    if (!verb_until(state_is, &told, RIG_DEADLINE_MS)) {
        struct ran r = RAN_INIT;
        verb_run(&r, "task", "ls");
        fail_msg("%s is not %s: %s", name, state, r.out.buf);
    }
}

/* What `task logs` prints of it. */
static void expect_log(const char *task, const char *text)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "task", "logs", task);
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, text);
    ran_release(&r);
}

/* --- */

/* Has serve said its lines in both of its runs? */
static bool said_twice(const void *name)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "task", "logs", name, "--all");
    const char *first = strstr(r.out.buf, "/workspace/sub\n");
    bool is = first != NULL && strstr(first + 1, "/workspace/sub\n") != NULL;
    ran_release(&r);
    return is;
}

/* From a sandbox that is not there to one with tasks that come and go. */
static void test_life(void **state)
{
    struct ran r = RAN_INIT;
    struct json *list;
    (void)state;
    home_write(CONFIG, "[tasks]\nhello = \"printf '\\\\033[32mhello\\\\033[0m '; echo $WHO; exit 5\"\n"
                       "[tasks.serve]\ncommand = \"echo up; pwd; exec sleep 7801\"\ncwd = \"sub\"\n");
    home_write("src/demo/sub/x", "");
    MT_CLEANUP(xfree) char *id = begin("serve");
    expect_status("muthr-demo", "running");
    const struct json *t = listed("serve", &list);
    assert_string_equal(json_get_string(t, "id", ""), id);
    assert_string_equal(json_get_string(t, "workspace", ""), "demo");
    assert_string_equal(json_get_string(json_get(t, "task"), "state", ""), "running");
    json_free(list);
    /* One name, one task. */
    verb_run(&r, "task", "run", "serve");
    ran_expect(&r, 1);
    expect_text(&r.err, "runs already, as session ");
    expect_text(&r.err, id);
    MT_CLEANUP(xfree) char *next = begin("serve", "--again");
    assert_string_not_equal(id, next);
    MT_CLEANUP(xfree) char *one = begin("-c", "sleep 7802");
    MT_CLEANUP(xfree) char *two = begin("-c", "sleep 7802");
    verb_expect(0, "task", "stop", "sleep-7802", "sleep-7802-2");
    expect_state("sleep-7802-2", "exited"); /* a person did that: it has not failed */
    verb_expect(0, "task", "stop", one, two, "-o", "json");
    /* What it prints is kept, as plain text, also when its session has gone. */
    verb_run(&r, "task", "run", "hello", "--wait", "--env", "WHO=you", "--timeout", "60");
    ran_expect(&r, 5);
    expect_text(&r.err, "failed: exited 5");
    expect_log("hello", "hello you\n");
    r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
    MT_CLEANUP(xfree) char *gone = xstrdup(r.out.buf);
    verb_expect(5, "task", "run", "hello", "--wait", "--env", "WHO=me", "--timeout", "60");
    expect_log("hello", "hello me\n");
    expect_log(gone, "hello you\n");
    verb_run(&r, "task", "ls", "--all", "-o", "ndjson"); /* how it ended is kept too */
    r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
    r.out.len = strlen(r.out.buf);
    list = ran_json(&r);
    assert_string_equal(json_get_string(list, "status", ""), "exited 129"); /* serve, which was ended by --again */
    json_free(list);
    verb_expect(5, "task", "logs", gone, "--follow");
    expect_log("serve", "up\n/workspace/sub\n");
    /* Again, on the same terminal and in the same log. */
    verb_expect(0, "task", "restart", next);
    assert_true(verb_until(said_twice, "serve", RIG_DEADLINE_MS)); /* else it is stopped before it has said anything */
    verb_expect(0, "task", "stop", "serve", "--sandbox", "demo");
    verb_run(&r, "task", "logs", "serve", "--lines", "2");
    assert_string_equal(r.out.buf, "up\n/workspace/sub\n");
    verb_run(&r, "task", "logs", "serve", "--all", "-o", "json");
    list = ran_json(&r);
    size_t lines = 0;
    for (const struct json *line = json_first(list); line != NULL; line = json_next(line)) {
        lines++;
    }
    assert_in_range(lines, 5, 7); /* with a line between the runs */
    json_free(list);
    ran_release(&r);
}

/* Several at the same moment: one name is one task. */
static void test_at_once(void **state)
{
    pid_t pids[5];
    int begun = 0;
    (void)state;
    verb_expect(0, "start", "demo", "--quiet");
    for (size_t i = 0; i < MT_ARRAY_LEN(pids); i++) {
        pids[i] = verb_begin("task", "run", "--name", "one", "-c", "sleep 7807");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(pids); i++) {
        int code = verb_wait(pids[i], RIG_DEADLINE_MS);
        assert_in_range(code, 0, 1);
        begun += code == 0;
    }
    assert_int_equal(begun, 1);
    for (size_t i = 0; i < MT_ARRAY_LEN(pids); i++) {
        pids[i] = verb_begin("task", "run", "-c", "exec cat");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(pids); i++) {
        assert_int_equal(verb_wait(pids[i], RIG_DEADLINE_MS), 0);
    }
    verb_expect(0, "task", "stop", "one", "cat", "cat-2", "cat-3", "cat-4", "cat-5");
}

/* It fails, is started again, and is given up. */
static void test_crash_loop(void **state)
{
    struct ran r = RAN_INIT;
    struct json *list;
    (void)state;
    verb_run(&r, "task", "run", "--name", "crash", "--restart", "on-failure", "--max-restarts", "1", "--wait",
             "--timeout", "60", "-c", "echo run >>runs; echo boom; exit 3");
    ran_expect(&r, 3);
    expect_text(&r.err, "failed: exited 3 after 1 restart");
    expect_text(&r.err, "boom");
    const struct json *t = json_get(listed("crash", &list), "task");
    assert_string_equal(json_get_string(t, "state", ""), "failed");
    assert_int_equal(json_get_int(t, "restarts", 0), 1);
    assert_string_equal(json_get_string(json_get(t, "policy"), "restart", ""), "on-failure");
    json_free(list);
    MT_CLEANUP(xfree) char *runs = home_read("src/demo/runs");
    assert_string_equal(runs, "run\nrun\n");
    /* A back-off is no end. */
    MT_CLEANUP(xfree) char *id = begin("--name", "loop", "--restart", "always", "-c", "exit 4");
    expect_state("loop", "waiting");
    verb_run(&r, "wait", id, "--state", "exited", "--timeout", "1");
    ran_expect(&r, 124);
    verb_run(&r, "task", "run", "--name", "loop", "-c", "true");
    ran_expect(&r, 1); /* it lives */
    verb_expect(0, "task", "stop", "loop");
    verb_expect(0, "wait", id, "--state", "exited", "--timeout", "30");
    ran_release(&r);
}

/* What the project itself wants to run needs a yes, for exactly that. */
static void test_project(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(CONFIG, "[tasks]\nmine = \"echo mine\"\n");
    home_write("src/demo/muthr.toml", "[tasks]\nmine = \"echo theirs\"\n[tasks.theirs]\n"
                                      "command = \"echo ran >>ran\"\nenv = { A = \"b\" }\n");
    verb_run(&r, "task", "run", "theirs");
    ran_expect(&r, 77);
    expect_text(&r.err, "command: echo ran >>ran\nenv: A=b\n");
    expect_text(&r.err, "--allow-project-task");
    expect_status("muthr-demo", ""); /* nothing was started for it */
    verb_run(&r, "task", "run", "theirs", "-o", "json");
    ran_expect(&r, 77);
    expect_text(&r.out, "\"exit\":77");
    verb_run(&r, "task", "run", "theirs", "--allow-project-task", "--wait", "--timeout", "60");
    ran_expect(&r, 0);
    expect_text(&r.err, "command: echo ran >>ran");
    verb_expect(0, "task", "run", "theirs", "--wait", "--timeout", "60"); /* the yes is remembered */
    verb_expect(0, "task", "run", "mine", "--wait", "--timeout", "60");
    expect_log("mine", "mine\n"); /* the user's wins, and needs no yes */
    home_write("src/demo/muthr.toml", "[tasks]\ntheirs = \"echo changed >>ran\"\n");
    verb_expect(77, "task", "run", "theirs");
    verb_run(&r, "task", "ls", "--definitions", "--sandbox", "demo");
    ran_expect(&r, 0);
    expect_text(&r.out, "needs --allow-project-task");
    expect_text(&r.out, "~/src/demo/muthr.toml:2");
    home_write("src/demo/muthr.toml", "[tasks\n"); /* broken: nothing else is */
    verb_run(&r, "task", "run", "mine", "--wait", "--timeout", "60");
    ran_expect(&r, 0);
    expect_text(&r.err, "src/demo/muthr.toml:1:");
    verb_expect(66, "task", "run", "theirs");
    MT_CLEANUP(xfree) char *ran = home_read("src/demo/ran");
    assert_string_equal(ran, "ran\nran\n");
    ran_release(&r);
}

static bool log_has(const void *text)
{
    MT_CLEANUP(xfree) char *said = verb_said("out");
    return strstr(said, text) != NULL;
}

/* --follow prints what comes, and ends with the task. */
static void test_follow(void **state)
{
    (void)state;
    MT_CLEANUP(xfree)
    char *id =
        begin("--name", "asks", "-c", "printf '\\033[1mfirst\\033[0m\\n50%%\\r100%%\\n'; read x; echo got $x; exit 6");
    pid_t pid = verb_begin("task", "logs", "asks", "--follow");
    assert_true(verb_until(log_has, "first\n100%\n", RIG_DEADLINE_MS));
    verb_expect(0, "send", id, "this", "--enter");
    assert_int_equal(verb_wait(pid, RIG_DEADLINE_MS), 6);
    MT_CLEANUP(xfree) char *said = verb_said("out");
    assert_non_null(strstr(said, "got this\n"));
    assert_null(strchr(said, '\033'));
}

static bool told_ready(const void *id)
{
    MT_CLEANUP(xfree) char *said = verb_said("out");
    const char *last = said, *line = NULL;
    for (const char *at; (at = strchr(last, '\n')) != NULL; last = at + 1) {
        line = strstr(last, id) != NULL && strstr(last, id) < at ? last : line;
    }
    return line != NULL && strstr(line, "\"event\":\"changed\"") != NULL &&
           strstr(line, "\"task\":{\"state\":\"ready\"") != NULL;
}

/* Ready is what the policy says, and watch tells it. */
static void test_ready(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(CONFIG,
               "[tasks.web]\ncommand = \"echo one; read x; printf '\\\\033[32mlisten'; echo ing on 80; exec sleep "
               "7804\"\nready_match = \"^listening on [0-9]+$\"\n");
    verb_expect(0, "start", "demo", "--quiet");
    pid_t watch = verb_begin("watch", "--only", "session");
    MT_CLEANUP(xfree) char *id = begin("web");
    verb_run(&r, "wait", id, "--state", "ready", "--timeout", "3"); /* silent for more than two seconds */
    ran_expect(&r, 124);
    verb_run(&r, "task", "run", "web", "--wait", "--timeout", "1"); /* it runs, and is left alone */
    ran_expect(&r, 1);
    verb_expect(0, "send", id, "--enter");
    verb_expect(0, "wait", id, "--state", "ready", "--timeout", "30");
    expect_state("web", "ready");
    assert_true(verb_until(told_ready, id, RIG_DEADLINE_MS));
    kill(watch, SIGTERM);
    assert_int_equal(verb_wait(watch, RIG_DEADLINE_MS), 0);
    verb_expect(0, "task", "stop", "web");
    verb_run(&r, "task", "run", "--name", "port", "--ready-port", "7805", "--wait", "--timeout", "60", "-c",
             "exec python3 -c 'import socket, time; s = socket.socket(); s.bind((\"127.0.0.1\", 7805)); s.listen(); "
             "time.sleep(7806)'");
    ran_expect(&r, 0);
    expect_text(&r.err, "ready after");
    expect_text(&r.err, "port 7805");
    verb_expect(0, "task", "stop", "port");
    verb_run(&r, "task", "run", "--ready-match", "never", "--wait", "--timeout", "60", "-c", "echo no; exit 3");
    ran_expect(&r, 3);
    ran_release(&r);
}

/* Stopping the sandbox ends its tasks; the next run brings it up again. */
static void test_stopped(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    MT_CLEANUP(xfree) char *id = begin("--name", "keep", "--restart", "always", "-c", "sleep 7803");
    verb_expect(0, "stop", "demo", "--quiet");
    verb_expect(0, "wait", id, "--state", "exited", "--timeout", "30");
    expect_status("muthr-demo", "stopped");
    expect_state("keep", "exited"); /* that is no failure */
    /* Where the project is inside, is known when the sandbox is there. */
    home_write(".config/muthr/sandbox.d/container/manifests/base.yaml",
               "security: {network: none}\nmounts: {workspace: /code}\n");
    home_write("src/demo/sub/x", "");
    verb_expect(0, "delete", "demo", "--yes", "--quiet");
    verb_expect(0, "task", "run", "--name", "where", "--cwd", "sub", "--wait", "--timeout", "60", "-c", "pwd");
    expect_log("where", "/code/sub\n");
    verb_run(&r, "task", "run", "--sandbox", "demo", "--wait", "--timeout", "60", "--", "sh", "-c",
             "echo \"a  b\" 'c\"d'");
    ran_expect(&r, 0);
    r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
    expect_log(r.out.buf, "a  b c\"d\n");
    verb_run(&r, "ls", "-o", "json");
    struct json *list = ran_json(&r);
    assert_int_equal(json_get_int(json_first(list), "tasks", -1), 0);
    json_free(list);
    ran_release(&r);
}

static void test_refusals(void **state)
{
    static const struct {
        int code;
        const char *const args[8];
    } CASES[] = {
        {64, {"task", "run"}},
        {64, {"task", "run", "x", "-c", "true"}},
        {64, {"task", "run", "-c", "true", "--", "true"}},
        {64, {"task", "run", "-c", "  "}},
        {64, {"task", "run", "-c", "true", "--name", "a/b"}},
        {64, {"task", "run", "-c", "true", "--restart", "often"}},
        {64, {"task", "run", "-c", "true", "--ready-match", "("}},
        {64, {"task", "run", "-c", "true", "--ready-port", "70000"}},
        {64, {"task", "ls", "--wait"}},
        {64, {"task", "stop"}},
        {64, {"task", "nosuch"}},
        {66, {"task", "run", "nosuch"}},
        {66, {"task", "stop", "nosuch"}},
        {66, {"task", "restart", "nosuch"}},
        {66, {"task", "logs", "nosuch"}},
        {66, {"task", "run", "-c", "true", "--sandbox", "nosuch"}},
        {64, {"task", "logs", "x", "--follow", "extra"}},
    };
    struct ran r = RAN_INIT;
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        verb_run_how(&r, NULL, CASES[i].args);
        if (r.code != CASES[i].code) {
            fail_msg("case %zu: %d, not %d: %s", i, r.code, CASES[i].code, r.err.buf);
        }
    }
    assert_false(home_exists(".local/state/muthr/tasks"));
    verb_expect(0, "task", "ls"); /* none is no failure */
    ran_release(&r);
}

/* Is the task's log known to be not whole? */
static bool log_is_cut(const void *name)
{
    struct json *list;
    const struct json *t = listed(name, &list);
    bool is = json_get_int(t, "log_lost", 0) > 0;
    json_free(list);
    return is;
}

/* The disk of the logs is full before a task says its first word: nothing is in the log, and that is said. Only root
 * can have such a disk here. */
static void test_full_disk(void **state)
{
    struct ran r = RAN_INIT;
    char *dir = path_join(vr.home, ".local/state/muthr/tasks"), *all = path_join(dir, "all");
    (void)state;
    if (geteuid() == 0) {
        assert_int_equal(fs_mkdirs(dir, 0700, NULL), 0);
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", dir, "tmpfs", 0, "size=64k") < 0) {
            skip_because("no file system can be mounted here");
        }
        free(begin("--name", "quiet", "-c", "exec sleep 1000"));
        verb_run(&r, "task", "logs", "quiet");
        ran_expect(&r, 0);
        expect_text(&r.err, "there is nothing in its log");
        MT_CLEANUP(strbuf) struct strbuf much = STRBUF_INIT;
        for (int i = 0; i < 16; i++) {
            strbuf_clear(&much);
            strbuf_addf(&much, "%s%d", all, i);
            char page[4096];
            memset(page, 'x', sizeof(page));
            (void)fs_write_atomic(much.buf, page, sizeof(page), 0600, NULL);
        }
        free(begin("--name", "loud", "-c", "echo hello; exec sleep 1000"));
        assert_true(verb_until(log_is_cut, "loud", RIG_DEADLINE_MS));
        verb_run(&r, "task", "logs", "loud");
        ran_expect(&r, 0);
        assert_int_equal(r.out.len, 0);
        expect_text(&r.err, "could not be written: No space left on device");
        expect_text(&r.err, "screen --history");
        verb_expect(0, "task", "stop", "loud", "quiet");
        verb_expect(0, "delete", "--yes", "demo");
        assert_int_equal(umount2(dir, MNT_DETACH), 0);
    }
    free(dir);
    free(all);
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_at_once, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_crash_loop, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_project, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_follow, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_ready, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_stopped, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_refusals, task_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, task_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
