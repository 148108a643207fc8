/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/shim_start.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/bwrap/args.h"
#include "backends/bwrap/client.h"
#include "backends/bwrap/files.h"
#include "backends/bwrap/init_blob.h"
#include "backends/bwrap/overlay_mount.h"
#include "backends/process/home.h"
#include "backends/process/host.h"
#include "backends/process/logs.h"
#include "backends/process/workspace.h"
#include "backends/seccomp.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* What lives only while starting. */
struct start {
    struct preflight_features features;
    enum net_policy net;
    enum net_helper helpers[2];
    size_t helper_count;
    unsigned uid, gid;
    bool as_root;
    int workspace_fd, listen_fd, init_image_fd, seccomp_fd;
    char *ca_file;
    enum overlay_way way; /* NONE: the programs inside write into the project itself */
    struct overlay_mount mount;
    char *view; /* overlay/merged, unless bwrap mounts it */
};

/* True when nobody waits for the start any more: it then must not go on. */
static bool is_abandoned(struct shim *s)
{
    struct pollfd p = {.fd = s->ready_fd, .events = 0};
    return s->abandoned || (s->ready_fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)));
}

/* Progress, and the place where a cancelled start ends. */
static int step(struct shim *s, const char *text, struct error *err)
{
    shim_tell(s, REPORT_PROGRESS, text);
    return is_abandoned(s) ? error_set(err, ERROR_CANCELED, "start was cancelled") : 0;
}

/* Opens the workspace without following any symlink, so that it cannot be swapped for one between look and mount. */
static int open_workspace(struct shim *s, struct start *st, struct error *err)
{
    const char *path = s->config.spec.workspace;
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    struct stat sb;
    st->workspace_fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    if (st->workspace_fd < 0 && errno == ENOSYS) {
        char *real = path_real(path, NULL);
        if (real && strcmp(real, path) == 0) {
            st->workspace_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        } else {
            errno = real ? ELOOP : ENOENT;
        }
        free(real);
    }
    if (st->workspace_fd < 0 && errno == ELOOP) {
        return error_set(err, ERROR_DENIED, "workspace %s: a symbolic link took the place of a folder", path);
    }
    if (st->workspace_fd < 0 || fstat(st->workspace_fd, &sb) < 0) {
        return error_sys(err, errno, "workspace %s", path);
    }
    s->status.workspace_dev = (uint64_t)sb.st_dev;
    s->status.workspace_ino = (uint64_t)sb.st_ino;
    return workspace_check(path, s->paths->home, s->paths->state, s->paths->config, err);
}

/* The copy-on-write view, for a workspace that is to be left alone. Never a silent substitute. */
static int prepare_overlay(struct shim *s, struct start *st, struct error *err)
{
    const struct sandbox_spec *spec = &s->config.spec;
    char why[400];
    if (spec->workspace_mode != WORKSPACE_OVERLAY) {
        return 0;
    }
    st->way = overlay_mount_choose(&st->features, s->root, why, sizeof(why));
    if (st->way == OVERLAY_WAY_NONE) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "install bubblewrap 0.11 or newer, or fuse-overlayfs; or use workspace_mode: direct",
                          "an overlay workspace cannot be mounted here: %s", why);
    }
    if (overlay_prepare(s->dir, st->workspace_fd, overlay_way_kind(st->way), err) < 0) {
        return error_wrap(err, "overlay workspace");
    }
    st->view = st->way == OVERLAY_WAY_BWRAP ? NULL : path_join(s->dir, "overlay/merged");
    st->mount = (struct overlay_mount){
        .dir = s->dir, .workspace = spec->workspace, .dev = s->status.workspace_dev, .ino = s->status.workspace_ino};
    return st->way == OVERLAY_WAY_FUSE ? overlay_fuse_start(s->dir, spec->workspace, &s->fuse_pid, err) : 0;
}

