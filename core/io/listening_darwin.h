/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LISTENING_DARWIN_H
#define MT_CORE_IO_LISTENING_DARWIN_H

/* macOS: the sockets that processes listen on. For core/io only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listening {
    char address[64]; /* numeric: "127.0.0.1", "0.0.0.0", "::" */
    uint16_t port;
};

/* At most `cap` of them, none of a process that is not ours to see. *looked counts the descriptors that were looked at,
 * and it is over when they are `looked_max`. Returns how many. */
size_t listening_of(int pid, struct listening *out, size_t cap, size_t *looked, size_t looked_max);

/* Is a process of ours bound to the socket file `path`? Also when its queue is full, which connect(2) there does not
 * tell from a process that has died: both are refused. Looks at every process of this user. */
bool listening_at(const char *path);

#endif
