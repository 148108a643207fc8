/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/layout.h"

#include "core/util/compiler.h"

#define SIDE_BY_SIDE_COLS 100
#define LIST_MIN 24
#define MAIN_MIN 40
#define PANEL_LEAST_LIST 12 /* a list of fewer rows has no panel below it */
/* The list of its own accord: so wide up to these columns, then growing with the screen. */
#define LIST_OWN 34
#define LIST_OWN_COLS 120
#define LIST_OWN_MAX 48

/* The list's width where both are shown: what was asked for, within what leaves a usable terminal beside it. */
static int clamp_list(int wanted, int cols)
{
    if (wanted <= 0) {
        wanted = MT_MAX(LIST_OWN, MT_MIN(LIST_OWN + (cols - LIST_OWN_COLS) * 14 / 80, LIST_OWN_MAX));
    }
    int most = MT_MAX(LIST_MIN, MT_MIN(cols / 2, cols - 1 - MAIN_MIN));

    return MT_MAX(LIST_MIN, MT_MIN(wanted, most));
}

/* The panel of tasks takes the list's last rows: never more than a third, none where the list is short already. */
static void dock_tasks(struct layout *out, int tasks)
{
    int rows = MT_MIN(tasks + 1, out->list.h / 3);
    if (tasks <= 0 || out->list.h < PANEL_LEAST_LIST) {
        return;
    }
    out->list.h -= rows;
    out->tasks = (struct rect){out->list.x, out->list.y + out->list.h, out->list.w, rows};
}

void layout_compute(struct layout *out, const struct layout_in *in)
{
    int cols = MT_MAX(in->cols, 0), rows = MT_MAX(in->rows, 0);
    int body = rows - 2; /* between top bar and bottom line */

    *out = (struct layout){0};
    if (cols < LAYOUT_MIN_COLS || rows < LAYOUT_MIN_ROWS) {
        out->too_small = true;
        return;
    }
    out->top = (struct rect){0, 0, cols, 1};
    out->bottom = (struct rect){0, rows - 1, cols, 1};
    out->side_by_side = cols >= SIDE_BY_SIDE_COLS && !in->zoom;
    if (out->side_by_side) {
        int list = clamp_list(in->list_width, cols);
        out->list = (struct rect){0, 1, list, body};
        out->divider = (struct rect){list, 1, 1, body};
        out->main_title = (struct rect){list + 1, 1, cols - list - 1, 1};
        out->main = (struct rect){list + 1, 2, cols - list - 1, body - 1};
        dock_tasks(out, in->tasks);
        return;
    }
    if (in->zoom || in->focus_main) {
        out->main_title = (struct rect){0, 1, cols, 1};
        out->main = (struct rect){0, 2, cols, body - 1};
    } else {
        out->list = (struct rect){0, 1, cols, body};
        dock_tasks(out, in->tasks);
    }
}
