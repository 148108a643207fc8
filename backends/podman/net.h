/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_NET_H
#define MT_BACKENDS_PODMAN_NET_H

/* The networks of sandboxes. Every sandbox has a bridge of its own rather than a place on a shared one:
 *  - on a shared bridge (podman's default network) all containers of the machine reach each other, those of other
 * people too; two of ours would be no secret from each other;
 *  - it can be cut: `network disconnect` works on bridges only, not on slirp4netns, pasta or the host's network;
 *  - an internal network (level "model") shows its gateway to its members only, so it must not be shared either.
 * A bridge costs 50 ms at creation and nothing while nobody is on it; podman has room for thousands of subnets.
 *
 * Levels. open: a bridge with a way out, name service as on the host, closed against other isolated bridges (netavark).
 * model: an internal bridge: no route out, of this machine only what listens on its gateway address or on all
 * addresses, whatever the port. It needs podman's name server to be switched on (without it netavark 1.4 leaves the
 * gateway address off the bridge); where aardvark-dns is installed that server resolves outside names, too: a way out
 * for a patient program. Whoever shows the level must say so (podman_net_leak). none: no interface but lo.
 *
 * Networks carry our labels, and go with their sandbox. */

#include <stdbool.h>

#include "core/engine/backend.h"

#define PODMAN_NET_NAME_MAX 128

/* Names of the two networks of a container. */
void podman_net_name(const char *container, bool model, char out[PODMAN_NET_NAME_MAX]);
/* What level "model" does not keep in: for isolation and warnings. */
const char *podman_net_leak(void);
/* Can a container that was created with this --network be cut later? false: why, and what to do, in *err. */
bool podman_net_can_cut(const char *created, struct error *err);

/* Splits what `cat /proc/net/dev /proc/net/route` said. */
struct facts_net;
void podman_net_parse_inside(const char *text, struct facts_net *out);

#endif
