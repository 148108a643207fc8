/* SPDX-License-Identifier: Apache-2.0 */
/* Every plan on the scripted backend: succeeding, then failing, timing out and cancelled at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "tests/engine/fake.h"

/* Nothing is left behind by any end of an op: no lock, no journal, nothing in flight, the op over in the model. */
static void assert_clean(struct world *w)
{
    MT_CLEANUP(xfree) char *lock = path_join(w->home.paths.cache, "container-lifecycle.lock");
    MT_CLEANUP(xfree) char *ops = path_join(w->home.paths.state, "ops");
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    assert_false(fs_exists(lock));
    fs_list(ops, &names, NULL);
    assert_int_equal(names.len, 0);
    assert_true(engine_is_idle(w->engine));
    for (size_t i = 0; i < model_op_count(w->model); i++) {
        assert_true(model_op_at(w->model, i)->state >= OP_DONE);
    }
}

/* Brings a sandbox into the state that a plan starts from. */
static void prepare(struct world *w, enum engine_plan plan)
{
    if (plan == ENGINE_START) {
        return;
    }
    world_run(w, ENGINE_START, "muthr-api", "cut");
    assert_int_equal(w->last.state, OP_DONE);
    if (plan == ENGINE_PROVISION) { /* from stopped: one that is sealed must come up open to be provisioned again */
        world_run(w, ENGINE_STOP, "muthr-api", NULL);
    }
    w->fake.things = 0;
}

/* On a backend with images, a baseline and overlays instead of the plain one. */
static bool on_pod;

/* One run of a plan with a fault at the k-th thing; false when there was no k-th thing. */
static bool run_with_fault(enum engine_plan plan, int k, enum fake_fault fault)
{
    struct world w;
    world_open(&w);
    w.registry = on_pod ? fake_pod_registry : NULL;
    w.fake.overlay = true;
    w.fake.script_log = "[PROC] one\n[ OK ] two\n";
    w.step_timeout_ms = fault == FAULT_HANG || fault == FAULT_BUSY ? 40 : 0;
    world_engine(&w);
    prepare(&w, plan);
    int before = w.done;
    w.fake.fault_at = k;
    w.fake.fault = fault;
    struct engine_request req = {
        .plan = plan, .sandbox = "muthr-api", .profile = "cut", .reprovision = plan == ENGINE_PROVISION};
    world_request(&w, &req);
    world_wait(&w, before + 1);
    bool hit = k > 0 && w.fake.things >= k;
    int done = w.done;
    if (!hit) {
        if (w.last.state != OP_DONE) {
            fail_msg("%s: %s", w.last.plan, w.last.error.msg);
        }
    } else if (strstr(w.last.notice, "could not be looked at") != NULL) {
        assert_int_equal(w.last.state, OP_DONE); /* the image of one that exists: it starts as it is */
    } else if (fault == FAULT_FAIL) {
        assert_int_equal(w.last.state, OP_FAILED);
        assert_true(w.last.error.msg[0] != '\0');
    } else if (fault == FAULT_HANG) {
        assert_int_equal(w.last.state, OP_FAILED);
        assert_int_equal(w.last.error.code, ERROR_TIMEOUT);
    } else if (fault == FAULT_CANCEL) {
        /* always-steps are not cancelled: they end by themselves, and here they would hang for ever */
        assert_true(w.last.state == OP_CANCELED);
    }
    /* the last step always runs */
    assert_int_equal(world_step(&w, "unlock")->state, OP_STEP_DONE);
    assert_clean(&w);
    if (hit && plan == ENGINE_START && fake_box(&w.fake, "muthr-api") != NULL && fault != FAULT_DEAF) {
        /* half-made ones are removed; what is left did come up (unless the removal itself was what failed) */
        assert_true(fake_box(&w.fake, "muthr-api")->state == SANDBOX_RUNNING);
    }
    for (int i = 0; i < 5; i++) {
        loop_turn(w.loop, false);
    }
    assert_int_equal(w.done, done); /* ended once */
    world_close(&w);
    return hit;
}

static void at_every_step(enum engine_plan plan, enum fake_fault fault)
{
    int k = 1;
    while (run_with_fault(plan, k, fault)) {
        k++;
        assert_true(k < 40);
    }
    assert_true(k > 3); /* something was tried at all */
}

static const enum engine_plan PLANS[] = {ENGINE_START, ENGINE_STOP, ENGINE_RESTART, ENGINE_DELETE, ENGINE_PROVISION};

