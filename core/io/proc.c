/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "core/io/fd.h"
#include "core/io/lines.h"
#include "core/io/loop_private.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define PROC_DRAIN_MS 250
#define PROC_GRACE_MS 2000
#define PROC_TAIL_BYTES 4096
#define PROC_TAIL_KEEP (PROC_TAIL_BYTES + 4) /* so that the cut can look for a character's start */
#define PROC_BLOCK_BYTES (64u << 10)

struct stream {
    uv_pipe_t pipe;
    struct proc *proc;
    enum proc_stream which;
    struct lines lines;
    bool eof;
};

/* What must outlive a proc that lets a detached child run on: libuv reaps it, or loop_free drops it. */
struct child {
    uv_process_t uv;
    struct loop_orphan orphan;
    struct proc *proc; /* NULL once let go */
};

struct proc {
    struct loop *loop;
    struct child *child;
    uv_pipe_t input;
    uv_write_t input_write;
    uv_timer_t deadline, grace, drain;
    struct stream out, errs;
    struct strbuf captured, tail, input_data;
    struct error error; /* set when something other than the child itself failed */
    char *name, *block;
    size_t capture_max_bytes;
    uint64_t grace_ms, timeout_ms;
    int pid, owed; /* close callbacks to come */
    int exit_code, signal;
    bool detached, exited, ending, closing, timed_out, canceled, started, input_open;
    proc_line_fn on_line;
    proc_data_fn on_data;
    proc_done_fn on_done;
    void *arg;
};

static void finish(struct proc *p);

/* Frees it; every handle is closed. */
static void proc_free(struct proc *p)
{
    lines_release(&p->out.lines);
    lines_release(&p->errs.lines);
    strbuf_release(&p->captured);
    strbuf_release(&p->tail);
    strbuf_release(&p->input_data);
    free(p->name);
    free(p->block);
    free(p);
}

/* Says what happened in one error value. Returns false for a plain success. */
static bool describe(struct proc *p, struct error *err)
{
    if (p->timed_out) {
        error_set(err, ERROR_TIMEOUT, "%s: no end after %.1f s", p->name, (double)p->timeout_ms / 1000.0);
    } else if (p->canceled) {
        error_set(err, ERROR_CANCELED, "%s: canceled", p->name);
    } else if (p->signal != 0) {
        error_set(err, ERROR_EXIT, "%s: ended by signal %d (%s)", p->name, p->signal, strsignal(p->signal));
        err->sys = 128 + p->signal;
    } else if (p->exit_code != 0) {
        error_set(err, ERROR_EXIT, "%s: exit %d", p->name, p->exit_code);
        err->sys = p->exit_code;
    } else {
        return false;
    }
    return true;
}

/* The last PROC_TAIL_BYTES of stderr, starting at a character, made safe to show. */
static void make_tail(struct proc *p, struct strbuf *out)
{
    size_t from = p->tail.len > PROC_TAIL_BYTES ? p->tail.len - PROC_TAIL_BYTES : 0;
    while (from > 0 && from < p->tail.len && ((unsigned char)p->tail.buf[from] & 0xC0u) == 0x80u) {
        from++;
    }
    utf8_sanitize(out, p->tail.buf + from, p->tail.len - from, true);
}

/* All handles are closed: tells the owner, once. */
static void report(struct proc *p)
{
    struct error err = ERROR_INIT;
    struct strbuf tail = STRBUF_INIT;
    struct proc_result res = {.exit_code = p->exit_code,
                              .signal = p->signal,
                              .timed_out = p->timed_out,
                              .canceled = p->canceled,
                              .out = &p->captured,
                              .err_tail = &tail};
    bool failed = describe(p, &err);

    make_tail(p, &tail);
    if (p->started && p->on_done != NULL) {
        p->on_done(p->arg, &res, failed ? &err : NULL);
    }
    strbuf_release(&tail);
    if (p->ending) {
        loop_linger(p->loop, -1);
    }
    proc_free(p);
}

/* One handle less. */
static void on_closed(uv_handle_t *handle)
{
    struct proc *p = handle->data;
    if (--p->owed == 0) {
        report(p);
    }
}

/* The process handle is separate memory: it may outlive the proc. */
static void on_child_closed(uv_handle_t *handle)
{
    struct child *c = handle->data;
    struct proc *p = c->proc;
    free(c);
    if (p != NULL && --p->owed == 0) {
        report(p);
    }
}

/* loop_free, while a let-go child still runs. */
static void drop_child(struct loop_orphan *o)
{
    struct child *c = MT_CONTAINER_OF(o, struct child, orphan);
    uv_close((uv_handle_t *)&c->uv, on_child_closed);
}

