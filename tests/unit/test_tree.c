/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "tui/tree.h"

struct rig {
    struct bus *bus;
    struct model *model;
    struct tree_set collapsed;
    struct tree tree;
};

/* A model with these workspaces. */
static void rig_init(struct rig *r, const char *const *names)
{
    static struct workspace list[8];
    size_t n = 0;
    memset(list, 0, sizeof(list));
    for (; names[n]; n++) {
        str_copy(list[n].name, sizeof(list[n].name), names[n]);
        str_copy(list[n].shown, sizeof(list[n].shown), names[n]);
        str_format(list[n].sandbox, sizeof(list[n].sandbox), "muthr-%s", names[n]);
    }
    *r = (struct rig){.bus = bus_new()};
    r->model = model_new(r->bus);
    model_set_workspaces(r->model, list, n);
}

static void rig_release(struct rig *r)
{
    tree_release(&r->tree);
    tree_set_release(&r->collapsed);
    model_free(r->model);
    bus_free(r->bus);
}

static void add_session(struct rig *r, const char *id, const char *sandbox, enum session_kind kind, uint64_t started)
{
    struct session_info s = {.kind = kind, .state = SESSION_RUNNING, .started_wall_ms = started};
    str_copy(s.id, sizeof(s.id), id);
    str_copy(s.sandbox, sizeof(s.sandbox), sandbox);
    str_copy(s.label, sizeof(s.label), session_kind_name(kind));
    model_put_session(r->model, &s);
}

static workspace_id id_of(struct rig *r, const char *name)
{
    return model_workspace_by_name(r->model, name)->id;
}

/* Builds, and writes the rows as text: workspace names, "+" for progress, session ids in brackets. */
static const char *rows(struct rig *r, const char *filter, enum tree_sort sort)
{
    static char out[512];
    struct tree_opts opts = {.filter = filter, .sort = sort, .collapsed = &r->collapsed};
    out[0] = '\0';
    tree_build(&r->tree, r->model, &opts);
    for (size_t i = 0; i < r->tree.count; i++) {
        const struct tree_row *row = &r->tree.rows[i];
        const char *text = row->kind == TREE_WORKSPACE  ? model_workspace(r->model, row->ws)->name
                           : row->kind == TREE_OP       ? "+"
                           : row->kind == TREE_HOST     ? (row->host[0] ? row->host : "here")
                           : row->kind == TREE_HOST_WHY ? "!"
                                                        : row->session;
        size_t len = strlen(out);
        snprintf(out + len, sizeof(out) - len, row->kind == TREE_SESSION ? "%s[%s]" : "%s%s", i ? " " : "", text);
    }
    return out;
}

/* Sessions stand below their workspace; provision runs and folded ones do not show. */
static void test_rows(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, (const char *const[]){"web", "api", "docs", NULL});
    add_session(&r, "s1", "muthr-web", SESSION_SHELL, 1);
    add_session(&r, "s2", "muthr-api", SESSION_PROVISION, 2);
    add_session(&r, "s3", "muthr-web", SESSION_AGENT, 3);
    assert_string_equal(rows(&r, "", TREE_SORT_NAME), "api docs web [s1] [s3]");
    assert_true(r.tree.rows[2].has_children);
    assert_false(r.tree.rows[0].has_children);
    tree_set_put(&r.collapsed, id_of(&r, "web"), true);
    assert_string_equal(rows(&r, "", TREE_SORT_NAME), "api docs web");
    assert_true(r.tree.rows[2].has_children);
    assert_false(r.tree.rows[2].expanded);
    rig_release(&r);
}

/* The filter looks at workspaces and at what their sessions are called. */
static void test_filter(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, (const char *const[]){"web", "api", "docs", NULL});
    add_session(&r, "s1", "muthr-web", SESSION_AGENT, 1);
    assert_string_equal(rows(&r, "a", TREE_SORT_NAME), "api web [s1]");
    assert_string_equal(rows(&r, "nothing", TREE_SORT_NAME), "");
    rig_release(&r);
}

/* Live operations have a line of their own that cannot be selected; ended ones do not. */
static void test_op(void **state)
{
    (void)state;
    struct rig r;
    struct op_view op = {.id = 7, .plan = "start", .sandbox = "muthr-api", .state = OP_RUNNING, .step_count = 3};
    rig_init(&r, (const char *const[]){"web", "api", NULL});
    model_put_op(r.model, &op);
    assert_string_equal(rows(&r, "", TREE_SORT_NAME), "api + web");
    assert_int_equal(tree_step(&r.tree, 0, 1), 2);
    assert_int_equal(tree_step(&r.tree, 2, -1), 0);
    assert_int_equal(tree_step(&r.tree, 0, -5), 0);
    assert_int_equal(tree_step(&r.tree, 0, 100), 2);
    assert_int_equal(tree_step(&r.tree, -1, 1), 0);
    op.state = OP_FAILED;
    model_put_op(r.model, &op);
    assert_string_equal(rows(&r, "", TREE_SORT_NAME), "api web");
    rig_release(&r);
}

