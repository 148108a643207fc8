/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

void podman_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    (void)be;
    (void)fn;
    (void)arg;
}
