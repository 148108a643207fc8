/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_CLIENT_H
#define MT_BACKENDS_BWRAP_CLIENT_H

/* Talking to a sandbox's init or shim from a process of its own (shim, enter, helpers): blocking, always with a
 * deadline. The init is hostile as far as we are concerned: lengths and received descriptors are checked. The cockpit's
 * process uses client_connect only. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/bwrap/wire.h"
#include "core/util/error.h"

/* A SOCK_SEQPACKET socket (CLOEXEC) at dir/run/NAME, connected resp. listening; paths longer than sun_path go through
 * /proc/self/fd. Errors: UNAVAILABLE when nobody listens there or there is no such socket, SYS. */
int client_connect(const char *dir, const char *name, int *fd, struct error *err);
int client_listen(const char *dir, const char *name, int *fd, struct error *err);

/* Sends one packet with `count` descriptors. */
int client_send(int fd, const void *data, size_t len, const int *fds, size_t count, struct error *err);
/* Waits for one packet. Returns its length (0: the peer is gone), or -1 (TIMEOUT, SYS). *passed: a received descriptor
 * (CLOEXEC) or -1. */
ssize_t client_recv(int fd, void *buf, size_t cap, int *passed, uint64_t timeout_ms, struct error *err);
/* Connects to the init, asks, waits for an answer of exactly `reply_len` bytes with the wanted type. */
int client_ask(const char *dir, const void *ask, size_t ask_len, void *reply, size_t reply_len, int type,
               uint64_t timeout_ms, struct error *err);

#endif
