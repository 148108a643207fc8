/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_FORWARD_H
#define MT_BACKENDS_PODMAN_FORWARD_H

/* The way to the podman service of another machine: one OpenSSH connection per host, with the user's own configuration,
 * keys and host checks, that forwards the service's socket to one of ours. `podman --url unix://OURS` then does
 * everything as here, at the cost of a local call (backends.md 5: 22 ms a `ps` against 200 ms by podman's own ssh).
 *
 * The connection is a control master that belongs to nobody: cockpits, verbs and the relays of sessions use it, and it
 * goes by itself ten minutes after the last of them (ControlPersist; an events stream or an open session keeps it).
 * Whoever finds it gone starts it again, one at a time, under a lock. Nothing is asked on a terminal (BatchMode): what
 * needs a person's answer is an error that says so. Sources: ssh(1), ssh_config(5); measured with OpenSSH 9.2. */

#include "core/engine/backend.h"
#include "core/util/strbuf.h"

struct forward;

/* `target` as in [[hosts]]; copied. Starts nothing. INVALID when the url makes no sense. */
struct forward *forward_new(struct loop *loop, const struct paths *paths, const struct backend_target *target,
                            struct error *err);
/* Where the service answers once it is up: a path of at most 107 bytes. The same for every process of this user. */
const char *forward_socket(const struct forward *f);
/* Makes sure of it. `done` exactly once, not inside the call; NULL: somebody accepts connections there. Several may
 * wait at once. Errors: UNAVAILABLE with the cause and what to do. */
void forward_up(struct forward *f, void (*done)(void *arg, const struct error *err), void *arg);
/* `done` of this arg comes with CANCELED. */
void forward_cancel(struct forward *f, void *arg);
/* A program and its standard input that list the folders below `path` over there, a name a line, once the way is up. A
 * socket (unix://) is taken to be of this machine. Appends. */
void forward_list_argv(const struct forward *f, const char *path, struct strvec *argv, struct strbuf *input);
/* Nobody may wait any more. The connection stays. NULL allowed. */
void forward_free(struct forward *f);

#endif
