/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/journal.h"
#include "core/engine/profiles.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "tests/engine/fake.h"
#include "tests/patience.h"

static void test_success_is_recorded(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.script_log = "\x1b[32m[PROC] one\x1b[0m\r\nnoise\n[ OK ] done \x1b]0;title\x07here\n";
    w.fake.delay_ms = 3;
    world_engine(&w);
    struct strvec env = STRVEC_INIT;
    strvec_push(&env, "EXTRA=value with space");
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-api", .profile = "p", .env = &env};
    world_request(&w, &req);
    strvec_release(&env); /* copied */
    world_wait(&w, 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.last.phase, "[ OK ] done here");
    assert_string_equal(w.fake.last_argv[0], "/tmp");
    assert_string_equal(w.fake.last_argv[1], "bash");
    assert_string_equal(w.fake.last_argv[4], "/tmp/muthr-provision-p/p.sh");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "EXTRA"), "value with space");
    assert_int_equal(strlen(strvec_getenv(&w.fake.last_env, "MUTHR_SPECS_REV")), 64);
    assert_true(w.fake.last_input.len % 512 == 0 && w.fake.last_input.len > 2048); /* the archive */
    assert_string_equal(w.fake.last_input.buf, "p.sh");
    assert_int_equal(w.fake.dismissed, 1);
    assert_true(profiles_recorded(&w.home.paths, "muthr-api", "p"));
    world_run(&w, ENGINE_PROVISION, "muthr-api", NULL); /* the same revision: skipped, and said */
    assert_int_equal(w.fake.started_sessions, 1);
    assert_non_null(strstr(world_step(&w, "provision")->text, "provisioned before"));
    temphome_write(&w.home, ".config/muthr/sandbox.d/container/provision.d/lib/more.sh", "# new\n");
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* another revision: again */
    assert_int_equal(w.fake.started_sessions, 2);
    struct engine_request again = {.plan = ENGINE_PROVISION, .sandbox = "muthr-api", .reprovision = true};
    world_request(&w, &again);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.fake.started_sessions, 3);
    assert_true(world_step(&w, "provision")->last_time_ms > 0);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = path_join(w.home.paths.cache, "muthr-api-profiles");
    assert_int_equal(fs_read(path, 1000, &text, NULL), 0);
    assert_string_equal(text.buf, "p\n"); /* once */
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    assert_false(fs_exists(path));
    world_close(&w);
}

static void test_failure(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.script_log = "[PROC] one\n[ERR] npm is missing\nbye\n";
    w.fake.exit_code = 7;
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_int_equal(w.last.error.code, ERROR_EXIT);
    assert_int_equal(w.last.error.sys, 7);
    assert_non_null(strstr(w.last.error.msg, "exit 7: [ERR] npm is missing"));
    assert_non_null(model_session(w.model, w.last.session)); /* kept for looking at */
    assert_false(profiles_recorded(&w.home.paths, "muthr-api", NULL));
    assert_int_equal(fake_box(&w.fake, "muthr-api")->state, SANDBOX_RUNNING); /* for a shell */
    const struct workspace *ws = world_ws(&w, "muthr-api");
    assert_int_equal(ws->provisioned, 0);
    assert_string_equal(ws->unprovisioned, "provisioning with p failed (exit 7)");
    world_close_engine(&w, false);
    world_engine(&w); /* it is remembered */
    ws = world_ws(&w, "muthr-api");
    assert_int_equal(ws->provisioned, 0);
    assert_string_equal(ws->unprovisioned, "provisioning with p failed (exit 7)");
    w.fake.exit_code = 0;
    world_run(&w, ENGINE_START, "muthr-api",
              "p"); /* nothing was recorded: runs again, and does not take the old failure for the new run */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.started_sessions, 2);
    ws = world_ws(&w, "muthr-api");
    assert_int_equal(ws->provisioned, 1);
    assert_string_equal(ws->unprovisioned, "");
    w.fake.exit_code = 3; /* what worked once and then did not is not done either, and runs at the next start */
    struct engine_request again = {.plan = ENGINE_PROVISION, .sandbox = "muthr-api", .reprovision = true};
    world_request(&w, &again);
    world_wait(&w, w.done + 1);
    assert_int_equal(world_ws(&w, "muthr-api")->provisioned, 0);
    w.fake.exit_code = 0;
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.fake.started_sessions, 4);
    assert_int_equal(world_ws(&w, "muthr-api")->provisioned, 1);
    MT_CLEANUP(xfree) char *old = path_join(w.home.paths.state, "logs/muthr-api-provision-p.log.1");
    assert_true(fs_exists(old));
    world_close(&w);
}

