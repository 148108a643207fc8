/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SAVEFILE_H
#define MT_TUI_SAVEFILE_H

/* A pane's text to a file, piece by piece. */

#include <stdbool.h>

#include "core/util/error.h"

struct app;
struct pane;

/* Writes the selection, or everything, to `path` (~ is the home directory; a relative one begins where the cockpit was
 * started), 0600. What becomes of it is told when it is done; a file that was made and could not be written whole is
 * removed. Errors: EXISTS without `overwrite`; INVALID, BUSY, SYS: nothing was written. */
int savefile_start(struct app *app, struct pane *p, const char *path, bool overwrite, struct error *err);

#endif
