/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/pty_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/handover.h"
#include "core/io/pty.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

extern char **environ;

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

enum stage { STAGE_TTY, STAGE_CWD, STAGE_EXEC };

/* What the child says when it could not become the program. */
struct failure {
    int stage, sys;
};

/* Everything the child needs, made before the fork. */
struct plan {
    char *program;          /* resolved path */
    struct strvec argv, sh; /* sh: for a script without an interpreter line, as execvp would run it */
    struct strvec env;
    const char *cwd;
    int slave, report;
    int offer; /* becomes descriptor 3; -1: none */
};

static void plan_release(struct plan *p)
{
    free(p->program);
    strvec_release(&p->argv);
    strvec_release(&p->sh);
    strvec_release(&p->env);
}

/* True for a regular file that we may run; *sys gets the reason otherwise. */
static bool is_program(const char *path, int *sys)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        *sys = errno;
        return false;
    }
    if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0) {
        *sys = EACCES;
        return false;
    }
    return true;
}

/* Finds argv[0] in the PATH of the child's environment. A file that exists but may not be run makes the error DENIED.
 */
static int resolve(struct plan *p, struct error *err)
{
    const char *name = p->argv.v[0], *dir = strvec_getenv(&p->env, "PATH");
    int sys = ENOENT, worst = ENOENT;

    if (strchr(name, '/') != NULL) {
        p->program = xstrdup(name);
        /* A relative path is meant from cwd: exec itself will say. */
        if (name[0] != '/' || is_program(name, &sys)) {
            return 0;
        }
        return error_sys(err, sys, "cannot start: %s", name);
    }
    dir = dir != NULL && dir[0] != '\0' ? dir : DEFAULT_PATH;
    for (;;) {
        size_t len = strcspn(dir, ":");
        char *path = len == 0 ? xasprintf("./%s", name) : xasprintf("%.*s/%s", (int)len, dir, name);
        if (is_program(path, &sys)) {
            p->program = path;
            return 0;
        }
        worst = sys == EACCES ? EACCES : worst;
        free(path);
        if (dir[len] == '\0') {
            return error_sys(err, worst, "cannot start: %s", name);
        }
        dir += len + 1;
    }
}

/* Copies what the child needs. */
static int plan_init(struct plan *p, const struct pty_opts *opts, struct error *err)
{
    *p = (struct plan){
        .argv = STRVEC_INIT, .sh = STRVEC_INIT, .env = STRVEC_INIT, .slave = -1, .report = -1, .offer = -1};
    if (opts->argv == NULL || opts->argv[0] == NULL || opts->argv[0][0] == '\0') {
        return error_set(err, ERROR_INVALID, "no program to run");
    }
    strvec_pushv(&p->argv, opts->argv);
    if (opts->env != NULL) {
        strvec_pushv(&p->env, opts->env);
    } else {
        for (char **e = environ; *e != NULL; e++) {
            strvec_push(&p->env, *e);
        }
    }
    p->cwd = opts->cwd;
    if (resolve(p, err) != 0) {
        return -1;
    }
    strvec_pushl(&p->sh, "/bin/sh", p->program, NULL);
    strvec_pushv(&p->sh, opts->argv + 1);
    return 0;
}

