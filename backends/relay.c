/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "backends/inner_env.h"
#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

#define TAIL_MAX 4096
#define END_WAIT_MS 4000 /* for the client to notice that its program was ended */
#define ANSWER_MAX (1u << 20)
#define AT_ONCE_MS 5000 /* a program that could not be begun */

/* Leaves the pid of the program where it can be found; files of dead ones go by the way. */
static const char begin_script[] =
    "for f in " RELAY_PID_PREFIX "*.pid; do read -r p <\"$f\" && [ -d /proc/$p ] || rm -f "
    "\"$f\"; done 2>/dev/null; echo $$ 2>/dev/null >\"$0\"; exec \"$@\"";

/* Ends the session of that program (an exec'd program leads one): the signal $1, a second later TERM, two more later
 * KILL (X4), no longer than something of it lives. Waits for the pid, which may just be written. Behind the name in
 * /proc/PID/stat the first field is the state and the fourth the session. Not every sleep knows parts of a second. */
static const char end_script[] =
    "n=0; until [ -s \"$0\" ]; do n=$((n+1)); [ $n -gt 3 ] && exit 0; sleep 1; done; read -r p <\"$0\"\n"
    "each() { k=1; for d in /proc/[0-9]*; do read -r l <\"$d/stat\" || continue; set -- \"$1\" ${l##*) }\n"
    "[ \"$5\" = \"$p\" ] && [ \"$2\" != Z ] && k=0 && kill -\"$1\" \"${d#/proc/}\"; done 2>/dev/null; return $k; }\n"
    "gone() { n=0; while each 0; do [ $n -ge $1 ] && return 1; n=$((n+1))\n"
    "sleep 0.1 2>/dev/null || { sleep 1; n=$((n+9)); }; done; }\n"
    "each \"$1\"; each CONT; gone 10 || { each TERM; gone 20 || each KILL; }; rm -f \"$0\"";

struct relay {
    const struct relay_ops *ops;
    const char *url, *cwd, *user, *container;
    bool no_tty, ask_user;
    char label[64]; /* the user that the container's label tells */
    char **command;
    struct strvec by_name, env; /* options of exec, and the environment of the client */
    char pid_file[96];
    pid_t client, ender; /* ender: of the program inside, 0 when there is none any more */
    bool client_ended;
    int status;
    pid_t guard_pid;
    int guard;  /* write end of what the guard reads, or -1 */
    int errors; /* read end of the client's stderr, -1 at its end */
    struct strbuf tail;
    struct termios found; /* the terminal before us */
    int found_flags;      /* of its descriptor: the client may make it non-blocking */
    bool changed;         /* it is another one by us */
};

static int signal_pipe[2] = {-1, -1};

static void on_signal(int signum)
{
    int saved = errno;
    unsigned char c = (unsigned char)signum;
    ssize_t n = write(signal_pipe[1], &c, 1);
    (void)n;
    errno = saved;
}

static void add_env(struct relay *r, const char *key, const char *value)
{
    strvec_push(&r->by_name, "--env");
    if (r->ops->is_own(key)) {
        strvec_pushf(&r->by_name, "%s=%s", key, value);
    } else {
        strvec_push(&r->by_name, key);
        strvec_setenv(&r->env, key, value);
    }
}

/* MUTHR_ENTER_ENV_K=V of ours becomes K=V inside; K's value does not stand in any argv. */
static void collect_env(struct relay *r)
{
    extern char **environ;
    const size_t n = sizeof(INNER_ENV_PREFIX) - 1;
    MT_CLEANUP(strvec) struct strvec ours = STRVEC_INIT;
    const char *term = getenv("TERM");
    r->ops->env(&r->env);
    for (size_t i = 0; i < r->env.len;) {
        if (strncmp(r->env.v[i], INNER_ENV_PREFIX, n) == 0) {
            strvec_push(&ours, r->env.v[i] + n);
            strvec_remove(&r->env, i);
        } else {
            i++;
        }
    }
    if (!r->no_tty && !strvec_getenv(&ours, "TERM") && term) {
        add_env(r, "TERM", term); /* the runtime would say xterm */
    }
    for (size_t i = 0; i < ours.len; i++) {
        const char *eq = strchr(ours.v[i], '=');
        char *key = eq ? xstrndup(ours.v[i], (size_t)(eq - ours.v[i])) : NULL;
        if (key && *key) {
            add_env(r, key, eq + 1);
        }
        free(key);
    }
}

