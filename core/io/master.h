/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_MASTER_H
#define MT_CORE_IO_MASTER_H

/* The side of a pseudo-terminal that is ours. */

#include <stddef.h>
#include <sys/types.h>

/* read(2) of a terminal's master that does not block. It says EIO (Linux), or 0, only when nobody had the terminal open
 * and all that was written into it before has been read. */
ssize_t master_read(int fd, void *buf, size_t cap);

#endif
