/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LOOP_PRIVATE_H
#define MT_CORE_IO_LOOP_PRIVATE_H

/* What the files of core/io share about the loop. Not for other folders. Does not include uv.h: only the .c files do.
 */

#include "core/io/loop.h"

struct uv_loop_s;
struct uv_loop_s *loop_uv(struct loop *loop);

/* One call on the next turn, embedded by its owner; can be taken back. `loop` is NULL while it is not queued. */
struct loop_task {
    struct loop_task *prev, *next;
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
};
/* Queues `task` (nothing happens when it is queued already). fn and arg must be set. */
void loop_task_add(struct loop *loop, struct loop_task *task);
/* Takes it out again; nothing happens when it is not queued. */
void loop_task_remove(struct loop_task *task);

/* Something whose owner has let go, but which must stay until the system says so (a child to be reaped). `drop` is
 * called by loop_free. */
struct loop_orphan {
    struct loop_orphan *prev, *next;
    struct loop *loop;
    void (*drop)(struct loop_orphan *o);
};
void loop_orphan_add(struct loop *loop, struct loop_orphan *o);
void loop_orphan_remove(struct loop_orphan *o);

/* Closed objects that still have something to send: loop_free turns until the count is zero (each bounds itself to 250
 * ms). */
void loop_linger(struct loop *loop, int delta);

/* The signal watch no longer keeps loop_run going. */
void signal_watch_unref(struct signal_watch *s);

/* From a libuv result (negative errno). Returns -1. */
int uv_error(struct error *err, int result, const char *what);

#endif
