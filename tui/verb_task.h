/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VERB_TASK_H
#define MT_TUI_VERB_TASK_H

/* Inside of the verb `task`: its words. Nobody else includes this. Each takes what is behind its word in ctx->o.names,
 * and returns an exit code. */

#include "tui/verb.h"

int verb_task_run(struct verb_ctx *ctx);     /* verb_task_run.c */
int verb_task_ls(struct verb_ctx *ctx);      /* verb_task_list.c */
int verb_task_logs(struct verb_ctx *ctx);    /* verb_task_logs.c */
int verb_task_stop(struct verb_ctx *ctx);    /* verb_task.c */
int verb_task_restart(struct verb_ctx *ctx); /* verb_task.c */

/* "web" or, for the person who reads of several, "web (shop)". */
void verb_task_title(const struct session_info *s, char *out, size_t cap);
/* Has it ended for good? One that is gone has. */
bool verb_task_is_over(const struct session_info *s);
/* Exit code of one that is over: its own, 128 + signal, 1 when its host died. */
int verb_task_exit_code(const struct session_info *s);
/* Ends a task and waits until it is over. Returns 0 or an exit code; what went wrong was said. */
int verb_task_end(struct verb_ctx *ctx, const char *id);
/* Waits until it is ready as its policy says, or over; ctx->o.timeout_s: at most (0: without end). Returns 0, its exit
 * code, or 124. *last gets its last facts. */
int verb_task_await(struct verb_ctx *ctx, const char *id, struct session_info *last);

#endif
