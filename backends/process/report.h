/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_REPORT_H
#define MT_BACKENDS_PROCESS_REPORT_H

/* What a helper process, or a supervisor, tells whoever waits for it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"

/* What a supervisor writes to its ready pipe, a line each: 'P' progress text, 'B' (another one holds the lock), 'R'
 * (running), 'F' an error as JSON. */
enum report_ready { REPORT_PROGRESS = 'P', REPORT_BUSY = 'B', REPORT_RUNNING = 'R', REPORT_FAILED = 'F' };

/* Writes one such line (fd -1: nowhere). False when nobody reads it any more. */
bool report_ready(int fd, enum report_ready kind, const char *text);

/* An error as one line of JSON, and back. */
void report_error_write(const struct error *err, struct strbuf *out);
void report_error_parse(const char *text, size_t len, struct error *err);

#endif
