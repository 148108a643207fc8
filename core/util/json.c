/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/json.h"

#include <locale.h>
#include <math.h>

#include <cJSON.h>

#include "core/util/fs.h"
#include "core/util/json_check.h"
#include "core/util/utf8.h"

enum { DEFAULT_MAX_BYTES = 16 << 20 };

/* `struct json` is cJSON's node under our name; nothing else of cJSON gets out of this file. */
static const cJSON *node(const struct json *j)
{
    return (const cJSON *)(const void *)j;
}

static cJSON *node_mut(struct json *j)
{
    return (cJSON *)(void *)j;
}

static const struct json *wrap(const cJSON *c)
{
    return (const struct json *)(const void *)c;
}

/* For new nodes: cJSON returns NULL only when out of memory. */
static cJSON *made(cJSON *c)
{
    if (!c) {
        MT_BUG("out of memory");
    }
    return c;
}

struct json *json_parse(const char *text, size_t len, struct error *err)
{
    /* cJSON is lenient (bad escapes, "01", control characters, BOM, bytes after the value): the grammar is checked
     * before. */
    size_t offset;
    const char *what = json_check(text, len, &offset);
    if (what) {
        (void)error_set(err, ERROR_PARSE, "JSON, byte %zu: %s", offset, what);
        return NULL;
    }
    cJSON *c = cJSON_ParseWithLengthOpts(text, len, NULL, 0);
    if (!c) {
        (void)error_set(err, ERROR_PARSE, "JSON: cannot be read");
    }
    return (struct json *)(void *)c;
}

struct json *json_load(const char *path, size_t max_bytes, struct error *err)
{
    struct strbuf text = STRBUF_INIT;
    struct json *j = NULL;
    if (fs_read(path, max_bytes ? max_bytes : (size_t)DEFAULT_MAX_BYTES, &text, err) == 0) {
        j = json_parse(text.buf, text.len, err);
        if (!j) {
            (void)error_wrap(err, "%s", path);
        }
    }
    strbuf_release(&text);
    return j;
}

void json_free(struct json *j)
{
    cJSON_Delete(node_mut(j));
}

const struct json *json_get(const struct json *j, const char *key)
{
    return json_is_object(j) ? wrap(cJSON_GetObjectItemCaseSensitive(node(j), key)) : NULL;
}

const char *json_get_string(const struct json *j, const char *key, const char *fallback)
{
    const char *s = json_string(json_get(j, key));
    return s ? s : fallback;
}

int json_get_name(const struct json *j, const char *key, const char *const *names, size_t count, int fallback)
{
    const char *name = json_get_string(j, key, "");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return fallback;
}

int64_t json_get_int(const struct json *j, const char *key, int64_t fallback)
{
    const struct json *v = json_get(j, key);
    if (!json_is_number(v)) {
        return fallback;
    }
    double d = json_number(v);
    /* 2^63 is exact in a double, INT64_MAX is not. */
    return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? (int64_t)d : fallback;
}

double json_get_double(const struct json *j, const char *key, double fallback)
{
    const struct json *v = json_get(j, key);
    return json_is_number(v) ? json_number(v) : fallback;
}

bool json_get_bool(const struct json *j, const char *key, bool fallback)
{
    const struct json *v = json_get(j, key);
    return cJSON_IsBool(node(v)) ? cJSON_IsTrue(node(v)) : fallback;
}

void json_get_strings(const struct json *j, const char *key, struct strvec *out)
{
    const struct json *v = json_get(j, key);
    if (!json_is_array(v)) {
        return;
    }
    for (v = json_first(v); v; v = json_next(v)) {
        if (json_is_string(v)) {
            strvec_push(out, json_string(v));
        }
    }
}

bool json_is_object(const struct json *j)
{
    return cJSON_IsObject(node(j));
}

bool json_is_array(const struct json *j)
{
    return cJSON_IsArray(node(j));
}

bool json_is_string(const struct json *j)
{
    return cJSON_IsString(node(j));
}

bool json_is_number(const struct json *j)
{
    return cJSON_IsNumber(node(j));
}

const char *json_string(const struct json *j)
{
    return json_is_string(j) ? node(j)->valuestring : NULL;
}

double json_number(const struct json *j)
{
    return json_is_number(j) ? node(j)->valuedouble : 0;
}

const struct json *json_first(const struct json *j)
{
    return json_is_object(j) || json_is_array(j) ? wrap(node(j)->child) : NULL;
}

const struct json *json_next(const struct json *j)
{
    return j ? wrap(node(j)->next) : NULL;
}

const char *json_key(const struct json *j)
{
    return j ? node(j)->string : NULL;
}

