/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/podman_private.h"

int podman_image(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "images cannot be made by this version");
}

int podman_commit(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "images cannot be made by this version");
}

void podman_images_close(struct backend *be)
{
    (void)be;
}
