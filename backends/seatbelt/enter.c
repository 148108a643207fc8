/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "backends/process/carry.h"
#include "backends/process/enter_options.h"
#include "backends/process/host.h"
#include "backends/seatbelt/box.h"
#include "backends/seatbelt/members.h"
#include "backends/seatbelt/seatbelt.h"
#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* On a session's host we lead the session of a terminal that was made for this program: then we become the program. A
 * person's own terminal is another thing: a program that holds it can type into it, and reads on when it should not. It
 * gets one of its own there, and we carry the bytes. */

#define GONE 125
#define DRAIN_MS 1000 /* after the program's end: a background child may hold its output open for ever */
#define PROFILE_MAX (1u << 20)

/* All that the program is started with. */
struct job {
    char *dir;
    struct state_config config;
    struct strbuf profile;
    struct strvec argv, env;
    const char *cwd;
};

/* Is it running, under a supervisor that lives? */
static int check_running(const char *dir, struct state_status *st, struct error *err)
{
    state_status_load(dir, st);
    int holder = state_lock_holder(dir);
    if (!st->valid || strcmp(st->phase, "running") != 0 || holder <= 0 || holder != st->shim_pid) {
        return error_set(err, ERROR_UNAVAILABLE, "it is not running");
    }
    return 0;
}

/* Where a program of that name lies, by the PATH that it will have. */
static bool is_there(const char *name, const struct strvec *env)
{
    const char *path = "";
    for (size_t i = 0; i < env->len; i++) {
        path = strncmp(env->v[i], "PATH=", 5) == 0 ? env->v[i] + 5 : path;
    }
    if (strchr(name, '/')) {
        return true; /* relative to the folder inside: exec will say */
    }
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, ":");
        char *full = xasprintf("%.*s/%s", (int)n, p, name);
        bool found = access(full, X_OK) == 0;
        free(full);
        if (found) {
            return true;
        }
        p += n + (p[n] == ':');
    }
    return false;
}

/* Returns 0, or the exit code after saying why. */
static int prepare(struct job *job, const struct enter_options *o)
{
    struct paths paths;
    struct state_status st;
    struct error err = ERROR_INIT;
    const char *exec = host_sandbox_exec();
    if (paths_init(&paths, "muthr-tui", &err) < 0) {
        fprintf(stderr, "muthr-tui: %s\n", err.msg);
        return GONE;
    }
    char *root = state_root(paths.state, STATE_SEATBELT);
    job->dir = state_dir_of(root, o->sandbox);
    char *profile = path_join(job->dir, BOX_PROFILE);
    int rc = exec ? 0 : error_set(&err, ERROR_UNAVAILABLE, "there is no sandbox-exec here");
    rc = rc ? rc : check_running(job->dir, &st, &err);
    rc = rc ? rc : fs_read(profile, PROFILE_MAX, &job->profile, &err);
    if (rc == 0) {
        state_config_load(job->dir, &job->config);
        rc = job->config.missing ? error_set(&err, ERROR_UNAVAILABLE, "%s", job->config.problem) : 0;
    }
    free(root);
    free(profile);
    paths_release(&paths);
    if (rc < 0) {
        fprintf(stderr, "muthr-tui: %s: %s\n", o->sandbox, err.msg);
        return GONE;
    }
    box_environment(job->dir, &job->config.spec, &st, &job->env);
    for (size_t i = 0; i < o->env.len; i++) {
        char *pair = xstrdup(o->env.v[i]), *eq = strchr(pair, '=');
        if (strncmp(pair, "MUTHR_SEATBELT=", 15) != 0) { /* what we know its programs by is not for the asking */
            *eq = '\0';
            strvec_setenv(&job->env, pair, eq + 1);
        }
        free(pair);
    }
    if (!is_there(o->argv[0], &job->env)) {
        fprintf(stderr, "muthr-tui: %s: not found in the sandbox\r\n", o->argv[0]);
        return 127;
    }
    strvec_pushl(&job->argv, exec, "-p", job->profile.buf, "--", NULL);
    strvec_pushv(&job->argv, (const char *const *)o->argv);
    job->cwd = o->cwd ? o->cwd : job->config.spec.workspace;
    return 0;
}

/* Becomes the program. The order matters: written down first, then looked whether the sandbox still runs. A stop does
 * it the other way round, so one of the two sees the other. */
static void become(struct job *job)
{
    struct state_status st;
    struct error err = ERROR_INIT;
    sigset_t none;
    if (members_add(job->dir, (int)getpid(), &err) < 0 || check_running(job->dir, &st, &err) < 0) {
        fprintf(stderr, "muthr-tui: %s\r\n", err.msg);
        _exit(GONE);
    }
    if (chdir(job->cwd) < 0) {
        fprintf(stderr, "muthr-tui: %s: %s\r\n", job->cwd, strerror(errno));
        _exit(126);
    }
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    box_set_limits(&job->config.spec);
    fd_close_from(3);
    execve(job->argv.v[0], job->argv.v, job->env.v);
    fprintf(stderr, "muthr-tui: sandbox-exec: %s\r\n", strerror(errno));
    _exit(126);
}

/* --- a person's terminal, or descriptors --- */

static int signal_pipe[2] = {-1, -1};

static void on_signal(int signum)
{
    int sys = errno;
    unsigned char byte = (unsigned char)signum;
    ssize_t n = write(signal_pipe[1], &byte, 1);
    (void)n;
    errno = sys;
}

