/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_IMAGE_JOB_H
#define MT_BACKENDS_CONTAINER_IMAGE_JOB_H

/* Pulls and builds of Apple's command, that several calls may wait for (backends/image_job.h). */

#include "backends/container/container_private.h"
#include "backends/image_job.h"

/* Pulls `ref`, on a terminal of its own: without one, versions before 0.12 say nothing. */
int ctr_job_pull(struct request *r, const char *ref, image_job_fn done, struct error *err);
/* Builds `tag` from `file` in `context` (both absolute). INVALID before anything is begun: a file that is too large for
 * the builder. The builder is started by the command itself, which takes minutes the first time. */
int ctr_job_build(struct request *r, const char *tag, const char *file, const char *context, image_job_fn done,
                  struct error *err);

#endif
