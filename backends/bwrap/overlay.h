/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_OVERLAY_H
#define MT_BACKENDS_BWRAP_OVERLAY_H

/* The overlay workspace of a sandbox: programs inside write into <sandbox>/overlay/upper, the project folder stays as
 * it is until a person applies changes. Everything in the upper folder and every name in the project is hostile:
 * nothing is followed, everything is relative to open folders. Blocks; for the helpers and the shim.
 *
 * overlay/manifest.json says how the view is mounted and how much manifest.list holds: one record per file of the
 * project as the programs inside first saw it. What differs from its record on the host was changed there meanwhile: a
 * conflict, never overwritten. */

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/backend.h"
#include "core/util/error.h"

/* How the upper folder is written: markers differ. */
enum overlay_kind { OVERLAY_KERNEL, OVERLAY_FUSE };

struct overlay_changes {
    struct workspace_change *v;
    size_t len;
    size_t applied; /* overlay_apply: how many were taken, beside these that were not */
};
void overlay_changes_release(struct overlay_changes *c);

/* Makes upper and work, forgets what is no change any more, and records the project's files. `workspace_fd`: the
 * project folder (O_PATH will do). Before every start, under the sandbox's lock. Errors: SYS; DENIED when the upper
 * folder was written in another way and still holds changes. */
int overlay_prepare(const char *dir, int workspace_fd, enum overlay_kind kind, struct error *err);
/* All differences, in the order of the walk (a folder before what is below it). */
int overlay_changes(const char *dir, const char *workspace, struct overlay_changes *out, struct error *err);
/* Takes changes over into the project: those at or below `paths` (NULL: all). What is risky is only taken when it is
 * named itself; conflicts never. *held gets what was not taken, with the reason in its note. Under the lock. */
int overlay_apply(const char *dir, const char *workspace, const char *const *paths, struct overlay_changes *held,
                  struct error *err);
/* Forgets changes at or below `paths` (NULL: all, with the records). INVALID names a path without a change. Under the
 * lock. */
int overlay_discard(const char *dir, const char *workspace, const char *const *paths, struct error *err);
/* Is anything in the upper folder that the project has not? A folder that cannot be read counts as yes. */
bool overlay_has_changes(const char *dir, const char *workspace);

#endif
