/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_PARSE_H
#define MT_BACKENDS_CONTAINER_PARSE_H

/* What `container`'s JSON says, in its three generations (to 0.7.1; 0.8 to 0.12; from 1.0), told apart by their shape.
 * Unknown keys are ignored, null = empty. Pure. What is no complete answer is an error, never "nothing there". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/container/args.h"
#include "core/engine/backend.h"
#include "core/util/json.h"
#include "core/util/strvec.h"

#define CTR_MOUNTS_MAX 24

struct ctr_mount {
    char kind[16]; /* "virtiofs", "tmpfs", "volume", "block"; "" unknown */
    char source[1024], target[256];
    bool read_only;
};

/* What is read besides the info that everybody gets. */
struct ctr_seen {
    struct sandbox_info info;     /* foreign: not ours; then only name, id and state count */
    char state[16];               /* "unknown", "stopped", "running", "stopping" */
    char container[CTR_NAME_MAX]; /* container's name of it */
    char created_net[16];         /* label: the policy */
    char image[256];              /* what it runs on; info.image may be what that was made from */
    char user[32];                /* label: "501:20" */
    bool require_limits;          /* label */
    bool config_known;            /* what follows was in the answer */
    unsigned networks;            /* that it is configured with; 0 = none */
    char network[64];             /* the first of them */
    int64_t cpus;                 /* 0: not told */
    uint64_t memory_bytes;
    int64_t pids; /* of the person's user; 0: no limit */
    bool caps_known, read_only, init, rosetta, ssh;
    char cap_add[160], cap_drop[160]; /* "ALL", "CHOWN, KILL", "" */
    char main_user[32];               /* of the main process: "0:0" or a name */
    struct ctr_mount mounts[CTR_MOUNTS_MAX];
    size_t mount_count, mounts_more;        /* more: those beyond the last */
    size_t sockets;                         /* published unix sockets */
    uint16_t host_ports[SANDBOX_PORTS_MAX]; /* as configured: info.ports tells what is open now */
    size_t host_port_count;
};

/* `list --all --format json` and `inspect`: one after the other, foreign ones too, marked. Returns 0, or -1 with
 * PARSE. */
int ctr_parse_list(const char *text, size_t len, void (*each)(void *arg, const struct ctr_seen *seen), void *arg,
                   struct error *err);

/* `system version --format json`: the version of the command, and whether its service answered. */
struct ctr_system {
    int version[3];
    char version_text[64];
    bool service_up;
};
int ctr_parse_system_version(const char *text, size_t len, struct ctr_system *out, struct error *err);

/* `network list --format json`: the gateway of the network of this name (IPv4), "" when it is not told. */
int ctr_parse_network(const char *text, size_t len, const char *name, char *gateway, size_t cap, struct error *err);

/* `stats --format json`: one after the other. */
struct ctr_sample {
    char container[CTR_NAME_MAX];
    struct sandbox_stats stats;
};
int ctr_parse_stats(const char *text, size_t len, void (*each)(void *arg, const struct ctr_sample *s), void *arg,
                    struct error *err);

/* A start time as a number (seconds since 2001-01-01 UTC) or ISO 8601 text -> milliseconds since 1970; 0: none. */
uint64_t ctr_parse_date(const struct json *j);

#endif
