/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container_private.h"

/* COMMIT. */

int ctr_commit_submit(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot make an image of a sandbox yet");
}
