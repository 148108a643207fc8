/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/pty_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/handover.h"
#include "core/io/master.h"
#include "core/io/pty_spawn.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define PTY_QUEUE_MAX (1u << 20)
#define PTY_BUDGET_BYTES (64u << 10)
#define PTY_DRAIN_MS 250
#define PTY_LATE_BYTES (64u << 10) /* more than a system keeps of a program that has ended: the rest is others' */
#define PTY_TERM_AFTER_MS 500
#define PTY_KILL_AFTER_MS 2000
#define PTY_RETRY_MS 100
#define PTY_RETRY_STEPS 3 /* four times as long each; then it stays at that */

/* Frees what is left after everything was closed. */
static void pty_free(struct pty *p)
{
    strbuf_release(&p->queue);
    free(p->block);
    free(p);
}

void pty_shut_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* Closes the master side and all that hangs on it. */
static void shut(struct pty *p)
{
    watch_close(p->watch);
    timer_close(p->drain);
    timer_close(p->terminate);
    timer_close(p->retry);
    watch_close(p->side_watch);
    p->watch = p->side_watch = NULL;
    p->drain = p->terminate = p->retry = NULL;
    pty_shut_fd(&p->offer);
    pty_shut_fd(&p->lifeline);
    pty_shut_fd(&p->master);
}

/* The owner holds the output back: not when it wants the program to go. */
static bool is_held(const struct pty *p)
{
    return p->paused && !(p->ended && p->terminating);
}

/* Sets what the master is watched for. Linux makes room in a terminal a moment after it has told that there is some:
 * who looks in between and sees none is not told again. So what waits is tried again by itself: soon, then ever more
 * seldom, also for a program that has not read for a long time and then does. */
static void update_watch(struct pty *p)
{
    int events = 0;
    if (p->watch == NULL) {
        return;
    }
    if (!p->eof && !is_held(p)) {
        events |= WATCH_READ;
    }
    if (!p->eof && !p->ended && p->offer < 0 && p->queue.len > p->queue_off) {
        events |= WATCH_WRITE;
    }
    watch_set(p->watch, events);
    if (!(events & WATCH_WRITE)) {
        timer_stop(p->retry);
        p->retries = 0;
    } else if (!timer_is_active(p->retry)) {
        timer_start(p->retry, (uint64_t)PTY_RETRY_MS << (2 * MT_MIN(p->retries, PTY_RETRY_STEPS)));
    }
}

/* Sends to a group, and wakes it: a stopped process does not see anything else. */
static void signal_group(int group, int signum)
{
    if (group > 1 && kill(-group, signum) == 0 && (signum == SIGHUP || signum == SIGTERM)) {
        kill(-group, SIGCONT);
    }
}

