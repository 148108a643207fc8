/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/regex_cost.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"

#define DEPTH_MAX 64

/* Sizes of what stands so far: in each open group, and of the last piece, which a repetition multiplies. */
struct measure {
    unsigned long sum[DEPTH_MAX];
    size_t depth;
    unsigned long last;
    unsigned long most; /* the largest that was seen: nothing may stay below it by being overwritten */
};

/* Past `]`, where a bracket expression begins behind its `[`. An unfinished one ends with the text. */
static const char *skip_bracket(const char *s)
{
    s += *s == '^';
    s += *s == ']';
    while (*s != '\0' && *s != ']') {
        if (s[0] == '[' && s[1] != '\0' && strchr(":.=", s[1]) != NULL) {
            const char end[] = {s[1], ']', '\0'}, *at = strstr(s + 2, end);
            s = at != NULL ? at + 2 : s + 1;
        } else {
            s++;
        }
    }
    return s + (*s == ']');
}

/* A piece of this size follows the one before. */
static void piece(struct measure *m, unsigned long size)
{
    m->sum[m->depth] += m->last;
    m->last = size;
    m->most = MT_MAX(m->most, m->sum[m->depth] + size);
}

/* The last piece is repeated: bounds are what regcomp copies. */
static void repeat(struct measure *m, unsigned long times)
{
    m->last = MT_MAX(m->last, 1ul) * MT_MAX(times, 1ul);
    m->most = MT_MAX(m->most, m->sum[m->depth] + m->last);
}

/* The most copies that `{m,n}` makes, `s` being behind its brace. */
static unsigned long copies(const char *s, unsigned max)
{
    char *end;
    unsigned long low = strtoul(s, &end, 10), high = *end == ',' ? strtoul(end + 1, NULL, 10) : low;
    return MT_MIN(MT_MAX(low, high), (unsigned long)max) + 1;
}

const char *regex_too_costly(const char *pattern, unsigned max)
{
    struct measure m = {.depth = 0};
    for (const char *s = pattern; *s != '\0';) {
        char c = *s++;
        if (c == '\\') {
            if (*s >= '1' && *s <= '9') {
                return "back references are not supported";
            }
            s += *s != '\0';
            piece(&m, 1);
        } else if (c == '[') {
            s = skip_bracket(s);
            piece(&m, 1);
        } else if (c == '(' && m.depth + 1 < DEPTH_MAX) {
            piece(&m, 0);
            m.sum[++m.depth] = 1;
        } else if (c == '(') {
            return "its groups are nested too deeply";
        } else if (c == ')' && m.depth > 0) {
            unsigned long group = m.sum[m.depth] + m.last;
            m.last = group;
            m.depth--;
            m.most = MT_MAX(m.most, m.sum[m.depth] + group);
        } else if (c == '{') {
            repeat(&m, copies(s, max));
        } else if (c == '+') {
            repeat(&m, 2); /* regcomp makes aa* of it */
        } else if (c == '*' || c == '?') {
            repeat(&m, 1);
        } else {
            piece(&m, 1);
        }
        if (m.most > max) {
            return "it repeats too often";
        }
    }
    return NULL;
}
