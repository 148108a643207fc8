/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_BWRAP_H
#define MT_BACKENDS_BWRAP_BWRAP_H

/* The built-in backend on Linux: bubblewrap sandboxes, each supervised by a shim process of its own, with our init as
 * process 1 inside. The cockpit's process only reads state files, talks to that init, and runs helpers; it is nobody's
 * parent. Linux only. */

#include "core/engine/backend.h"

extern const struct backend_ops bwrap_backend;

/* `muthr-tui shim VERB [NAME [GRACE_MS]]` (argv[0] may be the program or "shim"): the blocking helpers behind the
 * verbs, and the supervisor itself (started by VERB `start`, which leaves it behind as a daemon). Not for people.
 * Returns the exit code. */
int bwrap_shim_main(int argc, char **argv);

/* `muthr-tui enter SANDBOX [--cwd D] [--env K=V]... [--no-tty] -- ARGV`: runs a program in a running sandbox and relays
 * between it and our own terminal or descriptors. Variables named MUTHR_ENTER_ENV_<K> of our environment become <K>
 * inside. Returns the program's exit code; 125 when the sandbox is not there or went away, 126/127 when the program
 * cannot be run. */
int bwrap_enter_main(int argc, char **argv);

#endif
