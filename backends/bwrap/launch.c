/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/bwrap/args.h"
#include "backends/bwrap/overlay_mount.h"
#include "core/util/clock.h"
#include "core/util/json.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* An anonymous file that holds the options, NUL-separated. */
static int options_file(const struct strvec *options, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < options->len; i++) {
        strbuf_add(&text, options->v[i], strlen(options->v[i]) + 1);
    }
    int fd = memfd_create("bwrap-args", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text.buf, text.len) != (ssize_t)text.len || lseek(fd, 0, SEEK_SET) < 0) {
        int sys = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error_sys(err, sys, "options for bwrap");
    }
    return fd;
}

/* bwrap refuses to run with capabilities that it did not expect. */
static void drop_inheritable(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &head, data) == 0) {
        data[0].inheritable = data[1].inheritable = 0;
        syscall(SYS_capset, &head, data);
    }
}

/* In the child: puts descriptors where bwrap expects them and becomes it. `fds` is indexed by enum args_fd; 0-2 are its
 * stdio. */
static void run_bwrap(const struct launch_input *in, char *const *argv, const int *fds, pid_t parent)
{
    int high[ARGS_FD_END];
    sigset_t none;
    sigemptyset(&none);
    /* SIGCHLD must not be ignored: bwrap waits for its child. */
    for (int s = 1; s < NSIG; s++) {
        signal(s, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    for (int i = 0; i < ARGS_FD_END; i++) {
        high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
    }
    for (int i = 0; i < ARGS_FD_END; i++) {
        if (high[i] >= 0 && dup2(high[i], i) < 0) {
            _exit(126);
        }
    }
    syscall(SYS_close_range, (unsigned)ARGS_FD_END, ~0u, CLOSE_RANGE_CLOEXEC);
    close(3);
    close(4);
    if (in->overlay != NULL && overlay_mount_here(in->overlay) < 0) {
        _exit(126);
    }
    drop_inheritable();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(126);
    }
    execv(in->program, argv);
    _exit(127);
}

/* Reads {"child-pid": N} from the info pipe; 0 when bwrap ended without. */
static pid_t read_child(int info_fd, uint64_t timeout_ms)
{
    char buf[4096];
    size_t len = 0;
    uint64_t deadline = clock_mono_ms() + timeout_ms;
    while (len < sizeof(buf)) {
        struct pollfd p = {.fd = info_fd, .events = POLLIN};
        uint64_t now = clock_mono_ms();
        int rc = now < deadline ? poll(&p, 1, (int)(deadline - now)) : 0;
        ssize_t n = rc > 0 ? read(info_fd, buf + len, sizeof(buf) - len) : -1;
        if (rc < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        struct json *j = json_parse(buf, len, NULL);
        int64_t pid = json_get_int(j, "child-pid", 0);
        json_free(j);
        if (pid > 1) {
            return (pid_t)pid;
        }
    }
    return 0;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

void launch_close(struct launch *l)
{
    int *const fds[] = {&l->block_fd, &l->leash_fd, &l->out_fd, &l->err_fd};
    for (size_t i = 0; i < MT_ARRAY_LEN(fds); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

int launch_start(const struct launch_input *in, struct launch *out, struct error *err)
{
    enum { OUT, ERR, INFO, BLOCK, LEASH, PIPES };
    int pipes[PIPES][2], args_fd = options_file(in->options, err), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    *out = (struct launch){.block_fd = -1, .leash_fd = -1, .out_fd = -1, .err_fd = -1};
    memset(pipes, -1, sizeof(pipes));
    for (int i = 0; i < PIPES && args_fd >= 0; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) < 0) {
            int sys = errno;
            close_all(&pipes[0][0], sizeof(pipes) / sizeof(int));
            close(args_fd);
            close(null);
            return error_sys(err, sys, "pipes for the sandbox");
        }
    }
    if (args_fd < 0) {
        close(null);
        return -1;
    }
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    strvec_pushl(&argv, "bwrap", "--args", NULL);
    strvec_pushf(&argv, "%d", ARGS_FD_ARGS);
    strvec_push(&argv, "--");
    strvec_pushv(&argv, (const char *const *)in->command->v);
    int fds[ARGS_FD_END];
    memset(fds, -1, sizeof(fds));
    fds[0] = null;
    fds[1] = pipes[OUT][1];
    fds[2] = pipes[ERR][1];
    fds[ARGS_FD_ARGS] = args_fd;
    fds[ARGS_FD_SECCOMP] = in->seccomp_fd;
    fds[ARGS_FD_INFO] = pipes[INFO][1];
    fds[ARGS_FD_BLOCK] = pipes[BLOCK][0];
    fds[ARGS_FD_LISTEN] = in->listen_fd;
    fds[ARGS_FD_WORKSPACE] = in->workspace_fd;
    fds[ARGS_FD_INIT] = in->init_fd;
    fds[ARGS_FD_LEASH] = pipes[LEASH][0];
    pid_t self = getpid();
    out->monitor = fork();
    if (out->monitor == 0) {
        run_bwrap(in, argv.v, fds, self);
    }
    int sys = errno;
    const int ours[] = {pipes[OUT][1], pipes[ERR][1], pipes[INFO][1], pipes[BLOCK][0], pipes[LEASH][0], args_fd, null};
    close_all(ours, MT_ARRAY_LEN(ours));
    out->out_fd = pipes[OUT][0];
    out->err_fd = pipes[ERR][0];
    out->block_fd = pipes[BLOCK][1];
    out->leash_fd = pipes[LEASH][1];
    fcntl(out->out_fd, F_SETFL, O_NONBLOCK);
    fcntl(out->err_fd, F_SETFL, O_NONBLOCK);
    if (out->monitor < 0) {
        close(pipes[INFO][0]);
        launch_close(out);
        return error_sys(err, sys, "start bwrap");
    }
    out->child = read_child(pipes[INFO][0], 10000);
    close(pipes[INFO][0]);
    if (!out->child) {
        kill(out->monitor, SIGKILL);
        while (waitpid(out->monitor, NULL, 0) < 0 && errno == EINTR) {
        }
        return error_set(err, ERROR_UNAVAILABLE, "bwrap could not make the sandbox");
    }
    return 0;
}
