/* SPDX-License-Identifier: Apache-2.0 */
/* muthr's own services (N7) as ops, on the fake backend: from any state, with every thing failing or cancelled once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/engine/services.h"
#include "core/util/fs.h"
#include "tests/engine/fake.h"

static void on_done(void *arg, const struct op_view *op)
{
    struct world *w = arg;
    w->last = *op;
    w->done++;
}

static void begin(struct world *w, enum service_plan plan, const char *name)
{
    struct engine_service_request req = {.plan = plan, .name = name, .done = on_done, .arg = w};
    struct error err = ERROR_INIT;
    if (engine_service(w->engine, &req, &err) == 0) {
        fail_msg("refused: %s", err.msg);
    }
}

static enum op_state run(struct world *w, enum service_plan plan, const char *name)
{
    begin(w, plan, name);
    world_wait(w, w->done + 1);
    return w->last.state;
}

static void open_pod(struct world *w, bool script)
{
    world_open(w);
    free(w->config.services_address);
    w->config.services_address =
        xstrdup("127.0.0.9"); /* whoever listens on 127.0.0.1 of this machine is none of ours */
    if (script) {
        MT_CLEANUP(xfree)
        char *path = path_join(w->home.paths.config, "sandbox.d/container/provision.d/muthr-services.sh");
        MT_CLEANUP(xfree) char *lib = path_join(w->home.paths.config, "sandbox.d/container/provision.d/lib");
        struct error err = ERROR_INIT;
        assert_int_equal(fs_mkdirs(lib, 0755, &err), 0);
        assert_int_equal(fs_write_atomic(path, "echo hi\n", 8, 0755, &err), 0);
    }
    w->registry = fake_pod_registry;
    w->step_timeout_ms = 100; /* and pauses between tries are no longer */
    world_engine(w);
}

static const struct service_view *view(struct world *w, const char *name)
{
    return model_service_by_name(w->model, name);
}

static void test_up_and_down(void **state)
{
    struct world w;
    struct fake *f = &w.fake;
    (void)state;
    open_pod(&w, true);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->state, SERVICE_NONE);
    assert_int_equal(run(&w, SERVICE_START, "services"), OP_DONE);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->state, SERVICE_RUNNING);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->provisioned, 1);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->ports[0].host_port, 18765);
    assert_int_equal(f->counts[BACKEND_EXEC], 3); /* baseline, copy, script */
    assert_string_equal(f->last_argv[0], "bash");
    /* Once more: nothing is done. */
    assert_int_equal(run(&w, SERVICE_START, SERVICE_BRIDGE), OP_DONE);
    assert_int_equal(f->counts[BACKEND_EXEC], 3);
    assert_int_equal(f->counts[BACKEND_START], 1);
    /* In another run of the container its script runs again: what it had begun ended with the one before. */
    assert_int_equal(run(&w, SERVICE_RESTART, SERVICE_BRIDGE), OP_DONE);
    assert_int_equal(f->counts[BACKEND_STOP], 1);
    assert_int_equal(f->counts[BACKEND_EXEC], 6);
    assert_int_equal(f->counts[BACKEND_CREATE], 1);
    /* The other one has no script. */
    assert_int_equal(run(&w, SERVICE_START, SERVICE_SEARCH), OP_DONE);
    assert_int_equal(f->counts[BACKEND_EXEC], 6);
    assert_int_equal(view(&w, SERVICE_SEARCH)->provisioned, -1);
    assert_string_equal(f->last_spec_image, "docker.io/searxng/searxng");
    assert_int_equal(run(&w, SERVICE_STOP, SERVICE_SEARCH), OP_DONE);
    assert_int_equal(view(&w, SERVICE_SEARCH)->state, SERVICE_STOPPED);
    assert_int_equal(run(&w, SERVICE_STOP, SERVICE_SEARCH), OP_DONE);
    /* No sandbox: not listed, and no verb of theirs has it. */
    struct error err = ERROR_INIT;
    struct engine_request req = {.plan = ENGINE_DELETE, .sandbox = SERVICE_BRIDGE};
    assert_null(model_workspace_by_sandbox(w.model, SERVICE_BRIDGE));
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(f->counts[BACKEND_DELETE], 0);
    world_close(&w);
}

static void test_script_that_fails(void **state)
{
    struct world w;
    (void)state;
    open_pod(&w, true);
    w.fake.set_up_exit = 3;
    w.fake.exec_lines[0] = "[ERR] no such package";
    assert_int_equal(run(&w, SERVICE_START, SERVICE_BRIDGE), OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "no such package"));
    assert_int_equal(view(&w, SERVICE_BRIDGE)->state, SERVICE_RUNNING);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->provisioned, 0);
    assert_true(view(&w, SERVICE_BRIDGE)->unprovisioned[0] != '\0');
    assert_true(view(&w, SERVICE_BRIDGE)->error[0] != '\0');
    w.fake.set_up_exit = 0;
    assert_int_equal(run(&w, SERVICE_START, SERVICE_BRIDGE), OP_DONE);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->provisioned, 1);
    assert_string_equal(view(&w, SERVICE_BRIDGE)->error, "");
    world_close(&w);
}

