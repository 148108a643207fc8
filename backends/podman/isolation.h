/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_ISOLATION_H
#define MT_BACKENDS_PODMAN_ISOLATION_H

/* What podman alone knows about how a container is cut off; the rest is the kernel's (backends/facts.h). Pure. */

#include "backends/facts.h"
#include "core/util/json.h"

/* Appends the facts that `inspect` tells of one container: image, privileges, devices, ports. */
void podman_inspect_facts(struct facts *f, const struct json *container, const struct sandbox_spec *spec);
/* Adds where they come from to the "mount ..." facts that are there; a source that is another than the wanted one makes
 * the fact ISOLATION_WEAKER. */
void podman_mount_sources(struct facts *f, const struct json *container, const struct sandbox_spec *spec);
/* For a container of another machine: what podman says of limits that cannot be read from here, as
 * ISOLATION_UNKNOWN. */
void podman_remote_limits(struct facts *f, const struct json *container);

#endif
