/* SPDX-License-Identifier: Apache-2.0 */
/* Linux-only inside: see pace.h. */
#include "core/io/pace.h"

#if defined(__linux__)

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 100000 /* the shortest there is: who wants less goes first */
#define RESET_ON_FORK 1 /* SCHED_FLAG_RESET_ON_FORK */

/* The first version of the kernel's struct sched_attr; the C library of Debian 12 has none. */
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

void pace_set(enum pace pace)
{
    struct attr a = {.size = sizeof(a)};

    if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 || (a.policy != SCHED_OTHER && a.policy != SCHED_BATCH)) {
        return;
    }
    if (a.policy == SCHED_BATCH && (a.flags & RESET_ON_FORK) == 0) {
        return; /* not by us */
    }
    a.size = sizeof(a);
    a.policy = pace == PACE_BULK ? SCHED_BATCH : SCHED_OTHER;
    a.flags = RESET_ON_FORK;
    a.runtime = pace == PACE_BULK ? 0 : SLICE_NS; /* 0: the system's default. The nice value stays. */
    (void)syscall(SYS_sched_setattr, 0, &a, 0);
}

#else

void pace_set(enum pace pace)
{
    (void)pace;
}

#endif
