/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_INIT_INIT_H
#define MT_BACKENDS_BWRAP_INIT_INIT_H

/* The in-sandbox init: process 1, the only one that starts programs inside. A static program of its own; nothing of the
 * project's archives is linked. Whatever it forks inherits seccomp, no-new-privileges, empty capabilities, limits and
 * namespaces by birth. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/bwrap/wire.h"

/* Starts a program as leader of a new session. fds: stdin, stdout, stderr, or NULL for a terminal of rows x cols whose
 * master is put into *master. Returns its pid, or -1 with errno and the failed stage's name in *stage. */
pid_t spawn_program(char *const *argv, char *const *env, const char *cwd, const int *fds, int rows, int cols,
                    int *master, const char **stage);

/* Sends a signal to every process of a session. Returns how many there were. */
int procs_signal_session(pid_t sid, int signum);
/* Sums up the sandbox; over a limit kills the biggest. */
void procs_stats(uint64_t limit_bytes, struct wire_stats *out);
/* Reads the network namespace back. */
void procs_net(struct wire_net *out);

#endif
