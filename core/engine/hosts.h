/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_HOSTS_H
#define MT_CORE_ENGINE_HOSTS_H

/* Sandboxes of other machines ([[hosts]]) are called "muthr-x@host" by everybody but the backends: '@' cannot stand in
 * a sandbox name (N4), so nothing is mistaken for anything. */

#include "core/engine/naming.h"
#include "core/model/model.h"

/* What locks, records and file names of ours call it: "muthr-x" or "muthr-x@gpu1". INVALID when that is too long. */
int hosts_key(const char *sandbox, const char *host, char out[NAMING_SANDBOX_MAX], struct error *err);
/* The name that the runtime knows: without the host, and of ASCII only where it takes nothing else (caps of its
 * backend; `project`: the folder's name). */
const char *hosts_bare(const char *key, const char *project, unsigned caps, char out[NAMING_SANDBOX_MAX]);
/* The way back: the key of what a backend listed as `name` with that project. */
int hosts_key_of(const char *name, const char *project, unsigned caps, const char *host, char out[NAMING_SANDBOX_MAX],
                 struct error *err);
/* The workspaces of a host: its project folders (names, one entry each; NULL: not known) and the sandboxes that exist
 * there without one. Appends to *list. Only what model_set_workspaces reads is set. */
void hosts_workspaces(const char *host, const char *root, const struct strvec *folders,
                      const struct sandbox_info *infos, size_t info_count, struct workspace **list, size_t *count);

#endif
