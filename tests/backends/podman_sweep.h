/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_PODMAN_SWEEP_H
#define MT_TESTS_BACKENDS_PODMAN_SWEEP_H

/* Ends a private podman world (podman_rig.h) completely, from any process: its own, the watcher, or a later test. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define POD_FOLDER "/tmp/muthr-pod-%d"
#define POD_BRIDGE "mtr%d"
#define POD_NUMBERS 200

/* Takes the number for this process and its forks; the lock's descriptor, or -1 when somebody has it. */
int pod_lock(int number);
void pod_unlock(int number, int fd);
/* Sets what makes podman use this world. */
void pod_environment(const char *base);
/* Containers, images, processes, mounts, the bridge and the folder. Returns how many processes had to be ended by force
 * (their command lines go to stderr unless quiet). */
size_t pod_sweep(int number, bool quiet);
/* Sweeps the worlds that nobody holds. */
void pod_sweep_stale(void);
/* Processes that belong to the world of this folder. */
size_t pod_processes_of(const char *base, pid_t *pids, size_t cap);
/* Reads a file of /proc/PID; strings are separated by blanks. Returns its length. */
size_t pod_proc_read(pid_t pid, const char *file, char *buf, size_t cap);
/* Runs argv with output to /dev/null; the exit code, or -1 after the deadline (its process group is killed then). */
int pod_quiet(const char *const *argv, unsigned timeout_ms);

#endif
