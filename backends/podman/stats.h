/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_STATS_H
#define MT_BACKENDS_PODMAN_STATS_H

/* One line of our own `podman stats` template. Pure. */

#include <stddef.h>

#include "core/engine/backend.h"

/* Raw numbers: podman's JSON gives them as rounded text. Fields of podman 4.3 to 5.8 (define.ContainerStats). */
#define PODMAN_STATS_TEMPLATE                                                                                          \
    ("{{.ContainerStats.Name}} {{.ContainerStats.CPUNano}} {{.ContainerStats.MemUsage}} {{.ContainerStats.MemLimit}} " \
     "{{.ContainerStats.PIDs}}")

struct podman_sample {
    char name[96];
    struct sandbox_stats stats;
};
/* False when it is no such line. host_bytes: memory of the machine, which podman gives as the limit when there is none;
 * 0: not known. */
bool podman_sample_parse(const char *line, size_t len, uint64_t host_bytes, struct podman_sample *out);

#endif
