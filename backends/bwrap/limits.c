/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/cgroup.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

static const char *const controllers[LIMITS_COUNT] = {"memory", "pids", "cpu"};

/* Reads a file of /proc or /sys, which have no size. */
static bool read_text(const char *path, struct strbuf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buf[4096];
    ssize_t n;
    if (fd < 0) {
        return false;
    }
    while ((n = read(fd, buf, sizeof(buf))) > 0 && out->len < 1u << 20) {
        strbuf_add(out, buf, (size_t)n);
    }
    close(fd);
    return true;
}

static bool write_file(const char *dir, const char *name, const char *fmt, unsigned long long value)
{
    char path[512], text[64];
    str_format(path, sizeof(path), "%s/%s", dir, name);
    /* The formats are literals of this file. */
    int len = snprintf(text, sizeof(text), strcmp(fmt, "quota") == 0 ? "%llu 100000" : "%llu", value);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, (size_t)len) == len;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* --- version 2 --- */

/* True when the folder has all three controllers for its children, switching them on where that is possible. */
static bool delegate(const char *dir)
{
    MT_CLEANUP(strbuf) struct strbuf have = STRBUF_INIT;
    char path[512];
    str_format(path, sizeof(path), "%s/cgroup.subtree_control", dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = write(fd, "+memory +pids +cpu", 18);
        (void)n; /* what counts is what is on afterwards */
        close(fd);
    }
    return read_text(path, &have) && strstr(have.buf, "memory") && strstr(have.buf, "pids");
}

/* A group below the root's muthr (as root) or beside our own (delegated). Processes may not live in a group with
 * controllers for its children, so our own group is no parent. */
static bool make_v2(const char *point, const char *own, const char *id, bool as_root, char *out, size_t cap)
{
    char parent[256];
    if (as_root) {
        str_format(parent, sizeof(parent), "%s/muthr", point);
        if (!delegate(point) || (mkdir(parent, 0755) < 0 && errno != EEXIST)) {
            return false;
        }
    } else {
        str_format(parent, sizeof(parent), "%s", own);
        char *slash = strrchr(parent, '/');
        if (!slash || strlen(parent) <= strlen(point)) {
            return false;
        }
        *slash = '\0';
    }
    if (!delegate(parent)) {
        return false;
    }
    str_format(out, cap, "%s/muthr-%s", parent, id);
    return mkdir(out, 0755) == 0 || errno == EEXIST;
}

static void apply_v2(struct limits *l, const struct sandbox_spec *spec, const char *dir)
{
    l->v2 = true;
    if (spec->memory_bytes && write_file(dir, "memory.max", "", spec->memory_bytes)) {
        l->by_group[LIMITS_MEMORY] = true;
        write_file(dir, "memory.swap.max", "", 0);
    }
    l->by_group[LIMITS_PIDS] = spec->pids && write_file(dir, "pids.max", "", spec->pids);
    l->by_group[LIMITS_CPU] =
        spec->cpus > 0 && write_file(dir, "cpu.max", "quota", (unsigned long long)(spec->cpus * 100000));
    str_copy(l->groups[0], sizeof(l->groups[0]), dir);
}

/* --- version 1 --- */

static void apply_v1(struct limits *l, const struct sandbox_spec *spec, const char *mountinfo, const char *cgroup,
                     const char *id)
{
    const bool wanted[LIMITS_COUNT] = {spec->memory_bytes > 0, spec->pids > 0, spec->cpus > 0};
    for (int i = 0; i < LIMITS_COUNT; i++) {
        char own[256], dir[256];
        if (!wanted[i] || cgroup_find(mountinfo, cgroup, controllers[i], own, sizeof(own)) < 0 ||
            str_format(dir, sizeof(dir), "%s/muthr-%s", own, id) < 0 || (mkdir(dir, 0755) < 0 && errno != EEXIST)) {
            continue;
        }
        bool ok = false;
        if (i == LIMITS_MEMORY) {
            ok = write_file(dir, "memory.limit_in_bytes", "", spec->memory_bytes);
            write_file(dir, "memory.memsw.limit_in_bytes", "", spec->memory_bytes);
        } else if (i == LIMITS_PIDS) {
            ok = write_file(dir, "pids.max", "", spec->pids);
        } else {
            write_file(dir, "cpu.cfs_period_us", "", 100000);
            ok = write_file(dir, "cpu.cfs_quota_us", "", (unsigned long long)(spec->cpus * 100000));
        }
        if (ok) {
            l->by_group[i] = true;
            str_copy(l->groups[i], sizeof(l->groups[i]), dir);
        } else {
            rmdir(dir);
        }
    }
}

/* --- a scope of the user's systemd --- */

