/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_FOREGROUND_H
#define MT_CORE_IO_FOREGROUND_H

/* A program that gets our own terminal for a while: an editor. It has our stdin, stdout and stderr, our session and our
 * process group, so that Ctrl-C and Ctrl-Z reach it as in a shell. Whoever starts it has let go of the terminal before,
 * and takes it back when it has ended. */

#include "core/io/loop.h"
#include "core/util/error.h"

struct foreground;
/* Exactly once, never inside foreground_start. `signum` is 0 unless a signal ended it. */
typedef void (*foreground_fn)(void *arg, int exit_code, int signum);

/* argv[0] is looked up in PATH. On -1 nothing runs and no callback comes. Errors: NOT_FOUND, SYS. */
int foreground_start(struct foreground **out, struct loop *loop, const char *const *argv, foreground_fn done, void *arg,
                     struct error *err);
/* Forgets it: it is not ended, and no callback comes. Not after `done`; NULL allowed. */
void foreground_close(struct foreground *f);

#endif