/* What failed before there was a script whose log tells keeps its reason, for the next cockpit too. */
static void test_failure_without_a_log(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    w.fake.things = 0;
    w.fake.fault = FAULT_FAIL;
    w.fake.fault_at = 3; /* the session itself */
    struct engine_request again = {.plan = ENGINE_PROVISION, .sandbox = "muthr-api", .reprovision = true};
    world_request(&w, &again);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_FAILED);
    assert_int_equal(w.fake.started_sessions, 1);
    world_close_engine(&w, false);
    world_engine(&w);
    const char *why = world_ws(&w, "muthr-api")->unprovisioned;
    assert_int_equal(strncmp(why, "provisioning with p failed: ", 28), 0);
    assert_non_null(strstr(why, "scripted"));
    assert_null(strstr(why, "provision p: ")); /* that much was said */
    w.fake.fault_at = 0;
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_string_equal(world_ws(&w, "muthr-api")->unprovisioned, "");
    world_close(&w);
}

static bool is_provisioning(struct world *w)
{
    const struct workspace *ws = model_workspace_by_sandbox(w->model, "muthr-api");
    const struct op_view *op = model_op(w->model, ws->op);
    return op != NULL && op->session[0] != '\0' && op->phase[0] != '\0';
}

static void test_hanging_script_is_cancelled_within_a_second(void **state)
{
    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        struct world w;
        world_open(&w);
        w.fake.script_log = "[PROC] hanging\n";
        w.fake.script_hangs = true;
        w.fake.ignores_kill = deaf;
        world_engine(&w);
        op_id id = world_start(&w, ENGINE_START, "muthr-api", "p");
        world_until(&w, is_provisioning);
        assert_int_equal(model_shown_state(w.model, world_ws(&w, "muthr-api")), SANDBOX_PROVISIONING);
        MT_CLEANUP(xfree) char *lock = path_join(w.home.paths.cache, "container-lifecycle.lock");
        assert_false(fs_exists(lock)); /* L1 is never held here */
        uint64_t before = clock_mono_ms();
        engine_cancel(w.engine, id);
        world_wait(&w, 1);
        assert_true(clock_mono_ms() - before < patience(1500));
        assert_int_equal(w.last.state, OP_CANCELED);
        assert_int_equal(w.fake.killed, 1);
        world_close(&w);
    }
}

static void test_left_and_adopted(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.script_log = "[PROC] long work\n";
    w.fake.script_hangs = true;
    world_engine(&w);
    world_start(&w, ENGINE_START, "muthr-api", "cut");
    world_until(&w, is_provisioning);
    world_close_engine(&w, true); /* the cockpit leaves */
    assert_int_equal(w.fake.killed, 0);
    assert_int_equal(w.fake.counts[BACKEND_SEAL], 0); /* whoever goes on with it seals */
    struct journal_entry *list;
    MT_CLEANUP(xfree) char *path = path_join(w.home.paths.state, "ops/muthr-api.json");
    assert_true(fs_exists(path));
    assert_int_equal(journal_dead(&w.home.paths, &list), 0); /* this process lives */
    free(list);
    /* as if its owner were dead: a pid that cannot be */
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(path, 10000, &text, NULL), 0);
    char *pid = strstr(text.buf, "\"pid\":");
    assert_non_null(pid);
    for (pid += 6; *pid != ',' && *pid != '\n'; pid++) {
        *pid = *pid == ' ' || *pid == '\t' ? *pid : '9';
    }
    assert_int_equal(fs_write_atomic(path, text.buf, text.len, 0600, NULL), 0);
    world_engine(&w);
    world_until(&w, is_provisioning);
    assert_int_equal(w.fake.started_sessions, 1); /* adopted, not started again */
    op_id id = world_ws(&w, "muthr-api")->op;
    assert_int_equal(world_start(&w, ENGINE_START, "muthr-api", NULL), id); /* who asks for the same joins it */
    struct error err = ERROR_INIT;
    struct engine_request third = {.plan = ENGINE_START, .sandbox = "muthr-api"};
    op_id behind = engine_run(w.engine, &third, &err);
    assert_true(behind > id); /* somebody waits for the first one already */
    engine_cancel(w.engine, behind);
    struct session_info end = *model_session_of(w.model, "muthr-api", 0);
    end.state = SESSION_EXITED;
    model_put_session(w.model, &end);
    timer_start(w.guard, 20000);
    while (w.done < 2) { /* the first one was cancelled by leaving */
        loop_turn(w.loop, true);
    }
    timer_stop(w.guard);
    assert_int_equal(w.last.id, id);
    assert_int_equal(w.last.state, OP_DONE);
    assert_true(profiles_recorded(&w.home.paths, "muthr-api", "cut"));
    assert_int_equal(fake_box(&w.fake, "muthr-api")->net, NET_NONE); /* sealed by the one who resumed */
    assert_false(fs_exists(path));
    world_close(&w);
}

