/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CGROUP_H
#define MT_BACKENDS_CGROUP_H

/* Reads what Linux says of control groups. Pure: the texts may come out of a virtual machine, so this is compiled
 * everywhere. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "1.5 GiB" */
void cgroup_format_bytes(uint64_t bytes, char *out, size_t cap);
/* Where the hierarchy of `controller` (NULL: v2) is mounted. */
bool cgroup_mount_point(const char *mountinfo, const char *controller, char *out, size_t cap);
/* The folder of `controller` ("memory", ...; NULL: v2) of a process, from the texts of its /proc/PID/mountinfo and
 * /proc/PID/cgroup. 0, or -1 when it is not mounted. */
int cgroup_find(const char *mountinfo, const char *cgroup, const char *controller, char *out, size_t cap);

#endif
