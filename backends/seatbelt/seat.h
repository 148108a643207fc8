/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_SEAT_H
#define MT_BACKENDS_SEATBELT_SEAT_H

/* The supervisor of one sandbox: parent of its main process, holder of the lock, of the port until that has started, of
 * logs and the memory watchdog. The main process only waits; when it ends, or the supervisor does, the sandbox is over
 * and everything in it is ended. SIGTERM stops it: run/stop may say within how many milliseconds. */

#include "core/util/paths.h"

/* Supervises until the sandbox has ended; to be called in a process of its own. Tells on ready_fd how the start goes
 * (process/report.h). Returns the exit code. */
int seat_supervise(const struct paths *paths, const char *root, const char *name, int ready_fd);
/* After a crash: ends what was left of it and records the state. Does nothing while a supervisor lives. */
void seat_clean_up(const char *root, const char *id);

#endif