/* Child, after the fork: all signals default and unblocked, as a login would give them. */
static void reset_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int i = 1; i < NSIG; i++) {
        sigaction(i, &sa, NULL); /* fails for KILL, STOP and the C library's own: fine */
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Child: says why, and ends. */
static void child_fail(int report, enum stage stage)
{
    struct failure f = {.stage = (int)stage, .sys = errno};
    ssize_t n = write(report, &f, sizeof(f));
    (void)n;
    _exit(127);
}

/* Child: never returns. Only async-signal-safe calls. */
static void child_run(const struct plan *p)
{
    int report = p->offer >= 0 ? 4 : 3;

    if (setsid() < 0 || ioctl(p->slave, TIOCSCTTY, 0) != 0) {
        child_fail(p->report, STAGE_TTY);
    }
    /* All descriptors are above 2 (see above_stdio), those that are moved beside them above 4, so nothing is
     * overwritten before its use; the slave may be 3 itself. */
    if (dup2(p->slave, 0) < 0 || dup2(p->slave, 1) < 0 || dup2(p->slave, 2) < 0) {
        child_fail(p->report, STAGE_TTY);
    }
    if (p->report != report) {
        if (dup2(p->report, report) < 0) {
            child_fail(p->report, STAGE_TTY);
        }
        (void)fcntl(report, F_SETFD, FD_CLOEXEC);
    }
    if (p->offer >= 0 && dup2(p->offer, 3) < 0) {
        child_fail(report, STAGE_TTY);
    }
    fd_close_from(report + 1);
    if (p->cwd != NULL && chdir(p->cwd) != 0) {
        child_fail(report, STAGE_CWD);
    }
    reset_signals();
    execve(p->program, p->argv.v, p->env.v);
    if (errno == ENOEXEC) {
        execve("/bin/sh", p->sh.v, p->env.v);
    }
    child_fail(report, STAGE_EXEC);
}

/* Moves a descriptor out of the way of those below `first`. */
static int above(int fd, int first)
{
    int moved;
    if (fd < 0 || fd >= first) {
        return fd;
    }
    moved = fcntl(fd, F_DUPFD_CLOEXEC, first);
    close(fd);
    return moved;
}

/* The same for 0-2 (when our own standard descriptors are closed). */
static int above_stdio(int fd)
{
    return above(fd, 3);
}

/* Makes the socket for a terminal to be handed over, when the child wants one; without it the child just does not. */
static void open_offer(struct plan *p, int *ours)
{
    const char *wish = strvec_getenv(&p->env, HANDOVER_ENV);
    int fds[2];

    *ours = -1;
    if (wish == NULL || strcmp(wish, HANDOVER_WANTED) != 0 || handover_pair(fds) != 0) {
        return;
    }
    *ours = above_stdio(fds[0]);
    p->offer = above(fds[1], 5);
    strvec_setenv(&p->env, HANDOVER_ENV, "3");
}

/* Opens both sides; the slave with size and UTF-8 editing set before the child can look. Returns the master. */
static int open_pair(const struct pty_opts *opts, int *slave, struct error *err)
{
    int master = above_stdio(posix_openpt(O_RDWR | O_NOCTTY));
    struct winsize ws = {.ws_col = (unsigned short)opts->cols, .ws_row = (unsigned short)opts->rows};
    struct termios tio;
    const char *name;

    *slave = -1;
    if (master < 0) {
        return error_sys(err, errno, "cannot open a pseudo-terminal");
    }
    if (fd_set_flags(master, true) == 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
        (name = ptsname(master)) != NULL) {
        *slave = above_stdio(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    }
    if (*slave < 0) {
        error_sys(err, errno, "cannot open a pseudo-terminal");
        close(master);
        return -1;
    }
    (void)ioctl(*slave, TIOCSWINSZ, &ws);
    if (tcgetattr(*slave, &tio) == 0) {
#if defined(IUTF8)
        tio.c_iflag |= IUTF8;
#endif
        (void)tcsetattr(*slave, TCSANOW, &tio);
    }
    return master;
}

/* Forks with every signal blocked: one that came between fork and exec would run our handlers in the child, which write
 * into our loop's pipe. */
static pid_t fork_blocked(const struct plan *p)
{
    sigset_t all, old;
    pid_t pid;
    int saved;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0) {
        child_run(p);
    }
    saved = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return pid;
}

/* Waits for exec (the pipe closes) or for the child's reason. */
static int read_report(int fd, const struct plan *p, pid_t pid, struct error *err)
{
    struct failure f;
    ssize_t n;

    do {
        n = read(fd, &f, sizeof(f));
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(f)) {
        return 0;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (f.stage == STAGE_CWD) {
        return error_sys(err, f.sys, "working directory %s", p->cwd);
    }
    if (f.stage == STAGE_EXEC) {
        return error_sys(err, f.sys, "cannot start: %s", p->program);
    }
    return error_sys(err, f.sys, "cannot get a controlling terminal");
}

int pty_spawn(const struct pty_opts *opts, int *pid, int *offer, struct error *err)
{
    struct plan plan;
    int master = -1, report[2] = {-1, -1}, rc = -1;

    *offer = -1;
    if (plan_init(&plan, opts, err) != 0) {
        plan_release(&plan);
        return -1;
    }
    master = open_pair(opts, &plan.slave, err);
    if (master >= 0 && fd_pipe(report) != 0) {
        error_sys(err, errno, "cannot make a pipe");
    } else if (master >= 0) {
        pid_t child;
        open_offer(&plan, offer);
        report[0] = above_stdio(report[0]);
        report[1] = above(report[1], plan.offer >= 0 ? 5 : 3);
        plan.report = report[1];
        child = fork_blocked(&plan);
        close(report[1]);
        *pid = (int)child;
        rc = child < 0 ? error_sys(err, errno, "cannot fork") : read_report(report[0], &plan, child, err);
        close(report[0]);
    }
    if (plan.slave >= 0) {
        close(plan.slave);
    }
    if (plan.offer >= 0) {
        close(plan.offer);
    }
    plan_release(&plan);
    if (rc != 0 && *offer >= 0) {
        close(*offer);
        *offer = -1;
    }
    if (rc != 0 && master >= 0) {
        close(master);
    }
    return rc == 0 ? master : -1;
}
