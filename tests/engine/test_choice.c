/* SPDX-License-Identifier: Apache-2.0 */
/* Several backends in one engine: which are opened, where new sandboxes go, that those that exist stay where they are,
 * what is known when one of them is broken, and two sandboxes of one name. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "tests/engine/fake.h"

static const char *const POD_FIRST[] = {"pod", "fake", NULL};
static const char *const ONLY_FAKE[] = {"fake", NULL};

static void open_both(struct world *w, const char *const *order)
{
    world_open(w);
    w->registry = fake_both;
    w->order = order;
}

static void set_config(struct world *w, char **field, const char *value)
{
    (void)w;
    free(*field);
    *field = xstrdup(value);
}

static void pod_breaks(struct world *w)
{
    w->fake.pod_probe.usable = false;
    str_copy(w->fake.pod_probe.reason, sizeof(w->fake.pod_probe.reason), "not installed");
    str_copy(w->fake.pod_probe.fix, sizeof(w->fake.pod_probe.fix), "install pod");
}

/* The platform's order, a list in the configuration instead of it, and what each would say of a project. */
static void test_order(void **state)
{
    struct world w;
    struct engine_pick pick;
    struct error err = ERROR_INIT;
    (void)state;
    open_both(&w, POD_FIRST);
    world_engine(&w);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    assert_string_equal(world_ws(&w, "muthr-api")->backend_why, "the first that works here; fake works too");
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    assert_string_equal(w.last.notice, "");
    world_close_engine(&w, false);

    set_config(&w, &w.config.backends, "fake, pod");
    world_engine(&w);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod"); /* it stays where it is, and that says why */
    assert_string_equal(world_ws(&w, "muthr-api")->backend_why, "the first that works here; fake works too");
    assert_string_equal(world_ws(&w, "muthr-web")->backend, "fake");
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    assert_int_equal(engine_pick(w.engine, "muthr-web", NULL, &pick, &err), 0);
    assert_string_equal(pick.backend, "fake");
    assert_int_equal(engine_pick(w.engine, NULL, NULL, &pick, &err), 0);
    assert_string_equal(pick.why, "the first that works here; pod works too");
    world_close(&w);
}

/* What nobody names is not looked at; who names it waits for it, and a profile may. */
static void test_opened_by_name(void **state)
{
    struct world w;
    struct error err = ERROR_INIT;
    (void)state;
    open_both(&w, ONLY_FAKE);
    temphome_write(&w.home, "data/profiles/manifests/cut.yaml", "backend: pod\n");
    world_engine(&w);
    assert_int_equal(model_backend_count(w.model), 1);
    assert_int_equal(w.fake.counts[BACKEND_PROBE], 1);
    world_run(&w, ENGINE_START, "muthr-api", "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    assert_string_equal(world_ws(&w, "muthr-api")->backend_why, "its profile names it");
    assert_int_equal(model_backend_count(w.model), 2);
    world_run(&w, ENGINE_START, "muthr-web", NULL); /* nobody else's */
    assert_string_equal(world_ws(&w, "muthr-web")->backend, "fake");
    world_close_engine(&w, false);

    int probes = w.fake.counts[BACKEND_PROBE];
    world_engine(&w); /* it holds something: it is looked at, whatever the order says */
    assert_int_equal(w.fake.counts[BACKEND_PROBE], probes + 2);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_RUNNING);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    world_close_engine(&w, false);

    pod_breaks(&w);
    probes = w.fake.counts[BACKEND_PROBE];
    world_engine(&w);
    assert_int_equal(w.fake.counts[BACKEND_PROBE], probes + 1);
    world_run(&w, ENGINE_START, "muthr-api", "cut"); /* never a silent substitute */
    assert_int_equal(w.last.state, OP_FAILED);
    assert_string_equal(w.last.error.msg,
                        "backend pod cannot be used (its profile names it): not installed; install pod");
    set_config(&w, &w.config.backend, "pod");
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-docs"};
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_non_null(strstr(err.msg, "(sandbox.backend names it)"));
    world_close(&w);
}

/* The first one is only asleep: what new ones get says what would start it; what is remembered of them does not. */
static void test_first_is_asleep(void **state)
{
    struct world w;
    (void)state;
    open_both(&w, POD_FIRST);
    pod_breaks(&w);
    w.fake.pod_probe.asleep = true;
    world_engine(&w);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "fake");
    assert_string_equal(world_ws(&w, "muthr-api")->backend_why,
                        "the only one that works here; pod is down: `muthr-tui backend start pod` starts it");
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_string_equal(world_ws(&w, "muthr-api")->backend_why, "the only one that works here");
    world_close(&w);
}

/* A profile that the first backend cannot serve goes to the first that can, and that is said. */
static void test_wants(void **state)
{
    struct world w;
    (void)state;
    open_both(&w, NULL);
    temphome_write(&w.home, "data/profiles/manifests/p.yaml", "image: x:1\n");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    assert_string_equal(w.last.notice, "pod runs it: fake cannot give it images");
    assert_string_equal(world_ws(&w, "muthr-api")->image_notice, "");
    world_close(&w);
}

/* A profile that names another backend than the one that has the sandbox moves nothing, and that is said: with the
 * commands that move it, or why that backend is no choice. */