/* True when a file of the folder holds a number: "max" is no limit. */
static bool is_limited(const char *dir, const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char path[512];
    str_format(path, sizeof(path), "%s/%s", dir, name);
    return read_text(path, &text) && text.buf[0] >= '0' && text.buf[0] <= '9';
}

/* What the scope that we were started in really limits. */
static void read_scope(struct limits *l, const struct sandbox_spec *spec, const char *mountinfo, const char *cgroup)
{
    if (cgroup_find(mountinfo, cgroup, NULL, l->scope, sizeof(l->scope)) < 0) {
        l->scope[0] = '\0';
        return;
    }
    l->v2 = true;
    l->by_group[LIMITS_MEMORY] = spec->memory_bytes && is_limited(l->scope, "memory.max");
    l->by_group[LIMITS_PIDS] = spec->pids && is_limited(l->scope, "pids.max");
    l->by_group[LIMITS_CPU] = spec->cpus > 0 && is_limited(l->scope, "cpu.max");
}

void limits_scope_argv(const struct sandbox_spec *spec, const char *unit, bool oom_continue, const char *const *command,
                       struct strvec *out)
{
    strvec_pushl(out, "systemd-run", "--user", "--scope", "--quiet", "--collect", NULL);
    strvec_pushf(out, "--unit=%s", unit);
    if (spec->memory_bytes) {
        strvec_push(out, "-p");
        strvec_pushf(out, "MemoryMax=%llu", (unsigned long long)spec->memory_bytes);
        strvec_pushl(out, "-p", "MemorySwapMax=0", NULL);
    }
    if (spec->pids) {
        strvec_push(out, "-p");
        strvec_pushf(out, "TasksMax=%u", spec->pids);
    }
    if (spec->cpus > 0) {
        strvec_push(out, "-p");
        strvec_pushf(out, "CPUQuota=%u%%", (unsigned)(spec->cpus * 100 + 0.5));
    }
    if (oom_continue) {
        strvec_pushl(out, "-p", "OOMPolicy=continue", NULL);
    }
    strvec_push(out, "--");
    strvec_pushv(out, command);
}

bool limits_want_scope(const struct sandbox_spec *spec)
{
    char text[160], path[512];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool firm = false;
    if (geteuid() == 0 || !runtime || !(spec->memory_bytes || spec->pids || spec->cpus > 0)) {
        return false;
    }
    str_format(path, sizeof(path), "%s/systemd/private", runtime);
    if (access(path, F_OK) < 0) {
        return false;
    }
    limits_describe(false, text, sizeof(text), &firm);
    return !firm;
}

/* --- all of them --- */

/* "memory 2.0 GiB (cgroup), pids 512 (rlimit), cpus 2 (affinity)" */
static void describe(struct limits *l, const struct sandbox_spec *spec, bool as_root)
{
    char size[32];
    const char *group = l->scope[0] ? "systemd scope" : "cgroup";
    struct strbuf text = STRBUF_INIT, missing = STRBUF_INIT;
    if (spec->memory_bytes) {
        cgroup_format_bytes(spec->memory_bytes, size, sizeof(size));
        strbuf_addf(&text, "memory %s (%s)", size, l->by_group[LIMITS_MEMORY] ? group : "watchdog");
        strbuf_addstr(&missing, l->by_group[LIMITS_MEMORY] ? "" : "memory (only watched, may overshoot)");
    }
    if (spec->pids) {
        bool none = as_root && !l->by_group[LIMITS_PIDS];
        strbuf_addf(&text, "%spids %u (%s)", text.len ? ", " : "", spec->pids,
                    l->by_group[LIMITS_PIDS] ? group
                    : none                   ? "not enforced"
                                             : "rlimit");
        strbuf_addf(&missing, "%s%s", missing.len && none ? ", " : "", none ? "pids" : "");
    }
    if (spec->cpus > 0) {
        strbuf_addf(&text, "%scpus %g (%s)", text.len ? ", " : "", spec->cpus,
                    l->by_group[LIMITS_CPU] ? group : "affinity");
        strbuf_addf(&missing, "%s%s", missing.len && !l->by_group[LIMITS_CPU] ? ", " : "",
                    l->by_group[LIMITS_CPU] ? "" : "cpus (whole processors only)");
    }
    str_copy(l->text, sizeof(l->text), text.buf);
    str_copy(l->missing, sizeof(l->missing), missing.buf);
    strbuf_release(&text);
    strbuf_release(&missing);
}

