/* SPDX-License-Identifier: Apache-2.0 */
/* Linux only: processes in namespaces of their own stand for the virtual machine and what runs in it. As root the users
 * inside are real; as an ordinary user there is one only, who is root inside. */
#include "tests/play/container/standin.h"

#if defined(__linux__)
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/facts.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* What a container has since 0.12 when nothing is said: the usual fourteen of OCI runtimes. */
#define USUAL_CAPABILITIES 0xa80425fbULL

pid_t place_fork(bool network, int go[2])
{
    unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
    if (geteuid() != 0) {
        flags |= CLONE_NEWUSER;
    }
    if (!network) {
        flags |= CLONE_NEWNET;
    }
    if (pipe2(go, O_CLOEXEC) != 0) {
        return -1;
    }
    return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
}

void place_wait(int go[2])
{
    char c;
    close(go[1]);
    while (read(go[0], &c, 1) < 0 && errno == EINTR) {
    }
    close(go[0]);
}

/* Writes a short file of /proc. */
static void put_proc(pid_t pid, const char *file, const char *text)
{
    char path[64];
    str_format(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, text, strlen(text)) < 0) {
            perror(path);
        }
        close(fd);
    }
}

void place_go(pid_t pid, int go[2])
{
    char map[48];
    if (geteuid() != 0) {
        put_proc(pid, "setgroups", "deny");
        str_format(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
        put_proc(pid, "uid_map", map);
        str_format(map, sizeof(map), "0 %u 1", (unsigned)getegid());
        put_proc(pid, "gid_map", map);
    }
    close(go[0]);
    close(go[1]);
}

/* A device of the host's, as a file to be mounted upon. */
static void bind_device(const char *dev, const char *name)
{
    char *from = xasprintf("/dev/%s", name), *to = xasprintf("%s/%s", dev, name);
    int fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0) {
        close(fd);
        mount(from, to, NULL, MS_BIND, NULL);
    }
    free(from);
    free(to);
}

static void make_dev(const char *rootfs, const struct json *config)
{
    static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
    char *dev = xasprintf("%s/dev", rootfs), *pts = xasprintf("%s/pts", dev), *shm = xasprintf("%s/shm", dev);
    char *ptmx = xasprintf("%s/ptmx", dev), options[64] = "mode=1777";
    int64_t shm_size = json_get_int(config, "shmSize", 0);
    mkdir(dev, 0755);
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755");
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        bind_device(dev, names[i]);
    }
    mkdir(pts, 0755);
    mkdir(shm, 01777);
    mount("devpts", pts, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
    if (shm_size > 0) {
        str_format(options, sizeof(options), "mode=1777,size=%lld", (long long)shm_size);
    }
    mount("shm", shm, "tmpfs", MS_NOSUID | MS_NODEV, options);
    char *fd = xasprintf("%s/fd", dev);
    if (symlink("pts/ptmx", ptmx) != 0 || symlink("/proc/self/fd", fd) != 0) {
        perror(dev);
    }
    free(fd);
    free(dev);
    free(pts);
    free(shm);
    free(ptmx);
}

/* One of the configuration's mounts. Returns NULL, or what failed. */
static char *make_mount(const char *rootfs, const struct json *m)
{
    const char *source = json_get_string(m, "source", ""), *target = json_get_string(m, "destination", "");
    struct strvec options = STRVEC_INIT;
    char *to = xasprintf("%s/%s", rootfs, target);
    json_get_strings(m, "options", &options);
    bool read_only = strvec_index(&options, "ro") >= 0 || strvec_index(&options, "readonly") >= 0, failed;
    if (json_get(json_get(m, "type"), "tmpfs")) {
        failed = fs_mkdirs(to, 0755, NULL) < 0 || mount("tmpfs", to, "tmpfs", 0, "mode=1777") != 0;
    } else {
        if (!fs_exists(source)) {
            return xasprintf("mount source path '%s' does not exist", source);
        }
        if (fs_is_dir(source)) {
            failed = fs_mkdirs(to, 0755, NULL) < 0;
        } else {
            int fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
            failed = fd < 0;
            close(fd);
        }
        failed = failed || mount(source, to, NULL, MS_BIND | MS_REC, NULL) != 0 ||
                 (read_only && mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0);
    }
    strvec_release(&options);
    if (failed) {
        return xasprintf("failed to mount %s at %s: %s", source, target, strerror(errno));
    }
    free(to);
    return NULL;
}

