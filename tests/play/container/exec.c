/* SPDX-License-Identifier: Apache-2.0 */
/* Linux only: `exec`. */
#include "tests/play/container/standin.h"

#if defined(__linux__)
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

#define OUTPUT_WAIT_MS 3000 /* what outlives the process may hold its output for so long */

struct job {
    const struct given *given;
    struct json *config;
    pid_t init, middle; /* middle: entered, and the parent of what runs */
    bool tty, console;
    int master, slave, report;
    struct termios before; /* of the person's terminal, when it is taken over (console) */
};

/* The lines of --env-file that are neither empty nor remarks. */
static void env_file(const char *path, struct strvec *out)
{
    struct strbuf text = STRBUF_INIT;
    if (!fs_exists(path) || fs_read(path, 1 << 20, &text, NULL) < 0) {
        fail("invalidArgument", "failed to read envfile at %s", path);
    }
    for (const char *p = text.buf; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        p += strspn(p, " \t");
        if (*p != '\n' && *p != '#' && *p) {
            strvec_pushf(out, "%.*s", (int)strcspn(p, "\n"), p);
        }
    }
    strbuf_release(&text);
}

void given_env(const struct given *g, struct strvec *out)
{
    struct strvec files = STRVEC_INIT, all = STRVEC_INIT;
    given_all(g, "--env-file", &files);
    for (size_t i = 0; i < files.len; i++) {
        env_file(files.v[i], &all);
    }
    given_all(g, "--env", &all);
    for (size_t i = 0; i < all.len; i++) {
        const char *equals = strchr(all.v[i], '='), *value = equals ? equals + 1 : getenv(all.v[i]);
        char *key = xstrndup(all.v[i], strcspn(all.v[i], "="));
        if (value) {
            strvec_setenv(out, key, value);
        }
        free(key);
    }
    strvec_release(&files);
    strvec_release(&all);
}

/* In the process: says why it does not run. */
static MT_NORETURN void refuse(int report, const char *format, const char *what)
{
    char text[512];
    str_format(text, sizeof(text), "%s%s", format, what);
    if (write(report, text, strlen(text)) < 0) {
        _exit(126);
    }
    _exit(127);
}

/* What the process is started as; in the namespaces already. */
static MT_NORETURN void become(struct job *j)
{
    const struct given *g = j->given;
    const struct json *process = json_get(j->config, "initProcess"), *user = json_get(process, "user");
    const char *who = given_value(g, "--user", NULL), *uid = given_value(g, "--uid", NULL),
               *gid = given_value(g, "--gid", NULL);
    const char *cwd = given_value(g, "--workdir", json_get_string(process, "workingDirectory", "/"));
    struct strvec more = STRVEC_INIT, env = STRVEC_INIT, argv = STRVEC_INIT;
    struct place_user u;
    char *text = who   ? xstrdup(who)
                 : uid ? xasprintf("%s%s%s", uid, gid ? ":" : "", gid ? gid : "")
                 : json_get(user, "raw")
                     ? xstrdup(json_get_string(json_get(user, "raw"), "userString", "0"))
                     : xasprintf("%lld:%lld", (long long)json_get_int(json_get(user, "id"), "uid", 0),
                                 (long long)json_get_int(json_get(user, "id"), "gid", 0));
    if (place_user_find(text, &u) < 0) {
        refuse(j->report, "failed to find user ", text);
    }
    given_env(g, &more);
    process_env(j->config, &more, &u, j->tty, &env);
    if (chdir(cwd) != 0) {
        refuse(j->report, "failed to change directory to ", cwd);
    }
    place_capabilities(j->config);
    place_user_become(&u);
    for (size_t i = 1; i < g->args.len; i++) {
        strvec_push(&argv, g->args.v[i]);
    }
    place_exec(argv.v, env.v);
    refuse(j->report, "failed to find target executable ", argv.v[0]);
}

static pid_t inner;

