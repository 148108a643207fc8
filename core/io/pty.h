/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PTY_H
#define MT_CORE_IO_PTY_H

/* A child on a pseudo-terminal of its own, as session leader with it as controlling terminal (rule 42: argv and env are
 * built before the fork, only async-signal-safe calls after; all signals default and unblocked in the child; no
 * descriptor but 0-2 survives). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"

struct pty;

struct pty_opts {
    const char *const *argv;
    const char *const *env; /* NULL: inherit */
    const char *cwd;        /* NULL: inherit */
    int cols, rows;
    /* Bytes from the child. Called with at most read_budget_bytes a turn (0: 64 KiB); the rest waits for the next turn,
     * so that sockets come first. */
    void (*on_data)(void *arg, const char *data, size_t len);
    /* Exactly once: the child was reaped and the master drained; where somebody else keeps the terminal open, 250 ms
     * after the exit, once what is there by then is read (while paused the clock stands still, so that nothing is
     * lost). code: exit status, or 128+signal. */
    void (*on_exit)(void *arg, int code, int signal);
    void *arg;
    size_t read_budget_bytes;
};

/* A child whose environment has HANDOVER_ENV=HANDOVER_WANTED may hand over another terminal and end
 * (core/io/handover.h): everything here then is about that terminal and its program.
 * Errors: NOT_FOUND / DENIED (exec failed, by way of a CLOEXEC pipe), SYS. */
int pty_start(struct pty **out, struct loop *loop, const struct pty_opts *opts, struct error *err);
/* Queues bytes for the child. Returns how many were taken: fewer than len when the queue holds max (1 MiB); call again
 * from on_drain. */
size_t pty_write(struct pty *p, const char *data, size_t len);
void pty_on_drain(struct pty *p, void (*fn)(void *arg), void *arg);
/* The terminal's descriptor for someone else to write to, and never to read from; -1 while it is not settled which one
 * it is, or over. Stays ours. *serial changes when it becomes another one. */
int pty_terminal(const struct pty *p, unsigned *serial);
/* Nothing waits to be written. */
bool pty_is_flushed(const struct pty *p);
/* Stops or resumes reading (back-pressure). */
void pty_pause(struct pty *p, bool paused);
int pty_resize(struct pty *p, int cols, int rows, struct error *err);
/* Signals the foreground process group (TIOCGPGRP) and the child's own session group. */
void pty_signal(struct pty *p, int signum);
/* HUP, then TERM after 500 ms, then KILL after 2 s more, to the session; on_exit follows. Idempotent. */
void pty_terminate(struct pty *p);
/* The process group in the foreground of the terminal, by the numbers that we see; 0 when it is not known. */
int pty_group(const struct pty *p);
/* The program on the terminal; 0 when it is not known. */
int pty_pid(const struct pty *p);
/* Closes without waiting: the child gets HUP by the hang-up. No callback afterwards. The object lives until this call,
 * so it is due after on_exit too (allowed inside it, as inside on_data). NULL allowed. */
void pty_close(struct pty *p);

#endif
