/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_IMAGE_JOB_H
#define MT_BACKENDS_IMAGE_JOB_H

/* Pulls and builds that several requests may wait for (S13, flight.h), of a backend with requests.h: a job is known by
 * the reference it makes; whoever asks for the same waits for the same, and it is ended when nobody waits any more.
 * What the runtime's words mean is the backend's own, in a job that begins with a `struct image_job`. */

#include "backends/flight.h"
#include "backends/requests.h"
#include "core/io/pty.h"

struct image_job {
    struct flight flight; /* first: the job is known by it */
    struct pty *pty;      /* of a pull */
    struct proc *proc;    /* of a build; whose on_done sets it to NULL, and calls flight_end */
    /* Why a pull ended with that code: fills err. */
    void (*explain_pull)(struct image_job *j, int code, struct error *err);
};

/* Called once when the job is over, or with CANCELED after a cancel; never inside the call that joined. */
typedef void (*image_job_fn)(struct request *r, const struct error *err);

/* The request waits for the job that makes `ref` already, if there is one. False: there is none. */
bool image_job_join(struct request *r, const char *ref, image_job_fn done);
/* A job of `size` bytes, zeroed behind its beginning. One of the next two follows at once. */
struct image_job *image_job_new(struct request *r, size_t size, const char *ref);
/* Starts a pull on a terminal of its own, so that there are percentages. `on_data` gets the job as arg; explain_pull is
 * set. -1: as pty_start; the job is gone. */
int image_job_pull(struct request *r, struct image_job *j, const struct strvec *argv, struct strvec *env,
                   void (*on_data)(void *arg, const char *data, size_t len), image_job_fn done, struct error *err);
/* Starts a build; opts->arg is the job. -1: as cli_start; the job is gone. */
int image_job_build(struct request *r, struct image_job *j, const struct cli_opts *opts, image_job_fn done,
                    struct error *err);

#endif
