/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_ARGS_H
#define MT_BACKENDS_PODMAN_ARGS_H

/* The argv of `podman create` for a sandbox, and the names that belong to it. Pure. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/engine/backend.h"
#include "core/util/strbuf.h"

#define PODMAN_NAME_MAX 96
#define PODMAN_HOME "/home/muthr"
#define PODMAN_DEFAULT_IMAGE BACKEND_DEFAULT_IMAGE

/* Labels. The first two make a container ours (S1). */
#define PODMAN_LABEL_MANAGED "muthr.managed"
#define PODMAN_LABEL_OWNER "muthr.owner"
#define PODMAN_LABEL_SANDBOX "muthr.sandbox" /* the name as the engine knows it; podman's may be reduced to ASCII */
#define PODMAN_LABEL_PROJECT "muthr.project"
#define PODMAN_LABEL_PROFILE "muthr.profile"
#define PODMAN_LABEL_HASH "muthr.config-hash"
#define PODMAN_LABEL_BACKEND "muthr.backend"
#define PODMAN_LABEL_WORKSPACE "muthr.workspace"
#define PODMAN_LABEL_MOUNT "muthr.mount"
#define PODMAN_LABEL_NET "muthr.net"          /* the policy it was created with */
#define PODMAN_LABEL_NETWORK "muthr.network"  /* the value of --network */
#define PODMAN_LABEL_USER "muthr.user"        /* UID:GID of the person's programs inside */
#define PODMAN_LABEL_PORTS "muthr.ports"      /* what was dropped: "8080/tcp ..." */
#define PODMAN_LABEL_ORDER "muthr.port-order" /* ports inside, as the manifest orders them: "80/tcp 443/tcp" */
#define PODMAN_LABEL_WARNING "muthr.warning"  /* lasting warning of the creation */
#define PODMAN_LABEL_WRITABLE "muthr.writable-root"
#define PODMAN_LABEL_REQUIRE "muthr.require-limits"

/* The container's name of a sandbox: itself when podman takes it, else reduced to ASCII with a hash (N4). -1: nothing
 * is left. */
int podman_container_name(const char *sandbox, char out[PODMAN_NAME_MAX], struct error *err);

/* What `podman create` is made from. */
struct podman_args_input {
    const struct sandbox_spec *spec;
    const char *container; /* podman_container_name */
    const char *image;
    const char *network; /* value of --network */
    const char *seccomp; /* path of the filter, NULL: podman's own */
    const char *home;    /* volume for the home folder; NULL: part of the root */
    bool rootless;
    bool label_disable;                 /* SELinux: podman may not relabel the person's folders */
    bool can_memory, can_pids, can_cpu; /* podman can apply these limits here */
    bool has_passwd_entry;              /* podman >= 4.3 */
    bool has_user;                      /* uid and gid are known: this machine's podman */
    uid_t uid;
    gid_t gid;
};

/* Appends the arguments from "create" on. What is left out is told in `warning` (one text, "" when nothing). Errors:
 * INVALID (a path or target that cannot be), UNAVAILABLE (require_limits and they cannot be applied). */
int podman_args_create(const struct podman_args_input *in, struct strvec *out, struct strbuf *warning,
                       struct error *err);

/* From the argv with which a container was created (inspect's CreateCommand) the arguments for creating it again
 * without the mapping of this host port; the name of the port is added to its labels. -1: it has no such mapping. */
int podman_args_drop_port(const struct strvec *created, uint16_t port, bool udp, struct strvec *out);

/* The capabilities that a package manager run as root needs, and no more. */
extern const char *const podman_package_caps[];

#endif
