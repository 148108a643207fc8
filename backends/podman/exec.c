/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_exec(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}

int podman_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                     struct error *err)
{
    (void)be;
    (void)spec;
    (void)argv_out;
    (void)env_out;
    return error_set(err, ERROR_UNAVAILABLE, "podman sandboxes cannot do that in this version");
}
