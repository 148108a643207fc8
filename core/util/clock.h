/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_CLOCK_H
#define MT_CORE_UTIL_CLOCK_H

/* Time. MUTHR_TUI_FAKE_TIME (seconds since the epoch), when set, freezes the wall clock for golden screens; the
 * monotonic clock always runs. */

#include <stddef.h>
#include <stdint.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_ns(void);
uint64_t clock_wall_ms(void);
/* "2026-11-21T10:00:00Z" */
void clock_iso8601(uint64_t wall_ms, char out[32]);
/* Local "14:02". */
void clock_hhmm(uint64_t wall_ms, char out[8]);
/* Short elapsed time: "0.3 s", "12s", "2m", "1h02", "3d". `cap` >= 12. */
void clock_short(uint64_t ms, char *out, size_t cap);
/* "1:12", "1:02:03". */
void clock_mmss(uint64_t ms, char *out, size_t cap);

#endif
