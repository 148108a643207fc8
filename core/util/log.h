/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_LOG_H
#define MT_CORE_UTIL_LOG_H

/* The program's own log: a ring of the last entries for the error view, and an optional file (O_APPEND, 0600). Never
 * writes to the terminal unless log_to_stderr was called (verbs). Text is sanitised. The one file-scope state besides
 * tui/screen.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/compiler.h"
#include "core/util/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_entry {
    uint64_t wall_ms; /* UTC, since the epoch */
    enum log_level level;
    char text[480];
};

#define LOG_RING_SIZE 256

/* Appends to `path` from now on; -1 and err when it cannot be opened (the ring goes on). NULL closes. */
int log_open(const char *path, struct error *err);
void log_to_stderr(enum log_level least);
void log_add(enum log_level level, const char *fmt, ...) MT_PRINTF(2, 3);
/* Entry `i` from the newest (0); false past the end. */
bool log_get(size_t i, struct log_entry *out);
/* Grows with each entry of WARN or ERROR: for "unseen" marks. */
uint64_t log_problem_count(void);

#define log_debug(...) log_add(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_add(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_add(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_add(LOG_ERROR, __VA_ARGS__)

#endif
