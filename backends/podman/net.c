/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_seal(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the network of podman sandboxes cannot be cut by this version");
}

int podman_net_prepare(struct request *r, void (*then)(struct request *r, const char *network), struct error *err)
{
    const struct backend *be = r->be;
    (void)err;
    switch (r->call->spec->net) {
    case NET_NONE:
        then(r, "none");
        break;
    case NET_SHARED:
        then(r, "host");
        break;
    default:
        then(r, be->facts.rootless ? (podman_at_least(be, 5, 0) ? "pasta" : "slirp4netns") : "bridge");
    }
    return 0;
}
