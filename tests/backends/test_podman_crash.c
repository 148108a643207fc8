/* SPDX-License-Identifier: Apache-2.0 */
/* Things are killed while a sandbox on real podman is brought up or runs: the one who asked, every podman that it
 * started, conmon, the first process. What `ls` then says is true, and `start` reaches a running sandbox again. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"

#define DEMO "muthr-demo"

/* MUTHR_TEST_ALL=1: every step and every call, which takes minutes; else those that differ in what they leave. */
static bool thorough(void)
{
    const char *all = getenv("MUTHR_TEST_ALL");
    return all && all[0] == '1';
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(word, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* One container, and it runs. */
static void expect_one(void)
{
    char *all = pod_text("ps", "-a", "--format", "{{.Names}} {{.Status}}");
    assert_true(strncmp(all, DEMO " Up ", strlen(DEMO " Up ")) == 0 && !strchr(all, '\n'));
    free(all);
}

/* One sandbox, in order, and nothing else of that name. */
static void expect_whole(void)
{
    home_expect_status(DEMO, "running");
    home_expect_shell("demo");
    expect_one();
}

/* Brings it up and works in it; how long that took. */
static int work_again(void)
{
    uint64_t start = clock_mono_ms();
    home_expect_shell("demo");
    int ms = (int)(clock_mono_ms() - start);
    expect_one();
    return ms;
}

static void remove_demo(void)
{
    verb_expect(0, "delete", "--yes", "--force", "demo");
}

/* `start`, which must succeed; how long it took. */
static int bring_up(void)
{
    uint64_t start = clock_mono_ms();
    verb_expect(0, "start");
    return (int)(clock_mono_ms() - start);
}

/* --- the one who asked dies, in every step --- */

/* The names of the steps that a start from nothing goes through, each once. */
static void collect_steps(struct strvec *steps)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "start", "-o", "ndjson");
    ran_expect(&r, 0);
    for (const char *line = r.out.buf; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        struct json *row = json_parse(line, strcspn(line, "\n"), NULL);
        const char *step = row ? json_get_string(row, "step", "") : "";
        bool known = step[0] == '\0';
        for (size_t i = 0; i < steps->len; i++) {
            known = known || strcmp(steps->v[i], step) == 0;
        }
        if (!known) {
            strvec_push(steps, step);
        }
        json_free(row);
    }
    ran_release(&r);
}

static bool says(const void *text)
{
    char *said = verb_said("out");
    bool does = strstr(said, text) != NULL;
    free(said);
    return does;
}

/* `start` until this step, where the victim is killed; then `start` again. */
static void kill_in_step(const char *step, bool conmon)
{
    MT_CLEANUP(xfree) char *text = xasprintf("\"step\":\"%s\"", step);
    remove_demo();
    pid_t pid = verb_begin("start", "-o", "ndjson");
    if (!verb_until(says, text, 20000)) {
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        fail_msg("the step %s did not come", step);
    }
    pid_t victim = conmon ? pod_process("conmon", DEMO) : pid;
    if (victim > 0) {
        kill(victim, SIGKILL);
    }
    int code = verb_wait(pid, 60000);
    MT_CLEANUP(xfree) char *left = home_containers();
    int ms = work_again();
    print_message("  %-11s %-8s %-8s %-4d %-11s %5d ms\n", step, conmon ? "conmon" : "the verb",
                  victim > 0 ? "killed" : "none yet", code, left[0] ? "a container" : "nothing", ms);
}

static void test_killed_in_every_step(void **state)
{
    MT_CLEANUP(strvec) struct strvec steps = STRVEC_INIT;
    (void)state;
    collect_steps(&steps);
    assert_true(steps.len >= 4); /* lock, create, start, ... */
    print_message("  in step     SIGKILL to        code left        to a shell again\n");
    for (size_t i = 0; i < steps.len; i++) {
        static const char *const ACTING[] = {"create", "start", "baseline", "provision", "sealed"};
        static const char *const UP[] = {"check", "record"};
        if (thorough() || is_one_of(steps.v[i], ACTING, MT_ARRAY_LEN(ACTING))) {
            kill_in_step(steps.v[i], false);
        }
        if (thorough() || is_one_of(steps.v[i], UP, MT_ARRAY_LEN(UP))) {
            kill_in_step(steps.v[i], true);
        }
    }
}