void limits_prepare(struct limits *l, const struct sandbox_spec *spec, const char *id, bool as_root)
{
    MT_CLEANUP(strbuf) struct strbuf mountinfo = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf cgroup = STRBUF_INIT;
    char point[256], own[256], dir[256];
    memset(l, 0, sizeof(*l));
    if (read_text("/proc/self/mountinfo", &mountinfo) && read_text("/proc/self/cgroup", &cgroup)) {
        if (getenv(LIMITS_SCOPE_ENV)) {
            read_scope(l, spec, mountinfo.buf, cgroup.buf);
        } else if (cgroup_mount_point(mountinfo.buf, NULL, point, sizeof(point)) &&
                   cgroup_find(mountinfo.buf, cgroup.buf, NULL, own, sizeof(own)) == 0 &&
                   make_v2(point, own, id, as_root, dir, sizeof(dir))) {
            apply_v2(l, spec, dir);
        } else {
            apply_v1(l, spec, mountinfo.buf, cgroup.buf, id);
        }
    }
    l->watch_bytes = spec->memory_bytes && !l->by_group[LIMITS_MEMORY] ? spec->memory_bytes : 0;
    /* Our own init counts too. For root it is not enforced by the kernel. */
    l->nproc = spec->pids && !as_root ? spec->pids + 1 : 0;
    l->affinity = spec->cpus > 0 && !l->by_group[LIMITS_CPU] ? (unsigned)(spec->cpus + 0.999) : 0;
    describe(l, spec, as_root);
}

void limits_join(struct limits *l, pid_t pid)
{
    for (int i = 0; i < LIMITS_COUNT; i++) {
        if (l->groups[i][0] && !write_file(l->groups[i], "cgroup.procs", "", (unsigned long long)pid)) {
            log_warn("cannot put the sandbox into %s: %s", l->groups[i], strerror(errno));
            str_format(l->missing, sizeof(l->missing), "%s", controllers[i]);
        }
    }
    cpu_set_t all, some;
    if (l->affinity && sched_getaffinity(0, sizeof(all), &all) == 0) {
        unsigned left = l->affinity;
        CPU_ZERO(&some);
        for (int cpu = 0; cpu < CPU_SETSIZE && left > 0; cpu++) {
            if (CPU_ISSET(cpu, &all)) {
                CPU_SET(cpu, &some);
                left--;
            }
        }
        sched_setaffinity(pid, sizeof(some), &some);
    }
}

uint64_t limits_oom_kills(const struct limits *l)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    char path[512];
    unsigned long long n = 0;
    if (!l->by_group[LIMITS_MEMORY]) {
        return 0;
    }
    str_format(path, sizeof(path), "%s/%s", l->scope[0] ? l->scope : l->groups[0],
               l->v2 ? "memory.events" : "memory.oom_control");
    read_text(path, &b);
    const char *line = strstr(b.buf, "oom_kill ");
    return line && sscanf(line, "oom_kill %llu", &n) == 1 ? n : 0;
}

int limits_oom_watch(const struct limits *l, int *keep)
{
    char path[512], text[64];
    *keep = -1;
    if (!l->by_group[LIMITS_MEMORY]) {
        return -1;
    }
    if (l->v2) {
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        str_format(path, sizeof(path), "%s/memory.events", l->scope[0] ? l->scope : l->groups[0]);
        if (fd >= 0) {
            inotify_add_watch(fd, path, IN_MODIFY);
        }
        return fd;
    }
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    str_format(path, sizeof(path), "%s/memory.oom_control", l->groups[0]);
    *keep = open(path, O_RDONLY | O_CLOEXEC);
    str_format(path, sizeof(path), "%s/cgroup.event_control", l->groups[0]);
    int control = open(path, O_WRONLY | O_CLOEXEC);
    int len = snprintf(text, sizeof(text), "%d %d", event, *keep);
    if (control >= 0) {
        ssize_t n = write(control, text, (size_t)len);
        (void)n; /* without it the reason is found when the sandbox is next looked at */
        close(control);
    }
    return event;
}

void limits_remove(char groups[][256], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* Only what is ours by name: the path comes from a file. */
        const char *base = strrchr(groups[i], '/');
        if (base && strncmp(base, "/muthr-", 7) == 0 && rmdir(groups[i]) < 0 && errno != ENOENT) {
            log_warn("cannot remove %s: %s", groups[i], strerror(errno));
        }
    }
}

void limits_describe(bool as_root, char *out, size_t cap, bool *firm)
{
    struct sandbox_spec spec = {.memory_bytes = 1ull << 30, .pids = 512, .cpus = 1};
    struct limits l;
    char id[32];
    str_format(id, sizeof(id), "probe-%d", (int)getpid());
    limits_prepare(&l, &spec, id, as_root);
    limits_remove(l.groups, LIMITS_COUNT);
    *firm = l.missing[0] == '\0';
    str_format(out, cap, "memory: %s, pids: %s, cpus: %s", l.by_group[LIMITS_MEMORY] ? "cgroup" : "watchdog",
               l.by_group[LIMITS_PIDS] ? "cgroup"
               : as_root               ? "not enforced for root"
                                       : "rlimit",
               l.by_group[LIMITS_CPU] ? "cgroup" : "affinity");
}
