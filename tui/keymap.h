/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_KEYMAP_H
#define MT_TUI_KEYMAP_H

/* {context, chord, command}: defaults are a table, the user's [tui.keys] override by the same names. An unknown key
 * name, context or command is an error with its line. "none" unbinds. */

#include "core/model/config.h"
#include "core/util/error.h"
#include "core/util/strvec.h"
#include "term/keys.h"
#include "tui/command.h"

struct keymap;
/* Problems (one line each, "file:line: ...") are appended to *problems; the good bindings hold all the same. */
struct keymap *keymap_new(const struct config *config, struct strvec *problems);
void keymap_free(struct keymap *k);
/* The command bound to `key` in this context, or NULL. A binding for the context wins over one for all. */
const struct command *keymap_lookup(const struct keymap *k, enum command_context context, struct key key);
/* The chord shown for a command in a context ("Enter", "S", "C-]"); NULL when unbound. */
const char *keymap_chord(const struct keymap *k, enum command_context context, const struct command *c);
struct key keymap_prefix(const struct keymap *k);

#endif
