/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks in real sandboxes beyond what is usual: fifty at once, more output than is kept, a crash loop whose starter is
 * killed, and ports that are told while others of the sandbox have theirs. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/backends/verb_rig.h"

#define TASKS 50
#define AT_ONCE 10
#define LOGS ".local/state/muthr/tasks/muthr-demo"
#define LOG_MAX_BYTES (32u << 20)
#define FLOOD "200000000"
#define SHORT_FLOOD "40000000" /* more than is kept */

/* A program that listens on a port of the loopback device inside, and says so. */
#define LISTEN(port)                                                                                                   \
    "exec perl -MIO::Socket::INET -e '"                                                                                \
    "$s = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1, LocalAddr => \"127.0.0.1\", LocalPort => " port           \
    ") or die; print \"up\\n\"; sleep 7821'"

static int stress_setup(void **state)
{
    if (verb_setup(state) != 0) {
        return -1;
    }
    home_write(".config/muthr/sandbox.d/container/manifests/base.yaml", "security: {network: none}\n");
    verb_expect(0, "start", "demo", "--quiet");
    return 0;
}

/* All tasks, as `task ls` tells them. json_free. */
static struct json *list_tasks(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "task", "ls", "-o", "json");
    ran_expect(&r, 0);
    struct json *list = ran_json(&r);
    ran_release(&r);
    return list;
}

/* The task of that name in it. */
static const struct json *task_of(const struct json *list, const char *name)
{
    for (const struct json *t = json_first(list); t != NULL; t = json_next(t)) {
        if (strcmp(json_get_string(t, "name", ""), name) == 0) {
            return t;
        }
    }
    fail_msg("%s is not listed", name);
    return NULL;
}

/* --- ports --- */

/* "3456" of a task, as it is listed now. */
static void expect_ports(const char *name, const char *ports)
{
    struct json *list = list_tasks();
    assert_string_equal(json_get_string(task_of(list, name), "ports", ""), ports);
    json_free(list);
}

static void test_ports(void **state)
{
    (void)state;
    verb_expect(0, "task", "run", "--quiet", "--wait", "--timeout", "60", "--name", "web", "--ready-port", "3456", "-c",
                LISTEN("3456"));
    verb_expect(0, "task", "run", "--quiet", "--wait", "--timeout", "60", "--name", "api", "--ready-port", "8000",
                "--ready-match", "^up$", "-c", LISTEN("8000"));
    expect_ports("web", "3456"); /* each its own, though they are in one network */
    expect_ports("api", "8000");
    verb_expect(0, "task", "restart", "web", "--quiet");
    verb_expect(0, "wait", "web", "--state", "ready", "--timeout", "60");
    expect_ports("web", "3456");
    verb_expect(0, "task", "stop", "web", "--quiet");
    expect_ports("web", "");
    expect_ports("api", "8000");
}

/* --- many --- */

static bool all_have_ended(const void *arg)
{
    struct json *list = list_tasks();
    size_t ended = 0;
    (void)arg;
    for (const struct json *t = json_first(list); t != NULL; t = json_next(t)) {
        ended += strcmp(json_get_string(t, "state", ""), "exited") == 0;
    }
    json_free(list);
    return ended == TASKS;
}

/* Starts those from `first` on, so many, at the same time. */
static void start_some(int first)
{
    pid_t pids[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        char name[16], script[80];
        str_format(name, sizeof(name), "t%d", first + i);
        str_format(script, sizeof(script), "echo begin %d; sleep 0.%d; echo end %d; exit %d", first + i, i, first + i,
                   (first + i) % 3);
        pids[i] = verb_begin("task", "run", "--quiet", "--sandbox", "demo", "--name", name, "-c", script);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        assert_int_equal(verb_wait(pids[i], RIG_DEADLINE_MS), 0);
    }
}

