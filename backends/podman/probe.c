/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_probe(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}

int podman_need_facts(struct request *r, int (*then)(struct request *r, struct error *err), struct error *err)
{
    (void)r;
    (void)then;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}

bool podman_at_least(const struct backend *be, int major, int minor)
{
    const int *v = be->facts.version;
    return v[0] > major || (v[0] == major && v[1] >= minor);
}
