/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/prom.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/strbuf.h"

#define NUMBER_MAX 40

void prom_init(struct prom *p, const char *text, size_t len)
{
    *p = (struct prom){.at = text, .end = text + len};
}

/* A character of a metric's name. */
static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

/* Past spaces and tabs. */
static const char *skip_space(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t')) {
        s++;
    }
    return s;
}

/* Past {label="value",...}; NULL when they do not end on this line. */
static const char *skip_labels(const char *s, const char *end)
{
    bool quoted = false;
    if (s >= end || *s != '{') {
        return s;
    }
    for (s++; s < end; s++) {
        if (quoted && *s == '\\') {
            s++;
        } else if (*s == '"') {
            quoted = !quoted;
        } else if (*s == '}' && !quoted) {
            return s + 1;
        }
    }
    return NULL;
}

/* One line; false: no sample. */
static bool read_line(const char *s, const char *end, struct prom_sample *out)
{
    const char *name = s = skip_space(s, end);
    while (s < end && is_name(*s)) {
        s++;
    }
    size_t len = (size_t)(s - name);
    if (len == 0 || len >= sizeof(out->name) || (name[0] >= '0' && name[0] <= '9')) {
        return false;
    }
    s = skip_labels(skip_space(s, end), end);
    if (s == NULL) {
        return false;
    }
    const char *number = skip_space(s, end);
    char text[NUMBER_MAX], *after;
    size_t digits = 0;
    while (number + digits < end && strchr(" \t\r", number[digits]) == NULL) {
        digits++;
    }
    if (digits == 0 || digits >= sizeof(text)) {
        return false;
    }
    memcpy(text, number, digits);
    text[digits] = '\0';
    out->value = strtod(text, &after);
    memcpy(out->name, name, len);
    out->name[len] = '\0';
    return *after == '\0';
}

bool prom_next(struct prom *p, struct prom_sample *out)
{
    while (p->at < p->end && p->lines < PROM_LINES_MAX) {
        const char *line = p->at;
        const char *stop = memchr(line, '\n', (size_t)(p->end - line));
        p->at = stop != NULL ? stop + 1 : p->end;
        p->lines++;
        if (read_line(line, stop != NULL ? stop : p->end, out)) {
            return true;
        }
    }
    return false;
}
