/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_PORT_H
#define MT_BACKENDS_PROCESS_PORT_H

/* A socket (CLOEXEC, non-blocking) bound to a port of the host's loopback (0: any), which nobody else can bind as long
 * as it is open; the port in *got. -1: it is taken. */
int port_bind(int port, int *got);

#endif
