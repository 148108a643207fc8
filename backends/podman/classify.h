/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_CLASSIFY_H
#define MT_BACKENDS_PODMAN_CLASSIFY_H

/* What podman's stderr and exit code mean (texts of podman 3.4 to 5.8). Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "core/util/error.h"

/* Fills *err from a failed call's exit code (128+signal when killed) and the end of its stderr: the line that says why,
 * without podman's prefixes, the code that fits, and what to do about it. Returns -1. */
int podman_classify(int exit_code, const char *stderr_text, struct error *err);

/* Is `line` noise that a working podman prints too? */
bool podman_is_noise(const char *line);
/* Did podman start lose a race against the program that it began? Once more may do. */
bool podman_is_race(const char *text);

/* The host port that a failed start names as taken or not to be had: "listen tcp4 127.0.0.1:18090: bind: ...". Returns
 * false when the text is about something else; *port is 0 when it is about a port but names none. */
bool podman_port_error(const char *stderr_text, uint16_t *port, bool *udp);

#endif
