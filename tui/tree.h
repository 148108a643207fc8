/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_TREE_H
#define MT_TUI_TREE_H

/* The rows of the docked list, built from the model: workspaces, and below each its running operation and its sessions.
 * Pure: no drawing, no time. Rows name things by id and are rebuilt whole when something changed; the selection is kept
 * by id. */

#include <stdbool.h>
#include <stddef.h>

#include "core/model/model.h"

enum tree_kind {
    TREE_WORKSPACE,
    TREE_OP, /* progress of an operation in flight: cannot be selected */
    TREE_SESSION,
    TREE_HOST,     /* heading of a machine: cannot be selected; there are none without [[hosts]] */
    TREE_HOST_WHY, /* why that machine cannot be reached */
};
struct tree_row {
    enum tree_kind kind;
    workspace_id ws;
    char session[SESSION_ID_MAX];
    char host[32];               /* headings: "" is this machine */
    bool has_children, expanded; /* workspaces */
};

enum tree_sort { TREE_SORT_NAME, TREE_SORT_ATTENTION, TREE_SORT_RECENT, TREE_SORT_COUNT };
bool tree_is_selectable(enum tree_kind kind);
/* The view of a machine: its backend that works, or the first one. NULL: none is known. */
const struct backend_view *tree_host(const struct model *m, const char *host);
const char *tree_sort_name(enum tree_sort s);

/* A set of workspaces. */
struct tree_set {
    workspace_id *ids;
    size_t len, cap;
};
bool tree_set_has(const struct tree_set *s, workspace_id id);
/* Returns whether it is in the set now. */
bool tree_set_toggle(struct tree_set *s, workspace_id id);
void tree_set_put(struct tree_set *s, workspace_id id, bool in);
void tree_set_release(struct tree_set *s);

struct tree {
    struct tree_row *rows;
    size_t count, cap;
};
struct tree_opts {
    const char *filter; /* "" shows all */
    enum tree_sort sort;
    const struct tree_set *collapsed;
};
void tree_build(struct tree *t, const struct model *m, const struct tree_opts *opts);
void tree_release(struct tree *t);

/* What is selected: a workspace, or one of its sessions. */
struct tree_target {
    workspace_id ws;
    char session[SESSION_ID_MAX];
};
/* Row of the target; its workspace's row when the session is gone; -1 when neither is there. */
int tree_find(const struct tree *t, const struct tree_target *target);
/* The selectable row `delta` away from row `from` (-1: none selected), clamped to the ends; -1 when there is none. */
int tree_step(const struct tree *t, int from, int delta);
/* Does this session get a line (and a number)? Provision runs are shown by their operation instead. */
bool tree_shows_session(const struct session_info *s);
/* Is the op one that brings something up or down, still going? */
bool tree_op_is_live(const struct op_view *op);

#endif
