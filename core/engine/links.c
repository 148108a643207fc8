/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/links.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/strbuf.h"

#define TABLE_MAX (256u << 10)
#define ESTABLISHED 1u
#define SYN_SENT 2u

/* The address as the table writes it: words of the machine's own order. v6 of a v4 address: mapped. */
static int table_address(const char *host, bool v6, char out[33])
{
    struct in_addr v4;
    struct in6_addr a6;
    uint32_t w[4] = {0, 0, htonl(0xffff), 0};
    if (inet_pton(AF_INET, host, &v4) == 1) {
        w[3] = v4.s_addr;
    } else if (v6 && inet_pton(AF_INET6, host, &a6) == 1) {
        memcpy(w, &a6, sizeof(w));
    } else {
        return -1;
    }
    if (v6) {
        str_format(out, 33, "%08X%08X%08X%08X", w[0], w[1], w[2], w[3]);
    } else {
        str_format(out, 33, "%08X", w[3]);
    }
    return 0;
}

int links_parse(const char *text, const char *host, uint16_t port)
{
    int n = 0;
    for (const char *line = text; *line != '\0';) {
        char remote[33], want[33];
        unsigned rport, state;
        char one[160];
        size_t len = strcspn(line, "\n");
        str_format(one, sizeof(one), "%.*s", (int)MT_MIN(len, sizeof(one) - 1), line);
        /* "  0: 0100007F:1F90 0200000A:C350 01 ..." */
        if (sscanf(one, " %*u: %*32[0-9A-Fa-f]:%*x %32[0-9A-Fa-f]:%x %x", remote, &rport, &state) == 3 &&
            rport == port && (state == ESTABLISHED || state == SYN_SENT) &&
            table_address(host, strlen(remote) == 32, want) == 0 && strcmp(remote, want) == 0) {
            n++;
        }
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    return n;
}

#if defined(__linux__)

/* Is its network not ours? */
static bool has_own_network(int pid)
{
    char path[64], theirs[64], ours[64];
    str_format(path, sizeof(path), "/proc/%d/ns/net", pid);
    ssize_t n = readlink(path, theirs, sizeof(theirs)), m = readlink("/proc/self/ns/net", ours, sizeof(ours));
    return n > 0 && m > 0 && (n != m || memcmp(theirs, ours, (size_t)n) != 0);
}

int links_count(int pid, const char *host, uint16_t port)
{
    static const char *const tables[] = {"tcp", "tcp6"};
    char want[33];
    int n = 0;
    if (pid <= 0 || table_address(host, true, want) < 0 || !has_own_network(pid)) {
        return -1;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(tables); i++) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        char path[64];
        str_format(path, sizeof(path), "/proc/%d/net/%s", pid, tables[i]);
        if (fs_read(path, TABLE_MAX, &text, NULL) == 0) {
            n += links_parse(text.buf, host, port);
        } else if (i == 0) {
            return -1; /* a machine without IPv6 has no tcp6 */
        }
    }
    return n;
}

#else

int links_count(int pid, const char *host, uint16_t port)
{
    (void)pid;
    (void)host;
    (void)port;
    return -1;
}

#endif
