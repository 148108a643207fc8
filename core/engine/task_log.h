/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_TASK_LOG_H
#define MT_CORE_ENGINE_TASK_LOG_H

/* What tasks said, kept when their sessions are gone: STATE/tasks/<sandbox>/<name>.<began>.log, written by the
 * session's host, and beside it <name>.<began>.json, which says what ran and as which session. Swept whenever a task is
 * started: the newest TASK_LOGS_OF_NAME of each name and TASK_LOGS_MAX of a sandbox stay, none for longer than
 * TASK_LOG_DAYS after it was written to last, those of living sessions as long as these live. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"

#define TASK_LOGS_OF_NAME 5
#define TASK_LOGS_MAX 100
#define TASK_LOG_DAYS 30

struct task_log {
    char *path;
    char name[TASK_NAME_MAX];
    char sandbox[96];
    char session[SESSION_ID_MAX]; /* "": not known */
    char *command;                /* "": not known */
    uint64_t began_wall_ms;
    uint64_t ended_wall_ms; /* 0: it has not ended, or nobody saw how */
    int exit_code, exit_signal;
    uint32_t restarts;
    bool failed; /* it ended badly, and no person had ended it */
};

/* Sweeps the folder, but for the files in `live`, and names a new log in out (nothing is at that path yet). */
int task_log_new(const struct paths *paths, const char *sandbox, const char *name, const struct strvec *live, char *out,
                 size_t cap, struct error *err);
/* Writes down what the log is of. A failure is logged: the task runs all the same. */
void task_log_note(const char *path, const char *session, const char *name, const char *command);
/* Writes down how a task has ended, once for each end; nothing for one that goes on, or whose log is not below
 * STATE/tasks. Every engine does so with every end that it hears of: whoever lets a session go has heard of its end. */
void task_log_end(const struct paths *paths, const struct session_info *s);
/* The logs of a sandbox (NULL: of all), the newest first. Heap, freed with task_logs_free. */
size_t task_logs_list(const struct paths *paths, const char *sandbox, struct task_log **out);
void task_logs_free(struct task_log *list, size_t count);

#endif