/* Hands a signal to the process inside. */
static void hand_in(int number)
{
    if (inner > 0) {
        kill(inner, number);
    }
}

/* The process between: in the namespaces, but not of them. Ends as the process inside does. */
static MT_NORETURN void go_between(struct job *j)
{
    static const int handed[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGWINCH};
    int status;
    sigset_t none;
    sigemptyset(&none);
    setsid();
    if (place_enter(j->init) < 0) {
        refuse(j->report, "container is not running", "");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(handed); i++) {
        signal(handed[i], hand_in);
    }
    inner = fork();
    if (inner == 0) {
        for (int number = 1; number < 32; number++) {
            signal(number, SIG_DFL);
        }
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        if (j->tty) {
            ioctl(j->slave, TIOCSCTTY, 0);
            for (int fd = 0; fd < 3; fd++) {
                dup2(j->slave, fd);
            }
        }
        become(j);
    }
    close(j->report);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (j->tty) {
        close(j->slave);
    }
    for (int fd = 0; fd < 3; fd++) {
        close(fd);
    }
    while (waitpid(inner, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* A terminal of the container's own. */
static void open_terminal(struct job *j)
{
    char path[64];
    int unlock = 0;
    str_format(path, sizeof(path), "/proc/%d/root/dev/pts/ptmx", (int)j->init);
    j->master = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (j->master < 0 || ioctl(j->master, TIOCSPTLCK, &unlock) != 0 ||
        (j->slave = ioctl(j->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
        fail("internalError", "failed to exec process: no terminal");
    }
}

/* Starts it. Ends the program when it does not run. */
static void start(struct job *j)
{
    int report[2];
    struct strbuf wrong = STRBUF_INIT;
    char buf[512];
    ssize_t n;
    if (pipe2(report, O_CLOEXEC) != 0) {
        fail("internalError", "failed to exec process");
    }
    j->middle = fork();
    if (j->middle == 0) {
        close(report[0]);
        if (j->tty) {
            close(j->master);
        }
        j->report = report[1];
        if (!given_has(j->given, "--interactive") && !j->tty) {
            dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDIN_FILENO);
        }
        if (given_has(j->given, "--detach") && !j->tty) {
            dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
            dup2(STDOUT_FILENO, STDERR_FILENO);
        }
        go_between(j);
    }
    close(report[1]);
    while ((n = read(report[0], buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
        strbuf_add(&wrong, buf, n > 0 ? (size_t)n : 0);
    }
    close(report[0]);
    if (wrong.len) {
        if (j->console) {
            tcsetattr(STDIN_FILENO, TCSANOW, &j->before);
        }
        fail_because("internalError", "unknown", wrong.buf, "failed to exec process");
    }
}

/* The size of the terminal that the person sees, handed on. */
static void hand_size(const struct job *j)
{
    struct winsize size;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
        ioctl(j->master, TIOCSWINSZ, &size);
    }
}

static volatile sig_atomic_t resized, ended, asked_to_end;

static void note_signal(int number)
{
    if (number == SIGWINCH) {
        resized = 1;
    } else if (number == SIGCHLD) {
        ended = 1;
    } else {
        asked_to_end = number;
    }
}

/* Notes these signals, which come only while waited for; *wait is the mask for that. */
static void take_signals(const int *numbers, size_t count, sigset_t *wait)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) {
        struct sigaction a = {.sa_handler = note_signal};
        sigaddset(&set, numbers[i]);
        sigaction(numbers[i], &a, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, wait);
}

/* All of it; false when the other end is gone. */
static bool put(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, 1000);
        } else if (n <= 0 && errno != EINTR) {
            return false;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Bytes of the terminal's inside and of the person, until the process is gone and its output is out. */
static int relay(struct job *j, const sigset_t *wait)
{
    char buf[16384];
    int status = 0;
    bool reaped = false, in = j->console;
    uint64_t give_up = 0;
    for (;;) {
        struct pollfd p[2] = {{.fd = j->master, .events = POLLIN}, {.fd = in ? STDIN_FILENO : -1, .events = POLLIN}};
        struct timespec t = {.tv_nsec = 50000000};
        int n = ppoll(p, 2, reaped ? &t : NULL, wait);
        if (asked_to_end) {
            _exit(128 + asked_to_end);
        }
        if (resized) {
            resized = 0;
            hand_size(j);
        }
        if (ended && !reaped && waitpid(j->middle, &status, WNOHANG) == j->middle) {
            reaped = true;
            give_up = clock_mono_ms() + OUTPUT_WAIT_MS;
        }
        if (n > 0 && p[0].revents) {
            ssize_t got = read(j->master, buf, sizeof(buf));
            if (got <= 0 && (got == 0 || (errno != EINTR && errno != EAGAIN))) {
                break;
            }
            if (got > 0 && !put(STDOUT_FILENO, buf, (size_t)got)) {
                break;
            }
        }
        if (n > 0 && p[1].revents) {
            ssize_t got = read(STDIN_FILENO, buf, sizeof(buf));
            in = got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
            if (got > 0) {
                put(j->master, buf, (size_t)got);
            }
        }
        if (reaped && (n == 0 || clock_mono_ms() > give_up)) {
            break;
        }
    }
    while (!reaped && waitpid(j->middle, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* On a terminal. */
static int run_tty(struct job *j)
{
    static const int numbers[] = {SIGWINCH, SIGCHLD, SIGTERM, SIGINT};
    struct termios raw;
    sigset_t wait;
    j->console = given_has(j->given, "--interactive");
    if (j->console && tcgetattr(STDIN_FILENO, &j->before) != 0) {
        fail("internalError", "failed to exec process POSIXErrorCode(rawValue: 25): Inappropriate ioctl for device");
    }
    open_terminal(j);
    take_signals(numbers, MT_ARRAY_LEN(numbers), &wait);
    if (j->console) {
        raw = j->before;
        cfmakeraw(&raw);
        raw.c_oflag |= OPOST;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    start(j);
    close(j->slave);
    if (j->console) {
        hand_size(j);
    }
    int code = relay(j, &wait);
    if (j->console) {
        tcsetattr(STDIN_FILENO, TCSANOW, &j->before);
    }
    return code;
}

/* Without one: the process has our own streams, and our signals. The third INT or TERM ends us. */
static int run_plain(struct job *j)
{
    static const int handed[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGWINCH};
    sigset_t set, before;
    int status = 0, times = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < MT_ARRAY_LEN(handed); i++) {
        sigaddset(&set, handed[i]);
    }
    sigprocmask(SIG_BLOCK, &set, &before);
    start(j);
    while (waitpid(j->middle, &status, WNOHANG) != j->middle) {
        int number = sigwaitinfo(&set, NULL);
        if ((number == SIGTERM || number == SIGINT) && ++times == 3) {
            strbuf_addstr(&st.out, "Received 3 SIGINT/SIGTERM's, forcefully exiting.\n");
            finish(1);
        }
        if (number > 0 && number != SIGCHLD) {
            kill(j->middle, number);
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int do_exec(const struct given *g)
{
    const char *id = g->args.v[0];
    struct job j = {.given = g, .master = -1, .slave = -1};
    container_must_exist(id);
    j.init = container_life(id, NULL) == LIFE_RUNNING ? container_init(id) : 0;
    if (j.init == 0) {
        fail("invalidState", "container %s is not running", id);
    }
    j.config = container_config(id);
    j.tty = given_has(g, "--tty");
    if (given_has(g, "--detach")) {
        j.tty = false;
        start(&j);
        strbuf_addf(&st.out, "%s\n", id);
        return 0;
    }
    return j.tty ? run_tty(&j) : run_plain(&j);
}
#endif
