/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_LOGS_H
#define MT_BACKENDS_PODMAN_LOGS_H

/* Lines of `podman logs -t`. Pure. */

#include <stdbool.h>
#include <stddef.h>

#define PODMAN_STAMP_MAX 40

/* A stamp of fixed width that compares like time ("2026-11-21T08:17:13.250367979"), and where the text begins. False
 * when the line has no stamp: podman's own words, not the container's. */
bool podman_log_split(const char *line, size_t len, char stamp[PODMAN_STAMP_MAX], size_t *text_at);

#endif
