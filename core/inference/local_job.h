/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_LOCAL_JOB_H
#define MT_CORE_INFERENCE_LOCAL_JOB_H

/* Starting, stopping and restarting the local inference server (I4), as one op: lock, look, stop, clean up, start,
 * wait. A server that was started belongs to nobody: it has a session of its own and outlives whoever started it. */

#include "core/inference/local.h"
#include "core/io/http.h"
#include "core/io/loop.h"

struct local_job;

enum local_verb { LOCAL_START, LOCAL_STOP, LOCAL_RESTART };

/* What became of it; valid during the call. */
struct local_done {
    enum local_verb verb;
    const struct local_server *server; /* as it was found */
    const struct local_want *want;     /* what was to be started; NULL for LOCAL_STOP */
    int pid;                           /* of what runs now, or ran until now; 0: none */
    bool already;                      /* it ran before, as it was asked for: nothing was done */
    bool stopped, killed;              /* it was stopped; it had to be killed */
    bool started;
    const char *state; /* what it answered last: "ready", "loading", "down" ... */
    const char *tail;  /* its last lines when it ended at once; else "" */
};
typedef void (*local_done_fn)(void *arg, const struct local_done *done, const struct error *err);

struct local_job_opts {
    struct loop *loop;
    struct http_client *http; /* outlives the job */
    const struct paths *paths;
    const struct config *config;
    enum local_verb verb;
    struct local_request request;        /* LOCAL_START, LOCAL_RESTART: without a word what runs is started again */
    const struct local_runtime *runtime; /* LOCAL_STOP */
    bool wait;          /* until it is ready; else until it answers anything, or has stood for settle_ms */
    uint64_t ready_ms;  /* how long at most; 0: 600000. It runs on after that: TIMEOUT */
    uint64_t settle_ms; /* 0: 3000 */
    uint64_t grace_ms;  /* between TERM and KILL; 0: 15000 */
    void (*progress)(void *arg, const char *step, const char *text); /* news for people; may be NULL */
    local_done_fn done;                                              /* exactly once, never inside a call of ours */
    void *arg;
};

/* Copies what it needs of opts and its strings, but for paths and config. On -1 nothing was done and done does not
 * come: INVALID, NOT_FOUND, UNAVAILABLE (see local_resolve). Later errors: BUSY (the port, or the server runs with
 * another model), EXIT (it ended at once), TIMEOUT, DENIED (a pid file that may not be judged), CANCELED. */
int local_job_start(struct local_job **out, const struct local_job_opts *opts, struct error *err);
void local_job_cancel(struct local_job *j);

#endif
