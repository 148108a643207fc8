/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_ARGS_H
#define MT_BACKENDS_CONTAINER_ARGS_H

/* The argv of `container create` for a sandbox, and the names that belong to it. Pure. */

#include <stdbool.h>
#include <sys/types.h>

#include "backends/container/features.h"
#include "core/engine/backend.h"
#include "core/util/strbuf.h"

#define CTR_NAME_MAX 64 /* 63 characters, as the command takes them */
#define CTR_VOLUME_MAX (CTR_NAME_MAX + 8)
#define CTR_HOME "/home/muthr"
#define CTR_DEFAULT_IMAGE BACKEND_DEFAULT_IMAGE
#define CTR_MEMORY_MIN_BYTES (200ull << 20)

/* Labels. The first two make a container ours (S1). A value may hold no '='. */
#define CTR_LABEL_MANAGED "muthr.managed"
#define CTR_LABEL_OWNER "muthr.owner"
#define CTR_LABEL_SANDBOX "muthr.sandbox" /* the name as the engine knows it; the container's may be reduced */
#define CTR_LABEL_PROJECT "muthr.project"
#define CTR_LABEL_PROFILE "muthr.profile"
#define CTR_LABEL_HASH "muthr.config-hash"
#define CTR_LABEL_BACKEND "muthr.backend"
#define CTR_LABEL_WORKSPACE "muthr.workspace"
#define CTR_LABEL_MOUNT "muthr.mount"
#define CTR_LABEL_NET "muthr.net"         /* the policy it was created with */
#define CTR_LABEL_USER "muthr.user"       /* UID:GID of the person's programs inside */
#define CTR_LABEL_WARNING "muthr.warning" /* lasting warning of the creation */
#define CTR_LABEL_REQUIRE "muthr.require-limits"
/* One that was made anew from an image of itself (to have no network): what it was made from before, and the name that
 * such images have, which go with it. */
#define CTR_LABEL_IMAGE "muthr.image"
#define CTR_LABEL_IMAGE_ID "muthr.image-id"
#define CTR_SEALED_IMAGE "localhost/muthr-sealed-"

/* The container's name of a sandbox: itself when the command takes it (2 to 63 of [a-zA-Z0-9_.-]), else reduced to
 * ASCII and shortened, with a hash (N4). -1: nothing is left. */
int ctr_container_name(const char *sandbox, char out[CTR_NAME_MAX], struct error *err);

/* The volume for a container's home: it outlives the container when that is made anew. */
void ctr_home_name(const char *container, char out[CTR_VOLUME_MAX]);

/* What `container create` is made from. */
struct ctr_args_input {
    const struct sandbox_spec *spec;
    const char *container; /* ctr_container_name */
    const char *image;
    const char *home;              /* ctr_home_name: made by the way */
    const struct port_spec *ports; /* to be published: a host port each; 0: none was found */
    size_t port_count;
    const char *dropped; /* those of the spec that are in use: "8080/tcp ..."; "": none */
    int version[3];
    uid_t uid; /* of the person's programs inside */
    gid_t gid;
};

/* Appends the arguments from "create" on. What had to be changed or left out is told in `warning` (one text, "" when
 * nothing). Errors: INVALID (a path, name or target that cannot be), UNAVAILABLE (a network policy or a limit that is
 * required and cannot be had). */
int ctr_args_create(const struct ctr_args_input *in, struct strvec *out, struct strbuf *warning, struct error *err);

/* May this be the value of a label? INVALID with `what` in the message. */
int ctr_check_label(const char *what, const char *value, struct error *err);
/* May this folder be mounted there? INVALID: a colon, a comma in the target, a newline, a target that is taken. */
int ctr_check_mount(const char *source, const char *target, struct error *err);

#endif
