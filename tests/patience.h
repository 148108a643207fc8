/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_PATIENCE_H
#define MT_TESTS_PATIENCE_H

#include <stdint.h>
#include <stdlib.h>

/* An upper bound of time in a test, in milliseconds, times TEST_PATIENCE (1 unless set). .ci/run sets it, because its
 * machines may be slow or stand still for a while; on one's own machine the bounds are what is written. */
static inline uint64_t patience(uint64_t ms)
{
    const char *given = getenv("TEST_PATIENCE");
    uint64_t times = given != NULL ? strtoull(given, NULL, 10) : 1;

    return times > 0 ? ms * times : ms;
}

#endif
