/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_ENV_H
#define MT_CORE_ENGINE_ENV_H

/* The environment inside (P3, P4, P6, G1): provisioning, shells and agents get the same set. Values travel by name,
 * never by argv (X4). */

#include <stdbool.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/model/config.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"

struct env_input {
    const char *gateway;     /* host as seen from inside */
    const char *server_host; /* of the inference server; NULL: this host, at `gateway` */
    int64_t server_port;
    const char *model; /* name */
    uint64_t context;  /* 0: unknown -> 131072 */
    const char *workspace_mount, *specs_rev, *runtime, *backend;
};

/* Appends the P3 set, after checking every value (P4): INVALID names the field. */
int env_build(const struct env_input *in, struct strvec *out, struct error *err);
/* Appends the allow-listed variables of our own environment: TERM COLORTERM LANG LC_ALL TZ NO_COLOR. */
void env_add_host(struct strvec *out);
/* What our own terminal is, for programs in a session, whatever terminal we run in ourselves. */
void env_add_terminal(struct strvec *out);
/* --env K=V: key [A-Za-z0-9_]+, not starting with a digit; value without NUL, CR, LF; ENV_EXTRA_MAX of them
 * at most. Replaces what is there. */
#define ENV_EXTRA_MAX 4096
int env_add_extra(const struct strvec *extra, struct strvec *out, struct error *err);
int env_check_extra(const struct strvec *extra, struct error *err);
/* Takes one more; only it is checked. */
int env_push_extra(struct strvec *extra, const char *pair, struct error *err);
/* A model name of [A-Za-z0-9._:/-]+. */
int env_check_model(const char *model, struct error *err);

/* G1: what the configuration (or MUTHR_CONTAINER_HOST_GATEWAY, through it) says, else what the backend sees from inside
 * (`seen`, "" when it does not), else 127.0.0.1. *reachable: false when the sandbox has its own network and nobody
 * knows under which address it sees this host: services on the host's loopback are then out of reach by design (pasta
 * runs without a gateway mapping, slirp4netns with the host's loopback cut). */
void env_gateway(const struct config *config, enum net_policy net, const char *seen, char out[64], bool *reachable);

/* P6 when the server is silent: the active preset's model, or its name when there is no such preset any more, the
 * configuration, "local-model". *source tells which
 * ("preset", ...). named: the default endpoint has NULL; of another one what its entry says ("": nothing), instead of
 * the preset, which is the local server's. */
void env_fallback_model(const struct config *config, const struct paths *paths, const char *named, char out[160],
                        const char **source);
/* "mlxcel" or "llama": whose active preset is the newest, else the platform's usual one. */
const char *env_runtime(const struct paths *paths);

#endif
