/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Memory that is nobody's resident set: /dev/shm (the only tmpfs that programs inside can write to; they cannot mount),
 * System V segments, and what lies in descriptors of memfd_create. What is mapped without a descriptor is only found in
 * smaps. Not seen: what a process that made itself undumpable holds, and descriptors in flight between two. */

#define MEMFD_MAX 1024

/* Looking through all descriptors costs the most: it may take a twentieth of the time. */
#define MEMFD_SHARE 20

static struct {
    size_t count;
    ino_t inodes[MEMFD_MAX];
    uint64_t bytes;
    int64_t next_ns;
} memfds;

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool is_known(ino_t inode)
{
    for (size_t i = 0; i < memfds.count; i++) {
        if (memfds.inodes[i] == inode) {
            return true;
        }
    }
    return false;
}

uint64_t shared_memfds(pid_t pid)
{
    char path[64], target[16];
    uint64_t held = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        struct stat st;
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target));
        if (n < 7 || memcmp(target, "/memfd:", 7) != 0 || fstatat(dirfd(dir), e->d_name, &st, 0) < 0) {
            continue;
        }
        uint64_t bytes = (uint64_t)st.st_blocks * 512;
        held += bytes;
        /* All of them lie in one file system of the kernel's own, so the inode is enough. */
        if (memfds.count < MEMFD_MAX && !is_known(st.st_ino)) {
            memfds.inodes[memfds.count++] = st.st_ino;
            memfds.bytes += bytes;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return held;
}

/* Looks through the descriptors of everybody. */
static void scan_memfds(void)
{
    int64_t begin = now_ns();
    DIR *dir = opendir("/proc");
    memfds.count = 0;
    memfds.bytes = 0;
    for (pid_t pid; dir && (pid = procs_next(dir)) != 0;) {
        if (pid != 1) {
            shared_memfds(pid);
        }
    }
    if (dir) {
        closedir(dir);
    }
    int64_t end = now_ns();
    memfds.next_ns = end + (end - begin) * MEMFD_SHARE;
}

/* The segments of our own IPC namespace; the biggest that nobody has attached goes to *idle. */
static uint64_t sysv_bytes(struct shared_segment *idle)
{
    uint64_t total = 0;
    FILE *f = fopen("/proc/sysvipc/shm", "re");
    char line[512];
    *idle = (struct shared_segment){.id = -1};
    while (f && fgets(line, sizeof(line), f)) {
        int id;
        unsigned long attached;
        unsigned long long rss, swap;
        /* key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap */
        if (sscanf(line, "%*d %d %*o %*u %*d %*d %lu %*u %*u %*u %*u %*u %*u %*u %llu %llu", &id, &attached, &rss,
                   &swap) != 4) {
            continue;
        }
        total += rss + swap;
        if (attached == 0 && rss + swap > idle->bytes) {
            *idle = (struct shared_segment){.id = id, .bytes = rss + swap};
        }
    }
    if (f) {
        fclose(f);
    }
    return total;
}

uint64_t shared_bytes(bool now, struct shared_segment *idle)
{
    struct statvfs vfs;
    uint64_t total = sysv_bytes(idle);
    if (statvfs("/dev/shm", &vfs) == 0 && vfs.f_blocks >= vfs.f_bfree) {
        total += (uint64_t)(vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize;
    }
    if (now || now_ns() >= memfds.next_ns) {
        scan_memfds();
    }
    return total + memfds.bytes;
}

/* Is the mapping of a line of smaps ("FROM-TO PERMS OFFSET DEV INODE   NAME") shared memory that nothing else counts?
 * Memory shared without a name, and a memfd whose last descriptor was closed. */
static bool is_unnamed(const char *line)
{
    unsigned long long inode = 0;
    int at = 0;
    if (sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu %n", &inode, &at) != 1 || at == 0) {
        return false;
    }
    return strncmp(line + at, "/dev/zero (deleted)", 19) == 0 ||
           (strncmp(line + at, "/memfd:", 7) == 0 && !is_known((ino_t)inode));
}

uint64_t shared_unnamed(pid_t pid)
{
    char path[64];
    char *line = NULL;
    size_t cap = 0;
    uint64_t total = 0;
    bool counts = false;
    snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && getline(&line, &cap, f) > 0) {
        unsigned long long kib;
        const char *space = strchr(line, ' '), *colon = strchr(line, ':');
        if (space && (!colon || space < colon)) {
            counts = is_unnamed(line);
        } else if (counts && sscanf(line, "Pss: %llu", &kib) == 1) {
            total += kib * 1024;
        }
    }
    free(line);
    if (f) {
        fclose(f);
    }
    return total;
}

int shared_remove(const struct shared_segment *segment)
{
    return shmctl(segment->id, IPC_RMID, NULL);
}
