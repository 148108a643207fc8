/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/listening_darwin.h"
#include "core/io/procid.h"
#include "core/io/procinfo.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define PROCESSES_MAX 20000          /* looked at for who holds a socket */
#define SOCKETS_MAX 256              /* of one process, on macOS */
#define DESCRIPTORS_MAX (256u << 10) /* looked at in all, there */

static bool is_any(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0 || strcmp(address, "*") == 0;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0 ||
           strncmp(address, "::ffff:127.", 11) == 0;
}

bool listener_clashes(const char *host, const char *address)
{
    if (is_any(host) || is_any(address)) {
        return true;
    }
    return strcmp(host, address) == 0 || (strcmp(host, "localhost") == 0 && is_loopback(address));
}

/* Do container runtimes call their bridges so? */
static bool is_bridge(const char *name)
{
    static const char *const STARTS[] = {"docker", "podman", "cni-", "br-", "bridge", "virbr", "lxcbr", "lxdbr"};
    for (size_t i = 0; i < MT_ARRAY_LEN(STARTS); i++) {
        if (strncmp(name, STARTS[i], strlen(STARTS[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool listener_is_local(const char *address)
{
    struct ifaddrs *all = NULL;
    bool local = is_loopback(address);

    if (local || is_any(address) || getifaddrs(&all) != 0) {
        return local;
    }
    for (const struct ifaddrs *i = all; i != NULL && !local; i = i->ifa_next) {
        char text[INET6_ADDRSTRLEN] = "";
        const struct sockaddr *a = i->ifa_addr;
        if (a != NULL && a->sa_family == AF_INET) {
            inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, text, sizeof(text));
        } else if (a != NULL && a->sa_family == AF_INET6) {
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, text, sizeof(text));
        }
        local = strcmp(text, address) == 0 && is_bridge(i->ifa_name);
    }
    freeifaddrs(all);
    return local;
}

#if defined(__linux__)

struct search {
    uint16_t port;
    struct listener *out;
    unsigned long inodes[LISTENERS_MAX];
    size_t count;
};

/* "0100007F" or 32 such digits: each group of eight is a number in this machine's order. */
static void read_address(const char *hex, char out[64])
{
    uint32_t words[4] = {0};
    size_t n = strlen(hex) / 8;
    for (size_t i = 0; i < n && i < 4; i++) {
        char group[9] = "";
        memcpy(group, hex + i * 8, 8);
        words[i] = (uint32_t)strtoul(group, NULL, 16);
    }
    if (inet_ntop(n == 4 ? AF_INET6 : AF_INET, words, out, 64) == NULL) {
        out[0] = '\0';
    }
}

/* One of /proc/net/tcp and tcp6 (proc(5)): "sl: LOCAL:PORT REMOTE:PORT ST ... inode". State 0A is LISTEN. */
static void read_table(struct search *s, const char *path)
{
    char line[512], local[40], state[8];
    unsigned port;
    unsigned long inode;
    FILE *f = fopen(path, "re");

    while (f != NULL && s->count < LISTENERS_MAX && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, " %*d: %32[0-9A-F]:%4x %*[0-9A-F]:%*x %7s %*s %*s %*s %*u %*d %lu", local, &port, state,
                   &inode) == 4 &&
            port == s->port && strcmp(state, "0A") == 0) {
            s->inodes[s->count] = inode;
            read_address(local, s->out[s->count].address);
            s->count++;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

/* Does the process hold one of the sockets? */
static void look_into(struct search *s, int pid)
{
    char path[64], target[64];
    struct dirent *e;
    str_format(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *dir = opendir(path);

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        unsigned long inode;
        target[n > 0 ? n : 0] = '\0';
        if (sscanf(target, "socket:[%lu]", &inode) != 1) {
            continue;
        }
        for (size_t i = 0; i < s->count; i++) {
            struct procid id;
            if (s->inodes[i] == inode && s->out[i].pid == 0 && procid_read(pid, &id, NULL) == 0) {
                s->out[i].pid = pid;
                str_copy(s->out[i].name, sizeof(s->out[i].name), id.name);
            }
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

size_t listener_find(uint16_t port, struct listener out[LISTENERS_MAX], bool *known)
{
    struct search s = {.port = port, .out = out};
    struct dirent *e;

    memset(out, 0, LISTENERS_MAX * sizeof(*out));
    *known = access("/proc/net/tcp", R_OK) == 0;
    read_table(&s, "/proc/net/tcp");
    read_table(&s, "/proc/net/tcp6");
    DIR *proc = s.count > 0 ? opendir("/proc") : NULL;
    for (int seen = 0; proc != NULL && seen < PROCESSES_MAX && (e = readdir(proc)) != NULL;) {
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9') {
            look_into(&s, (int)strtol(e->d_name, NULL, 10));
            seen++;
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return s.count;
}

#elif defined(__APPLE__)

/* Is it there already, held by a relative? */
static bool is_found(const struct listener *out, size_t found, const char *address)
{
    for (size_t i = 0; i < found; i++) {
        if (strcmp(out[i].address, address) == 0) {
            return true;
        }
    }
    return false;
}

size_t listener_find(uint16_t port, struct listener out[LISTENERS_MAX], bool *known)
{
    int *all = xcalloc(PROCESSES_MAX, sizeof(*all));
    struct listening *sockets = xcalloc(SOCKETS_MAX, sizeof(*sockets));
    size_t count = procinfo_all(all, PROCESSES_MAX), found = 0, looked = 0;

    memset(out, 0, LISTENERS_MAX * sizeof(*out));
    *known =
        geteuid() == 0; /* others' processes do not show what they listen on: who is found is sure, nobody is not */
    for (size_t i = 0; i < count; i++) {
        size_t n = listening_of(all[i], sockets, SOCKETS_MAX, &looked, DESCRIPTORS_MAX);
        for (size_t k = 0; k < n && found < LISTENERS_MAX; k++) {
            struct procid id;
            if (sockets[k].port != port || is_found(out, found, sockets[k].address) ||
                procid_read(all[i], &id, NULL) != 0) {
                continue;
            }
            str_copy(out[found].address, sizeof(out[found].address), sockets[k].address);
            str_copy(out[found].name, sizeof(out[found].name), id.name);
            out[found++].pid = all[i];
        }
    }
    *known = *known || found > 0;
    free(sockets);
    free(all);
    return found;
}

#endif
