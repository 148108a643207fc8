/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/config_hosts.h"
#include "core/model/config_inference.h"
#include "core/model/config_table.h"
#include "core/util/toml.h"
#include "core/util/xmalloc.h"

int config_parse_size(const char *s, uint64_t *bytes, struct error *err)
{
    *bytes = 0;
    if (s[0] == '\0') {
        return 0;
    }
    bool plain = s[0] >= '0' && s[0] <= '9' && s[1] != 'x' && s[1] != 'X';
    char *end = NULL;
    errno = 0;
    double n = plain ? strtod(s, &end) : -1;
    if (end == NULL || errno != 0) {
        return error_set(err, ERROR_INVALID, "\"%.40s\" is not a size: write it like 512M or 2G", s);
    }
    static const char UNITS[] = "KMGT";
    const char *unit = *end != '\0' ? strchr(UNITS, *end & ~0x20) : NULL;
    if (unit != NULL) {
        for (const char *u = UNITS; u <= unit; u++) {
            n *= 1024;
        }
        end++;
        end += *end == 'i' ? 1 : 0;
    }
    end += *end == 'B' || *end == 'b' ? 1 : 0;
    if (*end != '\0' || n > 1e18) {
        return error_set(err, ERROR_INVALID, "\"%.40s\" is not a size: write it like 512M or 2G", s);
    }
    *bytes = (uint64_t)n;
    return 0;
}

/* Is `value` one of "a|b|c"? */
static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices;; at++) {
        const char *bar = strchr(at, '|');
        size_t n = bar != NULL ? (size_t)(bar - at) : strlen(at);
        if (n == len && memcmp(at, value, n) == 0) {
            return true;
        }
        if (bar == NULL) {
            return false;
        }
        at = bar;
    }
}

/* Sets a string field; the messages do not name the option: the caller does. */
static int set_string(struct config *c, const struct config_option *o, const char *value, struct error *err)
{
    if (o->choices != NULL && !is_choice(o->choices, value)) {
        const char *shown = o->choices[0] == '|' ? o->choices + 1 : o->choices;
        return error_set(err, ERROR_INVALID, "\"%.60s\" is none of %s", value, shown);
    }
    if (o->check != NULL && o->check(value, err) < 0) {
        return -1;
    }
    char **at = config_field(c, o);
    free(*at);
    *at = xstrdup(value);
    return 0;
}

/* Sets a number field within its range. */
static int set_number(struct config *c, const struct config_option *o, double value, struct error *err)
{
    if (!(value >= o->min && value <= o->max)) {
        return error_set(err, ERROR_INVALID, "%.15g is not between %.15g and %.15g", value, o->min, o->max);
    }
    if (o->type == CONFIG_INT) {
        *(int64_t *)config_field(c, o) = (int64_t)value;
    } else {
        *(double *)config_field(c, o) = value;
    }
    return 0;
}

/* Sets a field from text: defaults and the environment. */
static int set_text(struct config *c, const struct config_option *o, const char *text, struct error *err)
{
    char *end;
    switch (o->type) {
    case CONFIG_STRING:
        return set_string(c, o, text, err);
    case CONFIG_BOOL:
        *(bool *)config_field(c, o) = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        return 0;
    case CONFIG_INT:
    case CONFIG_FLOAT:
        break;
    }
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || (o->type == CONFIG_INT && strpbrk(text, ".eExXnNiI") != NULL)) {
        return error_set(err, ERROR_INVALID, "\"%.40s\" is not a number", text);
    }
    return set_number(c, o, value, err);
}

void config_set_defaults(struct config *c)
{
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        struct error err = ERROR_INIT;
        if (set_text(c, &CONFIG_OPTIONS[i], CONFIG_OPTIONS[i].fallback, &err) < 0) {
            MT_BUG("default of %s: %s", CONFIG_OPTIONS[i].key, err.msg);
        }
        free(c->origins[i]);
        c->origins[i] = NULL;
    }
}

