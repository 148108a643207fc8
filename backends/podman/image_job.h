/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_IMAGE_JOB_H
#define MT_BACKENDS_PODMAN_IMAGE_JOB_H

/* Pulls and builds of podman, that several requests may wait for (backends/image_job.h). */

#include "backends/image_job.h"
#include "backends/podman/podman_private.h"

/* Pulls `ref`, on a terminal of its own, so that there are percentages. */
int podman_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err);
/* Builds `tag` from `file` in `context` (both absolute, of this machine). */
int podman_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                     struct error *err);

#endif
