/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_FEATURES_H
#define MT_BACKENDS_CONTAINER_FEATURES_H

/* Which version of Apple's `container` can do what, as data. Pure. Source: the commands' sources at each tag. */

#include <stdbool.h>

enum ctr_feature {
    CTR_NETWORK,        /* --network NAME */
    CTR_PUBLISH,        /* --publish */
    CTR_NET_NONE,       /* --network none */
    CTR_STATS,          /* stats */
    CTR_SYSTEM_VERSION, /* system version --format json */
    CTR_READ_ONLY,      /* --read-only */
    CTR_ULIMIT,         /* --ulimit */
    CTR_EXPORT,         /* export */
    CTR_INIT,           /* --init */
    CTR_MEMORY_MINIMUM, /* less than 200 MiB is refused */
    CTR_STATUS_JSON,    /* system status --format json */
    CTR_CAPABILITIES,   /* --cap-add, --cap-drop */
    CTR_PROGRESS_PLAIN, /* --progress plain; nothing at all before that */
    CTR_PROGRESS_FLAG,  /* --progress */
    CTR_COPY,           /* copy */
    CTR_SHM_SIZE,       /* --shm-size */
    CTR_INSPECT_ERROR,  /* inspect of what is not there fails; before it answers [] */
    CTR_FEATURE_COUNT
};

#define CTR_OLDEST_MAJOR 0
#define CTR_OLDEST_MINOR 6

/* Does this version have it? A version that is not known (0.0.0) has nothing. */
bool ctr_version_has(const int version[3], enum ctr_feature f);
/* Is it new enough to work with at all? */
bool ctr_version_is_usable(const int version[3]);
/* The first version with it: "0.12". */
const char *ctr_feature_since(enum ctr_feature f);
/* "container CLI version 0.6.0 (build: release, commit: 0a1b2c3)", "1.2.2", "container-apiserver version 1.2.3 (...)"
 * -> numbers. False when there are none. */
bool ctr_parse_version(const char *text, int version[3]);

#endif
