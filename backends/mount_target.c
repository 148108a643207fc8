/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/mount_target.h"

#include <stdbool.h>
#include <string.h>

#include "core/util/paths.h"

int mount_target_check(const char *target, const char *const *taken, struct error *err)
{
    /* A spelling with empty or dot segments would pass by the comparison below. */
    bool plain = target[0] == '/' && target[1] != '\0';
    for (const char *p = target; plain && *p == '/';) {
        size_t n = strcspn(++p, "/");
        plain = !(n == 0 && *p) && !(n == 1 && *p == '.') && !(n == 2 && p[0] == '.' && p[1] == '.');
        p += n;
    }
    if (!plain) {
        return error_set(err, ERROR_INVALID,
                         "mount target '%s': it must be an absolute path below / without '..', '.' or '//'", target);
    }
    for (size_t i = 0; taken[i]; i++) {
        if (path_is_below(target, taken[i]) || path_is_below(taken[i], target)) {
            return error_set(err, ERROR_INVALID, "mount target '%s': %s belongs to the sandbox itself", target,
                             taken[i]);
        }
    }
    return 0;
}
