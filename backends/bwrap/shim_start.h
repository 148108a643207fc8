/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_SHIM_START_H
#define MT_BACKENDS_BWRAP_SHIM_START_H

/* Inside of the shim, shared by shim.c (running) and shim_start.c (getting there). */

#include <stdbool.h>

#include "backends/bwrap/door.h"
#include "backends/bwrap/launch.h"
#include "backends/bwrap/limits.h"
#include "backends/bwrap/net.h"
#include "backends/bwrap/shim.h"
#include "backends/bwrap/wire.h"
#include "backends/process/report.h"
#include "backends/process/state.h"

struct shim {
    const struct paths *paths;
    const char *root;
    char id[STATE_ID_MAX + 1];
    char *dir;
    struct state_config config;
    struct state_status status;
    struct limits limits;
    struct launch launch;
    struct net_link link;
    int ready_fd, guard_fd, signal_fd, shim_fd, oom_fd, oom_keep_fd;
    int init_fd;      /* pidfd of the sandbox's process 1 */
    struct door door; /* its port */
    pid_t fuse_pid;   /* fuse-overlayfs of an overlay workspace, 0: none */
    uint64_t oom_kills, oom_look_at_ms, kill_at_ms, grace_ms;
    unsigned oom_looks; /* still to take at the group's counter */
    bool abandoned, stopping, killed;
    int waiters[16];
    size_t waiter_count;
};

/* Brings the sandbox up, from the state folder to the answer of its init and the network read back. On failure
 * everything made so far is left for the caller to tear down. CANCELED when whoever asked has gone away. */
int shim_start(struct shim *s, struct error *err);
/* Asks the init what network there is. */
int shim_read_net(struct shim *s, struct wire_net *net, struct error *err);
void shim_tell(struct shim *s, enum report_ready kind, const char *text);
/* Ends the processes and removes the groups that a status names, if they still are the same. */
void shim_reap_recorded(struct state_status *st);
/* Saves the status with this phase and pokes whoever watches. err may be NULL: it is logged in any case. */
int shim_record(struct shim *s, const char *phase, struct error *err);

#endif
