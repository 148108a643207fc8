/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

#define EXEC_LIMIT_MS 5000
#define EXEC_LOOK_MS 50

/* What the child reports through the CLOEXEC pipe when it cannot become the program. */
struct failure {
    int stage, sys;
};
enum { STAGE_TERMINAL, STAGE_CWD, STAGE_EXEC };
static const char *const stage_names[] = {"terminal", "directory", "program"};

/* Opens a terminal pair of the sandbox's own devpts; the slave's path goes to `slave`. */
static int open_terminal(int rows, int cols, char *slave, size_t cap)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int zero = 0, number = -1;
    if (master < 0) {
        return -1;
    }
    if (ioctl(master, TIOCSPTLCK, &zero) < 0 || ioctl(master, TIOCGPTN, &number) < 0) {
        close(master);
        return -1;
    }
    snprintf(slave, cap, "/dev/pts/%d", number);
    struct winsize ws = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    ioctl(master, TIOCSWINSZ, &ws);
    return master;
}

/* In the child: reports and ends. */
static void fail(int report, int stage)
{
    struct failure f = {stage, errno};
    ssize_t n = write(report, &f, sizeof(f));
    (void)n;
    _exit(127);
}

/* In the child: becomes the program, or reports why not. */
static void run_child(char *const *argv, char *const *env, const char *cwd, const int *fds, const char *slave,
                      int report)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++) {
        signal(s, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int tty = -1;
    if (!fds) {
        tty = open(slave, O_RDWR);
        if (tty < 0 || ioctl(tty, TIOCSCTTY, 0) < 0) {
            fail(report, STAGE_TERMINAL);
        }
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(fds ? fds[i] : tty, i) < 0) {
            fail(report, STAGE_TERMINAL);
        }
    }
    /* The init opens everything with CLOEXEC; this also covers whatever came in from outside. */
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        for (int fd = 3; fd < 1024; fd++) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
    umask(022);
    if (chdir(cwd) < 0) {
        fail(report, STAGE_CWD);
    }
    const char *path = NULL;
    for (char *const *e = env; *e; e++) {
        if (strncmp(*e, "PATH=", 5) == 0) {
            path = *e;
        }
    }
    if (path) {
        putenv((char *)(uintptr_t)path); /* execvpe looks in our own PATH, not in the new one */
    }
    execvpe(argv[0], argv, env);
    fail(report, STAGE_EXEC);
}

/* Waits for the child to become the program; false when it did, else *f says why not. Until then it is a copy of us
 * that any program inside may signal: one that is stopped is woken, and one that never gets there is given up, so that
 * nobody can stop the init by stopping its child. */
static bool await_report(int fd, pid_t pid, struct failure *f)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (int i = 0; i < EXEC_LIMIT_MS / EXEC_LOOK_MS; i++) {
        if (poll(&p, 1, EXEC_LOOK_MS) > 0) {
            return read(fd, f, sizeof(*f)) == (ssize_t)sizeof(*f);
        }
        kill(pid, SIGCONT);
    }
    kill(pid, SIGKILL);
    *f = (struct failure){STAGE_EXEC, ETIMEDOUT};
    return true;
}

pid_t spawn_program(char *const *argv, char *const *env, const char *cwd, const int *fds, int rows, int cols,
                    int *master, const char **stage)
{
    char slave[32] = "";
    int report[2];
    *master = -1;
    *stage = stage_names[STAGE_TERMINAL];
    if (!fds && (*master = open_terminal(rows, cols, slave, sizeof(slave))) < 0) {
        return -1;
    }
    *stage = stage_names[STAGE_EXEC];
    pid_t pid = -1;
    if (pipe2(report, O_CLOEXEC) == 0) {
        /* Descriptors 0-2 are always open here, so the pipe is above what dup2 replaces. */
        pid = fork();
        if (pid == 0) {
            run_child(argv, env, cwd, fds, slave, report[1]);
        }
        int sys = errno;
        close(report[1]);
        errno = sys;
    }
    if (pid > 0) {
        struct failure f;
        bool failed = await_report(report[0], pid, &f);
        close(report[0]);
        if (!failed) {
            return pid;
        }
        *stage = stage_names[f.stage];
        errno = f.sys; /* the child is reaped with all the others */
    } else if (pid < 0) {
        int sys = errno;
        close(report[0]);
        errno = sys;
    }
    if (*master >= 0) {
        int sys = errno;
        close(*master);
        *master = -1;
        errno = sys;
    }
    return -1;
}
