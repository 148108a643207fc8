/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_READY_H
#define MT_TERM_HOST_READY_H

/* Inside a task's host: whether it is ready, by a line of its output and by a port that it listens on (by both where
 * both are asked for), and which ports those are (core/io/ports.h; where the system does not tell, the addresses that
 * its output names). No timer runs while nothing is awaited: ports are looked for in growing steps after a start, and
 * after output that follows silence. */

#include <stddef.h>

struct host_ready;
struct host_session;

struct host_ready *host_ready_new(struct host_session *h);
void host_ready_free(struct host_ready *r); /* NULL allowed */
/* A run begins: not ready, no ports. */
void host_ready_begin(struct host_ready *r);
/* It has ended, without ports. That it was ready is told on, unless another run is waited for. */
void host_ready_end(struct host_ready *r);
void host_ready_wait(struct host_ready *r);
/* Bytes of the program. */
void host_ready_output(struct host_ready *r, const char *data, size_t len);

#endif
