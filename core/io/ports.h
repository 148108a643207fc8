/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PORTS_H
#define MT_CORE_IO_PORTS_H

/* The TCP ports that a program and what it has started listen on, wherever it runs: also in the network of a sandbox,
 * by the numbers there. Looks only, at a bounded number of processes, and never waits. Linux: /proc; macOS:
 * libproc (there the mark is not seen in the environment of the system's own programs: the number is what counts). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does the system tell at all? */
bool ports_known(void);
/* Whose they are: processes that have `mark` (KEY=VALUE) in the environment they were started with, the process `root`
 * (0: none), and all that these have started and that did not go its own way. A program that a sandbox runs is known by
 * the mark only, as its numbers are others there. Fills `out`, ascending, at most `cap`; returns how many. None where
 * the system does not tell. */
size_t ports_of(const char *mark, int root, uint16_t *out, size_t cap);

#endif
