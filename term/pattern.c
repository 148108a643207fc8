/* SPDX-License-Identifier: Apache-2.0 */
#include "term/pattern.h"

#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#if defined(__APPLE__)
#include <xlocale.h>
#endif

#include "core/util/regex_cost.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define PARTS_MAX 2048 /* of an expression, once its repetitions are expanded */

struct pattern {
    char *needle;
    size_t len;
    bool exact;
    bool is_regex;
    bool has_wide; /* `wide` is compiled */
    regex_t ascii; /* in the C locale: many times faster, right where all bytes are ASCII */
    regex_t wide;  /* knows characters */
    locale_t utf8; /* NULL: none on this machine */
    char trouble[160];
};

/* A locale whose characters are UTF-8; what it says does not matter otherwise. */
static locale_t utf8_locale(void)
{
    static const char *const names[] = {"C.UTF-8", "C.utf8", "en_US.UTF-8", "UTF-8"};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        locale_t l = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
        if (l != (locale_t)0) {
            return l;
        }
    }
    return (locale_t)0;
}

/* Does an upper-case letter ask for exact matching? \W and the like are no letters. */
static bool has_upper(const char *s, bool regex)
{
    for (; *s != '\0'; s++) {
        if (regex && *s == '\\' && s[1] != '\0') {
            s++;
        } else if (*s >= 'A' && *s <= 'Z') {
            return true;
        }
    }
    return false;
}

/* Compiles in a locale; false and the reason when it is no expression. */
static bool compile(struct pattern *p, regex_t *out, locale_t where)
{
    int flags = REG_EXTENDED | (p->exact ? 0 : REG_ICASE);
    locale_t old = uselocale(where);
    int rc = regcomp(out, p->needle, flags);
    if (rc != 0) {
        char why[96];
        regerror(rc, out, why, sizeof(why));
        (void)str_format(p->trouble, sizeof(p->trouble), "Not an expression (%s): searched as plain text", why);
    }
    uselocale(old);
    return rc == 0;
}

/* Makes an expression of it, if it has the signs of one. */
static void try_regex(struct pattern *p)
{
    if (strpbrk(p->needle, ".[]()*+?{}|^$\\") == NULL) {
        return;
    }
    const char *why = regex_too_costly(p->needle, PARTS_MAX);
    if (why != NULL) {
        (void)str_format(p->trouble, sizeof(p->trouble), "Not an expression (%s): searched as plain text", why);
        return;
    }
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    p->exact = has_upper(p->needle, true);
    if (c == (locale_t)0) {
        return;
    }
    p->is_regex = compile(p, &p->ascii, c);
    freelocale(c);
    p->utf8 = p->is_regex ? utf8_locale() : (locale_t)0;
    p->has_wide = p->utf8 != (locale_t)0 && compile(p, &p->wide, p->utf8);
    if (p->is_regex) {
        p->trouble[0] = '\0';
    }
}

struct pattern *pattern_new(const char *needle)
{
    struct pattern *p = xcalloc(1, sizeof(*p));
    p->needle = xstrdup(needle);
    p->len = strlen(needle);
    try_regex(p);
    if (!p->is_regex) {
        p->exact = has_upper(needle, false);
    }
    return p;
}

void pattern_free(struct pattern *p)
{
    if (p == NULL) {
        return;
    }
    if (p->is_regex) {
        regfree(&p->ascii);
    }
    if (p->has_wide) {
        regfree(&p->wide);
    }
    if (p->utf8 != (locale_t)0) {
        freelocale(p->utf8);
    }
    free(p->needle);
    free(p);
}

const char *pattern_trouble(const struct pattern *p)
{
    return p->trouble[0] != '\0' ? p->trouble : NULL;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Plain text, ASCII letters folded unless it is exact. */
static bool match_plain(const struct pattern *p, const char *text, size_t len, size_t from, size_t *start, size_t *end)
{
    if (p->len == 0 || len < p->len) {
        return false;
    }
    if (p->exact) {
        const char *at = from <= len ? memmem(text + from, len - from, p->needle, p->len) : NULL;
        *start = at != NULL ? (size_t)(at - text) : 0;
        *end = *start + p->len;
        return at != NULL;
    }
    for (size_t i = from; i + p->len <= len; i++) {
        size_t k = 0;
        while (k < p->len && fold(text[i + k]) == p->needle[k]) {
            k++;
        }
        if (k == p->len) {
            *start = i;
            *end = i + k;
            return true;
        }
    }
    return false;
}

/* Is every byte ASCII? */
static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* An expression. Empty matches are passed over; a match takes whole characters. */
static bool match_regex(struct pattern *p, const char *text, size_t len, size_t from, size_t *start, size_t *end)
{
    bool wide = p->has_wide && !is_ascii(text, len);
    locale_t old = wide ? uselocale(p->utf8) : (locale_t)0;
    bool found = false;
    while (!found && from <= len) {
        regmatch_t m = {.rm_so = (regoff_t)from, .rm_eo = (regoff_t)len};
        int flags = REG_STARTEND | (from > 0 ? REG_NOTBOL : 0);
        if (regexec(wide ? &p->wide : &p->ascii, text, 1, &m, flags) != 0) {
            break;
        }
        *start = (size_t)m.rm_so;
        *end = (size_t)m.rm_eo;
        found = *end > *start;
        from = *end + 1;
        while (from < len && ((unsigned char)text[from] & 0xC0) == 0x80) {
            from++;
        }
    }
    if (wide) {
        uselocale(old);
    }
    return found;
}

bool pattern_match(struct pattern *p, const char *text, size_t len, size_t from, size_t *start, size_t *end)
{
    bool found =
        p->is_regex ? match_regex(p, text, len, from, start, end) : match_plain(p, text, len, from, start, end);
    if (found) {
        while (*start > 0 && ((unsigned char)text[*start] & 0xC0) == 0x80) {
            --*start;
        }
        while (*end < len && ((unsigned char)text[*end] & 0xC0) == 0x80) {
            ++*end;
        }
    }
    return found;
}
