/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_LAYOUT_H
#define MT_TUI_LAYOUT_H

/* Pure geometry: where each part of the cockpit goes for a size. No drawing, no state. */

#include <stdbool.h>

#include "tui/surface.h"

#define LAYOUT_MIN_COLS 40
#define LAYOUT_MIN_ROWS 10

struct layout_in {
    int cols, rows;
    int list_width; /* 0 or less: as the screen allows */
    bool zoom;
    bool focus_main;
    int tasks; /* how many there are for the panel below the list */
};
struct layout {
    bool too_small;                                                  /* below 40x10: only a notice */
    bool side_by_side;                                               /* >= 100 columns and not zoomed */
    struct rect top, list, tasks, divider, main_title, main, bottom; /* w or h 0: not shown */
};
void layout_compute(struct layout *out, const struct layout_in *in);

#endif
