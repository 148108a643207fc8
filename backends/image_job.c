/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/image_job.h"

#include <stdlib.h>

#include "core/util/xmalloc.h"

#define PULL_COLS 160 /* a narrow bar leaves its numbers out */

/* Nobody waits for it any more. The terminal's hang-up ends a pull. */
static bool abandon(struct flight *f)
{
    struct image_job *j = (struct image_job *)f;
    if (j->proc) {
        proc_kill(j->proc);
    }
    return j->proc != NULL;
}

static void job_release(struct flight *f)
{
    struct image_job *j = (struct image_job *)f;
    pty_close(j->pty);
    free(j);
}

struct image_job *image_job_new(struct request *r, size_t size, const char *ref)
{
    struct image_job *j = xcalloc(1, size);
    j->flight.abandon = abandon;
    j->flight.release = job_release;
    flight_init(&j->flight, &r->all->jobs, r->all->loop, ref);
    return j;
}

/* It is over for this one. */
static void on_told(void *arg, const struct error *err)
{
    struct request *r = arg;
    r->on_cancel = NULL;
    r->image_done(r, err);
}

/* The request does not wait any more: its end follows on the next turn. */
static void leave(struct request *r)
{
    flight_leave(&r->all->jobs, r);
}

/* Waits for a job that runs. */
static void join(struct flight *f, struct request *r, image_job_fn done)
{
    r->image_done = done;
    r->on_cancel = leave;
    flight_join(f, r->call, on_told, r);
}

bool image_job_join(struct request *r, const char *ref, image_job_fn done)
{
    struct flight *known = flight_find(&r->all->jobs, ref);
    if (known) {
        join(known, r, done);
    }
    return known != NULL;
}

static void on_pull_exit(void *arg, int code, int signal)
{
    struct image_job *j = arg;
    struct error err = ERROR_INIT;
    (void)signal;
    if (code != 0) {
        j->explain_pull(j, code, &err);
    }
    flight_end(&j->flight, code != 0 ? &err : NULL);
}

int image_job_pull(struct request *r, struct image_job *j, const struct strvec *argv, struct strvec *env,
                   void (*on_data)(void *arg, const char *data, size_t len), image_job_fn done, struct error *err)
{
    strvec_setenv(env, "TERM", "xterm");
    struct pty_opts opts = {.argv = (const char *const *)argv->v,
                            .env = (const char *const *)env->v,
                            .cwd = "/",
                            .cols = PULL_COLS,
                            .rows = 50,
                            .on_data = on_data,
                            .on_exit = on_pull_exit,
                            .arg = j};
    if (pty_start(&j->pty, r->all->loop, &opts, err) < 0) {
        flight_drop(&j->flight);
        return -1;
    }
    join(&j->flight, r, done);
    return 0;
}

int image_job_build(struct request *r, struct image_job *j, const struct cli_opts *opts, image_job_fn done,
                    struct error *err)
{
    if (r->all->kind->run(&j->proc, r->be, opts, err) < 0) {
        flight_drop(&j->flight);
        return -1;
    }
    join(&j->flight, r, done);
    return 0;
}
