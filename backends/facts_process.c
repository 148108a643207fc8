/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/cgroup.h"
#include "core/util/paths.h"

#define NO_LIMIT UINT64_MAX

/* --- who it is, and what it may --- */

/* The inside uid that `outside` is, from /proc/PID/uid_map; own: the map is not the host's own. */
static unsigned inner_uid(const char *map, unsigned outside, bool *own)
{
    unsigned in, out, count, found = outside;
    *own = false;
    for (const char *p = map; *p; p = strchr(p, '\n') + 1) {
        if (sscanf(p, "%u %u %u", &in, &out, &count) == 3) {
            *own = *own || in != 0 || out != 0 || count != 4294967295u;
            found = outside >= out && outside - out < count ? in + (outside - out) : found;
        }
        if (!strchr(p, '\n')) {
            break;
        }
    }
    return found;
}

static void add_user(struct facts *f, const char *map, const struct facts_status *st)
{
    bool own;
    unsigned inside = inner_uid(map, st->uid, &own);
    facts_add(f, st->uid == 0 ? ISOLATION_WEAKER : ISOLATION_OK, "user", "not root on the host",
              "uid %u inside is uid %u on the host (%s)", inside, st->uid,
              own ? "user namespace of its own" : "no user namespace");
}

static void add_rights(struct facts *f, const struct facts_status *st)
{
    char effective[512], bounding[512];
    uint64_t bad = (st->effective | st->bounding) & facts_capabilities_forbidden();
    facts_capability_names(st->effective, effective, sizeof(effective));
    facts_capability_names(st->bounding, bounding, sizeof(bounding));
    if (st->effective == st->bounding) {
        facts_add(f, bad ? ISOLATION_WEAKER : ISOLATION_OK, "capabilities", "none that reach the host", "%s",
                  effective);
    } else {
        facts_add(f, bad ? ISOLATION_WEAKER : ISOLATION_OK, "capabilities", "none that reach the host",
                  "%s; bounding set: %s", effective, bounding);
    }
    if (st->seccomp == 2) {
        facts_add(f, ISOLATION_OK, "seccomp", "filter", "filter (%u)", st->filters);
    } else {
        facts_add(f, st->seccomp ? ISOLATION_OK : ISOLATION_WEAKER, "seccomp", "filter", "%s",
                  st->seccomp ? "strict" : "off: every system call");
    }
    facts_add(f, st->no_new_privs ? ISOLATION_OK : ISOLATION_WEAKER, "no-new-privileges", "yes", "%s",
              st->no_new_privs ? "yes" : "no: setuid programs work");
    facts_add(f, st->own_pids ? ISOLATION_OK : ISOLATION_WEAKER, "processes", "only its own", "%s",
              st->own_pids ? "pid namespace of its own" : "sees the host's processes");
}

/* --- network --- */

