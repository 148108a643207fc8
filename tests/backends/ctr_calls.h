/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_CTR_CALLS_H
#define MT_TESTS_BACKENDS_CTR_CALLS_H

/* The container backend alone, over the stand-in, in a home of its own: calls run to their end, one after the other or
 * several at once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/backend.h"
#include "core/util/strbuf.h"

struct ctr_world {
    char *base; /* state, project; removed at the end */
    struct paths paths;
    struct loop *loop;
    struct backend *be;
    struct sandbox_spec spec; /* of muthr-demo: network full, the image that is ready */
    struct error err;         /* of the last call that ended */
    struct strbuf lines;      /* of all calls since ctr_clear */
    int most;                 /* the largest percentage seen since then */
    int running;
};
extern struct ctr_world cw;

#define CTR_DEMO "muthr-demo"
#define CTR_READY "localhost/muthr-ready:latest"

void ctr_open(const char *version);
void ctr_close(void);
void ctr_clear(void);
/* Begins a call; cw.running counts those that have not ended. */
void ctr_begin(struct backend_call *call);
/* Turns the loop until no call runs. */
void ctr_wait_all(void);
/* Turns it until cond(arg), with a deadline. */
void ctr_until(bool (*cond)(void *arg), void *arg);
/* Runs one; its error's code (NONE: it worked). Fails the test after a deadline. */
enum error_code ctr_call(struct backend_call *call);
/* Creates and starts muthr-demo from `image` with a network. */
void ctr_up(const char *image);
/* EXEC of sh -c: the exit code; the lines are in cw.lines. */
int ctr_sh(const char *command);

#endif
