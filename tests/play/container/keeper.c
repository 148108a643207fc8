/* SPDX-License-Identifier: Apache-2.0 */
/* A running container has a keeper: a process of its own that holds the lock, started the first process inside, hands
 * ports on, and does the stopping, so that the death of whoever asked for it changes nothing. What is inside dies with
 * it. */
#include "tests/play/container/standin.h"

#if defined(__linux__)
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

#define SOCKETS_MAX 64

struct keeper {
    const char *id;
    struct json *config;
    char *rootfs, *log;
    pid_t init;
    int report; /* to whoever starts it: nothing and closed when it runs, else what is wrong */
};

void process_env(const struct json *config, const struct strvec *more, const struct place_user *u, bool tty,
                 struct strvec *out)
{
    json_get_strings(json_get(config, "initProcess"), "environment", out);
    for (size_t i = 0; more && i < more->len; i++) {
        char *key = xstrndup(more->v[i], strcspn(more->v[i], "="));
        strvec_setenv(out, key, strchr(more->v[i], '=') + 1);
        free(key);
    }
    if (!strvec_getenv(out, "HOME")) {
        strvec_setenv(out, "HOME", u->home);
    }
    if (tty && !strvec_getenv(out, "TERM")) {
        strvec_setenv(out, "TERM", "xterm");
    }
}

/* Whoever starts is told what is wrong, and this process ends. */
static MT_NORETURN void tell(int report, const char *text)
{
    if (write(report, text, strlen(text)) < 0) {
        _exit(3);
    }
    _exit(2);
}

/* What a process tells before it runs; "" when its end was closed without a word. free(). */
static char *read_report(int fd)
{
    struct strbuf text = STRBUF_INIT;
    char buf[512];
    ssize_t n;
    while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
        strbuf_add(&text, buf, n > 0 ? (size_t)n : 0);
    }
    return strbuf_detach(&text, NULL);
}

/* The user that the configuration names. */
static void config_user(const struct json *process, struct place_user *out, int report)
{
    const struct json *user = json_get(process, "user");
    const char *raw = json_get_string(json_get(user, "raw"), "userString", NULL);
    char *text = raw ? xstrdup(raw)
                     : xasprintf("%lld:%lld", (long long)json_get_int(json_get(user, "id"), "uid", 0),
                                 (long long)json_get_int(json_get(user, "id"), "gid", 0));
    if (place_user_find(text, out) < 0) {
        char *wrong = xasprintf("failed to find user %s", text);
        tell(report, wrong);
    }
    free(text);
}

static pid_t forward_to;

static void forward(int number)
{
    kill(forward_to, number);
}

/* --init: hands signals on and takes in what is left over, and ends as its child does. */
static void small_init(int report)
{
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        return;
    }
    close(report);
    forward_to = child;
    for (int number = 1; number < 32; number++) {
        if (number != SIGCHLD && number != SIGKILL && number != SIGSTOP) {
            signal(number, forward);
        }
    }
    for (;;) {
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == child || (pid < 0 && errno == ECHILD)) {
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
    }
}

/* The first process inside; `report` is closed by its exec. */
static MT_NORETURN void run_init(struct keeper *k, int go[2], bool network)
{
    const struct json *process = json_get(k->config, "initProcess");
    struct place place = {.rootfs = k->rootfs, .config = k->config, .network = network};
    struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    struct place_user user;
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    place_wait(go);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < 32; number++) {
        signal(number, SIG_DFL);
    }
    setsid();
    int log = open(k->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    char *wrong = place_make(&place);
    if (wrong) {
        tell(k->report, wrong);
    }
    config_user(process, &user, k->report);
    process_env(k->config, NULL, &user, false, &env);
    strvec_push(&argv, json_get_string(process, "executable", ""));
    json_get_strings(process, "arguments", &argv);
    const char *cwd = json_get_string(process, "workingDirectory", "/");
    if (chdir(cwd) != 0 && (fs_mkdirs(cwd, 0755, NULL) < 0 || chdir(cwd) != 0)) {
        wrong = xasprintf("failed to change directory to %s", cwd);
        tell(k->report, wrong);
    }
    if (json_get_bool(k->config, "useInit", false)) {
        small_init(k->report);
    }
    place_capabilities(k->config);
    place_user_become(&user);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    place_exec(argv.v, env.v);
    wrong = xasprintf("failed to find target executable %s", argv.v[0]);
    tell(k->report, wrong);
}

/* Ends what runs inside: the signal, and KILL after the time. What is wanted stands in a file. */
static void begin_stop(struct keeper *k, uint64_t *kill_at)
{
    char *path = container_path(k->id, "stop");
    struct strbuf text = STRBUF_INIT;
    int number = SIGTERM;
    long ms = 5000;
    if (fs_read(path, 64, &text, NULL) == 0 && sscanf(text.buf, "%d %ld", &number, &ms) == 2) {
        container_note(k->id, "stopping", "");
        kill(k->init, number);
        uint64_t at = clock_mono_ms() + (uint64_t)ms;
        *kill_at = *kill_at == 0 || at < *kill_at ? at : *kill_at;
    }
    strbuf_release(&text);
    free(path);
}

/* Until the first process is gone. */
static void watch_over(struct keeper *k)
{
    sigset_t set;
    uint64_t kill_at = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    for (;;) {
        uint64_t now = clock_mono_ms(), left = kill_at == 0 ? 1000 : kill_at > now ? kill_at - now : 0;
        struct timespec t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
        int number = sigtimedwait(&set, NULL, &t);
        if (number == SIGUSR1) {
            begin_stop(k, &kill_at);
        }
        if (kill_at && clock_mono_ms() >= kill_at) {
            kill(k->init, SIGKILL);
            kill_at = 0;
        }
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
            if (pid == k->init) {
                return;
            }
        }
        if (pid < 0 && errno == ECHILD) {
            return;
        }
    }
}

