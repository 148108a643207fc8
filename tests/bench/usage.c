/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads a file of /proc/PID whole, as far as it fits; its length. */
static size_t slurp(int pid, const char *file, char *buf, size_t cap)
{
    char path[320];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(buf, 1, cap - 1, f) : 0;
    if (f != NULL) {
        fclose(f);
    }
    buf[n] = '\0';
    return n;
}

/* The number after `key` at the beginning of a line of a /proc file. */
static double number_of(int pid, const char *file, const char *key)
{
    char buf[8192];

    slurp(pid, file, buf, sizeof(buf));
    for (char *p = buf; (p = strstr(p, key)) != NULL; p++) {
        if (p == buf || p[-1] == '\n') {
            return strtod(p + strlen(key), NULL);
        }
    }
    return 0;
}

/* Adds CPU time and context switches of all threads: nanoseconds of the scheduler, not ticks. */
static void add_threads(int pid, struct usage *u)
{
    char path[64], file[300], buf[128];
    struct dirent *e;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *d = opendir(path);
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(file, sizeof(file), "task/%s/schedstat", e->d_name);
            slurp(pid, file, buf, sizeof(buf));
            u->cpu_ms += strtod(buf, NULL) / 1e6;
            snprintf(file, sizeof(file), "task/%s/status", e->d_name);
            u->wakeups += number_of(pid, file, "voluntary_ctxt_switches:");
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

/* Is it a process of the kind? tmux by name; ours by executable, and by name what it starts. */
static bool is_measured(int pid, const char *muthr, bool ours)
{
    char path[64], buf[512];

    slurp(pid, "comm", buf, sizeof(buf));
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
static bool is_below(int pid, const char *home)
{
    static char env[1 << 16];

    for (int depth = 0; pid > 1 && depth < 12; depth++) {
        size_t n = slurp(pid, "environ", env, sizeof(env));

        if (memmem(env, n, home, strlen(home)) != NULL) {
            return true;
        }
        pid = (int)number_of(pid, "status", "PPid:");
    }
    return false;
}

void proc_set_find(struct proc_set *s, const char *home, const char *muthr, bool ours)
{
    DIR *d = opendir("/proc");
    struct dirent *e;

    s->n = 0;
    while (d != NULL && (e = readdir(d)) != NULL && s->n < USAGE_PROCS) {
        int pid = (int)strtol(e->d_name, NULL, 10);

        if (pid > 0 && is_measured(pid, muthr, ours) && is_below(pid, home)) {
            s->pid[s->n++] = pid;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

/* The process's first argument. */
static void verb_of(int pid, char *verb, size_t cap)
{
    char buf[512];
    size_t n = slurp(pid, "cmdline", buf, sizeof(buf)), at = strlen(buf) + 1;

    snprintf(verb, cap, "%s", at < n ? buf + at : "");
}

struct usage proc_set_usage(const struct proc_set *s, bool memory)
{
    struct usage u = {.procs = s->n};

    for (int i = 0; i < s->n; i++) {
        char verb[64];

        add_threads(s->pid[i], &u);
        if (memory) {
            double pss = number_of(s->pid[i], "smaps_rollup", "Pss:");

            verb_of(s->pid[i], verb, sizeof(verb));
            u.pss_kib += pss;
            u.host_kib += strcmp(verb, "host") == 0 ? pss : 0;
            u.relay_kib += strcmp(verb, "enter") == 0 ? pss : 0;
            u.cockpit_kib += strcmp(verb, "attach") == 0 ? pss : 0;
        }
    }
    return u;
}

struct usage usage_minus(struct usage b, struct usage a)
{
    b.cpu_ms -= a.cpu_ms;
    b.wakeups -= a.wakeups;
    return b;
}
