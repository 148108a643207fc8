/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/service.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

const struct service_kind service_kinds[SERVICE_COUNT] = {
    {SERVICE_BRIDGE, "MCP bridge", 18765, 18765, true},
    {SERVICE_SEARCH, "SearXNG", 18766, 8080, false},
};

static const char *const STATES[] = {
    [SERVICE_UNKNOWN] = "unknown", [SERVICE_ABSENT] = "absent",     [SERVICE_NONE] = "none",
    [SERVICE_STOPPED] = "stopped", [SERVICE_STARTING] = "starting", [SERVICE_PROVISIONING] = "provisioning",
    [SERVICE_RUNNING] = "running", [SERVICE_FAILED] = "failed",     [SERVICE_FOREIGN] = "foreign",
};

const char *service_state_name(enum service_state s)
{
    return (size_t)s < MT_ARRAY_LEN(STATES) ? STATES[s] : "unknown";
}

const struct service_kind *service_find(const char *name)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        if (strcmp(name, service_kinds[i].name) == 0 || strcmp(name, service_kinds[i].name + strlen("muthr-")) == 0) {
            return &service_kinds[i];
        }
    }
    return NULL;
}

bool service_exists(const struct service_view *v)
{
    return v->state >= SERVICE_STOPPED && v->state <= SERVICE_FAILED;
}

bool service_is_up(const struct service_view *v)
{
    return v->state == SERVICE_RUNNING || v->state == SERVICE_PROVISIONING;
}

const char *service_address(const struct service_view *v, char out[80])
{
    const struct port_spec *p = v->port_count > 0 && v->ports[0].host_port != 0 ? &v->ports[0] : NULL;
    const char *ip = p == NULL || p->host_ip[0] == '\0' ? "0.0.0.0" : p->host_ip;
    bool v6 = strchr(ip, ':') != NULL;
    out[0] = '\0';
    if (p != NULL) {
        str_format(out, 80, "%s%s%s:%u", v6 ? "[" : "", ip, v6 ? "]" : "", p->host_port);
    }
    return out;
}

bool service_is_exposed(const struct service_view *v)
{
    bool exposed = false;
    for (unsigned i = 0; i < v->port_count; i++) {
        const char *ip = v->ports[i].host_ip;
        exposed = exposed || (v->ports[i].host_port != 0 && strncmp(ip, "127.", 4) != 0 && strcmp(ip, "::1") != 0);
    }
    return exposed;
}
