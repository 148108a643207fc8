/* SPDX-License-Identifier: Apache-2.0 */
/* S12: published ports that somebody else holds. */
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/io/hostport.h"

bool ports_lost(struct run *r)
{
    bool here = slot_host(r->slot)[0] == '\0' && (r->slot->ops->caps & BACKEND_CAP_PORTS) != 0;
    for (size_t i = 0; here && i < r->spec.port_count; i++) {
        const struct port_spec *want = &r->spec.ports[i];
        for (unsigned k = 0; k < r->info.port_count; k++) {
            const struct port_spec *has = &r->info.ports[k];
            if (has->container_port == want->container_port && has->udp == want->udp &&
                hostport_is_taken(want->host_ip, want->host_port, want->udp)) {
                char text[120];
                str_format(text, sizeof(text), "host port %u is in use: it is made again without that port",
                           want->host_port);
                run_note(r, text);
                return true;
            }
        }
    }
    return false;
}

void ports_note(struct run *r)
{
    static const char *const WORDS[] = {"port in use, not published: ", "limits not enforced: "};
    for (size_t i = 0; i < MT_ARRAY_LEN(WORDS); i++) {
        const char *at = strstr(r->info.warning, WORDS[i]);
        char text[sizeof(r->info.warning)];
        if (at != NULL) {
            str_copy(text, sizeof(text), at);
            text[strcspn(text, ";")] = '\0';
            run_note(r, text);
        }
    }
}
