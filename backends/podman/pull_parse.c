/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/pull_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

void pull_parse_init(struct pull_parse *p)
{
    memset(p, 0, sizeof(*p));
}

/* "4.0MiB", "183.0b" in bytes; 0 when it is no size. *end is left behind it. */
static double parse_size(const char *s, char **end)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"KiB", 1024},
                 {"MiB", 1048576},
                 {"GiB", 1073741824},
                 {"TiB", 1099511627776.0},
                 {"kB", 1e3},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"TB", 1e12},
                 {"b", 1},
                 {"B", 1}};
    double n = strtod(s, end);
    if (*end == s || !(n >= 0) || n > 1e6) {
        return 0; /* whoever asks looks for a slash behind it */
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(units); i++) {
        size_t len = strlen(units[i].unit);
        if (strncmp(*end, units[i].unit, len) == 0) {
            *end += len;
            return n * units[i].factor;
        }
    }
    return n;
}

/* The layer of an id, added when there is room. */
static int find_layer(struct pull_parse *p, const char *id, size_t n)
{
    n = MT_MIN(n, sizeof(p->layers[0].id) - 1);
    for (size_t i = 0; i < p->count; i++) {
        if (strlen(p->layers[i].id) == n && memcmp(p->layers[i].id, id, n) == 0) {
            return (int)i;
        }
    }
    if (n == 0 || p->count == PULL_LAYERS_MAX) {
        return -1;
    }
    memcpy(p->layers[p->count].id, id, n);
    return (int)p->count++;
}

/* "4e24a79d983e [==>--] 4.0MiB / 28.6MiB" or "... done" */
static void take_blob(struct pull_parse *p, const char *s)
{
    size_t n = strspn(s, "0123456789abcdef");
    if (s[n] == ':') { /* sha256:... when nobody watches */
        s += n + 1;
        n = MT_MIN(strspn(s, "0123456789abcdef"), (size_t)12);
    }
    int at = find_layer(p, s, n);
    if (at < 0) {
        return;
    }
    const char *bar = strchr(s, ']');
    char *end;
    if (strstr(s, " done") != NULL || strstr(s, " skipped") != NULL) {
        p->layers[at].finished = true;
    } else if (bar != NULL) {
        double done = parse_size(bar + 1 + strspn(bar + 1, " "), &end);
        const char *slash = strchr(end, '/');
        if (slash != NULL) {
            p->layers[at].done = done;
            p->layers[at].total = parse_size(slash + 1 + strspn(slash + 1, " "), &end);
        }
    }
}

/* A whole line. */
static void take_line(struct pull_parse *p)
{
    static const char blob[] = "Copying blob ", error[] = "Error: ";
    p->line[p->len] = '\0';
    if (strncmp(p->line, blob, sizeof(blob) - 1) == 0) {
        take_blob(p, p->line + sizeof(blob) - 1);
    } else if (strncmp(p->line, error, sizeof(error) - 1) == 0) {
        str_copy(p->error, sizeof(p->error), p->line + sizeof(error) - 1);
    } else if (strncmp(p->line, "Writing manifest", 16) == 0 || strncmp(p->line, "Storing signatures", 18) == 0) {
        p->storing = true;
    }
    p->len = 0;
}

void pull_parse_feed(struct pull_parse *p, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        if (p->escape == 1) { /* after ESC */
            p->escape = c == '[' ? 2 : 0;
        } else if (p->escape == 2) {
            p->escape = c >= 0x40 && c <= 0x7e ? 0 : 2;
        } else if (c == 0x1b) {
            p->escape = 1;
        } else if (c == '\n' || c == '\r') {
            if (p->len > 0) {
                take_line(p);
            }
        } else if (c >= 0x20 && p->len + 1 < sizeof(p->line)) {
            p->line[p->len++] = (char)c;
        }
    }
}

int pull_parse_progress(const struct pull_parse *p, char *text, size_t cap)
{
    double done = 0, total = 0;
    size_t finished = 0;
    bool unknown = false;
    for (size_t i = 0; i < p->count; i++) {
        bool over = p->layers[i].finished;
        finished += over;
        total += p->layers[i].total;
        done += over ? p->layers[i].total : MT_MIN(p->layers[i].done, p->layers[i].total);
        unknown |= !over && p->layers[i].total <= 0;
    }
    if (p->count == 0) {
        str_copy(text, cap, "asking the registry");
        return -1;
    }
    if (p->storing || finished == p->count) {
        str_format(text, cap, "%zu layers, storing", p->count);
        return 100;
    }
    str_format(text, cap, "layer %zu of %zu, %.1f of %s%.1f MiB", finished + 1, p->count, done / 1048576,
               unknown ? "at least " : "", total / 1048576);
    return total > 0 && !unknown ? (int)(100 * done / total) : -1;
}

bool build_parse_step(const char *line, int *percent, int *step, int *steps, const char **what)
{
    int stage = 1, stages = 1, used = 0;
    if (line[0] == '[' && (sscanf(line, "[%4d/%4d] %n", &stage, &stages, &used) != 2 || used == 0)) {
        return false;
    }
    line += used;
    used = 0;
    if (sscanf(line, "STEP %4d/%4d: %n", step, steps, &used) != 2 || used == 0 || *steps < 1 || *step < 1 ||
        *step > *steps || stages < 1 || stage < 1 || stage > stages) {
        return false;
    }
    *what = line + used;
    *percent = (int)(100.0 * (stage - 1 + (*step - 1) / (double)*steps) / stages);
    return true;
}
