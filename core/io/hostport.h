/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_HOSTPORT_H
#define MT_CORE_IO_HOSTPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Does something on this machine hold that port now? Tried by binding to it for a moment; what cannot be told (no
 * right, no such address) is no. `ip`: "" means 127.0.0.1. */
bool hostport_is_taken(const char *ip, uint16_t port, bool udp);
/* Could we publish on it now? What cannot be told is no. */
bool hostport_is_free(const char *ip, uint16_t port, bool udp);
/* One that nobody holds now, as the system chooses it; 0: there is none, or no such address. */
uint16_t hostport_any(const char *ip, bool udp);

#endif
