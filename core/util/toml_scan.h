/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_TOML_SCAN_H
#define MT_CORE_UTIL_TOML_SCAN_H

/* Reading characters, strings and plain values of TOML, with line and column. Used by toml.c only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/toml.h"

struct toml_scan {
    const char *p;
    size_t len, at;
    int line, col; /* of the reading position, from 1; columns count characters */
    const char *name;
    struct error *err;
};

struct toml_scalar {
    enum toml_type type; /* INT, FLOAT or BOOL */
    int64_t integer;
    double number;
    bool boolean;
};

/* Checks the whole text (UTF-8, no control characters) and skips a byte order mark. */
int toml_scan_begin(struct toml_scan *s);
/* ERROR_PARSE "name:line:col: what"; returns -1. */
int toml_scan_fail(struct toml_scan *s, int line, int col, const char *fmt, ...) MT_PRINTF(4, 5);
/* The byte `ahead` of the reading position, or -1 past the end. */
int toml_scan_peek(const struct toml_scan *s, size_t ahead);
/* Goes on by one byte. */
void toml_scan_next(struct toml_scan *s);
/* True at LF or CR LF. */
bool toml_scan_at_newline(const struct toml_scan *s);
bool toml_scan_is_bare(int b);
/* Skips spaces and tabs. */
void toml_scan_blanks(struct toml_scan *s);
/* Skips blanks, comments and line ends (inside arrays). */
int toml_scan_space(struct toml_scan *s);
/* Skips blanks and a comment up to and with the line's end; anything else is an error. */
int toml_scan_line_end(struct toml_scan *s);
/* A basic or literal string, one line or multi-line; the reading position is on its first quote. Appends to *out. */
int toml_scan_string(struct toml_scan *s, struct strbuf *out);
/* An integer, a float or a boolean. */
int toml_scan_scalar(struct toml_scan *s, struct toml_scalar *out);

#endif
