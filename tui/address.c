/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/address.h"

#include <string.h>

#include "core/util/strbuf.h"

/* One published port. */
static void describe(const struct workspace *ws, const struct port_spec *p, struct address *out)
{
    bool any = p->host_ip[0] == '\0' || strcmp(p->host_ip, "0.0.0.0") == 0 || strcmp(p->host_ip, "::") == 0;
    const char *ip = any ? "127.0.0.1" : p->host_ip;
    bool six = strchr(ip, ':') != NULL;
    char at[64];
    *out = (struct address){0};
    str_format(at, sizeof(at), "%s%s%s:%u", six ? "[" : "", ip, six ? "]" : "", p->host_port);
    if (p->udp) {
        str_format(out->text, sizeof(out->text), "%s udp", at);
    } else if (ws->host[0]) {
        str_format(out->text, sizeof(out->text), "%s on %s", at, ws->host); /* not ours: nothing to click here */
    } else {
        str_format(out->url, sizeof(out->url), "http://%s", at);
        str_copy(out->text, sizeof(out->text), out->url);
    }
    if (p->container_port && p->container_port != p->host_port) {
        str_format(out->note, sizeof(out->note), "to %u inside", p->container_port);
    }
}

int address_get(const struct workspace *ws, size_t i, struct address *out)
{
    size_t n = 0;
    bool told = false; /* the reserved one may be among them */
    if (!ws || ws->info.state != SANDBOX_RUNNING) {
        return -1;
    }
    for (unsigned k = 0; k < ws->info.port_count && k < SANDBOX_PORTS_MAX; k++) {
        if (ws->info.ports[k].host_port && n++ == i) {
            describe(ws, &ws->info.ports[k], out);
            return 0;
        }
        told = told || ws->info.ports[k].host_port == ws->info.port;
    }
    if (ws->info.port && !told && n == i) {
        struct port_spec p = {.host_port = (uint16_t)ws->info.port};
        describe(ws, &p, out);
        return 0;
    }
    return -1;
}
