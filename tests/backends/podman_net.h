/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_PODMAN_NET_H
#define MT_TESTS_BACKENDS_PODMAN_NET_H

/* A network namespace of the test's own. podman names its bridges podman1, podman2 and so on after those it sees: two
 * worlds in one namespace take the same name between `network create` and the first container, and the one that ends
 * first takes the other's bridge away. In its own namespace each world is alone. */

/* Moves this process, and all that it starts from now on, into a new network namespace with a loopback and one more
 * address, POD_UPLINK's, which stands for the machine's own. Nothing outside is reached from there. Linux, root.
 * Returns 0, or -1 with the reason on stderr. */
int pod_own_network(void);

#define POD_UPLINK "uplink"
#define POD_UPLINK_ADDRESS "198.51.100.2" /* RFC 5737: nobody's */

#endif
