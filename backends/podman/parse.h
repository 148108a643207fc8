/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_PARSE_H
#define MT_BACKENDS_PODMAN_PARSE_H

/* What podman's JSON says about containers, in the shapes of podman 3.4 to 5.8 (unknown keys ignored, null = empty,
 * dates as numbers or texts). Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/util/json.h"
#include "core/util/strvec.h"

/* What is read besides the info that everybody gets. */
struct podman_seen {
    struct sandbox_info info;  /* foreign: not ours; then only name, id and state count */
    char state[16];            /* "created", "running", "paused", "stopping", "exited", ... as podman says, 3.4's
                                  "configured" as "created" */
    char container[96];        /* podman's name of it */
    char created_network[128]; /* label: value of --network at creation */
    char user[32];             /* label: "1000:1000" */
    bool writable_root, require_limits; /* labels */
    bool ever_started;
    int64_t started, exited; /* seconds, 0: never */
    struct strvec networks;  /* it is connected to, by name */
    char network[128];       /* the first of them in order of names, "" for none */
    /* inspect only: */
    bool oom_killed;
    uint64_t memory_bytes; /* as the runtime was told; 0: none */
    int64_t pids;          /* 0 or less: none */
    double cpus;
    struct strvec create_command;
};
void podman_seen_release(struct podman_seen *s);

/* `ps -a --format json`: one after the other. Containers that are not ours and pods' own are left out; services (N7)
 * are there, marked, also foreign ones. Returns 0, or -1 with PARSE. */
int podman_parse_ps(const char *text, size_t len, void (*each)(void *arg, const struct podman_seen *seen), void *arg,
                    struct error *err);
/* `inspect --type container`: the same for each; foreign ones are there, marked. */
int podman_parse_inspect(const char *text, size_t len, void (*each)(void *arg, const struct podman_seen *seen),
                         void *arg, struct error *err);

/* An image's id as ps, inspect and `image inspect` print it, with or without "sha256:": its hexadecimal digits; "" when
 * it is none. */
#define PODMAN_IMAGE_ID_MAX 72
void podman_parse_image_id(const char *text, char out[PODMAN_IMAGE_ID_MAX]);
/* "4.3.1", "5.0.0-rc2", "podman version 4.9.4-rhel" -> numbers; false when there are none. */
bool podman_parse_version(const char *text, int version[3]);

/* Networks that net.c makes for sealing to the inference server only: their names begin so. */
#define PODMAN_MODEL_NETWORK "muthr-model"

#endif
