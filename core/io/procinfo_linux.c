/* SPDX-License-Identifier: Apache-2.0 */
/* Linux only: /proc, see proc(5). */
#include "core/io/procinfo.h"

#if defined(__linux__)

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/strbuf.h"

#define THREADS_MAX 128 /* of one process, whose children are looked for */
#define ENVIRON_MAX_BYTES (1u << 20)

/* A file of /proc/PID as text, as much as fits. Returns its length. */
static size_t read_text(int pid, const char *name, char *buf, size_t cap)
{
    char path[80];
    size_t len = 0;
    ssize_t n;

    str_format(path, sizeof(path), "/proc/%d/%s", pid, name);
    int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    while (fd >= 0 && len < cap - 1 && (n = read(fd, buf + len, cap - 1 - len)) > 0) {
        len += (size_t)n;
    }
    if (fd >= 0) {
        close(fd);
    }
    buf[len] = '\0';
    return len;
}

/* The state, in field 3, and field `field` > 3 of /proc/PID/stat; the name in field 2 may hold anything. '?': gone. */
static char read_stat(int pid, int field, unsigned long long *value)
{
    char text[1024];

    *value = 0;
    (void)read_text(pid, "stat", text, sizeof(text));
    const char *p = strrchr(text, ')');
    if (p == NULL || p[1] != ' ') {
        return '?';
    }
    char state = p[2];
    for (int at = 2; p != NULL && at < field; at++) {
        p = strchr(p + 1, ' ');
    }
    if (p != NULL) {
        *value = strtoull(p + 1, NULL, 10);
    }
    return state;
}

uint64_t procinfo_start(int pid)
{
    unsigned long long ticks;

    (void)read_stat(pid, 22, &ticks);
    return ticks;
}

bool procinfo_is_zombie(int pid)
{
    unsigned long long unused;
    char state = read_stat(pid, 4, &unused);

    return state == 'Z' || state == 'X';
}

int procinfo_group(int pid)
{
    unsigned long long group;

    (void)read_stat(pid, 5, &group);
    return (int)group;
}

void procinfo_boot(char out[PROCINFO_BOOT_MAX])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 36) : -1;

    if (fd >= 0) {
        close(fd);
    }
    out[n > 0 ? n : 0] = '\0';
}

size_t procinfo_children(int pid, int *out, size_t cap)
{
    char path[80], text[4096];
    struct dirent *entry;
    size_t count = 0;

    str_format(path, sizeof(path), "/proc/%d/task", pid);
    DIR *dir = opendir(path); /* children are those of its threads */
    for (int threads = 0; dir != NULL && threads < THREADS_MAX && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        threads++;
        str_format(path, sizeof(path), "task/%.20s/children", entry->d_name);
        (void)read_text(pid, path, text, sizeof(text));
        for (char *p = text, *end; count < cap; p = end) {
            long child = strtol(p, &end, 10);
            if (end == p) {
                break;
            }
            out[count++] = (int)child;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

size_t procinfo_all(int *out, size_t cap)
{
    DIR *proc = opendir("/proc");
    struct dirent *e;
    size_t count = 0;

    while (proc != NULL && count < cap && (e = readdir(proc)) != NULL) {
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9') {
            out[count++] = (int)strtol(e->d_name, NULL, 10);
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return count;
}

void procinfo_name(int pid, char *out, size_t cap)
{
    (void)read_text(pid, "comm", out, cap);
    out[strcspn(out, "\n")] = '\0';
}

size_t procinfo_args(int pid, char *out, size_t cap)
{
    return read_text(pid, "cmdline", out, cap);
}

bool procinfo_has_env(int pid, const char *entry)
{
    char path[64], buf[4096];
    size_t want = strlen(entry), at = 0, total = 0;
    bool same = true; /* so far, the entry that is being read */
    ssize_t n;

    str_format(path, sizeof(path), "/proc/%d/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && total < ENVIRON_MAX_BYTES && (n = read(fd, buf, sizeof(buf))) > 0) {
        total += (size_t)n;
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != '\0') {
                same = same && at < want && buf[i] == entry[at];
                at++;
            } else if (same && at == want) {
                close(fd);
                return true;
            } else {
                same = true;
                at = 0;
            }
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

#endif