/* Variables that are set and not empty; the first bad one is reported, the others still count. */
static int apply_environment(struct config *c, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct config_option *o = &CONFIG_OPTIONS[i];
        const char *value = o->env != NULL ? getenv(o->env) : NULL;
        if (value == NULL || value[0] == '\0') {
            continue;
        }
        struct error mine = ERROR_INIT;
        if (set_text(c, o, value, &mine) < 0) {
            if (rc == 0) {
                error_set(err, ERROR_INVALID, "%s: %s", o->env, mine.msg);
            }
            rc = -1;
            continue;
        }
        free(c->origins[i]);
        c->origins[i] = xstrdup(o->env);
    }
    return rc;
}

void config_warn(struct config *c, int line, int col, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s:%d:%d: ", c->path, line, col);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    c->warnings = xreallocarray(c->warnings, c->warning_count + 1, sizeof(*c->warnings));
    c->warnings[c->warning_count].text = strbuf_detach(&text, NULL);
    c->warnings[c->warning_count].line = line;
    c->warnings[c->warning_count].col = col;
    c->warning_count++;
}

/* "file:line:col: name: what". */
static int value_error(const struct config *c, const struct toml *v, const char *name, const char *what,
                       struct error *err)
{
    return error_set(err, ERROR_PARSE, "%s:%d:%d: %s: %s", c->path, v->line, v->col, name, what);
}

/* One value of the file into its field. */
static int apply_value(struct config *c, size_t row, const struct toml *v, struct error *err)
{
    static const char *const WANTED[] = {"a string", "a whole number", "a number", "true or false"};
    const struct config_option *o = &CONFIG_OPTIONS[row];
    struct error mine = ERROR_INIT;
    char name[64];
    config_option_name(o, name);
    int rc = 1;
    if (o->type == CONFIG_STRING && v->type == TOML_STRING) {
        rc = set_string(c, o, v->string, &mine);
    } else if (o->type == CONFIG_BOOL && v->type == TOML_BOOL) {
        *(bool *)config_field(c, o) = v->boolean;
        rc = 0;
    } else if ((o->type == CONFIG_INT || o->type == CONFIG_FLOAT) && v->type == TOML_INT) {
        rc = set_number(c, o, (double)v->integer, &mine);
    } else if (o->type == CONFIG_FLOAT && v->type == TOML_FLOAT) {
        rc = set_number(c, o, v->number, &mine);
    }
    if (rc < 0) {
        return value_error(c, v, name, mine.msg, err);
    }
    if (rc > 0) {
        char what[80];
        str_format(what, sizeof(what), "expected %s, found %s", WANTED[o->type], toml_type_name(v->type));
        return value_error(c, v, name, what, err);
    }
    free(c->origins[row]);
    c->origins[row] = xasprintf("%d", v->key_line);
    return 0;
}

/* One binding. */
static void add_key(struct config *c, const char *context, const struct toml *v)
{
    c->keys = xreallocarray(c->keys, c->key_count + 1, sizeof(*c->keys));
    c->keys[c->key_count++] = (struct config_key){
        .context = xstrdup(context), .chord = xstrdup(v->key), .command = xstrdup(v->string), .line = v->key_line};
}

/* [tui.keys] and its sub-tables; whether commands and chords exist is the keymap's to say. */
static int apply_keys(struct config *c, const struct toml *keys, const char *context, bool nested, struct error *err)
{
    if (keys->type != TOML_TABLE) {
        return value_error(c, keys, "tui.keys", "expected a table of \"key\" = \"command\"", err);
    }
    for (const struct toml *v = keys->first; v != NULL; v = v->next) {
        if (v->type == TOML_STRING) {
            add_key(c, context, v);
        } else if (v->type == TOML_TABLE && !nested) {
            if (apply_keys(c, v, v->key, true, err) < 0) {
                return -1;
            }
        } else {
            return value_error(c, v, "tui.keys", "expected \"key\" = \"command\"", err);
        }
    }
    return 0;
}

