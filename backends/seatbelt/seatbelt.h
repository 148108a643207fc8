/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_SEATBELT_H
#define MT_BACKENDS_SEATBELT_SEATBELT_H

/* Process sandboxes of macOS: native programs under a generated profile that denies by default, for work that needs the
 * host's GPU. Nothing is mounted and nothing has a number of its own: programs see the host's folders at their own
 * places, as far as the profile opens them, and share its network. Each sandbox has a supervisor of its own (seat.c);
 * programs are started by a client (enter.c) that puts itself under the stored profile. */

#include "core/engine/backend.h"

extern const struct backend_ops seatbelt_backend;

/* `muthr-tui seat VERB [NAME [GRACE_MS]]`: the blocking helpers behind the verbs, and the supervisor. Not for people.
 */
int seatbelt_main(int argc, char **argv);

/* `muthr-tui seat-enter SANDBOX [--cwd D] [--env K=V]... [--no-tty] -- ARGV`: becomes that program under the sandbox's
 * profile, where it leads a session that is not a person's own (a host's); else runs it in one and waits. Exit code
 * 125: the sandbox is not running, 126/127: the program cannot be run. */
int seatbelt_enter_main(int argc, char **argv);

#endif
