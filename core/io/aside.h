/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_ASIDE_H
#define MT_CORE_IO_ASIDE_H

/* Short notes to another process that need not wake it: a pipe whose reading end nobody waits on. Who reads looks into
 * it whenever something else has woken it. What was put in before the other did something else is found when that is
 * noticed. */

#include <stdbool.h>
#include <stddef.h>

#define ASIDE_MAX 200 /* bytes in a note: with its length, never torn by the kernel (PIPE_BUF is 512 at least) */

/* The two ends, CLOEXEC and non-blocking; the caller closes them. 0, or -1 and errno. */
int aside_open(int fds[2]);
/* Is it the writing end of one, fit to be written to without ever waiting? For one that came over a socket. */
bool aside_is_writable(int fd);
/* Leaves a note of 1 to ASIDE_MAX bytes. False when it is too long, there is no room or nobody to read it. */
bool aside_put(int fd, const void *data, size_t len);
/* Takes all notes there are, in their order. Ends also while somebody goes on leaving some: those are for the next
 * time. */
void aside_take(int fd, void (*fn)(void *arg, const char *data, size_t len), void *arg);

#endif
