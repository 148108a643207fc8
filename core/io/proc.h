/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_PROC_H
#define MT_CORE_IO_PROC_H

/* A child process without a terminal: own process group, streamed lines, deadline, one result (style.md rules 38-41).
 * Source: libuv's process documentation. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"

struct proc;

enum proc_stream { PROC_STDOUT, PROC_STDERR };

struct proc_result {
    int exit_code; /* valid when signal == 0 */
    int signal;    /* the one that ended it, or 0 */
    bool timed_out, canceled;
    const struct strbuf *out;      /* what was captured (up to capture_max_bytes), valid during the callback */
    const struct strbuf *err_tail; /* the last 4 KiB of stderr, sanitised, valid during the callback */
};

/* A line without its newline, NUL-terminated, at most 64 KiB (longer ones come in pieces). Raw bytes: sanitise before
 * showing. */
typedef void (*proc_line_fn)(void *arg, enum proc_stream stream, const char *line, size_t len);
/* Raw blocks instead of lines. */
typedef void (*proc_data_fn)(void *arg, enum proc_stream stream, const char *data, size_t len);
/* Exactly once, never before proc_start has returned. `err` is NULL when it exited with 0; else EXIT (sys = code or
 * 128+signal), TIMEOUT, CANCELED, NOT_FOUND, SYS. */
typedef void (*proc_done_fn)(void *arg, const struct proc_result *res, const struct error *err);

struct proc_opts {
    const char *const *argv;  /* argv[0] looked up in PATH; copied */
    const char *const *env;   /* NULL: inherit; copied */
    const char *cwd;          /* NULL: inherit */
    const void *input;        /* written to stdin, which is then closed; NULL: /dev/null */
    size_t input_len;         /* copied */
    size_t capture_max_bytes; /* 0: stdout is not captured; beyond the cap the rest is dropped */
    uint64_t timeout_ms;      /* 0: none */
    uint64_t kill_grace_ms;   /* between TERM and KILL; 0: 2000 */
    const int *inherit_fds;   /* further descriptors, given as 3, 4, ... in this order; the caller keeps his copies */
    size_t inherit_fd_count;
    int out_fd, err_fd; /* > 0: the child's stdout, stderr go there instead of to us; the caller keeps his copy */
    bool detached; /* new session, not ended by us: for daemons that fork; stdout/stderr as usual until they close */
    proc_line_fn on_line; /* any may be NULL */
    proc_data_fn on_data;
    proc_done_fn on_done;
    void *arg;
};

/* Starts it. On -1 nothing was started and no callback comes. A spawn failure found later is reported by on_done.
 * `*out` belongs to proc and is invalid once on_done has run; NULL allowed. */
int proc_start(struct proc **out, struct loop *loop, const struct proc_opts *opts, struct error *err);
/* TERM to the group, KILL after the grace; on_done follows with CANCELED. Idempotent. */
void proc_kill(struct proc *p);
int proc_pid(const struct proc *p);

#endif
