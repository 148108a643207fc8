/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/master.h"

#include <errno.h>
#include <unistd.h>

/* Linux looks first whether there is something to read, then whether the other side has been closed: a program that
 * writes its last words and goes in between makes it say EIO although they are there. One that asks after the close
 * gets them, so it is asked again. */
ssize_t master_read(int fd, void *buf, size_t cap)
{
    ssize_t n = read(fd, buf, cap);

    return n < 0 && errno == EIO ? read(fd, buf, cap) : n;
}
