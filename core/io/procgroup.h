/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PROCGROUP_H
#define MT_CORE_IO_PROCGROUP_H

/* Which program a process group is: what stands in the foreground of a terminal. Looks only (core/io/procinfo, by
 * the numbers that this process sees), at a bounded number of processes, and never waits. */

#include <stdbool.h>
#include <stddef.h>

/* Is this the name that is looked for? */
typedef bool (*procgroup_fn)(void *arg, const char *name);

enum procgroup_kind {
    PROCGROUP_UNKNOWN, /* its processes are not to be seen from here */
    PROCGROUP_SHELL,   /* a shell to type into and nothing else: it is at its prompt */
    PROCGROUP_OTHER,
};

/* Offers `known` the names of the group's processes, its leader's first, until it says yes: as the kernel has it, as it
 * was called, and the script's of an interpreter, without folder and without .js, .py and the like. `root`: a process
 * from which the group descends, as it may have lost its leader; 0: none. `out` gets the name, "" when there is none.
 */
enum procgroup_kind procgroup_find(int group, int root, procgroup_fn known, void *arg, char *out, size_t cap);
/* What a person would call the group: its program, or the script that one runs; "" for a shell and what is not known.
 * Plain ASCII without blanks. */
void procgroup_name(int group, int root, char *out, size_t cap);

#endif
