/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_LIMITS_H
#define MT_BACKENDS_BWRAP_LIMITS_H

/* Bounds on memory, processes and CPU by the best means at hand: control groups (v1 or v2) when they can be written;
 * else RLIMIT_NPROC set by the init, a memory watchdog in the shim, and a CPU affinity. Always says which one
 * holds. What the watchdog counts: init/shared.c and init/procs.c; memory of the kernel (pipes, sockets) is not in it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/engine/backend.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

enum limits_controller { LIMITS_MEMORY, LIMITS_PIDS, LIMITS_CPU, LIMITS_COUNT };

struct limits {
    char groups[LIMITS_COUNT][256]; /* folder per controller, "" = none; v2 has one folder for all */
    char scope[256];                /* folder of the systemd scope that we run in, "" = none */
    bool v2;
    bool by_group[LIMITS_COUNT];
    unsigned nproc;       /* RLIMIT_NPROC for the init, 0: none */
    uint64_t watch_bytes; /* the watchdog's limit, 0: not needed */
    unsigned affinity;    /* number of CPUs to bind to, 0: all */
    char text[160];       /* for sandbox_info.limits */
    char missing[160];    /* what was asked for and cannot be bounded firmly; or "" */
};

/* Chooses the means and makes the groups (named after id). Never fails: what cannot be had is told in *missing. */
void limits_prepare(struct limits *l, const struct sandbox_spec *spec, const char *id, bool as_root);
/* The command line that runs `command` in a scope of the user's systemd with these limits (pure). oom_continue: ask not
 * to stop everything when the kernel kills one process for memory, which systemd knows from 253 on. */
void limits_scope_argv(const struct sandbox_spec *spec, const char *unit, bool oom_continue, const char *const *command,
                       struct strvec *out);
/* True when a scope would do more than what we can do ourselves, and a user manager is there. */
bool limits_want_scope(const struct sandbox_spec *spec);
#define LIMITS_SCOPE_ENV "MUTHR_SHIM_SCOPE" /* set for a shim that was started in a scope */
/* Puts a process (with all it will fork) into the groups and binds it to CPUs. */
void limits_join(struct limits *l, pid_t pid);
/* Number of processes that the kernel killed for want of memory in the group; 0 without one. */
uint64_t limits_oom_kills(const struct limits *l);
/* A descriptor that becomes readable (POLLIN or POLLPRI) when that may have changed, or -1. *keep: a second one to keep
 * open. */
int limits_oom_watch(const struct limits *l, int *keep);
/* Removes the groups, which must be empty. */
void limits_remove(char groups[][256], size_t count);
/* By which means limits would hold here: for the probe. */
void limits_describe(bool as_root, char *out, size_t cap, bool *firm);

#endif
