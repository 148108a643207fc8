/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_LOGTEXT_H
#define MT_TUI_LOGTEXT_H

/* A terminal's raw log as plain lines: escape sequences and overwritten parts of lines are left out. Pure. */

#include <stddef.h>

#include "core/util/strvec.h"

/* Appends the lines of `data`; each is valid UTF-8 without control characters and at most a few thousand bytes long. */
void logtext_lines(const char *data, size_t len, struct strvec *out);

#endif
