/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/ini.h"

#include <stdbool.h>
#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

#define SECTION_MAX 128
#define KEY_MAX 64

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes blanks off both ends. */
static void trim(const char **s, size_t *len)
{
    while (*len > 0 && is_blank(**s)) {
        (*s)++;
        (*len)--;
    }
    while (*len > 0 && is_blank((*s)[*len - 1])) {
        (*len)--;
    }
}

/* Is it text, without control characters but the tab? */
static bool is_text(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return utf8_is_valid(s, len);
}

/* Is it a key: letters, digits, and _ - . between them? */
static bool is_key(const char *s, size_t len)
{
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    for (size_t i = 0; i < len; i++) {
        if (strchr(ALLOWED, s[i]) == NULL) {
            return false;
        }
    }
    return len > 0 && len < KEY_MAX;
}

/* Copies a piece of the line; it fits, or it is an error. */
static int copy(char *dst, size_t cap, const char *s, size_t len)
{
    if (len >= cap) {
        return -1;
    }
    memcpy(dst, s, len);
    dst[len] = '\0';
    return 0;
}

/* [section] */
static int take_section(const char *s, size_t len, const char *name, int line, char section[SECTION_MAX],
                        struct error *err)
{
    if (s[len - 1] != ']') {
        return error_set(err, ERROR_PARSE, "%s:%d: a [section] without its ]", name, line);
    }
    s++;
    len -= 2;
    trim(&s, &len);
    if (len == 0 || copy(section, SECTION_MAX, s, len) < 0) {
        return error_set(err, ERROR_PARSE, "%s:%d: the section's name is empty or too long", name, line);
    }
    return 0;
}

/* key = value */
static int take_entry(const char *s, size_t len, const char *name, int line, char key[KEY_MAX],
                      char value[INI_VALUE_MAX], struct error *err)
{
    const char *eq = memchr(s, '=', len), *v;
    if (eq == NULL) {
        return error_set(err, ERROR_PARSE, "%s:%d: neither [section] nor key = value", name, line);
    }
    size_t key_len = (size_t)(eq - s), value_len = len - key_len - 1;
    v = eq + 1;
    trim(&s, &key_len);
    trim(&v, &value_len);
    if (!is_key(s, key_len) || copy(key, KEY_MAX, s, key_len) < 0) {
        return error_set(err, ERROR_PARSE, "%s:%d: what stands before = is no key", name, line);
    }
    if (value_len > 0 && (*v == '"' || *v == '\'')) {
        if (value_len < 2 || v[value_len - 1] != *v) {
            return error_set(err, ERROR_PARSE, "%s:%d: %s: the quote is not closed", name, line, key);
        }
        v++;
        value_len -= 2;
    }
    if (copy(value, INI_VALUE_MAX, v, value_len) < 0) {
        return error_set(err, ERROR_PARSE, "%s:%d: %s: longer than %d bytes", name, line, key, INI_VALUE_MAX - 1);
    }
    return 0;
}

int ini_parse(const char *text, size_t len, const char *name, ini_fn fn, void *arg, struct error *err)
{
    char section[SECTION_MAX] = "", key[KEY_MAX], value[INI_VALUE_MAX];
    const char *at = text, *end = text + len;

    if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        at += 3; /* a byte order mark */
    }
    for (int line = 1; at < end; line++) {
        const char *nl = memchr(at, '\n', (size_t)(end - at)), *s = at;
        size_t n = (size_t)((nl != NULL ? nl : end) - at);
        at = nl != NULL ? nl + 1 : end;
        n -= n > 0 && s[n - 1] == '\r' ? 1 : 0;
        if (!is_text(s, n)) {
            return error_set(err, ERROR_PARSE, "%s:%d: bytes that are no text", name, line);
        }
        trim(&s, &n);
        if (n == 0 || *s == '#' || *s == ';') {
            continue;
        }
        if (*s == '[') {
            if (take_section(s, n, name, line, section, err) < 0) {
                return -1;
            }
        } else if (take_entry(s, n, name, line, key, value, err) < 0 || fn(arg, section, key, value, line, err) < 0) {
            return -1;
        }
    }
    return 0;
}