static void test_profile_of_another(void **state)
{
    struct world w;
    (void)state;
    open_both(&w, ONLY_FAKE);
    static const char *const WANTS[][2] = {{"heavy", "pod"}, {"light", "fake"}, {"odd", "odd"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(WANTS); i++) {
        char path[80], text[40];
        str_format(path, sizeof(path), "data/profiles/manifests/%s.yaml", WANTS[i][0]);
        str_format(text, sizeof(text), "backend: %s\n", WANTS[i][1]);
        temphome_write(&w.home, path, text);
        str_format(path, sizeof(path), "data/profiles/provision.d/%s.sh", WANTS[i][0]);
        temphome_write(&w.home, path, "true\n");
    }
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "light");
    assert_string_equal(w.last.notice, "");
    assert_string_equal(world_ws(&w, "muthr-api")->wanted_backend, "");
    static const char NOTICE[] = "the profile heavy wants pod, the sandbox is fake's: delete it first to move it "
                                 "(`muthr-tui delete api`, then `muthr-tui start api --profile heavy`)";
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", "heavy");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.last.notice, NOTICE);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "fake");
    assert_string_equal(world_ws(&w, "muthr-api")->wanted_backend, "pod");
    assert_string_equal(world_ws(&w, "muthr-api")->wanted_why_not, "");
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* it runs, and is told again */
    assert_string_equal(w.last.notice, NOTICE);
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-api", .backend = "fake"};
    world_request(&w, &req); /* who names the one that has it knows */
    world_wait(&w, w.done + 1);
    assert_string_equal(w.last.notice, "");

    world_run(&w, ENGINE_START, "muthr-api", "odd");
    assert_string_equal(w.last.notice, "the profile odd wants odd, which cannot be used here: there is none of that "
                                       "name here; it stays with fake");
    assert_string_equal(world_ws(&w, "muthr-api")->wanted_backend, "odd");
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL); /* the commands do what they say */
    world_run(&w, ENGINE_START, "muthr-api", "heavy");
    assert_string_equal(w.last.notice, "");
    assert_string_equal(world_ws(&w, "muthr-api")->wanted_backend, "");
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "pod");
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    world_close_engine(&w, false);

    pod_breaks(&w);
    set_config(&w, &w.config.backends, "fake, pod");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "light");
    world_run(&w, ENGINE_START, "muthr-api", "heavy");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.last.notice,
                        "the profile heavy wants pod, which cannot be used here: not installed; it stays with fake");
    assert_string_equal(world_ws(&w, "muthr-api")->wanted_why_not, "not installed");
    world_close(&w);
}

/* A backend that is away takes its sandboxes with it into the unknown, not out of the world; the other's go on. */
static void test_one_is_away(void **state)
{
    struct world w;
    struct error err = ERROR_INIT;
    (void)state;
    open_both(&w, POD_FIRST);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-web", .backend = "fake"};
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    world_close_engine(&w, false);

    pod_breaks(&w);
    world_engine(&w);
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_UNKNOWN);
    assert_string_equal(world_ws(&w, "muthr-api")->info.reason, "pod: not installed");
    assert_true(world_ws(&w, "muthr-api")->remembered);
    assert_int_equal(world_ws(&w, "muthr-web")->info.state, SANDBOX_RUNNING);
    assert_string_equal(world_ws(&w, "muthr-docs")->backend, "fake");
    req = (struct engine_request){.plan = ENGINE_START, .sandbox = "muthr-api"};
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_string_equal(err.msg, "muthr-api is run by pod, and backend pod cannot be used: not installed; install pod");
    world_run(&w, ENGINE_STOP, "muthr-web", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    world_close_engine(&w, false);

    w.fake.pod_probe.usable = true;
    world_engine(&w);
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_RUNNING);
    assert_false(world_ws(&w, "muthr-api")->remembered);
    world_close(&w);
}

/* Two of one name: told, and nothing is done to either until a person says which. */
static void test_twins(void **state)
{
    struct world w;
    struct error err = ERROR_INIT;
    (void)state;
    open_both(&w, POD_FIRST);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    world_close_engine(&w, false);
    pod_breaks(&w);
    world_engine(&w);
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-api", .backend = "fake"};
    world_request(&w, &req); /* a person insists */
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "fake");
    world_close_engine(&w, false);

    w.fake.pod_probe.usable = true;
    world_engine(&w);
    const struct workspace *ws = world_ws(&w, "muthr-api");
    assert_int_equal(ws->info.state, SANDBOX_UNKNOWN);
    assert_string_equal(ws->info.reason, "two sandboxes have this name: one of pod, one of fake");
    assert_string_equal(ws->other_backend, "fake");
    static const enum engine_plan plans[] = {ENGINE_START, ENGINE_STOP, ENGINE_DELETE};
    for (size_t i = 0; i < MT_ARRAY_LEN(plans); i++) {
        req = (struct engine_request){.plan = plans[i], .sandbox = "muthr-api"};
        assert_int_equal(engine_run(w.engine, &req, &err), 0);
        assert_string_equal(err.msg, "two sandboxes are called muthr-api, one of pod and one of fake");
    }
    assert_int_equal(w.fake.counts[BACKEND_DELETE], 0);
    req = (struct engine_request){.plan = ENGINE_DELETE, .sandbox = "muthr-api", .backend = "pod"};
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_DELETE], 1);
    ws = world_ws(&w, "muthr-api");
    assert_string_equal(ws->backend, "fake");
    assert_string_equal(ws->other_backend, "");
    assert_int_equal(ws->info.state, SANDBOX_RUNNING);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_opened_by_name),
        cmocka_unit_test(test_wants),           cmocka_unit_test(test_one_is_away),
        cmocka_unit_test(test_twins),           cmocka_unit_test(test_profile_of_another),
        cmocka_unit_test(test_first_is_asleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
