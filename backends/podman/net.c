/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_seal(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the network of podman sandboxes cannot be cut by this version");
}

int podman_net_prepare(struct request *r, int (*then)(struct request *r, const char *network, struct error *err),
                       struct error *err)
{
    const struct backend *be = r->be;
    switch (r->call->spec->net) {
    case NET_NONE:
        return then(r, "none", err);
    case NET_SHARED:
        return then(r, "host", err);
    default:
        return then(r, !be->facts.rootless ? "bridge" : podman_at_least(be, 5, 0) ? "pasta" : "slirp4netns", err);
    }
}
