/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_OPNOTE_H
#define MT_TUI_OPNOTE_H

/* What operations this process runs, told to others: a small file in the runtime folder for each, written anew at each
 * step. `watch` reads them; nothing depends on them. They are left for a minute after the end, so that nobody misses
 * it, and swept by whoever begins the next operation. */

#include <stdbool.h>

#include "core/model/model.h"
#include "core/util/json.h"
#include "core/util/paths.h"

struct opnotes;

/* All borrowed; they outlive it. */
struct opnotes *opnotes_new(const struct paths *paths, struct bus *bus, const struct model *model);
void opnotes_free(struct opnotes *n); /* NULL allowed */

/* The folder. free(). */
char *opnote_dir(const struct paths *paths);
/* The facts of one ("<pid>-<operation>"), NULL when there is none. *pid: who runs it; *ended: it is over, one way or
 * another. An operation whose process died without a word is none. json_free. */
struct json *opnote_read(const char *dir, const char *id, int *pid, bool *ended);

#endif
