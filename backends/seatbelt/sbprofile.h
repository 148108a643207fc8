/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_SBPROFILE_H
#define MT_BACKENDS_SEATBELT_SBPROFILE_H

/* The Seatbelt profile of a sandbox: what its programs may do, everything else being denied. Pure text, the same on
 * every platform. Later rules win over earlier ones. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"

/* How far its programs reach. A sandbox shares the host's network: there is one loopback for all. */
enum sbprofile_net {
    SBPROFILE_NET_NONE,      /* nothing */
    SBPROFILE_NET_LOCALHOST, /* the listed ports of 127.0.0.1 */
    SBPROFILE_NET_FULL,      /* the outside; of localhost only the listed ports */
    SBPROFILE_NET_SHARED     /* everything that the user reaches, services on localhost included */
};
const char *sbprofile_net_name(enum sbprofile_net n); /* "none", "localhost-only", "full", "full (shared)" */

#define SBPROFILE_PORTS_MAX 32

struct sbprofile_mount {
    const char *path; /* at its own place: there are no mounts in a process sandbox */
    bool read_only;
};

/* Paths are absolute and canonical (/private/tmp, not /tmp). */
struct sbprofile_in {
    const char *state;     /* the sandbox's folder: never open itself, only what follows */
    const char *home;      /* private home, below state */
    const char *tmp;       /* private temporary files, below state */
    const char *root;      /* clone of an image folder, or NULL */
    const char *workspace; /* read-write */
    const struct sbprofile_mount *mounts;
    size_t mount_count;
    enum gpu_tier gpu;
    enum sbprofile_net net;
    const uint16_t *bind, *connect; /* ports of 127.0.0.1 */
    size_t bind_count, connect_count;
    bool shell;              /* the system's programs and what a shell reads of /private/etc */
    const char *interpreter; /* path of a shell that lies elsewhere, or NULL */
};

/* Appends the text. Errors: INVALID names a path that cannot stand in a profile (relative, not canonical, with a quote,
 * a backslash or a control character, no UTF-8, or one that would open the sandbox's own folder), or a port. */
int sbprofile_write(const struct sbprofile_in *in, struct strbuf *out, struct error *err);

/* Can this path stand in a profile? `what` begins the message. */
int sbprofile_check_path(const char *what, const char *path, struct error *err);

/* What a shell may read of the system, for people: NULL-terminated. */
extern const char *const sbprofile_shell_folders[];
extern const char *const sbprofile_shell_files[];

#endif
