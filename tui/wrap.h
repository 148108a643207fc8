/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_WRAP_H
#define MT_TUI_WRAP_H

/* Breaking text into lines for a number of columns. Pure. */

#include <stddef.h>

#include "core/util/strbuf.h"
#include "core/util/strvec.h"

/* Takes the next line off *text: at most `cols` columns, cut at a blank where there is one, or at a newline; `line` is
 * replaced. Returns its columns, or -1 at the end of the text. Always moves on. */
int wrap_next(const char **text, int cols, struct strbuf *line);
/* As much of one line as fits `cols` columns and ends with a phrase, before a comma, a colon, a semicolon or a bracket;
 * where not even the first one fits, with a word. `line` is replaced. */
void wrap_phrases(const char *text, int cols, struct strbuf *line);
/* How many lines that gives. */
int wrap_count(const char *text, int cols);
/* All lines of a text, added to `out`. What follows a name ("Stays:  the folder", "Enter       open it") or a margin
 * stays in its column when it is wrapped. */
void wrap_hanging(const char *text, int cols, struct strvec *out);

#endif
