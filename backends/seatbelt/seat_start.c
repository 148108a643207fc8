/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
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
#include "backends/seatbelt/seat_private.h"
#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"

/* Progress, and the place where a cancelled start ends. */
static int step(struct seat *s, const char *text, struct error *err)
{
    /* Asked for what it can always do: macOS tells nothing of a descriptor that is watched for nothing. */
    struct pollfd p = {.fd = s->ready_fd, .events = POLLOUT};
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

void seat_end_recorded(const char *dir, const struct state_status *st)
{
    MT_CLEANUP(strbuf) struct strbuf mark = STRBUF_INIT;
    char boot[40];
    host_boot_id(boot);
    if (st->valid && st->shim_pid && strcmp(boot, st->boot_id) == 0) {
        box_mark(dir, st, &mark);
        size_t left = members_end(dir, mark.buf, SEAT_END_LIMIT_MS);
        if (left) {
            log_error("%zu processes of the last run cannot be ended", left);
        }
    }
    members_reset(dir, NULL);
}

int seat_start(struct seat *s, struct error *err)
{
    struct state_status old;
    MT_CLEANUP(strbuf) struct strbuf profile = STRBUF_INIT;
    state_config_load(s->dir, &s->config);
    state_status_load(s->dir, &old);
    seat_end_recorded(s->dir, &old);
    s->status.shim_pid = (int)getpid();
    s->status.shim_start = host_process_start((int)getpid());
    s->status.started_wall_ms = clock_wall_ms();
    s->status.port = old.port;
    host_boot_id(s->status.boot_id);
    box_mark(s->dir, &s->status, &s->mark);
    if (seat_record(s, "starting", err) < 0) {
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
    seat_close(&s->port_fd); /* from now on it is its programs' */
    if (rc < 0 || step(s, "ready", err) < 0) {
        return -1;
    }
    s->status.started_wall_ms = clock_wall_ms();
    return seat_record(s, "running", err);
}