static void test_fifty(void **state)
{
    struct strvec names = STRVEC_INIT;
    size_t logs = 0;
    (void)state;
    for (int first = 0; first < TASKS; first += AT_ONCE) {
        start_some(first);
    }
    assert_true(verb_until(all_have_ended, NULL, RIG_DEADLINE_MS));
    struct json *list = list_tasks();
    for (int i = 0; i < TASKS; i++) {
        char name[16], line[16];
        str_format(name, sizeof(name), "t%d", i);
        str_format(line, sizeof(line), "end %d", i);
        const struct json *t = task_of(list, name);
        assert_int_equal(json_get_int(t, "exit_code", -1), i % 3);
        assert_string_equal(json_get_string(t, "last_line", ""), line);
    }
    json_free(list);
    MT_CLEANUP(xfree) char *dir = xasprintf("%s/" LOGS, vr.home);
    assert_int_equal(fs_list(dir, &names, NULL), 0);
    for (size_t i = 0; i < names.len; i++) {
        if (strstr(names.v[i], ".log") != NULL) {
            MT_CLEANUP(xfree) char *path = xasprintf(LOGS "/%s", names.v[i]);
            MT_CLEANUP(xfree) char *text = home_read(path);
            assert_true(strncmp(text, "begin ", 6) == 0 && strstr(text, "\nend ") != NULL);
            logs++;
        }
    }
    strvec_release(&names);
    assert_int_equal(logs, TASKS);
}

/* --- much --- */

static void test_flood(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    const char *bytes = SHORT_FLOOD;
#else
    const char *bytes = vr.as_root ? SHORT_FLOOD : FLOOD; /* once is enough */
#endif
    MT_CLEANUP(xfree)
    char *script =
        xasprintf("echo THE BEGINNING; yes 'a line of output that nobody reads, and that is kept only in part' | "
                  "head -c %s; echo; echo ready to stop; echo THE END",
                  bytes);
    verb_run(&r, "task", "run", "--quiet", "--wait", "--timeout", "200", "--name", "flood", "-c", script);
    ran_expect(&r, 0);
    struct json *list = list_tasks();
    const char *path = json_get_string(task_of(list, "flood"), "log", "");
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(path, 2 * (size_t)LOG_MAX_BYTES, &text, NULL), 0);
    json_free(list);
    assert_in_range(text.len, LOG_MAX_BYTES / 4, LOG_MAX_BYTES);
    assert_int_equal(strncmp(text.buf, "THE BEGINNING\r\n", 15), 0);
    expect_text(&text, " bytes left out]");
    static const char last[] = "ready to stop\r\nTHE END\r\n";
    assert_string_equal(text.buf + text.len - (sizeof(last) - 1), last);
    strbuf_release(&text);
    verb_run(&r, "task", "logs", "flood", "--lines", "2");
    assert_string_equal(r.out.buf, "ready to stop\nTHE END\n");
    ran_release(&r);
}

/* --- alone --- */

/* Has the task been started again at least so often? */
static bool was_restarted(const void *arg)
{
    struct json *list = list_tasks();
    bool is = json_first(list) != NULL && json_get_int(task_of(list, "loop"), "restarts", 0) >= *(const int *)arg;
    json_free(list);
    return is;
}

static void test_starter_killed(void **state)
{
    struct ran r = RAN_INIT;
    const int one = 1, two = 2;
    (void)state;
    pid_t starter = verb_begin("task", "run", "--quiet", "--wait", "--sandbox", "demo", "--name", "loop", "--restart",
                               "always", "--ready-match", "never said", "-c", "echo run; exit 7");
    assert_true(verb_until(was_restarted, &one, RIG_DEADLINE_MS));
    kill(starter, SIGKILL); /* it waits to be started again: nobody but its host knows */
    assert_int_equal(verb_wait(starter, RIG_DEADLINE_MS), 128 + SIGKILL);
    assert_true(verb_until(was_restarted, &two, RIG_DEADLINE_MS));
    verb_expect(0, "task", "stop", "loop", "--quiet");
    verb_expect(0, "wait", "loop", "--state", "exited", "--timeout", "30");
    verb_run(&r, "task", "logs", "loop", "--all");
    expect_text(&r.out, "-- exited 7 after ");
    expect_text(&r.out, "starts again in 2.0 s --");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ports, stress_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_fifty, stress_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_flood, stress_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_starter_killed, stress_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
