/* SPDX-License-Identifier: Apache-2.0 */
/* macOS only. Source: sys/proc_info.h (PROC_PIDLISTFDS, PROC_PIDFDSOCKETINFO). */
#include "core/io/listening_darwin.h"

#if defined(__APPLE__)

#include <arpa/inet.h>
#include <libproc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

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

#endif
