/* SPDX-License-Identifier: Apache-2.0 */
/* What a dying cockpit leaves half done is taken up by one that is open already, and by one only. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/journal.h"
#include "core/engine/profiles.h"
#include "core/util/fs.h"
#include "tests/engine/fake.h"

/* A process that says in the journal that it provisions muthr-api, until it is killed. */
static pid_t other_cockpit(struct world *w)
{
    struct journal_entry e = {.sandbox = "muthr-api", .plan = "start", .profile = "cut"};
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (journal_write(&w->home.paths, &e, NULL) < 0 || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static bool is_provisioning(struct world *w)
{
    const struct op_view *op = model_op(w->model, world_ws(w, "muthr-api")->op);
    return op != NULL && op->state == OP_RUNNING && op->session[0] != '\0' && op->phase[0] != '\0';
}

static bool is_provisioned(struct world *w)
{
    return world_ws(w, "muthr-api")->provisioned == 1;
}

static bool no_op_runs(struct world *w)
{
    const struct op_view *op = model_op(w->model, world_ws(w, "muthr-api")->op);
    return op == NULL || (op->state != OP_RUNNING && op->state != OP_QUEUED);
}

/* A sandbox whose script runs, and no cockpit any more. */
static void world_left(struct world *w)
{
    world_open(w);
    w->fake.script_log = "[PROC] long work\n";
    w->fake.script_hangs = true;
    world_engine(w);
    world_start(w, ENGINE_START, "muthr-api", "cut");
    world_until(w, is_provisioning);
    world_close_engine(w, true);
}

/* The script ends well. */
static void end_script(struct world *w)
{
    struct session_info end = *model_session_of(w->model, "muthr-api", 0);
    end.state = SESSION_EXITED;
    model_put_session(w->model, &end);
}

static void expect_settled(struct world *w)
{
    MT_CLEANUP(xfree) char *journal = path_join(w->home.paths.state, "ops/muthr-api.json");
    assert_true(profiles_recorded(&w->home.paths, "muthr-api", "cut"));
    assert_int_equal(fake_box(&w->fake, "muthr-api")->net, NET_NONE);
    assert_int_equal(w->fake.counts[BACKEND_SEAL], 1);
    assert_int_equal(w->fake.started_sessions, 1);
    assert_string_equal(world_ws(w, "muthr-api")->unprovisioned, "");
    assert_false(fs_exists(journal));
}

/* Killed while we look at it, in the middle of the script; nobody reaps it. */
static void test_owner_dies_before_the_script_ends(void **state)
{
    (void)state;
    struct world w;
    world_left(&w);
    pid_t other = other_cockpit(&w);
    world_engine(&w);
    assert_true(no_op_runs(&w)); /* it lives: its business */
    assert_int_equal(world_ws(&w, "muthr-api")->provisioned, 0);
    kill(other, SIGKILL);
    world_until(&w, is_provisioning);
    end_script(&w);
    world_until(&w, is_provisioned);
    world_until(&w, no_op_runs);
    expect_settled(&w);
    assert_int_equal(waitpid(other, NULL, 0), other);
    world_close(&w);
}

/* The script is through before its owner dies, which has not had the time to write that down. */
static void test_owner_dies_after_the_script_ended(void **state)
{
    (void)state;
    struct world w;
    world_left(&w);
    pid_t other = other_cockpit(&w);
    world_engine(&w);
    end_script(&w);
    for (int i = 0; i < 5; i++) {
        loop_turn(w.loop, false);
    }
    assert_true(no_op_runs(&w));
    kill(other, SIGKILL);
    world_until(&w, is_provisioned);
    world_until(&w, no_op_runs);
    expect_settled(&w);
    assert_int_equal(waitpid(other, NULL, 0), other);
    world_close(&w);
}

/* One that begins and dies while we are open: its entry appears before our eyes. */
static void test_owner_comes_and_goes(void **state)
{
    (void)state;
    struct world w;
    world_left(&w);
    MT_CLEANUP(xfree) char *journal = path_join(w.home.paths.state, "ops/muthr-api.json");
    journal_remove(&w.home.paths, "muthr-api");
    world_engine(&w);
    assert_true(no_op_runs(&w));
    pid_t other = other_cockpit(&w);
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    world_until(&w, is_provisioning);
    end_script(&w);
    world_until(&w, is_provisioned);
    world_until(&w, no_op_runs);
    expect_settled(&w);
    assert_false(fs_exists(journal));
    world_close(&w);
}

/* Verbs that only look leave it alone. */
static void test_only_looking(void **state)
{
    (void)state;
    struct world w;
    world_left(&w);
    pid_t other = other_cockpit(&w);
    w.no_resume = true;
    world_engine(&w);
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    end_script(&w);
    for (int i = 0; i < 5; i++) {
        loop_turn(w.loop, false);
    }
    assert_true(no_op_runs(&w));
    assert_false(is_provisioned(&w));
    world_close(&w);
}

/* --- two at once --- */

struct rival {
    pid_t pid;
    int told, go; /* what it says; what it is told */
};

static pid_t the_dead;

/* Somebody who lives has it: we, or the other one. */
static bool is_decided(struct world *w)
{
    struct journal_entry e;
    return is_provisioning(w) ||
           (journal_read(&w->home.paths, "muthr-api", &e) && e.alive && e.pid != the_dead && e.pid != (int)getpid());
}

static bool is_over(struct world *w)
{
    return is_provisioned(w) && no_op_runs(w);
}

/* A cockpit in a process of its own: says 'r' when it is open, 't' or 'o' when it, or the other one, has taken it up,
 * and, told that the script has ended, 'y' when it shows it provisioned and has done what it had to, and no more. */
static void be_rival(const struct world *host, int tell, int go)
{
    struct world w;
    char byte;
    world_join(&w, host);
    world_engine(&w);
    if (write(tell, "r", 1) != 1) {
        _exit(1);
    }
    world_until(&w, is_decided);
    bool mine = is_provisioning(&w);
    if (write(tell, mine ? "t" : "o", 1) != 1 || read(go, &byte, 1) != 1) {
        _exit(1);
    }
    end_script(&w);
    world_until(&w, is_over);
    bool ok = mine ? w.fake.counts[BACKEND_SEAL] == 1 && fake_box(&w.fake, "muthr-api")->net == NET_NONE
                   : w.fake.counts[BACKEND_SEAL] == 0 && model_op_count(w.model) == 0;
    _exit(write(tell, ok ? "y" : "n", 1) == 1 ? 0 : 1);
}

static struct rival start_rival(const struct world *host)
{
    int told[2], go[2];
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(go), 0);
    struct rival r = {.pid = fork(), .told = told[0], .go = go[1]};
    if (r.pid == 0) {
        close(told[0]);
        close(go[1]);
        be_rival(host, told[1], go[0]);
    }
    close(told[1]);
    close(go[0]);
    return r;
}

/* The next word of it; '?' when it has ended. */
static char hear(const struct rival *r)
{
    char byte;
    return read(r->told, &byte, 1) == 1 ? byte : '?';
}

static void test_one_of_two_takes_it_up(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct world w;
        struct rival r[2];
        int taken = 0;
        world_left(&w);
        the_dead = other_cockpit(&w);
        for (size_t i = 0; i < 2; i++) {
            r[i] = start_rival(&w);
        }
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(hear(&r[i]), 'r');
        }
        kill(the_dead, SIGKILL);
        for (size_t i = 0; i < 2; i++) {
            char word = hear(&r[i]);
            assert_true(word == 't' || word == 'o');
            taken += word == 't';
        }
        assert_int_equal(taken, 1);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(write(r[i].go, "g", 1), 1);
        }
        for (size_t i = 0; i < 2; i++) {
            int status;
            assert_int_equal(hear(&r[i]), 'y');
            assert_int_equal(waitpid(r[i].pid, &status, 0), r[i].pid);
            assert_int_equal(status, 0);
            close(r[i].told);
            close(r[i].go);
        }
        assert_int_equal(waitpid(the_dead, NULL, 0), the_dead);
        assert_true(profiles_recorded(&w.home.paths, "muthr-api", "cut"));
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_dies_before_the_script_ends),
        cmocka_unit_test(test_owner_dies_after_the_script_ended),
        cmocka_unit_test(test_owner_comes_and_goes),
        cmocka_unit_test(test_only_looking),
        cmocka_unit_test(test_one_of_two_takes_it_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
