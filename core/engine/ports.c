/* SPDX-License-Identifier: Apache-2.0 */
/* S12: published ports that somebody else holds. */
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/io/hostport.h"

/* What a backend says of ports that it dropped; their names follow, with a space between. */
#define DROPPED "port in use, not published: "

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

/* Does the space separated list, which ends at a semicolon, hold that word? */
static bool lists(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; *p != '\0' && *p != ';';) {
        size_t n = strcspn(p, " ;");
        if (n == len && memcmp(p, word, n) == 0) {
            return true;
        }
        p += n + (p[n] == ' ' ? 1 : 0);
    }
    return false;
}

bool ports_regained(const char *host, const struct sandbox_spec *spec, const struct sandbox_info *info,
                    struct strbuf *text)
{
    const char *dropped = strstr(info->warning, DROPPED);
    bool any = false;
    if (dropped == NULL || host[0] != '\0' || net_policy_is_sealed(spec->net_after)) {
        return false;
    }
    for (size_t i = 0; i < spec->port_count; i++) {
        const struct port_spec *p = &spec->ports[i];
        char name[24];
        str_format(name, sizeof(name), "%u/%s", p->host_port, p->udp ? "udp" : "tcp");
        if (!lists(dropped + strlen(DROPPED), name) || !hostport_is_free(p->host_ip, p->host_port, p->udp)) {
            continue;
        }
        if (text != NULL) {
            strbuf_addf(text, "%s%s", any ? " " : text->len > 0 ? ", ports: " : "ports: ", name);
        }
        any = true;
    }
    if (any && text != NULL) {
        strbuf_addstr(text, " not published -> free again");
    }
    return any;
}

void ports_note(struct run *r)
{
    static const char *const WORDS[] = {DROPPED, "limits not enforced: "};
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
