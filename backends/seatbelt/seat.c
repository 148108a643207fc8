/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/seat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/cgroup.h"
#include "backends/process/home.h"
#include "backends/process/host.h"
#include "backends/process/logs.h"
#include "backends/process/port.h"
#include "backends/process/report.h"
#include "backends/process/workspace.h"
#include "backends/seatbelt/box.h"
#include "backends/seatbelt/members.h"
#include "core/io/fd.h"
#include "core/io/procid.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define STOP_GRACE_DEFAULT_MS 30000
#define WATCH_MS 2000  /* B3 */
#define CLOSE_MS 250   /* the same, when there is little room left */
#define STOPPING_MS 20 /* while it stops: are all gone? */
#define END_LIMIT_MS 3000

struct seat {
    const struct paths *paths;
    const char *root;
    char id[STATE_ID_MAX + 1];
    char *dir;
    struct state_config config;
    struct state_status status;
    struct strbuf mark;
    int ready_fd, guard_fd, port_fd;
    int leash_fd;       /* the main process reads its other end, and ends with us */
    int out_fd, err_fd; /* what it says */
    pid_t main;
    bool abandoned, stopping, killed;
    uint64_t kill_at_ms, grace_ms;
};

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

static int record(struct seat *s, const char *phase, struct error *err)
{
    return state_record(s->root, s->id, &s->status, phase, err);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* --- starting --- */

/* Progress, and the place where a cancelled start ends. */
static int step(struct seat *s, const char *text, struct error *err)
{
    struct pollfd p = {.fd = s->ready_fd, .events = 0};
    s->abandoned = !report_ready(s->ready_fd, REPORT_PROGRESS, text) || s->abandoned ||
                   (s->ready_fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)));
    return s->abandoned ? error_set(err, ERROR_CANCELED, "start was cancelled") : 0;
}

/* The workspace must be the folder that its path names, not one behind a link that an agent put there. */
static int look_at_workspace(struct seat *s, struct error *err)
{
    const char *path = s->config.spec.workspace;
    struct stat sb;
    char *real = path_real(path, err);
    if (!real) {
        return error_wrap(err, "workspace %s", path);
    }
    int rc = strcmp(real, path) != 0
                 ? error_set(err, ERROR_DENIED, "workspace %s: a symbolic link took the place of a folder", path)
             : stat(real, &sb) < 0 || !S_ISDIR(sb.st_mode) ? error_set(err, ERROR_INVALID, "%s is no folder", path)
                                                           : 0;
    free(real);
    if (rc == 0) {
        s->status.workspace_dev = (uint64_t)sb.st_dev;
        s->status.workspace_ino = (uint64_t)sb.st_ino;
        rc = workspace_check(path, s->paths->home, s->paths->state, s->paths->config, err);
    }
    return rc;
}

/* B6: nobody else gets it until the main process runs. */
static void reserve_port(struct seat *s, int last)
{
    const int wishes[] = {s->config.spec.port, last, 0};
    for (size_t i = 0; i < MT_ARRAY_LEN(wishes) && s->port_fd < 0; i++) {
        if (wishes[i] || i == 2) {
            s->port_fd = port_bind(wishes[i], &s->status.port);
        }
        if (s->port_fd < 0 && wishes[i]) {
            log_warn("port %d is in use: another one is taken", wishes[i]);
        }
    }
    s->status.port = s->port_fd < 0 ? 0 : s->status.port;
}

/* What bounds it, and what cannot. */
static int say_limits(struct seat *s, struct error *err)
{
    const struct sandbox_spec *spec = &s->config.spec;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char size[32];
    if (spec->memory_bytes) {
        cgroup_format_bytes(spec->memory_bytes, size, sizeof(size));
        strbuf_addf(&text, "memory %s (watchdog), ", size);
    }
    strbuf_addf(&text, "open files %d (rlimit)", BOX_OPEN_FILES);
    if (spec->cpu_seconds) {
        strbuf_addf(&text, ", %u s of processor time a program (rlimit)", spec->cpu_seconds);
    }
    if (spec->pids || spec->cpus > 0) {
        strbuf_addf(&text, "; not enforced: %s%s%s", spec->pids ? "pids" : "", spec->pids && spec->cpus > 0 ? ", " : "",
                    spec->cpus > 0 ? "cpus" : "");
    }
    str_copy(s->status.limits, sizeof(s->status.limits), text.buf);
    if (spec->require_limits && (spec->memory_bytes || spec->pids || spec->cpus > 0)) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it without require_resource_limits, or take a container",
                          "a process sandbox has limits that the kernel does not enforce: %s", text.buf);
    }
    return 0;
}

