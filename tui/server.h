/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SERVER_H
#define MT_TUI_SERVER_H

/* What the cockpit keeps of inference servers as long as it lives, whatever view is open: what each endpoint did lately
 * (for graphs), and the one job that starts or stops the server of this machine. The view is views/inference.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inference/history.h"
#include "core/inference/local_job.h"

struct app;
struct server;

/* The job that runs, or the last one. */
struct server_job {
    bool active, canceling;
    enum local_verb verb;
    char what[200]; /* "llama-server with fast" */
    char step[32], text[200];
    char over[80];       /* steps that are over and took a while: "stop start" */
    uint64_t since_ms;   /* monotonic */
    struct error failed; /* of the last one, until it was put away; code NONE: it went well */
    char *tail;          /* its last lines, when the server ended at once; may be NULL */
};

struct server *server_new(struct app *app);
/* Ends the job; `done` may be called at once. What was started goes on. */
void server_quit(struct server *s);
bool server_is_busy(const struct server *s);
void server_free(struct server *s); /* NULL allowed; not while it is busy */

/* Somebody sees these endpoints (indices; as engine_watch_inference, which is told): the graphs of the others have a
 * gap. */
void server_watch(struct server *s, const size_t *which, size_t count);
/* Those in sight are looked at anew, now. */
void server_look(struct server *s);
/* What is known of an endpoint has changed; or, past the end, which there are. */
void server_on_change(struct server *s, size_t endpoint);
/* NULL when it was never in sight. */
const struct history *server_history(const struct server *s, size_t endpoint);

const struct server_job *server_job(const struct server *s);
/* Starts one: LOCAL_STOP needs `runtime`, the others take `req` (NULL: what ran last). `what` is for people. -1 and
 * err: nothing was done. Told in the bottom line when it is over. */
int server_run(struct server *s, enum local_verb verb, const struct local_request *req,
               const struct local_runtime *runtime, const char *what, struct error *err);
void server_cancel(struct server *s);
/* Forgets the failure of the last job. */
void server_put_away(struct server *s);
/* fn(arg) when the job is a step further, or over; NULL: nobody wants them any more. */
void server_listen(struct server *s, void (*fn)(void *arg), void *arg);
/* "starting llama-server with fast", for the header; "" without a job. */
void server_text(const struct server *s, char *out, size_t cap);

#endif
