/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/loop.h"

#include <signal.h>
#include <stdlib.h>

#include <uv.h>

#include "core/io/loop_private.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

struct loop {
    uv_loop_t uv;
    uv_idle_t idle; /* active while tasks wait: makes the poll return at once */
    struct loop_task tasks;
    struct loop_orphan orphans;
    int lingering;
};

struct deferred {
    struct loop_task task;
    void (*fn)(void *arg);
    void *arg;
};

/* Runs what was queued before this turn; what these calls queue themselves waits for the next turn. */
static void on_idle(uv_idle_t *idle)
{
    struct loop *loop = idle->data;
    struct loop_task mark = {0};

    mark.prev = loop->tasks.prev;
    mark.next = &loop->tasks;
    mark.prev->next = &mark;
    loop->tasks.prev = &mark;
    while (loop->tasks.next != &mark) {
        struct loop_task *task = loop->tasks.next;
        loop_task_remove(task);
        task->fn(task->arg);
    }
    mark.prev->next = mark.next;
    mark.next->prev = mark.prev;
    if (loop->tasks.next == &loop->tasks) {
        uv_idle_stop(&loop->idle);
    }
}

/* A write to a peer that has gone must be an error value, never the end of the process. Children get the default back.
 */
static void ignore_sigpipe(void)
{
    struct sigaction sa;
    if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL) {
        sa.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &sa, NULL);
    }
}

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        MT_BUG("cannot make an event loop: %s", uv_strerror(rc));
    }
    ignore_sigpipe();
    uv_idle_init(&loop->uv, &loop->idle);
    loop->idle.data = loop;
    loop->tasks.prev = loop->tasks.next = &loop->tasks;
    loop->orphans.prev = loop->orphans.next = &loop->orphans;
    return loop;
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

bool loop_turn(struct loop *loop, bool wait)
{
    return uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0;
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return uv_now(&loop->uv);
}

void loop_task_add(struct loop *loop, struct loop_task *task)
{
    if (task->loop != NULL) {
        return;
    }
    task->loop = loop;
    task->next = &loop->tasks;
    task->prev = loop->tasks.prev;
    task->prev->next = task;
    loop->tasks.prev = task;
    if (!uv_is_active((uv_handle_t *)&loop->idle) && !uv_is_closing((uv_handle_t *)&loop->idle)) {
        uv_idle_start(&loop->idle, on_idle);
    }
}

void loop_task_remove(struct loop_task *task)
{
    if (task->loop == NULL) {
        return;
    }
    task->prev->next = task->next;
    task->next->prev = task->prev;
    task->loop = NULL;
}

/* The trampoline of loop_defer: frees before the call, so that the call may do anything. */
static void run_deferred(void *arg)
{
    struct deferred *d = arg;
    void (*fn)(void *) = d->fn;
    void *fn_arg = d->arg;
    free(d);
    fn(fn_arg);
}

void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct deferred *d = xcalloc(1, sizeof(*d));
    d->fn = fn;
    d->arg = arg;
    d->task.fn = run_deferred;
    d->task.arg = d;
    loop_task_add(loop, &d->task);
}

void loop_orphan_add(struct loop *loop, struct loop_orphan *o)
{
    o->loop = loop;
    o->next = &loop->orphans;
    o->prev = loop->orphans.prev;
    o->prev->next = o;
    loop->orphans.prev = o;
}

void loop_orphan_remove(struct loop_orphan *o)
{
    if (o->loop != NULL) {
        o->prev->next = o->next;
        o->next->prev = o->prev;
        o->loop = NULL;
    }
}

void loop_linger(struct loop *loop, int delta)
{
    loop->lingering += delta;
}

int uv_error(struct error *err, int result, const char *what)
{
    return error_sys(err, -result, "%s", what);
}

/* uv_walk callback: names what someone forgot to close. */
static void count_leftover(uv_handle_t *handle, void *arg)
{
    int *count = arg;
    const char *type = uv_handle_type_name(handle->type);
    if (!uv_is_closing(handle)) {
        (*count)++;
        log_error("loop_free: a %s handle was left open", type != NULL ? type : "unknown");
    }
}

/* Lets queued calls and closed objects finish, for a second at most. */
static void settle(struct loop *loop)
{
    uint64_t end_ns = uv_hrtime() + 1000000000u;
    while ((loop->tasks.next != &loop->tasks || loop->lingering > 0) && uv_hrtime() < end_ns) {
        if (uv_run(&loop->uv, UV_RUN_ONCE) == 0 && loop->tasks.next == &loop->tasks) {
            break;
        }
    }
}

int loop_free(struct loop *loop)
{
    int leftover = 0;

    if (loop == NULL) {
        return 0;
    }
    settle(loop);
    while (loop->orphans.next != &loop->orphans) {
        struct loop_orphan *o = loop->orphans.next;
        loop_orphan_remove(o);
        o->drop(o);
    }
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    if (uv_loop_close(&loop->uv) == 0) {
        free(loop);
        return 0;
    }
    uv_walk(&loop->uv, count_leftover, &leftover);
#if defined(MT_DEBUG) && MT_DEBUG
    MT_BUG("loop_free: %d handle(s) left open, see the log", leftover);
#else
    return leftover > 0 ? leftover : 1; /* the memory stays: its handles' owners may still point at it */
#endif
}