static void add_warning(struct strbuf *out, const char *text)
{
    strbuf_addf(out, "%s%s", out->len ? "; " : "", text);
}

/* Warnings that last as long as the sandbox, the most serious one first. */
static void set_warning(struct seat *s, enum net_policy net, const char *left_out)
{
    const struct sandbox_spec *spec = &s->config.spec;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (!host_confines()) {
        add_warning(&text, "NOTHING CONFINES IT: a test's stand-in runs instead of sandbox-exec");
    }
    if (geteuid() == 0 && host_confines()) {
        add_warning(&text, "running as root: only the profile stands between its programs and the machine");
    }
    if (path_is_below(s->paths->executable, spec->workspace)) {
        add_warning(&text, "the muthr-tui that you run lies in this workspace: programs inside can replace it");
    }
    if (net == NET_SHARED) {
        add_warning(&text, "everything on the host's localhost can be reached");
    }
    if (spec->image && !box_image(spec)) {
        add_warning(&text, "its image is not used: a process sandbox takes a folder");
    }
    if (left_out[0]) {
        strbuf_addf(&text, "%smounts that are gone: %s", text.len ? "; " : "", left_out);
    }
    str_copy(s->status.warning, sizeof(s->status.warning), text.buf);
}

/* The text under which all programs of this run go. */
static int store_profile(struct seat *s, enum net_policy net, struct strbuf *text, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf left_out = STRBUF_INIT;
    const struct sandbox_spec *spec = &s->config.spec;
    if (box_profile(s->dir, spec, net, s->status.port, text, &left_out, err) < 0) {
        return -1;
    }
    char *path = path_join(s->dir, BOX_PROFILE);
    int rc = fs_write_atomic(path, text->buf, text->len, 0600, err);
    free(path);
    str_copy(s->status.net, sizeof(s->status.net), net_policy_name(net));
    box_net_words(spec, net, s->status.port, s->status.net_detail, sizeof(s->status.net_detail));
    set_warning(s, net, left_out.buf);
    return rc;
}

/* In the child: the main process, which waits for the end of its input. */
static void become_main(const struct sandbox_spec *spec, char *const *argv, char *const *env, const int *fds)
{
    for (int i = 0; i < 3; i++) {
        if (dup2(fds[i], i) < 0) {
            _exit(126);
        }
    }
    fd_close_from(3);
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    setsid();
    umask(022);
    box_set_limits(spec);
    execve(argv[0], argv, env);
    _exit(127);
}

static int start_main(struct seat *s, const char *profile, struct error *err)
{
    int leash[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1};
    const char *exec = host_sandbox_exec();
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    if (!exec) {
        return error_set(err, ERROR_UNAVAILABLE, "there is no sandbox-exec here");
    }
    strvec_pushl(&argv, exec, "-p", profile, "--", "/bin/cat", NULL);
    box_environment(s->dir, &s->config.spec, &s->status, &env);
    if (fd_pipe(leash) < 0 || fd_pipe(out) < 0 || fd_pipe(errs) < 0) {
        return error_sys(err, errno, "pipes for the sandbox");
    }
    const int theirs[] = {leash[0], out[1], errs[1]};
    s->main = fork();
    if (s->main == 0) {
        become_main(&s->config.spec, argv.v, env.v, theirs);
    }
    int sys = errno;
    for (int i = 0; i < 3; i++) {
        close(theirs[i]);
    }
    s->leash_fd = leash[1];
    s->out_fd = out[0];
    s->err_fd = errs[0];
    fd_set_flags(s->out_fd, true);
    fd_set_flags(s->err_fd, true);
    if (s->main < 0) {
        s->main = 0;
        return error_sys(err, sys, "start the main process");
    }
    s->status.init_pid = (int)s->main;
    s->status.init_start = host_process_start((int)s->main);
    return members_add(s->dir, (int)s->main, err);
}

