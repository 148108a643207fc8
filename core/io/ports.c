/* SPDX-License-Identifier: Apache-2.0 */
/* Linux: /proc/PID/net and descriptors; macOS: libproc. One block each below. */
#include "core/io/ports.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/listening_darwin.h"
#include "core/io/procinfo.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define LOOKED_MAX 20000            /* processes whose environment is read */
#define MEMBERS_MAX 512             /* processes of one program */
#define SOCKETS_MAX 512             /* that one network's processes listen on */
#define ROWS_PAST 64                /* listening sockets come first in the tables */
#define DESCRIPTORS_MAX (64u << 10) /* looked at in all */

#if defined(__linux__)
struct socket_row {
    unsigned long inode;
    uint16_t port;
};
#endif

struct look {
    int members[MEMBERS_MAX];
    size_t count;
#if defined(__linux__)
    char network[64]; /* that `sockets` is of; "" none yet */
    struct socket_row sockets[SOCKETS_MAX];
    size_t socket_count;
#endif
    size_t descriptors;
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

/* What a process has started, and those in turn: the list grows while it is gone through. */
static void add_children(struct look *l)
{
    for (size_t i = 0; i < l->count; i++) {
        int children[MEMBERS_MAX];
        size_t n = procinfo_children(l->members[i], children, MT_ARRAY_LEN(children));
        for (size_t k = 0; k < n; k++) {
            add_member(l, children[k]);
        }
    }
}

/* Those that have the mark. */
static void add_marked(struct look *l, const char *mark)
{
    int *all = xcalloc(LOOKED_MAX, sizeof(*all));
    size_t n = procinfo_all(all, LOOKED_MAX);

    for (size_t i = 0; i < n; i++) {
        if (procinfo_has_env(all[i], mark)) {
            add_member(l, all[i]);
        }
    }
    free(all);
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

#if defined(__linux__)

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
            l->sockets[l->socket_count++] = (struct socket_row){.inode = inode, .port = (uint16_t)port};
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

bool ports_known(void)
{
    return access("/proc/self/net/tcp", R_OK) == 0;
}

#elif defined(__APPLE__)

/* The listening sockets that a process holds. */
static void look_into(struct look *l, int pid)
{
    struct listening *all = xcalloc(SOCKETS_MAX, sizeof(*all));
    size_t n = listening_of(pid, all, SOCKETS_MAX, &l->descriptors, DESCRIPTORS_MAX);

    for (size_t i = 0; i < n; i++) {
        add_port(l, all[i].port);
    }
    free(all);
}

bool ports_known(void)
{
    return true;
}

#endif

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
