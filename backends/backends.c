/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "core/engine/backend.h"

#include "backends/bwrap/bwrap.h"
#include "backends/container/container.h"
#include "backends/podman/podman.h"
#include "backends/seatbelt/seatbelt.h"

const struct backend_ops *const backend_registry[] = {
    &bwrap_backend, &podman_backend, &container_backend, &seatbelt_backend, NULL,
};
