/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_OVERLAY_MOUNT_H
#define MT_BACKENDS_BWRAP_OVERLAY_MOUNT_H

/* How the overlay workspace of a sandbox is mounted: by bwrap itself (0.11 and newer), by us in a mount namespace
 * around bwrap, or by fuse-overlayfs on the host. Starts processes and blocks. */

#include <stdint.h>
#include <sys/types.h>

#include "backends/bwrap/overlay.h"
#include "backends/bwrap/preflight.h"

enum overlay_way { OVERLAY_WAY_NONE, OVERLAY_WAY_BWRAP, OVERLAY_WAY_OWN, OVERLAY_WAY_FUSE };
const char *overlay_way_name(enum overlay_way way);
enum overlay_kind overlay_way_kind(enum overlay_way way);

/* The first way that works here, tried in a throw-away folder below `scratch`; NONE with the reasons in why. */
enum overlay_way overlay_mount_choose(const struct preflight_features *f, const char *scratch, char *why, size_t cap);

/* What our own mount needs; copied by nobody: lives until bwrap has started. */
struct overlay_mount {
    const char *dir;       /* of the sandbox: overlay/{upper,work,merged} */
    const char *workspace; /* the project folder */
    uint64_t dev, ino;     /* which it must still be */
};
/* In the process that becomes bwrap: a mount namespace of its own (in a user namespace of its own unless root), and the
 * view at overlay/merged in it. -1: said why on stderr. */
int overlay_mount_here(const struct overlay_mount *m);

/* fuse-overlayfs at overlay/merged, as a child that dies with us. */
int overlay_fuse_start(const char *dir, const char *workspace, pid_t *pid, struct error *err);
/* Ends it and takes the mount away; pid 0: only the mount, if there is one. */
void overlay_fuse_end(const char *dir, pid_t pid);

#endif
