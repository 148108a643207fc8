/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_STANDIN_RIG_H
#define MT_TESTS_BACKENDS_STANDIN_RIG_H

/* The stand-in for Apple's container (tests/play/container) for one test: a state folder of its own, first in PATH, its
 * waits shrunk. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/json.h"
#include "core/util/strbuf.h"

/* The versions that everything is run at: one of each generation. */
extern const char *const standin_versions[]; /* NULL-terminated */

/* NULL, or why it cannot run here (not Linux, no busybox, no namespaces). */
const char *standin_unusable(void);
/* A fresh state folder below `base` (NULL: one of its own in /tmp) that plays `version`; sets CONTAINER_STANDIN*, and
 * PATH so that `container` is it. Ends the test program when that fails. */
void standin_open(const char *base, const char *version);
/* Another version over the same state, as an upgrade would be. */
void standin_version(const char *version);
/* Deletes every container and the folder. */
void standin_close(void);
/* The state folder. */
const char *standin_root(void);
/* Writes or (text NULL) removes a file of it: "down", "no-kernel", "offline", "shutdown_ms", "catalog", ... */
void standin_file(const char *name, const char *text);
/* Orders a fault (tests/play/container/fault.c): "start 0 error internalError text". */
void standin_fault(const char *line);
/* Has every fault of the file fired? */
bool standin_faults_done(void);
/* Kills those that a fault made hang: who asked them may be dead. */
void standin_end_hung(void);
/* Command lines so far, one JSON array a line. free(). standin_forget_calls begins anew. */
char *standin_calls(void);
void standin_forget_calls(void);

/* What it said, and how it ended: exit code, 128 + signal, -1 after the deadline. */
struct standin_ran {
    int code;
    struct strbuf out, err;
};
#define STANDIN_RAN_INIT ((struct standin_ran){.code = -1, .out = STRBUF_INIT, .err = STRBUF_INIT})
void standin_ran_release(struct standin_ran *r);
void standin_run_argv(struct standin_ran *r, const char *input, const char *const *args);
/* Runs `container ARGS` to its end with an empty stdin; r is overwritten. */
#define standin_run(r, ...) standin_run_argv((r), NULL, (const char *const[]){__VA_ARGS__, NULL})
/* The state of a container as `list` tells it ("running", ...), or "" when there is none. free(). */
char *standin_state(const char *id);

#endif
