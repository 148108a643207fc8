/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_HELD_H
#define MT_CORE_ENGINE_HELD_H

/* Which backend of this machine holds which sandbox, as last seen: STATE/held/<sandbox>.<backend>, empty files. A
 * sandbox whose runtime was taken away is unknown then, not gone, and stays with its backend whatever the configuration
 * says by now. */

#include <stddef.h>

#include "core/engine/backend.h"
#include "core/util/paths.h"

struct held {
    char sandbox[96], backend[16];
};

/* All of them, by sandbox. Heap, free(). */
size_t held_list(const struct paths *paths, struct held **out);
/* The backend makes it now, or has it; or it is gone. */
int held_put(const struct paths *paths, const char *sandbox, const char *backend, struct error *err);
void held_drop(const struct paths *paths, const char *sandbox, const char *backend);
/* What a backend listed is all that it holds. Writes only what is new. */
void held_sync(const struct paths *paths, const char *backend, const struct sandbox_info *infos, size_t count);

#endif
