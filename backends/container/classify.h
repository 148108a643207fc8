/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_CLASSIFY_H
#define MT_BACKENDS_CONTAINER_CLASSIFY_H

/* What stderr and exit code of Apple's `container` mean (texts of 0.6 to 1.2). Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "core/util/error.h"

/* Fills *err from a failed call's exit code (128+signal when killed) and the end of its stderr: the line that says why,
 * without the code words around it, the code that fits, and what to do about it. Returns -1. */
int ctr_classify(int exit_code, const char *stderr_text, struct error *err);

/* Does stderr hold words of the CLI itself ("Error: ..."), so that the exit code is not the inner program's? */
bool ctr_is_cli_error(const char *stderr_text);

/* Does stderr say that the container of this name is not there? Any other "not found" (a plugin's, a file's) does not:
 * who took it for that would delete its home, or create it a second time. */
bool ctr_says_none(const char *stderr_text, const char *container);

/* Is the system service not running, by these words? */
bool ctr_is_service_down(const char *stderr_text);

/* Does a failed start say that a host port is taken or may not be had? *port is 0 when it names none. */
bool ctr_port_error(const char *stderr_text, uint16_t *port);

#endif
