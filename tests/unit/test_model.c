/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/model/model.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct world {
    struct bus *bus;
    struct model *m;
    int events[MODEL_PROBLEM + 1];
    char text[300];
};

static void count(void *arg, const struct model_event *ev)
{
    struct world *w = arg;
    w->events[ev->kind]++;
    str_copy(w->text, sizeof(w->text), ev->text);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->bus = bus_new();
    bus_subscribe(w->bus, count, w);
    w->m = model_new(w->bus);
}

static void world_release(struct world *w)
{
    model_free(w->m);
    bus_free(w->bus);
}

/* Fills a heap list from names; freed by the caller. */
static struct workspace *list_of(const char *const *names, size_t n)
{
    struct workspace *list = xcalloc(n + 1, sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        str_copy(list[i].name, sizeof(list[i].name), names[i]);
        str_copy(list[i].shown, sizeof(list[i].shown), names[i]);
        str_format(list[i].sandbox, sizeof(list[i].sandbox), "muthr-%s", names[i]);
    }
    return list;
}

static void test_workspaces_keep_id_and_state(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const char *first[] = {"zeta", "Alpha", "beta"};
    struct workspace *list = list_of(first, 3);
    model_set_workspaces(w.m, list, 3);
    assert_int_equal(w.events[MODEL_WORKSPACES], 1);
    assert_string_equal(model_workspace_at(w.m, 0)->name, "Alpha");
    assert_string_equal(model_workspace_at(w.m, 2)->name, "zeta");
    model_set_workspaces(w.m, list, 3); /* nothing new: no event */
    assert_int_equal(w.events[MODEL_WORKSPACES], 1);
    free(list);
    workspace_id beta = model_workspace_by_name(w.m, "beta")->id;
    workspace_id zeta = model_workspace_by_name(w.m, "zeta")->id;
    struct sandbox_info info = {.state = SANDBOX_RUNNING};
    model_set_sandbox(w.m, beta, &info, "bwrap");
    model_set_sandbox(w.m, beta, &info, "bwrap");
    assert_int_equal(w.events[MODEL_SANDBOX], 1);
    const char *second[] = {"beta", "new"};
    list = list_of(second, 2);
    model_set_workspaces(w.m, list, 2);
    free(list);
    assert_int_equal(model_workspace_count(w.m), 2);
    assert_int_equal(model_workspace_by_name(w.m, "beta")->id, beta);
    assert_int_equal(model_workspace_by_name(w.m, "beta")->info.state, SANDBOX_RUNNING);
    assert_null(model_workspace(w.m, zeta));
    assert_true(model_workspace_by_name(w.m, "new")->id > zeta); /* ids are never used again */
    assert_null(model_workspace_by_sandbox(w.m, ""));
    assert_null(model_workspace(w.m, 0));
    world_release(&w);
}

static void test_ops_and_shown_state(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const char *names[] = {"api"};
    struct workspace *list = list_of(names, 1);
    model_set_workspaces(w.m, list, 1);
    free(list);
    workspace_id id = model_workspace_by_name(w.m, "api")->id;
    struct op_view op = {.id = 7, .state = OP_RUNNING, .step_count = 2};
    str_copy(op.plan, sizeof(op.plan), "start");
    str_copy(op.sandbox, sizeof(op.sandbox), "muthr-api");
    str_copy(op.steps[0].name, sizeof(op.steps[0].name), "create");
    str_copy(op.steps[1].name, sizeof(op.steps[1].name), "provision");
    model_put_op(w.m, &op);
    const struct workspace *ws = model_workspace(w.m, id);
    assert_int_equal(ws->op, 7);
    assert_int_equal(model_shown_state(w.m, ws), SANDBOX_CREATING);
    op.step = 1;
    model_put_op(w.m, &op);
    assert_int_equal(model_shown_state(w.m, ws), SANDBOX_PROVISIONING);
    struct op_view queued = op;
    queued.id = 8;
    queued.state = OP_QUEUED;
    model_put_op(w.m, &queued);
    assert_int_equal(ws->op, 7); /* the running one stays in sight */
    op.state = OP_FAILED;
    model_put_op(w.m, &op);
    assert_int_equal(model_shown_state(w.m, ws), SANDBOX_NONE);
    assert_int_equal(model_op_count(w.m), 2);
    queued.state = OP_RUNNING;
    model_put_op(w.m, &queued);
    assert_int_equal(ws->op, 8);
    assert_null(model_op(w.m, 7)); /* a failure that came while the next one waited goes with its turn */
    struct op_view third = queued;
    third.id = 9;
    model_put_op(w.m, &third); /* the failed one makes room */
    assert_null(model_op(w.m, 7));
    model_drop_op(w.m, 9);
    model_drop_op(w.m, 8);
    model_drop_op(w.m, 1234);
    assert_int_equal(ws->op, 0);
    assert_int_equal(model_op_count(w.m), 0);
    world_release(&w);
}

