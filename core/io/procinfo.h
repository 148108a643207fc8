/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PROCINFO_H
#define MT_CORE_IO_PROCINFO_H

/* What the system tells of other processes, by their numbers. Looks only and never waits. Linux: /proc (proc(5),
 * procinfo_linux.c); macOS: libproc and sysctl (procinfo_darwin.c). What is not told is "not known", never an error: a
 * process may end between two questions, or be somebody else's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCINFO_BOOT_MAX 40

/* When it began, in the system's own unit (Linux: ticks since boot, macOS: microseconds of the wall clock): the same as
 * long as it is the same process in this boot. 0: not known, or not there. */
uint64_t procinfo_start(int pid);
/* Has it ended, and waits only for its parent to ask? */
bool procinfo_is_zombie(int pid);
/* Its process group; 0: not known. */
int procinfo_group(int pid);
/* A name of this boot, so that numbers of before are not mistaken; "" when there is none. */
void procinfo_boot(char out[PROCINFO_BOOT_MAX]);

/* The processes that it started and that still run, at most `cap`; returns how many. */
size_t procinfo_children(int pid, int *out, size_t cap);
/* All processes that are to be seen, in no order. */
size_t procinfo_all(int *out, size_t cap);

/* Its program's name as the kernel keeps it (15 bytes on Linux, 32 on macOS); "" when it is not known. */
void procinfo_name(int pid, char *out, size_t cap);
/* The arguments it was called with, each with its NUL, as many as fit, always terminated. Returns the bytes; 0: not
 * known. macOS tells of processes of the same user only. */
size_t procinfo_args(int pid, char *out, size_t cap);
/* Is `entry` ("KEY=VALUE") in the environment it was started with? macOS does not show that of the system's own
 * programs (/bin/sh): false. */
bool procinfo_has_env(int pid, const char *entry);

#endif