/* Until it waits: what is written to it comes back. Everything else is sandbox-exec's failure, in its own words. */
static int await_main(struct seat *s, struct error *err)
{
    char text[1024] = "";
    struct pollfd p[] = {{.fd = s->out_fd, .events = POLLIN}, {.fd = s->err_fd, .events = POLLIN}};
    if (write(s->leash_fd, "\n", 1) == 1 && poll(p, 2, 10000) > 0 && (p[0].revents & POLLIN) &&
        read(s->out_fd, text, 1) == 1) {
        return 0;
    }
    ssize_t n = read(s->err_fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    logs_append(s->dir, "stderr.log", text, strlen(text));
    if (strstr(text, "Operation not permitted")) {
        return error_hint(err, ERROR_UNAVAILABLE, "start muthr-tui outside of it",
                          "this already is a sandbox, and macOS does not nest them: %s", text);
    }
    return error_set(err, ERROR_UNAVAILABLE, "the main process did not start: %s", text[0] ? text : "without a word");
}

/* Leftovers of a run that crashed, by what it had written down. Nothing of another boot. */
static void end_recorded(const char *dir, const struct state_status *st)
{
    MT_CLEANUP(strbuf) struct strbuf mark = STRBUF_INIT;
    char boot[40];
    host_boot_id(boot);
    if (st->valid && st->shim_pid && strcmp(boot, st->boot_id) == 0) {
        box_mark(dir, st, &mark);
        size_t left = members_end(dir, mark.buf, END_LIMIT_MS);
        if (left) {
            log_error("%zu processes of the last run cannot be ended", left);
        }
    }
    members_reset(dir, NULL);
}

static int start_steps(struct seat *s, struct error *err)
{
    struct state_status old;
    MT_CLEANUP(strbuf) struct strbuf profile = STRBUF_INIT;
    state_config_load(s->dir, &s->config);
    state_status_load(s->dir, &old);
    end_recorded(s->dir, &old);
    s->status.shim_pid = (int)getpid();
    s->status.shim_start = host_process_start((int)getpid());
    s->status.started_wall_ms = clock_wall_ms();
    s->status.port = old.port;
    host_boot_id(s->status.boot_id);
    box_mark(s->dir, &s->status, &s->mark);
    if (record(s, "starting", err) < 0) {
        return -1;
    }
    if (s->config.missing) {
        return error_set(err, ERROR_INVALID, "the sandbox's configuration is unreadable: %s", s->config.problem);
    }
    reserve_port(s, old.port);
    if (look_at_workspace(s, err) < 0 || say_limits(s, err) < 0 ||
        store_profile(s, state_net(&s->config), &profile, err) < 0 || home_make_scratch(s->dir, err) < 0 ||
        step(s, "starting the main process", err) < 0) {
        return -1;
    }
    int rc = start_main(s, profile.buf, err);
    rc = rc ? rc : await_main(s, err);
    close_fd(&s->port_fd); /* from now on it is its programs' */
    if (rc < 0 || step(s, "ready", err) < 0) {
        return -1;
    }
    s->status.started_wall_ms = clock_wall_ms();
    return record(s, "running", err);
}

/* --- running --- */

static void drain_log(struct seat *s, int *fd, const char *name)
{
    char buf[8192];
    ssize_t n = read(*fd, buf, sizeof(buf));
    if (n > 0) {
        logs_append(s->dir, name, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_fd(fd);
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
    record(s, "stopping", NULL); /* first: from here on nobody joins (enter.c) */
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
    record(s, s->stopping ? "stopping" : "running", NULL);
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
    return !s->config.spec.memory_bytes ? -1 : watch_at > now ? (int)(watch_at - now) : 0;
}

static void main_loop(struct seat *s)
{
    uint64_t watch_at = clock_mono_ms() + CLOSE_MS;
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
    close_fd(&s->leash_fd);
    size_t left = members_end(s->dir, s->mark.buf, END_LIMIT_MS);
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
    close_fd(&s->port_fd);
    close_fd(&s->out_fd);
    close_fd(&s->err_fd);
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
    if (catch_signals(err) < 0 || start_steps(s, err) < 0) {
        tear_down(s);
        str_copy(s->status.reason, sizeof(s->status.reason), err->msg);
        record(s, err->code == ERROR_CANCELED ? "stopped" : "failed", NULL);
        log_error("start: %s", err->msg);
        return 1;
    }
    report_ready(s->ready_fd, REPORT_RUNNING, "");
    close_fd(&s->ready_fd);
    main_loop(s);
    if (!s->stopping) {
        record(s, "stopping", NULL); /* nobody joins any more */
    }
    tear_down(s);
    say_reason(s);
    record(s, "stopped", NULL);
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
        end_recorded(dir, &st);
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
