/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_INUSE_H
#define MT_CORE_ENGINE_INUSE_H

/* Marks of programs that use a sandbox without being a session (`muthr-tui shell` on somebody's terminal), so that it
 * is not stopped under them (S8): STATE/use/<sandbox>.<pid>, with the process's start time. Marks of the dead are swept
 * by whoever looks. */

#include <stdbool.h>

#include "core/util/error.h"
#include "core/util/paths.h"

/* This process, and what it becomes by exec, uses the sandbox until it ends. */
int inuse_mark(const struct paths *paths, const char *sandbox, struct error *err);
/* Does a living process say so? */
bool inuse_any(const struct paths *paths, const char *sandbox);

#endif
