/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_TASKS_H
#define MT_CORE_ENGINE_TASKS_H

/* Which tasks there are for a workspace: those of the user's muthr.toml, then those of the file of that name at the top
 * of the project folder. The project's file is untrusted (design.md 8): it is read without following links, bounded,
 * never on another machine, and nothing of it runs before a person said yes to exactly that definition in that
 * project. The yes is kept in STATE/task-consent/<id>.json (0600, written whole); a definition that was changed in any
 * way has another id and is asked for again. */

#include "core/engine/task_def.h"
#include "core/model/model.h"
#include "core/util/paths.h"

#define TASKS_FILE "muthr.toml"
#define TASKS_FILE_MAX (64u << 10) /* bytes of a project's file */

/* Fills *out (task_list_release), the user's first. Never fails: what cannot be read is a warning. Of the user's only
 * those for this workspace. `ws` NULL: all of the user's, and nothing else. */
void tasks_list(struct task_list *out, const struct paths *paths, const struct workspace *ws);
/* The definition of this name that would run, or NULL. Belongs to the list. */
const struct task_def *tasks_find(const struct task_list *list, const char *name);

/* Has a person said yes to this very definition? The user's own: always. Looks at the state folder, not at
 * def->consented. */
bool tasks_consented(const struct paths *paths, const struct task_def *def);
/* A person has read task_def_describe and said yes. */
int tasks_consent(const struct paths *paths, const struct workspace *ws, const struct task_def *def, struct error *err);

#endif
