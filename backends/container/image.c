/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container_private.h"

/* IMAGE. */

int ctr_image_submit(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot pull or build images yet");
}

void ctr_images_close(struct backend *be)
{
    (void)be;
}
