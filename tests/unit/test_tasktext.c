/* SPDX-License-Identifier: Apache-2.0 */
/* How tasks and operations read: words, times, countdowns, order. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "tui/oplist.h"
#include "tui/tasklist.h"
#include "tui/tasktext.h"

#define T0 1000000000000u

/* A task that runs since T0. */
static struct session_info task(enum session_state state)
{
    struct session_info s = {.kind = SESSION_TASK, .state = state, .started_wall_ms = T0};
    str_copy(s.label, sizeof(s.label), "dev");
    return s;
}

/* The full state at a moment. */
static const char *state_at(const struct session_info *s, uint64_t now)
{
    static char text[400];
    tasktext_state(s, now, text, sizeof(text));
    return text;
}

static const char *brief_at(const struct session_info *s, uint64_t now)
{
    static char text[400];
    tasktext_brief(s, now, text, sizeof(text));
    return text;
}

static const char *time_at(const struct session_info *s, uint64_t now)
{
    static char text[24];
    tasktext_time(s, now, text, sizeof(text));
    return text;
}

static void test_running(void **state)
{
    struct session_info s = task(SESSION_RUNNING);
    (void)state;
    assert_string_equal(state_at(&s, T0), "running");
    assert_string_equal(time_at(&s, T0 + 59000), "<1m");
    assert_true(tasktext_next_ms(&s, T0 + 59000) == 1000);
    assert_string_equal(time_at(&s, T0 + 3720000), "1h02");
    assert_true(tasktext_next_ms(&s, T0 + 3720000) == 0);
    assert_string_equal(time_at(&s, T0 - 5000), "<1m"); /* the clock was put back */
    s.task.policy.ready_port = 3000;
    s.task.ready = TASK_READY_NOT_YET;
    assert_string_equal(state_at(&s, T0), "starting: waits for port 3000");
    assert_string_equal(brief_at(&s, T0), "starting");
    s.task.ready = TASK_READY_YES;
    assert_string_equal(brief_at(&s, T0), "ready");
    s.task.ports[0] = 3000;
    s.task.ports[1] = 3001;
    s.task.port_count = 1;
    assert_string_equal(brief_at(&s, T0), ":3000");
    s.task.port_count = 2;
    assert_string_equal(brief_at(&s, T0), ":3000 +1");
    /* After a restart the time is that of this run. */
    s.task.run_wall_ms = T0 + 600000;
    assert_string_equal(time_at(&s, T0 + 720000), "2m");
}

static void test_waiting(void **state)
{
    struct session_info s = task(SESSION_EXITED);
    (void)state;
    s.exit_code = 1;
    s.task.next_wall_ms = T0 + 4000;
    s.task.last_lasted_ms = 41000;
    assert_false(tasktext_is_over(&s));
    assert_string_equal(state_at(&s, T0), "waiting: starts again in 4 s");
    assert_string_equal(state_at(&s, T0 + 1), "waiting: starts again in 4 s");
    assert_string_equal(brief_at(&s, T0 + 3900), "again in 1 s");
    assert_string_equal(brief_at(&s, T0 + 5000), "again now");
    assert_string_equal(time_at(&s, T0), "0:41");
    /* Painted again right when the number changes, and not at all behind the end. */
    assert_true(tasktext_next_ms(&s, T0) == 1000);
    assert_true(tasktext_next_ms(&s, T0 + 3100) == 900);
    assert_true(tasktext_next_ms(&s, T0 + 9000) == 0);
    assert_string_equal(brief_at(&s, T0 - 86400000), "again in 60 s"); /* the clock was put back: no day is waited */
    /* Stopped while it waited: it ran as long as before. */
    s.task.policy.restart = TASK_RESTART_ALWAYS;
    s.task.run_wall_ms = T0 - 41000;
    s.task.next_wall_ms = 0;
    s.ended_wall_ms = T0 + 4000000;
    assert_string_equal(time_at(&s, T0 + 4000000), "0:41");
}

static void test_over(void **state)
{
    struct session_info s = task(SESSION_EXITED);
    char why[240];
    (void)state;
    s.ended_wall_ms = T0 + 41000;
    assert_string_equal(state_at(&s, T0), "done");
    assert_string_equal(time_at(&s, T0), "0:41");
    s.exit_code = 1;
    s.task.in_a_row = 5;
    s.task.policy.restart = TASK_RESTART_ALWAYS;
    assert_string_equal(state_at(&s, T0), "failed: exited 1 after 5 restarts");
    assert_string_equal(brief_at(&s, T0), "exited 1");
    str_copy(s.last_line, sizeof(s.last_line), "no such file");
    tasktext_why(&s, why, sizeof(why));
    assert_string_equal(why, "exited 1: no such file");
    s.exit_code = 0;
    s.exit_signal = SIGKILL;
    assert_true(tasktext_has_failed(&s));
    assert_string_equal(brief_at(&s, T0), "killed 9");
    s.exit_signal = SIGHUP; /* somebody ended it */
    assert_false(tasktext_has_failed(&s));
    assert_string_equal(state_at(&s, T0), "stopped");
    s.state = SESSION_LOST;
    assert_true(tasktext_has_failed(&s));
    assert_string_equal(state_at(&s, T0), "lost: its host is gone");
}

/* --- the list of them --- */

static void put(struct model *m, const char *id, const char *sandbox, const char *label, enum session_kind kind,
                uint64_t started)
{
    struct session_info s = {.kind = kind, .state = SESSION_RUNNING, .started_wall_ms = started};
    str_copy(s.id, sizeof(s.id), id);
    str_copy(s.sandbox, sizeof(s.sandbox), sandbox);
    str_copy(s.label, sizeof(s.label), label);
    model_put_session(m, &s);
}

