/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/init/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is wanted of /proc/PID/stat. */
struct proc_stat {
    pid_t pid, session;
    char state;
    char name[16];
    uint64_t ticks; /* own and reaped children's */
    uint64_t resident_bytes;
};

/* Reads a small file of /proc whole; returns its length or -1. */
static ssize_t slurp(const char *path, char *buf, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    size_t len = 0;
    while (len + 1 < cap) {
        ssize_t n = read(fd, buf + len, cap - 1 - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    close(fd);
    buf[len] = '\0';
    return (ssize_t)len;
}

/* Parses /proc/PID/stat; the name may hold spaces and parentheses, so it ends at the last one. */
static int read_stat(pid_t pid, struct proc_stat *out)
{
    char path[64], buf[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (slurp(path, buf, sizeof(buf)) <= 0) {
        return -1;
    }
    char *open_paren = strchr(buf, '('), *close_paren = strrchr(buf, ')');
    if (!open_paren || !close_paren || close_paren < open_paren) {
        return -1;
    }
    *close_paren = '\0';
    out->pid = pid;
    snprintf(out->name, sizeof(out->name), "%s", open_paren + 1);
    int session = 0;
    unsigned long long utime = 0, stime = 0;
    long long cutime = 0, cstime = 0, rss = 0;
    int n = sscanf(close_paren + 1,
                   " %c %*d %*d %d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %*d %*d %*u %*u %lld",
                   &out->state, &session, &utime, &stime, &cutime, &cstime, &rss);
    if (n != 7) {
        return -1;
    }
    out->session = session;
    out->ticks = utime + stime + (uint64_t)(cutime > 0 ? cutime : 0) + (uint64_t)(cstime > 0 ? cstime : 0);
    out->resident_bytes = rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    return 0;
}

/* A field of /proc/PID/FILE in bytes ("Pss:"), 0 when it cannot be read. */
static uint64_t read_field(pid_t pid, const char *file, const char *name)
{
    char path[64], buf[4096], key[32];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    if (slurp(path, buf, sizeof(buf)) <= 0) {
        return 0;
    }
    snprintf(key, sizeof(key), "\n%s", name);
    const char *line = strstr(buf, key);
    return line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

pid_t procs_next(DIR *dir)
{
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9') {
            return (pid_t)strtol(e->d_name, NULL, 10);
        }
    }
    return 0;
}

int procs_signal_session(pid_t sid, int signum)
{
    DIR *dir = opendir("/proc");
    int count = 0;
    if (!dir) {
        return kill(-sid, signum) == 0;
    }
    for (pid_t pid; (pid = procs_next(dir)) != 0;) {
        struct proc_stat st;
        if (pid != 1 && read_stat(pid, &st) == 0 && st.session == sid && st.state != 'Z' && st.state != 'X') {
            kill(pid, signum);
            count++;
        }
    }
    closedir(dir);
    return count;
}

/* What one process has. */
struct weight {
    uint64_t own;    /* not shared, with what of shared memory is counted nowhere else */
    uint64_t shared; /* in shared_bytes already: its part, or what it holds open; of use only for finding the biggest */
};

/* Proportional sizes: pages that several processes share count once in the sum. */
static struct weight weigh(const struct proc_stat *st)
{
    uint64_t pss = read_field(st->pid, "smaps_rollup", "Pss:");
    uint64_t mapped = pss ? read_field(st->pid, "smaps_rollup", "Pss_Shmem:") : 0;
    uint64_t held = shared_memfds(st->pid), unnamed = mapped ? shared_unnamed(st->pid) : 0;
    unnamed = unnamed < mapped ? unnamed : mapped; /* looked at one after the other */
    mapped -= unnamed;
    /* Unreadable: the process hides; what it has resident is known all the same. */
    return (struct weight){.own = pss > mapped ? pss - mapped
                                  : pss        ? 0
                                               : st->resident_bytes,
                           .shared = mapped > held ? mapped : held};
}

static void name_kill(struct wire_stats *out, int pid, uint64_t bytes, const char *name)
{
    out->killed_pid = pid;
    out->killed_bytes = bytes;
    snprintf(out->killed_name, sizeof(out->killed_name), "%s", name);
}

/* Second look with proportional sizes. When they are above the limit too, the biggest goes: a process, or a System V
 * segment that nobody has attached, which would outlive all processes. */
static void enforce(DIR *dir, uint64_t limit_bytes, struct wire_stats *out)
{
    struct shared_segment idle;
    uint64_t total = shared_bytes(true, &idle);
    struct proc_stat biggest = {.pid = 0};
    rewinddir(dir);
    for (pid_t pid; (pid = procs_next(dir)) != 0;) {
        struct proc_stat st;
        if (pid == 1 || read_stat(pid, &st) < 0) {
            continue;
        }
        struct weight w = weigh(&st);
        total += w.own;
        if (w.own + w.shared > biggest.resident_bytes) {
            biggest = st;
            biggest.resident_bytes = w.own + w.shared;
        }
    }
    if (total <= limit_bytes) {
        return;
    }
    if (idle.id >= 0 && idle.bytes > biggest.resident_bytes && shared_remove(&idle) == 0) {
        name_kill(out, -1, idle.bytes, "SysV memory");
    } else if (biggest.pid > 1 && kill(biggest.pid, SIGKILL) == 0) {
        name_kill(out, biggest.pid, biggest.resident_bytes, biggest.name);
    }
}

/* Shared memory that is in nobody's resident set: at the least what is not mapped at all. */
static uint64_t unmapped(DIR *dir, uint64_t shared)
{
    uint64_t mapped = 0;
    if (shared == 0) {
        return 0;
    }
    rewinddir(dir);
    for (pid_t pid; (pid = procs_next(dir)) != 0;) {
        mapped += read_field(pid, "status", "RssShmem:");
    }
    return shared > mapped ? shared - mapped : 0;
}

void procs_stats(uint64_t limit_bytes, struct wire_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->type = WIRE_STATS;
    DIR *dir = opendir("/proc");
    if (!dir) {
        return;
    }
    uint64_t ticks = 0;
    for (pid_t pid; (pid = procs_next(dir)) != 0;) {
        struct proc_stat st;
        if (read_stat(pid, &st) < 0) {
            continue;
        }
        /* Process 1 counts too: the time of orphans that it reaped is nowhere else. */
        ticks += st.ticks;
        out->resident_bytes += st.resident_bytes;
        out->procs += pid != 1;
    }
    out->cpu_ns = ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
    struct shared_segment idle;
    uint64_t shared = shared_bytes(false, &idle), most = out->resident_bytes + shared;
    out->resident_bytes += unmapped(dir, shared);
    if (limit_bytes && most > limit_bytes) { /* mapped shared memory is in there twice: the second look decides */
        enforce(dir, limit_bytes, out);
    }
    closedir(dir);
}

/* Counts the interfaces besides lo. */
static uint32_t count_interfaces(void)
{
    char buf[16384];
    uint32_t count = 0;
    if (slurp("/proc/net/dev", buf, sizeof(buf)) <= 0) {
        return UINT32_MAX; /* unknown must never read as sealed */
    }
    char *save = NULL;
    for (char *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        while (*line == ' ') {
            line++;
        }
        if (strchr(line, ':') && strncmp(line, "lo:", 3) != 0) {
            count++;
        }
    }
    return count;
}

void procs_net(struct wire_net *out)
{
    char buf[16384];
    memset(out, 0, sizeof(*out));
    out->type = WIRE_NET;
    out->interfaces = count_interfaces();
    char *save = NULL;
    if (slurp("/proc/net/route", buf, sizeof(buf)) > 0) {
        for (char *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            char name[32] = "";
            unsigned long dest = 1, mask = 1;
            if (sscanf(line, "%31s %lx %*x %*x %*d %*d %*d %lx", name, &dest, &mask) == 3 && dest == 0 && mask == 0) {
                out->default_route = 1;
            }
        }
    }
    if (slurp("/proc/net/ipv6_route", buf, sizeof(buf)) > 0) {
        for (char *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            char dest[33] = "", name[32] = "";
            unsigned prefix = 1;
            /* The kernel's own unreachable default stands on lo. */
            if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %*s %31s", dest, &prefix, name) == 3 && prefix == 0 &&
                strspn(dest, "0") == 32 && strcmp(name, "lo") != 0) {
                out->default_route = 1;
            }
        }
    }
}
