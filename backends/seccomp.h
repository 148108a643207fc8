/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SECCOMP_H
#define MT_BACKENDS_SECCOMP_H

/* The system call rules that all sandboxes of this machine get, as a BPF program or as a container runtime's profile.
 * Linux only. */

#include <stdbool.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"

/* Writes the filter for this machine's architecture to fd as a BPF program, in the form that bwrap --seccomp takes:
 * allows by default, denies what reaches the kernel's rarely used and historically weak parts (process-sandbox
 * design, 5.1). Errors: UNAVAILABLE when libseccomp cannot build it here (then nothing may be started), SYS. */
int seccomp_write(int fd, struct error *err);
/* The same rules as the JSON profile that podman's --security-opt seccomp= takes (runtime-spec, linux seccomp; only
 * this machine's architecture). packages: files with set-id bits may be made, without which no package manager installs
 * `su` and its like. Weaker than the program where the runtime's libseccomp does not know a call by name: such a rule
 * is skipped there. */
int seccomp_write_json(bool packages, struct strbuf *out, struct error *err);

#endif