/* --- every podman dies --- */

/* Counts the calls, and kills one of them. In the environment: REAL, COUNT (a file), VICTIM (its number), HOW. */
static const char ASSASSIN[] = "#!/bin/sh\n"
                               "# Stands for a podman of which one call (number $VICTIM) is killed: before it did "
                               "anything, in the middle, or after\n"
                               "# it did everything but before it could say so.\n"
                               "exec 9>>\"$COUNT.lock\"; flock 9\n"
                               "n=$(($(cat \"$COUNT\" 2>/dev/null || echo 0) + 1)); echo $n >\"$COUNT\"\n"
                               "printf '%.40s\\n' \"$*\" | head -n 1 >>\"$COUNT.calls\"; exec 9>&-\n"
                               "[ $n = \"$VICTIM\" ] || exec \"$REAL\" \"$@\"\n"
                               "case $HOW in\n"
                               "before) ;;\n"
                               "middle) \"$REAL\" \"$@\" & sleep 0.04; kill -9 $! ;;\n"
                               "after) \"$REAL\" \"$@\" >/dev/null 2>&1 & w=$!; sleep 0.7; kill -9 $w ;;\n"
                               "esac\n"
                               "kill -9 $$\n";

static void arm(int victim, const char *how)
{
    char number[16], *count = path_join(pod.base, "count"), *said = path_join(pod.base, "count.calls");
    str_format(number, sizeof(number), "%d", victim);
    unlink(count);
    unlink(said);
    setenv("REAL", pod.podman, 1);
    setenv("COUNT", count, 1);
    setenv("VICTIM", number, 1);
    setenv("HOW", how, 1);
    free(count);
    free(said);
}

/* What podman was called with since, one a line. */
static void calls(struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    MT_CLEANUP(xfree) char *said = path_join(pod.base, "count.calls");
    strvec_clear(out);
    fs_read(said, 1 << 20, &b, NULL);
    for (const char *line = b.buf; *line; line += strcspn(line, "\n") + 1) {
        strvec_pushf(out, "%.*s", (int)MT_MIN(strcspn(line, "\n"), (size_t)40), line);
    }
}

/* The call of that number is killed in this way; `start` may fail for it, but not the next one. */
static void kill_call(int n, const char *how)
{
    struct ran r = RAN_INIT;
    pod_stand_in("podman", NULL);
    remove_demo();
    pod_stand_in("podman", ASSASSIN);
    arm(n, how);
    uint64_t start = clock_mono_ms();
    verb_run(&r, "start");
    int ms = (int)(clock_mono_ms() - start);
    MT_CLEANUP(strvec) struct strvec made = STRVEC_INIT;
    calls(&made);
    const char *what = (size_t)n <= made.len ? made.v[n - 1] : "(not reached)";
    arm(0, how);
    int again = work_again();
    r.err.buf[strcspn(r.err.buf, "\n")] = '\0';
    print_message("  %2d %-34s %-7s code %-3d %5d ms; to a shell again %5d ms\n", n, what, how, r.code, ms, again);
    ran_release(&r);
}

/* Does such a call leave something behind? */
static bool changes(const char *what)
{
    static const char *const ASKING[] = {"info", "ps", "inspect", "events", "image ", "version", "network inspect"};
    return !is_one_of(what, ASKING, MT_ARRAY_LEN(ASKING));
}

/* Was one of its kind (its first 12 letters: "inspect --ty", "volume creat") there before? */
static bool is_known(const struct strvec *made, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strncmp(made->v[i], made->v[at], 12) == 0) {
            return true;
        }
    }
    return false;
}

/* Calls die before or in the middle of their work; those that change something also when they are through and have not
 * said so. */
