/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_WATCH_H
#define MT_BACKENDS_PODMAN_WATCH_H

/* What a line of `podman events --format json` means for us. Pure. Source: podman 4.3.1 (measured), 5.x (keys of times
 * and exit codes differ, the ones read here do not). */

#include <stddef.h>

enum podman_event_kind {
    PODMAN_EVENT_NONE, /* nothing that changes a sandbox: an exec, a foreign container, noise */
    PODMAN_EVENT_NAME, /* look at this container */
    PODMAN_EVENT_ALL,  /* look at all: renamed, log turned over, not to be understood */
};
struct podman_event {
    enum podman_event_kind kind;
    char name[96]; /* PODMAN_EVENT_NAME */
};
void podman_event_parse(const char *line, size_t len, struct podman_event *out);

#endif
