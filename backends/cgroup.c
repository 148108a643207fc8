/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

void cgroup_format_bytes(uint64_t bytes, char *out, size_t cap)
{
    if (bytes >= 1ull << 30) {
        str_format(out, cap, "%.1f GiB", (double)bytes / (double)(1ull << 30));
    } else {
        str_format(out, cap, "%llu MiB", (unsigned long long)(bytes >> 20));
    }
}

/* True when a comma-separated list has the word. */
static bool list_has(const char *list, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= len; i++) {
        if ((i == 0 || list[i - 1] == ',') && strncmp(list + i, word, n) == 0 && (i + n == len || list[i + n] == ',')) {
            return true;
        }
    }
    return false;
}

/* Our own path in the hierarchy of `controller`, from lines "ID:list:/path". */
static bool own_path(const char *cgroup, const char *controller, char *out, size_t cap)
{
    for (const char *line = cgroup; *line;) {
        const char *end = strchr(line, '\n'), *first = strchr(line, ':');
        const char *second = first ? strchr(first + 1, ':') : NULL;
        end = end ? end : line + strlen(line);
        if (second && second < end) {
            size_t len = (size_t)(second - first - 1);
            if (controller ? list_has(first + 1, len, controller) : len == 0) {
                return str_format(out, cap, "%.*s", (int)(end - second - 1), second + 1) == 0;
            }
        }
        line = *end ? end + 1 : end;
    }
    return false;
}

/* From lines "ID P MAJ:MIN ROOT POINT OPTIONS [..] - TYPE SOURCE SUPER". */
bool cgroup_mount_point(const char *mountinfo, const char *controller, char *out, size_t cap)
{
    for (const char *line = mountinfo; *line;) {
        char text[1024], root[256], point[256], type[32], super[256];
        const char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        str_format(text, sizeof(text), "%.*s", (int)MT_MIN(len, sizeof(text) - 1), line);
        const char *tail = strstr(text, " - ");
        if (tail && sscanf(text, "%*s %*s %*s %255s %255s", root, point) == 2 &&
            sscanf(tail, " - %31s %*s %255s", type, super) == 2 &&
            (controller ? strcmp(type, "cgroup") == 0 && list_has(super, strlen(super), controller)
                        : strcmp(type, "cgroup2") == 0)) {
            return str_copy(out, cap, point) == 0;
        }
        line += len + (end ? 1 : 0);
    }
    return false;
}

int cgroup_find(const char *mountinfo, const char *cgroup, const char *controller, char *out, size_t cap)
{
    char point[256], own[256];
    if (!cgroup_mount_point(mountinfo, controller, point, sizeof(point)) ||
        !own_path(cgroup, controller, own, sizeof(own))) {
        return -1;
    }
    return str_format(out, cap, "%s%s", point, strcmp(own, "/") == 0 ? "" : own);
}