static int parse_args(struct relay *r, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2]; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--no-tty") == 0) {
            r->no_tty = true;
            continue;
        }
        if (strcmp(argv[i], "--ask-user") == 0) {
            r->ask_user = true;
            continue;
        }
        const char **slot = strcmp(argv[i], "--url") == 0    ? &r->url
                            : strcmp(argv[i], "--cwd") == 0  ? &r->cwd
                            : strcmp(argv[i], "--user") == 0 ? &r->user
                                                             : NULL;
        if (!slot || !value) {
            return -1;
        }
        *slot = value;
        i++;
    }
    if (i + 2 >= argc || strcmp(argv[i + 1], "--") != 0) {
        return -1;
    }
    r->container = argv[i];
    r->command = argv + i + 2;
    return 0;
}

/* What runs something inside as the user: the program, and what ends it. */
static void exec_argv(const struct relay *r, bool is_program, struct strvec *out)
{
    const struct relay_exec e = {.url = r->url,
                                 .container = r->container,
                                 .cwd = is_program ? r->cwd : NULL,
                                 .user = r->user,
                                 .env = is_program ? (const char *const *)r->by_name.v : NULL,
                                 .interactive = is_program,
                                 .tty = is_program && !r->no_tty};
    r->ops->exec(&e, out);
}

/* In the child: nothing inherited but what is wanted. */
MT_NORETURN static void become(const struct relay *r, const struct strvec *argv)
{
    extern char **environ;
    environ = r->env.v;
    execvp(argv->v[0], argv->v);
    ssize_t n = write(2, r->ops->missing, strlen(r->ops->missing));
    (void)n;
    _exit(RELAY_EXIT_GONE);
}

/* As whom: the container's label says it. Nothing is said when it has none, or is not there: the next call tells. */
static void ask_user(struct relay *r)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    int p[2];
    char buf[4096];
    r->ops->ask_user(r->url, r->container, &argv);
    if (pipe(p) != 0) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(p[1], 1);
        dup2(null, 2);
        close(p[0]);
        close(p[1]);
        become(r, &argv);
    }
    close(p[1]);
    for (ssize_t n = 1; n != 0 && text.len < ANSWER_MAX; strbuf_add(&text, buf, n > 0 ? (size_t)n : 0)) {
        n = read(p[0], buf, sizeof(buf));
        if (n < 0 && errno != EINTR) {
            break;
        }
    }
    close(p[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    r->ops->take_user(text.buf, text.len, r->label);
    r->user = r->label[0] != '\0' ? r->label : r->user;
}

/* What is inside has a terminal of its own that translates its output; ours must not do it once more (a bare line feed
 * would lose its column). The client keeps the flags that it finds, but for what makes it raw. */
static void keep_output_plain(struct relay *r)
{
    struct termios t;
    if (r->no_tty || !r->ops->plain_output || tcgetattr(0, &r->found) != 0) {
        return;
    }
    r->found_flags = fcntl(0, F_GETFL);
    t = r->found;
    t.c_oflag &= ~(tcflag_t)(ONLCR | OPOST);
    r->changed = tcsetattr(0, TCSANOW, &t) == 0;
}

/* The terminal as it was, whatever the client left. */
static void restore_terminal(struct relay *r)
{
    if (r->changed) {
        tcsetattr(0, TCSANOW, &r->found);
        fcntl(0, F_SETFL, r->found_flags);
        r->changed = false;
    }
}

static int start_client(struct relay *r)
{
    int p[2];
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    exec_argv(r, true, &argv);
    strvec_pushl(&argv, "sh", "-c", begin_script, r->pid_file, NULL);
    strvec_pushv(&argv, (const char *const *)r->command);
    if (pipe(p) != 0 || fcntl(p[0], F_SETFD, FD_CLOEXEC) != 0 || (r->client = fork()) < 0) {
        return -1;
    }
    if (r->client == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        signal(SIGHUP, SIG_IGN); /* it goes when its program does; Go leaves an ignored signal ignored */
        dup2(p[1], 2);
        close(p[1]);
        become(r, &argv);
    }
    close(p[1]);
    r->errors = p[0];
    return 0;
}

/* What ends the program inside. */
static void end_argv(const struct relay *r, int signum, struct strvec *argv)
{
    exec_argv(r, false, argv);
    strvec_pushl(argv, "sh", "-c", end_script, r->pid_file, signum == SIGINT ? "INT" : "HUP", NULL);
}

/* Ends the program inside; what does it is in a session of its own, so that it outlives us. */
static void end_inside(struct relay *r, int signum)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    end_argv(r, signum, &argv);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        setsid();
        signal(SIGPIPE, SIG_DFL);
        for (int fd = 0; fd <= 2; fd++) {
            dup2(null, fd);
        }
        become(r, &argv);
    }
    r->ender = pid > 0 ? pid : 0;
}

