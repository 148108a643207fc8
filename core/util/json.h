/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_JSON_H
#define MT_CORE_UTIL_JSON_H

/* JSON: typed, case-sensitive getters and a writer over cJSON (the only place of cJSON.h is json.c).
 * A `struct json` is a node; a root returned by json_parse/json_new_* is freed with json_free, children belong to their
 * root. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

struct json; /* = cJSON */

/* Parses exactly one value of at most `len` bytes; trailing white space is allowed, anything else is ERROR_PARSE with
 * the byte offset. Nesting is limited (100). NULL on failure. */
struct json *json_parse(const char *text, size_t len, struct error *err);
/* Reads and parses a file of at most max_bytes (0 = 16 MiB). Errors name the file. */
struct json *json_load(const char *path, size_t max_bytes, struct error *err);
void json_free(struct json *j); /* NULL allowed */

/* Getters: NULL / fallback when the key is missing or of another type; never fail. `j` may be NULL. Strings belong to
 * the tree. */
const struct json *json_get(const struct json *j, const char *key);
const char *json_get_string(const struct json *j, const char *key, const char *fallback);
/* The place of a text member among `names`; the fallback when it is none of them. */
int json_get_name(const struct json *j, const char *key, const char *const *names, size_t count, int fallback);
int64_t json_get_int(const struct json *j, const char *key,
                     int64_t fallback); /* out of range of int64: fallback; fractions are cut */
double json_get_double(const struct json *j, const char *key, double fallback);
bool json_get_bool(const struct json *j, const char *key, bool fallback);
/* Appends the strings of an array to *out; others are skipped. */
void json_get_strings(const struct json *j, const char *key, struct strvec *out);
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_string(const struct json *j);
bool json_is_number(const struct json *j);
const char *json_string(const struct json *j); /* NULL unless a string */
double json_number(const struct json *j);      /* 0 unless a number */
/* Iteration over array elements or object members: for (c = json_first(j); c; c = json_next(c)). */
const struct json *json_first(const struct json *j);
const struct json *json_next(const struct json *j);
const char *json_key(const struct json *j); /* member's name, or NULL */

/* Building. Values are copied; a child given to json_set/json_append belongs to the parent from then on. NULL strings
 * become null. */
struct json *json_new_object(void);
struct json *json_new_array(void);
void json_set(struct json *obj, const char *key, struct json *child);
void json_set_string(struct json *obj, const char *key, const char *value);
void json_set_int(struct json *obj, const char *key, int64_t value);
void json_set_double(struct json *obj, const char *key, double value);
void json_set_bool(struct json *obj, const char *key, bool value);
void json_set_null(struct json *obj, const char *key);
void json_set_strings(struct json *obj, const char *key, const struct strvec *values);
void json_append(struct json *arr, struct json *child);
void json_append_string(struct json *arr, const char *value);
void json_append_int(struct json *arr, int64_t value);

/* Appends the text form. pretty: two-space indentation and a final newline. */
void json_write(const struct json *j, bool pretty, struct strbuf *out);

#endif
