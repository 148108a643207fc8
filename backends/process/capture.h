/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_CAPTURE_H
#define MT_BACKENDS_PROCESS_CAPTURE_H

/* Short programs, for whoever may block. */

#include <stddef.h>
#include <stdint.h>

/* Runs one, its stdout and stderr into buf. Returns the exit code, -1 when it could not be run or took too long. */
int capture_run(const char *path, char *const *argv, char *buf, size_t cap, uint64_t timeout_ms);
/* Reads until the end, the deadline (clock_mono_ms), or a full buffer. */
void capture_read(int fd, char *buf, size_t cap, uint64_t deadline);

#endif
