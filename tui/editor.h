/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_EDITOR_H
#define MT_TUI_EDITOR_H

/* A pane's text in the person's editor: $VISUAL, $EDITOR, else one that is there. It gets the outer terminal, as with
 * git; the cockpit lets go of the screen and takes it back when the editor has ended. The text is a copy in a temporary
 * file, which goes with the editor unless it was changed. */

#include <stdbool.h>

#include "core/util/error.h"

struct app;
struct pane;
struct editor;

/* Gathers the text, then runs the editor. Errors: NOT_FOUND (no such editor), BUSY (one runs), SYS. */
int editor_start(struct app *app, struct pane *p, struct error *err);
/* It has the terminal: what the keyboard signals is not for the cockpit. */
bool editor_has_terminal(const struct app *app);
/* The cockpit leaves. */
void editor_close(struct app *app);

#endif
