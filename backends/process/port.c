/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/hostport.h"

int port_bind(int port, int *got)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(sin);
    int fd, one = 1;
    if (port && hostport_is_taken("127.0.0.1", (uint16_t)port, false)) { /* also by who listens on all addresses */
        return -1;
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0) {
        fd_set_flags(fd, true);
    }
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* Connections of the last run may still be fading out on it. */
    if (fd >= 0 && port) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (fd >= 0 && bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
        getsockname(fd, (struct sockaddr *)&sin, &len) == 0) {
        int zero = 0;
        /* Without it from here on, nobody else can bind beside us. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof(zero));
        *got = ntohs(sin.sin_port);
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}
