/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_CARRY_H
#define MT_BACKENDS_PROCESS_CARRY_H

/* Bytes from one descriptor to another, by poll(2): what a client does between its own terminal, or files, and a
 * program that gets neither. */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* One direction of bytes. */
struct carry {
    int from, to; /* -1: closed */
    size_t start, end;
    char buf[65536];
};

bool carry_is_pending(const struct carry *r);
/* Puts the wanted readiness of one direction into two poll entries. */
void carry_prepare(const struct carry *r, struct pollfd *p);
/* Does what is ready. At the end of the source it is closed, and where nobody reads any more the target. */
void carry_serve(struct carry *r, const struct pollfd *p);
/* Closes one end, unless it is one of our standard streams. */
void carry_close(int *fd);

#endif
