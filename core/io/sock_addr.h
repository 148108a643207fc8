/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_SOCK_ADDR_H
#define MT_CORE_IO_SOCK_ADDR_H

/* Unix socket addresses: paths that are too long for sun_path, owners, and who is at the other end. For core/io/sock.c
 * only. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/util/error.h"

/* Binds and listens at `path` (0600), after removing a socket that nobody serves. Returns a non-blocking descriptor, or
 * -1. */
int sock_addr_listen(const char *path, struct error *err);
/* Connects; the owner of the path and the peer are checked. Returns a non-blocking descriptor, or -1. */
int sock_addr_connect(const char *path, struct error *err);
/* 0 when the process at the other end has our own uid; else ERROR_DENIED. */
int sock_addr_check_peer(int fd, struct error *err);

#endif
