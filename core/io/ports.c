/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/ports.h"

#include <string.h>

#if defined(__linux__)

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define LOOKED_MAX 20000            /* processes whose environment is read */
#define MEMBERS_MAX 512             /* processes of one program */
#define ENVIRON_MAX (1u << 20)      /* bytes of an environment */
#define SOCKETS_MAX 512             /* that one network's processes listen on */
#define ROWS_PAST 64                /* listening sockets come first in the tables */
#define DESCRIPTORS_MAX (64u << 10) /* looked at in all */

struct listening {
    unsigned long inode;
    uint16_t port;
};

struct look {
    int members[MEMBERS_MAX];
    size_t count;
    char network[64]; /* that `sockets` is of; "" none yet */
    struct listening sockets[SOCKETS_MAX];
    size_t socket_count, descriptors;
    uint16_t *out;
    size_t cap, found;
};

/* Adds a process, once. */
static void add_member(struct look *l, int pid)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->members[i] == pid) {
            return;
        }
    }
    if (pid > 1 && l->count < MEMBERS_MAX) {
        l->members[l->count++] = pid;
    }
}

/* Is the entry in the environment that the process was started with? */
static bool is_marked(int pid, const char *mark)
{
    char path[64], buf[4096];
    size_t want = strlen(mark), at = 0, total = 0;
    bool same = true; /* so far, the entry that is being read */
    ssize_t n;

    str_format(path, sizeof(path), "/proc/%d/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && total < ENVIRON_MAX && (n = read(fd, buf, sizeof(buf))) > 0) {
        total += (size_t)n;
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != '\0') {
                same = same && at < want && buf[i] == mark[at];
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

/* What a process has started, and those in turn: the list grows while it is gone through. */
static void add_children(struct look *l)
{
    for (size_t i = 0; i < l->count; i++) {
        char path[64];
        int child;
        str_format(path, sizeof(path), "/proc/%d/task/%d/children", l->members[i], l->members[i]);
        FILE *f = fopen(path, "re");
        while (f != NULL && fscanf(f, "%d", &child) == 1) {
            add_member(l, child);
        }
        if (f != NULL) {
            fclose(f);
        }
    }
}

/* Those that have the mark. */
static void add_marked(struct look *l, const char *mark)
{
    DIR *proc = opendir("/proc");
    struct dirent *e;

    for (int seen = 0; proc != NULL && seen < LOOKED_MAX && (e = readdir(proc)) != NULL;) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9') {
            continue;
        }
        int pid = (int)strtol(e->d_name, NULL, 10);
        seen++;
        if (is_marked(pid, mark)) {
            add_member(l, pid);
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
}

/* One of /proc/PID/net/tcp and tcp6: see core/io/listener.c. */
static void read_table(struct look *l, int pid, const char *name)
{
    char path[64], line[512], state[8];
    unsigned port;
    unsigned long inode;
    int past = 0;

    str_format(path, sizeof(path), "/proc/%d/net/%s", pid, name);
    FILE *f = fopen(path, "re");
    while (f != NULL && l->socket_count < SOCKETS_MAX && past < ROWS_PAST && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, " %*d: %*[0-9A-F]:%4x %*[0-9A-F]:%*x %7s %*s %*s %*s %*u %*d %lu", &port, state, &inode) !=
            3) {
            continue;
        }
        if (strcmp(state, "0A") == 0) {
            l->sockets[l->socket_count++] = (struct listening){.inode = inode, .port = (uint16_t)port};
        } else {
            past++;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

/* What is listened on in the network of a process. Most are in the same one as the process before. */
static void read_network(struct look *l, int pid)
{
    char path[64], network[sizeof(l->network)];

    str_format(path, sizeof(path), "/proc/%d/ns/net", pid);
    ssize_t n = readlink(path, network, sizeof(network) - 1);
    network[n > 0 ? n : 0] = '\0';
    if (n > 0 && strcmp(network, l->network) == 0) {
        return;
    }
    str_copy(l->network, sizeof(l->network), network);
    l->socket_count = 0;
    if (n > 0) {
        read_table(l, pid, "tcp");
        read_table(l, pid, "tcp6");
    }
}

/* Keeps a port in its place, once. */
static void add_port(struct look *l, uint16_t port)
{
    size_t at = 0, count = l->found;

    while (at < count && l->out[at] < port) {
        at++;
    }
    if (at == l->cap || (at < count && l->out[at] == port)) {
        return;
    }
    count = MT_MIN(count, l->cap - 1);
    memmove(l->out + at + 1, l->out + at, (count - at) * sizeof(*l->out));
    l->out[at] = port;
    l->found = count + 1;
}

/* The listening sockets that a process holds. */
static void look_into(struct look *l, int pid)
{
    char path[64], target[64];
    struct dirent *e;

    read_network(l, pid);
    str_format(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *dir = l->socket_count > 0 ? opendir(path) : NULL;
    while (dir != NULL && l->descriptors < DESCRIPTORS_MAX && (e = readdir(dir)) != NULL) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        unsigned long inode;
        target[n > 0 ? n : 0] = '\0';
        l->descriptors++;
        if (sscanf(target, "socket:[%lu]", &inode) != 1) {
            continue;
        }
        for (size_t i = 0; i < l->socket_count; i++) {
            if (l->sockets[i].inode == inode) {
                add_port(l, l->sockets[i].port);
            }
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

size_t ports_of(const char *mark, int root, uint16_t *out, size_t cap)
{
    struct look *l = xcalloc(1, sizeof(*l));

    l->out = out;
    l->cap = cap;
    add_member(l, root);
    add_marked(l, mark);
    add_children(l);
    for (size_t i = 0; cap > 0 && i < l->count; i++) {
        look_into(l, l->members[i]);
    }
    size_t found = l->found;
    free(l);
    return found;
}

bool ports_known(void)
{
    return access("/proc/self/net/tcp", R_OK) == 0;
}

#else

size_t ports_of(const char *mark, int root, uint16_t *out, size_t cap)
{
    (void)mark;
    (void)root;
    (void)out;
    (void)cap;
    return 0;
}

bool ports_known(void)
{
    return false;
}

#endif
