/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_LAUNCH_H
#define MT_BACKENDS_BWRAP_LAUNCH_H

/* Starting bwrap itself with all its descriptors in place: for the shim (the real sandbox) and the probe (a throw-away
 * one). Blocks. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/util/error.h"
#include "core/util/strvec.h"

struct overlay_mount;
struct launch_input {
    const char *program;                              /* bwrap */
    const struct strvec *options;                     /* given through a memfd, so that no path shows in ps */
    const struct strvec *command;                     /* what runs inside */
    int listen_fd, workspace_fd, init_fd, seccomp_fd; /* -1: not given */
    const struct overlay_mount *overlay;              /* mounted around bwrap first; NULL: none */
};

struct launch {
    pid_t monitor;      /* the bwrap process that is our child */
    pid_t child;        /* process 1 of the sandbox, as seen from here */
    int block_fd;       /* writing a byte lets it go on; closing too */
    int leash_fd;       /* closing it ends the sandbox */
    int out_fd, err_fd; /* read ends, non-blocking */
};

/* Starts bwrap and waits until its namespaces exist (child is known) or it has failed: then UNAVAILABLE, with its
 * stderr left in err_fd and monitor reaped. On success the caller must release block_fd. */
int launch_start(const struct launch_input *in, struct launch *out, struct error *err);
/* Closes all descriptors. Does not reap. */
void launch_close(struct launch *l);

#endif
