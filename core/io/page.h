/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PAGE_H
#define MT_CORE_IO_PAGE_H

/* A piece of memory that two processes share, of a few kilobytes. Who gets its descriptor from another process need not
 * trust that one: it can neither shrink nor grow, so that reading it never faults (memfd_create(2), F_SEAL_SHRINK).
 * What stands in it is another matter. Linux only: elsewhere nothing has this property, and none is ever made. */

#include <stddef.h>

/* A new one, all zero, and a descriptor (CLOEXEC, the caller's) to pass on. NULL and errno: ENOSYS where there is none.
 */
void *page_new(size_t size, int *fd);
/* The one behind a descriptor, which stays the caller's. NULL and errno: EINVAL when it is not one of this size. */
void *page_map(int fd, size_t size);
void page_unmap(void *page, size_t size); /* NULL allowed */

#endif
