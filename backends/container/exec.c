/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container_private.h"

/* EXEC and sessions. */

int ctr_exec_submit(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot run programs in a sandbox yet");
}

int ctr_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                  struct error *err)
{
    (void)be;
    (void)spec;
    (void)argv_out;
    (void)env_out;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot open sessions yet");
}
