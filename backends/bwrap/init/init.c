/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Usage: init LISTEN_FD LEASH_FD NPROC. LISTEN_FD: listening SOCK_SEQPACKET socket made outside. LEASH_FD: a pipe whose
 * other end only the shim holds: its end is the shim's end, and nothing may run unsupervised. NPROC: RLIMIT_NPROC for
 * everything inside, 0 = none. */

#define CONN_MAX 256
#define HUPS 3
#define HUP_AGAIN_MS 300

/* A connection, and the program it started if any. A program whose client went away is hung up in stages. */
struct conn {
    int fd;         /* -1: gone */
    pid_t pid;      /* 0: no program running */
    pid_t session;  /* whom to hang up, until nothing of it is left */
    int stage;      /* 0: not hanging up; then HUP, TERM, KILL were sent */
    int64_t due_ms; /* of the next stage */
};

struct init {
    int listen_fd, leash_fd, signal_fd;
    bool stopping;
    int hups;            /* sent so far since the stop began */
    int64_t next_hup_ms; /* -1: no more */
    size_t count;
    struct conn conns[CONN_MAX];
};

static char packet[WIRE_MAX + 1];

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Sends a packet, with a descriptor when fd >= 0. A client that does not read loses it: the init never blocks. */
static void send_packet(int to, const void *data, size_t len, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        msg.msg_control = control;
        msg.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_code(int to, int type, int code, int fd)
{
    struct wire_code reply = {.type = (uint8_t)type, .code = code};
    send_packet(to, &reply, sizeof(reply), fd);
}

static void send_text(int to, const char *what, const char *name, int sys)
{
    char text[512];
    text[0] = WIRE_TEXT;
    int n = snprintf(text + 1, sizeof(text) - 1, "%s %s: %s", what, name, strerror(sys));
    send_packet(to, text, (size_t)(n < 500 ? n : 500) + 1, -1);
}

/* The default environment (our own, made by bwrap) with the additions laid over it. */
static char **merge_env(char **extra, uint32_t count)
{
    extern char **environ;
    size_t base = 0;
    while (environ[base]) {
        base++;
    }
    char **env = calloc(base + count + 1, sizeof(*env));
    size_t n = 0;
    for (size_t i = 0; env && i < base; i++) {
        env[n++] = environ[i];
    }
    for (uint32_t i = 0; env && i < count; i++) {
        const char *eq = strchr(extra[i], '=');
        size_t key = eq ? (size_t)(eq - extra[i]) + 1 : 0, at = n;
        for (size_t k = 0; key && k < n; k++) {
            at = strncmp(env[k], extra[i], key) == 0 ? k : at;
        }
        if (key) {
            env[at] = extra[i];
            n += at == n;
        }
    }
    return env;
}

/* Cuts the strings out of an exec packet. NULL when it is malformed: fewer strings than promised, or no program. */
static char **split_strings(char *at, const char *end, const struct wire_exec *head)
{
    size_t want = (size_t)head->argc + head->envc + 1;
    if (head->argc == 0 || head->argc > WIRE_MAX || head->envc > WIRE_MAX) {
        return NULL;
    }
    char **strings = calloc(want + 2, sizeof(*strings));
    for (size_t i = 0; strings && i < want; i++) {
        char *stop = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (!stop) {
            free(strings);
            return NULL;
        }
        strings[i] = at;
        at = stop + 1;
    }
    return strings;
}

/* Starts the program that a packet asks for and answers. */
static void handle_exec(struct init *in, struct conn *c, size_t len, const int *fds, int fd_count)
{
    struct wire_exec head;
    if (len < sizeof(head) || c->session) {
        return;
    }
    memcpy(&head, packet, sizeof(head));
    char **strings = split_strings(packet + sizeof(head), packet + len, &head);
    if (!strings || head.version != WIRE_VERSION || (!head.tty && fd_count != 3) || in->stopping) {
        send_text(c->fd, "the sandbox", in->stopping ? "is stopping" : "got a request it does not understand",
                  in->stopping ? ESHUTDOWN : EPROTO);
        send_code(c->fd, WIRE_EXIT, 125, -1);
        free(strings);
        return;
    }
    char **argv = calloc((size_t)head.argc + 1, sizeof(*argv));
    char **env = merge_env(strings + 1 + head.argc, head.envc);
    const char *cwd = strings[0][0] ? strings[0] : ".", *stage = "program";
    int master = -1;
    pid_t pid = -1;
    if (argv && env) {
        memcpy(argv, strings + 1, head.argc * sizeof(*argv));
        pid = spawn_program(argv, env, cwd, head.tty ? NULL : fds, head.rows, head.cols, &master, &stage);
    }
    if (pid > 0) {
        c->pid = c->session = pid;
        send_code(c->fd, WIRE_PID, pid, master);
    } else {
        int sys = errno;
        send_text(c->fd, stage, stage[0] == 'd' ? cwd : argv ? argv[0] : "?", sys);
        send_code(c->fd, WIRE_EXIT, stage[0] == 'p' && (sys == ENOENT || sys == ENOTDIR) ? 127 : 126, -1);
    }
    if (master >= 0) {
        close(master);
    }
    free(argv);
    free(env);
    free(strings);
}

/* Connects to a port of the sandbox's own loopback and hands the socket out. */
static void handle_dial(int to, int port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 || errno == EINPROGRESS)) {
        send_code(to, WIRE_PID, port, fd);
    } else {
        send_text(to, "port", "inside", errno);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void handle_packet(struct init *in, struct conn *c, size_t len, const int *fds, int fd_count)
{
    struct wire_code code = {0};
    memcpy(&code, packet, len < sizeof(code) ? len : sizeof(code));
    switch (packet[0]) {
    case WIRE_HELLO:
        send_code(c->fd, WIRE_READY, WIRE_VERSION, -1);
        break;
    case WIRE_EXEC:
        handle_exec(in, c, len, fds, fd_count);
        break;
    case WIRE_SIGNAL:
        if (c->pid && code.code > 0 && code.code < NSIG) {
            kill(-c->pid, code.code);
        }
        break;
    case WIRE_STATS: {
        struct wire_stats_ask ask = {0};
        struct wire_stats stats;
        memcpy(&ask, packet, len < sizeof(ask) ? len : sizeof(ask));
        procs_stats(ask.limit_bytes, &stats);
        send_packet(c->fd, &stats, sizeof(stats), -1);
        break;
    }
    case WIRE_NET: {
        struct wire_net net;
        procs_net(&net);
        send_packet(c->fd, &net, sizeof(net), -1);
        break;
    }
    case WIRE_DIAL:
        handle_dial(c->fd, code.code);
        break;
    }
}

/* The client is gone: whatever still runs of its program is hung up. */
static void hang_up(struct conn *c)
{
    close(c->fd);
    c->fd = -1;
    if (c->pid) {
        procs_signal_session(c->session, SIGHUP);
        procs_signal_session(c->session, SIGCONT);
        c->stage = 1;
        c->due_ms = now_ms() + 300;
    } else {
        c->session = 0;
    }
}

/* HUP was sent at once; TERM after 0.3 s, KILL after 2 s, until nothing of the session is left. */
static void advance_hang_up(struct conn *c)
{
    if (procs_signal_session(c->session, c->stage == 1 ? SIGTERM : SIGKILL) == 0) {
        c->session = c->pid = 0;
        return;
    }
    procs_signal_session(c->session, SIGCONT);
    c->due_ms = now_ms() + (c->stage == 1 ? 1700 : 200);
    c->stage = 2;
}

static void read_client(struct init *in, struct conn *c)
{
    struct iovec iov = {packet, WIRE_MAX};
    char control[CMSG_SPACE(8 * sizeof(int))];
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    int fds[8], count = 0;
    for (struct cmsghdr *m = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; m; m = CMSG_NXTHDR(&msg, m)) {
        if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_RIGHTS) {
            count = (int)((m->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(m), (size_t)count * sizeof(int));
        }
    }
    if (n <= 0) {
        hang_up(c);
    } else if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        packet[n] = '\0';
        handle_packet(in, c, (size_t)n, fds, count);
    }
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
}

