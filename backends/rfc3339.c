/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/rfc3339.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

uint64_t rfc3339_parse(const char *text)
{
    struct tm tm = {0};
    int n = 0, year = 0, month = 0, millis = 0, off_h = 0, off_m = 0;
    if (!text ||
        sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &year, &month, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
               &n) != 6 ||
        n == 0 || year < 1970) {
        return 0;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    const char *p = text + n;
    if (*p == '.') {
        for (int digit = 100; isdigit((unsigned char)*++p); digit /= 10) {
            millis += (*p - '0') * digit;
        }
    }
    p += *p == ' ';
    if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d", &off_h, &off_m) != 2) {
        sscanf(p + 1, "%2d%2d", &off_h, &off_m);
    }
    int64_t offset = (off_h * 60 + off_m) * 60 * (*p == '-' ? -1 : 1);
    int64_t seconds = (int64_t)timegm(&tm) - offset;
    return seconds > 0 ? (uint64_t)seconds * 1000 + (uint64_t)millis : 0;
}
