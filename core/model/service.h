/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_SERVICE_H
#define MT_CORE_MODEL_SERVICE_H

/* muthr's own services (N7): containers that sandboxes use and that are none themselves, known by their names to the
 * muthr CLI and to us. Values only. */

#include <stdbool.h>
#include <stdint.h>

#include "core/engine/backend.h"

#define SERVICE_COUNT 2
#define SERVICE_BRIDGE "muthr-services" /* the MCP bridge; provisioned by provision.d/muthr-services.sh */
#define SERVICE_SEARCH "muthr-searxng"  /* a container of a SearXNG image; nothing is provisioned */

/* What is fixed of each (P3). */
struct service_kind {
    const char *name, *what;
    uint16_t host_port, container_port;
    bool scripted; /* its script is what serves; else the image's own program */
};
extern const struct service_kind service_kinds[SERVICE_COUNT];
/* By name, or by what follows "muthr-" in it; NULL: there is no such service. */
const struct service_kind *service_find(const char *name);

enum service_state {
    SERVICE_UNKNOWN, /* not looked at yet, or the runtime cannot tell; see reason */
    SERVICE_ABSENT,  /* nothing here can hold services; see reason */
    SERVICE_NONE,    /* it was never made */
    SERVICE_STOPPED,
    SERVICE_STARTING,
    SERVICE_PROVISIONING,
    SERVICE_RUNNING,
    SERVICE_FAILED,
    SERVICE_FOREIGN /* a container of this name is there that is not muthr's: never touched */
};
const char *service_state_name(enum service_state s); /* "unknown", "absent", ... */

struct service_view {
    const struct service_kind *kind;
    enum service_state state;
    char backend[16];        /* that holds it, or would; "" */
    char reason[400];        /* why it failed, is absent or unknown; or "" */
    int provisioned;         /* 1: its script is through since it was started, 0: it is not, -1: not known, or none */
    char unprovisioned[320]; /* why it is 0, a sentence without its end; or "" */
    char image[256], id[72];
    struct port_spec ports[4]; /* as read back */
    unsigned port_count;
    uint64_t started_wall_ms; /* since when it runs; 0: not known, or it does not */
    int exit_code;            /* stopped or failed */
    char error[400];          /* of the last op on it, until one succeeds; or "" */
};
/* Is it there, and ours? */
bool service_exists(const struct service_view *v);
bool service_is_up(const struct service_view *v);
/* "127.0.0.1:18765", the first published; "" when there is none. Text in `out`. */
const char *service_address(const struct service_view *v, char out[80]);
/* Is a port of it open to more than this machine? */
bool service_is_exposed(const struct service_view *v);

#endif