/* Takes a new client. Only a caller outside our pid namespace has pid 0 here: programs inside cannot talk to us. */
static void accept_client(struct init *in)
{
    int fd = accept4(in->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred cred = {.pid = -1};
    socklen_t len = sizeof(cred);
    if (fd < 0) {
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.pid != 0) {
        close(fd);
        return;
    }
    for (size_t i = 0; i <= in->count && i < CONN_MAX; i++) {
        if (i == in->count || (in->conns[i].fd < 0 && !in->conns[i].session)) {
            in->count += i == in->count;
            in->conns[i] = (struct conn){.fd = fd};
            return;
        }
    }
    close(fd);
}

/* Reaps everything that ended, orphans included, and tells those who wait. */
static void reap(struct init *in)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) != 0;) {
        if (pid < 0) {
            if (errno == ECHILD && in->stopping) {
                _exit(0);
            }
            return;
        }
        for (size_t i = 0; i < in->count; i++) {
            struct conn *c = &in->conns[i];
            if (c->pid == pid) {
                c->pid = 0;
                if (c->fd >= 0) {
                    send_code(c->fd, WIRE_EXIT, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), -1);
                }
            }
        }
    }
}

/* Stopped processes must run to see it. A shell that waits for what follows an ESC notes the first HUP and goes on
 * waiting; the second wakes it (bash 5.2). */
