/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/args.h"
#include "backends/bwrap/launch.h"
#include "backends/bwrap/limits.h"
#include "backends/bwrap/net.h"
#include "backends/bwrap/overlay_mount.h"
#include "backends/process/capture.h"
#include "backends/process/state.h"
#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

/* For what hangs, and long enough for a busy machine; a helper that cannot attach ends by itself. */
#define PROBE_TIMEOUT_MS 30000

/* /usr/bin first, then the search path. */
static bool find_bwrap(char *out, size_t cap)
{
    if (access("/usr/bin/bwrap", X_OK) == 0) {
        return str_copy(out, cap, "/usr/bin/bwrap") == 0;
    }
    const char *path = getenv("PATH");
    for (const char *p = path ? path : ""; *p;) {
        size_t len = strcspn(p, ":");
        if (len > 0 && *p == '/' && str_format(out, cap, "%.*s/bwrap", (int)len, p) == 0 && access(out, X_OK) == 0) {
            return true;
        }
        p += len + (p[len] == ':');
    }
    out[0] = '\0';
    return false;
}

int preflight_features_load(struct preflight_features *out, struct error *err)
{
    char help[16384], version[256], name[] = "bwrap", help_option[] = "--help", version_option[] = "--version";
    char *const help_argv[] = {name, help_option, NULL}, *const version_argv[] = {name, version_option, NULL};
    struct stat sb;
    memset(out, 0, sizeof(*out));
    if (!find_bwrap(out->path, sizeof(out->path))) {
        return error_hint(err, ERROR_NOT_FOUND, "install the package bubblewrap",
                          "bubblewrap (bwrap) is not installed");
    }
    out->is_setuid = stat(out->path, &sb) == 0 && (sb.st_mode & S_ISUID);
    if (capture_run(out->path, help_argv, help, sizeof(help), 5000) != 0 ||
        capture_run(out->path, version_argv, version, sizeof(version), 5000) != 0) {
        return error_set(err, ERROR_UNAVAILABLE, "%s does not answer to --help and --version", out->path);
    }
    preflight_parse_help(help, version, out);
    return 0;
}

/* The options of the throw-away sandbox. */
static void probe_options(struct strvec *argv)
{
    static const char *const links[] = {"bin", "sbin", "lib", "lib32", "lib64"};
    strvec_pushl(argv, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
                 "--cap-drop", "ALL", "--die-with-parent", "--ro-bind", "/usr", "/usr", NULL);
    for (size_t i = 0; i < MT_ARRAY_LEN(links); i++) {
        char path[16], target[256];
        struct stat sb;
        str_format(path, sizeof(path), "/%s", links[i]);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n > 0) {
            target[n] = '\0';
            strvec_pushl(argv, "--symlink", target, path, NULL);
        } else if (stat(path, &sb) == 0) {
            strvec_pushl(argv, "--ro-bind", path, path, NULL);
        }
    }
    /* Its own search path, as every sandbox has: what the person's says must not decide. */
    strvec_pushl(argv, "--proc", "/proc", "--dev", "/dev", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", NULL);
}

/* Runs one; fills reason and fix when it does not work. */
static bool try_sandbox(const struct preflight_features *f, const struct preflight_distro *distro,
                        struct backend_probe *out)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    char text[4096];
    strvec_push(&argv, "bwrap");
    probe_options(&argv);
    strvec_push(&argv, "true");
    if (capture_run(f->path, argv.v, text, sizeof(text), 15000) == 0) {
        return true;
    }
    preflight_classify(text, distro, out->reason, sizeof(out->reason), out->fix, sizeof(out->fix));
    return false;
}

