/* SPDX-License-Identifier: Apache-2.0 */
/* A runtime whose containers keep their network for life: what is to have none after it was provisioned is made anew
 * from an image of itself, or refused; and whatever fails in the middle, nothing that has a network claims to be cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/xmalloc.h"
#include "tests/engine/fake.h"
#include "tests/patience.h"

#define BOX "muthr-api"

static void open_vm(struct world *w)
{
    world_open(w);
    w->registry = fake_vm_registry;
    w->fake.pod_probe.caps = BACKEND_CAP_STATS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_IMAGES |
                             BACKEND_CAP_BASELINE | BACKEND_CAP_COMMIT | BACKEND_CAP_SEAL_BY_IMAGE;
    w->fake.image_id = "0123456789abcdef";
}

static void test_sealed(void **state)
{
    (void)state;
    struct world w;
    open_vm(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, BOX, "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_step(&w, "provision")->state, OP_STEP_DONE);
    assert_int_equal(world_step(&w, "seal_image")->state, OP_STEP_DONE);
    assert_false(world_step(&w, "seal_image")->minor);
    assert_int_equal(world_step(&w, "seal")->state, OP_STEP_SKIPPED);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    assert_int_equal(w.fake.counts[BACKEND_SEAL], 0);
    assert_int_equal(strncmp(w.fake.committed, "localhost/muthr-sealed-", 23), 0);
    assert_string_equal(w.fake.created_from, w.fake.committed);
    assert_int_equal(w.fake.last_net, NET_NONE);
    assert_true(w.fake.kept_home);
    const struct sandbox_info *box = fake_box(&w.fake, BOX);
    assert_int_equal(box->net, NET_NONE);
    assert_int_equal(box->state, SANDBOX_RUNNING);
    assert_string_equal(box->image, "default:1"); /* what it was made from, for those who compare */
    assert_string_equal(box->image_id, "0123456789abcdef");
    assert_int_equal(world_ws(&w, BOX)->info.net, NET_NONE);
    /* It is no other one now: started again it is neither created nor provisioned again, and has no network. */
    world_run(&w, ENGINE_STOP, BOX, NULL);
    world_run(&w, ENGINE_START, BOX, NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.last.drift, "");
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    assert_int_equal(w.fake.counts[BACKEND_COMMIT], 1);
    assert_int_equal(w.fake.started_sessions, 1);
    assert_true(world_step(&w, "seal_image")->minor);
    assert_int_equal(fake_box(&w.fake, BOX)->net, NET_NONE);
    world_close(&w);
}

/* Its script once more needs a network, which this one can never have again. */
static void test_again(void **state)
{
    (void)state;
    struct world w;
    open_vm(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, BOX, "cut");
    world_run(&w, ENGINE_STOP, BOX, NULL);
    struct engine_request req = {.plan = ENGINE_PROVISION, .sandbox = BOX, .profile = "cut", .reprovision = true};
    world_request(&w, &req);
    world_wait(&w, 3);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.started_sessions, 2);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 4);
    assert_int_equal(fake_box(&w.fake, BOX)->net, NET_NONE);
    world_close(&w);
}

