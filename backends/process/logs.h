/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_LOGS_H
#define MT_BACKENDS_PROCESS_LOGS_H

/* What the main process of a sandbox said: logs/stdout.log and logs/stderr.log with what was turned over before, as one
 * stream in order of time, without the stamps of the files. Following waits for the folder to change; nothing polls. */

#include <stdbool.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"

struct logs;
typedef void (*logs_line_fn)(void *arg, bool is_stderr, const char *line, size_t len);

/* Gives out the last `tail` lines (-1: all) during the call. follow: what comes later too, from the loop, until
 * logs_close. `dir` is the sandbox's folder, copied. NULL: no such folder, or it cannot be watched. */
struct logs *logs_open(struct loop *loop, const char *dir, int64_t tail, bool follow, logs_line_fn fn, void *arg,
                       struct error *err);
void logs_close(struct logs *l); /* NULL allowed; not from inside fn */

/* Appends to logs/NAME with a time stamp, and turns it over to NAME.1 at 1 MiB. Failure is silent: logs must not stop a
 * sandbox. */
void logs_append(const char *dir, const char *name, const char *data, size_t len);

#endif
