/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_STATE_H
#define MT_BACKENDS_PROCESS_STATE_H

/* The folder of one sandbox that is a tree of processes ($XDG_STATE_HOME/muthr/sandboxes/<id>): config.json (what was
 * asked for), status.json (what the shim says), and the lock whose holder is the shim. Files are the only truth shared
 * between processes. A broken file is set aside and told in the result, never fatal. Used by the cockpit's process and
 * by the helpers; everything here is short and synchronous. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/engine/backend.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"

#define STATE_ID_MAX 40
#define STATE_CHANGES                                                                                                  \
    ".changes" /* below the root: a folder with one poke file per sandbox, rewritten on each change of state */

/* Folder name for a sandbox: [a-z0-9-]{1,40}; a name that is not of that form gets its readable part and a hash. */
void state_id(const char *name, char out[STATE_ID_MAX + 1]);
/* True for a folder name that state_id could have made (temporary and trash folders are not). */
bool state_is_id(const char *folder);
/* Folders of the backends below the state folder: what one has made is nothing to the other. */
#define STATE_BWRAP "sandboxes"
#define STATE_SEATBELT "seatbelt"
/* "<state>/FOLDER" and "<root>/<id>". The caller frees. */
char *state_root(const char *state_dir, const char *folder);
char *state_dir_of(const char *root, const char *name);

struct state_config {
    struct sandbox_spec spec;
    bool sealed;       /* the network was cut; stays so over restarts until the next update */
    bool missing;      /* nothing readable there: only spec.name is good */
    char problem[200]; /* why; or "" */
};
void state_config_release(struct state_config *c);
/* Never fails; a malformed file is set aside. *out must be released. */
void state_config_load(const char *dir, struct state_config *out);
int state_config_save(const char *dir, const struct sandbox_spec *spec, bool sealed, struct error *err);
/* The spec as JSON text and back, as the helpers hand it on. Errors of parse: PARSE, INVALID (a field that must be
 * there is not). */
void state_spec_write(const struct sandbox_spec *spec, bool sealed, struct strbuf *out);
int state_spec_parse(const char *text, size_t len, struct sandbox_spec *out, bool *sealed, struct error *err);

/* What the shim records. phase: "starting", "running", "stopping", "stopped", "failed". */
struct state_status {
    char phase[16];
    char reason[200];
    char warning[240];
    char limits[160];
    char net[16];        /* policy name in force */
    char net_detail[80]; /* more of it, for people; or "" */
    char boot_id[40];
    char cgroups[3][256]; /* absolute folders of ours, to be removed */
    int shim_pid, init_pid, helper_pid, rc, port;
    uint64_t shim_start, init_start, helper_start; /* ticks since boot, field 22 of /proc/PID/stat */
    uint64_t started_wall_ms;
    uint64_t workspace_dev, workspace_ino;
    bool valid; /* a readable file was there */
};
/* Never fails; a malformed file is set aside and told in reason. */
void state_status_load(const char *dir, struct state_status *out);
int state_status_save(const char *dir, const struct state_status *st, struct error *err);
/* Saves the status with this phase and pokes whoever watches. err may be NULL: it is logged in any case. */
int state_record(const char *root, const char *id, struct state_status *st, const char *phase, struct error *err);
/* Rewrites the poke file of a sandbox. Failure is only logged. */
void state_poke(const char *root, const char *id);

/* Pid of the lock's holder, 0: nobody, -1: no lock file or not readable. */
int state_lock_holder(const char *dir);
/* Takes the lock for the rest of the process' life (until the fd is closed); BUSY naming the holder. POSIX: no other
 * descriptor of the lock file may be closed meanwhile in this process. */
int state_lock(const char *dir, int *fd, struct error *err);

/* True when the recorded process still is that one. */
bool state_proc_is(int pid, uint64_t start, const char *boot_id);

/* The network that it is to have when it starts now. */
enum net_policy state_net(const struct state_config *c);

/* Fills *out from the folder of a sandbox. False when there is no such folder. */
bool state_info(const char *dir, struct sandbox_info *out);

#endif
