/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/fdpass.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#if defined(__linux__)

/* The one packet of an offer. */
struct packet {
    int32_t gone_code;
    char gone_text[120];
};

bool handover_is_master(int fd)
{
    struct stat st;
    int number;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && ioctl(fd, TIOCGPTN, &number) == 0;
}

/* True for a SOCK_SEQPACKET socket of this machine. */
static bool is_packet_socket(int fd)
{
    int type = 0, domain = 0;
    socklen_t len = sizeof(type);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0) {
        return false;
    }
    len = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && type == SOCK_SEQPACKET && domain == AF_UNIX;
}

int handover_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return -1;
    }
    return fd_set_flags(fds[0], true);
}

int handover_take(int offer, struct handover *out)
{
    struct packet packet;
    int fds[2];
    size_t count;
    ssize_t n = fdpass_recv(offer, &packet, sizeof(packet), MSG_DONTWAIT, fds, MT_ARRAY_LEN(fds), &count);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    *out = (struct handover){.master = -1, .lifeline = -1};
    if (n != (ssize_t)sizeof(packet) || count != 2 || !handover_is_master(fds[0]) || !is_packet_socket(fds[1]) ||
        fd_set_flags(fds[0], true) != 0 || fd_set_flags(fds[1], true) != 0) {
        while (count > 0) {
            close(fds[--count]);
        }
        return -1;
    }
    packet.gone_text[sizeof(packet.gone_text) - 1] = '\0';
    out->master = fds[0];
    out->lifeline = fds[1];
    out->gone_code = packet.gone_code & 0xff;
    str_copy(out->gone_text, sizeof(out->gone_text), packet.gone_text);
    return 1;
}

int handover_offered(void)
{
    const char *text = getenv(HANDOVER_ENV);
    char *end;
    long fd = text != NULL && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;

    unsetenv(HANDOVER_ENV);
    if (fd < 3 || fd > 1024 || *end != '\0' || !is_packet_socket((int)fd) || fd_set_flags((int)fd, false) != 0) {
        return -1;
    }
    return (int)fd;
}

int handover_give(int offer, const struct handover *h, struct error *err)
{
    struct packet packet = {.gone_code = h->gone_code};

    str_copy(packet.gone_text, sizeof(packet.gone_text), h->gone_text);
    ssize_t n = fdpass_send(offer, &packet, sizeof(packet), (const int[]){h->master, h->lifeline}, 2);
    return n < 0 ? error_sys(err, errno, "hand the terminal over") : 0;
}

#else

bool handover_is_master(int fd)
{
    (void)fd;
    return false;
}

int handover_pair(int fds[2])
{
    fds[0] = fds[1] = -1;
    errno = ENOSYS;
    return -1;
}

int handover_take(int offer, struct handover *out)
{
    (void)offer;
    (void)out;
    return -1;
}

int handover_offered(void)
{
    return -1;
}

int handover_give(int offer, const struct handover *h, struct error *err)
{
    (void)offer;
    (void)h;
    return error_set(err, ERROR_UNAVAILABLE, "terminals cannot be handed over here");
}

#endif