/* The ids in order. */
static const char *listed(struct tasklist *l, const struct model *m, const char *filter)
{
    static char text[200];
    size_t n = 0;
    text[0] = '\0';
    tasklist_build(l, m, filter);
    for (size_t i = 0; i < l->count; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", l->ids[i]);
    }
    return text;
}

static void test_list(void **state)
{
    static struct workspace ws[2];
    struct bus *bus = bus_new();
    struct model *m = model_new(bus);
    struct tasklist l = {0};
    (void)state;
    str_copy(ws[0].name, sizeof(ws[0].name), "web");
    str_copy(ws[0].shown, sizeof(ws[0].shown), "web");
    str_copy(ws[0].sandbox, sizeof(ws[0].sandbox), "muthr-web");
    str_copy(ws[1].name, sizeof(ws[1].name), "Api");
    str_copy(ws[1].shown, sizeof(ws[1].shown), "Api");
    str_copy(ws[1].sandbox, sizeof(ws[1].sandbox), "muthr-api");
    model_set_workspaces(m, ws, 2);
    put(m, "w2", "muthr-web", "test", SESSION_TASK, 20);
    put(m, "w1", "muthr-web", "dev", SESSION_TASK, 10);
    put(m, "a1", "muthr-api", "dev", SESSION_TASK, 30);
    put(m, "x1", "muthr-gone", "left", SESSION_TASK, 5);
    put(m, "sh", "muthr-api", "shell", SESSION_SHELL, 1);
    assert_string_equal(listed(&l, m, ""), "a1 w1 w2 x1");
    assert_string_equal(listed(&l, m, "dev"), "a1 w1");
    assert_string_equal(listed(&l, m, "web dev"), "w1");
    assert_true(l.all == 4);
    /* The order is not that of states. */
    struct session_info s = *model_session(m, "a1");
    s.state = SESSION_EXITED;
    s.exit_code = 2;
    model_put_session(m, &s);
    assert_string_equal(listed(&l, m, ""), "a1 w1 w2 x1");
    assert_string_equal(listed(&l, m, "failed"), "a1");
    tasklist_release(&l);
    model_free(m);
    bus_free(bus);
}

/* --- operations --- */

static struct op_view operation(op_id id, const char *sandbox, enum op_state state, uint64_t started)
{
    struct op_view op = {.id = id, .state = state, .started_ms = started, .step_count = 3, .step = 1};
    str_copy(op.plan, sizeof(op.plan), "start");
    str_copy(op.sandbox, sizeof(op.sandbox), sandbox);
    str_copy(op.steps[0].name, sizeof(op.steps[0].name), "lock");
    op.steps[0].minor = true;
    op.steps[0].state = OP_STEP_DONE;
    str_copy(op.steps[1].name, sizeof(op.steps[1].name), "provision");
    op.steps[1].state = OP_STEP_RUNNING;
    op.steps[1].started_ms = started;
    op.steps[1].percent = -1;
    str_copy(op.steps[2].name, sizeof(op.steps[2].name), "ready");
    return op;
}

static void test_operations(void **state)
{
    struct bus *bus = bus_new();
    struct model *m = model_new(bus);
    struct oplist *l = oplist_new("/nonexistent/ops");
    struct oplist_row rows[8];
    uint64_t now = clock_mono_ms();
    (void)state;
    struct op_view a = operation(1, "muthr-a", OP_RUNNING, now - 10000),
                   b = operation(2, "muthr-b", OP_RUNNING, now - 90000), c = operation(3, "muthr-c", OP_QUEUED, 0),
                   d = operation(4, "muthr-d", OP_RUNNING, now - 5000);
    a.steps[1].last_time_ms = 3000;
    model_put_op(m, &a);
    model_put_op(m, &b);
    model_put_op(m, &c);
    d.state = OP_CANCELED;
    d.ended_ms = now - 1000;
    oplist_note(l, &d); /* the model has forgotten it */
    oplist_look(l);     /* nobody else told of anything */
    assert_true(oplist_rows(l, m, rows, MT_ARRAY_LEN(rows)) == 4);
    assert_true(rows[0].id == 2 && rows[1].id == 1 && rows[2].id == 3 && rows[3].id == 4);
    assert_true(rows[1].at == 1 && rows[1].of == 2); /* the lock is not worth a place */
    assert_string_equal(rows[1].step, "provision");
    assert_true(rows[1].slow && !rows[0].slow);
    assert_non_null(oplist_loses(&rows[1]));
    assert_null(oplist_loses(&rows[2])); /* it waits: nothing is lost */
    assert_true(oplist_is_live(&rows[2]) && !oplist_is_live(&rows[3]));
    assert_true(oplist_next_ms(rows, 4, 125) == 125);
    assert_true(oplist_next_ms(rows + 2, 1, 125) == 0); /* nothing moves while it waits */
    uint64_t gone = oplist_next_ms(rows + 3, 1, 125);
    assert_true(gone > 0 && gone <= OPLIST_KEPT_MS);
    d.id = 5;
    d.ended_ms = now > OPLIST_KEPT_MS + 1000 ? now - OPLIST_KEPT_MS - 1 : 1;
    if (now > OPLIST_KEPT_MS + 1000) { /* the machine has been up for long enough */
        oplist_note(l, &d);
        assert_true(oplist_rows(l, m, rows, MT_ARRAY_LEN(rows)) == 4);
    }
    oplist_free(l);
    model_free(m);
    bus_free(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running), cmocka_unit_test(test_waiting),    cmocka_unit_test(test_over),
        cmocka_unit_test(test_list),    cmocka_unit_test(test_operations),
    };
    return cmocka_run_group_tests_name("tasktext", tests, NULL, NULL);
}
