/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_MEMBERS_H
#define MT_BACKENDS_SEATBELT_MEMBERS_H

/* Which processes belong to a sandbox. macOS has no group that a process cannot leave, so they are found by several
 * marks: every program that we start is written down (number and start time) before it runs and leads a session of its
 * own; what descends from one, is in its session, or was started with the run's mark in its environment is one, too.
 * Not found: what forked twice, made a session of its own and dropped the environment, all between two looks. Such a
 * process stays under the profile, but outlives the sandbox. */

#include <stddef.h>
#include <stdint.h>

#include "backends/process/host.h"
#include "core/util/error.h"

/* Nobody is written down any more. */
int members_reset(const char *dir, struct error *err);
/* Writes ourselves down, or a child that waits. */
int members_add(const char *dir, int pid, struct error *err);
/* Forgets those of whom nothing is left. A session keeps its number from being given out again for as long as somebody
 * is in it: whoever does this from time to time cannot take a stranger's session for one of a program that ended long
 * ago.
 */
void members_tidy(const char *dir);
/* The living ones. mark: KEY=VALUE of the run, "" = none. Heap. Returns how many. */
size_t members_find(const char *dir, const char *mark, struct host_process **out);
/* Sends a signal to each; returns how many there were. */
size_t members_signal(const char *dir, const char *mark, int signum);
/* Kills until none is left; returns how many still are when the time is over. */
size_t members_end(const char *dir, const char *mark, uint64_t limit_ms);

struct members_usage {
    uint64_t cpu_ns, resident;
    unsigned count;
    int biggest; /* pid, 0: none */
    uint64_t biggest_bytes;
};
/* What they use together. Processor time is that of those that live. */
void members_usage(const char *dir, const char *mark, struct members_usage *out);

#endif
