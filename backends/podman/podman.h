/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_PODMAN_H
#define MT_BACKENDS_PODMAN_PODMAN_H

/* Sandboxes as podman containers, on this machine or, with a target, on another one (podman --url). Everything is done
 * through the podman command, asynchronously; only containers with our two labels are ever changed (S1). */

#include "core/engine/backend.h"

extern const struct backend_ops podman_backend;

/* `muthr-tui podman-enter [--url U] [--cwd D] [--user U | --ask-user] [--no-tty] CONTAINER -- ARGV`: runs a program in
 * a running container through `podman exec` and ends it inside when it is ended itself (podman leaves it running).
 * Variables named MUTHR_ENTER_ENV_<K> of our environment become <K> inside. Returns the program's exit code; 125 when
 * the container is not there or went away, 126/127 when the program cannot be run. Not for people. */
int podman_enter_main(int argc, char **argv);

#endif
