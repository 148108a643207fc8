/* SPDX-License-Identifier: Apache-2.0 */
/* macOS only. Source: sys/proc_info.h (PROC_PIDLISTFDS, PROC_PIDFDSOCKETINFO). */
#include "core/io/listening_darwin.h"

#if defined(__APPLE__)

#include <arpa/inet.h>
#include <libproc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"

/* The descriptors of a process; NULL when they are not to be seen. Caller frees. */
static struct proc_fdinfo *list_fds(int pid, size_t *count)
{
    int bytes = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, NULL, 0);

    *count = 0;
    if (bytes <= 0) {
        return NULL;
    }
    struct proc_fdinfo *fds = xmalloc((size_t)bytes);
    bytes = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, fds, bytes);
    *count = bytes > 0 ? (size_t)bytes / sizeof(*fds) : 0;
    return fds;
}

/* Does it listen? Then where. */
static int read_socket(int pid, int fd, struct listening *out)
{
    struct socket_fdinfo info;

    if (proc_pidfdinfo(pid, fd, PROC_PIDFDSOCKETINFO, &info, sizeof(info)) != (int)sizeof(info) ||
        info.psi.soi_kind != SOCKINFO_TCP || info.psi.soi_proto.pri_tcp.tcpsi_state != TSI_S_LISTEN) {
        return -1;
    }
    const struct in_sockinfo *in = &info.psi.soi_proto.pri_tcp.tcpsi_ini;
    /* A socket of version 6 may serve both: then its address is version 6's. */
    bool v6 = info.psi.soi_family == AF_INET6;
    const void *address = v6 ? (const void *)&in->insi_laddr.ina_6 : &in->insi_laddr.ina_46.i46a_addr4;
    if (inet_ntop(v6 ? AF_INET6 : AF_INET, address, out->address, sizeof(out->address)) == NULL) {
        out->address[0] = '\0';
    }
    out->port = ntohs((uint16_t)in->insi_lport);
    return 0;
}

size_t listening_of(int pid, struct listening *out, size_t cap, size_t *looked, size_t looked_max)
{
    size_t count, found = 0;
    struct proc_fdinfo *fds = list_fds(pid, &count);

    for (size_t i = 0; i < count && found < cap && *looked < looked_max; i++) {
        ++*looked;
        if (fds[i].proc_fdtype == PROX_FDTYPE_SOCKET && read_socket(pid, fds[i].proc_fd, &out[found]) == 0) {
            found++;
        }
    }
    free(fds);
    return found;
}

/* /tmp and /var are links into /private: either name may have been bound. */
static const char *without_private(const char *path)
{
    static const char prefix[] = "/private";
    return strncmp(path, prefix, sizeof(prefix) - 1) == 0 && path[sizeof(prefix) - 1] == '/' ? path + sizeof(prefix) - 1
                                                                                             : path;
}

/* Has the process a socket of that name? */
static bool is_bound(int pid, const char *path)
{
    struct socket_fdinfo info;
    size_t count;
    struct proc_fdinfo *fds = list_fds(pid, &count);
    bool bound = false;

    for (size_t i = 0; i < count && !bound; i++) {
        char name[sizeof(info.psi.soi_proto.pri_un.unsi_addr.ua_sun.sun_path) + 1] = "";
        if (fds[i].proc_fdtype != PROX_FDTYPE_SOCKET ||
            proc_pidfdinfo(pid, fds[i].proc_fd, PROC_PIDFDSOCKETINFO, &info, sizeof(info)) != (int)sizeof(info) ||
            info.psi.soi_kind != SOCKINFO_UN || (info.psi.soi_options & SO_ACCEPTCONN) == 0) {
            continue;
        }
        memcpy(name, info.psi.soi_proto.pri_un.unsi_addr.ua_sun.sun_path, sizeof(name) - 1);
        bound = strcmp(without_private(name), without_private(path)) == 0;
    }
    free(fds);
    return bound;
}

bool listening_at(const char *path)
{
    int bytes = proc_listpids(PROC_UID_ONLY, (uint32_t)geteuid(), NULL, 0);
    size_t cap = bytes > 0 ? (size_t)bytes / sizeof(int) + 64 : 64; /* more may come meanwhile */
    int *pids = xcalloc(cap, sizeof(*pids));
    bool bound = false;

    bytes = proc_listpids(PROC_UID_ONLY, (uint32_t)geteuid(), pids, (int)(cap * sizeof(*pids)));
    for (size_t i = 0; bytes > 0 && i < (size_t)bytes / sizeof(*pids) && !bound; i++) {
        bound = pids[i] > 1 && is_bound(pids[i], path);
    }
    free(pids);
    return bound;
}

#endif
