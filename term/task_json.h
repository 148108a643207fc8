/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_TASK_JSON_H
#define MT_TERM_TASK_JSON_H

/* Policy and state of a task (core/model/task.h) as JSON: in the spec that a host is started with, and in what it
 * tells. Keys are only ever added. */

#include "core/model/task.h"
#include "core/util/error.h"
#include "core/util/json.h"

struct json *task_json_policy(const struct task_policy *p);
/* A missing key is as if it were 0. Errors: INVALID, for a policy that cannot be kept as it was meant: half of a
 * pattern would match other lines. */
int task_json_read_policy(const struct json *j, struct task_policy *out, struct error *err);

struct json *task_json_state(const struct task_state *t);
/* Whatever it says: numbers out of range are 0, ports ascend, texts are fit for the screen. NULL is all zero. */
void task_json_read_state(const struct json *j, struct task_state *out);

#endif
