/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_list(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}

int podman_inspect(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}

int podman_owned(struct request *r, void (*then)(struct request *r, const struct sandbox_info *info), struct error *err)
{
    (void)r;
    (void)then;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}
