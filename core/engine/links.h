/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_LINKS_H
#define MT_CORE_ENGINE_LINKS_H

/* Connections from a sandbox's own network to an address, as the kernel lists them (Linux, proc(5): /proc/PID/net/tcp
 * and tcp6). Nothing is sent. */

#include <stddef.h>
#include <stdint.h>

/* Established or being established, from the network namespace of process `pid` to host:port; host is a numeric
 * address. -1: it cannot be told: another system, a name, no such process, or the namespace is our own, where others'
 * connections are too. */
int links_count(int pid, const char *host, uint16_t port);
/* Lines of such a table that fit; `text` is the whole of it. */
int links_parse(const char *text, const char *host, uint16_t port);

#endif
