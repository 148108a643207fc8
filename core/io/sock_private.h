/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_SOCK_PRIVATE_H
#define MT_CORE_IO_SOCK_PRIVATE_H

/* Between sock.c and sock_server.c. */

#include "core/io/sock.h"

/* Wraps a connected descriptor, which it owns from then on; closed on failure. NULL and err. */
struct sock *sock_wrap(struct loop *loop, int fd, struct error *err);

#endif