/* Signals the whole group; a group that has gone is fine. */
static void signal_group(const struct proc *p, int signum)
{
    if (p->pid > 1 && kill(-p->pid, signum) != 0 && errno != ESRCH) {
        log_debug("%s: cannot signal process group %d: %s", p->name, p->pid, strerror(errno));
    }
}

/* Closes everything; report() follows from the last close callback. */
static void finish(struct proc *p)
{
    if (p->closing) {
        return;
    }
    p->closing = true;
    if (p->ending && p->exited && !p->detached) {
        signal_group(p, SIGKILL); /* grandchildren that ignored TERM */
    }
    uv_close((uv_handle_t *)&p->deadline, on_closed);
    uv_close((uv_handle_t *)&p->grace, on_closed);
    uv_close((uv_handle_t *)&p->drain, on_closed);
    uv_close((uv_handle_t *)&p->out.pipe, on_closed);
    uv_close((uv_handle_t *)&p->errs.pipe, on_closed);
    if (p->input_open) {
        p->input_open = false;
        uv_close((uv_handle_t *)&p->input, on_closed);
    }
    if (p->child == NULL) {
        return;
    }
    if (p->exited || !p->started) {
        uv_close((uv_handle_t *)&p->child->uv, on_child_closed);
        return;
    }
    /* A detached child that goes on: libuv still reaps it, without keeping the loop running. */
    p->owed--;
    p->child->proc = NULL;
    uv_unref((uv_handle_t *)&p->child->uv);
    loop_orphan_add(p->loop, &p->child->orphan);
}

/* Done is: the exit was seen and both pipes are at their end. */
static void check_done(struct proc *p)
{
    if (p->exited && p->out.eof && p->errs.eof) {
        finish(p);
    }
}

/* A grandchild holds a pipe open: the exit was long enough ago. */
static void on_drain(uv_timer_t *timer)
{
    finish(timer->data);
}

/* The leader was reaped. */
static void on_exit_cb(uv_process_t *uv, int64_t status, int signum)
{
    struct child *c = uv->data;
    struct proc *p = c->proc;

    if (p == NULL) {
        loop_orphan_remove(&c->orphan);
        uv_close((uv_handle_t *)uv, on_child_closed);
        return;
    }
    p->exited = true;
    p->exit_code = (int)status;
    p->signal = signum;
    uv_timer_stop(&p->deadline);
    uv_timer_stop(&p->grace);
    if (!p->closing) {
        uv_timer_start(&p->drain, on_drain, PROC_DRAIN_MS, 0);
        check_done(p);
    }
}

/* The grace is over. */
static void on_grace(uv_timer_t *timer)
{
    signal_group(timer->data, SIGKILL);
}

/* Begins the end: TERM now, KILL later. A detached child is let go instead. */
static void end(struct proc *p)
{
    if (p->ending || p->closing) {
        return;
    }
    p->ending = true;
    loop_linger(p->loop, 1); /* loop_free waits for the last words of what was killed */
    if (p->detached || p->exited) {
        uv_timer_start(&p->drain, on_drain, 0, 0); /* never inside the caller */
        return;
    }
    signal_group(p, SIGTERM);
    signal_group(p, SIGCONT); /* a stopped process would not see TERM */
    uv_timer_start(&p->grace, on_grace, p->grace_ms, 0);
}

/* timeout_ms is over. */
static void on_deadline(uv_timer_t *timer)
{
    struct proc *p = timer->data;
    if (!p->ending && !p->exited) {
        p->timed_out = true;
        end(p);
    }
}

void proc_kill(struct proc *p)
{
    if (!p->ending && !p->closing) {
        p->canceled = true;
        end(p);
    }
}

int proc_pid(const struct proc *p)
{
    return p->pid;
}

/* lines_fn of both streams. */
static void on_line(void *arg, const char *line, size_t len)
{
    struct stream *s = arg;
    s->proc->on_line(s->proc->arg, s->which, line, len);
}

/* Keeps what was asked for: the capture of stdout, the tail of stderr. */
static void keep(struct stream *s, const char *data, size_t len)
{
    struct proc *p = s->proc;

    if (s->which == PROC_STDOUT) {
        size_t room = p->capture_max_bytes - p->captured.len;
        strbuf_add(&p->captured, data, MT_MIN(room, len));
        return;
    }
    if (len > PROC_TAIL_KEEP) {
        strbuf_clear(&p->tail);
        data += len - PROC_TAIL_KEEP;
        len = PROC_TAIL_KEEP;
    }
    strbuf_add(&p->tail, data, len);
    if (p->tail.len > (size_t)4 * PROC_TAIL_KEEP) {
        strbuf_consume(&p->tail, p->tail.len - PROC_TAIL_KEEP);
    }
}

