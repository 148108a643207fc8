/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_ARGS_H
#define MT_BACKENDS_BWRAP_ARGS_H

/* bwrap's options for one sandbox. Builds text only; what is on the host is looked up below host_root, so that tests
 * can give a made-up machine. Order matters to bwrap: later mounts lie over earlier ones. */

#include <stdbool.h>

#include "backends/bwrap/preflight.h"
#include "core/engine/backend.h"
#include "core/util/strvec.h"

/* Descriptors as the bwrap process will see them. */
enum args_fd {
    ARGS_FD_ARGS = 5,
    ARGS_FD_SECCOMP,
    ARGS_FD_INFO,
    ARGS_FD_BLOCK,
    ARGS_FD_LISTEN,
    ARGS_FD_WORKSPACE,
    ARGS_FD_INIT,
    ARGS_FD_LEASH,
    ARGS_FD_END
};

struct args_input {
    const struct sandbox_spec *spec;
    const struct preflight_features *features;
    const char *host_root; /* "" but in tests */
    const char *dir;       /* the sandbox's state folder: home, tmp, etc */
    const char
        *ca_file;      /* bundle of certificates to point programs to, as a path that exists on the host; NULL: none */
    unsigned uid, gid; /* inside */
    enum net_policy net;
    int port;                 /* PORT and MUTHR_PORT; 0: not set */
    bool overlay_by_bwrap;    /* --overlay with its upper and work folders */
    const char *overlay_view; /* the workspace as it is mounted already; NULL: the folder itself */
    bool workspace_by_fd;     /* --bind-fd ARGS_FD_WORKSPACE, else --bind of the path */
};

/* Fills `out` with the options (without "bwrap" and without the command). A mount whose source is gone is left out and
 * named in *skipped (a comma-separated text; may be NULL). Errors: INVALID for a mount target that is not absolute or
 * has a `..`. */
int args_build(const struct args_input *in, struct strvec *out, struct strbuf *skipped, struct error *err);

/* The user and group names of the generated files. */
#define ARGS_USER "muthr"
#define ARGS_HOME "/home/muthr"

#endif