/* Who needs a person comes first, then who is at work; the rest stays by name. */
static void test_sort(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, (const char *const[]){"a", "b", "c", "d", NULL});
    add_session(&r, "s1", "muthr-b", SESSION_SHELL, 10);
    add_session(&r, "s2", "muthr-d", SESSION_SHELL, 20);
    assert_string_equal(rows(&r, "", TREE_SORT_RECENT), "d [s2] b [s1] a c");
    struct session_info s = *model_session(r.model, "s1");
    s.attention = ATTENTION_WAITING;
    model_put_session(r.model, &s);
    assert_string_equal(rows(&r, "", TREE_SORT_ATTENTION), "b [s1] d [s2] a c");
    rig_release(&r);
}

/* The selection is found by id; a session that went away gives its workspace. */
static void test_find(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, (const char *const[]){"a", "b", NULL});
    add_session(&r, "s1", "muthr-b", SESSION_SHELL, 10);
    rows(&r, "", TREE_SORT_NAME);
    struct tree_target t = {.ws = id_of(&r, "b"), .session = "s1"};
    assert_int_equal(tree_find(&r.tree, &t), 2);
    str_copy(t.session, sizeof(t.session), "gone");
    assert_int_equal(tree_find(&r.tree, &t), 1);
    t.ws = 9999;
    assert_int_equal(tree_find(&r.tree, &t), -1);
    assert_int_equal(tree_step(&(struct tree){0}, -1, 1), -1);
    rig_release(&r);
}

static void test_set(void **state)
{
    (void)state;
    struct tree_set s = {0};
    for (workspace_id i = 1; i <= 20; i++) {
        assert_true(tree_set_toggle(&s, i));
    }
    assert_false(tree_set_toggle(&s, 5));
    assert_false(tree_set_has(&s, 5));
    assert_true(tree_set_has(&s, 20));
    assert_int_equal(s.len, 19);
    tree_set_release(&s);
}

/* Machines have headings, in their order, also when nothing of them can be listed; without [[hosts]] there are none. */
static void test_hosts(void **state)
{
    static const char *const names[] = {"web", "api", NULL};
    struct rig r;
    struct workspace list[3] = {0};
    struct backend_view b = {.name = "bwrap", .probed = true, .probe = {.usable = true}};

    (void)state;
    rig_init(&r, names);
    model_put_backend(r.model, &b);
    assert_string_equal(rows(&r, "", TREE_SORT_NAME), "api web");
    struct backend_view gpu = {.name = "podman", .host = "gpu1", .probed = true, .probe = {.usable = true}};
    struct backend_view lab = {.name = "podman", .host = "lab", .probed = true};
    model_put_backend(r.model, &gpu);
    model_put_backend(r.model, &lab);
    for (size_t i = 0; i < 3; i++) {
        static const char *const all[] = {"api", "web", "train"};
        str_copy(list[i].name, sizeof(list[i].name), all[i]);
        str_copy(list[i].shown, sizeof(list[i].shown), all[i]);
        str_copy(list[i].host, sizeof(list[i].host), i == 2 ? "gpu1" : "");
    }
    model_set_workspaces(r.model, list, 3);
    assert_string_equal(rows(&r, "", TREE_SORT_NAME), "here api web gpu1 train lab !");
    assert_string_equal(rows(&r, "", TREE_SORT_RECENT), "here api web gpu1 train lab !");
    assert_string_equal(rows(&r, "train", TREE_SORT_NAME), "gpu1 train");
    rows(&r, "", TREE_SORT_NAME);
    assert_int_equal(tree_step(&r.tree, 2, 1), 4);  /* over the heading */
    assert_int_equal(tree_step(&r.tree, 4, 1), 4);  /* nothing to select behind it */
    assert_int_equal(tree_step(&r.tree, -1, 1), 1); /* the first one is below a heading */
    assert_int_equal(tree_find(&r.tree, &(struct tree_target){0}), -1);
    assert_true(tree_host(r.model, "gpu1")->probe.usable);
    assert_null(tree_host(r.model, "nowhere"));
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts), cmocka_unit_test(test_rows), cmocka_unit_test(test_filter),
        cmocka_unit_test(test_op),    cmocka_unit_test(test_sort), cmocka_unit_test(test_find),
        cmocka_unit_test(test_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
