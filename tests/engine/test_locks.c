/* SPDX-License-Identifier: Apache-2.0 */
/* Two cockpits on one machine: L1 and L2 against a second process. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "tests/engine/fake.h"

struct holder {
    pid_t pid;
    int go; /* closing it lets the child end */
};

/* Another process that holds the advisory lock on STATE/locks/<sandbox>.lock. */
static struct holder hold_l2(struct world *w, const char *sandbox)
{
    MT_CLEANUP(xfree) char *dir = path_join(w->home.paths.state, "locks");
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.lock", dir, sandbox);
    int ready[2], go[2];
    char byte;
    assert_int_equal(fs_mkdirs(dir, 0700, NULL), 0);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    struct holder h = {.pid = fork(), .go = go[1]};
    if (h.pid == 0) {
        close(go[1]);
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        _exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ready[1]);
    close(go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return h;
}

static void let_go(struct holder *h)
{
    int status;
    close(h->go);
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
}

static const char *current_text(struct world *w, const char *step)
{
    for (size_t i = 0; i < model_op_count(w->model); i++) {
        const struct op_view *op = model_op_at(w->model, i);
        for (int k = 0; k < op->step_count; k++) {
            if (op->state == OP_RUNNING && strcmp(op->steps[k].name, step) == 0) {
                return op->steps[k].text;
            }
        }
    }
    return "";
}

static pid_t wanted_pid;

static bool names_holder_of_l2(struct world *w)
{
    char text[32];
    str_format(text, sizeof(text), "pid %d", (int)wanted_pid);
    return strstr(current_text(w, "lock"), text) != NULL;
}

static bool names_holder_of_l1(struct world *w)
{
    char text[32];
    str_format(text, sizeof(text), "process %d", (int)wanted_pid);
    return strstr(current_text(w, "turn"), text) != NULL;
}

static void test_two_cockpits_on_one_sandbox(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    struct holder h = hold_l2(&w, "muthr-api");
    wanted_pid = h.pid;
    world_start(&w, ENGINE_START, "muthr-api", NULL);
    world_until(&w, names_holder_of_l2);
    assert_int_equal(w.fake.things, 0);
    world_run(&w, ENGINE_START, "muthr-web", NULL); /* another sandbox is not held up */
    assert_string_equal(w.last.sandbox, "muthr-web");
    let_go(&h); /* the other one ends: the kernel gives its lock back */
    world_wait(&w, 2);
    assert_int_equal(w.last.state, OP_DONE);
    world_close(&w);
}

static void test_cancel_while_waiting_for_a_lock(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    struct holder h = hold_l2(&w, "muthr-api");
    wanted_pid = h.pid;
    op_id id = world_start(&w, ENGINE_START, "muthr-api", NULL);
    world_until(&w, names_holder_of_l2);
    engine_cancel(w.engine, id);
    world_wait(&w, 1);
    assert_int_equal(w.last.state, OP_CANCELED);
    let_go(&h);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    world_close(&w);
}

static void write_l1(struct world *w, int pid)
{
    char text[32];
    str_format(text, sizeof(text), "%d\n", pid);
    temphome_write(&w->home, ".cache/muthr/container-lifecycle.lock", text);
}

static void test_l1_names_its_holder_and_is_taken_over(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    wanted_pid = child;
    write_l1(&w, child);
    op_id id = world_start(&w, ENGINE_START, "muthr-api", NULL);
    world_until(&w, names_holder_of_l1);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 0);
    op_id other = world_start(&w, ENGINE_START, "muthr-web", NULL); /* waits for L1 as well, and is cancelled there */
    engine_cancel(w.engine, other);
    world_wait(&w, 1);
    assert_int_equal(w.last.state, OP_CANCELED);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child); /* dead: its lock is taken over */
    world_wait(&w, 2);
    assert_int_equal(w.last.id, id);
    assert_int_equal(w.last.state, OP_DONE);
    MT_CLEANUP(xfree) char *lock = path_join(w.home.paths.cache, "container-lifecycle.lock");
    assert_false(fs_exists(lock));
    write_l1(&w, child); /* left by a dead one: no waiting at all */
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    world_close(&w);
}

static void test_close_while_waiting(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    struct holder h = hold_l2(&w, "muthr-api");
    wanted_pid = h.pid;
    world_start(&w, ENGINE_START, "muthr-api", NULL);
    world_start(&w, ENGINE_STOP, "muthr-api", NULL); /* queued behind */
    world_until(&w, names_holder_of_l2);
    world_close_engine(&w, false);
    assert_int_equal(w.done, 2);
    let_go(&h);
    world_close(&w);
}

/* An op of ours waits for its turn. */
static bool waits_for_ours(struct world *w)
{
    for (size_t i = 0; i < model_op_count(w->model); i++) {
        const struct op_view *op = model_op_at(w->model, i);
        if (strncmp(op->steps[op->step].text, "waiting for start of muthr-", 27) == 0) {
            return true;
        }
    }
    return false;
}

/* Several ops of one cockpit take turns without a time limit; one that is cancelled while it waits lets the next by. */
static void test_own_turns(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.delay_ms = 25;
    world_engine(&w);
    world_start(&w, ENGINE_START, "muthr-api", "base");
    op_id second = world_start(&w, ENGINE_START, "muthr-web", "base");
    world_start(&w, ENGINE_START, "muthr-docs", "base");
    world_until(&w, waits_for_ours);
    engine_cancel(w.engine, second);
    world_wait(&w, 3);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->state, SANDBOX_RUNNING);
    assert_int_equal(fake_box(&w.fake, "muthr-docs")->state, SANDBOX_RUNNING);
    assert_null(fake_box(&w.fake, "muthr-web"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_cockpits_on_one_sandbox),
        cmocka_unit_test(test_cancel_while_waiting_for_a_lock),
        cmocka_unit_test(test_l1_names_its_holder_and_is_taken_over),
        cmocka_unit_test(test_close_while_waiting),
        cmocka_unit_test(test_own_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