struct json *json_new_object(void)
{
    return (struct json *)(void *)made(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
    return (struct json *)(void *)made(cJSON_CreateArray());
}

/* Puts `child` under `key`, in the place of an earlier one. */
static void set(struct json *obj, const char *key, cJSON *child)
{
    if (!json_is_object(obj)) {
        MT_BUG("'%s' set in something that is not an object", key);
    }
    cJSON_bool ok = json_get(obj, key) ? cJSON_ReplaceItemInObjectCaseSensitive(node_mut(obj), key, child)
                                       : cJSON_AddItemToObject(node_mut(obj), key, child);
    if (!ok) {
        MT_BUG("out of memory");
    }
}

void json_set(struct json *obj, const char *key, struct json *child)
{
    set(obj, key, child ? node_mut(child) : made(cJSON_CreateNull()));
}

/* A string node; NULL becomes null. */
static cJSON *string_node(const char *value)
{
    return made(value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

void json_set_string(struct json *obj, const char *key, const char *value)
{
    set(obj, key, string_node(value));
}

void json_set_int(struct json *obj, const char *key, int64_t value)
{
    set(obj, key, made(cJSON_CreateNumber((double)value)));
}

void json_set_double(struct json *obj, const char *key, double value)
{
    set(obj, key, made(cJSON_CreateNumber(value)));
}

void json_set_bool(struct json *obj, const char *key, bool value)
{
    set(obj, key, made(cJSON_CreateBool(value)));
}

void json_set_null(struct json *obj, const char *key)
{
    set(obj, key, made(cJSON_CreateNull()));
}

void json_set_strings(struct json *obj, const char *key, const struct strvec *values)
{
    struct json *arr = json_new_array();
    for (size_t i = 0; i < values->len; i++) {
        json_append_string(arr, values->v[i]);
    }
    json_set(obj, key, arr);
}

void json_append(struct json *arr, struct json *child)
{
    if (!json_is_array(arr)) {
        MT_BUG("append to something that is not an array");
    }
    if (!cJSON_AddItemToArray(node_mut(arr), child ? node_mut(child) : made(cJSON_CreateNull()))) {
        MT_BUG("a value cannot be appended to itself");
    }
}

void json_append_string(struct json *arr, const char *value)
{
    json_append(arr, (struct json *)(void *)string_node(value));
}

void json_append_int(struct json *arr, int64_t value)
{
    json_append(arr, (struct json *)(void *)made(cJSON_CreateNumber((double)value)));
}

/* A quoted string. Bytes that are not UTF-8 become U+FFFD: the output is always valid JSON. */
static void write_string(struct strbuf *out, const char *s)
{
    size_t len = strlen(s);
    strbuf_addch(out, '"');
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char enc[4];
        i += utf8_decode(s + i, len - i, &cp);
        const char *escape = cp == '"'    ? "\\\""
                             : cp == '\\' ? "\\\\"
                             : cp == '\n' ? "\\n"
                             : cp == '\r' ? "\\r"
                             : cp == '\t' ? "\\t"
                                          : NULL;
        if (escape) {
            strbuf_addstr(out, escape);
        } else if (cp < 0x20 || cp == 0x7F) {
            strbuf_addf(out, "\\u%04x", (unsigned)cp);
        } else {
            strbuf_add(out, enc, utf8_encode(cp, enc));
        }
    }
    strbuf_addch(out, '"');
}

/* The shortest text that reads back as the same double; what JSON cannot say (NaN, infinity) is null. */
static void write_number(struct strbuf *out, double d)
{
    char text[40];
    if (isnan(d) || isinf(d)) {
        strbuf_addstr(out, "null");
        return;
    }
    if (d >= -9007199254740992.0 && d <= 9007199254740992.0 && d >= (double)(int64_t)d && d <= (double)(int64_t)d) {
        strbuf_addf(out, "%lld", (long long)d);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)str_format(text, sizeof(text), "%.*g", digits, d);
        double back = strtod(text, NULL);
        if (back >= d && back <= d) {
            break;
        }
    }
    /* printf follows the locale, JSON does not. */
    const char *point = localeconv()->decimal_point;
    char *at = *point && strcmp(point, ".") != 0 ? strstr(text, point) : NULL;
    if (at) {
        strbuf_add(out, text, (size_t)(at - text));
        strbuf_addch(out, '.');
        strbuf_addstr(out, at + strlen(point));
    } else {
        strbuf_addstr(out, text);
    }
}

/* A line break and the indentation of `depth`, in pretty form. */
static void write_break(struct strbuf *out, bool pretty, int depth)
{
    if (pretty) {
        strbuf_addch(out, '\n');
        for (int i = 0; i < depth; i++) {
            strbuf_addstr(out, "  ");
        }
    }
}

static void write_node(const cJSON *c, bool pretty, int depth, struct strbuf *out);

/* The members of an object or the elements of an array, with brackets. */
static void write_children(const cJSON *c, bool pretty, int depth, struct strbuf *out)
{
    bool object = cJSON_IsObject(c);
    strbuf_addch(out, object ? '{' : '[');
    for (const cJSON *child = c->child; child; child = child->next) {
        if (child != c->child) {
            strbuf_addch(out, ',');
        }
        write_break(out, pretty, depth + 1);
        if (object) {
            write_string(out, child->string);
            strbuf_addstr(out, pretty ? ": " : ":");
        }
        write_node(child, pretty, depth + 1, out);
    }
    if (c->child) {
        write_break(out, pretty, depth);
    }
    strbuf_addch(out, object ? '}' : ']');
}

static void write_node(const cJSON *c, bool pretty, int depth, struct strbuf *out)
{
    if (cJSON_IsObject(c) || cJSON_IsArray(c)) {
        write_children(c, pretty, depth, out);
    } else if (cJSON_IsString(c)) {
        write_string(out, c->valuestring);
    } else if (cJSON_IsNumber(c)) {
        write_number(out, c->valuedouble);
    } else {
        strbuf_addstr(out, cJSON_IsTrue(c) ? "true" : cJSON_IsFalse(c) ? "false" : "null");
    }
}

void json_write(const struct json *j, bool pretty, struct strbuf *out)
{
    write_node(node(j), pretty, 0, out);
    if (pretty) {
        strbuf_addch(out, '\n');
    }
}