/* Keeps the record lock for as long as this process lives; only that descriptor of the file is ever open here. */
static bool take_keeper_lock(const char *id)
{
    char *path = container_path(id, "keeper");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    free(path);
    return fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0;
}

/* Ports are bound here, so that a clash is the start's error; a process beside the keeper hands connections on. */
static void serve_ports(struct keeper *k)
{
    int fds[SOCKETS_MAX];
    uint16_t targets[SOCKETS_MAX];
    int n = ports_bind(k->config, fds, targets, SOCKETS_MAX);
    if (n < 0) {
        int saved = errno;
        char *wrong = saved == EACCES ? xstrdup("Permission denied while binding to host port")
                                      : xasprintf("bind(descriptor:ptr:bytes:): %s (errno: %d)",
                                                  saved == EADDRINUSE ? "Address already in use" : strerror(saved),
                                                  saved == EADDRINUSE ? 48 : saved);
        tell(k->report, wrong);
    }
    if (n > 0 && fork() == 0) {
        close(k->report);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ports_serve(fds, targets, (size_t)n);
    }
    for (int i = 0; i < n; i++) {
        close(fds[i]);
    }
}

/* Starts the first process; what hinders it is told and ends this process. */
static void start_init(struct keeper *k, bool network)
{
    int go[2], inner[2], outer = k->report;
    if (pipe2(inner, O_CLOEXEC) != 0 || (k->init = place_fork(network, go)) < 0) {
        tell(outer, "failed to make namespaces");
    }
    if (k->init == 0) {
        close(outer);
        close(inner[0]);
        k->report = inner[1];
        run_init(k, go, network);
    }
    close(inner[1]);
    place_go(k->init, go);
    char *wrong = read_report(inner[0]);
    close(inner[0]);
    if (*wrong) {
        waitpid(k->init, NULL, 0);
        tell(outer, wrong);
    }
    free(wrong);
}

/* Closes what it was started with. */
static void let_go(int keep)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        dup2(null, fd);
    }
    for (int fd = 3; fd < 256; fd++) {
        if (fd != keep) {
            close(fd);
        }
    }
}

/* The keeper. */
static MT_NORETURN void keep(const char *id, int report)
{
    struct keeper k = {.id = id,
                       .config = container_config(id),
                       .rootfs = container_path(id, "rootfs"),
                       .log = container_path(id, "stdio.log"),
                       .report = report};
    bool network = json_first(json_get(k.config, "networks")) != NULL;
    char text[32];
    sigset_t set;
    setsid();
    let_go(report);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    if (!take_keeper_lock(id)) {
        tell(report, "busy");
    }
    container_note(id, "stopping", NULL);
    container_note(id, "init", NULL);
    container_note(id, "stdio.log", "");
    sleep_ms(setting("START_MS", "start_ms", 0));
    serve_ports(&k);
    start_init(&k, network);
    str_format(text, sizeof(text), "%.2f", (double)clock_wall_ms() / 1000);
    container_note(id, "started", text);
    str_format(text, sizeof(text), "%d", (int)k.init);
    container_note(id, "init", text);
    close(report);
    watch_over(&k);
    container_note(id, "stopping", "");
    sleep_ms(setting("SHUTDOWN_MS", "shutdown_ms", 0));
    container_note(id, "init", NULL);
    char *goes_away = container_path(id, "remove");
    if (fs_exists(goes_away)) {
        container_remove(id);
    }
    container_note(id, "stopping", NULL);
    _exit(0);
}

/* Waits while somebody else starts or stops it. Returns what it is then. */
static enum life settled(const char *id, long ms)
{
    enum life life = container_life(id, NULL);
    for (; ms > 0 && (life == LIFE_STARTING || life == LIFE_STOPPING); ms -= 5) {
        sleep_ms(5);
        life = container_life(id, NULL);
    }
    return life;
}

void keeper_start(const char *id)
{
    enum life life = settled(id, 30000);
    int report[2];
    if (life == LIFE_RUNNING) {
        return;
    }
    if (life == LIFE_STOPPING) {
        fail("invalidState", "container is still stopping after timeout");
    }
    if (pipe2(report, O_CLOEXEC) != 0) {
        fail("internalError", "failed to bootstrap container %s", id);
    }
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            keep(id, report[1]);
        }
        _exit(0);
    }
    close(report[1]);
    waitpid(middle, NULL, 0);
    char *wrong = read_report(report[0]);
    close(report[0]);
    if (strcmp(wrong, "busy") == 0 && settled(id, 30000) == LIFE_RUNNING) {
        return;
    }
    if (*wrong) {
        keeper_stop(id, SIGKILL, 0);
        fail_because("unknown", "unknown", wrong, "failed to bootstrap container %s", id);
    }
    free(wrong);
}

void keeper_stop(const char *id, int number, long timeout_ms)
{
    pid_t keeper;
    char text[48];
    if (container_life(id, &keeper) == LIFE_STOPPED) {
        return;
    }
    str_format(text, sizeof(text), "%d %ld", number, timeout_ms);
    container_note(id, "stop", text);
    kill(keeper, SIGUSR1);
    while (container_life(id, NULL) != LIFE_STOPPED) {
        sleep_ms(5);
    }
}
#endif