/* Row of table.key, or -1. */
static int find_option(const char *table, const char *key)
{
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        if (strcmp(CONFIG_OPTIONS[i].table, table) == 0 && strcmp(CONFIG_OPTIONS[i].key, key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Is it one of our tables? */
static bool is_table(const char *key)
{
    return strcmp(key, "sandbox") == 0 || strcmp(key, "tui") == 0 || strcmp(key, "attention") == 0 ||
           strcmp(key, "services") == 0;
}

/* Is it of [services]? What is wrong there takes nothing else of the file away, as in [[inference]], [[hosts]] and
 * [tasks]. */
static bool is_lenient(const char *table, const struct toml *v)
{
    return strcmp(table[0] != '\0' ? table : v->key, "services") == 0;
}

/* A warning instead of an error, which says where by itself. */
static void leave_out(struct config *c, const struct toml *v, const struct error *err)
{
    size_t path = strlen(c->path);
    const char *what = strncmp(err->msg, c->path, path) == 0 ? strstr(err->msg + path, ": ") : NULL;
    config_warn(c, v->line, v->col, "%s; it is left out", what != NULL ? what + 2 : err->msg);
}

/* One table of the file: "" (the root), [sandbox], [tui] or [attention]. */
static int apply_table(struct config *c, const char *table, const struct toml *t, struct error *err)
{
    for (const struct toml *v = t->first; v != NULL; v = v->next) {
        int row = find_option(table, v->key);
        bool root = table[0] == '\0';
        struct error mine = ERROR_INIT;
        int rc = 0;
        if (row >= 0) {
            rc = apply_value(c, (size_t)row, v, &mine);
        } else if (root && is_table(v->key)) {
            rc = v->type == TOML_TABLE ? apply_table(c, v->key, v, &mine)
                                       : value_error(c, v, v->key, "expected a table", &mine);
        } else if (root && strcmp(v->key, "hosts") == 0) {
            config_hosts_apply(c, v);
        } else if (root && strcmp(v->key, "inference") == 0) {
            config_inference_apply(c, v);
        } else if (strcmp(table, "tui") == 0 && strcmp(v->key, "keys") == 0) {
            rc = apply_keys(c, v, "all", false, &mine);
        } else if (strcmp(table, "tui") == 0 && strcmp(v->key, "bell") == 0) {
            c->attention_bell = v->type != TOML_STRING || strcmp(v->string, "off") != 0;
            config_warn(c, v->key_line, v->key_col, "tui.bell is now bell = %s below [attention]",
                        c->attention_bell ? "true" : "false");
        } else if (!root) {
            config_warn(c, v->key_line, v->key_col, "%s.%s: there is no such setting", table, v->key);
        }
        if (rc < 0 && is_lenient(table, v)) {
            leave_out(c, v, &mine);
        } else if (rc < 0) {
            if (err != NULL) {
                *err = mine;
            }
            return -1;
        }
    }
    return 0;
}

/* Key bindings, hosts and warnings of a file that is given up. */
static void drop_lists(struct config *c)
{
    for (size_t i = 0; i < c->key_count; i++) {
        free(c->keys[i].context);
        free(c->keys[i].chord);
        free(c->keys[i].command);
    }
    for (size_t i = 0; i < c->warning_count; i++) {
        free(c->warnings[i].text);
    }
    config_hosts_drop(c);
    config_inference_drop(c);
    free(c->keys);
    free(c->warnings);
    c->keys = NULL;
    c->warnings = NULL;
    c->key_count = c->warning_count = 0;
}

int config_load(struct config *c, const struct paths *paths, struct error *err)
{
    memset(c, 0, sizeof(*c));
    c->path = path_join(paths->config, "muthr.toml");
    config_set_defaults(c);
    struct error mine = ERROR_INIT;
    struct toml *root = toml_load(c->path, &mine);
    int rc = 0;
    if (root != NULL) {
        rc = apply_table(c, "", root, &mine);
        toml_free(root);
    } else if (mine.code != ERROR_NOT_FOUND) {
        rc = -1;
    }
    if (rc < 0) {
        drop_lists(c);
        config_set_defaults(c);
        if (err != NULL) {
            *err = mine;
        }
    }
    struct error env = ERROR_INIT;
    if (apply_environment(c, &env) < 0 && rc == 0) {
        rc = -1;
        if (err != NULL) {
            *err = env;
        }
    }
    return rc;
}

void config_release(struct config *c)
{
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        if (CONFIG_OPTIONS[i].type == CONFIG_STRING) {
            free(*(char **)config_field(c, &CONFIG_OPTIONS[i]));
        }
        free(c->origins[i]);
    }
    drop_lists(c);
    free(c->path);
    memset(c, 0, sizeof(*c));
}