static void test_no_script(void **state)
{
    struct world w;
    (void)state;
    open_pod(&w, false);
    assert_int_equal(run(&w, SERVICE_START, SERVICE_BRIDGE), OP_DONE);
    assert_int_equal(view(&w, SERVICE_BRIDGE)->provisioned, 0);
    assert_non_null(strstr(view(&w, SERVICE_BRIDGE)->unprovisioned, "muthr-services.sh"));
    assert_int_equal(world_step(&w, "provision")->state, OP_STEP_SKIPPED);
    world_close(&w);
}

static void test_foreign(void **state)
{
    struct world w;
    struct fake *f = &w.fake;
    (void)state;
    world_open(&w);
    f->boxes[0].used = true;
    f->boxes[0].owner = "pod";
    str_copy(f->boxes[0].info.name, sizeof(f->boxes[0].info.name), SERVICE_SEARCH);
    f->boxes[0].info.service = f->boxes[0].info.foreign = true;
    f->boxes[0].info.state = SANDBOX_RUNNING;
    w.registry = fake_pod_registry;
    world_engine(&w);
    assert_int_equal(view(&w, SERVICE_SEARCH)->state, SERVICE_FOREIGN);
    for (enum service_plan p = SERVICE_START; p <= SERVICE_RESTART; p++) {
        assert_int_equal(run(&w, p, SERVICE_SEARCH), OP_FAILED);
        assert_int_equal(w.last.error.code, ERROR_DENIED);
    }
    assert_int_equal(f->counts[BACKEND_START] + f->counts[BACKEND_STOP] + f->counts[BACKEND_CREATE], 0);
    world_close(&w);
}

static void test_no_backend(void **state)
{
    struct world w;
    struct error err = ERROR_INIT;
    struct engine_service_request req = {.plan = SERVICE_START, .name = SERVICE_BRIDGE};
    (void)state;
    world_open(&w);
    world_engine(&w); /* the fake alone: no services */
    assert_int_equal(view(&w, SERVICE_BRIDGE)->state, SERVICE_ABSENT);
    assert_non_null(strstr(view(&w, SERVICE_BRIDGE)->reason, "podman or container"));
    assert_int_equal(engine_service(w.engine, &req, &err), 0);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    req.name = "nothing";
    err = ERROR_INIT;
    assert_int_equal(engine_service(w.engine, &req, &err), 0);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    world_close(&w);
}

/* Whatever fails, hangs or is cancelled at the k-th thing: the op ends once, nothing is left locked, and the next start
 * brings it up. */
static void test_every_fault(void **state)
{
    static const enum fake_fault faults[] = {FAULT_FAIL, FAULT_BUSY, FAULT_CANCEL, FAULT_DEAF};
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(faults); i++) {
        for (int k = 1;; k++) {
            struct world w;
            open_pod(&w, true);
            w.fake.things = 0;
            w.fake.fault_at = k;
            w.fake.fault = faults[i];
            enum op_state end = run(&w, SERVICE_RESTART, SERVICE_BRIDGE);
            bool reached = w.fake.things >= k;
            assert_int_equal(w.done, 1);
            assert_true(end == OP_DONE || end == OP_FAILED || end == OP_CANCELED);
            assert_true(!reached || faults[i] != FAULT_FAIL || end == OP_FAILED);
            assert_true(!reached || faults[i] != FAULT_CANCEL || end == OP_CANCELED);
            w.fake.fault_at = 0;
            assert_int_equal(run(&w, SERVICE_START, SERVICE_BRIDGE), OP_DONE);
            assert_int_equal(view(&w, SERVICE_BRIDGE)->state, SERVICE_RUNNING);
            assert_int_equal(view(&w, SERVICE_BRIDGE)->provisioned, 1);
            assert_string_equal(view(&w, SERVICE_BRIDGE)->error, "");
            world_close(&w);
            if (!reached) {
                assert_true(k > 6);
                break;
            }
        }
    }
}

/* Ops on sandboxes and on services take turns at the lock that is the CLI's too, and none waits for ever. */
static void test_turns(void **state)
{
    struct world w;
    (void)state;
    open_pod(&w, false);
    w.fake.delay_ms = 2;
    begin(&w, SERVICE_START, SERVICE_BRIDGE);
    world_start(&w, ENGINE_START, "muthr-api", "base");
    begin(&w, SERVICE_START, SERVICE_SEARCH);
    world_start(&w, ENGINE_START, "muthr-web", "base");
    world_wait(&w, 4);
    assert_true(service_is_up(view(&w, SERVICE_BRIDGE)) && service_is_up(view(&w, SERVICE_SEARCH)));
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_RUNNING);
    assert_int_equal(world_ws(&w, "muthr-web")->info.state, SANDBOX_RUNNING);
    world_close(&w);
}

/* The engine is closed while ops run: they end as cancelled. */
static void test_close(void **state)
{
    struct world w;
    (void)state;
    open_pod(&w, true);
    w.fake.things = 0;
    w.fake.fault_at = 4;
    w.fake.fault = FAULT_HANG;
    begin(&w, SERVICE_START, SERVICE_BRIDGE);
    for (int i = 0; i < 20; i++) {
        loop_turn(w.loop, false);
    }
    world_close_engine(&w, false);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.last.state, OP_CANCELED);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up_and_down), cmocka_unit_test(test_script_that_fails),
        cmocka_unit_test(test_no_script),   cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_no_backend),  cmocka_unit_test(test_every_fault),
        cmocka_unit_test(test_turns),       cmocka_unit_test(test_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