/* A small process that outlives us when we are killed by force, and ends the program inside then: nobody else knows its
 * pid file. */
static void start_guard(struct relay *r)
{
    int p[2];
    if (pipe(p) != 0) {
        return;
    }
    fcntl(p[0], F_SETFD, FD_CLOEXEC);
    fcntl(p[1], F_SETFD, FD_CLOEXEC); /* only we hold it */
    pid_t pid = fork();
    if (pid != 0) {
        close(p[0]);
        r->guard = p[1];
        r->guard_pid = pid;
        return;
    }
    static const int ours[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGPIPE};
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    int null = open("/dev/null", O_RDWR);
    char c;
    ssize_t n;
    setsid();
    for (size_t i = 0; i < MT_ARRAY_LEN(ours); i++) {
        signal(ours[i], SIG_DFL);
    }
    for (int fd = 0; fd <= 2; fd++) {
        dup2(null, fd); /* the terminal is not kept open by us */
    }
    close(p[1]);
    while ((n = read(p[0], &c, 1)) < 0 && errno == EINTR) {
    }
    if (n == 1) {
        _exit(0);
    }
    end_argv(r, SIGHUP, &argv);
    become(r, &argv);
}

/* We end by ourselves: it does, too. */
static void dismiss_guard(const struct relay *r)
{
    if (r->guard >= 0 && write(r->guard, "x", 1) == 1) {
        while (waitpid(r->guard_pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

/* the client's own words under a terminal are kept for the end; otherwise they are the program's and go on at once. */
static void take_errors(struct relay *r)
{
    char buf[4096];
    ssize_t n = read(r->errors, buf, sizeof(buf));
    if (n <= 0) {
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close(r->errors);
            r->errors = -1;
        }
        return;
    }
    for (ssize_t at = 0; r->no_tty && at < n;) {
        ssize_t w = write(2, buf + at, (size_t)(n - at));
        if (w < 0 && errno != EINTR) {
            break;
        }
        at += w > 0 ? w : 0;
    }
    strbuf_add(&r->tail, buf, (size_t)n);
    if (r->tail.len > TAIL_MAX) {
        strbuf_consume(&r->tail, r->tail.len - TAIL_MAX);
    }
}

static void reap(struct relay *r)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == r->client) {
            r->client_ended = true;
            r->status = status;
        } else if (pid == r->ender) {
            r->ender = 0;
        }
    }
}

/* Until the client has ended and said all, and what ended the program inside is through: the client goes as soon as its
 * terminal is hung up, and who starts the program anew may want the port that the old one still has. Returns the signal
 * that ended us, or 0. */
static int relay_run(struct relay *r)
{
    int ended_by = 0;
    uint64_t limit = 0;
    while (!r->client_ended || r->errors >= 0 || r->ender > 0) {
        struct pollfd fds[2] = {{.fd = signal_pipe[0], .events = POLLIN}, {.fd = r->errors, .events = POLLIN}};
        uint64_t now = clock_mono_ms();
        /* Once both have ended, only what is in the pipe is of interest: others may hold the other end. */
        bool over = r->client_ended && r->ender == 0;
        int wait_ms = over ? 0 : limit == 0 ? -1 : limit > now ? (int)(limit - now) : 0;
        int n = poll(fds, 2, wait_ms);
        if (n == 0) {
            break;
        }
        if (fds[1].revents) {
            take_errors(r);
        }
        if (fds[0].revents) {
            unsigned char c = 0;
            if (read(signal_pipe[0], &c, 1) == 1 && c == SIGCHLD) {
                reap(r);
            } else if (c && !ended_by && !r->client_ended) {
                ended_by = c;
                limit = now + END_WAIT_MS;
                end_inside(r, c);
            }
        }
    }
    return ended_by;
}

/* the client's own last error in what it has said, or NULL. */
static const char *clients_error(const struct relay *r)
{
    const char *last = r->tail.buf;
    for (const char *p = last; (p = strstr(p, "Error: ")) != NULL; p++) {
        last = p;
    }
    return strncmp(last, "Error: ", 7) == 0 ? last : NULL;
}

