/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_INIT_INIT_H
#define MT_BACKENDS_BWRAP_INIT_INIT_H

/* The in-sandbox init: process 1, the only one that starts programs inside. A static program of its own; nothing of the
 * project's archives is linked. Whatever it forks inherits seccomp, no-new-privileges, empty capabilities, limits and
 * namespaces by birth. */

#include <dirent.h>
#include <stdbool.h>
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
/* The next process of an open /proc, or 0. */
pid_t procs_next(DIR *dir);

/* A System V segment. */
struct shared_segment {
    int id; /* -1: none */
    uint64_t bytes;
};
/* Bytes in /dev/shm, System V segments and memfds, mapped or not. The biggest segment that nobody has attached goes to
 * *idle. now: look through all descriptors even if that was done a moment ago. */
uint64_t shared_bytes(bool now, struct shared_segment *idle);
/* Bytes in the memfds that a process holds open. */
uint64_t shared_memfds(pid_t pid);
/* The part of a process's proportional size that is shared memory and not in shared_bytes. */
uint64_t shared_unnamed(pid_t pid);
/* Removes a segment. 0, or -1 with errno. */
int shared_remove(const struct shared_segment *segment);

#endif
