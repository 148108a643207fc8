/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/seat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/cgroup.h"
#include "backends/process/host.h"
#include "backends/process/logs.h"
#include "backends/process/report.h"
#include "backends/seatbelt/members.h"
#include "backends/seatbelt/seat_private.h"
#include "core/io/fd.h"
#include "core/io/procid.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define STOP_GRACE_DEFAULT_MS 30000
#define WATCH_MS 2000  /* B3 */
#define CLOSE_MS 250   /* the same, when there is little room left */
#define TIDY_MS 60000  /* far less than it takes until a process number comes again */
#define STOPPING_MS 20 /* while it stops: are all gone? */

/* Signals become bytes: there is no other way that every system has. */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int signum)
{
    int sys = errno;
    char byte = signum == SIGCHLD ? 'c' : 't';
    ssize_t n = write(signal_pipe[1], &byte, 1);
    (void)n; /* full: it is looked at anyway */
    errno = sys;
}

static int catch_signals(struct error *err)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGCHLD};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (fd_pipe(signal_pipe) < 0 || fd_set_flags(signal_pipe[0], true) < 0 || fd_set_flags(signal_pipe[1], true) < 0) {
        return error_sys(err, errno, "pipe for signals");
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        sigaction(wanted[i], &action, NULL);
    }
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int seat_record(struct seat *s, const char *phase, struct error *err)
{
    return state_record(s->root, s->id, &s->status, phase, err);
}

void seat_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* --- running --- */

static void drain_log(struct seat *s, int *fd, const char *name)
{
    char buf[8192];
    ssize_t n = read(*fd, buf, sizeof(buf));
    if (n > 0) {
        logs_append(s->dir, name, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        seat_close(fd);
    }
}

/* The grace that whoever asked for the stop wrote down. */
static uint64_t asked_grace(struct seat *s)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *path = path_join(s->dir, "run/stop");
    int rc = fs_read(path, 32, &text, NULL);
    unlink(path);
    free(path);
    uint64_t grace = rc == 0 ? strtoull(text.buf, NULL, 10) : 0;
    return grace ? grace : STOP_GRACE_DEFAULT_MS;
}

/* B4: polite first. A shell at its prompt ignores TERM, so HUP goes with it; what was halted has to go on for it. */
static void begin_stop(struct seat *s)
{
    uint64_t grace = asked_grace(s), deadline = clock_mono_ms() + grace;
    if (s->stopping) {
        s->kill_at_ms = MT_MIN(s->kill_at_ms, deadline);
        return;
    }
    s->stopping = true;
    s->grace_ms = grace;
    s->kill_at_ms = deadline;
    seat_record(s, "stopping", NULL); /* first: from here on nobody joins (enter.c) */
    members_signal(s->dir, s->mark.buf, SIGTERM);
    members_signal(s->dir, s->mark.buf, SIGHUP);
    members_signal(s->dir, s->mark.buf, SIGCONT);
}

/* B3: the kernel does not bound resident memory. Over the limit the biggest process is killed, and that is said.
 * Returns the delay until the next look. */
static uint64_t watch_memory(struct seat *s)
{
    struct members_usage use;
    struct procid who;
    char limit[32], used[32];
    uint64_t bytes = s->config.spec.memory_bytes;
    members_usage(s->dir, s->mark.buf, &use);
    if (use.resident <= bytes || !use.biggest) {
        return use.resident > bytes / 2 ? CLOSE_MS : WATCH_MS;
    }
    bool known = procid_read(use.biggest, &who, NULL) == 0;
    kill(use.biggest, SIGKILL);
    cgroup_format_bytes(bytes, limit, sizeof(limit));
    cgroup_format_bytes(use.biggest_bytes, used, sizeof(used));
    str_format(s->status.reason, sizeof(s->status.reason), "killed: memory limit %s: %s (%s)", limit,
               known ? who.name : "a process", used);
    log_warn("%s", s->status.reason);
    seat_record(s, s->stopping ? "stopping" : "running", NULL);
    return CLOSE_MS;
}

