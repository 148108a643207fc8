/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/features.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/util/compiler.h"

static const struct {
    int major, minor;
    const char *text;
} floors[] = {
    [CTR_NETWORK] = {0, 2, "0.2"},
    [CTR_PUBLISH] = {0, 3, "0.3"},
    [CTR_NET_NONE] = {0, 6, "0.6"},
    [CTR_STATS] = {0, 7, "0.7"},
    [CTR_SYSTEM_VERSION] = {0, 8, "0.8"},
    [CTR_READ_ONLY] = {0, 8, "0.8"},
    [CTR_ULIMIT] = {0, 9, "0.9"},
    [CTR_EXPORT] = {0, 10, "0.10"},
    [CTR_INIT] = {0, 10, "0.10"},
    [CTR_MEMORY_MINIMUM] = {0, 10, "0.10"},
    [CTR_STATUS_JSON] = {0, 10, "0.10"},
    [CTR_CAPABILITIES] = {0, 12, "0.12"},
    [CTR_PROGRESS_PLAIN] = {0, 12, "0.12"},
    [CTR_PROGRESS_FLAG] = {0, 7, "0.7"},
    [CTR_COPY] = {1, 0, "1.0"},
    [CTR_SHM_SIZE] = {1, 0, "1.0"},
    [CTR_INSPECT_ERROR] = {1, 0, "1.0"},
};
_Static_assert(MT_ARRAY_LEN(floors) == CTR_FEATURE_COUNT, "every feature has its first version");

/* Is v at least major.minor? */
static bool at_least(const int v[3], int major, int minor)
{
    return v[0] > major || (v[0] == major && v[1] >= minor);
}

bool ctr_version_has(const int version[3], enum ctr_feature f)
{
    return at_least(version, floors[f].major, floors[f].minor);
}

bool ctr_version_is_usable(const int version[3])
{
    return at_least(version, CTR_OLDEST_MAJOR, CTR_OLDEST_MINOR);
}

const char *ctr_feature_since(enum ctr_feature f)
{
    return floors[f].text;
}

bool ctr_parse_version(const char *text, int version[3])
{
    for (const char *p = text; *p; p++) {
        bool begins = *p >= '0' && *p <= '9' && (p == text || strchr(" \tv\"", p[-1]));
        int n[3] = {0, 0, 0};
        if (begins && sscanf(p, "%5d.%5d.%5d", &n[0], &n[1], &n[2]) >= 2) {
            memcpy(version, n, sizeof(n));
            return true;
        }
    }
    return false;
}
