/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/host.h"

/* ISO C forbids an empty file. */
typedef int host_other_unused;

#if !defined(__APPLE__)

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/fs.h>
#endif

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* Source: proc(5). Where there is no /proc, nothing is known. */

#define ENVIRONMENT_MAX (1u << 20)

/* Appends a file of /proc, whose size is not known before. */
static bool read_proc(int pid, const char *name, struct strbuf *out)
{
    char path[64], buf[4096];
    ssize_t n;
    str_format(path, sizeof(path), "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    while (out->len < ENVIRONMENT_MAX && (n = read(fd, buf, sizeof(buf))) > 0) {
        strbuf_add(out, buf, (size_t)n);
    }
    close(fd);
    return out->len > 0;
}

/* Fields of /proc/PID/stat that matter here. */
struct stat_fields {
    struct host_process p;
    unsigned long long user, system; /* ticks */
    long pages;
};

/* False for what is not there, or a zombie, which waits for its parent only. */
static bool read_stat(int pid, struct stat_fields *out)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    unsigned long long start = 0;
    char state = 'X';
    if (pid <= 0 || !read_proc(pid, "stat", &text)) {
        return false;
    }
    memset(out, 0, sizeof(*out));
    const char *p = strrchr(text.buf, ')'); /* the name before it may hold anything */
    int fields =
        p ? sscanf(p + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %*u %ld",
                   &state, &out->p.parent, &out->p.group, &out->p.session, &out->user, &out->system, &start,
                   &out->pages)
          : 0;
    out->p.pid = pid;
    out->p.start = start;
    return fields == 8 && state != 'Z' && state != 'X';
}

size_t host_processes(struct host_process **out)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    size_t count = 0, cap = 64;
    *out = xcalloc(cap, sizeof(**out));
    while (dir && (entry = readdir(dir)) != NULL) {
        struct stat_fields s;
        struct stat sb;
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end || pid <= 1 || fstatat(dirfd(dir), entry->d_name, &sb, 0) < 0 || sb.st_uid != geteuid() ||
            !read_stat((int)pid, &s)) {
            continue;
        }
        if (count == cap) {
            cap *= 2;
            *out = xreallocarray(*out, cap, sizeof(**out));
        }
        (*out)[count++] = s.p;
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

bool host_may_be_orphan(const struct host_process *p)
{
    (void)p;
    return true; /* any process can have offered to take them (prctl(2), PR_SET_CHILD_SUBREAPER) */
}

uint64_t host_process_start(int pid)
{
    struct stat_fields s;
    return read_stat(pid, &s) ? s.p.start : 0;
}

bool host_process_usage(int pid, uint64_t *cpu_ns, uint64_t *resident)
{
    struct stat_fields s;
    long hz = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    if (!read_stat(pid, &s) || hz <= 0 || page <= 0) {
        return false;
    }
    *cpu_ns = (s.user + s.system) * (1000000000ull / (unsigned long long)hz);
    *resident = s.pages > 0 ? (uint64_t)s.pages * (uint64_t)page : 0;
    return true;
}

int host_clone_file(const char *from, const char *to)
{
#if defined(FICLONE)
    struct stat sb;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = -1, out = -1;
    if (in >= 0 && fstat(in, &sb) == 0) {
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, sb.st_mode & 0777);
        rc = out >= 0 ? ioctl(out, FICLONE, in) : -1;
    }
    int sys = errno;
    if (rc < 0 && out >= 0) {
        unlink(to);
    }
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
    }
    errno = sys == EOPNOTSUPP || sys == EINVAL || sys == ENOTTY ? ENOTSUP : sys;
    return rc;
#else
    (void)from;
    (void)to;
    errno = ENOTSUP;
    return -1;
#endif
}

const char *host_sandbox_exec(void)
{
    /* Only a test says this: what it names confines nothing. */
    const char *path = getenv("MUTHR_TEST_SANDBOX_EXEC");
    return path && path[0] == '/' && access(path, X_OK) == 0 ? path : NULL;
}

bool host_confines(void)
{
    return false;
}

void host_version(char *out, size_t cap)
{
    str_copy(out, cap, "");
}

#endif
