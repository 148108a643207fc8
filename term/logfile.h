/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_LOGFILE_H
#define MT_TERM_LOGFILE_H

/* A session's raw output in a file, bounded: when it reaches its cap, its beginning (LOGFILE_HEAD_BYTES) and its newest
 * part are kept and the middle is left out, with a line that says how much. The file at the path is always whole; a
 * reader that follows it sees a new inode. */

#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"

#define LOGFILE_HEAD_BYTES (1u << 20)

struct logfile;

/* Starts a new log at `path` (0600, parents made 0700); an old one is replaced. max_bytes is at least 64 KiB; a cap
 * under 4 MiB keeps a quarter of it as its head. */
int logfile_open(struct logfile **out, const char *path, uint64_t max_bytes, struct error *err);
/* Appends. What cannot be written (disk full) is counted, and the session goes on; every few seconds, and when it is
 * closed, it is tried again, and the log then says how much is missing there. */
void logfile_write(struct logfile *l, const void *data, size_t len);
/* How many bytes are missing at its end by now, and why; 0: none. */
uint64_t logfile_lost(const struct logfile *l, const char **why);
void logfile_close(struct logfile *l); /* NULL allowed */

#endif