/* The init as a file without a name. */
static int init_image(struct error *err)
{
    size_t len = (size_t)((uintptr_t)init_blob_end - (uintptr_t)init_blob), at = 0;
    int fd = memfd_create("muthr-init", MFD_CLOEXEC);
    while (fd >= 0 && at < len) {
        ssize_t n = write(fd, init_blob + at, len - at);
        if (n < 0 && errno != EINTR) {
            break;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || at < len || lseek(fd, 0, SEEK_SET) < 0) {
        return error_sys(err, errno, "copy of the init");
    }
    return fd;
}

/* The filter as a file in the state folder: bwrap reads it, and people can look at it. */
static int seccomp_file(struct shim *s, struct error *err)
{
    char *path = path_join(s->dir, "seccomp.bpf");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        error_sys(err, errno, "%s", path);
    } else if (seccomp_write(fd, err) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

/* Which network it shall have, and whether that can be had at all. */
static int choose_net(struct shim *s, struct start *st, struct error *err)
{
    char why[160];
    st->net = s->config.sealed ? NET_NONE : s->config.spec.net;
    if (st->net != NET_FULL) {
        return 0;
    }
    st->helper_count = net_candidates(st->helpers);
    if (!st->helper_count) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "install passt (pasta) or slirp4netns; or choose the network 'none' or 'shared'",
                          "an isolated network with outside access needs pasta or slirp4netns");
    }
    if (!net_tun_usable(why, sizeof(why))) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "sudo chmod 0666 /dev/net/tun; or choose the network 'none' or 'shared'",
                          "an isolated network with outside access is not possible: %s", why);
    }
    return 0;
}

/* Everything that must exist on disk before bwrap starts. */
static int prepare_files(struct shim *s, struct start *st, struct error *err)
{
    const char *nameserver = st->net == NET_FULL     ? net_dns_address(st->helpers[0])
                             : st->net == NET_SHARED ? "host"
                                                     : NULL;
    if (home_make_scratch(s->dir, err) < 0 || home_make(s->dir, err) < 0 ||
        files_write_etc(s->dir, st->uid, st->gid, nameserver, err) < 0) {
        return -1;
    }
    st->init_image_fd = init_image(err);
    st->seccomp_fd = st->init_image_fd < 0 ? -1 : seccomp_file(s, err);
    if (st->seccomp_fd < 0 || client_listen(s->dir, "ctl.sock", &st->listen_fd, err) < 0) {
        return -1;
    }
    return client_listen(s->dir, "shim.sock", &s->shim_fd, err);
}

