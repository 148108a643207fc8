/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_net.h"

#include <stdbool.h>
#include <stdio.h>

#if defined(__linux__)

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int set_up(int fd, const char *name)
{
    struct ifreq req = {0};
    memcpy(req.ifr_name, name, strlen(name) + 1);
    if (ioctl(fd, SIOCGIFFLAGS, &req) < 0) {
        return -1;
    }
    req.ifr_flags |= IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &req);
}

static int give_address(int fd, const char *name, const char *address)
{
    struct ifreq req = {0};
    struct sockaddr_in sin = {.sin_family = AF_INET};
    memcpy(req.ifr_name, name, strlen(name) + 1);
    inet_pton(AF_INET, address, &sin.sin_addr);
    memcpy(&req.ifr_addr, &sin, sizeof(sin));
    return ioctl(fd, SIOCSIFADDR, &req);
}

int pod_own_network(void)
{
    int fd = -1;
    bool done = unshare(CLONE_NEWNET) == 0 && (fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0 &&
                set_up(fd, "lo") == 0 && ioctl(fd, SIOCBRADDBR, POD_UPLINK) == 0 &&
                give_address(fd, POD_UPLINK, POD_UPLINK_ADDRESS) == 0 && set_up(fd, POD_UPLINK) == 0;
    if (!done) {
        fprintf(stderr, "cannot make a network namespace for the test: %s\n", strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return done ? 0 : -1;
}

#else

int pod_own_network(void)
{
    fprintf(stderr, "network namespaces are Linux's\n");
    return -1;
}

#endif
