/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_LOOP_H
#define MT_CORE_IO_LOOP_H

/* The one event loop of a process (libuv inside), timers, deferred calls, descriptor readiness, directory watching and
 * signals. Laws: callbacks run from loop_run only, never inside the call that started something; every *_close ends
 * asynchronously, and its object must not be used after the call; nothing here blocks. Used by cockpit, verbs, hosts
 * and the bwrap shim. */

#include <stdbool.h>
#include <stdint.h>

#include "core/util/error.h"

struct loop;

struct loop *loop_new(void);
/* Runs until loop_stop, or until nothing is left. */
void loop_run(struct loop *loop);
/* One turn; `wait`: block until something happens. Returns true while handles are active. Tests and shutdown only. */
bool loop_turn(struct loop *loop, bool wait);
void loop_stop(struct loop *loop);
/* Closes down: runs pending close callbacks, frees. Returns how many handles of other owners were still open (each
 * named in the log, by type); 0 is right. In debug builds a leftover aborts. */
int loop_free(struct loop *loop);
/* Milliseconds, monotonic, cached for the turn. */
uint64_t loop_now_ms(const struct loop *loop);

/* Calls fn(arg) once, on the next turn, after the current callback has returned (rule 29). Not cancellable: use a timer
 * with 0 for that. */
void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg);

/* --- timers: one-shot or repeating; stopped ones cost nothing --- */
struct timer;
typedef void (*timer_fn)(void *arg);
struct timer *timer_new(struct loop *loop, timer_fn fn, void *arg);
/* Fires once after delay_ms (0: next turn); restarts when already started. */
void timer_start(struct timer *t, uint64_t delay_ms);
/* Fires every period_ms. Say at the call why the poll is needed. */
void timer_repeat(struct timer *t, uint64_t period_ms);
void timer_stop(struct timer *t);
bool timer_is_active(const struct timer *t);
void timer_close(struct timer *t); /* NULL allowed */

/* --- readiness of a descriptor that someone else owns --- */
enum watch_event { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_HANGUP = 4 };
struct watch;
typedef void (*watch_fn)(void *arg, int events);
/* `fd` must stay open until watch_close (sockets, pipes, ptys, ttys; not regular files). Starts inactive. NULL and err
 * when the fd cannot be polled. */
struct watch *watch_new(struct loop *loop, int fd, watch_fn fn, void *arg, struct error *err);
/* Sets the wanted events (0 pauses). */
void watch_set(struct watch *w, int events);
void watch_close(struct watch *w); /* NULL allowed; the fd may be closed by its owner right after */

/* --- something changed in a directory (names come and go, files renamed into it) --- */
struct dirwatch;
typedef void (*dirwatch_fn)(void *arg, const char *name /* may be NULL */);
struct dirwatch *dirwatch_new(struct loop *loop, const char *path, dirwatch_fn fn, void *arg, struct error *err);
void dirwatch_close(struct dirwatch *d);

/* --- signals, as loop callbacks --- */
struct signal_watch;
typedef void (*signal_fn)(void *arg, int signum);
struct signal_watch *signal_watch_new(struct loop *loop, int signum, signal_fn fn, void *arg, struct error *err);
void signal_watch_close(struct signal_watch *s);

#endif
