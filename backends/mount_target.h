/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_MOUNT_TARGET_H
#define MT_BACKENDS_MOUNT_TARGET_H

/* Where inside a sandbox something may be mounted. Pure. */

#include "core/util/error.h"

/* Takes a plain absolute path only, and nothing that lies in or around one of `taken` (absolute, NULL-terminated): what
 * the sandbox itself is made of. INVALID. */
int mount_target_check(const char *target, const char *const *taken, struct error *err);

#endif
