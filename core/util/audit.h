/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_AUDIT_H
#define MT_CORE_UTIL_AUDIT_H

/* The audit log (behaviour.md A1, A2): one JSON object a line, appended under a lock on the file, so that cockpits,
 * hosts and verbs can share one. Each line carries `prev`, the SHA-256 of the line before it (64 zeros in the first):
 * a line that is changed, removed or put in breaks the chain. What is cut off at the end leaves no trace. */

#include <stddef.h>

#include "core/util/error.h"
#include "core/util/json.h"
#include "core/util/strvec.h"

#define AUDIT_LINE_MAX (1u << 20)

/* Appends `event` (an object, taken) with `ts` and `prev`. Makes the folder (0700) and the file
 * (0600). Waits up to half a second for other writers. The whole line is written, or nothing. Errors: INVALID (not a
 * regular file, line too long), BUSY, SYS. */
int audit_append(const char *path, struct json *event, struct error *err);

struct audit_result {
    size_t lines;     /* that were read */
    size_t broken;    /* number of the first broken one, 0: none */
    char reason[200]; /* what is wrong with it */
};
/* Checks the chain. Errors: what kept it from being read. */
int audit_verify(const char *path, struct audit_result *out, struct error *err);

/* An array of "NAME=***"; values of names that muthr itself sets (P3) are shown. NULL allowed. */
struct json *audit_env(const struct strvec *env);
/* An array of the words; what follows --env in them is hidden in the same way. */
struct json *audit_argv(const char *const *argv);

#endif
