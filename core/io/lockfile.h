/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LOCKFILE_H
#define MT_CORE_IO_LOCKFILE_H

/* Two kinds of cross-process lock (behaviour.md L1, L2), both waited for without blocking the loop. */

#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"

struct lockfile;

enum lockfile_kind {
    LOCKFILE_PID,      /* L1: a file that holds the pid; exclusive creation; a dead holder's file is taken over */
    LOCKFILE_ADVISORY, /* L2: fcntl write lock on the file; released by the kernel when the holder dies */
};

/* Exactly once, never before lockfile_acquire returned. err: NULL when held; TIMEOUT naming the holder's pid; CANCELED;
 * SYS. */
typedef void (*lockfile_done_fn)(void *arg, const struct error *err);
/* Called at the start of waiting and when the holder changes. */
typedef void (*lockfile_wait_fn)(void *arg, int holder_pid);

/* Tries at once, then every 100 ms while it must wait (there is no portable event for either kind), up to timeout_ms.
 */
int lockfile_acquire(struct lockfile **out, struct loop *loop, enum lockfile_kind kind, const char *path,
                     uint64_t timeout_ms, lockfile_wait_fn waiting, lockfile_done_fn done, void *arg,
                     struct error *err);
/* One try, here and now. 0: held, *out is released as the others are. -1: BUSY and *holder_pid (may be NULL; 0 when it
 * cannot be told), or SYS; *out is not set. */
int lockfile_try(struct lockfile **out, struct loop *loop, enum lockfile_kind kind, const char *path, int *holder_pid,
                 struct error *err);
/* Gives up waiting (done follows with CANCELED), or releases when held, or just frees after a failure: it is called
 * exactly once for every acquired lockfile, also after done had TIMEOUT or SYS. The object is gone afterwards, once
 * done has run. */
void lockfile_release(struct lockfile *l);

#endif
