/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no Linux: the name alone, so that who asks for it is told why it cannot be. */
#include "backends/bwrap/bwrap.h"

#if !defined(__linux__)

#include <stddef.h>

static struct backend *bwrap_open(const struct backend_env *env, struct error *err)
{
    (void)env;
    error_hint(err, ERROR_UNAVAILABLE, "use container, seatbelt or podman here",
               "bubblewrap's sandboxes are namespaces of a Linux kernel, which this is not");
    return NULL;
}

/* Nothing else is ever called: there is nothing open. */
const struct backend_ops bwrap_backend = {.name = "bwrap", .open = bwrap_open};

#endif
