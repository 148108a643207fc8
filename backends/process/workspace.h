/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_WORKSPACE_H
#define MT_BACKENDS_PROCESS_WORKSPACE_H

#include "core/util/error.h"

/* Refuses a workspace that would show what must stay hidden: /, the home folder, their ancestors, the state folder, or
 * a folder that holds keys; or that holds, or lies in, muthr's configuration and state: who can write those decides
 * what the next sandbox may do. `real` is resolved; the others are absolute. ERROR_DENIED. */
int workspace_check(const char *real, const char *home, const char *state, const char *config, struct error *err);

#endif
