/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_TASK_H
#define MT_CORE_MODEL_TASK_H

/* What a task session adds to a session: a command that is started again by a policy, that says when it is ready, and
 * that may listen on ports. Value types. The policy is what somebody asked for (a [tasks] table, `task run`); the host
 * carries it out, with or without a cockpit, and tells how it stands (struct task_state in struct session_info). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum task_restart { TASK_RESTART_NEVER, TASK_RESTART_ON_FAILURE, TASK_RESTART_ALWAYS };

#define TASK_NAME_MAX 64   /* [A-Za-z0-9][A-Za-z0-9_.-]*, with its end */
#define TASK_READY_MAX 256 /* a pattern for readiness, with its end */
#define TASK_PORTS_MAX 8

/* Back-off: so long before the first start again, twice as long each time, at most so long; from the beginning again
 * after a run of at least TASK_STEADY_MS. */
#define TASK_BACKOFF_FIRST_MS 1000
#define TASK_BACKOFF_MOST_MS 60000
#define TASK_STEADY_MS 60000

struct task_policy {
    enum task_restart restart;
    uint16_t ready_port;              /* ready when this port is listened on inside; 0: none */
    char ready_match[TASK_READY_MAX]; /* ready when a line of its output matches (term/pattern.h); "": none */
    uint32_t most_restarts;           /* in a row, then it has failed; 0: without end */
};

enum task_ready { TASK_READY_UNASKED /* the policy names nothing */, TASK_READY_NOT_YET, TASK_READY_YES };

struct task_state {
    struct task_policy policy;
    enum task_ready ready;
    uint64_t ready_wall_ms;         /* since when; 0: not */
    uint64_t run_wall_ms;           /* when this run began (session_info.started_wall_ms: the first one) */
    uint32_t restarts;              /* how often it was started again */
    uint32_t in_a_row;              /* of them without a steady run between */
    uint64_t next_wall_ms;          /* it has ended and is started again then; 0: it runs, or is done */
    int last_code, last_signal;     /* how the run before ended; valid with restarts > 0 or next_wall_ms != 0 */
    uint64_t last_lasted_ms;        /* how long that run was */
    uint16_t ports[TASK_PORTS_MAX]; /* that it listens on, inside, ascending */
    size_t port_count;
};

/* "never", "on-failure", "always" */
const char *task_restart_name(enum task_restart r);
/* -1 when unknown. */
int task_restart_parse(const char *s);

#endif
