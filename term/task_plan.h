/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_TASK_PLAN_H
#define MT_TERM_TASK_PLAN_H

/* What a task's policy says when a run of it ends: pure arithmetic over core/model/task.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/task.h"

struct task_plan {
    bool again;       /* it is started again, after wait_ms */
    bool gave_up;     /* it would be, but has been too often */
    uint64_t wait_ms; /* see TASK_BACKOFF_FIRST_MS */
};

/* A run has ended so: kept in *t. code: 128 + signal where one ended it. */
struct task_plan task_plan_end(struct task_state *t, int code, int signum, uint64_t lasted_ms);
/* It is started again; by_hand: a person wanted that, and counting begins anew. */
void task_plan_begin(struct task_state *t, bool by_hand);
/* "exited 1", "killed 9". */
void task_plan_cause(const struct task_state *t, char *out, size_t cap);
/* "0.4 s", "12 s", "3 m 12 s", "2 h 5 m": short, for a line on the screen. */
void task_plan_duration(uint64_t ms, char *out, size_t cap);

#endif
