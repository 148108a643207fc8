/* SPDX-License-Identifier: Apache-2.0 */
/* The inference server in the header of the real cockpit: a child plays llama-server on its own loop, and does as it is
 * told through a pipe. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/engine/llm_server.h"
#include "tests/screens/world.h"

struct player {
    pid_t pid;
    int orders, port;
};

struct child {
    struct llm_server s;
    int orders;
};

/* Tokens come: each of the two busy slots writes twenty a second. */
static void on_write(void *arg)
{
    struct child *c = arg;
    c->s.written += 2;
}

/* An order: a manner, or the end. */
static void on_order(void *arg, int events)
{
    struct child *c = arg;
    char order;
    (void)events;
    if (read(c->orders, &order, 1) != 1) {
        _exit(0);
    }
    c->s.manner = (enum llm_manner)order;
}

static void play(int orders, int report)
{
    struct child c = {.orders = orders};
    struct loop *loop = loop_new();
    llm_open(&c.s, loop, LLM_LLAMA);
    c.s.busy = 2;
    c.s.manner = LLM_LOADING;
    timer_repeat(timer_new(loop, on_write, &c), 100);
    watch_set(watch_new(loop, orders, on_order, &c, NULL), WATCH_READ);
    if (write(report, &c.s.port, sizeof(c.s.port)) != sizeof(c.s.port)) {
        _exit(1);
    }
    loop_run(loop);
    _exit(1);
}

static void player_start(struct player *p)
{
    int orders[2], report[2];
    assert_int_equal(pipe2(orders, O_CLOEXEC), 0); /* the cockpit must not hold it open */
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        close(orders[1]);
        close(report[0]);
        play(orders[0], report[1]);
    }
    close(orders[0]);
    close(report[1]);
    assert_int_equal(read(report[0], &p->port, sizeof(p->port)), sizeof(p->port));
    close(report[0]);
    p->orders = orders[1];
}

static void player_order(const struct player *p, enum llm_manner manner)
{
    char order = (char)manner;
    assert_int_equal(write(p->orders, &order, 1), 1);
}

static void player_end(struct player *p)
{
    close(p->orders);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

static void test_header(void **state)
{
    struct harness *h = *state;
    struct player p;
    char port[48];
    MT_CLEANUP(strbuf) struct strbuf top = STRBUF_INIT;
    player_start(&p);
    str_format(port, sizeof(port), "MUTHR_SERVER_PORT=%d", p.port);
    world_small(h);
    world_start(h, 120, 36, NULL, (const char *const[]){port, NULL});
    harness_wait_text(h, "○ model loading");
    player_order(&p, LLM_CALM);
    harness_wait_text(h, "● ready  Qwen3-8B  ctx ");
    harness_wait_text(h, "k/20k  slots 2/4  ");
    harness_wait_text(h, " tok/s");
    harness_resize(h, 80, 24);
    harness_wait_text(h, "  ● Qwen3-8B  ");
    harness_wait_text(h, "k/20k  2/4  ");
    harness_resize(h, 40, 24);
    harness_wait_gone(h, "Qwen3");
    harness_row(h, 0, &top);
    assert_non_null(strstr(top.buf, "3 workspaces"));
    harness_resize(h, 120, 36);
    harness_wait_text(h, "● ready  Qwen3-8B");
    player_order(&p, LLM_HTML); /* it is another program now */
    harness_wait_text(h, "? no model server  :");
    player_order(&p, LLM_CALM);
    harness_wait_text(h, "● ready  Qwen3-8B");
    player_end(&p);
    harness_wait_text(h, "· model server down");
    world_leave(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
