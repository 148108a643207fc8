/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_FD_H
#define MT_CORE_IO_FD_H

/* Descriptor flags, the portable way. For core/io, and for what starts processes of its own or owns a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0 /* where it is missing SO_NOSIGPIPE is set instead (core/io/sock_addr) */
#endif

/* Sets FD_CLOEXEC, and O_NONBLOCK when asked. 0, or -1 and errno. */
int fd_set_flags(int fd, bool nonblock);
/* A pipe with both ends CLOEXEC. 0, or -1 and errno. */
int fd_pipe(int fds[2]);
/* Lets this process, and what it starts, open so many files if the system allows it and gives fewer: macOS gives 256.
 */
void fd_raise_limit(int wanted);
/* Waits until it takes more bytes, at most so long; also on terminals, where poll(2) of macOS does not.
 * Async-signal-safe. */
void fd_wait_writable(int fd, int wait_ms);
/* The device of the terminal that this process has, for open(2): one that may be watched, which /dev/tty may not on
 * macOS. 0, or -1 when there is none. */
int fd_terminal(char *out, size_t cap);
/* Closes (or only marks CLOEXEC) everything from `first` up. Async-signal-safe: for a child after fork. */
void fd_close_from(int first);
void fd_cloexec_from(int first);

#endif
