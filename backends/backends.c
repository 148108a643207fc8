/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "core/engine/backend.h"

#if defined(__linux__)
#include "backends/bwrap/bwrap.h"
#endif
#include "backends/container/container.h"
#include "backends/podman/podman.h"
#include "backends/seatbelt/seatbelt.h"

const struct backend_ops *const backend_registry[] = {
#if defined(__linux__)
    &bwrap_backend,
#endif
    &podman_backend,
    &container_backend,
    &seatbelt_backend,
    NULL,
};