/* Does the same without a terminal succeed? Nothing of it is seen. */
static bool works_plainly(const struct relay *r)
{
    struct relay plain = *r;
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    int status = 0;
    plain.no_tty = true;
    exec_argv(&plain, true, &argv);
    strvec_pushl(&argv, "sh", "-c", ":", NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd <= 2; fd++) {
            dup2(null, fd);
        }
        become(r, &argv);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* X3: the runtime could not give the program a terminal, although the sandbox is fine: once more without one, and said.
 */
static int relay_again(struct relay *r, uint64_t began_ms)
{
    static char shell[] = "bash", login[] = "-il";
    static char *interactive[] = {shell, login, NULL};
    struct error err = ERROR_INIT;
    const char *why = clients_error(r);
    bool at_once = WIFEXITED(r->status) && WEXITSTATUS(r->status) != 0 && clock_mono_ms() - began_ms < AT_ONCE_MS;
    if (!r->ops->once_more || r->no_tty || !at_once || !why || !works_plainly(r)) {
        return 0;
    }
    r->ops->explain(WEXITSTATUS(r->status), why, &err);
    dprintf(2, "\r\nmuthr: no terminal inside (%s): going on without one\r\n", err.msg);
    if (strcmp(r->command[0], "bash") == 0 && r->command[1] && strcmp(r->command[1], "-l") == 0 && !r->command[2]) {
        r->command = interactive; /* else it would show no prompt */
    }
    r->no_tty = true;
    r->client_ended = false;
    strbuf_clear(&r->tail);
    return start_client(r) == 0 ? relay_run(r) : 0;
}

/* The program's exit code; the client's own failures get codes of ours, and are told. */
static int exit_code(struct relay *r, int ended_by)
{
    struct error err = ERROR_INIT;
    if (ended_by) {
        return 128 + ended_by;
    }
    int code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
    const char *last = clients_error(r);
    int ours = last ? r->ops->failed(code, last, r->no_tty) : -1;
    if (ours < 0) {
        return code;
    }
    r->ops->explain(code, last, &err);
    if (!r->no_tty) {
        dprintf(2, "\r\nmuthr: %s\r\n%s%s", err.msg, err.hint ? err.hint : "", err.hint ? "\r\n" : "");
    }
    return ours;
}

/* Who ends us, and the end of the client, are told through a pipe. */
static int take_signals(void)
{
    static const int signals[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCHLD};
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (pipe(signal_pipe) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(signal_pipe[i], F_SETFD, FD_CLOEXEC);
        fcntl(signal_pipe[i], F_SETFL, O_NONBLOCK);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(signals); i++) {
        sigaction(signals[i], &sa, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int relay_main(const struct relay_ops *ops, int argc, char **argv)
{
    struct relay r = {
        .ops = ops, .errors = -1, .guard = -1, .by_name = STRVEC_INIT, .env = STRVEC_INIT, .tail = STRBUF_INIT};
    int code = RELAY_EXIT_GONE;
    if (parse_args(&r, argc, argv) < 0) {
        dprintf(2, "muthr-tui %s: not for people\n", ops->name);
        return 64;
    }
    str_format(r.pid_file, sizeof(r.pid_file), RELAY_PID_PREFIX "%d-%llx.pid", (int)getpid(),
               (unsigned long long)clock_mono_ns());
    collect_env(&r);
    if (r.ask_user) {
        ask_user(&r);
    }
    if (take_signals() == 0) {
        start_guard(&r);
        keep_output_plain(&r);
        if (start_client(&r) == 0) {
            uint64_t began_ms = clock_mono_ms();
            int ended_by = relay_run(&r);
            if (!ended_by && r.client_ended && WIFSIGNALED(r.status)) {
                end_inside(&r, SIGHUP); /* somebody killed the client: its program goes on otherwise */
            } else if (!ended_by && r.client_ended) {
                ended_by = relay_again(&r, began_ms);
            } else if (!r.client_ended) {
                kill(r.client, SIGKILL); /* it hangs; what ends its program goes on without it */
            }
            restore_terminal(&r);
            code = exit_code(&r, ended_by);
        }
        restore_terminal(&r);
        dismiss_guard(&r);
    }
    strvec_release(&r.by_name);
    strvec_release(&r.env);
    strbuf_release(&r.tail);
    return code;
}
