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
/* For rows of `w` columns, the widest place and name, and whether there are restarts and ports to be told of. */
struct board_columns board_columns(int w, int place, int name, bool restarts, int ports);
/* A row's ground: selected or not, in a dialog. */
struct style board_ground(const struct app *app, bool on);
void board_head(const struct app *app, struct surface *s, struct rect r, const struct board_columns *c);
void board_task(const struct app *app, struct surface *s, struct rect r, const struct board_columns *c,
                const struct session_info *task, bool on);
/* `place_w`: columns of the sandbox's name. */
void board_op(const struct app *app, struct surface *s, struct rect r, int place_w, const struct oplist_row *op,
              bool on);

#endif
