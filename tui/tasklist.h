/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_TASKLIST_H
#define MT_TUI_TASKLIST_H

/* The tasks of all workspaces in one order that does not change with their states: by machine, workspace, and when they
 * were begun. Pure; kept by id. */

#include <stdbool.h>
#include <stddef.h>

#include "core/model/model.h"

struct tasklist {
    char (*ids)[SESSION_ID_MAX];
    size_t count, cap;
    size_t all; /* how many there are without the filter */
};

/* Those that the filter leaves: every word of it in workspace, name, state, ports or command's last line; "": all. */
void tasklist_build(struct tasklist *l, const struct model *m, const char *filter);
void tasklist_release(struct tasklist *l);
/* Its place, or -1. */
long tasklist_find(const struct tasklist *l, const char *id);
/* What a task's workspace is called on the screen. */
const char *tasklist_place(const struct model *m, const struct session_info *s);

#endif
