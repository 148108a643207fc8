/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_TASK_H
#define MT_TERM_HOST_TASK_H

/* Inside a host: a task's program is started again as its policy says (term/task_plan.h), with no cockpit needed. One
 * terminal, one scrollback and one log for all its runs, with a line between them. While it waits it counts as running:
 * it has no pid, and task_state.next_wall_ms says when. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"

struct host_session;

/* Before the first run. Nothing for other kinds of session. */
void host_task_open(struct host_session *h);
/* A run has begun. */
void host_task_begun(struct host_session *h);
/* The program has ended, and its terminal is closed. True: the session goes on. */
bool host_task_ended(struct host_session *h, int code, int signum);
/* Bytes of the program, which the terminal has taken. */
void host_task_output(struct host_session *h, const char *data, size_t len);
/* It waits to be started again. */
bool host_task_waits(const struct host_session *h);
/* A person ends it, for good: when it waits it has ended with this call. */
void host_task_killed(struct host_session *h);
/* What a person is to be told of the end for good, as failed or not. */
void host_task_tell_end(struct host_session *h);
/* The last line of the terminal is ours, not the program's. */
bool host_task_has_last_line(const struct host_session *h);
/* A person wants it started again, now. Errors: INVALID when it is no task; SYS. */
int host_task_restart(struct host_session *h, struct error *err);
/* The host ends. */
void host_task_close(struct host_session *h);

#endif
