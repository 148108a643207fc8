/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_CONTAINER_H
#define MT_BACKENDS_CONTAINER_CONTAINER_H

/* Sandboxes as containers of Apple's `container` command, each in a virtual machine of its own. It is driven by its
 * command line only; there is no daemon of ours, and no event stream: changes are found by looking (watch.c). Needs
 * container 0.6 or newer on macOS; on other machines a program of that name stands in for it in tests. */

#include "core/engine/backend.h"

extern const struct backend_ops container_backend;

/* The client of sessions and of programs run inside (`muthr-tui container-enter ...`, not for people): relay.h. */
int container_enter_main(int argc, char **argv);

#endif
