/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_BOX_H
#define MT_BACKENDS_SEATBELT_BOX_H

/* What a sandbox's supervisor, its helpers and its clients have to agree on. */

#include "backends/process/state.h"
#include "backends/seatbelt/sbprofile.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

#define BOX_PROFILE "sandbox.sb" /* in the sandbox's folder; every program of a run goes under this very text */
#define BOX_OPEN_FILES 4096

/* How a policy is kept: there is one network, the host's. */
enum sbprofile_net box_tier(const struct sandbox_spec *spec, enum net_policy net, int port);
/* The profile of the sandbox in `dir` with that network and reserved port (0: none). *left_out: mounts that are gone,
 * comma separated; may be NULL. INVALID: a path that cannot stand in a profile. */
int box_profile(const char *dir, const struct sandbox_spec *spec, enum net_policy net, int port, struct strbuf *out,
                struct strbuf *left_out, struct error *err);
/* "localhost only: listens on 41234, connects to 8080"; "" when there is nothing to add to the policy's name. */
void box_net_words(const struct sandbox_spec *spec, enum net_policy net, int port, char *out, size_t cap);
/* The folder to clone as its root, or NULL: an image that is a folder of this machine. */
const char *box_image(const struct sandbox_spec *spec);

/* The environment of its programs, nothing of ours: PATH, HOME, TMPDIR, PORT, ... */
void box_environment(const char *dir, const struct sandbox_spec *spec, const struct state_status *st,
                     struct strvec *env);
/* In a child, before it becomes a program: open files, processor time, no core files. */
void box_set_limits(const struct sandbox_spec *spec);
/* KEY=VALUE that marks the programs of this run. */
void box_mark(const char *dir, const struct state_status *st, struct strbuf *out);

#endif
