/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/hostport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Numeric IPv4 or IPv6. Returns the length, 0 for anything else. */
static socklen_t fill(const char *ip, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, ip[0] != '\0' ? ip : "127.0.0.1", &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof(*v6);
    }
    return 0;
}

/* Binds to it for a moment. Returns 0, or errno; -1: it could not even be tried. */
static int bind_once(const char *ip, uint16_t port, bool udp)
{
    struct sockaddr_storage at;
    socklen_t len = port != 0 ? fill(ip, port, &at) : 0;
    int one = 1, fd = len > 0 ? socket(at.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM), 0) : -1;
    if (fd < 0) {
        return -1;
    }
    if (!udp) { /* connections that have just ended are in nobody's way */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    int rc = bind(fd, (const struct sockaddr *)&at, len) != 0 ? errno : 0;
    close(fd);
    return rc;
}

/* The same, also where SO_REUSEADDR lets one bind beside a program that listens on all addresses (the BSDs and macOS):
 * it would lose its connections to us. */
static int try_bind(const char *ip, uint16_t port, bool udp)
{
    int rc = bind_once(ip, port, udp);
#if !defined(__linux__)
    if (rc == 0 && !udp && bind_once(strchr(ip, ':') != NULL ? "::" : "0.0.0.0", port, false) == EADDRINUSE) {
        rc = EADDRINUSE;
    }
#endif
    return rc;
}

bool hostport_is_taken(const char *ip, uint16_t port, bool udp)
{
    return try_bind(ip, port, udp) == EADDRINUSE;
}

bool hostport_is_free(const char *ip, uint16_t port, bool udp)
{
    return try_bind(ip, port, udp) == 0;
}

uint16_t hostport_any(const char *ip, bool udp)
{
    struct sockaddr_storage at;
    socklen_t len = fill(ip, 0, &at), got = sizeof(at);
    int fd = len > 0 ? socket(at.ss_family, udp ? SOCK_DGRAM : SOCK_STREAM, 0) : -1;
    uint16_t port = 0;
    if (fd < 0) {
        return 0;
    }
    if (bind(fd, (const struct sockaddr *)&at, len) == 0 && getsockname(fd, (struct sockaddr *)&at, &got) == 0) {
        bool v4 = at.ss_family == AF_INET;
        port = ntohs(v4 ? ((struct sockaddr_in *)&at)->sin_port : ((struct sockaddr_in6 *)&at)->sin6_port);
    }
    close(fd);
    return port;
}
