/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_SECCOMP_H
#define MT_BACKENDS_BWRAP_SECCOMP_H

#include "core/util/error.h"

/* Writes the filter for this machine's architecture to fd as a BPF program, in the form that bwrap --seccomp takes:
 * allows by default, denies what reaches the kernel's rarely used and historically weak parts (process-sandbox
 * design, 5.1). Errors: UNAVAILABLE when libseccomp cannot build it here (then nothing may be started), SYS. */
int seccomp_write(int fd, struct error *err);

#endif
