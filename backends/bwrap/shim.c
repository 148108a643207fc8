/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/client.h"
#include "backends/bwrap/files.h"
#include "backends/bwrap/overlay_mount.h"
#include "backends/bwrap/shim_start.h"
#include "backends/cgroup.h"
#include "backends/process/logs.h"
#include "backends/process/report.h"
#include "core/util/clock.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define STOP_GRACE_DEFAULT_MS 30000

/* --- telling --- */

void shim_tell(struct shim *s, enum report_ready kind, const char *text)
{
    s->abandoned = !report_ready(s->ready_fd, kind, text) || s->abandoned;
}

int shim_record(struct shim *s, const char *phase, struct error *err)
{
    return state_record(s->root, s->id, &s->status, phase, err);
}

/* --- running --- */

/* Copies what bwrap or the init said into a log. */
static void drain_log(struct shim *s, int *fd, const char *name)
{
    char buf[8192];
    ssize_t n = read(*fd, buf, sizeof(buf));
    if (n > 0) {
        logs_append(s->dir, name, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(*fd);
        *fd = -1;
    }
}

static void note_memory_kill(struct shim *s, const char *who, uint64_t bytes)
{
    char limit[32], used[32], clean[64];
    MT_CLEANUP(strbuf) struct strbuf name = STRBUF_INIT;
    utf8_sanitize(&name, who, strnlen(who, 16), false);
    cgroup_format_bytes(s->config.spec.memory_bytes, limit, sizeof(limit));
    cgroup_format_bytes(bytes, used, sizeof(used));
    str_copy(clean, sizeof(clean), name.buf);
    if (bytes) {
        str_format(s->status.reason, sizeof(s->status.reason), "killed: memory limit %s: %s (%s)", limit, clean, used);
    } else {
        str_format(s->status.reason, sizeof(s->status.reason), "killed: memory limit %s: %s", limit, clean);
    }
    log_warn("%s", s->status.reason);
    shim_record(s, s->stopping ? "stopping" : "running", NULL);
}

/* Looks at the sandbox's memory; returns the delay until the next look. Without a group there is no event to wait for:
 * a poll, slow while there is much room and fast while there is little. */
static uint64_t watchdog(struct shim *s)
{
    struct wire_stats_ask ask = {.type = WIRE_STATS, .limit_bytes = s->limits.watch_bytes};
    struct wire_stats stats;
    if (client_ask(s->dir, &ask, sizeof(ask), &stats, sizeof(stats), WIRE_STATS, 2000, NULL) < 0) {
        return 1000;
    }
    if (stats.killed_pid) {
        note_memory_kill(s, stats.killed_name, stats.killed_bytes);
    }
    return stats.resident_bytes > s->limits.watch_bytes / 2   ? 100
           : stats.resident_bytes > s->limits.watch_bytes / 4 ? 400
                                                              : 800;
}

static void check_oom(struct shim *s)
{
    char drop[4096];
    ssize_t n = read(s->oom_fd, drop, sizeof(drop));
    if (n > 0) { /* version 1 tells before it kills: the counter follows */
        s->oom_looks = 20;
    }
    s->oom_looks -= s->oom_looks > 0;
    s->oom_look_at_ms = clock_mono_ms() + 50;
    uint64_t kills = limits_oom_kills(&s->limits);
    if (kills > s->oom_kills) {
        s->oom_kills = kills;
        s->oom_looks = 0;
        note_memory_kill(s, "a process", 0);
    }
}

/* Polite first: the init passes TERM and HUP on and ends when nothing is left. */
static void begin_stop(struct shim *s, uint64_t grace_ms)
{
    uint64_t deadline = clock_mono_ms() + (grace_ms ? grace_ms : STOP_GRACE_DEFAULT_MS);
    if (!s->stopping) {
        s->stopping = true;
        s->grace_ms = grace_ms ? grace_ms : STOP_GRACE_DEFAULT_MS;
        s->kill_at_ms = deadline;
        shim_record(s, "stopping", NULL);
        syscall(SYS_pidfd_send_signal, s->init_fd, SIGTERM, NULL, 0);
    } else if (deadline < s->kill_at_ms) {
        s->kill_at_ms = deadline;
    }
}

int shim_read_net(struct shim *s, struct wire_net *net, struct error *err)
{
    struct wire_code ask = {.type = WIRE_NET};
    return client_ask(s->dir, &ask, sizeof(ask), net, sizeof(*net), WIRE_NET, 2000, err);
}

/* Cuts the network and reads back that it is cut; stays cut over restarts. */
static int seal(struct shim *s, struct error *err)
{
    struct wire_net net = {.interfaces = 1};
    if (strcmp(s->status.net, "shared") == 0) {
        return error_hint(err, ERROR_UNAVAILABLE, "stop and start it with an isolated network",
                          "the sandbox shares the host's network, which cannot be cut while it runs");
    }
    door_shut(&s->door);
    net_detach(&s->link);
    s->status.helper_pid = 0;
    uint64_t deadline = clock_mono_ms() + 3000;
    for (;;) {
        if (shim_read_net(s, &net, err) < 0) {
            return -1;
        }
        if (net.interfaces == 0 && !net.default_route) {
            break;
        }
        if (clock_mono_ms() > deadline) {
            return error_set(err, ERROR_SYS, "the network is still there after its helper was ended");
        }
        poll(NULL, 0, 2); /* the kernel takes the interface away as soon as its owner is reaped */
    }
    str_copy(s->status.net, sizeof(s->status.net), "none");
    files_write_resolv(s->dir, NULL, NULL);
    shim_record(s, "running", NULL);
    s->config.sealed = true;
    return state_config_save(s->dir, &s->config.spec, true, err);
}

/* One request of a helper. A stop's connection is kept until the end, so that the helper sees it. */
static void serve(struct shim *s)
{
    struct shim_ask ask;
    int fd = accept4(s->shim_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    ssize_t n = client_recv(fd, &ask, sizeof(ask), NULL, 500, NULL);
    if (n == (ssize_t)sizeof(ask) && ask.type == SHIM_STOP) {
        begin_stop(s, ask.grace_ms);
        if (s->waiter_count < MT_ARRAY_LEN(s->waiters)) {
            s->waiters[s->waiter_count++] = fd;
            return;
        }
    } else if (n == (ssize_t)sizeof(ask) && ask.type == SHIM_SEAL) {
        struct error err = ERROR_INIT;
        struct shim_reply reply = {.type = SHIM_SEAL, .ok = seal(s, &err) == 0};
        str_copy(reply.text, sizeof(reply.text), err.msg);
        client_send(fd, &reply, sizeof(reply), NULL, 0, NULL);
    }
    close(fd);
}

/* A child ended: bwrap itself (then all is over), the network helper, or a relay of the door. */
static void reap(struct shim *s)
{
    int status;
    door_reap(&s->door);
    if (waitpid(s->launch.monitor, &status, WNOHANG) == s->launch.monitor) {
        s->launch.monitor = 0;
        s->status.rc = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (s->link.pid > 0 && !net_is_alive(&s->link)) {
        char words[200];
        net_explain(&s->link, 0, words, sizeof(words));
        str_format(s->status.warning, sizeof(s->status.warning), "there is no network any more: %s", words);
        log_error("%s", s->status.warning);
        s->status.helper_pid = 0;
        str_copy(s->status.net, sizeof(s->status.net), "none");
        shim_record(s, s->stopping ? "stopping" : "running", NULL);
    }
}

static void read_signals(struct shim *s)
{
    struct signalfd_siginfo si;
    while (read(s->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGCHLD) {
            reap(s);
        } else {
            begin_stop(s, 0);
        }
    }
}

/* Delay of the next timed thing. */
static int next_delay(const struct shim *s, uint64_t watch_at)
{
    uint64_t now = clock_mono_ms(), at = UINT64_MAX;
    at = s->limits.watch_bytes ? watch_at : at;
    at = s->oom_looks ? MT_MIN(at, s->oom_look_at_ms) : at;
    at = s->stopping ? MT_MIN(at, s->kill_at_ms) : at;
    return at == UINT64_MAX ? -1 : at > now ? (int)MT_MIN(at - now, 60000u) : 0;
}

static void main_loop(struct shim *s)
{
    uint64_t watch_at = clock_mono_ms() + 500;
    reap(s);
    while (s->launch.monitor) {
        struct pollfd p[] = {
            {.fd = s->signal_fd, .events = POLLIN},
            {.fd = s->shim_fd, .events = POLLIN},
            {.fd = s->launch.out_fd, .events = POLLIN},
            {.fd = s->launch.err_fd, .events = POLLIN},
            {.fd = s->oom_fd, .events = POLLIN | POLLPRI},
            {.fd = door_is_ready(&s->door) ? s->door.fd : -1, .events = POLLIN},
        };
        if (poll(p, MT_ARRAY_LEN(p), next_delay(s, watch_at)) < 0 && errno != EINTR) {
            break;
        }
        if (p[2].revents) {
            drain_log(s, &s->launch.out_fd, "stdout.log");
        }
        if (p[3].revents) {
            drain_log(s, &s->launch.err_fd, "stderr.log");
        }
        if (p[4].revents || (s->oom_looks && clock_mono_ms() >= s->oom_look_at_ms)) {
            check_oom(s);
        }
        if (p[5].revents) {
            door_serve(&s->door);
        }
        if (p[0].revents) {
            read_signals(s);
        }
        if (p[1].revents && s->launch.monitor) {
            serve(s);
        }
        uint64_t now = clock_mono_ms();
        if (s->launch.monitor && s->limits.watch_bytes && now >= watch_at) {
            watch_at = now + watchdog(s);
        }
        if (s->stopping && !s->killed && now >= s->kill_at_ms) {
            s->killed = true;
            s->kill_at_ms = UINT64_MAX;
            syscall(SYS_pidfd_send_signal, s->init_fd, SIGKILL, NULL, 0);
        }
    }
}

/* What the end is called. */
static void final_reason(struct shim *s)
{
    if (s->killed) {
        str_format(s->status.reason, sizeof(s->status.reason), "killed after %llu s",
                   (unsigned long long)(s->grace_ms + 999) / 1000);
    } else if (s->stopping) {
        s->status.reason[0] = '\0';
    } else if (strncmp(s->status.reason, "killed: memory", 14) != 0) {
        str_format(s->status.reason, sizeof(s->status.reason), s->status.rc > 128 ? "killed by signal %d" : "exit %d",
                   s->status.rc > 128 ? s->status.rc - 128 : s->status.rc);
    }
}

/* Ends whatever is left, in any state of completion. */
static void tear_down(struct shim *s)
{
    if (s->launch.monitor > 0) {
        if (s->init_fd >= 0) {
            syscall(SYS_pidfd_send_signal, s->init_fd, SIGKILL, NULL, 0);
        }
        kill(s->launch.monitor, SIGKILL);
        while (waitpid(s->launch.monitor, NULL, 0) < 0 && errno == EINTR) {
        }
        s->launch.monitor = 0;
    }
    launch_close(&s->launch);
    if (s->fuse_pid > 0) {
        overlay_fuse_end(s->dir, s->fuse_pid);
        s->fuse_pid = 0;
    }
    net_detach(&s->link);
    door_release(&s->door);
    char *socket_path = path_join(s->dir, "run/ctl.sock"), *own = path_join(s->dir, "run/shim.sock");
    unlink(socket_path);
    unlink(own);
    free(socket_path);
    free(own);
    /* A group can be removed once the kernel has let go of its last process; it was killed above. */
    for (int i = 0; i < 100 && s->init_fd >= 0; i++) {
        struct pollfd p = {.fd = s->init_fd, .events = POLLIN};
        if (poll(&p, 1, 50) > 0) {
            break;
        }
    }
    limits_remove(s->limits.groups, LIMITS_COUNT);
    memset(s->status.cgroups, 0, sizeof(s->status.cgroups));
    s->status.shim_pid = s->status.init_pid = s->status.helper_pid = 0;
}

/* Forks the guard: should we be killed, it ends what the kernel does not end by itself, and announces the crash. It
 * holds only its end of a pipe, and goes quietly when told so. */
static void start_guard(struct shim *s)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return;
    }
    if (fork() == 0) {
        char byte;
        prctl(PR_SET_NAME, "muthr-guard");
        setsid();
        if (dup2(fds[0], 3) == 3) {
            syscall(SYS_close_range, 4u, ~0u, 0);
            ssize_t n;
            while ((n = read(3, &byte, 1)) < 0 && errno == EINTR) {
            }
            if (n == 0) {
                shim_clean_up(s->root, s->id);
            }
        }
        _exit(0);
    }
    close(fds[0]);
    s->guard_fd = fds[1];
}

static void block_signals(struct shim *s)
{
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From the taken lock to the last record. A failed start is told by the caller. */
static int supervise_locked(struct shim *s, struct error *err)
{
    block_signals(s);
    start_guard(s);
    if (shim_start(s, err) < 0) {
        tear_down(s);
        str_copy(s->status.reason, sizeof(s->status.reason), err->msg);
        shim_record(s, err->code == ERROR_CANCELED ? "stopped" : "failed", NULL);
        log_error("start: %s", err->msg);
        return 1;
    }
    shim_tell(s, REPORT_RUNNING, "");
    close(s->ready_fd);
    s->ready_fd = -1;
    main_loop(s);
    final_reason(s);
    if (s->oom_fd >= 0) {
        close(s->oom_fd);
    }
    tear_down(s);
    shim_record(s, "stopped", NULL);
    return 0;
}

int shim_supervise(const struct paths *paths, const char *root, const char *name, int ready_fd)
{
    struct shim s = {.paths = paths, .root = root, .ready_fd = ready_fd};
    struct error err = ERROR_INIT;
    int lock;
    s.guard_fd = s.signal_fd = s.shim_fd = s.oom_fd = s.oom_keep_fd = s.init_fd = -1;
    s.door = (struct door){.fd = -1, .leash = {-1, -1}};
    s.launch = (struct launch){.block_fd = -1, .leash_fd = -1, .out_fd = -1, .err_fd = -1};
    state_id(name, s.id);
    s.dir = path_join(root, s.id);
    if (state_lock(s.dir, &lock, &err) < 0) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        report_error_write(&err, &text);
        shim_tell(&s, err.code == ERROR_BUSY ? REPORT_BUSY : REPORT_FAILED, text.buf);
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
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        report_error_write(&err, &text);
        shim_tell(&s, REPORT_FAILED, text.buf);
    }
    state_config_release(&s.config);
    free(s.dir);
    return rc;
}

void shim_reap_recorded(struct state_status *st)
{
    if (state_proc_is(st->helper_pid, st->helper_start, st->boot_id)) {
        kill(st->helper_pid, SIGKILL);
    }
    if (state_proc_is(st->init_pid, st->init_start, st->boot_id)) {
        kill(st->init_pid, SIGKILL);
    }
    for (int i = 0; i < 100 && st->init_pid && state_proc_is(st->init_pid, st->init_start, st->boot_id); i++) {
        poll(NULL, 0, 10);
    }
    limits_remove(st->cgroups, MT_ARRAY_LEN(st->cgroups));
    st->shim_pid = st->init_pid = st->helper_pid = 0;
    memset(st->cgroups, 0, sizeof(st->cgroups));
}

void shim_clean_up(const char *root, const char *id)
{
    struct state_status st;
    int lock;
    char *dir = path_join(root, id);
    /* The kernel drops the lock while the shim is being torn down; that may come after its pipes were closed. */
    for (int i = 0; i < 100 && state_lock_holder(dir) > 0; i++) {
        poll(NULL, 0, 10);
    }
    if (state_lock_holder(dir) == 0 && state_lock(dir, &lock, NULL) == 0) {
        state_status_load(dir, &st);
        bool crashed = st.valid && strcmp(st.phase, "stopped") != 0 && strcmp(st.phase, "failed") != 0;
        shim_reap_recorded(&st);
        if (crashed) {
            str_copy(st.phase, sizeof(st.phase), "failed");
            str_copy(st.reason, sizeof(st.reason), "crashed: its supervisor was killed");
            state_status_save(dir, &st, NULL);
        }
        close(lock);
        state_poke(root, id);
    }
    free(dir);
}
