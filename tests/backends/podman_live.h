/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_PODMAN_LIVE_H
#define MT_TESTS_BACKENDS_PODMAN_LIVE_H

/* The podman backend opened on a world of real podman (podman_rig.h), here or through podman's service as on another
 * machine: its calls, and what it reports of changes. */

#include <stdbool.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/io/loop.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"

/* Of the containers that are muthr's. */
#define LABELS "--label", "muthr.managed=true", "--label", "muthr.owner=project"

struct live_rig {
    struct loop *loop;
    struct paths paths;
    struct backend *be;
    struct strbuf reports; /* one line each: a name, or "*" */
};
extern struct live_rig live;

/* Set-ups and tear-down of a group: the backend here, the backend by a service. */
int live_setup(void **state);
int live_setup_remote(void **state);
int live_teardown(void **state);
void live_service_start(void);
void live_service_stop(void);

/* Turns the loop until cond(arg) or the deadline; with live_never for so long. Returns the last cond. */
bool live_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms);
bool live_never(const void *arg);
/* For backend.watch; and the condition that a name, or "*", was reported. */
void live_on_change(void *arg, const char *name);
bool live_reported(const void *name);

/* One call, zero at first; `text` is its lines, "O:..." or "E:...". */
struct live_call {
    struct backend_call call;
    struct error err;
    bool done;
    struct strbuf text;
};
void live_begin(struct live_call *c, enum backend_verb verb, const char *name);
/* Waits for its end; fails the test when it does not come. */
enum error_code live_finish(struct live_call *c);
enum error_code live_run(struct live_call *c, enum backend_verb verb, const char *name);
void live_release(struct live_call *c);

#endif