/* One block serves all reads: it is used up before the next read. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct proc *p = handle->data;
    (void)suggested;
    *buf = uv_buf_init(p->block, PROC_BLOCK_BYTES);
}

/* Bytes, or the end of one stream. */
static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct proc *p = uv->data;
    struct stream *s = uv == (uv_stream_t *)&p->out.pipe ? &p->out : &p->errs;

    if (n > 0) {
        keep(s, buf->base, (size_t)n);
        if (p->on_data != NULL) {
            p->on_data(p->arg, s->which, buf->base, (size_t)n);
        }
        if (p->on_line != NULL) {
            lines_feed(&s->lines, buf->base, (size_t)n, on_line, s);
        }
    } else if (n < 0) {
        uv_read_stop(uv);
        s->eof = true;
        if (p->on_line != NULL) {
            lines_finish(&s->lines, on_line, s);
        }
        check_done(p);
    }
}

/* The input was taken, or nobody reads it: either way stdin ends here. */
static void on_written(uv_write_t *req, int status)
{
    struct proc *p = req->data;
    (void)status;
    if (p->input_open) {
        p->input_open = false;
        uv_close((uv_handle_t *)&p->input, on_closed);
    }
}

/* Makes all handles, so that closing is one path for success and failure. */
static void init_handles(struct proc *p)
{
    uv_loop_t *uv = loop_uv(p->loop);

    uv_timer_init(uv, &p->deadline);
    uv_timer_init(uv, &p->grace);
    uv_timer_init(uv, &p->drain);
    uv_pipe_init(uv, &p->out.pipe, 0);
    uv_pipe_init(uv, &p->errs.pipe, 0);
    uv_pipe_init(uv, &p->input, 0);
    p->deadline.data = p->grace.data = p->drain.data = p->input.data = p;
    p->out.pipe.data = p->errs.pipe.data = p;
    p->out.proc = p->errs.proc = p;
    p->out.which = PROC_STDOUT;
    p->errs.which = PROC_STDERR;
    lines_init(&p->out.lines);
    lines_init(&p->errs.lines);
    strbuf_init(&p->captured);
    strbuf_init(&p->tail);
    strbuf_init(&p->input_data);
    p->input_open = true;
    p->child = xcalloc(1, sizeof(*p->child));
    p->child->uv.data = p->child;
    p->child->proc = p;
    p->child->orphan.drop = drop_child;
    p->owed = 7;
}

/* Real pipes, not libuv's socket pairs: a script must be able to open /dev/stderr. `ours`: which end stays here. */
static int open_pipe(uv_pipe_t *pipe, int ours, int *theirs, struct error *err)
{
    int fds[2], rc;

    if (fd_pipe(fds) != 0) {
        return error_sys(err, errno, "cannot make a pipe");
    }
    (void)fd_set_flags(fds[ours], true);
    rc = uv_pipe_open(pipe, fds[ours]);
    if (rc != 0) {
        close(fds[0]);
        close(fds[1]);
        return uv_error(err, rc, "cannot use a pipe");
    }
    *theirs = fds[1 - ours];
    return 0;
}

/* Occupies the numbers that the child's further descriptors will get. Otherwise libuv's own error pipe could have one
 * of them in the child, be overwritten there, and a failed exec would go unnoticed. */
static int reserve_low(int count, int *reserved)
{
    int n = 0;
    while (n < count) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            break;
        }
        if (fd >= 3 + count) {
            close(fd);
            break;
        }
        reserved[n++] = fd;
    }
    return n;
}

/* Fills libuv's options and starts the child. */
static int spawn(struct proc *p, const struct proc_opts *opts, const int stdio[3], struct error *err)
{
    int extra = (int)opts->inherit_fd_count;
    uv_stdio_container_t *io = xcalloc((size_t)extra + 3, sizeof(*io));
    int *reserved = xcalloc((size_t)extra + 1, sizeof(*reserved));
    uv_process_options_t uo = {.exit_cb = on_exit_cb, .file = opts->argv[0], .cwd = opts->cwd};
    int rc, held;

    for (int i = 0; i < 3 + extra; i++) {
        int fd = i < 3 ? stdio[i] : opts->inherit_fds[i - 3];
        io[i].flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD;
        io[i].data.fd = fd;
    }
    /* libuv takes char ** but only reads; the union keeps the constness honest for -Wcast-qual. */
    union {
        const char *const *in;
        char **out;
    } argv = {.in = opts->argv}, env = {.in = opts->env};
    uo.args = argv.out;
    uo.env = env.out;
    uo.stdio = io;
    uo.stdio_count = 3 + extra;
    uo.flags = UV_PROCESS_DETACHED; /* setsid: own session, so own group */
    fd_cloexec_from(3);             /* also what we were given by whoever started us */
    held = reserve_low(extra, reserved);
    rc = uv_spawn(loop_uv(p->loop), &p->child->uv, &uo);
    while (held > 0) {
        close(reserved[--held]);
    }
    free(reserved);
    free(io);
    if (rc != 0) {
        uv_error(err, rc, opts->argv[0]);
        return error_wrap(err, "cannot start");
    }
    p->pid = p->child->uv.pid;
    return 0;
}

