/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static const char *const programs[] = {[NET_HELPER_PASTA] = "pasta", [NET_HELPER_SLIRP] = "slirp4netns"};

#define PROGRAM_PATH_MAX 4200

/* Finds a program in a search path. */
static bool find_in(const char *path, const char *name, char out[PROGRAM_PATH_MAX])
{
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, ":");
        if (len > 0 && str_format(out, PROGRAM_PATH_MAX, "%.*s/%s", (int)len, p, name) == 0 && access(out, X_OK) == 0) {
            return true;
        }
        p += len + (p[len] == ':');
    }
    return false;
}

/* In the person's search path, then where packages put it: a PATH that lacks that must not pass for "not installed". */
static bool find_program(const char *name, char out[PROGRAM_PATH_MAX])
{
    const char *path = getenv("PATH");
    return find_in(path ? path : "", name, out) || find_in("/usr/local/bin:/usr/bin:/bin:/usr/sbin", name, out);
}

size_t net_candidates(enum net_helper out[2])
{
    size_t n = 0;
    char path[PROGRAM_PATH_MAX];
    if (geteuid() != 0 && find_program("pasta", path)) {
        out[n++] = NET_HELPER_PASTA;
    }
    if (find_program("slirp4netns", path)) {
        out[n++] = NET_HELPER_SLIRP;
    }
    return n;
}

const char *net_dns_address(enum net_helper kind)
{
    return kind == NET_HELPER_PASTA ? "169.254.1.1" : "10.0.2.3";
}

bool net_tun_usable(char *why, size_t cap)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return true;
    }
    str_format(why, cap, "/dev/net/tun: %s", strerror(errno));
    return false;
}

void net_argv(enum net_helper kind, pid_t shim, pid_t target, int userns_fd, int netns_fd, struct strvec *argv)
{
    if (kind == NET_HELPER_PASTA) {
        strvec_pushl(argv, "pasta", "-f", "-q", "--config-net", "--no-map-gw", "-t", "none", "-u", "none", "-T", "none",
                     "-U", "none", "--dns-forward", net_dns_address(kind), "--userns", NULL);
        strvec_pushf(argv, "/proc/%d/fd/%d", (int)shim, userns_fd);
        strvec_push(argv, "--netns");
        /* Not by our descriptor: pasta opens it after it has joined the user namespace, from where our /proc entries
         * are closed. */
        strvec_pushf(argv, "/proc/%d/ns/net", (int)target);
        return;
    }
    strvec_pushl(argv, "slirp4netns", "-c", "--mtu=65520", "--disable-host-loopback", "--netns-type=path", NULL);
    strvec_pushf(argv, "--userns-path=/proc/%d/fd/%d", (int)shim, userns_fd);
    strvec_pushf(argv, "/proc/%d/fd/%d", (int)shim, netns_fd);
    strvec_push(argv, "tap0");
}

/* In the child: becomes the helper. */
static void run_helper(const struct strvec *argv, int out, pid_t parent)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++) {
        signal(s, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(127);
    }
    syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    char path[PROGRAM_PATH_MAX];
    if (find_program(argv->v[0], path)) {
        execv(path, argv->v);
    }
    _exit(127);
}

int net_attach(struct net_link *link, enum net_helper kind, pid_t target, struct error *err)
{
    char path[64];
    int out[2];
    str_format(path, sizeof(path), "/proc/%d/ns/net", (int)target);
    *link = (struct net_link){
        .kind = kind, .status = -1, .netns_fd = open(path, O_RDONLY | O_CLOEXEC), .userns_fd = -1, .log_fd = -1};
    if (link->netns_fd < 0) {
        return error_sys(err, errno, "network namespace of the sandbox");
    }
    /* With --dev bwrap makes two nested user namespaces; the network belongs to the outer one, so the kernel is asked
     * for the owner. */
    link->userns_fd = ioctl(link->netns_fd, NS_GET_USERNS);
    if (link->userns_fd < 0 || pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0) {
        int sys = errno;
        net_detach(link);
        return error_sys(err, sys, "owner of the sandbox's network namespace");
    }
    fcntl(link->userns_fd, F_SETFD, FD_CLOEXEC);
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    pid_t self = getpid();
    net_argv(kind, self, target, link->userns_fd, link->netns_fd, &argv);
    link->log_fd = out[0];
    link->pid = fork();
    if (link->pid == 0) {
        run_helper(&argv, out[1], self);
    }
    int sys = errno;
    close(out[1]);
    if (link->pid < 0) {
        link->pid = 0;
        net_detach(link);
        return error_sys(err, sys, "start %s", programs[kind]);
    }
    return 0;
}

bool net_is_alive(struct net_link *link)
{
    int status;
    if (link->pid > 0 && waitpid(link->pid, &status, WNOHANG) == link->pid) {
        link->pid = 0;
        link->status = status;
    }
    return link->pid > 0;
}

/* The end of what the helper wrote, on one line. */
static void read_words(struct net_link *link, struct strbuf *out)
{
    char buf[4096];
    size_t len = 0;
    ssize_t n;
    while (link->log_fd >= 0 && (n = read(link->log_fd, buf + len, sizeof(buf) - len)) > 0) {
        len += (size_t)n;
        if (len == sizeof(buf)) {
            memmove(buf, buf + len / 2, len / 2);
            len /= 2;
        }
    }
    while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == ' ')) {
        len--;
    }
    size_t start = len > 200 ? len - 200 : 0;
    utf8_sanitize(out, buf + start, len - start, false);
}

void net_explain(struct net_link *link, uint64_t waited_ms, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf words = STRBUF_INIT;
    const char *name = programs[link->kind ? link->kind : NET_HELPER_SLIRP];
    if (net_is_alive(link)) {
        str_format(out, cap, "%s did not answer within %g s", name, (double)waited_ms / 1000);
    } else if (link->status != -1 && WIFSIGNALED(link->status)) {
        str_format(out, cap, "%s was ended by signal %d", name, WTERMSIG(link->status));
    } else if (link->status != -1 && WEXITSTATUS(link->status) == 0) {
        str_format(out, cap, "%s ended by itself", name);
    } else {
        read_words(link, &words);
        str_format(out, cap, "%s ended with exit code %d%s%s", name,
                   link->status == -1 ? -1 : WEXITSTATUS(link->status), words.len ? ": " : "",
                   words.len ? words.buf : "");
    }
}

void net_detach(struct net_link *link)
{
    if (link->pid > 0) {
        kill(-link->pid, SIGKILL); /* whatever it started; it has a group of its own once it runs */
        kill(link->pid, SIGKILL);
        while (waitpid(link->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    int *const fds[] = {&link->netns_fd, &link->userns_fd, &link->log_fd};
    for (size_t i = 0; i < MT_ARRAY_LEN(fds) && link->kind; i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
    link->pid = 0;
}