/* etc/hosts, hostname and resolv.conf, as the guest's agent writes them. */
static void make_etc(const struct place *p, const char *name)
{
    char *etc = xasprintf("%s/etc", p->rootfs), *hosts = xasprintf("%s/hosts", etc);
    char *resolv = xasprintf("%s/resolv.conf", etc), *hostname = xasprintf("%s/hostname", etc);
    char *text = xasprintf("127.0.0.1 localhost\n127.0.0.1 %s\n", name);
    struct strbuf server = STRBUF_INIT;
    mkdir(etc, 0755);
    fs_write_atomic(hosts, text, strlen(text), 0644, NULL);
    fs_write_atomic(hostname, name, strlen(name), 0644, NULL);
    if (p->network && fs_read("/etc/resolv.conf", 65536, &server, NULL) == 0) {
        fs_write_atomic(resolv, server.buf, server.len, 0644, NULL);
    }
    strbuf_release(&server);
    free(etc);
    free(hosts);
    free(resolv);
    free(hostname);
    free(text);
}

/* Makes `rootfs` be `/`, with nothing of the old one left. */
static int change_root(const char *rootfs)
{
    if (chdir(rootfs) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0) {
        return -1;
    }
    return chdir("/");
}

char *place_make(const struct place *p)
{
    const char *name = json_get_string(p->config, "id", "builder");
    char *proc = xasprintf("%s/proc", p->rootfs), *sys = xasprintf("%s/sys", p->rootfs), *wrong = NULL;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(p->rootfs, p->rootfs, NULL, MS_BIND | MS_REC, NULL) != 0) {
        return xasprintf("failed to mount the root: %s", strerror(errno));
    }
    make_etc(p, name);
    mkdir(proc, 0755);
    mkdir(sys, 0755);
    if (mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) {
        return xasprintf("failed to mount /proc: %s", strerror(errno));
    }
    make_dev(p->rootfs, p->config);
    for (const struct json *m = json_first(json_get(p->config, "mounts")); m && !wrong; m = json_next(m)) {
        wrong = make_mount(p->rootfs, m);
    }
    if (!wrong && sethostname(name, strlen(name)) != 0) {
        wrong = xasprintf("failed to set the hostname: %s", strerror(errno));
    }
    if (!wrong && change_root(p->rootfs) != 0) {
        wrong = xasprintf("failed to change the root: %s", strerror(errno));
    }
    if (!wrong && json_get_bool(p->config, "readOnly", false) &&
        mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0) {
        wrong = xasprintf("failed to make the root read-only: %s", strerror(errno));
    }
    free(proc);
    free(sys);
    return wrong;
}

/* Which of the names a list has, as bits. */
static uint64_t capability_bits(const struct json *list)
{
    uint64_t bits = 0;
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        const char *name = json_string(c);
        if (name && strcasecmp(name, "ALL") == 0) {
            return ~0ULL;
        }
        int i = name ? facts_capability_find(name + (strncmp(name, "CAP_", 4) == 0 ? 4 : 0)) : -1;
        bits |= i >= 0 ? 1ULL << i : 0;
    }
    return bits;
}

void place_capabilities(const struct json *config)
{
    uint64_t keep = since(0, 12, 0) ? USUAL_CAPABILITIES : ~0ULL;
    keep &= ~capability_bits(json_get(config, "capDrop"));
    keep |= capability_bits(json_get(config, "capAdd"));
    for (unsigned long i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (!(keep >> i & 1)) {
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
        }
    }
}

/* Field `n` of a line "a:b:c". free(). */
static char *field(const char *line, int n)
{
    for (; n > 0 && line; n--) {
        line = strchr(line, ':');
        line = line ? line + 1 : NULL;
    }
    return xstrndup(line ? line : "", line ? strcspn(line, ":\n") : 0);
}

/* The line of a file whose field `n` equals the text. free(); NULL: none. */
static char *find_line(const char *file, int n, const char *text)
{
    struct strbuf all = STRBUF_INIT;
    char *found = NULL;
    if (fs_exists(file) && fs_read(file, 1 << 20, &all, NULL) == 0) {
        for (const char *p = all.buf; *p && !found; p += strcspn(p, "\n"), p += *p == '\n') {
            char *value = field(p, n);
            found = strcmp(value, text) == 0 ? xstrndup(p, strcspn(p, "\n")) : NULL;
            free(value);
        }
    }
    strbuf_release(&all);
    return found;
}

/* Groups that name the user. */
static void find_groups(const char *name, struct place_user *out)
{
    struct strbuf all = STRBUF_INIT;
    if (!fs_exists("/etc/group") || fs_read("/etc/group", 1 << 20, &all, NULL) < 0) {
        return;
    }
    for (const char *p = all.buf; *p && out->group_count < MT_ARRAY_LEN(out->groups);
         p += strcspn(p, "\n"), p += *p == '\n') {
        char *members = field(p, 3), *number = field(p, 2), *list = xasprintf(",%s,", members);
        char *wanted = xasprintf(",%s,", name);
        if (strstr(list, wanted)) {
            out->groups[out->group_count++] = (gid_t)strtoul(number, NULL, 10);
        }
        free(members);
        free(number);
        free(list);
        free(wanted);
    }
    strbuf_release(&all);
}

