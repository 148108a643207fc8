/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_TASK_CLAIM_H
#define MT_CORE_ENGINE_TASK_CLAIM_H

/* One name is one living task of a sandbox, also when several processes start tasks at the same time: whoever begins
 * one holds STATE/tasks/<sandbox>/<name>.claim locked until its session is there, and leaves the session's id in it,
 * for those who will hear of that session a moment later. */

#include <stdbool.h>

#include "core/engine/task_log.h"

struct task_claim {
    const struct paths *paths;
    const char *sandbox, *name;
    uint64_t since_wall_ms; /* what was started before then, and lives, is known to the caller */
    bool (*is_known)(void *arg, const char *session);
    void *arg;
};

/* Claims it. 0: *fd holds the claim, task_claim_end ends it; -1 in *fd when there can be none (disk full): then nobody
 * is kept away. Errors: EXISTS, with the session's id where it is known. */
int task_claim_take(const struct task_claim *c, int *fd, struct error *err);
/* The session is there (its id), or was not started (NULL). fd may be -1. */
void task_claim_end(int fd, const char *session);

#endif
