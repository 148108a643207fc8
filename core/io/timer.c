/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <uv.h>

#include "core/io/loop.h"
#include "core/io/loop_private.h"
#include "core/util/xmalloc.h"

struct timer {
    uv_timer_t uv;
    struct loop *loop;
    struct loop_task
        soon; /* a delay of 0: libuv would run it in this same turn, and a timer that restarts itself would never end */
    timer_fn fn;
    void *arg;
};

/* libuv's callback. */
static void on_timer(uv_timer_t *uv)
{
    struct timer *t = uv->data;
    t->fn(t->arg);
}

/* The callback of a delay of 0. */
static void on_soon(void *arg)
{
    struct timer *t = arg;
    t->fn(t->arg);
}

struct timer *timer_new(struct loop *loop, timer_fn fn, void *arg)
{
    struct timer *t = xcalloc(1, sizeof(*t));
    uv_timer_init(loop_uv(loop), &t->uv);
    t->uv.data = t;
    t->loop = loop;
    t->soon.fn = on_soon;
    t->soon.arg = t;
    t->fn = fn;
    t->arg = arg;
    return t;
}

/* How far the loop's cached time is behind: without it a timer started late in a long callback would fire early. */
static uint64_t lag_ms(const struct timer *t)
{
    uint64_t now_ms = uv_hrtime() / 1000000u;
    uint64_t cached_ms = loop_now_ms(t->loop);
    return now_ms > cached_ms ? now_ms - cached_ms : 0;
}

void timer_start(struct timer *t, uint64_t delay_ms)
{
    timer_stop(t);
    if (delay_ms == 0) {
        loop_task_add(t->loop, &t->soon);
    } else {
        uv_timer_start(&t->uv, on_timer, delay_ms + lag_ms(t), 0);
    }
}

void timer_repeat(struct timer *t, uint64_t period_ms)
{
    timer_stop(t);
    period_ms = period_ms > 0 ? period_ms : 1;
    uv_timer_start(&t->uv, on_timer, period_ms + lag_ms(t), period_ms);
}

void timer_stop(struct timer *t)
{
    loop_task_remove(&t->soon);
    uv_timer_stop(&t->uv);
}

bool timer_is_active(const struct timer *t)
{
    return t->soon.loop != NULL || uv_is_active((const uv_handle_t *)&t->uv);
}

/* The last callback: the memory goes. */
static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void timer_close(struct timer *t)
{
    if (t != NULL) {
        loop_task_remove(&t->soon);
        uv_close((uv_handle_t *)&t->uv, on_closed);
    }
}
