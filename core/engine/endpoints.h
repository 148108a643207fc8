/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_ENDPOINTS_H
#define MT_CORE_ENGINE_ENDPOINTS_H

/* The engine's inference endpoints: the default one and those of [[inference]], each with a watcher of its own. Only
 * those that somebody sees (engine_watch_inference) or that an op or a session needs are asked anything. */

#include "core/inference/watcher.h"
#include "core/model/config.h"
#include "core/model/model.h"
#include "core/util/strvec.h"

struct engine;

struct endpoint {
    struct engine *e;
    size_t index;     /* in the model */
    const char *name; /* "": the default one. All of these are the configuration's */
    const char *host; /* IPv6 without brackets */
    int64_t port;
    const char *key_env, *key_file;
    const char *model_name; /* while it is silent; NULL or "": as configured for all */
    struct watcher *watcher;
    uint64_t linked_ms;    /* when its connections were counted last */
    bool visible, retired; /* retired: it is configured no more; looks at it still end */
    struct endpoint *next; /* among the retired */
};

/* Keys that were in our environment; they are not there any more, since no program that we start is to inherit them. */
struct endpoint_key {
    char variable[104];
    struct apikey *key;
    struct endpoint_key *next;
};

void endpoints_open(struct engine *e);
/* Nobody sees any. */
void endpoints_hide(struct engine *e);
void endpoints_free(struct engine *e);
/* The endpoint of a project with that profile; either may be NULL. */
struct endpoint *endpoints_for(const struct engine *e, const char *project, const char *profile);
/* Its port when it is on this machine, else 0. */
uint16_t endpoints_local_port(const struct endpoint *ep);
/* An agent of that sandbox does something: its endpoint may have been put to work. Cheap, also when called often. */
void endpoints_stir(struct engine *e, const char *sandbox);
/* That sandbox came up or went down. */
void endpoints_sandbox(struct engine *e, const struct workspace *ws);
/* That of a sandbox, by what the model knows of it; sandbox unknown: the default one. */
struct endpoint *endpoints_of(const struct engine *e, const char *sandbox);

#endif