int place_user_find(const char *text, struct place_user *out)
{
    char *who = xstrndup(text, strcspn(text, ":")), *group = strchr(text, ':') ? field(text, 1) : NULL;
    bool number = isdigit((unsigned char)who[0]);
    char *line = find_line("/etc/passwd", number ? 2 : 0, who);
    *out = (struct place_user){.uid = (uid_t)strtoul(who, NULL, 10), .home = "/"};
    if (!line && !number) {
        free(who);
        free(group);
        return -1;
    }
    if (line) {
        char *uid = field(line, 2), *gid = field(line, 3), *home = field(line, 5), *name = field(line, 0);
        out->uid = (uid_t)strtoul(uid, NULL, 10);
        out->gid = (gid_t)strtoul(gid, NULL, 10);
        str_copy(out->home, sizeof(out->home), home);
        find_groups(name, out);
        free(uid);
        free(gid);
        free(home);
        free(name);
    }
    if (group && *group) {
        char *entry = find_line("/etc/group", 0, group), *gid = entry ? field(entry, 2) : xstrdup(group);
        out->gid = (gid_t)strtoul(gid, NULL, 10);
        free(entry);
        free(gid);
    }
    free(who);
    free(group);
    free(line);
    return 0;
}

void place_user_become(const struct place_user *u)
{
    if (setgroups(u->group_count, u->groups) != 0 || setgid(u->gid) != 0 || setuid(u->uid) != 0) {
        errno = 0; /* in a user namespace of one: the only user there is */
    }
}

int place_enter(pid_t pid)
{
    static const char *const kinds[] = {"user", "ipc", "uts", "net", "pid", "mnt"};
    int fds[MT_ARRAY_LEN(kinds)], failed = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(kinds); i++) {
        char path[64];
        str_format(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i]);
        fds[i] = i == 0 && geteuid() == 0 ? -2 : open(path, O_RDONLY | O_CLOEXEC);
        failed |= fds[i] == -1;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(kinds); i++) {
        if (fds[i] >= 0 && !failed) {
            failed |= setns(fds[i], 0) != 0;
        }
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return failed || chdir("/") != 0 ? -1 : 0;
}

int place_exec(char *const *argv, char *const *env)
{
    const char *path = NULL;
    int saved = ENOENT;
    for (char *const *e = env; *e; e++) {
        path = strncmp(*e, "PATH=", 5) == 0 ? *e + 5 : path;
    }
    path = path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    if (strchr(argv[0], '/')) {
        execve(argv[0], argv, env);
        return errno;
    }
    for (const char *p = path; *p; p += strcspn(p, ":"), p += *p == ':') {
        char *file = xasprintf("%.*s/%s", (int)strcspn(p, ":"), p, argv[0]);
        execve(file, argv, env);
        saved = errno != ENOENT && errno != ENOTDIR ? errno : saved;
        free(file);
    }
    return saved;
}

/* The number that a link like "pid:[4026531836]" of the process holds; 0: not to be read. */
static unsigned long namespace_of(pid_t pid)
{
    char path[64], text[64] = "";
    str_format(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    ssize_t n = readlink(path, text, sizeof(text) - 1);
    const char *open = n > 0 ? strchr(text, '[') : NULL;
    return open ? strtoul(open + 1, NULL, 10) : 0;
}

/* Adds what one process has used. */
static void add_usage(pid_t pid, uint64_t *cpu_ticks, uint64_t *pages)
{
    char *path = xasprintf("/proc/%d/stat", (int)pid);
    struct strbuf text = STRBUF_INIT;
    unsigned long long u = 0, s = 0, cu = 0, cs = 0;
    long long rss = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buf[1024];
    ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf)) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (n > 0) {
        strbuf_add(&text, buf, (size_t)n);
        const char *p = strrchr(text.buf, ')');
        if (p && sscanf(p + 1,
                        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d %*u %*u %lld",
                        &u, &s, &cu, &cs, &rss) == 5) {
            *cpu_ticks += u + s + cu + cs;
            *pages += rss > 0 ? (uint64_t)rss : 0;
        }
    }
    strbuf_release(&text);
    free(path);
}

void place_usage(pid_t init, uint64_t *cpu_usec, uint64_t *memory, uint64_t *processes)
{
    unsigned long wanted = namespace_of(init);
    uint64_t ticks = 0, pages = 0;
    DIR *d = opendir("/proc");
    struct dirent *e;
    *processes = 0;
    while (d && wanted && (e = readdir(d))) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 0 && namespace_of(pid) == wanted) {
            add_usage(pid, &ticks, &pages);
            ++*processes;
        }
    }
    if (d) {
        closedir(d);
    }
    *cpu_usec = ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    *memory = pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
#endif