static void hang_all_up(struct init *in)
{
    kill(-1, SIGHUP);
    kill(-1, SIGCONT);
    in->next_hup_ms = ++in->hups < HUPS ? now_ms() + HUP_AGAIN_MS : -1;
    reap(in);
}

/* Idle interactive shells ignore TERM but not HUP. */
static void begin_stop(struct init *in)
{
    in->stopping = true;
    kill(-1, SIGTERM);
    in->hups = 0;
    hang_all_up(in);
}

static void read_signals(struct init *in)
{
    struct signalfd_siginfo si;
    while (read(in->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGCHLD) {
            reap(in);
        } else if (si.ssi_pid == 0) { /* from outside: programs inside cannot stop the sandbox */
            begin_stop(in);
        }
    }
}

/* One turn: waits, then serves whatever is ready. */
static void turn(struct init *in)
{
    static struct pollfd p[CONN_MAX + 3];
    static struct conn *owner[CONN_MAX + 3];
    nfds_t n = 3;
    int64_t now = now_ms(), wait = -1;
    p[0] = (struct pollfd){.fd = in->leash_fd, .events = POLLIN};
    p[1] = (struct pollfd){.fd = in->signal_fd, .events = POLLIN};
    p[2] = (struct pollfd){.fd = in->listen_fd, .events = POLLIN};
    for (size_t i = 0; i < in->count; i++) {
        struct conn *c = &in->conns[i];
        if (c->stage && c->session && now >= c->due_ms) {
            advance_hang_up(c);
        }
        if (c->stage && c->session && (wait < 0 || c->due_ms - now < wait)) {
            wait = c->due_ms > now ? c->due_ms - now : 0;
        }
        if (c->fd >= 0) {
            owner[n] = c;
            p[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
        }
    }
    if (in->stopping && in->next_hup_ms >= 0) {
        if (now >= in->next_hup_ms) {
            hang_all_up(in);
        }
        if (in->next_hup_ms >= 0 && (wait < 0 || in->next_hup_ms - now < wait)) {
            wait = in->next_hup_ms > now ? in->next_hup_ms - now : 0;
        }
    }
    if (poll(p, n, (int)wait) < 0) {
        return;
    }
    if (p[0].revents) { /* the shim is gone */
        kill(-1, SIGKILL);
        _exit(1);
    }
    if (p[1].revents) {
        read_signals(in);
    }
    for (nfds_t i = 3; i < n; i++) {
        if (p[i].revents) {
            read_client(in, owner[i]);
        }
    }
    if (p[2].revents) {
        accept_client(in);
    }
}

/* Limits that need no privilege, for everything born inside. RLIMIT_NPROC is set here, not outside: since Linux 5.14 it
 * counts per user namespace, and outside it would count the user's other processes. */
static void set_limits(unsigned long nproc)
{
    struct rlimit files = {4096, 4096}, core = {0, 0}, procs = {nproc, nproc};
    struct rlimit old;
    if (getrlimit(RLIMIT_NOFILE, &old) == 0 && old.rlim_max < files.rlim_max) {
        files.rlim_cur = files.rlim_max = old.rlim_max;
    }
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_CORE, &core);
    if (nproc) {
        setrlimit(RLIMIT_NPROC, &procs);
    }
}

int main(int argc, char **argv)
{
    static struct init in;
    sigset_t set;
    if (argc < 4 || getpid() != 1) {
        fprintf(stderr, "muthr-init: not meant to be run by hand\n");
        return 64;
    }
    in.listen_fd = (int)strtol(argv[1], NULL, 10);
    in.leash_fd = (int)strtol(argv[2], NULL, 10);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "muthr-init");
    fcntl(in.listen_fd, F_SETFD, FD_CLOEXEC);
    fcntl(in.leash_fd, F_SETFD, FD_CLOEXEC);
    fcntl(in.listen_fd, F_SETFL, O_NONBLOCK);
    set_limits(strtoul(argv[3], NULL, 10));
    umask(022);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    in.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (in.signal_fd < 0) {
        return 1;
    }
    for (;;) {
        turn(&in);
    }
}
