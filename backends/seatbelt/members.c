/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/members.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define FILE_BYTES_MAX (4u << 20)
#define TIDY_AT (64u << 10) /* a line is some 20 bytes */

/* A line of the file. */
struct noted {
    int pid;
    uint64_t start;
};

static char *file_of(const char *dir)
{
    return path_join(dir, "run/members");
}

int members_reset(const char *dir, struct error *err)
{
    char *path = file_of(dir);
    int rc = unlink(path) < 0 && errno != ENOENT ? error_sys(err, errno, "%s", path) : 0;
    free(path);
    return rc;
}

static size_t read_noted(const char *dir, struct noted **out)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *path = file_of(dir);
    size_t count = 0, cap = 0;
    *out = NULL;
    if (fs_read(path, FILE_BYTES_MAX, &text, NULL) < 0) {
        strbuf_clear(&text);
    }
    free(path);
    for (const char *line = text.buf; line && *line;) {
        int pid;
        unsigned long long start;
        if (sscanf(line, "%d %llu", &pid, &start) == 2 && pid > 1 && start) {
            if (count == cap) {
                cap = cap ? cap * 2 : 16;
                *out = xreallocarray(*out, cap, sizeof(**out));
            }
            (*out)[count++] = (struct noted){.pid = pid, .start = start};
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return count;
}

/* What is looked through. */
struct look {
    struct host_process *all;
    bool *in;
    size_t count;
};

static const struct host_process *by_pid(const struct look *l, int pid)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->all[i].pid == pid) {
            return &l->all[i];
        }
    }
    return NULL;
}

/* Is it the process that was written down, or one in the session that this one led? */
static bool is_of(const struct host_process *p, const struct noted *n)
{
    return (p->pid == n->pid && p->start == n->start) || (p->session == n->pid && p->start >= n->start);
}

/* Those that were written down, and who is in the session of one. A number that somebody else has now is none. */
static void take_noted(struct look *l, const struct noted *noted, size_t noted_count)
{
    for (size_t k = 0; k < noted_count; k++) {
        const struct host_process *now = by_pid(l, noted[k].pid);
        if (now && now->start != noted[k].start) {
            continue;
        }
        for (size_t i = 0; i < l->count; i++) {
            l->in[i] = l->in[i] || is_of(&l->all[i], &noted[k]);
        }
    }
}

/* Who descends from one of them. */
static void take_descendants(struct look *l)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < l->count; i++) {
            for (size_t k = 0; k < l->count && !l->in[i]; k++) {
                if (l->in[k] && l->all[i].parent == l->all[k].pid) {
                    l->in[i] = more = true;
                }
            }
        }
    }
}

/* Writes the file anew without those of whom nothing is left. */
static int tidy(const char *dir, const char *path, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct noted *noted;
    size_t count = read_noted(dir, &noted);
    struct look l = {0};
    l.count = host_processes(&l.all);
    for (size_t k = 0; k < count; k++) {
        bool lives = false;
        for (size_t i = 0; i < l.count && !lives; i++) {
            lives = is_of(&l.all[i], &noted[k]);
        }
        if (lives) {
            strbuf_addf(&text, "%d %llu\n", noted[k].pid, (unsigned long long)noted[k].start);
        }
    }
    free(l.all);
    free(noted);
    return fs_write_atomic(path, text.buf, text.len, 0600, err);
}

/* Others write themselves down, too. The descriptor of the lock, or -1. */
static int lock_file(const char *dir, struct error *err)
{
    char *path = path_join(dir, "run/members.lock");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    do {
        rc = fd < 0 ? -1 : fcntl(fd, F_SETLKW, &lock);
    } while (rc < 0 && fd >= 0 && errno == EINTR);
    if (rc < 0) {
        error_sys(err, errno, "%s", path);
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
    }
    free(path);
    return fd;
}

int members_add(const char *dir, int pid, struct error *err)
{
    char line[64], *path = file_of(dir);
    struct stat sb;
    int fd = lock_file(dir, err), rc = fd < 0 ? -1 : 0;
    if (rc == 0 && stat(path, &sb) == 0 && sb.st_size > TIDY_AT) {
        rc = tidy(dir, path, err);
    }
    str_format(line, sizeof(line), "%d %llu\n", pid, (unsigned long long)host_process_start(pid));
    rc = rc ? rc : fs_append(path, line, strlen(line), 0600, err);
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return rc;
}

void members_tidy(const char *dir)
{
    char *path = file_of(dir);
    int fd = lock_file(dir, NULL);
    if (fd >= 0) {
        tidy(dir, path, NULL);
        close(fd);
    }
    free(path);
}

static void take_marked(struct look *l, const char *mark, uint64_t since)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct host_process *p = &l->all[i];
        l->in[i] = l->in[i] || (p->start >= since && host_may_be_orphan(p) && host_process_has_env(p->pid, mark));
    }
}

size_t members_find(const char *dir, const char *mark, struct host_process **out)
{
    struct noted *noted;
    size_t noted_count = read_noted(dir, &noted), count = 0;
    uint64_t since = UINT64_MAX;
    struct look l;
    l.count = host_processes(&l.all);
    l.in = xcalloc(l.count + 1, sizeof(*l.in));
    for (size_t i = 0; i < noted_count; i++) {
        since = MT_MIN(since, noted[i].start);
    }
    take_noted(&l, noted, noted_count);
    take_descendants(&l);
    if (mark[0] && noted_count) {
        take_marked(&l, mark, since);
        take_descendants(&l);
    }
    for (size_t i = 0; i < l.count; i++) {
        if (l.in[i] && l.all[i].pid != getpid()) {
            l.all[count++] = l.all[i];
        }
    }
    free(l.in);
    free(noted);
    *out = l.all;
    return count;
}

size_t members_signal(const char *dir, const char *mark, int signum)
{
    struct host_process *list;
    size_t count = members_find(dir, mark, &list);
    for (size_t i = 0; i < count; i++) {
        if (host_process_start(list[i].pid) == list[i].start) {
            kill(list[i].pid, signum);
        }
    }
    free(list);
    return count;
}

size_t members_end(const char *dir, const char *mark, uint64_t limit_ms)
{
    size_t left;
    uint64_t deadline = clock_mono_ms() + limit_ms;
    while ((left = members_signal(dir, mark, SIGKILL)) > 0 && clock_mono_ms() < deadline) {
        poll(NULL, 0, 2); /* nothing tells when what is nobody's child of ours is gone */
    }
    return left;
}

void members_usage(const char *dir, const char *mark, struct members_usage *out)
{
    struct host_process *list;
    size_t count = members_find(dir, mark, &list);
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        uint64_t cpu, resident;
        if (!host_process_usage(list[i].pid, &cpu, &resident)) {
            continue;
        }
        out->count++;
        out->cpu_ns += cpu;
        out->resident += resident;
        if (resident > out->biggest_bytes) {
            out->biggest = list[i].pid;
            out->biggest_bytes = resident;
        }
    }
    free(list);
}
