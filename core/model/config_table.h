/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_CONFIG_TABLE_H
#define MT_CORE_MODEL_CONFIG_TABLE_H

/* The one option table behind config.h: every setting is a row, and parser, `config show`, `config init` and README
 * read the rows. */

#include <stddef.h>

#include "core/model/config.h"

enum config_type { CONFIG_STRING, CONFIG_INT, CONFIG_FLOAT, CONFIG_BOOL };

struct config_option {
    const char *table; /* "" (top level), "sandbox", "tui", "attention" */
    const char *key;
    enum config_type type;
    size_t offset;                                      /* of the field in struct config */
    const char *fallback;                               /* default, as text */
    double min, max;                                    /* numbers */
    const char *choices;                                /* strings: "a|b|c", NULL: any */
    int (*check)(const char *value, struct error *err); /* strings; may be NULL */
    const char *env;                                    /* overriding variable, or NULL */
    const char *help;
};

extern const struct config_option CONFIG_OPTIONS[];
extern const size_t CONFIG_OPTION_COUNT;

/* The row's name as people write it: "server_port", "sandbox.cpus". `out` has room for 64 bytes. */
void config_option_name(const struct config_option *o, char out[64]);

/* The field of *c that a row describes. */
void *config_field(const struct config *c, const struct config_option *o);
/* Everything back to the table's defaults. */
void config_set_defaults(struct config *c);
/* Remembers something the user should know, with its place in the file. */
void config_warn(struct config *c, int line, int col, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Appends a TOML basic string. */
void config_quote(struct strbuf *out, const char *s);

#endif
