/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_TOML_H
#define MT_CORE_UTIL_TOML_H

/* The TOML subset of our configuration, themes and attention rules: bare and quoted keys, dotted keys, basic and
 * literal strings (also multi-line), integers (decimal, 0x 0o 0b, underscores), floats, booleans, arrays (multi-line,
 * trailing comma), inline tables, [tables],
 * [[arrays of tables]], comments. Dates and everything else are errors. Errors are ERROR_PARSE "file:line:col: what".
 * A duplicate key is an error. Input must be UTF-8. Nesting at most 32. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"

enum toml_type { TOML_STRING, TOML_INT, TOML_FLOAT, TOML_BOOL, TOML_ARRAY, TOML_TABLE };

struct toml {
    enum toml_type type;
    int line, col; /* where the value (for tables: the header) stands, from 1 */
    char *key;     /* in a table; NULL in an array */
    int key_line, key_col;
    union {
        char *string; /* NUL-terminated; may not hold NUL */
        int64_t integer;
        double number;
        bool boolean;
    };
    struct toml *first, *last; /* children of arrays and tables, in file order */
    struct toml *next;
    bool is_inline, is_implicit, is_array_of_tables;
    bool is_dotted; /* made by a dotted key, not by a header */
};

/* Parses; `name` stands in errors. NULL on failure. The root is a table; free with toml_free. */
struct toml *toml_parse(const char *text, size_t len, const char *name, struct error *err);
/* Reads at most 4 MiB from a file. A missing file is ERROR_NOT_FOUND. */
struct toml *toml_load(const char *path, struct error *err);
void toml_free(struct toml *t);
/* Child of a table by key, or NULL; `t` may be NULL. */
const struct toml *toml_get(const struct toml *t, const char *key);
const char *toml_type_name(enum toml_type type);

#endif
