/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PTY_SPAWN_H
#define MT_CORE_IO_PTY_SPAWN_H

/* The fork of pty.c: opens a pseudo-terminal and runs a program on it as session leader. For core/io/pty.c only. */

#include "core/util/error.h"

struct pty_opts;

/* On success *pid is the child, and the master descriptor (non-blocking, CLOEXEC) is returned. -1: nothing is left
 * behind. *offer: our end of the socket on which the child may hand over another terminal, when its environment asks
 * for that (core/io/handover.h), else -1. */
int pty_spawn(const struct pty_opts *opts, int *pid, int *offer, struct error *err);

#endif
