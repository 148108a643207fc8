/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_PREFLIGHT_H
#define MT_BACKENDS_BWRAP_PREFLIGHT_H

/* What this machine's bwrap can do, and what its error texts mean. The parsers are pure; preflight_run starts processes
 * and blocks. */

#include <stdbool.h>
#include <stddef.h>

#include "backends/bwrap/net.h"
#include "core/engine/backend.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"

struct preflight_features {
    char
        path[256]; /* of bwrap; "" when not found. /usr/bin/bwrap is preferred: AppArmor profiles attach to that path */
    char version[32]; /* "0.8.0" */
    bool is_setuid;
    bool size, disable_userns, bind_fd, perms, clearenv, as_pid_1, overlay;
};

enum preflight_family {
    FAMILY_OTHER,
    FAMILY_DEBIAN,
    FAMILY_UBUNTU,
    FAMILY_FEDORA,
    FAMILY_ARCH,
    FAMILY_ALPINE,
    FAMILY_SUSE
};

struct preflight_distro {
    enum preflight_family family;
    char name[64]; /* PRETTY_NAME */
    int version;   /* of VERSION_ID: 24.04 is 2404, 13 is 1300 */
};

/* From the text of os-release. */
void preflight_parse_distro(const char *text, struct preflight_distro *out);
void preflight_distro_load(struct preflight_distro *out);
/* From `bwrap --help` (options) and `bwrap --version`. */
void preflight_parse_help(const char *help, const char *version, struct preflight_features *out);
/* Looks for bwrap and asks it. NOT_FOUND when there is none. */
int preflight_features_load(struct preflight_features *out, struct error *err);
/* The command that installs a package here. */
void preflight_install_command(const struct preflight_distro *d, const char *package, char *out, size_t cap);

/* What a failed bwrap's stderr means. text NULL: bwrap was not found. reason and fix are always filled; fix may be "".
 */
void preflight_classify(const char *text, const struct preflight_distro *d, char *reason, size_t reason_cap, char *fix,
                        size_t fix_cap);

/* Everything (state_dir: where sandboxes will lie): finds bwrap, runs a throw-away sandbox, tries the network helpers,
 * looks at limits. Blocks for up to some seconds. */
void preflight_run(const char *state_dir, struct backend_probe *out);
/* All that its answer hangs on, for who keeps it (process/probe_cache.h). */
void preflight_key(const char *state, const char *executable, struct strbuf *key);

/* Attaches the helpers, one after the other, to one throw-away sandbox that lives as long as this takes. True as soon
 * as one gives it an interface (*why is "" then); else *why tells what became of each. Blocks for limit_ms a helper at
 * the most. */
bool preflight_try_helpers(const struct preflight_features *f, const enum net_helper *helpers, size_t count,
                           uint64_t limit_ms, char *why, size_t cap);

#endif
