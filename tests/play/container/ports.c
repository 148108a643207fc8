/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/play/container/standin.h"
#include "tests/portable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A bound socket for one mapping; -1 with errno. */
static int bind_one(const struct json *p)
{
    const char *address = json_get_string(p, "hostAddress", "0.0.0.0");
    bool udp = strcmp(json_get_string(p, "proto", "tcp"), "udp") == 0, v6 = strchr(address, ':') != NULL;
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)json_get_int(p, "hostPort", 0))};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in4.sin_port};
    inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)&in6.sin6_addr : (void *)&in4.sin_addr);
    int one = 1, fd = self_socket(v6 ? AF_INET6 : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, false);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    const struct sockaddr *sa = v6 ? (const void *)&in6 : (const void *)&in4;
    if (bind(fd, sa, v6 ? sizeof(in6) : sizeof(in4)) != 0 || (!udp && listen(fd, 64) != 0)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int ports_bind(const struct json *config, int *fds, uint16_t *targets, size_t cap)
{
    size_t n = 0;
    for (const struct json *p = json_first(json_get(config, "publishedPorts")); p && n < cap; p = json_next(p)) {
        int fd = bind_one(p);
        if (fd < 0) {
            return -1;
        }
        uint16_t inner = (uint16_t)json_get_int(p, "containerPort", 0);
        if (inner == json_get_int(p, "hostPort", 0)) {
            close(fd); /* the same network: the program inside is to have it */
            continue;
        }
        targets[n] = inner;
        fds[n++] = fd;
    }
    return (int)n;
}

/* Bytes of one direction. False at the end. */
static bool hand_on(int from, int to)
{
    char buf[16384];
    ssize_t n = read(from, buf, sizeof(buf));
    for (ssize_t at = 0, w; at < n; at += w) {
        w = write(to, buf + at, (size_t)(n - at));
        if (w <= 0) {
            return false;
        }
    }
    return n > 0;
}

/* One connection, both ways, until either end is done. */
static MT_NORETURN void carry(int client, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int server = self_socket(AF_INET, SOCK_STREAM, false);
    struct pollfd p[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    if (server < 0 || connect(server, (const void *)&in, sizeof(in)) != 0) {
        _exit(0);
    }
    while (poll(p, 2, -1) > 0) {
        if ((p[0].revents && !hand_on(client, server)) || (p[1].revents && !hand_on(server, client))) {
            break;
        }
    }
    _exit(0);
}

void ports_serve(const int *fds, const uint16_t *targets, size_t count)
{
    struct pollfd p[64];
    signal(SIGCHLD, SIG_IGN);
    for (size_t i = 0; i < count; i++) {
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    while (poll(p, count, -1) > 0) {
        for (size_t i = 0; i < count; i++) {
            int client = p[i].revents ? accept(p[i].fd, NULL, NULL) : -1;
            if (client >= 0 && fork() == 0) {
                carry(client, targets[i]);
            }
            if (client >= 0) {
                close(client);
            }
        }
    }
    _exit(0);
}