/* 1: another namespace than ours, 0: the same, -1: not to be seen. */
static int own_namespace(int pid, const char *kind)
{
    char path[64], theirs[64], ours[64];
    str_format(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
    ssize_t n = readlink(path, theirs, sizeof(theirs));
    str_format(path, sizeof(path), "/proc/self/ns/%s", kind);
    ssize_t m = readlink(path, ours, sizeof(ours));
    return n <= 0 || m <= 0 ? -1 : n != m || memcmp(theirs, ours, (size_t)n) != 0;
}

/* own: the namespace is not the machine's (own_namespace). */
static void add_network(struct facts *f, const struct facts_net *net, int own, const struct sandbox_spec *spec)
{
    static const char *const wishes[] = {
        [NET_NONE] = "none",
        [NET_FULL] = "a network of its own",
        [NET_SHARED] = "the host's",
        [NET_MODEL] = "the inference server only",
    };
    const char *wanted = spec ? wishes[spec->net_after] : "";
    if (own == 0) {
        bool asked = spec && spec->net_after == NET_SHARED;
        facts_add(f, asked ? ISOLATION_OK : ISOLATION_WEAKER, "network", wanted,
                  "the host's own network, with all that listens on it");
        return;
    }
    enum isolation_verdict verdict = !spec                         ? ISOLATION_INFO
                                     : spec->net_after == NET_NONE ? net->interfaces ? ISOLATION_WEAKER : ISOLATION_OK
                                     : spec->net_after == NET_MODEL
                                         ? net->default_route ? ISOLATION_WEAKER : ISOLATION_OK
                                         : ISOLATION_OK;
    if (!net->interfaces) {
        facts_add(f, verdict, "network", wanted, "none: only the loopback device");
    } else {
        facts_add(f, verdict, "network", wanted, "%s, %s%s", net->names,
                  net->default_route ? "with a way out" : "no route out: only its own segment",
                  own < 0 ? " (namespace not to be seen)" : "");
    }
}

/* --- mounts --- */

struct mount_line {
    char target[512], options[128], type[32];
};

/* One line of mountinfo; spaces stand there as \040. */
static bool parse_mount(const char *line, size_t len, struct mount_line *m)
{
    char text[2048];
    str_format(text, sizeof(text), "%.*s", (int)MT_MIN(len, sizeof(text) - 1), line);
    const char *tail = strstr(text, " - ");
    if (!tail || sscanf(text, "%*s %*s %*s %*s %511s %127s", m->target, m->options) != 2 ||
        sscanf(tail, " - %31s", m->type) != 1) {
        return false;
    }
    char *to = m->target;
    for (const char *p = m->target; *p; to++) {
        unsigned byte;
        if (p[0] == '\\' && sscanf(p + 1, "%3o", &byte) == 1) {
            *to = (char)byte;
            p += 4;
        } else {
            *to = *p++;
        }
    }
    *to = '\0';
    return true;
}

/* File systems that show nothing of the host's disks. */
static bool is_virtual(const char *type)
{
    static const char *const types[] = {"proc",   "sysfs",   "tmpfs", "devpts",  "mqueue",
                                        "cgroup", "cgroup2", "ramfs", "devtmpfs"};
    for (size_t i = 0; i < MT_ARRAY_LEN(types); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_read_only(const struct mount_line *m)
{
    return strncmp(m->options, "ro", 2) == 0 && (m->options[2] == ',' || m->options[2] == '\0');
}

static bool is_listed(const char *const *list, const char *target)
{
    for (size_t i = 0; list && list[i]; i++) {
        if (strcmp(list[i], target) == 0) {
            return true;
        }
    }
    return false;
}

/* What was asked for at a target: 1 writable, 0 read-only, -1 nothing. */
static int wanted_mount(const struct facts_subject *s, const char *target)
{
    if (is_listed(s->own_mounts, target)) {
        return 1;
    }
    for (size_t i = 0; s->spec && i < s->spec->mount_count; i++) {
        if (strcmp(s->spec->mounts[i].target, target) == 0) {
            return !s->spec->mounts[i].read_only;
        }
    }
    return s->spec && s->spec->workspace_mount && strcmp(s->spec->workspace_mount, target) == 0 ? 1 : -1;
}

/* An overlay workspace: the view must be one, or the project itself is written to. True when that was the question. */
static bool add_view(struct facts *f, const struct mount_line *m, const struct facts_subject *s)
{
    char name[40];
    if (!s->spec || s->spec->workspace_mode != WORKSPACE_OVERLAY || !s->spec->workspace_mount ||
        strcmp(s->spec->workspace_mount, m->target) != 0) {
        return false;
    }
    bool view = strcmp(m->type, "overlay") == 0 || strncmp(m->type, "fuse", 4) == 0;
    str_format(name, sizeof(name), "mount %s", m->target);
    facts_add(f, view ? ISOLATION_OK : ISOLATION_WEAKER, name, "copy-on-write", "%s (%s)",
              view ? "copy-on-write" : "the project folder itself", m->type);
    return true;
}

static void add_mount(struct facts *f, const struct mount_line *m, const struct facts_subject *s,
                      struct strbuf *read_only)
{
    char name[40];
    if (add_view(f, m, s)) {
        return;
    }
    int wanted = wanted_mount(s, m->target);
    bool ro = is_read_only(m);
    if (ro && wanted < 0) {
        strbuf_addf(read_only, "%s%s", read_only->len ? ", " : "", m->target);
        return;
    }
    bool weaker = !ro && wanted != 1 && (s->spec || wanted == 0);
    str_format(name, sizeof(name), "mount %s", m->target);
    facts_add(f,
              weaker    ? ISOLATION_WEAKER
              : s->spec ? ISOLATION_OK
                        : ISOLATION_INFO,
              name,
              wanted == 1   ? "writable"
              : wanted == 0 ? "read-only"
              : s->spec     ? "not there"
                            : "",
              "%s (%s)", ro ? "read-only" : "writable", m->options);
}

/* The last line of a target counts: it lies on top. */
static bool is_covered(const char *rest, const char *target)
{
    struct mount_line m;
    for (const char *p = rest; *p;) {
        size_t len = strcspn(p, "\n");
        if (parse_mount(p, len, &m) && strcmp(m.target, target) == 0) {
            return true;
        }
        p += len + (p[len] != '\0');
    }
    return false;
}

void facts_mounts(struct facts *f, const char *mountinfo, const struct facts_subject *s)
{
    MT_CLEANUP(strbuf) struct strbuf read_only = STRBUF_INIT;
    struct mount_line m;
    bool root = false;
    for (const char *p = mountinfo; *p;) {
        size_t len = strcspn(p, "\n");
        const char *rest = p + len + (p[len] != '\0');
        bool good = parse_mount(p, len, &m) && !is_covered(rest, m.target);
        p = rest;
        if (!good) {
            continue;
        }
        if (strcmp(m.target, "/") == 0) {
            bool writable_ok = s->spec && s->spec->writable_root;
            root = true;
            facts_add(f, is_read_only(&m) || writable_ok ? ISOLATION_OK : ISOLATION_WEAKER, "root filesystem",
                      writable_ok ? "writable" : "read-only", "%s (%s)", is_read_only(&m) ? "read-only" : "writable",
                      m.type);
        } else if (!is_virtual(m.type) && !is_listed(s->passed_over, m.target) && !path_is_below(m.target, "/proc") &&
                   !path_is_below(m.target, "/sys")) {
            add_mount(f, &m, s, &read_only);
        }
    }
    if (!root) {
        facts_add(f, ISOLATION_UNKNOWN, "root filesystem", "read-only", "not in the list of mounts");
    }
    if (read_only.len) {
        facts_add(f, ISOLATION_INFO, "host, read-only", "", "%s", read_only.buf);
    }
}

/* --- limits --- */

/* The first number of a file, or the second one for `second`; "max" and -1 are no limit. */
static uint64_t read_number(const char *dir, const char *name, bool second)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char path[600];
    str_format(path, sizeof(path), "%s/%s", dir, name);
    if (!facts_read_file(path, &text)) {
        return NO_LIMIT;
    }
    const char *p = second && strchr(text.buf, ' ') ? strchr(text.buf, ' ') + 1 : text.buf;
    return *p >= '0' && *p <= '9' ? strtoull(p, NULL, 10) : NO_LIMIT;
}

struct group_limits {
    uint64_t memory_bytes, pids, cpu_milli; /* NO_LIMIT: none */
};

/* A v1 memory limit of "none" is a number near 2^63. */
static void read_v1(const char *mountinfo, const char *cgroup, struct group_limits *l)
{
    char dir[512];
    if (cgroup_find(mountinfo, cgroup, "memory", dir, sizeof(dir)) == 0) {
        uint64_t n = read_number(dir, "memory.limit_in_bytes", false);
        l->memory_bytes = n < 1ull << 60 ? n : NO_LIMIT;
    }
    if (cgroup_find(mountinfo, cgroup, "pids", dir, sizeof(dir)) == 0) {
        l->pids = read_number(dir, "pids.max", false);
    }
    if (cgroup_find(mountinfo, cgroup, "cpu", dir, sizeof(dir)) == 0) {
        uint64_t quota = read_number(dir, "cpu.cfs_quota_us", false),
                 period = read_number(dir, "cpu.cfs_period_us", false);
        l->cpu_milli = quota != NO_LIMIT && period && period != NO_LIMIT ? quota * 1000 / period : NO_LIMIT;
    }
}

/* In v2 the tightest of the group and all above it holds. */
static void read_v2(const char *mountinfo, const char *cgroup, struct group_limits *l)
{
    char dir[512];
    if (cgroup_find(mountinfo, cgroup, NULL, dir, sizeof(dir)) < 0) {
        return;
    }
    for (char *slash; strlen(dir) > 1; *slash = '\0') {
        uint64_t memory = read_number(dir, "memory.max", false), pids = read_number(dir, "pids.max", false),
                 quota = read_number(dir, "cpu.max", false), period = read_number(dir, "cpu.max", true);
        l->memory_bytes = MT_MIN(l->memory_bytes, memory);
        l->pids = MT_MIN(l->pids, pids);
        if (quota != NO_LIMIT && period && period != NO_LIMIT) {
            l->cpu_milli = MT_MIN(l->cpu_milli, quota * 1000 / period);
        }
        slash = strrchr(dir, '/');
        if (!slash) {
            break;
        }
    }
}

/* The part of "memory 2.0 GiB (watchdog), pids 512 (rlimit)" about one thing, unless it is by control group; that is
 * what was read. */
static bool other_means(const char *limits, const char *word, char *out, size_t cap)
{
    const char *p = limits ? strstr(limits, word) : NULL;
    if (!p || (p != limits && p[-1] != ' ')) {
        return false;
    }
    str_format(out, cap, "%.*s", (int)strcspn(p, ","), p);
    return !strstr(out, "cgroup") && !strstr(out, "scope") && !strstr(out, "not enforced");
}

struct limit_look {
    const char *name, *word;
    uint64_t wanted, actual; /* in one unit; wanted 0: nothing */
    char wanted_text[40], actual_text[40];
};

static void add_limit(struct facts *f, const struct limit_look *l, const struct facts_subject *s)
{
    char other[120];
    bool by_other = other_means(s->limits, l->word, other, sizeof(other));
    if (l->actual != NO_LIMIT) {
        /* Quotas are rounded down to whole microseconds, memory to pages. */
        bool holds = !l->wanted || l->actual <= l->wanted + l->wanted / 100;
        facts_add(f,
                  !holds      ? ISOLATION_WEAKER
                  : l->wanted ? ISOLATION_OK
                              : ISOLATION_INFO,
                  l->name, l->wanted ? l->wanted_text : "", "%s (cgroup)", l->actual_text);
    } else if (by_other) {
        facts_add(f, ISOLATION_OK, l->name, l->wanted ? l->wanted_text : "", "%s", other);
    } else {
        facts_add(f, l->wanted ? ISOLATION_WEAKER : ISOLATION_INFO, l->name, l->wanted ? l->wanted_text : "", "none");
    }
}

static void add_limits(struct facts *f, const struct facts_subject *s)
{
    MT_CLEANUP(strbuf) struct strbuf mountinfo = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf cgroup = STRBUF_INIT;
    struct group_limits have = {.memory_bytes = NO_LIMIT, .pids = NO_LIMIT, .cpu_milli = NO_LIMIT};
    char path[64];
    str_format(path, sizeof(path), "/proc/%d/cgroup", s->pid);
    if (!facts_read_file("/proc/self/mountinfo", &mountinfo) || !facts_read_file(path, &cgroup)) {
        facts_add(f, ISOLATION_UNKNOWN, "limits", "", "%s cannot be read", path);
        return;
    }
    read_v1(mountinfo.buf, cgroup.buf, &have);
    read_v2(mountinfo.buf, cgroup.buf, &have);
    const struct sandbox_spec *spec = s->spec;
    struct limit_look memory = {.name = "memory limit",
                                .word = "memory ",
                                .wanted = spec ? spec->memory_bytes : 0,
                                .actual = have.memory_bytes},
                      pids = {.name = "process limit",
                              .word = "pids ",
                              .wanted = spec ? spec->pids : 0,
                              .actual = have.pids},
                      cpus = {.name = "cpu limit",
                              .word = "cpus ",
                              .wanted = spec ? (uint64_t)(spec->cpus * 1000) : 0,
                              .actual = have.cpu_milli};
    cgroup_format_bytes(memory.wanted, memory.wanted_text, sizeof(memory.wanted_text));
    cgroup_format_bytes(memory.actual, memory.actual_text, sizeof(memory.actual_text));
    str_format(pids.wanted_text, sizeof(pids.wanted_text), "%llu", (unsigned long long)pids.wanted);
    str_format(pids.actual_text, sizeof(pids.actual_text), "%llu", (unsigned long long)pids.actual);
    str_format(cpus.wanted_text, sizeof(cpus.wanted_text), "%g", (double)cpus.wanted / 1000);
    str_format(cpus.actual_text, sizeof(cpus.actual_text), "%g", (double)cpus.actual / 1000);
    add_limit(f, &memory, s);
    add_limit(f, &pids, s);
    add_limit(f, &cpus, s);
}

/* Network first: it is what people ask for. */
static void add_own_network(struct facts *f, const struct facts_subject *s)
{
    struct facts_net net;
    struct error err = ERROR_INIT;
    if (facts_read_net(s->pid, &net, &err) < 0) {
        facts_add(f, ISOLATION_UNKNOWN, "network", "", "%s", err.msg);
    } else {
        add_network(f, &net, own_namespace(s->pid, "net"), s->spec);
    }
}

void facts_of_process(struct facts *f, const struct facts_subject *s)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf map = STRBUF_INIT;
    struct facts_status st;
    char path[64];
    add_own_network(f, s);
    str_format(path, sizeof(path), "/proc/%d/uid_map", s->pid);
    bool mapped = facts_read_file(path, &map);
    str_format(path, sizeof(path), "/proc/%d/status", s->pid);
    if (mapped && facts_read_file(path, &text) && facts_parse_status(text.buf, &st)) {
        add_user(f, map.buf, &st);
        add_rights(f, &st);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "user", "not root on the host", "%s cannot be read", path);
        facts_add(f, ISOLATION_UNKNOWN, "capabilities", "", "%s cannot be read", path);
        facts_add(f, ISOLATION_UNKNOWN, "seccomp", "filter", "%s cannot be read", path);
    }
    strbuf_clear(&text);
    str_format(path, sizeof(path), "/proc/%d/mountinfo", s->pid);
    if (facts_read_file(path, &text)) {
        facts_mounts(f, text.buf, s);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "root filesystem", "read-only", "%s cannot be read", path);
    }
    add_limits(f, s);
}

