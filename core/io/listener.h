/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LISTENER_H
#define MT_CORE_IO_LISTENER_H

/* Who listens on a TCP port of this machine, and for whom. Looks only. Linux: /proc/net/tcp and the descriptors of
 * processes that we may see; macOS: libproc, our own processes only; a bind tells that a port is taken by someone else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTENERS_MAX 8

struct listener {
    char address[64]; /* numeric: "127.0.0.1", "0.0.0.0", "::" */
    int pid;          /* 0: not to be seen from here */
    char name[64];    /* of its program, sanitised; "" without a pid */
};

/* Those on that port, at most LISTENERS_MAX of them. *known: false where the system does not tell. */
size_t listener_find(uint16_t port, struct listener out[LISTENERS_MAX], bool *known);
/* Would a bind to `host` ("0.0.0.0" and "::" mean all) run into one on `address`? */
bool listener_clashes(const char *host, const char *address);
/* Is it reached only from this machine and its containers: loopback, or an address of a bridge that container runtimes
 * make? Names other than localhost are not looked up: no. */
bool listener_is_local(const char *address);

#endif