/* A missing directory must not read like a missing program. */
static int check_cwd(const char *cwd, struct error *err)
{
    struct stat st;
    if (cwd == NULL) {
        return 0;
    }
    if (stat(cwd, &st) != 0) {
        return error_sys(err, errno, "working directory %s", cwd);
    }
    return S_ISDIR(st.st_mode) ? 0 : error_set(err, ERROR_INVALID, "working directory %s: not a directory", cwd);
}

/* Where one output goes: the caller's file, or a pipe to us. */
static int open_output(struct stream *s, int fd, int *theirs, struct error *err)
{
    if (fd <= 0) {
        return open_pipe(&s->pipe, 0, theirs, err);
    }
    *theirs = fd;
    s->eof = true; /* nothing of it comes here */
    return 0;
}

/* Pipes, then the process. The child's ends are closed here in any case. */
static int open_and_spawn(struct proc *p, const struct proc_opts *opts, struct error *err)
{
    int stdio[3] = {-1, -1, -1};
    int rc = check_cwd(opts->cwd, err);

    if (rc == 0 && opts->input != NULL) {
        rc = open_pipe(&p->input, 1, &stdio[0], err);
    }
    if (rc == 0) {
        rc = open_output(&p->out, opts->out_fd, &stdio[1], err);
    }
    if (rc == 0) {
        rc = open_output(&p->errs, opts->err_fd, &stdio[2], err);
    }
    if (rc == 0) {
        rc = spawn(p, opts, stdio, err);
    }
    for (int i = 0; i < 3; i++) {
        if (stdio[i] >= 0 && !(i == 1 && p->out.eof) && !(i == 2 && p->errs.eof)) { /* files are the caller's */
            close(stdio[i]);
        }
    }
    return rc;
}

/* Starts the flow of bytes and the clock. */
static void begin(struct proc *p, const struct proc_opts *opts)
{
    p->started = true;
    for (struct stream *s = &p->out; s != NULL; s = s == &p->out ? &p->errs : NULL) {
        if (!s->eof) {
            uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
        }
    }
    if (p->timeout_ms > 0) {
        uint64_t lag_ms = uv_hrtime() / 1000000u - uv_now(loop_uv(p->loop));
        uv_timer_start(&p->deadline, on_deadline, p->timeout_ms + lag_ms, 0);
    }
    if (opts->input != NULL) {
        uv_buf_t buf;
        strbuf_add(&p->input_data, opts->input, opts->input_len);
        buf = uv_buf_init(p->input_data.buf, (unsigned)p->input_data.len);
        p->input_write.data = p;
        if (uv_write(&p->input_write, (uv_stream_t *)&p->input, &buf, 1, on_written) == 0) {
            return;
        }
    }
    p->input_open = false;
    uv_close((uv_handle_t *)&p->input, on_closed);
}

int proc_start(struct proc **out, struct loop *loop, const struct proc_opts *opts, struct error *err)
{
    struct proc *p;

    if (opts->argv == NULL || opts->argv[0] == NULL || opts->argv[0][0] == '\0') {
        return error_set(err, ERROR_INVALID, "no program to run");
    }
    p = xcalloc(1, sizeof(*p));
    p->loop = loop;
    p->name = xstrdup(opts->argv[0]);
    p->block = xmalloc(PROC_BLOCK_BYTES);
    p->capture_max_bytes = opts->capture_max_bytes;
    p->timeout_ms = opts->timeout_ms;
    p->grace_ms = opts->kill_grace_ms > 0 ? opts->kill_grace_ms : PROC_GRACE_MS;
    p->detached = opts->detached;
    p->on_line = opts->on_line;
    p->on_data = opts->on_data;
    p->on_done = opts->on_done;
    p->arg = opts->arg;
    init_handles(p);
    if (open_and_spawn(p, opts, err) != 0) {
        /* libuv wants even a never-started process handle closed, once it was initialised. */
        if (p->child->uv.type != UV_PROCESS) {
            free(p->child);
            p->child = NULL;
            p->owed--;
        }
        finish(p);
        return -1;
    }
    begin(p, opts);
    if (out != NULL) {
        *out = p;
    }
    return 0;
}
