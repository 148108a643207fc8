/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_IMAGE_JOB_H
#define MT_BACKENDS_PODMAN_IMAGE_JOB_H

/* Pulls and builds that several ops may wait for (S13): a job is known by the reference it makes; whoever asks for the
 * same waits for the same, and it is ended when nobody waits any more. */

#include "backends/podman/podman_private.h"

/* Called once when the job is over, or with CANCELED after image_job_leave; never inside the call that joined. */
typedef void (*image_job_fn)(struct request *r, const struct error *err);

/* Pulls `ref`, on a terminal of its own, so that there are percentages. */
int image_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err);
/* Builds `tag` from `file` in `context` (both absolute, of this machine). */
int image_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                    struct error *err);
/* The request does not wait any more: done follows on the next turn. */
void image_job_leave(struct request *r);

#endif