static void reap(struct seat *s)
{
    int status;
    if (s->main > 0 && waitpid(s->main, &status, WNOHANG) == s->main) {
        s->main = 0;
        s->status.rc = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
}

static void read_signals(struct seat *s)
{
    char buf[64];
    ssize_t n;
    while ((n = read(signal_pipe[0], buf, sizeof(buf))) > 0) {
        if (memchr(buf, 't', (size_t)n)) {
            begin_stop(s);
        }
    }
    reap(s);
}

/* While it stops: is it over? */
static bool is_stopped(struct seat *s)
{
    struct host_process *list;
    size_t left = members_find(s->dir, s->mark.buf, &list);
    free(list);
    if (left == 0) {
        return true;
    }
    if (clock_mono_ms() >= s->kill_at_ms) {
        s->killed = true;
        return true; /* the rest is killed in the end */
    }
    return false;
}

static int next_delay(const struct seat *s, uint64_t watch_at)
{
    uint64_t now = clock_mono_ms();
    if (s->stopping) {
        return STOPPING_MS;
    }
    uint64_t at = s->config.spec.memory_bytes ? MT_MIN(watch_at, s->tidy_at_ms) : s->tidy_at_ms;
    return at > now ? (int)(at - now) : 0;
}

static void main_loop(struct seat *s)
{
    uint64_t watch_at = clock_mono_ms() + CLOSE_MS;
    s->tidy_at_ms = clock_mono_ms() + TIDY_MS;
    reap(s);
    while (s->main || s->stopping) {
        struct pollfd p[] = {{.fd = signal_pipe[0], .events = POLLIN},
                             {.fd = s->out_fd, .events = POLLIN},
                             {.fd = s->err_fd, .events = POLLIN}};
        if (poll(p, MT_ARRAY_LEN(p), next_delay(s, watch_at)) < 0 && errno != EINTR) {
            return;
        }
        if (p[1].revents) {
            drain_log(s, &s->out_fd, "stdout.log");
        }
        if (p[2].revents) {
            drain_log(s, &s->err_fd, "stderr.log");
        }
        read_signals(s);
        if (s->stopping && is_stopped(s)) {
            return;
        }
        if (s->main && clock_mono_ms() >= s->tidy_at_ms) {
            members_tidy(s->dir);
            s->tidy_at_ms = clock_mono_ms() + TIDY_MS;
        }
        if (s->config.spec.memory_bytes && s->main && clock_mono_ms() >= watch_at) {
            watch_at = watch_memory(s) + clock_mono_ms();
        }
    }
}

/* What the end is called. */
static void say_reason(struct seat *s)
{
    char *reason = s->status.reason;
    size_t cap = sizeof(s->status.reason);
    if (s->killed) {
        str_format(reason, cap, "killed after %llu s", (unsigned long long)(s->grace_ms + 999) / 1000);
    } else if (s->stopping) {
        reason[0] = '\0';
    } else if (strncmp(reason, "killed: memory", 14) != 0) {
        str_format(reason, cap, s->status.rc > 128 ? "killed by signal %d" : "exit %d",
                   s->status.rc > 128 ? s->status.rc - 128 : s->status.rc);
    }
}

/* Ends whatever is left, in any state of completion. */
static void tear_down(struct seat *s)
{
    seat_close(&s->leash_fd);
    size_t left = members_end(s->dir, s->mark.buf, SEAT_END_LIMIT_MS);
    if (s->main > 0) {
        int status;
        kill(s->main, SIGKILL);
        while (waitpid(s->main, &status, 0) < 0 && errno == EINTR) {
        }
        s->status.rc = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        s->main = 0;
    }
    if (left) {
        log_error("%zu processes cannot be ended", left);
    }
    seat_close(&s->port_fd);
    seat_close(&s->out_fd);
    seat_close(&s->err_fd);
    members_reset(s->dir, NULL);
    s->status.shim_pid = s->status.init_pid = 0;
}

/* Forks the guard: should we be killed, it ends what lives on, and announces the crash. It holds only its end of a
 * pipe, and goes quietly when told so. */
static void start_guard(struct seat *s)
{
    int fds[2];
    if (fd_pipe(fds) < 0) {
        return;
    }
    if (fork() == 0) {
        char byte;
        ssize_t n;
        setsid();
        signal(SIGTERM, SIG_IGN);
        if (dup2(fds[0], 3) == 3) {
            fd_close_from(4);
            while ((n = read(3, &byte, 1)) < 0 && errno == EINTR) {
            }
            if (n == 0) {
                seat_clean_up(s->root, s->id);
            }
        }
        _exit(0);
    }
    close(fds[0]);
    s->guard_fd = fds[1];
}

static int supervise_locked(struct seat *s, struct error *err)
{
    start_guard(s);
    if (catch_signals(err) < 0 || seat_start(s, err) < 0) {
        tear_down(s);
        str_copy(s->status.reason, sizeof(s->status.reason), err->msg);
        seat_record(s, err->code == ERROR_CANCELED ? "stopped" : "failed", NULL);
        log_error("start: %s", err->msg);
        return 1;
    }
    report_ready(s->ready_fd, REPORT_RUNNING, "");
    seat_close(&s->ready_fd);
    main_loop(s);
    if (!s->stopping) {
        seat_record(s, "stopping", NULL); /* nobody joins any more */
    }
    tear_down(s);
    say_reason(s);
    seat_record(s, "stopped", NULL);
    return 0;
}

int seat_supervise(const struct paths *paths, const char *root, const char *name, int ready_fd)
{
    struct seat s = {.paths = paths, .root = root, .ready_fd = ready_fd, .mark = STRBUF_INIT};
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    int lock;
    s.guard_fd = s.port_fd = s.leash_fd = s.out_fd = s.err_fd = -1;
    state_id(name, s.id);
    s.dir = path_join(root, s.id);
    if (state_lock(s.dir, &lock, &err) < 0) {
        report_error_write(&err, &text);
        report_ready(ready_fd, err.code == ERROR_BUSY ? REPORT_BUSY : REPORT_FAILED, text.buf);
        free(s.dir);
        return 1;
    }
    char *log_path = path_join(s.dir, "logs/shim.log");
    log_open(log_path, NULL);
    free(log_path);
    int rc = supervise_locked(&s, &err);
    if (s.guard_fd >= 0 && write(s.guard_fd, "q", 1) < 0) {
        log_warn("the guard was gone already");
    }
    close(lock);
    state_poke(s.root, s.id);
    if (rc != 0) {
        /* Only now: whoever hears of it must not find the lock still held. */
        report_error_write(&err, &text);
        report_ready(s.ready_fd, REPORT_FAILED, text.buf);
    }
    state_config_release(&s.config);
    strbuf_release(&s.mark);
    free(s.dir);
    return rc;
}

void seat_clean_up(const char *root, const char *id)
{
    struct state_status st;
    int lock;
    char *dir = path_join(root, id);
    /* The kernel drops the lock while the supervisor is being torn down; that may come after its pipes were closed. */
    for (int i = 0; i < 100 && state_lock_holder(dir) > 0; i++) {
        poll(NULL, 0, 10);
    }
    if (state_lock_holder(dir) == 0 && state_lock(dir, &lock, NULL) == 0) {
        state_status_load(dir, &st);
        bool crashed = st.valid && strcmp(st.phase, "stopped") != 0 && strcmp(st.phase, "failed") != 0;
        seat_end_recorded(dir, &st);
        st.shim_pid = st.init_pid = 0;
        if (crashed) {
            str_copy(st.reason, sizeof(st.reason), "crashed: its supervisor was killed");
            state_record(root, id, &st, "failed", NULL);
        }
        close(lock);
        state_poke(root, id);
    }
    free(dir);
}
