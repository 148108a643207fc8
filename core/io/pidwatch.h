/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PIDWATCH_H
#define MT_CORE_IO_PIDWATCH_H

/* The end of a process that is not our child, as an event of the loop. Never signals and never reaps it. */

#include "core/io/loop.h"
#include "core/util/error.h"

struct pidwatch;

/* Has it ended? One that nobody has reaped yet has (where that can be seen: Linux). */
bool pid_has_ended(int pid);

/* Calls fn(arg) once, from the loop, when the process has ended, also while nobody has reaped it. NULL and err:
 * NOT_FOUND when there is no such process, SYS. Source: pidfd_open(2), Linux 5.3; kqueue(2), EVFILT_PROC. Where the
 * system has neither, it looks twice a second. */
struct pidwatch *pidwatch_new(struct loop *loop, int pid, void (*fn)(void *arg), void *arg, struct error *err);
/* NULL allowed. Afterwards fn is not called any more; may be called from within it. */
void pidwatch_close(struct pidwatch *p);

#endif