static void put_session(struct world *w, const char *id, uint64_t started, enum attention_kind a, uint64_t since)
{
    struct session_info s = {.started_wall_ms = started, .attention = a, .attention_since_ms = since};
    str_copy(s.id, sizeof(s.id), id);
    str_copy(s.sandbox, sizeof(s.sandbox), "muthr-api");
    model_put_session(w->m, &s);
}

static void test_sessions(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put_session(&w, "late", 30, ATTENTION_NONE, 0);
    put_session(&w, "early", 10, ATTENTION_BELL, 5);
    put_session(&w, "middle", 20, ATTENTION_WAITING, 9);
    assert_string_equal(model_session_at(w.m, 0)->id, "early");
    assert_string_equal(model_session_of(w.m, "muthr-api", 2)->id, "late");
    assert_null(model_session_of(w.m, "muthr-api", 3));
    assert_null(model_session_of(w.m, "muthr-other", 0));
    assert_int_equal(w.events[MODEL_SESSION_ADDED], 3);
    assert_int_equal(w.events[MODEL_ATTENTION], 2);
    assert_string_equal(model_next_attention(w.m, NULL)->id, "early");
    assert_string_equal(model_next_attention(w.m, "early")->id, "middle");
    assert_string_equal(model_next_attention(w.m, "middle")->id, "early"); /* round */
    assert_string_equal(model_next_attention(w.m, "late")->id, "early");
    put_session(&w, "late", 30, ATTENTION_WAITING, 2);
    assert_string_equal(model_next_attention(w.m, NULL)->id, "late"); /* has waited longest */
    model_remove_session(w.m, "late");
    model_remove_session(w.m, "late");
    assert_int_equal(w.events[MODEL_SESSION_REMOVED], 1);
    model_remove_session(w.m, "middle");
    assert_null(model_next_attention(w.m, "early")); /* only itself is left */
    world_release(&w);
}

/* What does not fit ends at a comma, and says so. */
static void test_cut_list(void **state)
{
    char out[24];
    (void)state;
    model_cut_list("cpus: 1 -> 2, pids: 3 ->", out, sizeof(out));
    assert_string_equal(out, "cpus: 1 -> 2, ...");
    model_cut_list("cpus: 1 -> 2, pids: 3->", out, sizeof(out));
    assert_string_equal(out, "cpus: 1 -> 2, pids: 3->");
    model_cut_list("containerfile: bf35 -> 5e7a", out, sizeof(out));
    assert_string_equal(out, "containerfile: bf35 ...");
    model_cut_list("0123456789abcdefghi\xc3\xa9 longer", out, sizeof(out));
    assert_string_equal(out, "0123456789abcdefghi...");
    model_cut_list("", out, sizeof(out));
    assert_string_equal(out, "");
}

static void test_backends_and_problems(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct backend_view b = {.name = "bwrap"};
    model_put_backend(w.m, &b);
    b.probed = true;
    model_put_backend(w.m, &b);
    assert_int_equal(model_backend_count(w.m), 1);
    assert_true(model_backend(w.m, "bwrap", NULL)->probed);
    assert_null(model_backend(w.m, "podman", NULL));
    model_problem(w.m, "bad \x1b[31m name");
    assert_null(strchr(w.text, 0x1b));
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workspaces_keep_id_and_state),
        cmocka_unit_test(test_ops_and_shown_state),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_cut_list),
        cmocka_unit_test(test_backends_and_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
