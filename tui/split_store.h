/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SPLIT_STORE_H
#define MT_TUI_SPLIT_STORE_H

/* The layouts of all workspaces, by the names of their sandboxes, in memory and in one file. A session stands in one
 * layout at most. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "tui/split.h"

#define SPLIT_KEY_MAX 160
#define SPLIT_STORE_MAX 1000 /* layouts that are kept */

struct split_entry {
    char key[SPLIT_KEY_MAX];
    struct split split; /* of two panes at least; empty: forgotten, but not yet in the file */
    bool changed;       /* since it was read or written */
    bool held;          /* the file has another one by now, which waits: this one is being looked at */
};
struct split_store {
    struct split_entry *entries;
    size_t count, cap;
};
void split_store_release(struct split_store *st);
/* The layout of a workspace, or NULL. Valid until the next put. */
struct split_entry *split_store_get(struct split_store *st, const char *key);
/* The layout that a session stands in, or NULL. */
struct split_entry *split_store_with(const struct split_store *st, const char *session);
/* Sets (and copies) the layout of a workspace; one of less than two panes is forgotten. */
void split_store_put(struct split_store *st, const char *key, const struct split *split);
/* Adds what the file has; no file is no error. A broken file changes nothing: ERROR_PARSE, and it was set aside. One of
 * a later version is left alone: ERROR_INVALID. */
int split_store_load(struct split_store *st, const char *path, struct error *err);
/* Writes what was changed over what the file has by now: another cockpit may have written it. */
int split_store_save(struct split_store *st, const char *path, struct error *err);
/* Takes over what another cockpit has written: layouts that were not changed here become what the file says, or are
 * forgotten with it. The one that `looked_at` (a session; NULL: none) stands in is held while the file's has no place
 * for that session. *news: something became different. No file, or one as for split_store_load: nothing changes. */
int split_store_reread(struct split_store *st, const char *path, const char *looked_at, bool *news, struct error *err);
bool split_store_is_changed(const struct split_store *st);

#endif
