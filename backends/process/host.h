/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_HOST_H
#define MT_BACKENDS_PROCESS_HOST_H

/* What only the operating system knows of processes and files: one file per platform (host_darwin.c, host_other.c; what
 * core/io/procinfo tells already is passed on).
 * Short synchronous looks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A living process of our user. */
struct host_process {
    int pid, parent, group, session;
    uint64_t start; /* together with the pid it is one process, in this boot */
};
/* All of them; a zombie is none. Heap. Returns how many. */
size_t host_processes(struct host_process **out);

/* May its parent have died? Only such a one can have left the tree that it was started in. */
bool host_may_be_orphan(const struct host_process *p);

/* When it began: 0 when there is none, or only a zombie. The unit is the platform's. */
uint64_t host_process_start(int pid);
/* Names this boot of the machine; "" when that is not known. */
void host_boot_id(char out[40]);
/* Processor time of all its threads so far and its resident memory. False: gone, or not ours to see. */
bool host_process_usage(int pid, uint64_t *cpu_ns, uint64_t *resident);
/* Was it started with this KEY=VALUE in its environment? False also when that cannot be seen. */
bool host_process_has_env(int pid, const char *pair);

/* Makes `to` a clone of the regular file `from`, which shares its space until one is written to. 0, or -1 and errno:
 * ENOTSUP or EXDEV when the file system cannot. */
int host_clone_file(const char *from, const char *to);

/* The program that confines others, or NULL where there is none. */
const char *host_sandbox_exec(void);
/* Does it really confine? Not where something stands for it in a test. */
bool host_confines(void);
/* "macOS 26.1"; "" elsewhere. */
void host_version(char *out, size_t cap);

#endif