static void test_podman_killed(void **state)
{
    MT_CLEANUP(strvec) struct strvec made = STRVEC_INIT;
    (void)state;
    pod_stand_in("podman", ASSASSIN);
    arm(0, "before");
    verb_expect(0, "start");
    calls(&made);
    print_message("  a start from nothing calls podman %zu times\n", made.len);
    assert_true(made.len >= 10);
    for (size_t i = 0; i < made.len; i++) {
        bool known = is_known(&made, i) && !thorough(), acts = changes(made.v[i]);
        if (!known && (i % 2 == 0 || thorough())) {
            kill_call((int)i + 1, i % 4 == 0 ? "before" : "middle");
        }
        if (!known && acts && (i % 2 == 1 || thorough())) {
            kill_call((int)i + 1, "after");
        }
    }
    pod_stand_in("podman", NULL);
}

/* --- what runs dies --- */

static bool is_down(const void *sandbox)
{
    char *status = sandbox_status(sandbox);
    bool down = strcmp(status, "running") != 0;
    free(status);
    return down;
}

static void test_first_process_killed(void **state)
{
    (void)state;
    bring_up();
    kill(pod_pid(DEMO), SIGKILL);
    assert_true(verb_until(is_down, DEMO, 5000));
    bring_up();
    expect_whole();
}

/* `start` of one whose end podman did not see. It depends on who was faster whether podman 4.3 ever starts it again. */
static void start_lost(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "start");
    if (r.code != 0) {
        expect_text(&r.err, "--recreate");
        verb_expect(0, "start", "--recreate");
    }
    ran_release(&r);
}

/* Nobody reports the end of the container any more: it can still be used, stopped, started and deleted. */
static void test_conmon_killed(void **state)
{
    (void)state;
    bring_up();
    pid_t conmon = pod_conmon(DEMO);
    assert_true(conmon > 1);
    kill(conmon, SIGKILL);
    assert_true(verb_until(pid_is_gone, &conmon, 5000));
    bring_up();
    expect_whole();
    conmon = pod_conmon(DEMO);
    kill(conmon, SIGKILL);
    verb_expect(0, "stop", "demo");
    assert_true(is_down(DEMO));
    start_lost();
    expect_whole();
    kill(pod_conmon(DEMO), SIGKILL);
    kill(pod_pid(DEMO), SIGKILL); /* both: what was running is gone, and nobody saw it go */
    assert_true(verb_until(is_down, DEMO, 5000));
    start_lost();
    expect_whole();
    kill(pod_conmon(DEMO), SIGKILL);
    remove_demo();
}

/* A session's program inside ends with its session, although podman leaves it running when its client dies. */
static bool sleeper_is_gone(const void *arg)
{
    struct pod_ran r = POD_RAN_INIT;
    pod_run(&r, "exec", DEMO, "sh", "-c", "ps | grep -v grep | grep -c 'sleep 771[3]'");
    bool gone = strtol(r.out.buf, NULL, 10) == 0;
    (void)arg;
    pod_ran_release(&r);
    return gone;
}

static bool sleeper_is_there(const void *arg)
{
    return !sleeper_is_gone(arg);
}

static void test_command_killed(void **state)
{
    (void)state;
    bring_up();
    pid_t pid = verb_begin("shell", "--no-tty", "-c", "sleep 7713");
    assert_true(verb_until(sleeper_is_there, NULL, 10000));
    kill(pid, SIGTERM);
    verb_wait(pid, 5000);
    assert_true(verb_until(sleeper_is_gone, NULL, 5000));
    expect_whole();
}

/* --- several at once --- */

static void test_starts_at_once(void **state)
{
    static const char *const names[] = {"demo", "demo", "other", "demo", "a b"};
    pid_t pids[MT_ARRAY_LEN(names)];
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        pids[i] = verb_begin("start", names[i]);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        assert_int_equal(verb_wait(pids[i], 60000), 0);
    }
    home_expect_shell("demo");
    home_expect_shell("other");
    home_expect_shell("a b");
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_in_every_step, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_podman_killed, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_first_process_killed, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_conmon_killed, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_command_killed, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_starts_at_once, home_setup, home_teardown),
    };
    return cmocka_run_group_tests_name("podman, killed", tests, home_open, home_close);
}

int main(void)
{
    return pod_main(run);
}
