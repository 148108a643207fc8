/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_FD_H
#define MT_CORE_IO_FD_H

/* Descriptor flags, the portable way. For core/io and what starts processes of its own. */

#include <stdbool.h>
#include <sys/socket.h>

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0 /* where it is missing SO_NOSIGPIPE is set instead (core/io/sock_addr) */
#endif

/* Sets FD_CLOEXEC, and O_NONBLOCK when asked. 0, or -1 and errno. */
int fd_set_flags(int fd, bool nonblock);
/* A pipe with both ends CLOEXEC. 0, or -1 and errno. */
int fd_pipe(int fds[2]);
/* Closes (or only marks CLOEXEC) everything from `first` up. Async-signal-safe: for a child after fork. */
void fd_close_from(int first);
void fd_cloexec_from(int first);

#endif