static void catch_signals(void)
{
    static const int wanted[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGWINCH};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (fd_pipe(signal_pipe) < 0 || fd_set_flags(signal_pipe[0], true) < 0 || fd_set_flags(signal_pipe[1], true) < 0) {
        _exit(GONE);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        sigaction(wanted[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
}

struct relay {
    pid_t child;
    int master; /* -1: without a terminal */
    bool raw, exited;
    int code;
    struct termios saved;
    struct carry in, out;
};

/* Gives a terminal the size of ours. */
static void take_size(int fd)
{
    struct winsize ws;
    if (fd >= 0 && ioctl(0, TIOCGWINSZ, &ws) == 0) {
        ioctl(fd, TIOCSWINSZ, &ws);
    }
}

/* In the child: a session of its own, on the new terminal if there is one. macOS forgets the size that was set before
 * somebody first opened it: so it is set here, while 0 still is the person's terminal. */
static void become_in_session(struct job *job, const char *tty)
{
    setsid();
    if (tty) {
        int fd = open(tty, O_RDWR);
        take_size(fd);
        if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) {
            _exit(126);
        }
    }
    become(job);
}

/* Starts the program. -1: said why. */
static int start(struct relay *r, struct job *job, bool tty)
{
    char name[128] = "";
    r->master = -1;
    if (tty) {
        r->master = posix_openpt(O_RDWR | O_NOCTTY);
        const char *found =
            r->master >= 0 && grantpt(r->master) == 0 && unlockpt(r->master) == 0 ? ptsname(r->master) : NULL;
        if (!found || str_copy(name, sizeof(name), found) < 0) {
            fprintf(stderr, "muthr-tui: no terminal for it: %s\n", strerror(errno));
            return -1;
        }
        fd_set_flags(r->master, true);
    }
    r->child = fork();
    if (r->child == 0) {
        become_in_session(job, tty ? name : NULL);
    }
    if (r->child < 0) {
        fprintf(stderr, "muthr-tui: %s\n", strerror(errno));
        return -1;
    }
    return 0;
}

static void set_raw(struct relay *r, bool raw)
{
    struct termios t;
    if (r->master >= 0 && raw && tcgetattr(0, &r->saved) == 0) {
        t = r->saved;
        cfmakeraw(&t);
        r->raw = tcsetattr(0, TCSANOW, &t) == 0;
    } else if (!raw && r->raw) {
        /* What the terminal answered to a program's questions, and nobody read, must not be typed into the next shell.
         */
        tcsetattr(0, TCSAFLUSH, &r->saved);
        r->raw = false;
    }
}

/* Returns the signal that ends us, or 0. INT and QUIT without a terminal are the program's. */
static int read_signals(struct relay *r)
{
    unsigned char byte;
    int status;
    while (read(signal_pipe[0], &byte, 1) == 1) {
        if (byte == SIGWINCH) {
            take_size(r->master);
        } else if (byte == SIGCHLD) {
            if (!r->exited && waitpid(r->child, &status, WNOHANG) == r->child) {
                r->exited = true;
                r->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            }
        } else if (byte == SIGINT || byte == SIGQUIT) {
            kill(-r->child, byte);
        } else {
            return byte;
        }
    }
    return 0;
}

/* Waits for the program, carrying the bytes of its terminal. Returns the exit code. */
static int carry_on(struct relay *r)
{
    uint64_t deadline = 0;
    r->in.from = r->master >= 0 ? 0 : -1;
    r->in.to = r->out.from = r->master;
    r->out.to = 1;
    if (r->master >= 0) {
        r->in.to = fcntl(r->master, F_DUPFD_CLOEXEC, 3);
    }
    for (;;) {
        struct pollfd p[5];
        p[0] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
        carry_prepare(&r->in, p + 1);
        carry_prepare(&r->out, p + 3);
        if (r->exited && !deadline) {
            deadline = clock_mono_ms() + DRAIN_MS;
        }
        bool drained = r->out.from < 0 && !carry_is_pending(&r->out);
        if (r->exited && (r->master < 0 || drained || clock_mono_ms() >= deadline)) {
            return r->code;
        }
        if (r->exited) {
            p[1].fd = p[2].fd = -1;
        }
        /* A terminal has no end while a background job holds it: quiet for a moment counts. */
        int n = poll(p, MT_ARRAY_LEN(p), r->exited ? 50 : -1);
        if (n == 0 && r->exited && !carry_is_pending(&r->out)) {
            return r->code;
        }
        int ended = read_signals(r);
        if (ended) {
            kill(-r->child, SIGHUP);
            kill(-r->child, SIGTERM);
            return 128 + ended;
        }
        if (n > 0) {
            carry_serve(&r->in, p + 1);
            carry_serve(&r->out, p + 3);
        }
    }
}

/* --- the client --- */

int seatbelt_enter_main(int argc, char **argv)
{
    struct enter_options o = {.env = STRVEC_INIT};
    struct job job = {.profile = STRBUF_INIT, .argv = STRVEC_INIT, .env = STRVEC_INIT};
    if (enter_options_parse(argc, argv, "seat-enter", &o) < 0) {
        fprintf(stderr, "usage: muthr-tui seat-enter SANDBOX [--cwd DIR] [--env KEY=VALUE]... [--no-tty] -- PROGRAM "
                        "[ARG]...\n");
        strvec_release(&o.env);
        return 64;
    }
    int code = prepare(&job, &o);
    if (code == 0 && getsid(0) == getpid()) {
        become(&job);
    }
    if (code == 0) {
        struct relay *r = xcalloc(1, sizeof(*r));
        catch_signals();
        code = GONE;
        if (start(r, &job, o.tty) == 0) {
            set_raw(r, true);
            code = carry_on(r);
            set_raw(r, false);
        }
        free(r);
    }
    free(job.dir);
    state_config_release(&job.config);
    strbuf_release(&job.profile);
    strvec_release(&job.argv);
    strvec_release(&job.env);
    strvec_release(&o.env);
    return code;
}