static const enum engine_plan POD_PLANS[] = {ENGINE_START, ENGINE_RESTART, ENGINE_PROVISION,
                                             ENGINE_APPLY, ENGINE_DISCARD, ENGINE_BAKE};

static void test_pod_at_every_step(void **state)
{
    static const enum fake_fault FAULTS[] = {FAULT_FAIL, FAULT_BUSY, FAULT_HANG, FAULT_DEAF};
    (void)state;
    on_pod = true;
    for (size_t i = 0; i < MT_ARRAY_LEN(POD_PLANS); i++) {
        assert_false(run_with_fault(POD_PLANS[i], 0, FAULT_NONE));
        for (size_t k = 0; k < MT_ARRAY_LEN(FAULTS); k++) {
            at_every_step(POD_PLANS[i], FAULTS[k]);
        }
    }
    on_pod = false;
}

/* A state folder that cannot be written (a full disk, for one) does not keep anyone from stopping and deleting;
 * starting fails there, and says why. */
static void test_down_on_broken_state(void **state)
{
    static const enum engine_plan downs[] = {ENGINE_STOP, ENGINE_DELETE};
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(downs); i++) {
        struct world w;
        world_open(&w);
        world_engine(&w);
        world_run(&w, ENGINE_START, "muthr-api", "cut");
        assert_int_equal(w.last.state, OP_DONE);
        MT_CLEANUP(xfree) char *ops = path_join(w.home.paths.state, "ops");
        const char *cache = w.home.paths.cache;
        MT_CLEANUP(xfree) char *aside = xasprintf("%s.aside", cache);
        assert_int_equal(rmdir(ops), 0);
        assert_int_equal(fs_write_atomic(ops, "x", 1, 0600, NULL), 0); /* a file where the folder should be */
        bool no_lock = downs[i] == ENGINE_STOP; /* a delete removes files there: without them it must fail */
        if (no_lock) {
            assert_int_equal(rename(cache, aside), 0);
            assert_int_equal(fs_write_atomic(cache, "x", 1, 0600, NULL), 0);
        }
        world_run(&w, downs[i], "muthr-api", NULL);
        if (w.last.state != OP_DONE) {
            fail_msg("%s: %s", w.last.plan, w.last.error.msg);
        }
        assert_non_null(strstr(w.last.notice, "op journal"));
        assert_true(!no_lock || strstr(w.last.notice, "lock") != NULL);
        world_run(&w, ENGINE_START, "muthr-api", "cut");
        assert_int_equal(w.last.state, OP_FAILED);
        assert_non_null(strstr(w.last.error.msg, "op journal"));
        assert_int_equal(unlink(ops), 0);
        if (no_lock) {
            assert_int_equal(unlink(cache) | rename(aside, cache), 0);
        }
        world_close(&w);
    }
}

static void test_success(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(PLANS); i++) {
        assert_false(run_with_fault(PLANS[i], 0, FAULT_NONE));
    }
}

static void test_fail_at_every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(PLANS); i++) {
        at_every_step(PLANS[i], FAULT_FAIL);
    }
}

static void test_busy_at_every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(PLANS); i++) {
        at_every_step(PLANS[i], FAULT_BUSY);
    }
}

static void test_timeout_at_every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(PLANS); i++) {
        at_every_step(PLANS[i], FAULT_HANG);
    }
}

static void test_cancel_at_every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(PLANS); i++) {
        at_every_step(PLANS[i], FAULT_DEAF);
    }
}

/* Cancelled while the step really hangs; always-steps (seal, sealed) are left out: their own time limits end them. */
static void test_cancel_what_hangs(void **state)
{
    (void)state;
    static const struct {
        enum engine_plan plan;
        int last;
    } CASES[] = {{ENGINE_START, 6}, {ENGINE_STOP, 3}, {ENGINE_RESTART, 5}, {ENGINE_DELETE, 2}, {ENGINE_PROVISION, 3}};
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        for (int k = 1; k <= CASES[i].last; k++) {
            run_with_fault(CASES[i].plan, k, FAULT_CANCEL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_down_on_broken_state),
        cmocka_unit_test(test_fail_at_every_step),
        cmocka_unit_test(test_busy_at_every_step),
        cmocka_unit_test(test_timeout_at_every_step),
        cmocka_unit_test(test_cancel_at_every_step),
        cmocka_unit_test(test_cancel_what_hangs),
        cmocka_unit_test(test_pod_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
