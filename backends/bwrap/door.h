/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_DOOR_H
#define MT_BACKENDS_BWRAP_DOOR_H

/* A sandbox's reserved port (behaviour B6), and the door from it to the same port inside: http://127.0.0.1:PORT on the
 * host shows what a dev server inside serves. The init connects inside and hands the socket out, so nothing of the
 * host's network becomes visible in there. Opened only for an isolated network with outside access; with no network
 * nothing is published. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/util/error.h"

/* Every user of the machine can connect to its loopback: no more relays than this at a time, the others wait. */
#define DOOR_RELAYS_MAX 64

struct door {
    int fd;       /* bound to the port; -1: not reserved */
    int leash[2]; /* relays end when the write end closes */
    int port;
    const char *dir;               /* of the sandbox; the caller's */
    pid_t relays[DOOR_RELAYS_MAX]; /* our children; 0: free */
};

/* Reserves the wished port, else the last one, else any. Nobody else can bind it; a connection is refused. Leaves port
 * 0 on failure. */
void door_reserve(struct door *d, const char *dir, int wish, int last);
/* Gives the port up, for a sandbox on the host's own network, whose program must be able to bind it. */
void door_yield(struct door *d);
/* Accepts connections from now on. */
int door_open(struct door *d, struct error *err);
/* True when a connection should be waited for: it is open, and there is room for one more. */
bool door_is_ready(const struct door *d);
/* One connection is there: a relay process of its own carries it. */
void door_serve(struct door *d);
/* On SIGCHLD: takes leave of relays that have ended. */
void door_reap(struct door *d);
/* Ends all relays, waits for them, and refuses connections; the port stays reserved. */
void door_shut(struct door *d);
void door_release(struct door *d);

#endif