/* True when /proc/PID/net/dev has an interface besides lo. */
static bool has_interface(pid_t pid)
{
    char path[64], buf[8192];
    str_format(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    capture_read(fd, buf, sizeof(buf), clock_mono_ms() + 1000);
    close(fd);
    const char *p = buf;
    for (int colons = 0; (p = strchr(p, ':')) != NULL; p++) {
        if (++colons == 2) { /* lo is the first */
            return true;
        }
    }
    return false;
}

/* Attaches one helper to a throw-away sandbox. */
static bool try_helper(enum net_helper kind, pid_t child, uint64_t limit_ms, char *why, size_t cap)
{
    struct net_link link;
    struct error err = ERROR_INIT;
    bool up = false;
    why[0] = '\0';
    if (net_attach(&link, kind, child, &err) < 0) {
        str_copy(why, cap, err.msg);
        return false;
    }
    for (uint64_t deadline = clock_mono_ms() + limit_ms; !up && clock_mono_ms() < deadline && net_is_alive(&link);) {
        up = has_interface(child);
        poll(NULL, 0, up ? 0 : 5);
    }
    up = up || (net_is_alive(&link) && has_interface(child));
    if (!up) {
        net_explain(&link, limit_ms, why, cap);
    }
    net_detach(&link);
    return up;
}

/* Starts the throw-away sandbox. What runs in it says that it does, and waits for the end of a pipe that only we hold
 * open: it lives until it is ended, and not a moment longer than we do. */
static int start_throw_away(const struct preflight_features *f, struct launch *launch, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec options = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec command = STRVEC_INIT;
    probe_options(&options);
    strvec_pushl(&options, "--info-fd", "7", NULL);
    strvec_pushl(&command, "sh", "-c", "echo; exec cat \"$0\"", NULL);
    strvec_pushf(&command, "/proc/self/fd/%d", ARGS_FD_LEASH);
    struct launch_input in = {.program = f->path,
                              .options = &options,
                              .command = &command,
                              .listen_fd = -1,
                              .workspace_fd = -1,
                              .init_fd = -1,
                              .seccomp_fd = -1};
    return launch_start(&in, launch, err);
}

/* Waits until something runs in it. Until then bwrap is still at work on the network namespace itself, and gives up
 * ("Failed RTM_NEWADDR") when a helper comes in between. */
static bool await_throw_away(const struct launch *launch, char *why, size_t cap)
{
    char c, text[1024];
    struct pollfd p = {.fd = launch->out_fd, .events = POLLIN};
    uint64_t deadline = clock_mono_ms() + PROBE_TIMEOUT_MS, now;
    while ((now = clock_mono_ms()) < deadline) {
        if (poll(&p, 1, (int)(deadline - now)) > 0) {
            if (read(launch->out_fd, &c, 1) == 1) {
                return true;
            }
            ssize_t n = read(launch->err_fd, text, sizeof(text) - 1);
            text[n > 0 ? n : 0] = '\0';
            text[strcspn(text, "\n")] = '\0';
            str_format(why, cap, "the sandbox to try it in ended: %s", text[0] ? text : "without a word");
            return false;
        }
    }
    str_format(why, cap, "the sandbox to try it in did not come up within %g s", PROBE_TIMEOUT_MS / 1000.0);
    return false;
}

bool preflight_try_helpers(const struct preflight_features *f, const enum net_helper *helpers, size_t count,
                           uint64_t limit_ms, char *why, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    struct launch launch;
    struct error err = ERROR_INIT;
    char one[280];
    bool up = false;
    if (start_throw_away(f, &launch, &err) < 0) {
        launch_close(&launch);
        str_copy(why, cap, err.msg);
        return false;
    }
    if (!await_throw_away(&launch, one, sizeof(one))) {
        strbuf_addstr(&all, one);
        count = 0;
    }
    for (size_t i = 0; i < count && !up; i++) {
        up = try_helper(helpers[i], launch.child, limit_ms, one, sizeof(one));
        strbuf_addf(&all, "%s%s", all.len ? "; " : "", one);
    }
    str_copy(why, cap, up ? "" : all.buf);
    /* Its process 1 first: killed before it has asked to die with bwrap, it would go on. Not reaped yet, so not
     * reused. */
    kill(launch.child, SIGKILL);
    kill(launch.monitor, SIGKILL);
    while (waitpid(launch.monitor, NULL, 0) < 0 && errno == EINTR) {
    }
    launch_close(&launch);
    return up;
}

/* Does an isolated network with outside access really work here? The question is not what is installed but whether it
 * attaches. */
static bool try_full_network(const struct preflight_features *f, const struct preflight_distro *distro, char *why,
                             size_t cap)
{
    enum net_helper helpers[2];
    char install[96], text[160];
    size_t count = net_candidates(helpers);
    if (!count) {
        preflight_install_command(distro,
                                  geteuid() == 0                   ? "slirp4netns"
                                  : distro->family == FAMILY_OTHER ? "passt"
                                                                   : "passt slirp4netns",
                                  install, sizeof(install));
        str_format(why, cap, "neither pasta nor slirp4netns is installed%s: %s",
                   geteuid() == 0 ? " (pasta does not work for root)" : "", install);
        return false;
    }
    if (!net_tun_usable(text, sizeof(text))) {
        str_format(why, cap, "%s; the network helper needs it: sudo modprobe tun; sudo chmod 0666 /dev/net/tun", text);
        return false;
    }
    return preflight_try_helpers(f, helpers, count, PROBE_TIMEOUT_MS, why, cap);
}

void preflight_run(const char *state_dir, struct backend_probe *out)
{
    struct preflight_features features;
    struct preflight_distro distro;
    struct error err = ERROR_INIT;
    bool firm = false, as_root = geteuid() == 0;
    memset(out, 0, sizeof(*out));
    preflight_distro_load(&distro);
    if (preflight_features_load(&features, &err) < 0) {
        if (err.code == ERROR_NOT_FOUND) {
            preflight_classify(NULL, &distro, out->reason, sizeof(out->reason), out->fix, sizeof(out->fix));
        } else {
            str_copy(out->reason, sizeof(out->reason), err.msg);
        }
        return;
    }
    str_format(out->version, sizeof(out->version), "%s%s", features.version, features.is_setuid ? " (setuid)" : "");
    if (!features.perms || !features.clearenv || !features.as_pid_1) {
        str_format(out->reason, sizeof(out->reason), "bwrap %s is too old: 0.6 or newer is needed", features.version);
        preflight_install_command(&distro, "bubblewrap", out->fix, sizeof(out->fix));
        return;
    }
    if (!try_sandbox(&features, &distro, out)) {
        return;
    }
    out->usable = true;
    out->caps = BACKEND_CAP_STATS | BACKEND_CAP_LOGS | BACKEND_CAP_ISOLATION | BACKEND_CAP_LIMITS |
                BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_SHARED | BACKEND_CAP_SEAL | BACKEND_CAP_PORT;
    char *scratch = state_root(state_dir, STATE_BWRAP), why[sizeof(out->overlay_reason)];
    if (overlay_mount_choose(&features, scratch, why, sizeof(why)) != OVERLAY_WAY_NONE) {
        out->caps |= BACKEND_CAP_OVERLAY;
    } else {
        str_copy(out->overlay_reason, sizeof(out->overlay_reason), why);
    }
    free(scratch);
    if (try_full_network(&features, &distro, out->full_reason, sizeof(out->full_reason))) {
        out->caps |= BACKEND_CAP_NET_FULL;
        out->full_reason[0] = '\0';
    }
    limits_describe(as_root, out->limits, sizeof(out->limits), &firm);
    if (as_root) {
        str_copy(out->warning, sizeof(out->warning),
                 "running as root: processes in sandboxes are the host's root user without privileges; an ordinary "
                 "user is safer");
    }
}
