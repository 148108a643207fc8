/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_NET_H
#define MT_BACKENDS_BWRAP_NET_H

/* Outside access for a sandbox that has a network namespace of its own: pasta or slirp4netns, attached from outside.
 * Ending the helper takes the interface away again, in the running sandbox: that is how it is sealed. Blocks (shim and
 * probe only). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/util/error.h"
#include "core/util/strvec.h"

enum net_helper { NET_HELPER_NONE, NET_HELPER_PASTA, NET_HELPER_SLIRP };

struct net_link {
    enum net_helper kind;
    pid_t pid;  /* of the helper, 0: none */
    int status; /* how it ended, as waitpid has it; -1: it has not */
    int netns_fd, userns_fd;
    int log_fd; /* its stdout and stderr, non-blocking */
};

/* Which helpers may work here, best first; returns the count. pasta drops to "nobody" when started by root and then may
 * not enter. */
size_t net_candidates(enum net_helper out[2]);
/* Nameserver address that the helper answers on, for resolv.conf. */
const char *net_dns_address(enum net_helper kind);
/* True when we may open /dev/net/tun; else the reason in *why. */
bool net_tun_usable(char *why, size_t cap);
/* The helper's argv (pure). */
void net_argv(enum net_helper kind, pid_t shim, pid_t target, int userns_fd, int netns_fd, struct strvec *argv);

/* Opens the namespaces of `target`, then starts the helper. UNAVAILABLE when it cannot be started. */
int net_attach(struct net_link *link, enum net_helper kind, pid_t target, struct error *err);
/* True while the helper runs; reaps it otherwise. */
bool net_is_alive(struct net_link *link);
/* What became of the helper, for messages: how it ended, with its last words when it failed; or, when it still runs,
 * that it did not answer within waited_ms. What a helper says in its ordinary course is no reason for anything. */
void net_explain(struct net_link *link, uint64_t waited_ms, char *out, size_t cap);
/* KILL and reap. Idempotent. */
void net_detach(struct net_link *link);

#endif
