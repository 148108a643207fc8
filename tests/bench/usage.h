/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_USAGE_H
#define MT_TESTS_BENCH_USAGE_H

/* What processes cost, from /proc: CPU time, voluntary context switches, memory (PSS). Linux only. */

#include <stdbool.h>
#include <stddef.h>

struct usage {
    double cpu_ms, wakeups, pss_kib;
    double host_kib, relay_kib, cockpit_kib; /* of pss_kib, ours: by what the process is */
    int procs;
};

#define USAGE_PROCS 512

/* The processes of one side of the measurement. */
struct proc_set {
    int pid[USAGE_PROCS];
    int n;
};

/* The processes that run below this HOME: tmux's, or with `ours` those of the executable `muthr` and what it starts
 * itself (the init inside, the sandbox's launcher, its network), never the programs that a session shows. */
void proc_set_find(struct proc_set *s, const char *home, const char *muthr, bool ours);
/* Without `memory` the PSS, which is slow to read, is left out. */
struct usage proc_set_usage(const struct proc_set *s, bool memory);
/* b - a for what grows; the rest as in b. */
struct usage usage_minus(struct usage b, struct usage a);

#endif
