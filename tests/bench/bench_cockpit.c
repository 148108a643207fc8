/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the cockpit as a person feels it, next to tmux in the same run: start to first frame, key to echo (idle, and
 * while another session floods), and what five idle sessions cost. Linux only (/proc). Prints a table on stderr and
 * JSON on stdout. Figures are to be compared within a run. Where tmux is missing its columns say so: "-", null in JSON.
 *
 *   bench_cockpit MUTHR-TUI [IDLE-SECONDS]
 *
 * Works in a temporary HOME with a workspace root of its own; ends what it started. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/outer.h"

static const char *muthr;
static char home[256];
static char tmux_sock[300];
static bool with_tmux; /* is it installed? */

/* Hangs up and reaps. */
static void outer_end(struct outer *o)
{
    close(o->fd);
    for (int i = 0; i < 200; i++) {
        if (waitpid(o->pid, NULL, WNOHANG) != 0) {
            return;
        }
        usleep(10000);
    }
    kill(o->pid, SIGKILL);
    waitpid(o->pid, NULL, 0);
}

/* Runs a command to its end; its first line of output in `line`. Returns the exit code. */
static int run_line(char *line, size_t cap, const char *const *argv)
{
    int fds[2];
    int status;

    if (pipe(fds) < 0) {
        die("pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, 0);
        dup2(fds[1], 1);
        dup2(null, 2);
        close(fds[0]);
        close(fds[1]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(fds[1]);
    FILE *f = fdopen(fds[0], "r");
    if (line != NULL && cap > 0) {
        line[0] = '\0';
        if (fgets(line, (int)cap, f) != NULL) {
            line[strcspn(line, "\n")] = '\0';
        }
    }
    while (fgetc(f) != EOF) {
    }
    fclose(f);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The p-quantile of n samples; sorts them. */
static double quantile(double *v, size_t n, double p)
{
    qsort(v, n, sizeof(*v), by_value);
    size_t i = (size_t)(p * (double)(n - 1) + 0.5);

    return v[i];
}

#define STARTS 9
#define KEYS 300

/* Median time from fork to `marker` on the screen. */
static double bench_start(const char *const *argv, const char *marker, const char *const *cleanup)
{
    double v[STARTS];

    for (int i = 0; i < STARTS; i++) {
        struct outer o;
        double t0 = now_ms();

        outer_start(&o, argv);
        v[i] = outer_until(&o, marker, 15000) - t0;
        outer_end(&o);
        if (cleanup != NULL) {
            run_line(NULL, 0, cleanup);
            usleep(200000); /* a tmux server that is going down refuses the next client */
        }
    }
    return quantile(v, STARTS, 0.5);
}

/* Types keys that no escape sequence contains, each after the last was echoed. */
static void bench_keys(struct outer *o, double *p50, double *p95)
{
    static const char marks[] = "~#%&@=+!";
    double v[KEYS];

    outer_settle(o, 300);
    for (int i = 0; i < KEYS; i++) {
        char text[2] = {marks[i % 8], '\0'};
        double t0 = now_ms();

        if (write(o->fd, text, 1) != 1) {
            die("bench: write");
        }
        double end = t0 + 5000;
        while (memchr(o->seen, text[0], o->len) == NULL) {
            if (now_ms() > end || !outer_read(o, 20)) {
                die("bench: no echo of '%s'", text);
            }
        }
        v[i] = now_ms() - t0;
        o->len = 0;
        usleep(3000 + (unsigned)(i * 7919 % 5000));
        outer_read(o, 0);
        o->len = 0;
    }
    *p50 = quantile(v, KEYS, 0.5);
    *p95 = quantile(v, KEYS, 0.95);
}

/* CPU ticks and voluntary context switches of every process that `mine` accepts. */
struct usage {
    double cpu_ms, wakeups;
    int procs;
    double pss_kib;
    double host_kib, enter_kib, cockpit_kib; /* ours: of it, by what the process is */
};

/* Reads one number after `key` from a /proc file. */
static long proc_number(int pid, const char *file, const char *key)
{
    char path[64], line[256];
    long value = 0;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            value = strtol(line + strlen(key), NULL, 10);
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return value;
}

/* User + system time in ms. */
static double proc_cpu_ms(int pid)
{
    char path[64], buf[1024];
    unsigned long ut = 0, st = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    size_t n = fread(buf, 1, sizeof(buf) - 1, f);
    fclose(f);
    buf[n] = '\0';
    char *p = strrchr(buf, ')');
    if (p != NULL) {
        sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
    }
    return (double)(ut + st) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
}

/* Is it a process of the kind measured? tmux by name, ours by executable (and the init inside, by name). */
static bool is_measured(int pid, bool ours)
{
    char path[64], buf[512];

    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(buf, sizeof(buf), f) == NULL) {
        if (f != NULL) {
            fclose(f);
        }
        return false;
    }
    fclose(f);
    if (!ours) {
        return strncmp(buf, "tmux", 4) == 0;
    }
    if (strncmp(buf, "muthr", 5) == 0 || strncmp(buf, "pasta", 5) == 0 || strncmp(buf, "slirp", 5) == 0 ||
        strncmp(buf, "bwrap", 5) == 0) {
        return true;
    }
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    ssize_t n = readlink(path, buf, sizeof(buf) - 1);
    if (n <= 0) {
        return false;
    }
    buf[n] = '\0';
    return strcmp(buf, muthr) == 0;
}

/* Was it, or one of those above it, started by this run? Their environment names our private HOME. */
static bool is_of_this_run(int pid)
{
    static char env[1 << 16];

    for (int depth = 0; pid > 1 && depth < 12; depth++) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/environ", pid);
        FILE *f = fopen(path, "r");
        size_t n = f != NULL ? fread(env, 1, sizeof(env), f) : 0;
        if (f != NULL) {
            fclose(f);
        }
        if (memmem(env, n, home, strlen(home)) != NULL) {
            return true;
        }
        pid = (int)proc_number(pid, "status", "PPid:");
    }
    return false;
}

/* Does the process have this word as its first argument? */
static bool has_verb(int pid, const char *verb)
{
    char path[64], buf[512];

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(buf, 1, sizeof(buf) - 1, f) : 0;
    if (f != NULL) {
        fclose(f);
    }
    buf[n] = '\0';
    size_t at = strlen(buf) + 1;
    return at < n && strcmp(buf + at, verb) == 0;
}

/* Adds up all processes of the kind. */
static struct usage usage_of(bool ours)
{
    struct usage u = {0};
    DIR *d = opendir("/proc");
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        int pid = (int)strtol(e->d_name, NULL, 10);

        if (pid > 0 && is_measured(pid, ours) && is_of_this_run(pid)) {
            double pss = (double)proc_number(pid, "smaps_rollup", "Pss:");

            u.procs++;
            u.cpu_ms += proc_cpu_ms(pid);
            u.wakeups += (double)proc_number(pid, "status", "voluntary_ctxt_switches:");
            u.pss_kib += pss;
            u.host_kib += ours && has_verb(pid, "host") ? pss : 0;
            u.enter_kib += ours && has_verb(pid, "enter") ? pss : 0;
            u.cockpit_kib += ours && has_verb(pid, "attach") ? pss : 0;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    return u;
}

/* Watches for `seconds` while reading the outer terminal; the difference. */
static struct usage bench_idle(struct outer *o, bool ours, double seconds)
{
    outer_settle(o, 1500);
    sleep(3); /* the "working" marks fall back to idle within 2 s */
    outer_settle(o, 500);
    struct usage a = usage_of(ours);
    double end = now_ms() + seconds * 1000;
    while (now_ms() < end) {
        outer_read(o, 200);
        o->len = 0;
    }
    struct usage b = usage_of(ours);
    b.cpu_ms -= a.cpu_ms;
    b.wakeups -= a.wakeups;
    return b;
}

#define ECHO_CMD "stty raw -echo; printf 'READY-NOW'; exec cat"
#define FLOOD_CMD "exec yes 0123456789012345678901234567890123456789"

/* Starts a session of ours and returns its id. */
static void muthr_session(char *id, size_t cap, const char *command)
{
    const char *argv[] = {muthr, "shell", "bench", "--quiet", "--session", "-c", command, NULL};

    if (run_line(id, cap, argv) != 0 || id[0] == '\0') {
        die("bench: no session");
    }
}

/* Private directories, a root with one project, and a started sandbox without network. */
static void set_up(void)
{
    char path[400];
    static const char *const dirs[] = {"", "/src", "/src/bench", "/.config", "/.local", "/.cache", "/run"};

    snprintf(home, sizeof(home), "/tmp/mtbench.XXXXXX");
    if (mkdtemp(home) == NULL) {
        die("mkdtemp");
    }
    for (size_t i = 1; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", home, dirs[i]);
        mkdir(path, 0700);
    }
    setenv("HOME", home, 1);
    snprintf(path, sizeof(path), "%s/run", home);
    setenv("XDG_RUNTIME_DIR", path, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("MUTHR_WORKSPACE_ROOT");
    unsetenv("TMUX");
    setenv("TERM", "xterm-256color", 1);
    setenv("COLORTERM", "truecolor", 1);
    setenv("LANG", "C.UTF-8", 1);
    snprintf(tmux_sock, sizeof(tmux_sock), "%s/tmux", home);
}

static void tear_down(void)
{
    const char *del[] = {muthr, "delete", "bench", "--yes", "--force", "--quiet", NULL};
    const char *kill_tmux[] = {"tmux", "-S", tmux_sock, "kill-server", NULL};
    const char *rm[] = {"rm", "-rf", home, NULL};

    run_line(NULL, 0, del);
    if (with_tmux) {
        run_line(NULL, 0, kill_tmux);
    }
    /* What ends now may write a last file while it is removed. */
    for (int i = 0; i < 20 && access(home, F_OK) == 0; i++) {
        usleep(200000);
        run_line(NULL, 0, rm);
    }
}

/* One figure for both, in table and JSON; NAN: not measured. */
static void figure(const char *name, const char *unit, double ours, double theirs, bool last)
{
    fprintf(stderr, "%-34s %10.3f ", name, ours);
    printf("  {\"figure\": \"%s\", \"unit\": \"%s\", \"muthr\": %.4f, \"tmux\": ", name, unit, ours);
    if (isnan(theirs)) {
        fprintf(stderr, "%10s  %5s  %s\n", "-", "-", unit);
        printf("null}%s\n", last ? "" : ",");
    } else {
        fprintf(stderr, "%10.3f  %5.2f  %s\n", theirs, theirs > 0 ? ours / theirs : 0, unit);
        printf("%.4f}%s\n", theirs, last ? "" : ",");
    }
}

/* What is measured of each of the two. */
struct figures {
    double command, start, key50, key95, flood50, flood95;
    struct usage idle;
};

#define COMMANDS 41

/* Median time of a command that only says its version: loading and start of one process. */
static double bench_command(const char *const *argv)
{
    double v[COMMANDS];

    for (int i = 0; i < COMMANDS; i++) {
        double t0 = now_ms();

        run_line(NULL, 0, argv);
        v[i] = now_ms() - t0;
    }
    return quantile(v, COMMANDS, 0.5);
}

/* Ours: needs the sandbox "bench" running, and starts it anew for the idle sessions. */
static void bench_muthr(struct figures *f, const char *const *start, double idle_s)
{
    const char *version[] = {muthr, "--version", NULL}, *cockpit[] = {muthr, NULL};
    const char *stop[] = {muthr, "stop", "bench", "--quiet", NULL};
    const char *attach[] = {muthr, "attach", NULL, NULL};
    char id[5][64];
    struct outer o;

    f->command = bench_command(version);
    f->start = bench_start(cockpit, "Workspaces", NULL);

    /* Key to echo, then the same while another session floods. */
    muthr_session(id[0], sizeof(id[0]), ECHO_CMD);
    attach[2] = id[0];
    outer_start(&o, attach);
    outer_until(&o, "READY-NOW", 15000);
    bench_keys(&o, &f->key50, &f->key95);
    muthr_session(id[1], sizeof(id[1]), FLOOD_CMD);
    bench_keys(&o, &f->flood50, &f->flood95);
    outer_end(&o);

    /* Five idle shells, one of them on the screen. */
    run_line(NULL, 0, stop);
    run_line(NULL, 0, start);
    for (int i = 0; i < 5; i++) {
        muthr_session(id[i], sizeof(id[i]), "exec bash --norc");
    }
    attach[2] = id[0];
    outer_start(&o, attach);
    f->idle = bench_idle(&o, true, idle_s);
    outer_end(&o);
}

/* The same of tmux. */
static void bench_tmux(struct figures *f, double idle_s)
{
    const char *version[] = {"tmux", "-V", NULL};
    const char *fresh[] = {"tmux", "-S", tmux_sock, "-f", "/dev/null", "new-session", "-s", "benchmark", NULL};
    const char *echo[] = {"tmux", "-S", tmux_sock, "-f", "/dev/null", "new-session", "-s", "benchmark", ECHO_CMD, NULL};
    const char *flood[] = {"tmux", "-S", tmux_sock, "new-window", "-d", FLOOD_CMD, NULL};
    const char *window[] = {"tmux", "-S", tmux_sock, "new-window", "exec bash --norc", NULL};
    const char *end[] = {"tmux", "-S", tmux_sock, "kill-server", NULL};
    struct outer o;

    f->command = bench_command(version);
    f->start = bench_start(fresh, "benchmark", end);

    outer_start(&o, echo);
    outer_until(&o, "READY-NOW", 15000);
    bench_keys(&o, &f->key50, &f->key95);
    run_line(NULL, 0, flood);
    bench_keys(&o, &f->flood50, &f->flood95);
    outer_end(&o);
    run_line(NULL, 0, end);
    usleep(300000);

    outer_start(&o, fresh);
    outer_until(&o, "benchmark", 15000);
    for (int i = 0; i < 4; i++) {
        run_line(NULL, 0, window);
    }
    f->idle = bench_idle(&o, false, idle_s);
    outer_end(&o);
}

/* Table and JSON of all. */
static void report(const struct figures *m, const struct figures *t, double idle_s)
{
    double minutes = idle_s / 60;

    fprintf(stderr, "%-34s %10s %10s  ratio  unit\n", "figure", "muthr-tui", "tmux");
    printf("[\n");
    figure("a command that says its version", "ms, median of 41", m->command, t->command, false);
    figure("start to first frame", "ms, median of 9", m->start, t->start, false);
    figure("key to echo, p50", "ms", m->key50, t->key50, false);
    figure("key to echo, p95", "ms", m->key95, t->key95, false);
    figure("key to echo in a flood, p50", "ms", m->flood50, t->flood50, false);
    figure("key to echo in a flood, p95", "ms", m->flood95, t->flood95, false);
    figure("idle cpu, five sessions", "ms of cpu a minute", m->idle.cpu_ms / minutes, t->idle.cpu_ms / minutes, false);
    figure("idle wake-ups, five sessions", "a minute, all processes", m->idle.wakeups / minutes,
           t->idle.wakeups / minutes, false);
    figure("memory, five sessions", "MiB PSS, all processes", m->idle.pss_kib / 1024, t->idle.pss_kib / 1024, false);
    figure("  of it the cockpit", "MiB PSS", m->idle.cockpit_kib / 1024, (double)NAN, false);
    figure("  of it the five hosts", "MiB PSS", m->idle.host_kib / 1024, (double)NAN, false);
    figure("  of it the five relays", "MiB PSS", m->idle.enter_kib / 1024, (double)NAN, true);
    printf("]\n");
}

int main(int argc, char **argv)
{
    const char *tmux_version[] = {"tmux", "-V", NULL};
    double idle_s = argc > 2 ? strtod(argv[2], NULL) : 20;
    struct figures m = {0}, t = {NAN, NAN, NAN, NAN, NAN, NAN, {.cpu_ms = NAN, .wakeups = NAN, .pss_kib = NAN}};

    if (argc < 2 || idle_s < 1 || (muthr = realpath(argv[1], NULL)) == NULL) {
        die("usage: bench_cockpit MUTHR-TUI [IDLE-SECONDS]");
    }
    set_up();
    with_tmux = run_line(NULL, 0, tmux_version) == 0;
    atexit(tear_down);
    const char *start[] = {muthr, "start", "bench", "--net", "none", "--quiet", NULL};
    if (run_line(NULL, 0, start) != 0) {
        die("bench: the sandbox did not start");
    }
    bench_muthr(&m, start, idle_s);
    if (with_tmux) {
        bench_tmux(&t, idle_s);
    } else {
        fprintf(stderr, "bench: tmux is not installed, its figures are left out\n");
    }
    report(&m, &t, idle_s);
    return 0;
}
