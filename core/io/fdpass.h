/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_FDPASS_H
#define MT_CORE_IO_FDPASS_H

/* Bytes and descriptors over a socket of this machine (SCM_RIGHTS), in one message. */

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 8

/* As send: never SIGPIPE, again after EINTR. At most FDPASS_MAX descriptors, which stay open here; 0 is allowed. */
ssize_t fdpass_send(int to, const void *data, size_t len, const int *fds, size_t count);
/* As recv with `flags`, again after EINTR. Descriptors that come along are ours, CLOEXEC: *count of them, at most `max`
 * (<= FDPASS_MAX); more are not taken. Nothing is said of what they are. */
ssize_t fdpass_recv(int from, void *buf, size_t cap, int flags, int *fds, size_t max, size_t *count);

#endif
