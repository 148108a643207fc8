/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COMMAND_SPLIT_H
#define MT_TUI_COMMAND_SPLIT_H

/* What the commands about panes do. For the command table only. */

struct app;

void split_cmd_beside(struct app *app);
void split_cmd_below(struct app *app);
void split_cmd_left(struct app *app);
void split_cmd_right(struct app *app);
void split_cmd_up(struct app *app);
void split_cmd_down(struct app *app);
void split_cmd_resize_left(struct app *app);
void split_cmd_resize_right(struct app *app);
void split_cmd_resize_up(struct app *app);
void split_cmd_resize_down(struct app *app);
void split_cmd_resize_left_5(struct app *app);
void split_cmd_resize_right_5(struct app *app);
void split_cmd_resize_up_5(struct app *app);
void split_cmd_resize_down_5(struct app *app);

#endif
