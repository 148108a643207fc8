/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VIEWS_BOARD_H
#define MT_TUI_VIEWS_BOARD_H

/* How the rows of operations and tasks are drawn, for the view of all of them and for the panel under the list. */

#include "tui/app.h"
#include "tui/oplist.h"

/* Where the parts of a row stand: columns from its left edge; 0 wide: there is no room for it. */
struct board_columns {
    int place, place_w, name, name_w, state, state_w, restarts_w, ports, ports_w, time, time_w, last, last_w;
};
/* The widest of each among the rows in view; 0: there is none. */
struct board_widths {
    int place, name, state, ports;
    bool restarts;
};
/* What one task needs. */
void board_measure(const struct app *app, const struct session_info *task, struct board_widths *widths);
/* For rows of `w` columns. */
struct board_columns board_columns(int w, const struct board_widths *widths);
/* A row's ground: selected or not, in a dialog. */
struct style board_ground(const struct app *app, bool on);
void board_head(const struct app *app, struct surface *s, struct rect r, const struct board_columns *c);
void board_task(const struct app *app, struct surface *s, struct rect r, const struct board_columns *c,
                const struct session_info *task, bool on);
/* `place_w`: columns of the sandbox's name. */
void board_op(const struct app *app, struct surface *s, struct rect r, int place_w, const struct oplist_row *op,
              bool on);

#endif
