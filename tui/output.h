/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_OUTPUT_H
#define MT_TUI_OUTPUT_H

/* What verbs print: data on stdout as aligned text, one JSON array, or NDJSON; messages on stderr (behaviour.md O1).
 * Colour only on a terminal and as NO_COLOR, CLICOLOR and CLICOLOR_FORCE say (O2). Everything that came from elsewhere
 * is sanitised in text form. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/json.h"

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_NDJSON };
int output_format_parse(const char *s, enum output_format *out, struct error *err);

/* A table in the making: rows of objects; text form shows the columns named, in order. */
struct output_column {
    const char *key;   /* member of the row object */
    const char *title; /* heading in text form */
};
struct output;
struct output *output_new(enum output_format format, const struct output_column *columns, size_t count);
/* Takes `row` (an object). NDJSON rows are printed at once. */
void output_row_take(struct output *o, struct json *row);
/* Prints what is left and frees. `empty_note` goes to stderr when there was no row in text form. Returns -1 when stdout
 * failed (EPIPE, full disk). */
int output_finish(struct output *o, const char *empty_note);

/* True when `fd` (1 or 2) may be coloured. */
bool output_color(int fd);
/* "muthr-tui: <msg>" and, on a line of its own, the hint; to stderr. */
void output_error(const struct error *err);
/* The same for programs, as one object: {"error", "hint", "exit"}. */
void output_error_json(const struct error *err, int exit_code);
/* Writes out what stdout holds. -1 after saying why it could not be written; a reader that went away needs no words. */
int output_flush(void);
void output_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
