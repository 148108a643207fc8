/* SPDX-License-Identifier: Apache-2.0 */
/* S8 with minutes of a few milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/inuse.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "tests/engine/fake.h"

/* Longer below valgrind: a step of the test itself must not take a minute. */
static uint64_t minute_ms = 40;

static void open_idle(struct world *w, int64_t minutes)
{
    world_open(w);
    w->minute_ms = minute_ms;
    w->config.idle_stop_minutes = minutes;
    world_engine(w);
    world_run(w, ENGINE_START, "muthr-api", "base");
    assert_int_equal(w->last.state, OP_DONE);
}

static bool is_stopped(struct world *w)
{
    const struct sandbox_info *box = fake_box(&w->fake, "muthr-api");
    return box->state == SANDBOX_STOPPED && engine_is_idle(w->engine);
}

static bool counts_down(struct world *w)
{
    return world_ws(w, "muthr-api")->idle_stop_mono_ms != 0;
}

/* A session as its host would report it. */
static void put_session(struct world *w, enum session_kind kind, enum session_state state, uint64_t input_wall_ms)
{
    struct session_info s = {
        .id = "s1", .kind = kind, .state = state, .last_input_wall_ms = input_wall_ms, .started_wall_ms = 1};
    str_copy(s.sandbox, sizeof(s.sandbox), "muthr-api");
    if (kind == SESSION_TASK) { /* between two runs */
        s.task.policy.restart = TASK_RESTART_ALWAYS;
        s.task.next_wall_ms = clock_wall_ms() + TASK_BACKOFF_MOST_MS;
    }
    model_put_session(w->model, &s);
}

/* Turns the loop for a while; nothing is waited for that should come. */
static void pass(struct world *w, uint64_t ms)
{
    uint64_t end = clock_mono_ms() + ms;
    timer_start(w->guard, 20000);
    while (clock_mono_ms() < end) {
        loop_turn(w->loop, false);
        usleep(1000);
    }
    timer_stop(w->guard);
}

static void test_stops(void **state)
{
    (void)state;
    struct world w;
    open_idle(&w, 10);
    uint64_t start = clock_mono_ms();
    world_until(&w, counts_down);
    uint64_t shown = clock_mono_ms();
    assert_true(shown - start >= 4 * minute_ms); /* not before its last five minutes */
    world_until(&w, is_stopped);
    assert_true(clock_mono_ms() - start >= 9 * minute_ms);
    const struct workspace *ws = world_ws(&w, "muthr-api");
    assert_int_equal(ws->idle_stop_mono_ms, 0);
    const struct op_view *op = model_op(w.model, ws->op);
    assert_string_equal(op->plan, "stop");
    assert_string_equal(op->notice, "idle for 10 minutes");
    assert_int_equal(w.fake.counts[BACKEND_STOP], 1);
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* and again */
    world_until(&w, is_stopped);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 2);
    world_close(&w);
}

static void test_never(void **state)
{
    (void)state;
    struct world w;
    open_idle(&w, 0);
    pass(&w, 10 * minute_ms);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    assert_false(counts_down(&w));
    world_close(&w);
    world_open(&w); /* a verb's engine */
    w.config.idle_stop_minutes = 1;
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "base");
    pass(&w, 100);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    world_close(&w);
}

static void test_activity(void **state)
{
    (void)state;
    struct world w;
    open_idle(&w, 6);
    put_session(&w, SESSION_SHELL, SESSION_RUNNING, clock_wall_ms());
    world_until(&w, counts_down);
    pass(&w, 3);
    put_session(&w, SESSION_SHELL, SESSION_RUNNING, clock_wall_ms()); /* a key */
    assert_false(counts_down(&w));
    world_until(&w, counts_down);
    put_session(&w, SESSION_AGENT, SESSION_RUNNING, clock_wall_ms());
    assert_false(counts_down(&w));
    pass(&w, 12 * minute_ms); /* a silent agent works */
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    assert_false(counts_down(&w));
    put_session(&w, SESSION_TASK, SESSION_RUNNING, clock_wall_ms());
    pass(&w, 8 * minute_ms); /* a task that waits to be started again is not idle either */
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    put_session(&w, SESSION_AGENT, SESSION_EXITED, clock_wall_ms());
    world_until(&w, is_stopped);
    world_close(&w);
}

/* A program of `muthr-tui shell`, in another process. */
static void test_shell_on_a_terminal(void **state)
{
    (void)state;
    struct world w;
    open_idle(&w, 2);
    int hold[2], ready[2];
    assert_int_equal(pipe(hold), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        close(hold[1]);
        bool marked = inuse_mark(&w.home.paths, "muthr-api", NULL) == 0;
        _exit(marked && write(ready[1], "x", 1) == 1 && read(hold[0], &c, 1) == 0 ? 0 : 1);
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_true(inuse_any(&w.home.paths, "muthr-api"));
    assert_false(inuse_any(&w.home.paths, "muthr-ap"));
    temphome_write(&w.home, ".local/state/muthr/use/muthr-old.2147483646", "1");
    temphome_write(&w.home, ".local/state/muthr/use/notes", "kept");
    MT_CLEANUP(xfree) char *old = path_join(w.home.paths.state, "use/muthr-old.2147483646");
    MT_CLEANUP(xfree) char *notes = path_join(w.home.paths.state, "use/notes");
    assert_true(fs_exists(old));
    assert_int_equal(inuse_mark(&w.home.paths, "muthr-web", NULL), 0);
    assert_false(fs_exists(old)); /* nobody else would look for it */
    assert_true(fs_exists(notes));
    assert_true(inuse_any(&w.home.paths, "muthr-api"));
    pass(&w, 8 * minute_ms);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    int status;
    close(hold[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    world_until(&w, is_stopped);
    assert_false(inuse_any(&w.home.paths, "muthr-api"));
    close(hold[0]);
    close(ready[0]);
    close(ready[1]);
    world_close(&w);
}

static bool is_stopping(struct world *w)
{
    return !engine_is_idle(w->engine);
}

/* Used again between the decision and the lock: it goes on. */
static void test_used_at_the_last_moment(void **state)
{
    (void)state;
    struct world w;
    open_idle(&w, 2);
    w.fake.delay_ms = 20;
    world_until(&w, is_stopping);
    put_session(&w, SESSION_SHELL, SESSION_RUNNING, clock_wall_ms() + 5);
    while (!engine_is_idle(w.engine)) {
        loop_turn(w.loop, true);
    }
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->state, SANDBOX_RUNNING);
    const struct op_view *op = model_op(w.model, world_ws(&w, "muthr-api")->op);
    assert_int_equal(op->state, OP_DONE);
    world_close(&w);
}

/* Idle for long before the cockpit came: still the last minutes, not at once. */
static void test_late_comer(void **state)
{
    (void)state;
    struct world w;
    open_idle(&w, 100);
    fake_box(&w.fake, "muthr-api")->started_wall_ms = 1000; /* 1970 */
    world_close_engine(&w, false);
    uint64_t start = clock_mono_ms();
    world_engine(&w);
    world_until(&w, counts_down);
    world_until(&w, is_stopped);
    uint64_t took = clock_mono_ms() - start;
    assert_true(took >= 4 * minute_ms && took < 60 * minute_ms);
    world_close(&w);
}

int main(void)
{
    if (getenv("TEST_WRAPPER")) {
        minute_ms = 250;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_activity),
        cmocka_unit_test(test_shell_on_a_terminal),
        cmocka_unit_test(test_used_at_the_last_moment),
        cmocka_unit_test(test_late_comer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