/* One that begins with all that the script does needs no network, and no image of its own. */
static void test_golden(void **state)
{
    (void)state;
    struct world w;
    open_vm(&w);
    w.fake.committed_id = "feedfeedfeed";
    world_engine(&w);
    world_run(&w, ENGINE_BAKE, "muthr-web", "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.fake.committed, "localhost/muthr-profile-cut:latest");
    assert_int_equal(w.fake.counts[BACKEND_COMMIT], 2);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    w.fake.image = "localhost/muthr-profile-cut:latest";
    w.fake.image_id = "feedfeedfeed";
    world_run(&w, ENGINE_START, BOX, "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 3);
    assert_int_equal(w.fake.counts[BACKEND_COMMIT], 2);
    assert_int_equal(w.fake.last_net, NET_NONE);
    assert_int_equal(w.fake.started_sessions, 1);
    assert_int_equal(fake_box(&w.fake, BOX)->net, NET_NONE);
    world_close(&w);
}

/* A version that cannot: told before anything is made. One without a script does not need it. */
static void test_refused(void **state)
{
    (void)state;
    struct world w;
    open_vm(&w);
    w.fake.pod_probe.caps &= ~(unsigned)(BACKEND_CAP_COMMIT | BACKEND_CAP_SEAL_BY_IMAGE);
    str_copy(w.fake.pod_probe.version, sizeof(w.fake.pod_probe.version), "0.7.1");
    world_engine(&w);
    world_run(&w, ENGINE_START, BOX, "cut");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "vm 0.7.1 cannot take it away"));
    assert_non_null(w.last.error.hint);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 0);
    struct engine_request req = {
        .plan = ENGINE_START, .sandbox = "muthr-web", .profile = "base", .net_given = true, .net = NET_NONE};
    world_request(&w, &req);
    world_wait(&w, 2);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.last_net, NET_NONE); /* from the beginning */
    world_run(&w, ENGINE_BAKE, "muthr-docs", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "cannot make an image"));
    assert_null(fake_box(&w.fake, "muthr-docs"));
    world_close(&w);
}

/* A script that fails leaves nothing running that is open. */
static void test_failed_script(void **state)
{
    (void)state;
    struct world w;
    open_vm(&w);
    w.fake.exit_code = 3;
    world_engine(&w);
    world_run(&w, ENGINE_START, BOX, "cut");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "exit 3"));
    assert_int_equal(fake_box(&w.fake, BOX)->state, SANDBOX_STOPPED);
    assert_int_equal(w.fake.counts[BACKEND_COMMIT], 0);
    w.fake.exit_code = 0;
    world_run(&w, ENGINE_START, BOX, NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(fake_box(&w.fake, BOX)->net, NET_NONE);
    world_close(&w);
}

/* Every single thing on the way fails, hangs until it is cancelled, or is the last before we die: afterwards nothing
 * runs with a network, and the next start ends where it should. */
static void break_at(int n, enum fake_fault fault, bool *reached)
{
    struct world w;
    open_vm(&w);
    w.step_timeout_ms = patience(60);
    w.fake.fault_at = n;
    w.fake.fault = fault;
    world_engine(&w);
    world_run(&w, ENGINE_START, BOX, "cut");
    *reached = w.fake.things >= n;
    const struct sandbox_info *box = fake_box(&w.fake, BOX);
    bool inspecting = w.last.state == OP_FAILED && box != NULL && box->state == SANDBOX_RUNNING;
    if (*reached && box != NULL && box->net != NET_NONE && !inspecting) {
        assert_int_equal(box->state, SANDBOX_STOPPED);
    }
    if (w.last.state == OP_DONE) {
        assert_non_null(box);
        assert_int_equal(box->net, NET_NONE);
    }
    w.fake.fault_at = 0;
    world_close_engine(&w, false);
    w.step_timeout_ms = 0;
    world_engine(&w);
    int before = w.done;
    world_start(&w, ENGINE_START, BOX, "cut");
    world_wait(&w, before + 1);
    assert_int_equal(w.last.state, OP_DONE);
    box = fake_box(&w.fake, BOX);
    assert_non_null(box);
    assert_int_equal(box->state, SANDBOX_RUNNING);
    assert_int_equal(box->net, NET_NONE);
    assert_int_equal(world_ws(&w, BOX)->info.net, NET_NONE);
    world_close(&w);
}

static void test_broken(void **state)
{
    (void)state;
    static const enum fake_fault faults[] = {FAULT_FAIL, FAULT_BUSY, FAULT_CANCEL};
    for (size_t i = 0; i < MT_ARRAY_LEN(faults); i++) {
        bool reached = true;
        int n = 1;
        for (; reached && n < 60; n++) {
            break_at(n, faults[i], &reached);
        }
        assert_true(n > 15 && n < 60); /* all of them were seen */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed),  cmocka_unit_test(test_again),         cmocka_unit_test(test_golden),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_failed_script), cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
