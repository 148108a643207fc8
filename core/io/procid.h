/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PROCID_H
#define MT_CORE_IO_PROCID_H

/* Who a process number is: its program and when it began, so that a number that was given out again is not mistaken.
 * Looks only. Linux: /proc; macOS: libproc; elsewhere nothing is known. */

#include <stdbool.h>
#include <stdint.h>

#include "core/util/error.h"

struct procid {
    int pid;
    char exe[1024];  /* path of its program; "": it may not be seen (somebody else's) */
    char name[64];   /* of its program, without the folder, sanitised; never "" */
    char birth[96];  /* the same text as long as it is the same process, in this boot; "": not known */
    uint64_t age_ms; /* since it began; 0: not known */
    bool mine;       /* it is ours: the same user */
    bool leads;      /* it leads its process group */
};

/* Errors: NOT_FOUND (no such process, or one that has ended and was not reaped). */
int procid_read(int pid, struct procid *out, struct error *err);

#endif