static void test_seal(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_NONE);
    w.fake.seal_lies = true;
    world_run(&w, ENGINE_START, "muthr-web", "cut"); /* sealed only when read back as sealed */
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "stays open"));
    assert_int_equal(world_ws(&w, "muthr-web")->info.net, NET_FULL); /* the model does not lie either */
    temphome_write(&w.home, ".config/muthr/sandbox.d/container/manifests/cut.yaml",
                   "security:\n  network: none\n  seal: warn\n");
    world_run(&w, ENGINE_START, "muthr-docs", "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_non_null(strstr(w.last.notice, "stays open"));
    w.fake.seal_lies = false;
    w.fake.exit_code = 1;
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", "cut"); /* a failed script does not leave the network open */
    assert_int_equal(w.last.state, OP_FAILED);
    assert_int_equal(w.last.error.code, ERROR_EXIT);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_NONE);
    world_close(&w);
}

static bool api_op_ended(struct world *w)
{
    return w->done > 0;
}

static void test_flood(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct strbuf log = STRBUF_INIT;
    for (int i = 0; i < 60000; i++) {
        strbuf_addf(&log, "[PROC] line %d \x1b[31m%s\n", i,
                    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    strbuf_addstr(&log, "[ OK ] the end\n");
    w.fake.script_log = log.buf; /* 5 MB at once: more than is ever read */
    world_engine(&w);
    world_start(&w, ENGINE_START, "muthr-api", "p");
    world_until(&w, api_op_ended);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.last.phase, "[ OK ] the end");
    strbuf_release(&log);
    world_close(&w);
}

static void test_journal_files(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct journal_entry e = {.net_given = true, .net = NET_SHARED, .recreate = true}, *list;
    struct error err = ERROR_INIT;
    str_copy(e.sandbox, sizeof(e.sandbox), "muthr-api");
    str_copy(e.plan, sizeof(e.plan), "start");
    pid_t child = fork();
    if (child == 0) {
        _exit(journal_write(&t.paths, &e, &err) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    temphome_write(&t, ".local/state/muthr/ops/broken.json", "{\"pid\": 1, \"san");
    temphome_write(&t, ".local/state/muthr/ops/array.json", "[1]");
    temphome_write(&t, ".local/state/muthr/ops/notes.txt", "x");
    assert_int_equal(journal_dead(&t.paths, &list), 1);
    assert_string_equal(list[0].sandbox, "muthr-api");
    assert_int_equal(list[0].net, NET_SHARED);
    assert_true(list[0].net_given && list[0].recreate && !list[0].force);
    assert_false(journal_owner_alive(list[0].pid, list[0].pid_start));
    free(list);
    MT_CLEANUP(xfree) char *aside = path_join(t.paths.state, "ops/broken.json.broken-1");
    assert_true(fs_exists(aside));
    assert_true(journal_owner_alive(getpid(), 0));
#if defined(__linux__)
    assert_false(journal_owner_alive(getpid(), 12345)); /* the pid was used again */
#endif
    assert_false(journal_owner_alive(0, 0));
    journal_remove(&t.paths, "muthr-api");
    journal_remove(&t.paths, "muthr-api");
    assert_int_equal(journal_dead(&t.paths, &list), 0);
    free(list);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success_is_recorded),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_failure_without_a_log),
        cmocka_unit_test(test_hanging_script_is_cancelled_within_a_second),
        cmocka_unit_test(test_left_and_adopted),
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_journal_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
