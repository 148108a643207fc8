/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_HINTS_H
#define MT_TUI_HINTS_H

/* Which key hints fit in the bottom line. Pure: widths in, places out. */

#include <stdbool.h>
#include <stddef.h>

struct hint {
    const char *chord, *label;
    int rank; /* smaller stays longer; 0 is never dropped (the way to all keys) */
    bool off; /* greyed: cannot be done now */
};
struct hint_place {
    size_t index; /* into the hints given */
    int x;        /* column of the chord; the label stands one blank after it */
};

/* Columns of one hint without the gap that follows. */
int hints_width(const struct hint *h);
/* Chooses hints of the best ranks (greyed ones go first) that fit in `width` columns with two blanks between, in the
 * given order. `out` has room for `count`. Returns how many were placed. */
size_t hints_fit(const struct hint *hints, size_t count, int width, struct hint_place *out);

#endif
