/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_MANIFEST_H
#define MT_CORE_ENGINE_MANIFEST_H

/* A profile's manifest (manifests/P.yaml): what the sandbox may use and how it is cut off. Keys:
 *   name (or profile), description, image, backend: text
 *   agent: text, [words] or {command: text or [words]}
 *   resources: {cpus, memory, pids, cpu_seconds}
 *   security: {network: none|model|full|host|restricted, seal: warn|strict, connect: [ports of this machine],
 * workspace_mode: direct|overlay, writable_root: true|false} mounts: {workspace: /path, extra: ["~/src:/dst[:ro]"]}, or
 * a list of such texts gpu: none|mps-only|metal-compute ports: ["8080:80", ":80/udp"] Unknown keys are warnings; a
 * value that cannot be is an error with its place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/backend.h"

struct manifest {
    char *name, *description, *image, *backend; /* NULL: not given */
    struct strvec agent;                        /* command of the agent; empty: none */
    double cpus;                                /* 0, 0, 0: not given */
    uint64_t memory_bytes;
    unsigned pids;
    unsigned cpu_seconds; /* of each process; 0: no limit */
    bool have_network;
    enum net_policy network; /* "restricted" counts as none */
    bool seal_warn;          /* a network that cannot be cut is a warning, not a failure */
    enum gpu_tier gpu;
    uint16_t connect[SANDBOX_CONNECT_MAX];
    size_t connect_count;
    enum workspace_mode workspace_mode;
    bool writable_root;
    char *workspace_mount;     /* NULL: /workspace */
    struct mount_spec *mounts; /* as written: not resolved, not checked for existence */
    size_t mount_count;
    struct strvec ports;    /* as written, checked */
    struct strvec warnings; /* "file:line: what" */
};

/* Reads a file of at most 1 MiB. Errors: NOT_FOUND; PARSE and INVALID as "file:line:col: what". *m is released on
 * failure. */
int manifest_load(struct manifest *m, const char *path, struct error *err);
/* The same from memory; `name` stands in messages. */
int manifest_parse(struct manifest *m, const char *text, size_t len, const char *name, struct error *err);
void manifest_init(struct manifest *m);
void manifest_release(struct manifest *m);

#endif