void pty_signal(struct pty *p, int signum)
{
    int group = p->master >= 0 ? tcgetpgrp(p->master) : -1;

    if (group > 1) {
        p->last_group = group;
        signal_group(group, signum);
    }
    if (p->lifeline >= 0) {
        struct handover_word word = {.type = HANDOVER_SIGNAL, .code = signum};
        if (group != p->pid) { /* its keeper knows who it is, when the number is another's by now */
            (void)send(p->lifeline, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    } else if (!p->ended && group != p->pid) {
        signal_group(p->pid, signum);
    }
}

/* The end, once: tells the owner. The object stays until pty_close. */
static void tell_exit(struct pty *p)
{
    int signum = WIFSIGNALED(p->status) ? WTERMSIG(p->status) : 0;

    if (p->told) {
        return;
    }
    p->told = true;
    if (p->terminating && p->last_group > 1 && p->last_group != p->pid) {
        signal_group(p->last_group, SIGKILL); /* what its shell left in the foreground, and still holds on */
    }
    shut(p);
    if (p->reaped) {
        signal_watch_close(p->sigchld);
        p->sigchld = NULL;
    }
    if (p->o.on_exit != NULL) {
        p->o.on_exit(p->o.arg, signum != 0 ? 128 + signum : WEXITSTATUS(p->status), signum);
    }
}

/* Nobody has the terminal open. Before the exit that may pass (a child can open /dev/tty again), so it is looked at
 * again. */
static void on_eof(struct pty *p)
{
    p->eof = true;
    update_watch(p);
    if (p->ended) {
        timer_start(p->drain, 0); /* the callback ends it: never inside a caller */
    } else {
        timer_start(p->drain, PTY_DRAIN_MS);
    }
}

/* Reads at most a turn's budget. False: there may be more. */
static bool read_some(struct pty *p)
{
    size_t left = p->o.read_budget_bytes;

    while (left > 0 && p->master >= 0 && !p->eof) {
        ssize_t n = master_read(p->master, p->block, MT_MIN(left, (size_t)PTY_BUDGET_BYTES));
        if (n > 0) {
            left -= (size_t)n;
            p->late += p->ended ? (size_t)n : 0;
            if (p->o.on_data != NULL) {
                p->o.on_data(p->o.arg, p->block, (size_t)n);
            }
            if (is_held(p)) {
                return false;
            }
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        } else {
            on_eof(p); /* 0, or EIO on Linux */
            return true;
        }
    }
    return p->master < 0 || p->eof;
}

/* Gives the kernel what it takes. What it took is forgotten now and then: a terminal takes 4 KiB at a time, and moving
 * the rest of a long paste for each would cost its square. */
static void flush(struct pty *p)
{
    size_t before = p->queue_off;

    while (p->queue_off < p->queue.len) {
        ssize_t n = write(p->master, p->queue.buf + p->queue_off, p->queue.len - p->queue_off);
        if (n > 0) {
            p->queue_off += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            p->queue_off = p->queue.len; /* nobody will read it */
        } else {
            break;
        }
    }
    if (p->queue_off > before) {
        p->retries = 0;
    }
    if (p->queue_off == p->queue.len || p->queue_off > p->queue.len / 2) {
        strbuf_consume(&p->queue, p->queue_off);
        p->queue_off = 0;
    }
}

void pty_write_some(struct pty *p)
{
    flush(p);
    update_watch(p);
    if (p->queue.len == 0 && p->on_drain != NULL) {
        p->on_drain(p->drain_arg);
    }
}

/* timer callback. */
static void on_retry(void *arg)
{
    struct pty *p = arg;

    p->retries++;
    if (p->master >= 0 && p->queue.len > 0 && p->offer < 0) {
        pty_write_some(p);
    }
}

void pty_on_ready(void *arg, int events)
{
    struct pty *p = arg;

    if ((events & WATCH_WRITE) && p->queue.len > 0) {
        pty_write_some(p);
    }
    if (events & (WATCH_READ | WATCH_HANGUP)) {
        (void)read_some(p);
    }
}

/* timer callback: see struct pty. */
static void on_drain_timer(void *arg)
{
    struct pty *p = arg;

    if (!p->ended) {
        p->eof = false;
        update_watch(p);
        return;
    }
    /* Someone else still has the terminal open: what is there now, and no more. */
    bool more = !p->eof && p->late < PTY_LATE_BYTES && (is_held(p) || !read_some(p));
    if (more && !is_held(p)) {
        timer_start(p->drain, 0);
    } else if (!more && p->master >= 0) { /* held: pty_pause starts the clock again, nothing is lost */
        tell_exit(p);
    }
}

void pty_ended(struct pty *p)
{
    p->ended = true;
    p->eof = false;
    timer_stop(p->terminate);
    timer_start(p->drain, PTY_DRAIN_MS);
    update_watch(p);
}

/* --- the child --- */

/* Asks for our child alone: others on this loop (libuv's own) are reaped by their owners. */
static void on_sigchld(void *arg, int signum)
{
    struct pty *p = arg;
    int status;
    pid_t got;

    (void)signum;
    if (p->reaped) {
        return;
    }
    got = waitpid(p->child, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        return;
    }
    if (got < 0) {
        log_warn("pty: child %d was reaped by someone else", p->child);
        status = 255 << 8;
    }
    p->reaped = true;
    if (p->told) { /* nobody waits for it: pty_close came first, or what it handed over ended before it */
        signal_watch_close(p->sigchld);
        p->sigchld = NULL;
        if (p->closed) {
            loop_orphan_remove(&p->orphan);
            pty_free(p);
        }
        return;
    }
    pty_on_offer(p, 0); /* its last act may have been to hand over */
    if (p->lifeline >= 0 || p->ended) {
        if (p->sigchld != NULL) {
            signal_watch_close(p->sigchld);
            p->sigchld = NULL;
        }
        return;
    }
    p->status = status;
    pty_ended(p);
}

/* loop_free, while a child that was closed before still runs. */
static void drop_orphan(struct loop_orphan *o)
{
    struct pty *p = MT_CONTAINER_OF(o, struct pty, orphan);
    signal_watch_close(p->sigchld);
    pty_free(p);
}

/* timer callback: the next, harder signal. */
static void on_terminate(void *arg)
{
    struct pty *p = arg;
    pty_signal(p, p->next_signal);
    if (p->next_signal == SIGTERM) {
        p->next_signal = SIGKILL;
        timer_start(p->terminate, PTY_KILL_AFTER_MS);
    }
}

int pty_start(struct pty **out, struct loop *loop, const struct pty_opts *opts, struct error *err)
{
    struct pty *p = xcalloc(1, sizeof(*p));
    struct error why = ERROR_INIT;

    p->loop = loop;
    p->o = *opts;
    p->o.argv = p->o.env = NULL;
    p->o.cwd = NULL;
    if (p->o.read_budget_bytes == 0) {
        p->o.read_budget_bytes = PTY_BUDGET_BYTES;
    }
    strbuf_init(&p->queue);
    p->master = p->offer = p->lifeline = -1;
    p->size = (struct winsize){.ws_col = (unsigned short)opts->cols, .ws_row = (unsigned short)opts->rows};
    p->last_group = -1;
    p->orphan.drop = drop_orphan;
    /* Before the fork: a child that ends at once must not be missed. */
    p->sigchld = signal_watch_new(loop, SIGCHLD, on_sigchld, p, err);
    if (p->sigchld == NULL) {
        pty_free(p);
        return -1;
    }
    p->master = pty_spawn(opts, &p->child, &p->offer, err);
    p->pid = p->child;
    if (p->master < 0) {
        signal_watch_close(p->sigchld);
        pty_free(p);
        return -1;
    }
    p->block = xmalloc(PTY_BUDGET_BYTES);
    p->drain = timer_new(loop, on_drain_timer, p);
    p->terminate = timer_new(loop, on_terminate, p);
    p->retry = timer_new(loop, on_retry, p);
    p->watch = watch_new(loop, p->master, pty_on_ready, p, &why);
    if (p->watch == NULL || (p->offer >= 0 && pty_watch_side(p, p->offer, pty_on_offer, &why) != 0)) {
        pty_close(p);
        if (err != NULL) {
            *err = why;
        }
        return -1;
    }
    update_watch(p);
    *out = p;
    return 0;
}

size_t pty_write(struct pty *p, const char *data, size_t len)
{
    size_t take = MT_MIN(len, PTY_QUEUE_MAX - (p->queue.len - p->queue_off));

    if (p->master < 0 || p->ended) {
        return len; /* nobody will read it: taken, so that the caller does not wait for room */
    }
    strbuf_add(&p->queue, data, take);
    if (p->queue.len == take && p->offer < 0) {
        flush(p);
    }
    /* What was cut is asked for again from on_drain, which needs one more turn even if the kernel took all at once. */
    if (take < len && p->queue.len == 0) {
        take += pty_write(p, data + take, len - take);
    }
    update_watch(p);
    return take;
}

int pty_terminal(const struct pty *p, unsigned *serial)
{
    *serial = p->serial;
    return p->offer >= 0 || p->ended ? -1 : p->master;
}

bool pty_is_flushed(const struct pty *p)
{
    return p->offer < 0 && p->queue.len == 0;
}

void pty_on_drain(struct pty *p, void (*fn)(void *arg), void *arg)
{
    p->on_drain = fn;
    p->drain_arg = arg;
}

void pty_pause(struct pty *p, bool paused)
{
    if (p->paused == paused) {
        return;
    }
    p->paused = paused;
    if (!paused && p->ended && p->drain != NULL && !timer_is_active(p->drain)) {
        timer_start(p->drain, PTY_DRAIN_MS);
    }
    update_watch(p);
}

int pty_resize(struct pty *p, int cols, int rows, struct error *err)
{
    struct winsize ws = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};

    if (cols < 1 || rows < 1 || cols > 65535 || rows > 65535) {
        return error_set(err, ERROR_INVALID, "a terminal cannot be %d by %d", cols, rows);
    }
    if (p->master < 0) {
        return error_set(err, ERROR_NOT_FOUND, "the terminal is closed");
    }
    p->size = ws;
    return ioctl(p->master, TIOCSWINSZ, &ws) == 0 ? 0 : error_sys(err, errno, "cannot resize a terminal");
}

void pty_terminate(struct pty *p)
{
    if (p->terminating || p->told || p->master < 0) {
        return;
    }
    p->terminating = true;
    if (p->ended) {
        timer_start(p->drain, 0);
        return;
    }
    if (p->lifeline >= 0) { /* its keeper hangs it up: HUP, TERM, KILL; what it still says is heard */
        pty_shut_side(p);
        p->last_group = -1; /* not ours to kill any more */
        p->status = (128 + SIGHUP) << 8;
        pty_ended(p);
        return;
    }
    pty_signal(p, SIGHUP);
    p->next_signal = SIGTERM;
    timer_start(p->terminate, PTY_TERM_AFTER_MS);
    update_watch(p);
}

int pty_group(const struct pty *p)
{
    int group = p->master >= 0 && !p->ended ? tcgetpgrp(p->master) : -1;

    return group > 1 ? group : 0;
}

int pty_pid(const struct pty *p)
{
    return p->pid;
}

/* loop_task of pty_close. */
static void free_task(void *arg)
{
    pty_free(arg);
}

void pty_close(struct pty *p)
{
    if (p == NULL) {
        return;
    }
    p->o.on_data = NULL;
    p->o.on_exit = NULL;
    p->on_drain = NULL;
    p->told = p->closed = true;
    shut(p);
    if (!p->reaped) {
        /* Its end is still to be reaped, without keeping the loop going. */
        signal_watch_unref(p->sigchld);
        loop_orphan_add(p->loop, &p->orphan);
        return;
    }
    signal_watch_close(p->sigchld);
    p->sigchld = NULL;
    loop_defer(p->loop, free_task, p); /* we may be inside on_data */
}