/* The options as a file, one a line, for people. */
static void write_args_file(struct shim *s, const struct strvec *options)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *path = path_join(s->dir, "sandbox.args");
    for (size_t i = 0; i < options->len; i++) {
        strbuf_addf(&text, "%s\n", options->v[i]);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, text.buf, text.len) != (ssize_t)text.len) {
        log_warn("%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
}

static int build_options(struct shim *s, struct start *st, struct strvec *options, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf skipped = STRBUF_INIT;
    struct args_input in = {.spec = &s->config.spec,
                            .features = &st->features,
                            .host_root = "",
                            .dir = s->dir,
                            .ca_file = st->ca_file,
                            .uid = st->uid,
                            .gid = st->gid,
                            .net = st->net,
                            .port = s->status.port,
                            .overlay_by_bwrap = st->way == OVERLAY_WAY_BWRAP,
                            .overlay_view = st->view,
                            .workspace_by_fd = st->features.bind_fd};
    if (args_build(&in, options, &skipped, err) < 0) {
        return -1;
    }
    if (skipped.len) {
        str_format(s->status.warning, sizeof(s->status.warning), "not mounted, because missing: %s", skipped.buf);
        log_warn("%s", s->status.warning);
    }
    write_args_file(s, options);
    return 0;
}

/* bwrap's own words about its failure, turned into a reason and a cure. */
static int explain_failure(struct shim *s, struct error *err)
{
    char buf[4096], reason[320], fix[480];
    struct preflight_distro distro;
    size_t len = 0;
    ssize_t n;
    struct pollfd p = {.fd = s->launch.err_fd, .events = POLLIN};
    while (len < sizeof(buf) - 1 && poll(&p, 1, 200) > 0 &&
           (n = read(s->launch.err_fd, buf + len, sizeof(buf) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    buf[len] = '\0';
    logs_append(s->dir, "stderr.log", buf, len);
    preflight_distro_load(&distro);
    preflight_classify(buf, &distro, reason, sizeof(reason), fix, sizeof(fix));
    return error_set(err, ERROR_UNAVAILABLE, fix[0] ? "%s; %s" : "%s%s", reason, fix);
}

/* Waits for the init's first answer; every earlier end is a failure of the set-up. */
static int wait_hello(struct shim *s, struct error *err)
{
    struct wire_code ask = {.type = WIRE_HELLO}, reply;
    struct error why = ERROR_INIT;
    if (client_ask(s->dir, &ask, sizeof(ask), &reply, sizeof(reply), WIRE_READY, 10000, &why) < 0) {
        return why.code == ERROR_TIMEOUT
                   ? error_set(err, ERROR_TIMEOUT, "the sandbox's init did not answer within 10 s")
                   : explain_failure(s, err);
    }
    return reply.code == WIRE_VERSION
               ? 0
               : error_set(err, ERROR_ANSWER, "the sandbox's init speaks version %d", reply.code);
}

/* A bwrap that cannot take the workspace as a descriptor was given its path: what it mounted must be what was looked
 * at. Nothing runs inside yet. */
static int check_mounted(const struct shim *s, const struct start *st, struct error *err)
{
    struct stat sb;
    if (st->way == OVERLAY_WAY_OWN || (st->way == OVERLAY_WAY_NONE && st->features.bind_fd)) {
        return 0; /* by descriptor */
    }
    if (st->way != OVERLAY_WAY_NONE) { /* the view is another file system: what can be looked at is the folder */
        bool same = stat(s->config.spec.workspace, &sb) == 0 && (uint64_t)sb.st_dev == s->status.workspace_dev &&
                    (uint64_t)sb.st_ino == s->status.workspace_ino;
        return same ? 0
                    : error_set(err, ERROR_DENIED, "workspace %s: another folder took its place while it was mounted",
                                s->config.spec.workspace);
    }
    char *path = xasprintf("/proc/%d/root%s", (int)s->launch.child, s->config.spec.workspace_mount);
    int rc = stat(path, &sb), sys = errno;
    free(path);
    if (rc < 0 && st->features.is_setuid) {
        log_warn("workspace %s: what was mounted cannot be looked at with a setuid bwrap", s->config.spec.workspace);
        return 0;
    }
    if (rc < 0) {
        return error_sys(err, sys, "workspace %s cannot be seen inside", s->config.spec.workspace);
    }
    if ((uint64_t)sb.st_dev != s->status.workspace_dev || (uint64_t)sb.st_ino != s->status.workspace_ino) {
        return error_set(err, ERROR_DENIED, "workspace %s: another folder took its place while it was being mounted",
                         s->config.spec.workspace);
    }
    return 0;
}

static int launch_bwrap(struct shim *s, struct start *st, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec options = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec command = STRVEC_INIT;
    if (build_options(s, st, &options, err) < 0) {
        return -1;
    }
    strvec_push(&command, "/run/muthr/init");
    strvec_pushf(&command, "%d", ARGS_FD_LISTEN);
    strvec_pushf(&command, "%d", ARGS_FD_LEASH);
    strvec_pushf(&command, "%u", s->limits.nproc);
    struct launch_input in = {.program = st->features.path,
                              .options = &options,
                              .command = &command,
                              .listen_fd = st->listen_fd,
                              .workspace_fd = st->workspace_fd,
                              .init_fd = st->init_image_fd,
                              .seccomp_fd = st->seccomp_fd,
                              .overlay = st->way == OVERLAY_WAY_OWN ? &st->mount : NULL};
    if (launch_start(&in, &s->launch, err) < 0) {
        s->launch.monitor = 0;
        return s->launch.err_fd >= 0 ? explain_failure(s, err) : -1;
    }
    s->init_fd = (int)syscall(SYS_pidfd_open, s->launch.child, 0);
    s->status.init_pid = s->launch.child;
    s->status.init_start = host_process_start(s->launch.child);
    if (s->init_fd < 0) {
        return error_sys(err, errno, "pidfd of the sandbox (Linux 5.3 or newer is needed)");
    }
    fcntl(s->init_fd, F_SETFD, FD_CLOEXEC);
    limits_join(&s->limits, s->launch.child);
    shim_record(s, "starting", NULL);
    /* Our copy of the listening socket must go before anybody connects: else a connection to a dead init would wait for
     * ever. */
    close(st->listen_fd);
    st->listen_fd = -1;
    if (write(s->launch.block_fd, "g", 1) != 1) {
        return explain_failure(s, err);
    }
    close(s->launch.block_fd);
    s->launch.block_fd = -1;
    return wait_hello(s, err) < 0 ? -1 : check_mounted(s, st, err);
}

#define HELPER_LIMIT_MS 15000

/* Waits until the sandbox has a default route: 0; 1 when the helper ended or the deadline came first; -1 when the start
 * cannot go on. */
static int await_route(struct shim *s, uint64_t deadline, struct error *err)
{
    struct wire_net net;
    while (clock_mono_ms() < deadline && net_is_alive(&s->link)) {
        if (shim_read_net(s, &net, err) < 0) {
            return -1;
        }
        if (net.default_route && net.interfaces > 0 && net_is_alive(&s->link)) {
            return 0;
        }
        if (is_abandoned(s)) {
            return error_set(err, ERROR_CANCELED, "start was cancelled");
        }
        poll(NULL, 0, 5); /* neither helper can tell when its interface is up; the init can */
    }
    return 1;
}

/* Attaches one helper and waits until it works. */
static int try_helper(struct shim *s, enum net_helper kind, struct error *err)
{
    char words[280];
    if (files_write_resolv(s->dir, net_dns_address(kind), err) < 0 ||
        net_attach(&s->link, kind, s->launch.child, err) < 0) {
        return -1;
    }
    s->status.helper_pid = s->link.pid;
    s->status.helper_start = host_process_start(s->link.pid);
    shim_record(s, "starting", NULL);
    int rc = await_route(s, clock_mono_ms() + HELPER_LIMIT_MS, err);
    if (rc > 0) {
        net_explain(&s->link, HELPER_LIMIT_MS, words, sizeof(words));
        rc = error_set(err, ERROR_UNAVAILABLE, "%s", words);
    }
    if (rc < 0) {
        net_detach(&s->link);
        s->status.helper_pid = 0;
    }
    return rc;
}

/* Tries the helpers, best first. The error tells what became of each. */
static int connect_outside(struct shim *s, struct start *st, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    for (size_t i = 0; i < st->helper_count; i++) {
        struct error why = ERROR_INIT;
        if (try_helper(s, st->helpers[i], &why) == 0) {
            return 0;
        }
        if (why.code == ERROR_CANCELED) {
            return error_set(err, why.code, "%s", why.msg);
        }
        strbuf_addf(&all, "%s%s", all.len ? "; " : "", why.msg);
    }
    return error_set(err, ERROR_UNAVAILABLE, "outside network: %s", all.buf);
}

/* Brings the network to what was asked for, and reads it back: nothing is reported that was not seen. */
static int connect_net(struct shim *s, struct start *st, struct error *err)
{
    struct wire_net net;
    if (st->net == NET_NONE) {
        if (shim_read_net(s, &net, err) < 0) {
            return -1;
        }
        if (net.interfaces || net.default_route) {
            return error_set(err, ERROR_SYS, "the sandbox should have no network, but it has one");
        }
    }
    int rc = st->net == NET_FULL ? connect_outside(s, st, err) : 0;
    str_copy(s->status.net, sizeof(s->status.net), net_policy_name(st->net));
    return rc == 0 && st->net == NET_FULL ? door_open(&s->door, err) : rc;
}

/* Warnings that last as long as the sandbox; the most serious one wins. */
static void set_warning(struct shim *s, const struct start *st)
{
    char rest[sizeof(s->status.warning)];
    str_copy(rest, sizeof(rest), s->status.warning);
    if (st->net == NET_SHARED) {
        str_format(s->status.warning, sizeof(s->status.warning),
                   "shares the host's network: everything on localhost can be reached%s%s", rest[0] ? "; " : "", rest);
    } else if (s->limits.missing[0]) {
        str_format(s->status.warning, sizeof(s->status.warning), "limits not enforced by the kernel: %s%s%s",
                   s->limits.missing, rest[0] ? "; " : "", rest);
    }
    str_copy(rest, sizeof(rest), s->status.warning);
    if (path_is_below(s->paths->executable, s->config.spec.workspace)) {
        str_format(s->status.warning, sizeof(s->status.warning),
                   "the muthr-tui that you run lies in this workspace: programs inside can replace it%s%s",
                   rest[0] ? "; " : "", rest);
    }
    str_copy(rest, sizeof(rest), s->status.warning);
    if (st->as_root) {
        str_format(s->status.warning, sizeof(s->status.warning),
                   "running as root: the sandbox's processes are the host's root user without privileges%s%s",
                   rest[0] ? "; " : "", rest);
    }
}

static int run_steps(struct shim *s, struct start *st, struct error *err)
{
    int last_port = s->status.port;
    if (s->config.missing) {
        return error_set(err, ERROR_INVALID, "the sandbox's configuration is unreadable: %s", s->config.problem);
    }
    if (open_workspace(s, st, err) < 0 || preflight_features_load(&st->features, err) < 0 ||
        choose_net(s, st, err) < 0 || prepare_overlay(s, st, err) < 0) {
        return -1;
    }
    /* The same name may exist under another home: groups are one name space for the machine. */
    char group[STATE_ID_MAX + 16];
    str_format(group, sizeof(group), "%s-%08x", s->id, (unsigned)hash_fnv1a64(s->dir, strlen(s->dir)));
    limits_prepare(&s->limits, &s->config.spec, group, st->as_root);
    str_copy(s->status.limits, sizeof(s->status.limits), s->limits.text);
    for (int i = 0; i < LIMITS_COUNT; i++) {
        str_copy(s->status.cgroups[i], sizeof(s->status.cgroups[i]), s->limits.groups[i]);
    }
    if (s->config.spec.require_limits && s->limits.missing[0]) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "start it without require_resource_limits, or make control groups writable",
                          "limits cannot be enforced here: %s", s->limits.missing);
    }
    door_reserve(&s->door, s->dir, s->config.spec.port, last_port);
    s->status.port = s->door.port;
    if (st->net == NET_SHARED) {
        door_yield(&s->door);
    }
    if (step(s, "preparing the sandbox's files", err) < 0 || prepare_files(s, st, err) < 0 ||
        step(s, "starting bwrap", err) < 0 || launch_bwrap(s, st, err) < 0) {
        return -1;
    }
    s->oom_kills = limits_oom_kills(&s->limits);
    s->oom_fd = limits_oom_watch(&s->limits, &s->oom_keep_fd);
    if (step(s, st->net == NET_FULL ? "connecting the isolated network" : "checking the network", err) < 0 ||
        connect_net(s, st, err) < 0 || step(s, "ready", err) < 0) {
        return -1;
    }
    set_warning(s, st);
    return 0;
}

int shim_start(struct shim *s, struct error *err)
{
    struct start st = {.workspace_fd = -1, .listen_fd = -1, .init_image_fd = -1, .seccomp_fd = -1};
    struct state_status old;
    st.as_root = geteuid() == 0;
    st.uid = st.as_root ? 1000 : geteuid();
    st.gid = st.as_root ? 1000 : getegid();
    st.ca_file = files_ca_bundle();
    state_config_load(s->dir, &s->config);
    state_status_load(s->dir, &old);
    shim_reap_recorded(&old); /* what a crash may have left behind */
    s->status.port = old.port;
    s->status.shim_pid = (int)getpid();
    s->status.shim_start = host_process_start(getpid());
    s->status.started_wall_ms = clock_wall_ms();
    host_boot_id(s->status.boot_id);
    int rc = shim_record(s, "starting", err) < 0 ? -1 : run_steps(s, &st, err);
    const int fds[] = {st.workspace_fd, st.listen_fd, st.init_image_fd, st.seccomp_fd};
    for (size_t i = 0; i < MT_ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(st.ca_file);
    free(st.view);
    if (rc == 0) {
        s->status.started_wall_ms = clock_wall_ms();
        rc = shim_record(s, "running", err); /* what nobody can see run would be taken for one that hangs */
    }
    return rc;
}
