/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

uint64_t clock_mono_ns(void)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0) {
        MT_BUG("no monotonic clock");
    }
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_mono_ms(void)
{
    return clock_mono_ns() / 1000000u;
}

uint64_t clock_wall_ms(void)
{
    const char *fake = getenv("MUTHR_TUI_FAKE_TIME");
    if (fake && *fake >= '0' && *fake <= '9') {
        char *end;
        errno = 0;
        unsigned long long s = strtoull(fake, &end, 10);
        if (errno == 0 && *end == '\0' && s <= UINT64_MAX / 1000) {
            return (uint64_t)s * 1000;
        }
    }
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0 || ts.tv_sec < 0) {
        return 0;
    }
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void clock_iso8601(uint64_t wall_ms, char out[32])
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        (void)str_copy(out, 32, "?");
    }
}

void clock_hhmm(uint64_t wall_ms, char out[8])
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (!localtime_r(&t, &tm) || strftime(out, 8, "%H:%M", &tm) == 0) {
        (void)str_copy(out, 8, "?");
    }
}

void clock_short(uint64_t ms, char *out, size_t cap)
{
    uint64_t s = ms / 1000;
    int rc;
    if (s < 10) {
        /* Integers, not %f: the decimal point must not follow the locale. */
        rc = str_format(out, cap, "%" PRIu64 ".%" PRIu64 " s", s, ms % 1000 / 100);
    } else if (s < 60) {
        rc = str_format(out, cap, "%" PRIu64 "s", s);
    } else if (s < 3600) {
        rc = str_format(out, cap, "%" PRIu64 "m", s / 60);
    } else if (s < 86400) {
        rc = str_format(out, cap, "%" PRIu64 "h%02" PRIu64, s / 3600, s / 60 % 60);
    } else {
        rc = str_format(out, cap, "%" PRIu64 "d", MT_MIN(s / 86400, (uint64_t)999999999));
    }
    (void)rc;
}

void clock_mmss(uint64_t ms, char *out, size_t cap)
{
    uint64_t s = ms / 1000;
    if (s < 3600) {
        (void)str_format(out, cap, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
    } else {
        (void)str_format(out, cap, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
    }
}
