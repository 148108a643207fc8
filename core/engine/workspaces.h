/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_WORKSPACES_H
#define MT_CORE_ENGINE_WORKSPACES_H

/* Looks at the workspace root: one entry per project folder. One directory read and one stat per child. */

#include <stddef.h>

#include "core/model/model.h"

/* Fills *out with a heap array (free()), in no certain order; only the fields that model_set_workspaces reads are set.
 * Hidden names and files are left out. A folder that cannot have a sandbox (name, link that leads nowhere, name taken
 * by another folder) has name_error. */
int workspaces_scan(const char *root, struct workspace **out, size_t *count, struct error *err);
/* Name, shown form and sandbox (or name_error) of one folder name. */
void workspaces_name(struct workspace *w, const char *name);

#endif
