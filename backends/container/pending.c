/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container_private.h"
#include "core/util/strbuf.h"

/* What is still to come. */

int ctr_probe(struct request *r, struct error *err)
{
    (void)err;
    r->call->probe.usable = false;
    str_copy(r->call->probe.reason, sizeof(r->call->probe.reason), "Apple's container runs on macOS");
    ctr_finish(r, NULL);
    return 0;
}

int ctr_list(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot list yet");
}

int ctr_inspect(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot inspect yet");
}

int ctr_create(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot create yet");
}

int ctr_start(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot start yet");
}

int ctr_stop(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot stop yet");
}

int ctr_delete(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot delete yet");
}

int ctr_stats(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot count yet");
}

int ctr_logs(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot show logs yet");
}

int ctr_isolation(struct request *r, struct error *err)
{
    (void)r;
    return error_set(err, ERROR_UNAVAILABLE, "the backend container cannot look at isolation yet");
}

void ctr_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    (void)be;
    (void)fn;
    (void)arg;
}

void ctr_watch_hurry(struct backend *be)
{
    (void)be;
}

void ctr_stats_close(struct backend *be)
{
    (void)be;
}

void ctr_details_close(struct backend *be)
{
    (void)be;
}

const char *ctr_user_of(const struct backend *be, const char *container)
{
    (void)be;
    (void)container;
    return NULL; /* the relay asks */
}
