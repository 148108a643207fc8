/* SPDX-License-Identifier: Apache-2.0 */
/* What the model knows of muthr's own services (N7). */
#include <string.h>

#include "core/model/model_private.h"
#include "core/util/strbuf.h"

void model_init_services(struct model *m)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        m->services[i].kind = &service_kinds[i];
        m->services[i].provisioned = -1;
    }
}

const struct service_view *model_service(const struct model *m, size_t i)
{
    return i < SERVICE_COUNT ? &m->services[i] : NULL;
}

const struct service_view *model_service_by_name(const struct model *m, const char *name)
{
    const struct service_kind *kind = service_find(name);
    return kind != NULL ? &m->services[kind - service_kinds] : NULL;
}

/* Is anything new? Field by field: what lies between them is nobody's. */
static bool same_service(const struct service_view *a, const struct service_view *b)
{
    bool same = a->state == b->state && a->provisioned == b->provisioned && a->port_count == b->port_count &&
                a->started_wall_ms == b->started_wall_ms && a->exit_code == b->exit_code &&
                strcmp(a->backend, b->backend) == 0 && strcmp(a->reason, b->reason) == 0 &&
                strcmp(a->unprovisioned, b->unprovisioned) == 0 && strcmp(a->image, b->image) == 0 &&
                strcmp(a->id, b->id) == 0 && strcmp(a->error, b->error) == 0;
    for (unsigned i = 0; same && i < a->port_count; i++) {
        same = a->ports[i].host_port == b->ports[i].host_port && strcmp(a->ports[i].host_ip, b->ports[i].host_ip) == 0;
    }
    return same;
}

void model_put_service(struct model *m, const struct service_view *v)
{
    struct service_view *mine = &m->services[v->kind - service_kinds];
    struct model_event ev = {.kind = MODEL_SERVICE};
    if (same_service(mine, v)) {
        return;
    }
    *mine = *v;
    str_copy(ev.text, sizeof(ev.text), v->kind->name);
    bus_publish(m->bus, &ev);
}
