/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_stats(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "statistics of podman sandboxes are not read by this version");
}

void podman_stats_close(struct backend *be)
{
    (void)be;
}