/* --- from inside --- */

const char *const facts_inside_files[] = {"/proc/1/status",
                                          "/proc/self/uid_map",
                                          "/proc/self/mountinfo",
                                          "/proc/self/net/dev",
                                          "/proc/self/net/route",
                                          "/proc/self/net/ipv6_route",
                                          NULL};

/* Appends one section. False when it is not there. */
static bool section(const char *sections, const char *path, struct strbuf *out)
{
    char head[80];
    str_format(head, sizeof(head), "==> %s <==\n", path);
    const char *from = strstr(sections, head);
    if (!from) {
        return false;
    }
    from += strlen(head);
    const char *end = strstr(from, "==> /proc/");
    strbuf_add(out, from, end ? (size_t)(end - from) : strlen(from));
    return true;
}

/* Who it is there: uid 0 is root only where no user namespace and no rootless runtime stand between. */
static void add_user_inside(struct facts *f, const char *map, const struct facts_status *st, bool rootless)
{
    bool own;
    inner_uid(map, st->uid, &own);
    facts_add(f, st->uid == 0 && !own && !rootless ? ISOLATION_WEAKER : ISOLATION_OK, "user", "not root on the host",
              "uid %u inside (%s)", st->uid,
              rootless ? "the runtime there is rootless"
              : own    ? "user namespace of its own"
                       : "no user namespace");
}

void facts_of_inside(struct facts *f, const char *sections, const struct facts_subject *s, bool shares_net,
                     bool rootless)
{
    struct strbuf text[6] = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
    bool have[6] = {false};
    struct facts_status st;
    struct facts_net net;
    for (size_t i = 0; facts_inside_files[i]; i++) {
        have[i] = section(sections, facts_inside_files[i], &text[i]);
    }
    if (have[3] && have[4]) {
        facts_parse_net(text[3].buf, text[4].buf, text[5].buf, &net);
        add_network(f, &net, !shares_net, s->spec);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "network", "", "no program inside could read it");
    }
    if (have[0] && have[1] && facts_parse_status(text[0].buf, &st)) {
        st.own_pids = true; /* from inside only one number shows; the runtime says more */
        add_user_inside(f, text[1].buf, &st, rootless);
        add_rights(f, &st);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "capabilities", "", "no program inside could read them");
        facts_add(f, ISOLATION_UNKNOWN, "seccomp", "filter", "no program inside could read it");
    }
    if (have[2]) {
        facts_mounts(f, text[2].buf, s);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "root filesystem", "read-only", "no program inside could read it");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(text); i++) {
        strbuf_release(&text[i]);
    }
}
